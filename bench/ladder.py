"""The degradation ladder: true pages damaged step by step, and what every metric makes of it.

It says what a difference is worth ("0.02 is a blur of 0.6 px") and on which axes a metric is blind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.damage import AXES, Axis
from bench.metrics.choice import MetricChoice
from bench.metrics.image_scores import ImageScorer
from bench.metrics.set_scores import FeatureReader, SetScorer

Windows = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Pages:
    """What is damaged: inputs and truths uint8 [N, H, W, 3], and the page and group of each."""

    inputs: Windows
    truths: Windows
    names: Sequence[str]
    groups: Sequence[str]


def climb(
    pages: Pages, choice: MetricChoice, *, device: str, seed: int, on_progress: Callable[[str, int, int], None]
) -> pd.DataFrame:
    """Return a long table of axis, unit, level, metric, value: the mean over windows, or the score of the set.

    `on_progress(axis, done, total)` is called before each axis.
    """
    images = ImageScorer(pages.inputs, pages.truths, choice, device=device)
    sets = SetScorer(pages.truths, pages.names, pages.groups, FeatureReader(choice, device=device))
    rows = []
    for number, axis in enumerate(AXES.values()):
        on_progress(axis.name, number, len(AXES))
        for level in axis.levels:
            damaged = damage_all(pages.truths, axis, level, seed)
            values = images.score(damaged).mean().to_dict()
            # More or less of it is neither better nor worse.
            values.pop("colourfulness")
            values |= {record["metric"]: record["value"] for record in sets.score(damaged)}
            rows += [(axis.name, axis.unit, level, metric, value) for metric, value in values.items()]
    return pd.DataFrame(rows, columns=["axis", "unit", "level", "metric", "value"])


def damage_all(truths: Windows, axis: Axis, level: float, seed: int) -> Windows:
    """Return all windows damaged; each one's randomness follows from seed, axis and its place, the same at every level."""
    number = list(AXES).index(axis.name)
    damaged = [
        axis.apply(truth, level, np.random.default_rng([seed, number, place])) for place, truth in enumerate(truths)
    ]
    return np.stack(damaged)
