"""Precision and recall of a collection: how much of what was made is plausible, and how much of the truth is reached.

Kynkäänniemi, Karras, Laine, Lehtinen and Aila 2019, "Improved Precision and Recall Metric for Assessing Generative Models": a point
is inside a collection's manifold where it is as near to one of its points as that point's k-th neighbour, k = 3. Two samples of one
distribution give about 0.7, not 1: read them beside the oracle row. Both depend on n.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.metrics.features import Features, check_features, check_units
from bench.metrics.jackknife import Jackknifed, Labels, unit_sizes

NEIGHBOURS = 3
"""k of the paper."""


@dataclass(frozen=True, slots=True)
class _Distances:
    """Squared Euclidean distances within the outputs [n, n], within the truths [m, m] and across [n, m]."""

    outputs: Features
    truths: Features
    across: Features

    def without(self, keep: NDArray[np.bool_]) -> _Distances:
        return _Distances(self.outputs[keep][:, keep], self.truths[keep][:, keep], self.across[keep][:, keep])


def precision_recall(outputs: Features, truths: Features, neighbours: int = NEIGHBOURS) -> tuple[float, float]:
    """Return precision and recall, 0 to 1, of features [n, d] against true ones [m, d].

    Raises RequestError for features of two sizes or fewer than two rows; n and m must be above `neighbours`.
    """
    check_features(outputs, truths, paired=False)
    return _shares(_distances(outputs, truths), neighbours)


def precision_recall_jackknife(
    outputs: Features, truths: Features, labels: Labels, neighbours: int = NEIGHBOURS
) -> tuple[Jackknifed, Jackknifed]:
    """Return both for features [n, d] of the same n pages, with each unit of pages left out of both sets.

    `labels` int64 [n] gives the unit of each row. Raises RequestError for unequal shapes or fewer than two rows.
    """
    check_features(outputs, truths, paired=True)
    check_units(outputs, labels)
    distances = _distances(outputs, truths)
    values, sizes = _shares(distances, neighbours), unit_sizes(labels)
    if len(sizes) < 2 or (len(labels) - sizes).min() <= neighbours:
        empty = np.empty(0)
        return Jackknifed(values[0], empty, sizes[:0]), Jackknifed(values[1], empty, sizes[:0])
    left = np.array([_shares(distances.without(labels != unit), neighbours) for unit in range(len(sizes))])
    return Jackknifed(values[0], left[:, 0], sizes), Jackknifed(values[1], left[:, 1], sizes)


def _shares(distances: _Distances, neighbours: int) -> tuple[float, float]:
    truth_radii, output_radii = (_radii(each, neighbours) for each in (distances.truths, distances.outputs))
    precision = (distances.across <= truth_radii[None, :]).any(axis=1).mean()
    recall = (distances.across <= output_radii[:, None]).any(axis=0).mean()
    return float(precision), float(recall)


def _radii(within: Features, neighbours: int) -> Features:
    """The squared distance of each point to its k-th neighbour; the point itself is the nought-th."""
    return np.asarray(np.partition(within, neighbours, axis=1)[:, neighbours])


def _distances(outputs: Features, truths: Features) -> _Distances:
    return _Distances(_squared(outputs, outputs), _squared(truths, truths), _squared(outputs, truths))


def _squared(first: Features, second: Features) -> Features:
    squares = (first**2).sum(axis=1)[:, None] + (second**2).sum(axis=1)[None] - 2 * first @ second.T
    return np.asarray(np.maximum(squares, 0.0))
