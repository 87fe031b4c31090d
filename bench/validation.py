"""Quick validation scores while a cell trains: what the learning curves are drawn from. The test part is never touched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

import models
from bench.metrics.colour import ciede2000
from bench.metrics.structural import psnr, ssim
from bench.prediction import BATCH, to_pixels, to_tensor


class WindowPair(Protocol):
    """A validation window: B/W and colour, uint8 R x R x 3."""

    @property
    def bw(self) -> NDArray[np.uint8]:
        """The black-and-white window."""

    @property
    def color(self) -> NDArray[np.uint8]:
        """Its coloured original."""


class Validation:
    """Colours a fixed choice of validation windows, evenly spaced, and scores them; the same for all models."""

    def __init__(self, windows: Sequence[WindowPair], count: int, device: str) -> None:
        chosen = np.unique(np.linspace(0, len(windows) - 1, min(count, len(windows))).round().astype(int))
        self._inputs = np.stack([np.asarray(windows[index].bw) for index in chosen])
        self._truths = np.stack([np.asarray(windows[index].color) for index in chosen])
        self._device = device

    def __call__(self, translator: models.Translator) -> dict[str, float]:
        """Return mean PSNR (dB), SSIM and CIEDE2000 over the chosen windows."""
        parts = [
            to_pixels(translator.colorize(to_tensor(self._inputs[start : start + BATCH], self._device)))
            for start in range(0, len(self._inputs), BATCH)
        ]
        pairs = list(zip(np.concatenate(parts), self._truths, strict=True))
        return {
            "psnr": float(np.mean([psnr(output, truth) for output, truth in pairs])),
            "ssim": float(np.mean([ssim(output, truth) for output, truth in pairs])),
            "ciede2000": float(np.mean([ciede2000(output, truth) for output, truth in pairs])),
        }
