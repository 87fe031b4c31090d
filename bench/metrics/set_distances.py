"""Distances of sets on the features of one extractor, as records ready for JSON, with jackknife replicates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bench.metrics.features import Features
from bench.metrics.frechet import frechet_distance, frechet_jackknife
from bench.metrics.identity import PAIRING, NetworkIdentity, metric_id
from bench.metrics.jackknife import Jackknifed, jackknife_standard_error
from bench.metrics.kernel import kernel_distance, kernel_jackknife
from bench.metrics.manifold import NEIGHBOURS, precision_recall, precision_recall_jackknife
from bench.metrics.registry import METRICS
from bench.sampling import SamplingUnits


class SetDistances:
    """Fréchet and kernel distance, precision and recall of outputs against the truth, on one extractor's features.

    `metrics` are their names, in this order; `truth` holds the features of the truths, float64 [networks, N, d]; `units` are
    what is left out in turn. A score is the mean over networks.
    """

    def __init__(
        self, metrics: Sequence[str], identity: NetworkIdentity, truth: Features, units: SamplingUnits
    ) -> None:
        self._metrics, self._identity = tuple(metrics), identity
        self._truth, self._units = truth, units

    def score(self, features: Features) -> list[dict[str, Any]]:
        """Return one record a metric of outputs with these features; precision and recall are missing for too few windows."""
        labels = self._units.numbers
        pairs = list(zip(features, self._truth, strict=True))
        enough = len(labels) > NEIGHBOURS
        manifolds = [precision_recall_jackknife(*pair, labels) for pair in pairs] if enough else []
        each = (
            [frechet_jackknife(*pair, labels) for pair in pairs],
            [kernel_jackknife(*pair, labels) for pair in pairs],
            [precision for precision, _ in manifolds],
            [recall for _, recall in manifolds],
        )
        named = zip(self._metrics, each, strict=True)
        dimension = self._truth.shape[-1]
        return [record(name, results, self._identity, dimension, self._units) for name, results in named if results]

    def halves(self) -> list[dict[str, Any]]:
        """Return records of one half of the truths against the other, whole units on each side: what sampling alone gives.

        The halves are no pairs, and n is half as large, which raises the Fréchet distance: it is a floor to read others by, not a
        score to compare with them. Empty where there are too few truths.
        """
        first = self._units.numbers % 2 == 0
        counts = int(first.sum()), int((~first).sum())
        if min(counts) <= NEIGHBOURS:
            return []
        pairs = [(truth[first], truth[~first]) for truth in self._truth]
        manifolds = [precision_recall(*pair) for pair in pairs]
        each = (
            [frechet_distance(*pair) for pair in pairs],
            [kernel_distance(*pair, "disjoint") for pair in pairs],
            [precision for precision, _ in manifolds],
            [recall for _, recall in manifolds],
        )
        sizes: dict[str, Any] = {"n_generated": counts[0], "n_reference": counts[1], "pairing": "disjoint"}
        return [
            sizes
            | {
                "metric": metric,
                "value": float(np.mean(values)),
                "metric_id": metric_id(metric, self._identity, **sizes),
            }
            for metric, values in zip(self._metrics, each, strict=True)
        ]


def record(
    metric: str, each: Sequence[Jackknifed], identity: NetworkIdentity, dimension: int, units: SamplingUnits
) -> dict[str, Any]:
    """Return the mean of a metric over networks, ready for JSON, with everything that moves it."""
    value = float(np.mean([one.value for one in each]))
    replicates = np.mean([one.replicates for one in each], axis=0)
    count = len(units.numbers)
    return {
        "metric": metric,
        "value": value,
        "standard_error": jackknife_standard_error(value, replicates, each[0].sizes),
        "n_generated": count,
        "n_reference": count,
        "dimension": dimension,
        "extractor": identity.extractor,
        "layer": identity.layer,
        "weights_sha256": identity.weights_sha256,
        "resize": identity.resize,
        "pairing": PAIRING,
        "calibrated": METRICS[metric].calibrated,
        "metric_id": metric_id(metric, identity, n_generated=count, n_reference=count, pairing=PAIRING),
        "jackknife": [float(replicate) for replicate in replicates],
        "jackknife_unit": units.kind,
        "jackknife_units_sha256": units.digest,
        "jackknife_sizes": [int(size) for size in each[0].sizes],
    }
