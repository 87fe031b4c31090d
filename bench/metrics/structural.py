"""Pixel and structure fidelity: PSNR and SSIM, on 8-bit RGB."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

PSNR_CAP = 100.0
"""dB. Identical images have no finite PSNR: they, and the rare pair above it, score this, so that means stay finite.

One pixel channel wrong by one level gives 95 dB at 128 px, 101 dB at 256 px and 107 dB at 512 px."""

SSIM_LEAST_SIDE = 11
"""px: the side of the Gaussian window; smaller images have no SSIM."""


def psnr(output: NDArray[np.uint8], truth: NDArray[np.uint8]) -> float:
    """Return the peak signal-to-noise ratio in dB, at most PSNR_CAP.

    Both images are uint8 RGB [H, W, 3]; the error is averaged over pixels and channels together and the peak is 255.
    """
    difference = output.astype(np.int64) - truth
    squared_error = float(np.mean(difference * difference))
    if squared_error == 0:
        return PSNR_CAP
    return min(PSNR_CAP, 10 * math.log10(255**2 / squared_error))


def ssim(output: NDArray[np.uint8], truth: NDArray[np.uint8]) -> float:
    """Return the structural similarity of Wang et al. 2004, averaged over the R, G and B channels.

    Both images are uint8 RGB [H, W, 3] with sides of at least 11 px. 11x11 Gaussian window of sigma 1.5, population covariance,
    K1 = 0.01, K2 = 0.03, borders of 5 px cropped: the authors' definition, which scikit-image's default call is not.
    """
    return float(
        structural_similarity(  # type: ignore[no-untyped-call]
            output,
            truth,
            data_range=255,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            channel_axis=-1,
        )
    )
