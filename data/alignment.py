"""Does a B/W picture lie on its colour page? Measured on the edges of reduced pictures.

B/W and colour share neither tones nor contrasts: a line drawing is white where its page is painted, screentone is dots.
What they share is where things end. Both pictures are reduced, which melts dots into tone, and turned into maps of
edges: the root of the largest gradient of any channel, less its blurred self, so that busy places weigh as much as calm
ones. The correlation of the two maps over all shifts (by Fourier transform) peaks at the shift. Whether the two show
the same drawing at all is judged block by block, since pages of one comic share their frames and gutters, which fill
some blocks, but not what is drawn in the others: the 30th percentile of the blocks' correlation decides. It is taken of
the edges and of the grey values less their blurred selves, and the greater one counts: thresholded pages have few edges
in common with their colour but many darks.

Measured, with luma, XDoG lines (fine, usual, broad), screentone (usual and coarse) and thresholds (at 80, 128 and 170 of
255, and local) as B/W of 118 Pepper&Carrot pages, the ink of 49 drawings and of 700 icons, and 60 drawn pages: no alarm
in 1,989 good pairs (lowest agreement 0.15, of darks thresholded at 80; else 0.27). Of 428 of them, shifted by 0.5 %, one
raises an alarm; shifted by 2 % of a side, all do. Pages that were given the partner of another page of their series are
found in all of 576 cases; icons and frames of one movement, which resemble each other, in 97 % of 672.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import fft
from scipy.ndimage import gaussian_filter

from data.pair import Pixels

SHORT_SIDE, MOST_ASPECT = 180, 4
"""Short side of the reduced pictures in px; of strips, the long side has at most this many times as much."""

LEAST_SIDE = 48
"""Pictures with a shorter side, px, are not judged."""

LEAST_SHIFT = 0.01
"""Shifts of less than this share of the height or width are none: scans and resizes leave as much."""

LARGEST_SHIFT = 0.15
"""Shifts are looked for up to this share of the height and width."""

SHIFT_GAIN = 1.25
"""A shift counts if the maps correlate this many times better than unshifted. Measured: from 1.3 at a shift of 2 %."""

SHIFT_IMPROVEMENT = 0.15
"""A shift counts if it raises the agreement by as much. Measured: by 0.3 and more at a shift of 2 %; a striped icon, of
which only every other stripe has an outline, correlates better shifted but agrees worse."""

LEAST_AGREEMENT = 0.12
"""The 30th percentile of the blocks' correlation in pictures of one drawing."""

_PERCENTILE = 30
_BLOCKS = 10
"""Blocks along the long side."""
_LEAST_ENERGY = 0.1
"""Blocks with less than this share of the mean energy of either map have nothing to compare."""
_LEAST_BLOCKS = 4
_EDGE_SIGMA, _CALM_SIGMA = 1.0, 4.0
"""Standard deviations in reduced px of the blur before gradients are taken, and of the blur that is subtracted."""
_BLANK = 0.3
"""A picture with a smaller mean gradient, levels of 255 a px, shows nothing."""

Map = npt.NDArray[np.float32]
Verdict = Literal["aligned", "shifted", "different", "unknown"]


@dataclass(frozen=True, slots=True)
class Alignment:
    """What was found.

    Attributes:
        verdict: "aligned"; "shifted"; "different": another drawing, or another crop or scale; "unknown": too small or
            too empty to tell.
        down, right: how far the B/W picture must be moved to lie on the colour page, as shares of height and width.
        agreement: what `LEAST_AGREEMENT` is compared with; 0 where unknown.
    """

    verdict: Verdict
    down: float = 0.0
    right: float = 0.0
    agreement: float = 0.0


def alignment(bw: Pixels, color: Pixels) -> Alignment:
    """Compare a B/W picture with its colour page, both uint8 HxWx3; sizes may differ, the aspect should not."""
    if min(*bw.shape[:2], *color.shape[:2]) < LEAST_SIDE:
        return Alignment("unknown")
    size = _reduced_size(color)
    reduced = _reduced(color, size)
    greys = [_reduced(bw, size).convert("L"), reduced.convert("L")]
    edges = [_gradients(greys[0]), _gradients(reduced)]
    blank = [float(gradients.mean()) < _BLANK for gradients in edges]
    if any(blank):
        return Alignment("unknown" if all(blank) else "different")
    tones = [np.asarray(grey, dtype=np.float32) for grey in greys]
    first, second = (_Maps(_flattened(np.sqrt(e)), _flattened(t)) for e, t in zip(edges, tones, strict=True))
    return _compared(first, second)


@dataclass(frozen=True, slots=True)
class _Maps:
    edges: Map
    tones: Map


def _compared(first: _Maps, second: _Maps) -> Alignment:
    height, width = first.edges.shape
    down, right, gain = _best_shift(first.edges, second.edges)
    agreement = _agreement(first, second, down, right)
    off = max(abs(down) / height, abs(right) / width) >= LEAST_SHIFT
    if off:
        unmoved = _agreement(first, second, 0, 0)
        if gain < SHIFT_GAIN or (agreement or 0.0) < (unmoved or 0.0) + SHIFT_IMPROVEMENT:
            agreement, off, down, right = unmoved, False, 0, 0
    if agreement is None:
        return Alignment("unknown")
    if agreement < LEAST_AGREEMENT:
        return Alignment("different", agreement=agreement)
    return Alignment("shifted" if off else "aligned", down / height, right / width, agreement)


def _reduced_size(picture: Pixels) -> tuple[int, int]:
    """Width and height in px."""
    height, width = picture.shape[:2]
    scale = min(SHORT_SIDE / min(height, width), SHORT_SIDE * MOST_ASPECT / max(height, width))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _reduced(picture: Pixels, size: tuple[int, int]) -> Image.Image:
    smaller = size[0] <= picture.shape[1] and size[1] <= picture.shape[0]
    filter_ = Image.Resampling.BOX if smaller else Image.Resampling.BICUBIC
    return Image.fromarray(picture).resize(size, filter_)


def _gradients(image: Image.Image) -> Map:
    """The largest gradient of any channel, levels a px: float32 HxW."""
    pixels = np.atleast_3d(np.asarray(image, dtype=np.float32))
    largest = np.zeros(pixels.shape[:2], dtype=np.float32)
    for channel in range(pixels.shape[2]):
        by_y, by_x = np.gradient(gaussian_filter(pixels[:, :, channel], _EDGE_SIGMA))
        np.maximum(largest, np.hypot(by_y, by_x), out=largest)
    return largest


def _flattened(gradients: Map) -> Map:
    return np.asarray(gradients - gaussian_filter(gradients, _CALM_SIGMA, mode="nearest"), dtype=np.float32)


def _best_shift(first: Map, second: Map) -> tuple[int, int, float]:
    """By how many px `first` must move down and right to lie on `second`, and how much better that is than not to move."""
    height, width = first.shape
    most_down, most_right = max(1, int(LARGEST_SHIFT * height)), max(1, int(LARGEST_SHIFT * width))
    shape = [fft.next_fast_len(height + most_down, real=True), fft.next_fast_len(width + most_right, real=True)]
    product = np.conj(fft.rfft2(first, shape)) * fft.rfft2(second, shape)
    correlation = np.roll(fft.irfft2(product, shape), (most_down, most_right), (0, 1))
    correlation = correlation[: 2 * most_down + 1, : 2 * most_right + 1]
    row, column = np.unravel_index(int(correlation.argmax()), correlation.shape)
    unmoved = correlation[most_down - 1 : most_down + 2, most_right - 1 : most_right + 2].max()
    gain = float(correlation[row, column]) / max(float(unmoved), 1e-6)
    return int(row) - most_down, int(column) - most_right, gain


def _overlap(first: Map, second: Map, down: int, right: int) -> tuple[Map, Map]:
    height, width = first.shape
    moved = first[max(0, -down) : height - max(0, down), max(0, -right) : width - max(0, right)]
    still = second[max(0, down) : height - max(0, -down), max(0, right) : width - max(0, -right)]
    return moved, still


def _agreement(first: _Maps, second: _Maps, down: int, right: int) -> float | None:
    """Of edges or of tones, the greater; None where neither can be judged."""
    pairs = (first.edges, second.edges), (first.tones, second.tones)
    found = [_block_agreement(*_overlap(*pair, down, right)) for pair in pairs]
    return max((value for value in found if value is not None), default=None)


def _block_agreement(first: Map, second: Map) -> float | None:
    """The percentile of the correlation of all blocks in which both maps hold something; None if those are too few."""
    powers = [_block_sums(first * first), _block_sums(second * second)]
    held = np.logical_and(*(power > _LEAST_ENERGY * power.mean() for power in powers))
    if held.sum() < _LEAST_BLOCKS:
        return None
    correlation = _block_sums(first * second)[held] / np.sqrt(powers[0][held] * powers[1][held])
    return float(np.percentile(correlation, _PERCENTILE))


def _block_sums(values: Map) -> npt.NDArray[np.float64]:
    starts = []
    for side in values.shape:
        blocks = max(2, round(_BLOCKS * side / max(values.shape)))
        starts.append(np.arange(blocks) * side // blocks)
    rows = np.add.reduceat(values.astype(np.float64), starts[0], axis=0)
    return np.asarray(np.add.reduceat(rows, starts[1], axis=1))
