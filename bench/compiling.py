"""The networks of a translator, compiled for a GPU by TorchInductor: the same step in fewer, larger kernels.

At batch 1 most of a step's kernels are small ones between convolutions: casts, normalisation, activations, padding. Compiled, they
are merged. Sums are then rounded elsewhere, and dropout draws other masks from the same generator, so that the bits are others; in
deterministic mode nothing is compiled. Networks are compiled inside of `entered` alone: colouring and validation use them as they
are written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

import models

_MOST_VARIANTS = 64
"""Of a network: trained and frozen, with and without a gradient of its input. All networks share one count in torch, which is 8."""


def compilable(device: str) -> bool:
    """Whether networks on `device` may be compiled: on a GPU, where nobody asked for the same bits."""
    return device.startswith("cuda") and not torch.are_deterministic_algorithms_enabled()


class CompiledNetworks:
    """The networks of `translator`, each compiled when it is first called inside of `entered`."""

    def __init__(self, translator: models.Translator) -> None:
        # What was compiled for an earlier cell is kept on disk; here it would only count against this one.
        torch.compiler.reset()
        self._networks = tuple(translator.networks().values())
        self._calls: tuple[Callable[..., Any], ...] = tuple(
            torch.compile(network._call_impl, dynamic=False) for network in self._networks
        )

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Let calls of the networks go to what was compiled; raises whatever the compiler does."""
        # Seconds of import, for those who compile alone.
        import torch._dynamo.config
        import torch._functorch.config

        for network, call in zip(self._networks, self._calls, strict=True):
            network._compiled_call_impl = call
        try:
            # A graph may be gone back through twice (Pix2PixHD), so its buffers are not given away the first time.
            with (
                torch._dynamo.config.patch(cache_size_limit=_MOST_VARIANTS),
                torch._functorch.config.patch(donated_buffer=False),
            ):
                yield
        finally:
            for network in self._networks:
                network._compiled_call_impl = None
