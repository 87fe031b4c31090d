"""Precision and recall of a collection: how much of what was made is plausible, and how much of the truth is reached.

Kynkäänniemi, Karras, Laine, Lehtinen and Aila 2019, "Improved Precision and Recall Metric for Assessing Generative Models": a point
is inside a collection's manifold where it is as near to one of its points as that point's k-th neighbour, k = 3. Two samples of one
distribution give about 0.7, not 1: read them beside the oracle row. Both depend on n.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.errors import RequestError
from bench.metrics.features import Features, check_features, check_units
from bench.metrics.jackknife import Jackknifed, Labels, unit_sizes

NEIGHBOURS = 3
"""k of the paper."""

_LISTED = 64
"""Nearest points that are kept sorted for each point: more than a unit of pages usually takes away."""


@dataclass(frozen=True, slots=True)
class _Manifold:
    """Squared Euclidean distances within one collection [n, n], and each point's nearest ones in order, itself first."""

    within: Features
    nearest: NDArray[np.intp]

    @classmethod
    def of(cls, features: Features, neighbours: int) -> _Manifold:
        within = _squared(features, features)
        # Of two equal points, each is nearest to itself.
        np.fill_diagonal(within, -1.0)
        listed = min(len(features), max(_LISTED, neighbours + 1))
        few = np.argpartition(within, listed - 1, axis=1)[:, :listed]
        order = np.argsort(np.take_along_axis(within, few, axis=1), axis=1, kind="stable")
        return cls(within, np.take_along_axis(few, order, axis=1))

    def radii(self, keep: NDArray[np.bool_], neighbours: int) -> Features:
        """The squared distance of each kept point to its k-th kept neighbour."""
        rank = np.cumsum(keep[self.nearest], axis=1)[keep]
        listed = rank[:, -1] > neighbours
        place = (rank > neighbours).argmax(axis=1)
        chosen = self.nearest[keep, :][np.arange(len(place)), place]
        radii = self.within[keep, :][np.arange(len(place)), chosen]
        if not listed.all():
            kept = self.within[keep][:, keep][~listed]
            radii[~listed] = np.partition(kept, neighbours, axis=1)[:, neighbours]
        return np.asarray(radii)


def precision_recall(outputs: Features, truths: Features, neighbours: int = NEIGHBOURS) -> tuple[float, float]:
    """Return precision and recall, 0 to 1, of features [n, d] against true ones [m, d].

    Raises RequestError for features of two sizes, or n or m not above `neighbours`.
    """
    check_features(outputs, truths, paired=False)
    _check_count(min(len(outputs), len(truths)), neighbours)
    return _Comparison.of(outputs, truths, neighbours).shares()


def precision_recall_jackknife(
    outputs: Features, truths: Features, labels: Labels, neighbours: int = NEIGHBOURS
) -> tuple[Jackknifed, Jackknifed]:
    """Return both for features [n, d] of the same n pages, with each unit of pages left out of both sets.

    `labels` int64 [n] gives the unit of each row. Raises RequestError for unequal shapes or n not above `neighbours`.
    """
    check_features(outputs, truths, paired=True)
    check_units(outputs, labels)
    _check_count(len(outputs), neighbours)
    comparison = _Comparison.of(outputs, truths, neighbours)
    values, sizes = comparison.shares(), unit_sizes(labels)
    if len(sizes) < 2 or (len(labels) - sizes).min() <= neighbours:
        empty = np.empty(0)
        return Jackknifed(values[0], empty, sizes[:0]), Jackknifed(values[1], empty, sizes[:0])
    left = np.array([comparison.shares(labels != unit, labels != unit) for unit in range(len(sizes))])
    return Jackknifed(values[0], left[:, 0], sizes), Jackknifed(values[1], left[:, 1], sizes)


def _check_count(count: int, neighbours: int) -> None:
    if count <= neighbours:
        raise RequestError(f"precision and recall need more than {neighbours} images, not {count}: hold out more pages")


@dataclass(frozen=True, slots=True)
class _Comparison:
    """Outputs and truths with the squared distances across [n, m]."""

    outputs: _Manifold
    truths: _Manifold
    across: Features
    neighbours: int

    @classmethod
    def of(cls, outputs: Features, truths: Features, neighbours: int) -> _Comparison:
        across = _squared(outputs, truths)
        return cls(_Manifold.of(outputs, neighbours), _Manifold.of(truths, neighbours), across, neighbours)

    def shares(
        self, outputs: NDArray[np.bool_] | None = None, truths: NDArray[np.bool_] | None = None
    ) -> tuple[float, float]:
        """Precision and recall of the kept outputs and truths; None: all."""
        rows = np.ones(self.across.shape[0], dtype=bool) if outputs is None else outputs
        columns = np.ones(self.across.shape[1], dtype=bool) if truths is None else truths
        across = self.across[rows][:, columns]
        precision = (across <= self.truths.radii(columns, self.neighbours)[None, :]).any(axis=1).mean()
        recall = (across <= self.outputs.radii(rows, self.neighbours)[:, None]).any(axis=0).mean()
        return float(precision), float(recall)


def _squared(first: Features, second: Features) -> Features:
    squares = (first**2).sum(axis=1)[:, None] + (second**2).sum(axis=1)[None] - 2 * first @ second.T
    return np.asarray(np.maximum(squares, 0.0))
