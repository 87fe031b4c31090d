"""How much memory a network's features take at their peak, found without computing or allocating any of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


def peak_activations(network: nn.Module, channels: int, height: int, width: int) -> int:
    """Return bytes: the most that is alive at one moment of a forward pass in float32, weights left out.

    The network runs on torch's "meta" device, which knows shapes alone, for one image [1, channels, height, width]. What
    a convolution needs beside its input and output is not in it.
    """
    tensors = {**dict(network.named_parameters()), **dict(network.named_buffers())}
    shapes = {name: torch.empty_like(tensor, device="meta") for name, tensor in tensors.items()}
    with torch.no_grad(), _LiveMemory() as memory:
        image = torch.empty(1, channels, height, width, device="meta")
        torch.func.functional_call(network, shapes, (image,))
    return int(memory.peak)


class _LiveMemory(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds up the storages that are alive after every operation."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.peak = 0
        self._alive: dict[int, tuple[StorageWeakRef, int]] = {}

    def __torch_dispatch__(
        self, function: Callable[..., Any], types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = function(*args, **(kwargs or {}))
        self._alive = {key: entry for key, entry in self._alive.items() if not _is_freed(entry[0])}
        for leaf in tree_leaves(result):
            if isinstance(leaf, torch.Tensor):
                storage = leaf.untyped_storage()
                reference = StorageWeakRef(storage)  # type: ignore[no-untyped-call]
                self._alive[reference.cdata] = (reference, storage.nbytes())
        self.peak = max(self.peak, sum(size for _, size in self._alive.values()))
        return result


def _is_freed(reference: StorageWeakRef) -> bool:
    return bool(reference.expired())  # type: ignore[no-untyped-call]
