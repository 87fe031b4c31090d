"""The scores figure: one small panel a metric, a dot and its 95 % interval a model, reference rows in grey below."""

from __future__ import annotations

import math
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from bench.metrics.registry import METRICS, Metric
from bench.reporting.naming import MAIN_METRICS, direction_arrow, metric_title
from bench.reporting.reading import Run
from bench.reporting.scores import Scores
from bench.reporting.style import FAINT, GREY, TEXT_WIDTH, Look, looks, shortened

PER_ROW = 4
"""Panels side by side."""

REACH = 0.75
"""A reference row further off than this share of the competitors' span is pinned to the edge, with its value beside it."""


@dataclass(frozen=True, slots=True)
class _Dot:
    """One row of one panel, in printed units."""

    place: float
    value: float
    half_width: float
    look: Look
    ranked: bool


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
        _draw_panel(axes, dots, METRICS[name])
        _mark_holes(axes, set(_places(run).values()) - {dot.place for dot in dots})
    for axes in panels[len(names) :]:
        axes.set_visible(False)
    _label_rows(panels[0], run)
    return figure


def _places(run: Run) -> dict[str, float]:
    """Return the height of each row: competitors, a gap, reference rows; the first on top."""
    gap = 0.5 if run.ranked and run.references else 0.0
    return {name: -(index + gap * (index >= len(run.ranked))) for index, name in enumerate(run.rows)}


def _dots(run: Run, scores: Scores, metric: Metric) -> list[_Dot]:
    dots = []
    for name, place in _places(run).items():
        score = scores.get(name, metric.name)
        if score is not None:
            value, half = score.value * metric.scale, (score.half_width or 0.0) * metric.scale
            dots.append(_Dot(place, value, half, looks(run)[name], name in run.ranked))
    return dots


def _label_rows(axes: Axes, run: Run) -> None:
    places = _places(run)
    axes.set_yticks(list(places.values()), [shortened(run.shown(name), 22) for name in places])
    axes.set_ylim(min(places.values()) - 0.6, 0.6)


def _draw_panel(axes: Axes, dots: list[_Dot], metric: Metric) -> None:
    title = f"{metric_title(metric)} {direction_arrow(metric)}"
    axes.set_title(title, loc="left", style="normal" if metric.calibrated else "italic")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(True, axis="x")
    low, high = _limits(dots)
    axes.set_xlim(low, high)
    axes.locator_params(axis="x", nbins=3)
    for dot in dots:
        axes.axhline(dot.place, color=FAINT, linewidth=0.4, zorder=0)
        if low <= dot.value <= high:
            _draw_dot(axes, dot)
        else:
            _pin(axes, dot, metric, right=dot.value > high)


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


def _limits(dots: list[_Dot]) -> tuple[float, float]:
    """Return the panel's range: all competitors with their intervals, and the reference rows that lie near them."""
    core = [dot for dot in dots if dot.ranked] or dots
    low, high = min(dot.value - dot.half_width for dot in core), max(dot.value + dot.half_width for dot in core)
    span = (high - low) or abs(high) * 0.1 or 1.0
    near = [dot for dot in dots if low - REACH * span <= dot.value <= high + REACH * span]
    low = min([low, *(max(dot.value - dot.half_width, low - span) for dot in near)])
    high = max([high, *(min(dot.value + dot.half_width, high + span) for dot in near)])
    margin = 0.12 * ((high - low) or span)
    return low - margin, high + margin


def _draw_dot(axes: Axes, dot: _Dot) -> None:
    width = 1.3 if dot.ranked else 0.9
    axes.plot(
        [dot.value - dot.half_width, dot.value + dot.half_width],
        [dot.place] * 2,
        color=dot.look.colour,
        linewidth=width,
    )
    size = {"*": 6.0, "o": 4.5}.get(dot.look.marker, 3.6)
    axes.plot([dot.value], [dot.place], dot.look.marker, color=dot.look.colour, markersize=size, markeredgewidth=0.0)


def _pin(axes: Axes, dot: _Dot, metric: Metric, *, right: bool) -> None:
    """Draw an arrow at the edge with the value beside it: the row lies outside the panel's range."""
    edge = 0.985 if right else 0.015
    across = axes.get_yaxis_transform()
    axes.plot([edge], [dot.place], ">" if right else "<", color=GREY, markersize=3.5, transform=across, clip_on=False)
    axes.text(
        0.93 if right else 0.07, dot.place, f"{dot.value:.{metric.decimals}f}", transform=across, fontsize=5.8, color=GREY,
        ha="right" if right else "left", va="center",
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6},
    )  # fmt: skip


def dots_caption(run: Run, scores: Scores) -> str:
    """Return the caption of the figure: what the dots are, and which panels stand on random features."""
    loose = [metric_title(METRICS[n]) for n in MAIN_METRICS if n in scores.metrics and not METRICS[n].calibrated]
    note = f" Italic titles ({', '.join(loose)}): uncalibrated, valid only within this report." if loose else ""
    return (
        "Scores on the held-out part with 95 % intervals. Colour: competitors; grey: reference rows, never ranked; "
        f"an arrow at the edge carries the value of a row outside the panel's range.{note}"
    )
