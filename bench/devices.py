"""The device a run computes on: how it is chosen, waited for, and how much memory it used."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import psutil
import torch

from bench.errors import RequestError


def choose_device(wanted: str) -> str:
    """Return "cpu" or "cuda:N" for "auto", "cpu", "cuda" or "cuda:N"; raises RequestError for what is not there."""
    if wanted == "auto":
        return "cuda:0" if torch.cuda.is_available() else "cpu"
    if wanted == "cpu":
        return wanted
    name, _, index = wanted.partition(":")
    if name != "cuda" or not (index or "0").isdigit():
        raise RequestError(f"--device {wanted!r} is unknown: give auto, cpu or cuda:N")
    if int(index or 0) >= torch.cuda.device_count():
        raise RequestError(
            f"--device {wanted}: this machine has {torch.cuda.device_count()} CUDA devices; give auto or cpu"
        )
    return f"cuda:{int(index or 0)}"


def use_exact_float32() -> None:
    """Turn TF32 off, which torch uses for float32 convolutions on recent GPUs: "fp32" in a caption means float32."""
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False


def synchroniser(device: str) -> Callable[[], None]:
    """Return a function that waits until all queued work of `device` is done."""
    if device.startswith("cuda"):
        return lambda: torch.cuda.synchronize(device)
    return lambda: None


def autocast(device: str, precision: str) -> AbstractContextManager[object]:
    """Return the context in which training steps run: bfloat16 autocast for "bf16", plain float32 otherwise."""
    return torch.autocast(device.partition(":")[0], dtype=torch.bfloat16, enabled=precision == "bf16")


_OUT_OF_MEMORY = (
    "DefaultCPUAllocator", "not enough memory", "CUDA out of memory", "could not create a memory", "could not create a primitive",
)  # fmt: skip
"""What torch says; oneDNN names no reason, and a layer that it has no primitive for would have failed in torch before."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the error says that memory ran out, on the GPU or, where torch has no type of its own for it, on the CPU."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    said = str(error)
    return isinstance(error, RuntimeError) and any(sign in said for sign in _OUT_OF_MEMORY)


def memory_in_use(device: str) -> int:
    """Return bytes: on a GPU the peak that torch allocated since `reset_memory`, else this process's resident memory now."""
    if device.startswith("cuda"):
        return torch.cuda.max_memory_allocated(device)
    return int(psutil.Process().memory_info().rss)


def reset_memory(device: str) -> None:
    """Forget the peak of the cell before."""
    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats(device)


def make_deterministic(device: str) -> None:
    """Ask torch for the same bits every time, on a GPU too; operations that cannot give them raise an error."""
    torch.use_deterministic_algorithms(True)
    setattr(torch.utils.deterministic, "fill_uninitialized_memory", False)  # noqa: B010 -- a property of the module
    if device.startswith("cuda"):
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.deterministic = True
