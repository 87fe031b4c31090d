"""Do two thumbnails show the same page? Lays one over the other (crop and scale), then measures what still differs.

The alignment is Gauss-Newton on the sum of squared differences (Lucas and Kanade 1981; Baker and Matthews 2004), here
for the four numbers that a crop changes: scale and shift along each side. Everything is batched over pairs, since a
crop moves rows and columns separately: resampling is then two matrix products.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

Array = npt.NDArray[np.float32]

SIDE = 64
"""Side of a thumbnail in px; pages are squashed to a square."""

BLOCKS = 8
"""Differences are judged block by block, 8x8 blocks a page: a changed mouth is nothing to a whole page."""

_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
"""ITU-R BT.601 luma weights, those of Pillow's grey conversion."""

_STARTS = ((1.0, 0.0), (0.93, 0.035), (0.965, 0.0), (0.965, 0.035), (1.075, -0.0375), (1.036, 0.0), (1.036, -0.036))
"""Scale and shift along one side that the search starts from: as it is, a few per cent off both ends or off either."""

_COARSE_SIDE = SIDE // 4
"""The starts are compared at this side: the descent then begins within a pixel of the answer."""

_INSET = 5
"""Border of the reference, px, that the search leaves out: the rest lies inside the other picture for every crop that
is looked for, so white margins that only one of the two still has do not pull the alignment."""

_COARSE_INSET = 1

_SCHEDULE = ((2.0, 6), (1.0, 4), (0.0, 3))
"""Blur (standard deviation in thumbnail px) and Gauss-Newton steps of each stage, coarse to fine."""

_SCALE_LIMITS = (0.85, 1.18)
_SHIFT_LIMITS = (-0.15, 0.15)
"""A crop beyond these (fractions of a side) is another picture."""

_DAMPING = 1e-2
"""Added to the diagonal of the normal equations, whose entries are of the order 1e3: only keeps blank pages solvable."""


@dataclass(frozen=True, slots=True)
class Differences:
    """What differs between aligned pairs, one entry a pair; brightness, contrast and saturation are fitted first.

    correlation: of the grey values over the overlap, 1 is equal. block: root mean square of the grey difference in the
    worst block, in standard deviations of the page. chroma, chroma_block: root mean square of the colour difference
    over the page and in its worst block, in levels of 255.
    """

    correlation: Array
    block: Array
    chroma: Array
    chroma_block: Array


def grey(thumbnails: npt.NDArray[np.generic]) -> Array:
    """Luma [K, n, n] of RGB thumbnails [K, n, n, 3], in levels of 255."""
    return thumbnails.astype(np.float32) @ _LUMA


def halved(images: Array) -> Array:
    """Images [K, n, n] at half size, each pixel the mean of four."""
    rows = images[:, 0::2] + images[:, 1::2]
    return np.asarray(0.25 * (rows[:, :, 0::2] + rows[:, :, 1::2]), dtype=np.float32)


def crop_matrix(
    scale: npt.NDArray[np.floating], shift: npt.NDArray[np.floating], side: int = SIDE, inset: int = 0
) -> Array:
    """Linear interpolation that reads position u (0 to 1) at scale * u + shift, edges repeated.

    Returns:
        [K, side - 2 * inset, side]: one row for each position but the `inset` outermost at both ends.
    """
    at = (scale[:, None] * _positions(side, inset) + shift[:, None]) * side - 0.5
    at = np.clip(at, 0.0, side - 1 - 1e-6)
    left = np.floor(at).astype(np.intp)
    weight = at - left
    matrix = np.zeros((*at.shape, side), dtype=np.float32)
    pair, row = np.arange(at.shape[0])[:, None], np.arange(at.shape[1])[None]
    matrix[pair, row, left] = 1.0 - weight
    matrix[pair, row, left + 1] += weight
    return matrix


def resample(images: Array, crop: npt.NDArray[np.float64], inset: int = 0) -> Array:
    """Images [K, SIDE, SIDE] read through crops [K, 4] = (scale x, shift x, scale y, shift y), less the inset."""
    along_x = crop_matrix(crop[:, 0], crop[:, 1], inset=inset)
    along_y = crop_matrix(crop[:, 2], crop[:, 3], inset=inset)
    return np.asarray(along_y @ images @ along_x.transpose(0, 2, 1), dtype=np.float32)


def roughly_aligned(reference: Array, moving: Array) -> tuple[npt.NDArray[np.float64], Array]:
    """The best of the fixed starts as crops [K, 4], and the correlation [K] it gives on much reduced grey pictures."""
    target, source = _standardise(_inner(halved(halved(reference)), _COARSE_INSET)), halved(halved(moving))
    starts = np.array(_STARTS)
    size = len(starts)
    matrices = crop_matrix(starts[:, 0], starts[:, 1], _COARSE_SIDE, _COARSE_INSET)
    along_x = source[:, None] @ matrices.transpose(0, 2, 1)
    moved = matrices[None, :, None] @ along_x[:, None]
    moved = _standardise(moved.reshape(-1, *target.shape[1:])).reshape(len(target), size * size, -1)
    correlation = (moved @ target.reshape(len(target), -1, 1))[..., 0] / moved.shape[-1]
    best = correlation.argmax(axis=1)
    crop = np.concatenate([starts[best % size], starts[best // size]], axis=1)
    return crop, np.asarray(correlation.max(axis=1), dtype=np.float32)


def align(reference: Array, moving: Array) -> npt.NDArray[np.float64]:
    """The crops [K, 4] through which grey `moving` [K, n, n] looks most like grey `reference`, up to gain and bias."""
    crop, _ = roughly_aligned(reference, moving)
    for blur, steps in _SCHEDULE:
        target, source = _standardise(_inner(_blurred(reference, blur), _INSET)), _blurred(moving, blur)
        for _ in range(steps):
            crop = _step(target, source, crop)
    return crop


def differences(reference: npt.NDArray[np.uint8], moving: npt.NDArray[np.uint8]) -> Differences:
    """Align RGB thumbnails [K, n, n, 3] in pairs and measure what remains different."""
    crop = align(grey(reference), grey(moving))
    inside = _overlap(crop)
    area = inside.sum(axis=(1, 2))
    still = reference.astype(np.float32)
    moved = np.stack([resample(moving[..., c].astype(np.float32), crop) for c in range(3)], axis=-1)
    correlation, block = _grey_difference(still @ _LUMA, moved @ _LUMA, inside, area)
    chroma, chroma_block = _chroma_difference(still, moved, inside, area)
    return Differences(correlation, block, chroma, chroma_block)


def _positions(side: int = SIDE, inset: int = 0) -> npt.NDArray[np.float64]:
    return (np.arange(inset, side - inset) + 0.5) / side


def _inner(images: Array, inset: int) -> Array:
    return images[:, inset:-inset, inset:-inset]


def _blurred(images: Array, sigma: float) -> Array:
    if sigma == 0.0:
        return images
    return np.asarray(gaussian_filter1d(gaussian_filter1d(images, sigma, axis=1), sigma, axis=2), dtype=np.float32)


def _standardise(images: Array) -> Array:
    centred = images - images.mean(axis=(1, 2), keepdims=True)
    deviation = np.sqrt((centred * centred).mean(axis=(1, 2), keepdims=True))
    return np.asarray(centred / np.maximum(deviation, 1e-3), dtype=np.float32)


def _step(target: Array, source: Array, crop: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """One Gauss-Newton step: six unknowns, the crop's four and the gain and bias between the pictures."""
    moved = _standardise(resample(source, crop, _INSET))
    by_y, by_x = np.gradient(moved, axis=1) * SIDE, np.gradient(moved, axis=2) * SIDE
    at = _positions(SIDE, _INSET).astype(np.float32)
    columns = (by_x * at[None, None, :], by_x, by_y * at[None, :, None], by_y, np.ones_like(moved), moved)
    jacobian = np.stack([column.reshape(len(moved), -1) for column in columns], axis=-1)
    transposed = jacobian.transpose(0, 2, 1)
    normal = transposed @ jacobian + _DAMPING * np.eye(6, dtype=np.float32)
    right = transposed @ (target - moved).reshape(len(moved), -1, 1)
    change = np.linalg.solve(normal, right)[:, :4, 0]
    return _compose(crop, change)


def _compose(crop: npt.NDArray[np.float64], change: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    composed = np.empty_like(crop)
    for scale, shift in ((0, 1), (2, 3)):
        composed[:, scale] = np.clip(crop[:, scale] * (1.0 + change[:, scale]), *_SCALE_LIMITS)
        composed[:, shift] = np.clip(crop[:, shift] + crop[:, scale] * change[:, shift], *_SHIFT_LIMITS)
    return composed


def _overlap(crop: npt.NDArray[np.float64]) -> Array:
    """1 where the crop reads inside the picture, else 0: [K, n, n]."""
    sides = []
    for scale, shift in ((0, 1), (2, 3)):
        at = crop[:, scale : scale + 1] * _positions() + crop[:, shift : shift + 1]
        sides.append((at >= 0.0) & (at <= 1.0))
    return np.asarray(sides[1][:, :, None] & sides[0][:, None, :], dtype=np.float32)


def _worst_block(squared: Array) -> Array:
    edge = SIDE // BLOCKS
    means = squared.reshape(len(squared), BLOCKS, edge, BLOCKS, edge).mean(axis=(2, 4))
    return np.asarray(np.sqrt(means.reshape(len(squared), -1).max(axis=1)), dtype=np.float32)


def _grey_difference(still: Array, moved: Array, inside: Array, area: Array) -> tuple[Array, Array]:
    def centred(images: Array) -> Array:
        mean = (images * inside).sum(axis=(1, 2)) / area
        return np.asarray((images - mean[:, None, None]) * inside, dtype=np.float32)

    first, second = centred(still), centred(moved)
    power_1, power_2 = (first * first).sum(axis=(1, 2)), (second * second).sum(axis=(1, 2))
    cross = (first * second).sum(axis=(1, 2))
    correlation = cross / np.sqrt(np.maximum(power_1 * power_2, 1e-6))
    gain = cross / np.maximum(power_2, 1e-6)
    deviation = np.sqrt(np.maximum(power_1 / area, 1.0))
    rest = (first - gain[:, None, None] * second) / deviation[:, None, None]
    return np.asarray(correlation, dtype=np.float32), _worst_block(rest * rest)


def _chroma_difference(still: Array, moved: Array, inside: Array, area: Array) -> tuple[Array, Array]:
    weight = inside[..., None]
    first = (still - still.mean(axis=-1, keepdims=True)) * weight
    second = (moved - moved.mean(axis=-1, keepdims=True)) * weight
    power = np.maximum((second * second).sum(axis=(1, 2, 3)), 1.0)
    # A gain outside 0.5 to 2 is no longer the same page with another saturation.
    gain = np.clip((first * second).sum(axis=(1, 2, 3)) / power, 0.5, 2.0)
    squared = ((first - gain[:, None, None, None] * second) ** 2).mean(axis=-1)
    chroma = np.sqrt(squared.sum(axis=(1, 2)) / area)
    return np.asarray(chroma, dtype=np.float32), _worst_block(squared)
