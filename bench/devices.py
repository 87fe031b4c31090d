"""The device a run computes on: how it is chosen, waited for, and how much memory it used."""

from __future__ import annotations

import importlib
import os
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


def choose_fastest_convolutions() -> None:
    """Let a GPU time its convolution algorithms for every shape once and take the fastest; the same bits are not promised then."""
    torch.backends.cudnn.benchmark = True


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


class EnergyMeter:
    """Adds up what a GPU says that it drew between `start` and `pause`, in joules; None where nothing says it.

    NVIDIA's driver counts the millijoules of the whole card (NVML, nvmlDeviceGetTotalEnergyConsumption, from Volta on); the package
    nvidia-ml-py reads it, where it is installed. Other work on the same card is in the figure. `joules` is what was counted before;
    None, where nothing was counted, stays None: a part is no whole.
    """

    def __init__(self, device: str, joules: float | None = 0.0) -> None:
        self._read = _energy_counter(device) if joules is not None else None
        self.joules = joules if self._read else None
        self._started: float | None = None

    def start(self) -> None:
        """Count from here."""
        if self._read:
            self._started = self._read()

    def pause(self) -> None:
        """Stop counting."""
        if self._read and self._started is not None and self.joules is not None:
            self.joules += self._read() - self._started
            self._started = None


def _energy_counter(device: str) -> Callable[[], float] | None:
    """Return a function that reads the energy counter of a GPU in joules, None where there is none to read."""
    if not device.startswith("cuda"):
        return None
    try:
        pynvml = importlib.import_module("pynvml")
        pynvml.nvmlInit()
        handle = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{torch.cuda.get_device_properties(device).uuid}")
        pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)
    # Not installed, no driver library, or a card without the counter: the library's own errors have no common type here.
    except Exception:
        return None
    return lambda: float(pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)) / 1000.0


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
        # Read when cuBLAS is first used: its workspace decides on the order of additions.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.deterministic = True
