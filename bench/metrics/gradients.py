"""GMSD: does a colouring keep the drawing's gradients, everywhere alike? Threshold-free, with published constants.

Xue, Zhang, Mou and Bovik 2014, "Gradient Magnitude Similarity Deviation", as in the authors' code: luma of 0 to 255, averaged over
2x2 blocks, Prewitt gradients with zeros outside, the standard deviation of their similarity over the image.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

LUMA = (0.299, 0.587, 0.114)
"""ITU-R BT.601."""

STABILITY = 170.0
"""c of the paper, for values of 0 to 255."""

_PREWITT = np.array([[1.0, 0.0, -1.0]] * 3) / 3.0

Gradients = NDArray[np.float64]


def gradient_magnitude(pixels: NDArray[np.uint8]) -> Gradients:
    """Return the Prewitt gradient magnitude [H // 2, W // 2] of uint8 RGB [H, W, 3] at half size."""
    luma = pixels @ np.asarray(LUMA)
    height, width = luma.shape[0] // 2 * 2, luma.shape[1] // 2 * 2
    halved = luma[:height, :width].reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3))
    across = ndimage.convolve(halved, _PREWITT, mode="constant")
    down = ndimage.convolve(halved, _PREWITT.T, mode="constant")
    return np.asarray(np.hypot(across, down))


def gmsd_of_gradients(output: Gradients, truth: Gradients) -> float:
    """Return the deviation of two gradient magnitudes of one shape: 0 for equal ones."""
    similarity = (2 * output * truth + STABILITY) / (output**2 + truth**2 + STABILITY)
    # The authors' std2 divides by n - 1.
    return float(similarity.std(ddof=1))


def gmsd(output: NDArray[np.uint8], truth: NDArray[np.uint8]) -> float:
    """Return the gradient magnitude similarity deviation of two uint8 RGB images [H, W, 3]: 0 for equal, up to about 0.35."""
    return gmsd_of_gradients(gradient_magnitude(output), gradient_magnitude(truth))
