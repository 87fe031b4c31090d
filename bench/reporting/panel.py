"""One panel of a figure of scores: dots with their 95 % intervals, and arrows with values for what lies outside the range."""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.axes import Axes

from bench.metrics.registry import Metric
from bench.reporting.naming import direction_arrow, metric_title
from bench.reporting.style import FAINT, GREY, Look

REACH = 0.75
"""A reference row further off than this share of the competitors' span is pinned to the edge, with its value beside it."""


@dataclass(frozen=True, slots=True)
class Dot:
    """One row of one panel, in printed units."""

    place: float
    value: float
    half_width: float
    look: Look
    ranked: bool


def draw_panel(axes: Axes, dots: list[Dot], metric: Metric) -> None:
    """Draw the dots of one metric, with its title and direction."""
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


def _limits(dots: list[Dot]) -> tuple[float, float]:
    """Return the panel's range: all competitors with their intervals, and the reference rows that lie near them."""
    core = [dot for dot in dots if dot.ranked] or dots
    low, high = min(dot.value - dot.half_width for dot in core), max(dot.value + dot.half_width for dot in core)
    span = (high - low) or abs(high) * 0.1 or 1.0
    near = [dot for dot in dots if low - REACH * span <= dot.value <= high + REACH * span]
    low = min([low, *(max(dot.value - dot.half_width, low - span) for dot in near)])
    high = max([high, *(min(dot.value + dot.half_width, high + span) for dot in near)])
    margin = 0.12 * ((high - low) or span)
    return low - margin, high + margin


def _draw_dot(axes: Axes, dot: Dot) -> None:
    width = 1.3 if dot.ranked else 0.9
    axes.plot(
        [dot.value - dot.half_width, dot.value + dot.half_width],
        [dot.place] * 2,
        color=dot.look.colour,
        linewidth=width,
    )
    size = {"*": 6.0, "o": 4.5}.get(dot.look.marker, 3.6)
    axes.plot([dot.value], [dot.place], dot.look.marker, color=dot.look.colour, markersize=size, markeredgewidth=0.0)


def _pin(axes: Axes, dot: Dot, metric: Metric, *, right: bool) -> None:
    """Draw an arrow at the edge with the value beside it: the row lies outside the panel's range."""
    edge = 0.985 if right else 0.015
    across = axes.get_yaxis_transform()
    axes.plot([edge], [dot.place], ">" if right else "<", color=GREY, markersize=3.5, transform=across, clip_on=False)
    axes.text(
        0.93 if right else 0.07, dot.place, f"{dot.value:.{metric.decimals}f}", transform=across, fontsize=5.8, color=GREY,
        ha="right" if right else "left", va="center",
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6},
    )  # fmt: skip
