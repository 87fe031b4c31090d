"""Fréchet distance between two sets of features, exactly and in float64, with leave-one-unit-out replicates.

Heusel et al. 2017, equation 6. With A and B the centred features over sqrt(n - 1), the trace term Tr (Sx Sy)^(1/2) is the nuclear
norm of A B', so no covariance matrix is formed and no eigenvalue of a rank-deficient product is taken: the distance of a set to
itself is 0, where the usual eigenvalue route gives -2e-4 at n = 200, d = 2048.
"""

from __future__ import annotations

import numpy as np

from bench.metrics.features import Features, check_features, check_units
from bench.metrics.jackknife import Jackknifed, Labels, merged_units, unit_sizes

MOST_UNITS_WHEN_LARGE = 20
"""Replicates of a large problem: each costs a singular value decomposition, seconds where n and d are both in the thousands."""

LARGE = 600
"""A problem is large when min(n, d) is above this."""


def frechet_distance(first: Features, second: Features) -> float:
    """Return the squared Fréchet distance of Gaussians fitted to features [n, d] and [m, d]; 0 or more.

    Unbiased covariances (n - 1), as in the original implementation. Raises RequestError for fewer than two rows or unequal d.
    """
    check_features(first, second, paired=False)
    # A common origin near the data keeps the products below free of cancellation.
    origin = first.mean(axis=0)
    return _distance(first - origin, second - origin)


def frechet_jackknife(first: Features, second: Features, labels: Labels) -> Jackknifed:
    """Return the Fréchet distance of features [n, d] of the same n pages, with each unit of pages left out of both sets.

    `labels` int64 [n] gives the unit of each row. Where min(n, d) is above LARGE, neighbouring units are merged down to
    MOST_UNITS_WHEN_LARGE. Raises RequestError for unequal shapes or fewer than two rows.
    """
    check_features(first, second, paired=True)
    check_units(first, labels)
    if min(first.shape) > LARGE:
        labels = merged_units(labels, MOST_UNITS_WHEN_LARGE)
    origin = first.mean(axis=0)
    first, second = first - origin, second - origin
    value, sizes = _distance(first, second), unit_sizes(labels)
    # A replicate needs two rows of each set to have a covariance at all.
    if len(sizes) < 2 or len(first) - sizes.max() < 2:
        return Jackknifed(value, np.empty(0), np.empty(0, np.int64))
    left_out = [_distance(first[labels != unit], second[labels != unit]) for unit in range(len(sizes))]
    return Jackknifed(value, np.asarray(left_out), sizes)


def _distance(first: Features, second: Features) -> float:
    shift = first.mean(axis=0) - second.mean(axis=0)
    a, b = _scaled(first), _scaled(second)
    nuclear = np.linalg.svd(_compact(a) @ _compact(b).T, compute_uv=False).sum()
    return max(0.0, float(shift @ shift + (a * a).sum() + (b * b).sum() - 2 * nuclear))


def _scaled(features: Features) -> Features:
    return np.asarray((features - features.mean(axis=0)) / np.sqrt(len(features) - 1))


def _compact(scaled: Features) -> Features:
    """Return at most d rows with the same Gram matrix: the triangle of a QR decomposition leaves singular values as they are."""
    rows, columns = scaled.shape
    return np.asarray(np.linalg.qr(scaled, mode="r")) if rows > columns else scaled
