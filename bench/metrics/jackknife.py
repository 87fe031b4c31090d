"""Grouped jackknife: how much a score of a whole collection hangs on which pages were drawn.

Pages of one chapter resemble each other, so whole units (chapters, or blocks of pages) are left out. A bootstrap does not do here:
its duplicates shrink the effective sample, and a percentile interval of the Fréchet distance then never covers the truth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int64]
Replicates = Sequence[float] | NDArray[np.float64]
Sizes = Sequence[int] | NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Jackknifed:
    """A score, its values with each unit left out, and how many images each unit has, in the units' order.

    `replicates` and `sizes` are empty where there is only one unit; then there is no standard error.
    """

    value: float
    replicates: NDArray[np.float64]
    sizes: NDArray[np.int64]

    @property
    def standard_error(self) -> float | None:
        """The standard error of the score over units, or None with fewer than two units."""
        return jackknife_standard_error(self.value, self.replicates, self.sizes)


def jackknife_standard_error(value: float, replicates: Replicates, sizes: Sizes) -> float | None:
    """Return the standard error of `value` from leave-one-unit-out `replicates` of units of `sizes` images; None below two."""
    influence = jackknife_influence(value, replicates, sizes)
    return float(np.sqrt((influence**2).sum())) if influence.size >= 2 else None


def jackknife_influence(value: float, replicates: Replicates, sizes: Sizes) -> NDArray[np.float64]:
    """Return by how much each unit moves `value`, float64 [units], scaled so that the sum of squares is the sampling variance.

    Delete-m jackknife for unequal units, Busing, Meijer and van der Leeden 1999, equation 10; with equal units it is Tukey's
    grouped jackknife. Its pseudo-values cancel a bias that goes as 1/n, as that of the Fréchet distance does. It is linear in
    value and replicates, so that a difference of two scores over the same units has the difference of their influences.
    """
    left_out = np.asarray(replicates, dtype=np.float64)
    counts = np.asarray(sizes, dtype=np.float64)
    if left_out.size < 2:
        return np.zeros(left_out.size)
    share = counts.sum() / counts
    pseudo = share * value - (share - 1) * left_out
    centre = left_out.size * value - ((1 - 1 / share) * left_out).sum()
    return np.asarray((pseudo - centre) / np.sqrt(left_out.size * (share - 1)))


def unit_sizes(labels: Labels) -> NDArray[np.int64]:
    """Return how many images each unit has, int64 [units]."""
    return np.bincount(labels).astype(np.int64)


def merged_units(labels: Labels, most: int) -> Labels:
    """Return `labels` with neighbouring units merged until at most `most` are left, of about equal numbers of images; int64 [N].

    Larger units keep the standard error honest and cost fewer replicates.
    """
    sizes = unit_sizes(labels)
    if len(sizes) <= most:
        return labels
    middles = np.cumsum(sizes) - sizes / 2
    merged = np.floor(middles * most / sizes.sum()).astype(np.int64)
    # A unit larger than its share can leave numbers unused: close the gaps.
    return np.unique(merged, return_inverse=True)[1].astype(np.int64)[labels]
