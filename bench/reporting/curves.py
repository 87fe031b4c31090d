"""The learning curves: validation scores against seconds, images and FLOPs, thin lines for seeds and a thick one for their mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from bench.metrics.registry import METRICS
from bench.reporting.naming import amount, direction_arrow, metric_title
from bench.reporting.reading import Run
from bench.reporting.style import TEXT_WIDTH, Look, looks

AXES = (("seconds", "training seconds"), ("images", "images seen"), ("flops", "training FLOPs"))
"""Columns of curve.parquet against which scores are drawn, with their labels: the common currencies of compute."""

LOG_RATIO = 5.0
"""Where the models' ends lie further apart than this factor, the axis is logarithmic."""


@dataclass(frozen=True, slots=True)
class _Line:
    """Validation curves of one model: one frame a seed, indexed by step, sorted."""

    model: str
    look: Look
    seeds: tuple[pd.DataFrame, ...]

    def mean(self) -> pd.DataFrame:
        """Return the mean over seeds at the steps that all seeds have, so that no point changes its seeds."""
        together = pd.concat(self.seeds).groupby(level="step")
        counts = together["value"].count()
        return together[["seconds", "images", "flops", "value"]].mean()[counts == len(self.seeds)]


def curves_figure(run: Run) -> Figure | None:
    """Return the figure, or None where no cell has validation scores."""
    names = _metric_names(run)
    if not names:
        return None
    figure = Figure(figsize=(TEXT_WIDTH, 0.5 + 1.2 * len(names)), layout="constrained")
    grid = figure.subplots(len(names), len(AXES), squeeze=False, sharex="col", sharey="row")
    shown: dict[str, Look] = {}
    for row, name in enumerate(names):
        lines = _lines(run, name)
        shown |= {line.model: line.look for line in lines}
        for axes, (column, label) in zip(grid[row], AXES, strict=True):
            _draw(axes, lines, column)
            axes.set_xlabel(label if row == len(names) - 1 else "")
        grid[row][0].set_ylabel(f"{metric_title(METRICS[name])} {direction_arrow(METRICS[name])}")
    figure.align_ylabels(grid[:, 0])
    _legend(figure, run, shown)
    return figure


def _metric_names(run: Run) -> list[str]:
    found = {
        str(name)
        for cell in run.cells
        if cell.curve is not None
        for name in cell.curve.loc[cell.curve["kind"] == "validation", "name"].unique()
    }
    return [name for name in METRICS if name in found]


def _lines(run: Run, metric: str) -> list[_Line]:
    lines = []
    for model, look in looks(run).items():
        curves = [cell.curve for cell in run.cells_of(model) if cell.curve is not None]
        wanted = [c[(c["kind"] == "validation") & (c["name"] == metric)].sort_values("step") for c in curves]
        scale = METRICS[metric].scale
        frames = tuple(f.assign(value=f["value"] * scale).set_index("step") for f in wanted if not f.empty)
        if frames:
            lines.append(_Line(model, look, frames))
    return lines


def _draw(axes: Axes, lines: Sequence[_Line], column: str) -> None:
    starts, ends = ([float(frame[column].iloc[at]) for line in lines for frame in line.seeds] for at in (0, -1))
    if min(starts) > 0 and max(ends) / min(ends) > LOG_RATIO:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if max(ends) / min(starts) < 100 else (1.0,)))
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: amount(value)))
    axes.grid(True)
    for line in lines:
        dashes = "solid" if line.look.marker == "o" else (0, (4, 1.5))
        for frame in line.seeds:
            drawn = frame[frame[column] > 0]
            axes.plot(
                drawn[column], drawn["value"], color=line.look.colour, linewidth=0.5, alpha=0.55, linestyle=dashes
            )
        mean = line.mean()
        mean = mean[mean[column] > 0]
        axes.plot(
            mean[column], mean["value"], line.look.marker, color=line.look.colour, markersize=2.2,
            linewidth=1.3, linestyle=dashes,
        )  # fmt: skip
    values = np.concatenate([frame["value"].to_numpy() for line in lines for frame in line.seeds])
    if np.isfinite(values).any():
        low, high = np.nanmin(values), np.nanmax(values)
        pad = 0.08 * (high - low) or 0.5
        axes.set_ylim(low - pad, high + pad)


def _legend(figure: Figure, run: Run, shown: dict[str, Look]) -> None:
    handles = [
        Line2D([], [], color=look.colour, linewidth=1.5, linestyle="solid" if look.marker == "o" else (0, (4, 1.5)))
        for look in shown.values()
    ]
    labels = [run.shown(model) for model in shown]
    figure.legend(handles, labels, loc="outside upper center", ncols=min(5, len(labels)), handlelength=2.2)


def curves_caption(run: Run) -> str:
    """Return the caption of the figure: what is drawn, and that the test part is not in it."""
    windows = run.experiment.get("training", {}).get("validation_windows")
    many = f"{windows} validation windows" if windows else "validation windows"
    return (
        f"Scores on {many} during training, against the same budget in three currencies. Thin: seeds; thick: their mean "
        "where all seeds have a score; dashed grey: reference models. The held-out test part plays no role here."
    )
