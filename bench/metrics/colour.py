"""Colour fidelity: CIEDE2000, chroma error and colourfulness."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from skimage.color import deltaE_ciede2000, rgb2lab

Pixels = NDArray[np.uint8]
Lab = NDArray[np.float64]


def lab(pixels: Pixels) -> Lab:
    """Return CIELAB [H, W, 3] (L* 0 to 100; D65, 2 degrees) of uint8 sRGB [H, W, 3]."""
    return np.asarray(rgb2lab(pixels), dtype=np.float64)


def ciede2000(output: Pixels, truth: Pixels) -> float:
    """Return the mean over pixels of the CIEDE2000 difference of two uint8 sRGB images [H, W, 3]."""
    return ciede2000_of_lab(lab(output), lab(truth))[0]


def ciede2000_of_lab(output: Lab, truth: Lab) -> tuple[float, float]:
    """Return mean and median over pixels of the CIEDE2000 difference of two CIELAB images [H, W, 3].

    Sharma, Wu and Dalal 2005, kL = kC = kH = 1, by scikit-image. The formula is symmetric but for rounding.
    """
    difference = np.asarray(deltaE_ciede2000(truth, output), dtype=np.float64)  # type: ignore[no-untyped-call]
    return float(difference.mean()), float(np.median(difference))


def chroma_error(output: Lab, truth: Lab) -> float:
    """Return the mean over pixels of the distance in the a*b* plane of two CIELAB images [H, W, 3]: wrong colour, not light."""
    difference = output[..., 1:] - truth[..., 1:]
    return float(np.sqrt((difference * difference).sum(axis=-1)).mean())


def colourfulness(pixels: Pixels) -> float:
    """Return the colourfulness of uint8 RGB [H, W, 3]: 0 for grey images, 85.5296 for pure red.

    Hasler and Süsstrunk 2003: sqrt(sd_rg^2 + sd_yb^2) + 0.3 sqrt(mean_rg^2 + mean_yb^2) with rg = R - G and yb = (R + G)/2 - B,
    both signed. Some published code takes their absolute values, which gives other numbers.
    """
    red, green, blue = np.moveaxis(pixels.astype(np.float64), -1, 0)
    red_green = red - green
    yellow_blue = (red + green) / 2 - blue
    spread = np.hypot(red_green.std(), yellow_blue.std())
    return float(spread + 0.3 * np.hypot(red_green.mean(), yellow_blue.mean()))


def colourfulness_difference(output: Pixels, truth: Pixels) -> float:
    """Return by how much the colourfulness of uint8 RGB `output` misses that of `truth`, in either direction."""
    return abs(colourfulness(output) - colourfulness(truth))
