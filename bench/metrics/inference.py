"""How networks are run for scoring: in full float32 with the same algorithm every time, many windows at once on many cores."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import torch


def available_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def exact_workers(device: torch.device, workers: int) -> Iterator[ThreadPoolExecutor]:
    """Yield a pool of `workers` threads in which networks give the same bits however many threads there are.

    Each job keeps to one core, so that no sum is split between threads, and jobs do not wait for each other at every layer.
    On CUDA, TF32 is off (it keeps 10 bits of each factor), and so is the search for algorithms. The settings are the process's
    own, restored at the end: do not nest. What is queued at an exception is dropped.
    """
    threads = torch.get_num_threads()
    pool = ThreadPoolExecutor(workers)
    try:
        torch.set_num_threads(1)
        if device.type == "cuda":
            with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
                yield pool
        else:
            yield pool
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)
