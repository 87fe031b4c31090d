"""Scores of a whole collection of outputs against the true colourings of the same pages, with jackknife replicates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from bench.errors import RequestError
from bench.metrics import colour
from bench.metrics.choice import MetricChoice
from bench.metrics.consistency import CELL, Cells, consistency_jackknife
from bench.metrics.extractors import open_extractor
from bench.metrics.features import Features
from bench.metrics.frechet import frechet_distance, frechet_jackknife
from bench.metrics.identity import PAIRING, NetworkIdentity, metric_id
from bench.metrics.image_scores import BATCH_SIZE
from bench.metrics.inference import available_cores, exact_workers
from bench.metrics.jackknife import Jackknifed, jackknife_standard_error
from bench.metrics.kernel import kernel_distance, kernel_jackknife
from bench.metrics.manifold import NEIGHBOURS, precision_recall, precision_recall_jackknife
from bench.metrics.registry import METRICS
from bench.metrics.windows import Windows, as_tensor, batches, check_windows
from bench.sampling import sampling_units

CONSISTENCY = "colour_consistency"

_CELLS = NetworkIdentity("none", f"cielab-cells-{CELL:g}", "none", "none")
"""What stands for a network in the id of the colour consistency."""


class FeatureReader:
    """Turns windows into the features that the chosen set metrics stand on, with every core; opened once for all cells."""

    def __init__(
        self,
        choice: MetricChoice,
        *,
        device: str | torch.device = "cpu",
        workers: int | None = None,
        batch_size: int = BATCH_SIZE,
    ) -> None:
        """Raise RequestError where the chosen weights are wrong."""
        self._extractor = open_extractor(choice, device)
        self._workers = workers or available_cores()
        self._batch_size = batch_size
        self.metrics, self.dimension = self._extractor.metrics, self._extractor.dimension
        self.identity: NetworkIdentity = self._extractor.identity

    def features(self, windows: Windows) -> Features:
        """Return float64 features [networks, N, d] of uint8 RGB windows [N, H, W, 3]; worth keeping: they cost the most."""

        def few(batch: slice) -> Features:
            return np.asarray(self._extractor.features(as_tensor(np.asarray(windows[batch]))).numpy())

        with exact_workers(self._extractor.device, self._workers) as pool:
            return np.concatenate(list(pool.map(few, batches(len(windows), self._batch_size))), axis=1)


class SetScorer:
    """Scores a whole collection of outputs against the true colourings of the same pages, with standard errors over units.

    `truths` is uint8 RGB [N, H, W, 3]; `pages` and `groups` give each window's page and the group that the page belongs to: groups
    or blocks of pages are left out in turn (see `bench.sampling`). The scores are FID, KID, precision and recall, or their
    uncalibrated stand-ins, as `reader` has them, and the colour consistency within groups. Raises RequestError for other shapes.
    """

    def __init__(
        self,
        truths: Windows,
        pages: Sequence[str],
        groups: Sequence[str],
        reader: FeatureReader,
        *,
        workers: int | None = None,
        truth_features: Features | None = None,
    ) -> None:
        """`truth_features` are the reader's features of the truths, where they are there already."""
        check_windows(truths, "truth")
        if not len(pages) == len(groups) == len(truths):
            raise RequestError(
                f"{len(truths)} windows need a page and a group each, not {len(pages)} and {len(groups)}"
            )
        self.reader, self._shape = reader, truths.shape
        self._workers = workers or available_cores()
        self.units = sampling_units(pages, groups)
        self._cells = Cells.of((colour.lab(truth) for truth in truths), pages, groups)
        self.truth_features = reader.features(truths) if truth_features is None else truth_features

    def score(self, outputs: Windows, features: Features | None = None) -> list[dict[str, Any]]:
        """Return one record a metric, ready for JSON, of outputs [N, H, W, 3], whose `features` may be there already.

        Precision and recall are missing where there are too few windows, the colour consistency where no true colour is on two
        pages of a group. Raises RequestError for outputs that do not fit.
        """
        check_windows(outputs, "outputs", self._shape)
        return self._distances(self.reader.features(outputs) if features is None else features) + self._consistency(
            outputs
        )

    def halves(self) -> list[dict[str, Any]]:
        """Return records of one half of the truths against the other, whole units on each side: what sampling alone gives.

        The halves are no pairs, and n is half as large, which raises the Fréchet distance: it is a floor to read others by, not a
        score to compare with them. Empty where there are too few truths.
        """
        first = self.units.numbers % 2 == 0
        counts = int(first.sum()), int((~first).sum())
        if min(counts) <= NEIGHBOURS:
            return []
        pairs = [(truth[first], truth[~first]) for truth in self.truth_features]
        manifolds = [precision_recall(*pair) for pair in pairs]
        each = (
            [frechet_distance(*pair) for pair in pairs],
            [kernel_distance(*pair, "disjoint") for pair in pairs],
            [precision for precision, _ in manifolds],
            [recall for _, recall in manifolds],
        )
        return [
            {
                "metric": metric,
                "value": float(np.mean(values)),
                "n_generated": counts[0],
                "n_reference": counts[1],
                "pairing": "disjoint",
                "metric_id": metric_id(
                    metric, self.reader.identity, n_generated=counts[0], n_reference=counts[1], pairing="disjoint"
                ),
            }
            for metric, values in zip(self.reader.metrics, each, strict=True)
        ]

    def _distances(self, features: Features) -> list[dict[str, Any]]:
        labels = self.units.numbers
        pairs = list(zip(features, self.truth_features, strict=True))
        enough = len(labels) > NEIGHBOURS
        manifolds = [precision_recall_jackknife(*pair, labels) for pair in pairs] if enough else []
        each = (
            [frechet_jackknife(*pair, labels) for pair in pairs],
            [kernel_jackknife(*pair, labels) for pair in pairs],
            [precision for precision, _ in manifolds],
            [recall for _, recall in manifolds],
        )
        identity, dimension = self.reader.identity, self.reader.dimension
        named = zip(self.reader.metrics, each, strict=True)
        return [self._record(metric, results, identity, dimension) for metric, results in named if results]

    def _consistency(self, outputs: Windows) -> list[dict[str, Any]]:
        with exact_workers(torch.device("cpu"), self._workers) as pool:
            chroma = list(pool.map(lambda at: self._cells.chroma(at, colour.lab(outputs[at])), range(len(outputs))))
        result = consistency_jackknife(self._cells, np.concatenate(chroma), self.units.numbers)
        return [self._record(CONSISTENCY, [result], _CELLS, 2)] if np.isfinite(result.value) else []

    def _record(
        self, metric: str, each: Sequence[Jackknifed], identity: NetworkIdentity, dimension: int
    ) -> dict[str, Any]:
        """The mean over networks, with what moves it."""
        value = float(np.mean([one.value for one in each]))
        replicates = np.mean([one.replicates for one in each], axis=0)
        count = len(self.units.numbers)
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
            "jackknife_unit": self.units.kind,
            "jackknife_sizes": [int(size) for size in each[0].sizes],
        }
