"""Forward and back of single layers on a processor: those of models/ that train in their own way, beside torch's own.

    python benchmarks/layer_speed.py [--repeats 15]

Both take turns, on one image, in float32, with the memory that a step frees kept as in training; medians in ms.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from bench.allocator import freed_memory_kept
from models.small_images import SmallConv2d, SmallConvTranspose2d
from models.winograd import WinogradConv2d

WARMUP = 3

LAYERS: tuple[tuple[str, Callable[[], nn.Module], int, int], ...] = (
    ("residual block, 3 x 3, 256 channels", lambda: WinogradConv2d(256, 256, 3), 256, 66),
    ("patch discriminator, 4 x 4, 256 to 512", lambda: WinogradConv2d(256, 512, 4, padding=1), 256, 32),
    ("U-Net down to one pixel, 512", lambda: SmallConv2d(512, 512, 4, stride=2, padding=1), 512, 2),
    ("U-Net up from one pixel, 512", lambda: SmallConvTranspose2d(512, 512, 4, stride=2, padding=1), 512, 1),
    ("U-Net up from 2 x 2, 1024 to 512", lambda: SmallConvTranspose2d(1024, 512, 4, stride=2, padding=1), 1024, 2),
    ("U-Net up from 4 x 4, 1024 to 512", lambda: SmallConvTranspose2d(1024, 512, 4, stride=2, padding=1), 1024, 4),
)
"""What it is, the layer, and the channels and side of its input: layers of pix2pix and cyclegan at 256 px."""


def main() -> None:
    """Print a line a layer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=15)
    repeats = parser.parse_args().repeats
    with freed_memory_kept("cpu"):
        for what, make, channels, side in LAYERS:
            ours, theirs = measured(make(), torch.randn(1, channels, side, side), repeats)
            print(f"{what}: {ours:.1f} ms, torch's own {theirs:.1f} ({theirs / ours:.2f} times)", flush=True)


def measured(layer: nn.Module, image: Tensor, repeats: int) -> tuple[float, float]:
    """Return the median ms of forward and back, of the layer and of torch's own with the same weights."""
    plain = nn.Conv2d if isinstance(layer, nn.Conv2d) else nn.ConvTranspose2d
    ways = (lambda: layer(image), lambda: plain.forward(layer, image))
    image.requires_grad_()
    found: tuple[list[float], list[float]] = ([], [])
    for repeat in range(WARMUP + repeats):
        for way, seconds in zip(ways, found, strict=True):
            layer.zero_grad(set_to_none=True)
            image.grad = None
            began = time.perf_counter()
            way().sum().backward()
            if repeat >= WARMUP:
                seconds.append(time.perf_counter() - began)
    return 1000 * statistics.median(found[0]), 1000 * statistics.median(found[1])


if __name__ == "__main__":
    main()
