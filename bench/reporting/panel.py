"""Small panels, one a metric, side by side: dots with their 95 % intervals, and arrows with values for what lies outside."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator

from bench.metrics.registry import METRICS, Metric
from bench.reporting.naming import MAIN_METRICS, direction_arrow, metric_title
from bench.reporting.style import FAINT, GREY, SMALL, Look

REACH = 0.75
"""A reference row further off than this share of the competitors' span is pinned to the edge, with its value beside it."""

PANEL_WIDTH = 1.3
"""Least inches of a panel with its share of the labels: four stand side by side in the width of a text, two in a column."""


@dataclass(frozen=True, slots=True)
class Dot:
    """One row of one panel, in printed units."""

    place: float
    value: float
    half_width: float
    look: Look
    ranked: bool


def across(width: float) -> int:
    """Return how many panels stand side by side in a figure of `width` inches."""
    return max(1, int(width / PANEL_WIDTH))


def panels_figure(count: int, *, width: float, height: float, extra: float = 0.0) -> tuple[Figure, list[Axes]]:
    """Return a figure of `width` inches and its `count` panels, each `height` inches high.

    `extra` inches are left for a legend. Places without a panel are hidden.
    """
    down = math.ceil(count / across(width))
    layout = ConstrainedLayoutEngine(w_pad=0.05, h_pad=0.04, hspace=0.03)
    figure = Figure(figsize=(width, height * down + extra), layout=layout)
    panels = [axes for line in figure.subplots(down, across(width), squeeze=False) for axes in line]
    for axes in panels[count:]:
        axes.set_visible(False)
    return figure, panels[:count]


def first_column(axes: Axes) -> bool:
    """Return whether a panel stands at the left, where the names of rows are written."""
    place = axes.get_subplotspec()
    return place is None or place.is_first_col()


def uncalibrated_note(metrics: Sequence[str]) -> str:
    """Return what a star at a title means, for a caption, "" where the main metrics among `metrics` are all calibrated."""
    loose = [metric_title(METRICS[n]) for n in MAIN_METRICS if n in metrics and not METRICS[n].calibrated]
    return f" An asterisk ({', '.join(loose)}): uncalibrated, valid only within this report." if loose else ""


def draw_title(axes: Axes, metric: Metric, *, arrow: bool = True) -> None:
    """Write the metric's name and direction above a panel, with a star where it rests on random features.

    A star and not italics, since a second font would double the time that a PDF takes.
    """
    name, *factor = metric_title(metric).split(" ")
    parts = [name + "*" * (not metric.calibrated), *factor, *([direction_arrow(metric)] if arrow else [])]
    axes.set_title(" ".join(part for part in parts if part), loc="left")


def draw_frame(axes: Axes, metric: Metric, low: float, high: float) -> None:
    """Draw the panel of one metric without its dots: title, range, upright grid lines."""
    draw_title(axes, metric)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(True, axis="x")
    axes.set_xlim(low, high)
    axes.xaxis.set_major_locator(few_ticks(2))


def few_ticks(most: int) -> MaxNLocator:
    """Return a locator of about `most` ticks with few digits: no quarters."""
    return MaxNLocator(nbins=most, steps=[1, 2, 5, 10])


def draw_panel(axes: Axes, dots: list[Dot], metric: Metric) -> None:
    """Draw the dots of one metric, with its title and direction."""
    low, high = limits(dots)
    draw_frame(axes, metric, low, high)
    for dot in dots:
        axes.axhline(dot.place, color=FAINT, linewidth=0.4, zorder=0)
        if low <= dot.value <= high:
            _draw_dot(axes, dot)
        else:
            pin(axes, dot, metric, right=dot.value > high)


def limits(dots: list[Dot]) -> tuple[float, float]:
    """Return a panel's range: all competitors with their intervals, and the reference rows that lie near them."""
    core = [dot for dot in dots if dot.ranked] or dots
    low, high = min(dot.value - dot.half_width for dot in core), max(dot.value + dot.half_width for dot in core)
    span = (high - low) or abs(high) * 0.1 or 1.0
    near = [dot for dot in dots if low - REACH * span <= dot.value <= high + REACH * span]
    low = min([low, *(max(dot.value - dot.half_width, low - span) for dot in near)])
    high = max([high, *(min(dot.value + dot.half_width, high + span) for dot in near)])
    margin = 0.12 * ((high - low) or span)
    return low - margin, high + margin


def _draw_dot(axes: Axes, dot: Dot) -> None:
    ends = (dot.value - dot.half_width, dot.value + dot.half_width)
    axes.plot(ends, [dot.place] * 2, color=dot.look.colour, linewidth=1.3 if dot.ranked else 0.9)
    axes.plot([dot.value], [dot.place], linestyle="none", **dot.look.point(4.5 if dot.ranked else 3.8))


def pin(axes: Axes, dot: Dot, metric: Metric, *, right: bool) -> None:
    """Draw an arrow at the edge with the value beside it: the row lies outside the panel's range."""
    edge = 0.985 if right else 0.015
    across = axes.get_yaxis_transform()
    axes.plot([edge], [dot.place], ">" if right else "<", color=GREY, markersize=3.5, transform=across, clip_on=False)
    axes.text(
        0.93 if right else 0.07, dot.place, f"{dot.value:.{metric.decimals}f}", transform=across, fontsize=SMALL,
        color=GREY, ha="right" if right else "left", va="center",
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.4},
    )  # fmt: skip
