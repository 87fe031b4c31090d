"""What a ladder says: on which axes a metric answers, and what a difference of it is worth. Needs no torch."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.metrics.registry import METRICS

Response = Literal["monotone", "not monotone", "blind"]

BLIND_SHARE = 0.05
"""A metric is blind on an axis where its largest response there is less than this share of its largest on any axis."""

CAPS = {"psnr": 100.0}
"""What a metric without a finite value for equal pictures gives them (`bench.metrics.structural`). A cap is a convention, and no
place to measure distances from: those of such a metric are measured from the mildest damage, not from none."""

MONOTONE_SLACK = 0.02
"""A step back of at most this share of the response on the axis is noise, not a turn."""


def responses(table: pd.DataFrame) -> pd.DataFrame:
    """Return metric by axis ("metric", "axis", "response", "largest"): whether the metric falls (or rises) all along.

    `largest` is the largest distance from the undamaged value, as a share of the metric's largest on any axis. Where equal
    pictures have no finite value (`CAPS`), it is the distance from the value of the mildest damage.
    """
    rows = []
    for metric, own in table.groupby("metric", sort=False):
        steps = {axis: _measured(str(metric), steps) for axis, steps in own.groupby("axis", sort=False)}
        largest = {axis: float(np.abs(values - values[0]).max()) for axis, values in steps.items()}
        worst = max(largest.values())
        for axis, values in steps.items():
            share = largest[axis] / worst if worst > 0 else 0.0
            rows.append((metric, axis, _response(str(metric), values, share), share))
    return pd.DataFrame(rows, columns=["metric", "axis", "response", "largest"])


def _measured(metric: str, steps: pd.DataFrame) -> NDArray[np.float64]:
    """Return the values by level, without those at the metric's cap; a single zero where no level changes anything."""
    values = steps.sort_values("level")["value"].to_numpy(dtype=np.float64)
    below = values[values < CAPS.get(metric, np.inf)]
    return below if below.size else np.zeros(1)


def _response(metric: str, values: NDArray[np.float64], share: float) -> Response:
    if share < BLIND_SHARE:
        return "blind"
    sign = -1.0 if METRICS[metric].direction == "higher" else 1.0
    worse = sign * (values - values[0])
    turns = np.diff(worse) < -MONOTONE_SLACK * np.abs(worse).max()
    return "not monotone" if turns.any() or worse[-1] < 0 else "monotone"


def equivalent(table: pd.DataFrame, metric: str, axis: str, difference: float) -> float | None:
    """Return the level of `axis` that moves `metric` by `difference` (an absolute amount, for the worse), between levels linearly.

    None where no level moves it that far.
    """
    steps = table[(table["metric"] == metric) & (table["axis"] == axis)].sort_values("level")
    sign = -1.0 if METRICS[metric].direction == "higher" else 1.0
    worse = np.maximum.accumulate(sign * (steps["value"] - steps["value"].iloc[0]).to_numpy())
    levels = steps["level"].to_numpy()
    if worse[-1] < difference:
        return None
    at = int(np.argmax(worse >= difference))
    if at == 0:
        return float(levels[0])
    span = worse[at] - worse[at - 1]
    return float(levels[at - 1] + (levels[at] - levels[at - 1]) * (difference - worse[at - 1]) / span)
