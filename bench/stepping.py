"""One training step, as fast as device and model allow: on a GPU it is compiled, recorded once as a CUDA graph and then replayed.

At batch 1 a step is some thousand small kernels, which Python starts more slowly than a GPU does them; a graph starts them all at
once. The kernels, their order and their random numbers are those of the plain step. The first steps of a process run plainly:
they compile the networks (compiling.py) where that is asked for, choose convolution algorithms and make what the optimisers keep.
They train like any other, and are timed apart.

Source: torch's notes on CUDA graphs, "whole-network capture".
"""

from __future__ import annotations

import logging
import time
import warnings
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

import models
from bench.compiling import CompiledNetworks, CompilerError, Losses, compilable
from bench.devices import autocast, reset_memory

_log = logging.getLogger("bench")

PLAIN_STEPS = 3
"""Steps before the recording, as torch's notes ask for."""

MOST_AHEAD = 2
"""Steps that may be queued on the GPU: more would only hide where the time goes."""


class Stepper:
    """Does the training steps of one translator; `warm` says whether the next one costs what all later ones do."""

    def __init__(self, translator: models.Translator, device: str, precision: str, *, compiles: bool = False) -> None:
        """Get ready to train `translator`; `compiles`: with compiled networks, where `compilable` says that they may be."""
        self._translator = translator
        self._device = device
        self._precision = precision
        self._on_gpu = device.startswith("cuda")
        self._phase = -1
        self._done = 0
        self._recording: _Recording | None = None
        self._refused = not (self._on_gpu and translator.recordable)
        compiles = compiles and compilable(translator, device)
        self._compiled = CompiledNetworks(translator, device) if compiles else None
        self._queued: list[torch.cuda.Event] = []
        self.warmup_seconds = 0.0
        for optimiser in translator.optimisers().values():
            optimiser.register_step_post_hook(_forget_rounded_weights)

    @property
    def warm(self) -> bool:
        """Whether plain steps are over and, where it can be had, the recording is there."""
        return not self._on_gpu or (self._done >= PLAIN_STEPS and (self._recording is not None or self._refused))

    @property
    def recorded(self) -> bool:
        """Whether steps are replayed."""
        return self._recording is not None

    @property
    def kind(self) -> str:
        """How steps are done: "plain", "recorded", "compiled" or "compiled, recorded"."""
        done = [word for word, is_so in (("compiled", self._compiled), ("recorded", self._recording)) if is_so]
        return ", ".join(done) or "plain"

    def begin(self, progress: float) -> None:
        """Get ready for a step at `progress` (0 to below 1); a new phase of training is warmed up anew."""
        self._translator.set_progress(progress)
        phase = sum(progress >= phase.begins for phase in self._translator.phases())
        if phase != self._phase:
            self._phase, self._done, self._recording = phase, 0, None
            self._queued.clear()

    def step(self, bw: Tensor, color: Tensor) -> Losses:
        """Do one training step on `bw` and `color` [N, 3, R, R] in [-1, 1]; returns its losses as detached scalars."""
        if not self._on_gpu:
            return self._plain_step(bw, color)
        if not self.warm:
            return self._warm_up(bw, color)
        losses = self._recording.replay(bw, color) if self._recording else self._plain_step(bw, color)
        self._note_queued()
        return losses

    def wait_for_room(self) -> bool:
        """Wait until few steps are queued on the device; returns whether it then has something to do."""
        if not self._queued:
            return False
        if len(self._queued) >= MOST_AHEAD:
            self._queued.pop(0).synchronize()
        return self.busy

    @property
    def busy(self) -> bool:
        """Whether the device still works on earlier steps; a CPU never does."""
        return bool(self._queued) and not self._queued[-1].query()  # type: ignore[no-untyped-call]

    def _note_queued(self) -> None:
        event = torch.cuda.Event()  # type: ignore[no-untyped-call]
        event.record(torch.cuda.current_stream(self._device))
        self._queued = [*self._queued[1 - MOST_AHEAD :], event]

    def _plain_step(self, bw: Tensor, color: Tensor) -> Losses:
        with self._networks_compiled(), autocast(self._device, self._precision):
            return self._translator.train_step(bw, color)

    def _networks_compiled(self) -> AbstractContextManager[None]:
        return self._compiled.entered() if self._compiled else nullcontext()

    def _first_step(self, bw: Tensor, color: Tensor) -> Losses:
        """Do the step that compiles; where the compiler fails, do it as the networks are written."""
        if self._compiled:
            try:
                return self._compiled.first_step(lambda: self._plain_step(bw, color))
            except CompilerError as failure:
                reason = str(failure)
            self._compiled = None
            _log.warning(
                "%s: its networks cannot be compiled here and run as they are written (%s)",
                self._translator.name,
                reason,
            )
        return self._plain_step(bw, color)

    def _warm_up(self, bw: Tensor, color: Tensor) -> Losses:
        started = time.perf_counter()
        # On a stream of its own, since gradients are added up on the stream that first made them.
        stream = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(stream), _Waits() as waits:
            losses = self._plain_step(bw, color) if self._done else self._first_step(bw, color)
        torch.cuda.synchronize(self._device)
        self._done += 1
        if self._done == PLAIN_STEPS:
            # Trying convolution algorithms takes several times the memory that training does.
            reset_memory(self._device)
            if not self._refused:
                self._record(bw, color, waits=waits.found)
        self.warmup_seconds += time.perf_counter() - started
        return losses

    def _record(self, bw: Tensor, color: Tensor, *, waits: bool) -> None:
        if waits:
            self._refuse("it waits for the device")
            return
        try:
            with torch.cuda.device(self._device), self._networks_compiled():
                self._recording = _Recording(self._translator, self._device, self._precision, bw, color)
        # Of compiled networks too, whose compiler raises what it likes.
        except Exception as error:
            torch.cuda.synchronize(self._device)
            generator = torch.cuda.default_generators[torch.device(self._device).index or 0]
            # A recording that broke off leaves the generator of random numbers as part of it.
            generator.graphsafe_set_state(generator.clone_state())
            self._refuse(" ".join(str(error).split())[:200])

    def _refuse(self, reason: str) -> None:
        """Go on plainly: a graph is an optimisation, without it the step is the same, and slower."""
        self._refused = True
        _log.warning(
            "%s: its step cannot be recorded as a CUDA graph and runs plainly (%s)", self._translator.name, reason
        )


def _forget_rounded_weights(*_: object) -> None:
    """Drop what autocast keeps of weights in bfloat16 through a whole step: an update has made them others."""
    torch.clear_autocast_cache()


_KNOWN_WARNINGS = ("Synchronization debug mode is a prototype", "TensorFloat32 tensor cores")
"""Of the mode itself, and that float32 could be less exact: "fp32" is float32 here."""


class _Waits:
    """While it is entered, notices whether something waits for the GPU, which a recording cannot hold."""

    def __enter__(self) -> _Waits:
        self.found = False
        self._before = torch.cuda.get_sync_debug_mode()
        self._caught = warnings.catch_warnings(record=True)
        self._warnings = self._caught.__enter__()
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        return self

    def __exit__(self, *_: object) -> None:
        torch.cuda.set_sync_debug_mode(self._before)
        self._caught.__exit__(None, None, None)
        for warning in self._warnings or ():
            said = str(warning.message)
            if "synchronizing CUDA operation" in said:
                self.found = True
            elif not any(known in said for known in _KNOWN_WARNINGS):
                warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)


class _Recording:
    """A training step as a CUDA graph, with the places that it reads its batch from and writes its losses to."""

    def __init__(self, translator: models.Translator, device: str, precision: str, bw: Tensor, color: Tensor) -> None:
        self._pools = tuple(translator.image_pools().values())
        self._bw, self._color = bw.clone(), color.clone()
        self._graph = torch.cuda.CUDAGraph()
        for optimiser in translator.optimisers().values():
            optimiser.zero_grad(set_to_none=True)
        with torch.cuda.graph(self._graph), autocast(device, precision):
            losses = translator.train_step(self._bw, self._color)
            self._losses = torch.stack([value.float().reshape(()) for value in losses.values()])
        self._names = tuple(losses)

    def replay(self, bw: Tensor, color: Tensor) -> Losses:
        """Do the step on another batch of the same shape."""
        self._bw.copy_(bw)
        self._color.copy_(color)
        for pool in self._pools:
            pool.draw(len(bw))
        self._graph.replay()
        return dict(zip(self._names, self._losses.clone().unbind(), strict=True))
