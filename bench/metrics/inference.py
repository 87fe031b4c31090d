"""How networks are run for scoring: without gradients, in full float32, with the same algorithm every time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def exact_inference() -> Iterator[None]:
    """Run the block without gradients and, on CUDA, without TF32 and without algorithm search.

    TF32 keeps 10 bits of each factor and moves LPIPS in its third digit; algorithm search makes two runs differ.
    """
    with (
        torch.inference_mode(),
        torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False),
    ):
        yield
