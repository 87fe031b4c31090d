"""Stacks of windows as scores take them: uint8 RGB [N, H, W, 3], in memory or memory-mapped, read a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.errors import RequestError

Windows = NDArray[np.uint8]


def check_windows(windows: Windows, what: str, shape: tuple[int, ...] | None = None) -> None:
    """Raise RequestError unless `windows` is uint8 [N, H, W, 3], N at least 1, and of `shape` where given."""
    if windows.dtype != np.uint8 or windows.ndim != 4 or windows.shape[-1] != 3 or len(windows) == 0:
        raise RequestError(f"{what}: scores need uint8 RGB windows [N, H, W, 3], not {windows.dtype} {windows.shape}")
    if shape is not None and windows.shape != shape:
        raise RequestError(f"{what}: shape {windows.shape} differs from the truth's {shape}; colour the same windows")


def batches(count: int, size: int) -> Iterator[slice]:
    """Yield slices that cut `count` windows into batches of `size`, the last one shorter."""
    return (slice(start, min(start + size, count)) for start in range(0, count, size))


def as_tensor(windows: Windows) -> Tensor:
    """Return windows [N, H, W, 3] as a uint8 tensor [N, 3, H, W]."""
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(windows, -1, 1)))
