"""Reference rows that need no network: the truth as output, the input passed through, the input in the mean colour.

They say what the scores mean: the best there is, and what colouring nothing or one colour everywhere gives.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from skimage.color import lab2rgb, rgb2lab

MOST_PAGES = 500
"""Training pages from which the mean chroma is taken, evenly spaced; the mean moves little beyond."""


class ColourPages(Protocol):
    """Coloured pages by index, uint8 H x W x 3."""

    def __len__(self) -> int:
        """How many pages there are."""

    def color(self, at: int) -> NDArray[np.uint8]:
        """The page."""


def mean_chroma(pages: ColourPages) -> tuple[float, float]:
    """Return the mean a* and b* (CIELAB, D65) over all pixels of the training pages, at most 500 of them."""
    total, pixels = np.zeros(2), 0
    for index in range(0, len(pages), -(-len(pages) // MOST_PAGES)):
        chroma = rgb2lab(pages.color(index))[..., 1:]
        total += chroma.sum(axis=(0, 1))
        pixels += chroma.shape[0] * chroma.shape[1]
    return float(total[0] / pixels), float(total[1] / pixels)


def colour_with_mean_chroma(window: NDArray[np.uint8], chroma: tuple[float, float]) -> NDArray[np.uint8]:
    """Return `window` (uint8 H x W x 3) with its own lightness L* and the same a*, b* everywhere, clipped to sRGB."""
    lab = rgb2lab(window)
    lab[..., 1], lab[..., 2] = chroma
    return np.asarray(np.rint(np.clip(lab2rgb(lab), 0.0, 1.0) * 255.0)).astype(np.uint8)


def outputs_of(
    row: str, inputs: NDArray[np.uint8], truths: NDArray[np.uint8], chroma: tuple[float, float]
) -> NDArray[np.uint8]:
    """Return what the reference row `row` gives for `inputs`: uint8 N x H x W x 3; `row` is one of the untrained rows."""
    if row == "oracle":
        return truths
    if row == "copy":
        return inputs
    return np.stack([colour_with_mean_chroma(window, chroma) for window in inputs])
