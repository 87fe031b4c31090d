"""The scores figure: one small panel a metric, a dot and its 95 % interval a model, reference rows in grey below."""

from __future__ import annotations

import math

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from bench.metrics.registry import METRICS, Metric
from bench.reporting.naming import MAIN_METRICS, metric_title
from bench.reporting.panel import Dot, draw_panel
from bench.reporting.reading import Run
from bench.reporting.scores import Scores
from bench.reporting.style import GREY, TEXT_WIDTH, looks, shortened

PER_ROW = 4
"""Panels side by side."""


def dots_figure(run: Run, scores: Scores) -> Figure | None:
    """Return the figure, or None where no metric of the main table was measured."""
    names = [name for name in MAIN_METRICS if name in scores.metrics]
    if not names:
        return None
    rows = math.ceil(len(names) / PER_ROW)
    height = 0.55 + 0.15 * len(run.rows)
    figure = Figure(
        figsize=(TEXT_WIDTH, height * rows), layout=ConstrainedLayoutEngine(w_pad=0.05, h_pad=0.04, hspace=0.03)
    )
    grid = figure.subplots(rows, PER_ROW, squeeze=False, sharey=True)
    panels = [axes for line in grid for axes in line]
    for axes, name in zip(panels, names, strict=False):
        dots = _dots(run, scores, METRICS[name])
        draw_panel(axes, dots, METRICS[name])
        _mark_holes(axes, set(_places(run).values()) - {dot.place for dot in dots})
    for axes in panels[len(names) :]:
        axes.set_visible(False)
    _label_rows(panels[0], run)
    return figure


def _places(run: Run) -> dict[str, float]:
    """Return the height of each row: competitors, a gap, reference rows; the first on top."""
    gap = 0.5 if run.ranked and run.references else 0.0
    return {name: -(index + gap * (index >= len(run.ranked))) for index, name in enumerate(run.rows)}


def _dots(run: Run, scores: Scores, metric: Metric) -> list[Dot]:
    dots = []
    for name, place in _places(run).items():
        score = scores.get(name, metric.name)
        if score is not None:
            value, half = score.value * metric.scale, (score.half_width or 0.0) * metric.scale
            dots.append(Dot(place, value, half, looks(run)[name], name in run.ranked))
    return dots


def _label_rows(axes: Axes, run: Run) -> None:
    places = _places(run)
    axes.set_yticks(list(places.values()), [shortened(run.shown(name), 22) for name in places])
    axes.set_ylim(min(places.values()) - 0.6, 0.6)


def _mark_holes(axes: Axes, places: set[float]) -> None:
    for place in sorted(places):
        axes.text(
            0.5,
            place,
            "no score",
            transform=axes.get_yaxis_transform(),
            fontsize=5.8,
            color=GREY,
            ha="center",
            va="center",
        )


def dots_caption(run: Run, scores: Scores) -> str:
    """Return the caption of the figure: what the dots are, and which panels stand on random features."""
    loose = [metric_title(METRICS[n]) for n in MAIN_METRICS if n in scores.metrics and not METRICS[n].calibrated]
    note = f" Italic titles ({', '.join(loose)}): uncalibrated, valid only within this report." if loose else ""
    return (
        "Scores on the held-out part with 95 % intervals. Colour: competitors; grey: reference rows, never ranked; "
        f"an arrow at the edge carries the value of a row outside the panel's range.{note}"
    )
