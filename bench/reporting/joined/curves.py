"""The learning curves of joined runs: a panel a run and metric, side by side on the same axes, against training FLOPs."""

from __future__ import annotations

import math

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.metrics.registry import METRICS
from bench.reporting.curves import (
    BANDS,
    FOOT,
    ROW_HEIGHT,
    Curve,
    curves_of,
    draw_curves,
    validation_metrics,
)
from bench.reporting.joined.differing import SEPARATOR
from bench.reporting.joined.reading import Joined
from bench.reporting.legend import draw_legend, legend_height
from bench.reporting.lettering import fitted
from bench.reporting.naming import direction_arrow, metric_title
from bench.reporting.style import TEXT, TEXT_WIDTH

CURRENCY, LABEL = "flops", "training FLOPs"
"""What the curves are drawn against: the one measure of compute that means the same on every machine."""

PANEL_WIDTH = 1.3
"""Least inches of a panel with its share of the labels."""

_TITLE_LINE = 0.12
"""Inches of a line of a run's label."""


def curves_figure(joined: Joined, width: float = TEXT_WIDTH) -> Figure | None:
    """Return the figure, or None where no run has validation scores."""
    names = validation_metrics([cell for run in joined.runs for cell in run.cells])
    found = {name: [curves_of(run, name, joined.looks) for run in joined.runs] for name in names}
    found = {name: runs for name, runs in found.items() if any(runs)}
    if not found:
        return None
    across = min(len(joined.runs), max(1, int(width / PANEL_WIDTH)))
    down = math.ceil(len(joined.runs) / across)
    shown = [
        model for model in joined.looks if any(model == c.model for runs in found.values() for r in runs for c in r)
    ]
    titles = _TITLE_LINE * (1 + max(label.count(SEPARATOR) for label in joined.labels))
    height = (ROW_HEIGHT + titles) * down * len(found) + FOOT + legend_height(len(shown), width)
    figure = Figure(figsize=(width, height), layout="constrained")
    grid = figure.subplots(down * len(found), across, squeeze=False, sharex=True)
    for number, (name, runs) in enumerate(found.items()):
        panels = [axes for line in grid[number * down : (number + 1) * down] for axes in line]
        _draw_metric(panels, runs, width / across)
        for axes, label in zip(panels, joined.labels, strict=False):
            axes.set_title(
                "\n".join(fitted(part, 0.8 * width / across, TEXT) for part in label.split(SEPARATOR)), loc="left"
            )
        for axes in panels[::across]:
            axes.set_ylabel(f"{metric_title(METRICS[name])} {direction_arrow(METRICS[name])}")
    for axes in grid[-1]:
        axes.set_xlabel(LABEL)
    draw_legend(figure, {model: joined.shown(model) for model in shown}, joined.looks, width)
    return figure


def _draw_metric(panels: list[Axes], runs: list[list[Curve]], width: float) -> None:
    """Draw a panel a run, all to the same limits; runs without scores and places without a run stay empty."""
    together = [curve for curves in runs for curve in curves]
    for axes, curves in zip(panels, runs, strict=False):
        draw_curves(axes, curves, CURRENCY, width, limits=together)
    for axes in panels[len(runs) :]:
        axes.set_visible(False)


def curves_caption() -> str:
    """Return the caption of the figure: what is drawn, and that the test part is not in it."""
    return (
        f"Scores on validation windows during training, a panel a run, against {LABEL}, which mean the same on every machine. "
        f"{BANDS}"
    )
