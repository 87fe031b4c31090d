"""Counts the bytes of the tensors that are alive while something runs, on torch's "meta" device too."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class LiveBytes(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """While it is entered, counts the bytes of the tensors that operations make: alive `now`, and most at once, `peak`."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = self.peak = 0
        self._paused = False
        self._known: weakref.WeakSet[torch.UntypedStorage] = weakref.WeakSet()

    def count(self, tensors: Iterable[Any]) -> None:
        """Add the tensors among `tensors`, each storage once, until nothing refers to it any more."""
        for tensor in tensors:
            if not isinstance(tensor, Tensor) or tensor.untyped_storage() in self._known:
                continue
            storage = tensor.untyped_storage()
            self._known.add(storage)
            self.now += storage.nbytes()
            weakref.finalize(storage, self._free, storage.nbytes())
        self.peak = max(self.peak, self.now)

    def _free(self, freed: int) -> None:
        self.now -= freed

    def paused_in(self, optimisers: Iterable[torch.optim.Optimizer]) -> ExitStack:
        """Return a context in which the steps of `optimisers` are not counted.

        Fused ones make no tensors; on device "meta" there is no fused kernel, and its stand-in makes some.
        """
        hooks = ExitStack()
        for optimiser in optimisers:
            hooks.callback(optimiser.register_step_pre_hook(lambda *_: self._pause(True)).remove)
            hooks.callback(optimiser.register_step_post_hook(lambda *_: self._pause(False)).remove)
        return hooks

    def _pause(self, paused: bool) -> None:
        self._paused = paused

    def __torch_dispatch__(
        self, function: Callable[..., Any], types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = function(*args, **(kwargs or {}))
        if not self._paused:
            self.count(tree_leaves(result))
        return result
