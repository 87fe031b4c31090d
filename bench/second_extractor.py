"""Scores of sets on a second extractor, DINOv2, where a run has one: beside those on the first, from files kept like its."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.feature_files import kept_features
from bench.metrics.choice import MetricChoice
from bench.metrics.extractors import open_second
from bench.metrics.set_distances import SetDistances
from bench.metrics.set_scores import FeatureReader
from bench.runfolder import CellFolder, RunFolder
from bench.sampling import SamplingUnits

Windows = NDArray[np.uint8]


@dataclass(frozen=True)
class SecondExtractor:
    """The second extractor's reader, and the distances to the truth's features."""

    reader: FeatureReader
    distances: SetDistances

    @classmethod
    def of(
        cls, folder: RunFolder, truths: Windows, units: SamplingUnits, choice: MetricChoice, device: str,
        safe_point: Callable[[], None] = lambda: None,
    ) -> SecondExtractor | None:  # fmt: skip
        """Read the truth's features, or compute and keep them; None where the choice has no second extractor."""
        extractor = open_second(choice, device)
        if extractor is None:
            return None
        reader = FeatureReader(choice, device=device, extractor=extractor, safe_point=safe_point)
        features = kept_features(folder.truth_features, truths, reader)
        return cls(reader, SetDistances(reader.metrics, reader.identity, features, units))

    def score(self, folder: CellFolder, outputs: Windows) -> list[dict[str, Any]]:
        """Return one record a metric of a cell's outputs, whose features are kept with the cell: they take seconds a window."""
        return self.distances.score(kept_features(folder.features, outputs, self.reader))
