"""Features of a set of images as the distances of sets take them: float64 [images, dimensions]."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.errors import RequestError

Features = NDArray[np.float64]


def check_features(first: Features, second: Features, *, paired: bool) -> None:
    """Raise RequestError unless both sets have two images or more and features of one size; and, if `paired`, equal counts."""
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1]:
        raise RequestError(f"features of {first.shape} and {second.shape} cannot be compared: give [n, d] and [m, d]")
    if min(len(first), len(second)) < 2:
        raise RequestError("a distance of sets needs at least 2 images in each set: hold out more pages")
    if paired and len(first) != len(second):
        raise RequestError(f"sets of the same pages need equal numbers of images, not {len(first)} and {len(second)}")


def check_units(features: Features, labels: NDArray[np.int64]) -> None:
    """Raise RequestError unless there is one unit label for each image."""
    if labels.shape != (len(features),):
        raise RequestError(
            f"a grouped jackknife needs one unit an image: {len(labels)} units for {len(features)} images"
        )
