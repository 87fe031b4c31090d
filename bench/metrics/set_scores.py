"""Scores of a whole collection of outputs against the true colourings of the same pages, with jackknife replicates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from bench.errors import RequestError
from bench.metrics import colour
from bench.metrics.choice import MetricChoice
from bench.metrics.consistency import CELL, Cells, consistency_jackknife
from bench.metrics.extractors import Extractor, open_extractor
from bench.metrics.features import Features
from bench.metrics.identity import NetworkIdentity
from bench.metrics.image_scores import BATCH_SIZE
from bench.metrics.inference import available_cores, exact_workers
from bench.metrics.set_distances import SetDistances, record
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
        extractor: Extractor | None = None,
        safe_point: Callable[[], None] = lambda: None,
    ) -> None:
        """`extractor` stands in place of the choice's first one; `safe_point` is called after each batch and may raise to stop.

        Raise RequestError where the chosen weights are wrong.
        """
        self._safe_point = safe_point
        self._extractor = extractor or open_extractor(choice, device)
        self._workers = workers or available_cores()
        self._batch_size = batch_size
        self.metrics, self.dimension = self._extractor.metrics, self._extractor.dimension
        self.identity: NetworkIdentity = self._extractor.identity

    def features(self, windows: Windows) -> Features:
        """Return float64 features [networks, N, d] of uint8 RGB windows [N, H, W, 3]; worth keeping: they cost the most."""

        def few(batch: slice) -> Features:
            return np.asarray(self._extractor.features(as_tensor(np.asarray(windows[batch]))).numpy())

        with exact_workers(self._extractor.device, self._workers) as pool:
            parts = []
            for part in pool.map(few, batches(len(windows), self._batch_size)):
                parts.append(part)
                self._safe_point()
            return np.concatenate(parts, axis=1)


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
        self._distances = SetDistances(reader.metrics, reader.identity, self.truth_features, self.units)

    def score(self, outputs: Windows, features: Features | None = None) -> list[dict[str, Any]]:
        """Return one record a metric, ready for JSON, of outputs [N, H, W, 3], whose `features` may be there already.

        Precision and recall are missing where there are too few windows, the colour consistency where no true colour is on two
        pages of a group. Raises RequestError for outputs that do not fit.
        """
        check_windows(outputs, "outputs", self._shape)
        features = self.reader.features(outputs) if features is None else features
        return self._distances.score(features) + self._consistency(outputs)

    def halves(self) -> list[dict[str, Any]]:
        """Return records of one half of the truths against the other (`SetDistances.halves`)."""
        return self._distances.halves()

    def _consistency(self, outputs: Windows) -> list[dict[str, Any]]:
        with exact_workers(torch.device("cpu"), self._workers) as pool:
            chroma = list(pool.map(lambda at: self._cells.chroma(at, colour.lab(outputs[at])), range(len(outputs))))
        result = consistency_jackknife(self._cells, np.concatenate(chroma), self.units.numbers)
        return [record(CONSISTENCY, [result], _CELLS, 2, self.units)] if np.isfinite(result.value) else []
