"""The networks of a translator, compiled for a GPU by TorchInductor: the same step with less between its convolutions.

At batch 1 most of a step's kernels are small ones between convolutions: casts, normalisation, activations, padding. Compiled, they
are merged. Sums are then rounded elsewhere, and dropout draws other masks from the same generator, so that the bits are others; in
deterministic mode nothing is compiled. Networks are compiled inside of a step alone: colouring and validation use them as they are
written.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

import models
from bench import checkpoints
from bench.devices import is_out_of_memory, synchroniser

Losses = dict[str, Tensor]

_MOST_VARIANTS = 64
"""Of a network: trained and frozen, with and without a gradient of its input. All networks share one count in torch, which is 8."""


class CompilerError(Exception):
    """The networks cannot be compiled here; the translator is as it was."""


def compilable(translator: models.Translator, device: str) -> bool:
    """Whether the networks may be compiled: on a GPU, where nobody asked for the same bits, and steps are all alike."""
    return device.startswith("cuda") and translator.recordable and not torch.are_deterministic_algorithms_enabled()


class CompiledNetworks:
    """The networks of `translator`, compiled when they are first called inside of `entered`."""

    def __init__(self, translator: models.Translator, device: str) -> None:
        self._translator = translator
        self._device = device
        self._calls: dict[nn.Module, Callable[..., Any]] = {}

    def first_step(self, step: Callable[[], Losses]) -> Losses:
        """Do `step`, which enters and so compiles, and return its losses.

        Raises CompilerError, with the translator and the random generators as they were, for whatever the compiler raises.
        """
        before = io.BytesIO()
        torch.save((self._translator.state(), checkpoints.random_state(self._device)), before)
        try:
            return step()
        # What a compiler raises is no closed list.
        except Exception as error:
            if is_out_of_memory(error):
                raise
            reason = " ".join(str(error).split())[:200] or type(error).__name__
        # Not in the handler, whose error holds all that the broken step has computed.
        synchroniser(self._device)()
        before.seek(0)
        state, random = torch.load(before, map_location=self._device, weights_only=True)
        self._translator.load_state(state)
        checkpoints.restore_random_state(random, self._device)
        raise CompilerError(reason)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Let calls of the networks go to what was compiled; raises whatever the compiler does."""
        # Seconds of import, for those who compile alone.
        import torch._dynamo.config
        import torch._functorch.config

        if not self._calls:
            self._make_calls()
        own = {network: network._compiled_call_impl for network in self._calls}
        for network, call in self._calls.items():
            network._compiled_call_impl = call
        try:
            # A graph may be gone back through twice (Pix2PixHD), so its buffers are not given away the first time.
            with (
                torch._dynamo.config.patch(cache_size_limit=_MOST_VARIANTS),
                torch._functorch.config.patch(donated_buffer=False),
            ):
                yield
        finally:
            for network, before in own.items():
                network._compiled_call_impl = before

    def _make_calls(self) -> None:
        # What was compiled for an earlier cell is kept on disk; here it would only count against this one.
        torch.compiler.reset()
        self._calls = {
            network: torch.compile(network._call_impl, dynamic=False)
            for network in self._translator.networks().values()
        }
