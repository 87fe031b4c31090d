"""Quick validation scores while a cell trains: what the learning curves are drawn from. The test part is never touched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

import models
from bench.curve import COLLAPSED
from bench.metrics.colour import ciede2000
from bench.metrics.structural import psnr, ssim
from bench.prediction import batch_size, to_pixels, to_tensor

DIVERSITY_SIDE = 16
"""Side of the reduced pictures whose differences are the diversity."""


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
        self._input_diversity = diversity(self._inputs)

    def __call__(self, translator: models.Translator) -> dict[str, float]:
        """Return mean PSNR (dB), SSIM and CIEDE2000 over the chosen windows, and the diversity of the outputs.

        The last is `diversity` of the outputs over that of the inputs: near 0 where the model gives one picture whatever
        it is shown (mode collapse).
        """
        together = batch_size(*self._inputs.shape[1:3])
        parts = [
            to_pixels(translator.colorize(to_tensor(self._inputs[start : start + together], self._device)))
            for start in range(0, len(self._inputs), together)
        ]
        outputs = np.concatenate(parts)
        pairs = list(zip(outputs, self._truths, strict=True))
        return {
            "psnr": float(np.mean([psnr(output, truth) for output, truth in pairs])),
            "ssim": float(np.mean([ssim(output, truth) for output, truth in pairs])),
            "ciede2000": float(np.mean([ciede2000(output, truth) for output, truth in pairs])),
            "diversity": diversity(outputs) / self._input_diversity if self._input_diversity else 1.0,
        }


def collapse_warning(values: Mapping[str, float]) -> str | None:
    """Return the sentence that warns of mode collapse for validation scores `values`, None where nothing points to it."""
    found = values.get("diversity", 1.0)
    if found >= COLLAPSED:
        return None
    return f"mode collapse suspected: outputs differ {found:.2g} times as much as their inputs do"


def diversity(pictures: NDArray[np.uint8]) -> float:
    """Return how much pictures (uint8 [N, R, R, 3]) differ from each other, in levels of 255; 0 for a single one.

    Root mean square over all pixels, channels and pictures of the deviation from the mean picture, after the pictures
    are reduced to means, 16 to the height, so that lines shifted by a few pixels do not count as another picture.
    """
    count, height, width = pictures.shape[:3]
    block = max(1, height // DIVERSITY_SIDE)
    rows, columns = height // block, width // block
    cut = pictures[:, : rows * block, : columns * block]
    reduced = cut.reshape(count, rows, block, columns, block, 3).mean(axis=(2, 4))
    return float(np.sqrt(((reduced - reduced.mean(axis=0)) ** 2).mean()))
