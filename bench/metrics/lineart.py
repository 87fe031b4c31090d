"""LineF1: does a colouring keep the drawn lines, and does it invent none?

A measure of this project. Dark lines are found by a black top-hat of the lightness, which answers to a line darker than both its
sides and not to the border between two fills. The lines that must be kept are those that the input and the true colouring share:
screentone dots, which a colourist removes, are in the input alone and may stay or go. So the truth and the unmodified input both
score exactly 1. Known limits: solid blacks wider than the disk have no line response, and white lines on black are not counted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.filters import apply_hysteresis_threshold
from skimage.morphology import disk, skeletonize

Mask = NDArray[np.bool_]
Lightness = NDArray[np.float64]


REFERENCE_SIDE = 256
"""Short side in px at which lengths are given."""


@dataclass(frozen=True, slots=True)
class LineSettings:
    """Numbers of the line detector; lengths in px at a short side of 256, scaled with the image.

    `low` and `high` are the hysteresis thresholds as shares of the lightness range: 5 and 12 L* steps darker than both sides.
    """

    smoothing: float = 0.7
    radius: float = 3.0
    tolerance: float = 1.5
    low: float = 0.05
    high: float = 0.12


DEFAULT = LineSettings()

LOOSE = LineSettings(low=0.03, high=0.08)
STRICT = LineSettings(low=0.10, high=0.30)
"""Other thresholds, for the question whether a ranking hangs on them: fainter lines count, and only strong ones do."""


@dataclass(frozen=True, slots=True)
class LineScore:
    """Scores in 0 to 1 and the pixel counts behind them; all three scores are NaN where there is no line to keep.

    `kept` of `to_keep` line pixels are found in the output; `allowed` of the output's `drawn` line pixels are in input or truth.
    """

    f1: float
    precision: float
    recall: float
    kept: int
    to_keep: int
    allowed: int
    drawn: int


def line_map(lightness: Lightness, settings: LineSettings = DEFAULT) -> Mask:
    """Return where the centre lines of dark lines run, bool [H, W], in an image of L* (0 to 100), float64 [H, W]."""
    return centre_lines(line_response(lightness, settings), settings)


def line_response(lightness: Lightness, settings: LineSettings = DEFAULT) -> Lightness:
    """Return by how much each pixel of L* (0 to 100), [H, W], is darker than both its sides, 0 to 1; no threshold enters."""
    scale = min(lightness.shape) / REFERENCE_SIDE
    smooth = ndimage.gaussian_filter(lightness / 100, settings.smoothing * scale, mode="reflect")
    footprint = disk(round(settings.radius * scale))  # type: ignore[no-untyped-call]
    return np.asarray(ndimage.grey_closing(smooth, footprint=footprint, mode="reflect") - smooth)


def centre_lines(response: Lightness, settings: LineSettings = DEFAULT) -> Mask:
    """Return the centre lines, bool [H, W], of what is dark enough in a `line_response`."""
    strong = apply_hysteresis_threshold(response, settings.low, settings.high)  # type: ignore[no-untyped-call]
    return np.asarray(skeletonize(strong), dtype=np.bool_)  # type: ignore[no-untyped-call]


def near(lines: Mask, tolerance: float) -> Mask:
    """Return which pixels lie within `tolerance` px (Euclidean) of a line pixel, bool [H, W]; none where there are no lines."""
    if tolerance < 1 or not lines.any():
        # Other pixels are 1 px away at least.
        return lines.copy()
    return np.asarray(ndimage.distance_transform_edt(~lines) <= tolerance, dtype=np.bool_)


@dataclass(frozen=True, slots=True)
class LineReference:
    """All that LineF1 needs of input and truth: computed once for a window, shared by every output."""

    to_keep: Mask
    allowed: Mask
    settings: LineSettings

    @classmethod
    def of(cls, source: Lightness, truth: Lightness | None, settings: LineSettings = DEFAULT) -> LineReference:
        """Return the reference of an input page and its true colouring, given as L* (0 to 100), float64 [H, W].

        Without a truth every line of the input must be kept, which punishes removing screentone: call such scores
        "input-referenced".
        """
        truth_response = None if truth is None else line_response(truth, settings)
        return cls.of_responses(line_response(source, settings), truth_response, settings)

    @classmethod
    def of_responses(
        cls, source: Lightness, truth: Lightness | None, settings: LineSettings = DEFAULT
    ) -> LineReference:
        """Return `of` from the `line_response` of both, which settings that differ in thresholds alone share."""
        tolerance = tolerance_px(source, settings)
        source_lines = centre_lines(source, settings)
        if truth is None:
            return cls(source_lines, near(source_lines, tolerance), settings)
        truth_lines = centre_lines(truth, settings)
        to_keep = source_lines & near(truth_lines, tolerance)
        return cls(to_keep, near(source_lines | truth_lines, tolerance), settings)

    def score(self, output: Lightness) -> LineScore:
        """Return how well the lines survive in an output, given as L* (0 to 100), float64 [H, W] of the reference's shape."""
        return self.score_response(line_response(output, self.settings))

    def score_response(self, response: Lightness) -> LineScore:
        """Return `score` of an output whose `line_response` is there already."""
        return self.score_lines(centre_lines(response, self.settings), tolerance_px(response, self.settings))

    def score_lines(self, lines: Mask, tolerance: float) -> LineScore:
        """Return the score of an output's line map, bool [H, W], matched within `tolerance` px."""
        drawn, to_keep = int(lines.sum()), int(self.to_keep.sum())
        kept = int((self.to_keep & near(lines, tolerance)).sum())
        allowed = int((lines & self.allowed).sum())
        if to_keep == 0:
            return LineScore(np.nan, np.nan, np.nan, kept, to_keep, allowed, drawn)
        recall = kept / to_keep
        precision = allowed / drawn if drawn else 0.0
        both = precision + recall
        f1 = 2 * precision * recall / both if both else 0.0
        return LineScore(f1, precision, recall, kept, to_keep, allowed, drawn)


def tolerance_px(lightness: Lightness, settings: LineSettings = DEFAULT) -> float:
    """Return how far a line may move in an image [H, W], in its own px."""
    return settings.tolerance * float(min(lightness.shape)) / REFERENCE_SIDE
