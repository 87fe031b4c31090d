"""The learning curves: validation scores against seconds, images and FLOPs, a line for the mean and a band for the seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from bench.metrics.registry import METRICS
from bench.reporting.legend import draw_legend, legend_height
from bench.reporting.naming import amount, direction_arrow, metric_title
from bench.reporting.reading import LARGEST, CellResult, Run
from bench.reporting.style import TEXT_WIDTH, Look, looks
from bench.reporting.ticks import logarithmic

AXES = (("seconds", "training seconds"), ("images", "images seen"), ("flops", "training FLOPs"))
"""Columns of curve.parquet against which scores are drawn, with their labels: the common currencies of compute."""

LOG_RATIO = 5.0
"""Where the models' ends lie further apart than this factor, the axis is logarithmic."""

BANDS = (
    "Line: the mean over seeds; band: from the smallest to the largest of the seeds, at the steps that all of them have; thin "
    "lines: seeds, where one ended early; dashed grey: reference models. The held-out test part plays no role here."
)
"""What a caption says of the curves."""

ROW_HEIGHT, FOOT = 1.15, 0.3
"""Inches of a row of panels, and of the axis below them."""

_TICK_WIDTH = 0.4
"""Inches that a tick of the axis of compute needs, with its number."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Validation scores of one model: one frame a seed, indexed by step, sorted, in printed units.

    `together` has mean seconds, images, flops and value, and "low" and "high", over seeds, at the steps that all seeds have: at
    those alone, so that no point of a line changes its seeds.
    """

    model: str
    look: Look
    seeds: tuple[pd.DataFrame, ...]
    together: pd.DataFrame

    @classmethod
    def of(cls, model: str, look: Look, seeds: Sequence[pd.DataFrame]) -> Curve:
        """Return the curve that the seeds make."""
        steps = pd.concat(seeds).groupby(level="step")
        frame = steps[["seconds", "images", "flops", "value"]].mean()
        frame = frame.assign(low=steps["value"].min(), high=steps["value"].max())
        return cls(model, look, tuple(seeds), frame[steps["value"].count() == len(seeds)])

    @property
    def in_step(self) -> bool:
        """Whether all seeds have scores at the same steps: none ended early."""
        return all(seed.index.equals(self.seeds[0].index) for seed in self.seeds)


def curves_figure(run: Run, width: float = TEXT_WIDTH) -> Figure | None:
    """Return the figure, or None where no cell has validation scores."""
    found = {name: curves_of(run, name, looks(run)) for name in validation_metrics(run.cells)}
    found = {name: curves for name, curves in found.items() if curves}
    if not found:
        return None
    shown = list(dict.fromkeys(curve.model for curves in found.values() for curve in curves))
    height = ROW_HEIGHT * len(found) + FOOT + legend_height(len(shown), width)
    figure = Figure(figsize=(width, height), layout="constrained")
    grid = figure.subplots(len(found), len(AXES), squeeze=False, sharex="col", sharey="row")
    for row, (name, curves) in zip(grid, found.items(), strict=True):
        for axes, (column, _) in zip(row, AXES, strict=True):
            draw_curves(axes, curves, column, width / len(AXES))
        row[0].set_ylabel(f"{metric_title(METRICS[name])} {direction_arrow(METRICS[name])}")
    for axes, (_, label) in zip(grid[-1], AXES, strict=True):
        axes.set_xlabel(label)
    figure.align_ylabels(grid[:, 0])
    draw_legend(figure, {model: run.shown(model) for model in shown}, looks(run), width)
    return figure


def validation_metrics(cells: Sequence[CellResult]) -> list[str]:
    """Return the metrics that any of `cells` has validation scores of, in the registry's order."""
    curves = [cell.curve for cell in cells if cell.curve is not None]
    found = {str(name) for curve in curves for name in curve.loc[curve["kind"] == "validation", "name"].unique()}
    return [name for name in METRICS if name in found]


def curves_of(run: Run, metric: str, look: Mapping[str, Look]) -> list[Curve]:
    """Return the curve of every model of `run` that has validation scores of `metric`, without what is no finite number."""
    curves = []
    for model in run.rows:
        frames = [_frame(cell.curve, metric) for cell in run.cells_of(model) if cell.curve is not None]
        seeds = [frame for frame in frames if not frame.empty]
        if seeds:
            curves.append(Curve.of(model, look[model], seeds))
    return curves


def _frame(curve: pd.DataFrame, metric: str) -> pd.DataFrame:
    frame = curve[(curve["kind"] == "validation") & (curve["name"] == metric)]
    values = frame["value"].astype(np.float64) * METRICS[metric].scale
    return frame.assign(value=values)[values.abs() <= LARGEST].sort_values("step").set_index("step")


def draw_curves(
    axes: Axes, curves: Sequence[Curve], column: str, width: float, *, limits: Sequence[Curve] | None = None
) -> None:
    """Draw the curves of one metric against `column`; `width` is about that of the panel in inches.

    The axes hold all of `limits`, by default the curves themselves, so that several panels compare.
    """
    wanted = [seed for curve in limits or curves for seed in curve.seeds]
    _scale(axes, [seed[column] for seed in wanted], max(2, int(width / _TICK_WIDTH)))
    axes.grid(True)
    for curve in curves:
        for seed in () if curve.in_step else curve.seeds:
            axes.plot(seed[column], seed["value"], alpha=0.6, **curve.look.line(0.6))
        mean = curve.together
        axes.fill_between(mean[column], mean["low"], mean["high"], color=curve.look.colour, alpha=0.2, linewidth=0)
        axes.plot(mean[column], mean["value"], **curve.look.line(1.2), **curve.look.point(2.6))
    values = np.concatenate([seed["value"].to_numpy() for seed in wanted])
    pad = 0.08 * float(np.ptp(values)) or 0.5
    axes.set_ylim(values.min() - pad, values.max() + pad)
    axes.locator_params(axis="y", nbins=4)


def _scale(axes: Axes, frames: Sequence[pd.Series[float]], most: int) -> None:
    """Choose the axis of compute: logarithmic where the models' ends lie far apart, and every score has a place on it."""
    starts, ends = [float(each.iloc[0]) for each in frames], [float(each.iloc[-1]) for each in frames]
    if min(starts) > 0 and max(ends) / min(ends) > LOG_RATIO:
        logarithmic(axes, min(starts) / 1.2, max(ends) * 1.2, most, amount)
    else:
        axes.set_xlim(0, 1.05 * max(ends) or 1.0)
        axes.locator_params(axis="x", nbins=most)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: amount(value)))


def curves_caption(run: Run) -> str:
    """Return the caption of the figure: what is drawn, and that the test part is not in it."""
    windows = run.experiment.get("training", {}).get("validation_windows")
    many = f"{windows} validation windows" if windows else "validation windows"
    return f"Scores on {many} during training, against what a cell used of its share in three currencies. {BANDS}"
