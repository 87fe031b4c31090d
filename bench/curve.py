"""The learning curve of a cell: losses, learning rate and quick validation scores against steps, seconds, images, FLOPs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import pandas as pd

COLUMNS = ("step", "seconds", "images", "flops", "kind", "name", "value")
Row = tuple[int, float, int, float, str, str, float]

COLLAPSED = 0.2
"""Diversity below which outputs hardly follow their inputs: mode collapse is suspected. Trained models of this project's
trials, none of them collapsed, lie between 0.5 and 0.9; one picture for every input gives 0."""


READING_SECONDS = 0.25
"""Where a step's time is planned, a GPU's losses are read no more often than this, but for `LEAST_POINTS` of a short training."""

LEAST_POINTS = 20


def steps_between_points(steps: int, points: int, seconds_per_step: float = 0.0) -> int:
    """Return after how many steps losses are recorded, for at most about `points` of a training of `steps`.

    `seconds_per_step` is the planned time on a device that stands still when its losses are read: read every 14 ms, a step of
    3.5 ms took 5.5 (NVIDIA H100). 0: none is planned, as with a budget that is no time.
    """
    wanted = max(1, steps // points)
    seldom = math.ceil(READING_SECONDS / seconds_per_step) if seconds_per_step > 0 else 1
    return max(wanted, min(seldom, steps // LEAST_POINTS))


class Curve:
    """Rows of the long table, in the order in which they were measured."""

    def __init__(self, batch_size: int, flops_per_step: float, rows: list[Row] | None = None) -> None:
        self._batch_size = batch_size
        self._flops_per_step = flops_per_step
        self.rows: list[Row] = [] if rows is None else rows

    def add(self, step: int, seconds: float, kind: Literal["train", "validation"], values: Mapping[str, float]) -> None:
        """Append one row a value, measured after `step` steps and `seconds` of useful training."""
        images, flops = step * self._batch_size, step * self._flops_per_step
        self.rows += [(step, seconds, images, flops, kind, name, value) for name, value in values.items()]

    def frame(self) -> pd.DataFrame:
        """Return the long table with the columns of `COLUMNS`."""
        frame = pd.DataFrame(self.rows, columns=list(COLUMNS))
        return frame.astype(
            {"step": "int64", "seconds": "float64", "images": "int64", "flops": "float64", "value": "float64"}
        )
