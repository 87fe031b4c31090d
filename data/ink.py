"""Drawing in black: ink lines from luma, and halftone dots in fixed densities."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter, label

Luma = npt.NDArray[np.float64]
Ink = npt.NDArray[np.bool_]


def ink_lines(
    luma: Luma,
    *,
    sigma: float,
    scale_ratio: float,
    sharpness: float,
    threshold: float,
    smallest_stroke: int,
    smallest_hole: int,
) -> Ink:
    """Where XDoG puts ink: (1 + p) * G(sigma) - p * G(k * sigma) < epsilon (Winnemöller et al. 2012).

    The paper's soft threshold is taken in its limit, phi to infinity, so that the result is binary.

    Args:
        luma: HxW in 0 to 1.
        sigma: standard deviation of the finer Gaussian, px.
        scale_ratio: k.
        sharpness: p.
        threshold: epsilon, in luma.
        smallest_stroke: connected ink of at most this many px is removed.
        smallest_hole: connected white of at most this many px is filled.
    """
    fine, coarse = gaussian_filter(luma, sigma), gaussian_filter(luma, scale_ratio * sigma)
    ink = (1.0 + sharpness) * fine - sharpness * coarse < threshold
    ink = ink & ~_specks(ink, smallest_stroke)
    return np.asarray(ink | _specks(~ink, smallest_hole))


def halftone(
    luma: Luma,
    *,
    period: int,
    blur: float,
    edges: Sequence[float],
    coverages: Sequence[float],
    offset: tuple[int, int] = (0, 0),
) -> Ink:
    """Where halftone dots put ink.

    Args:
        luma: HxW in 0 to 1.
        period: px between dots of one row, even; rows of dots are half a period apart and offset by half.
        blur: standard deviation, px, of the blur that tones are chosen under.
        edges: luma at which tones change, ascending.
        coverages: share of ink of each tone, darkest first; one more than edges.
        offset: px that the grid of dots is moved down and right.
    """
    tone = np.digitize(gaussian_filter(luma, blur), edges)
    height, width = luma.shape
    cell = np.roll(_dot_ranks(period), offset, axis=(0, 1))
    rank = np.tile(cell, (height // period + 1, width // period + 1))[:height, :width]
    return np.asarray(rank < np.asarray(coverages)[tone])


def _specks(mask: Ink, largest: int) -> Ink:
    """The 8-connected parts of a mask that have at most `largest` px."""
    labels, _ = label(mask, structure=np.ones((3, 3), dtype=bool))
    sizes = np.bincount(labels.ravel())
    small = sizes <= largest
    small[0] = False
    return np.asarray(small[labels])


def _dot_ranks(period: int) -> Luma:
    """The order in which the pixels of a cell turn black, as shares (0 to 1): outwards from two dots at 45 degrees.

    A pixel and the one half a period right and down of it turn black together, so that the two dots are alike.
    """
    at = 2.0 * np.pi * np.arange(period) / period
    half = period // 2
    darkness = (np.cos(at)[:half, None] * np.cos(at)[None]).ravel()
    # Rounding makes equal what is equal by symmetry; ties then go in reading order, the same everywhere.
    order = np.argsort(-darkness.round(9), kind="stable")
    ranks = np.empty(darkness.size)
    ranks[order] = (np.arange(darkness.size) + 0.5) / darkness.size
    upper = ranks.reshape(half, period)
    return np.concatenate([upper, np.roll(upper, half, axis=1)])
