"""The figure of quality against speed: how good a model is, and how long it takes to colour a window."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.metrics.registry import METRICS, Metric
from bench.reporting.legend import columns_for, draw_legend, legend_height, name_width
from bench.reporting.lettering import text_width, told_apart
from bench.reporting.naming import MAIN_METRICS, amount, listed
from bench.reporting.panel import across, draw_title, few_ticks, panels_figure, uncalibrated_note
from bench.reporting.reading import Run
from bench.reporting.scores import Scores
from bench.reporting.sentences import hardware_sentence
from bench.reporting.style import INK, TEXT_WIDTH, Look, looks
from bench.reporting.ticks import logarithmic

ROOM = 1.6
"""The time axis goes on by this factor to both sides of the fastest and the slowest model."""

MOST_TICKS = 4
"""Of the time axis of a panel."""

_PANEL_HEIGHT = 1.35
"""Inches of a panel with its title and axis."""


@dataclass(frozen=True, slots=True)
class Speed:
    """Milliseconds in which a model colours one window alone: the median of its cells, and the fastest and slowest of them."""

    milliseconds: float
    fastest: float
    slowest: float


@dataclass(frozen=True, slots=True)
class Point:
    """One model in one panel: its speed, and its score in printed units."""

    model: str
    speed: Speed
    value: float
    half_width: float


def speeds(run: Run) -> dict[str, Speed]:
    """Return the speed of every model that was timed, in the order of the tables."""
    found = {}
    for model in run.rows:
        times = [
            1000 * cell.speed.seconds_per_window
            for cell in run.scored_cells(model)
            if cell.speed and cell.speed.seconds_per_window
        ]
        if times:
            found[model] = Speed(statistics.median(times), min(times), max(times))
    return found


def pareto_front(points: Sequence[Point], metric: Metric) -> list[Point]:
    """Return the points that no other beats: none is as fast and as good, and better in one of both; the fastest first."""
    sign = 1 if metric.direction == "higher" else -1
    costs = [(point.speed.milliseconds, -sign * point.value) for point in points]
    beaten = [any(other != own and other[0] <= own[0] and other[1] <= own[1] for other in costs) for own in costs]
    front = [point for point, lost in zip(points, beaten, strict=True) if not lost]
    return sorted(front, key=lambda point: (point.speed.milliseconds, point.model))


def speed_figure(run: Run, scores: Scores, width: float = TEXT_WIDTH) -> Figure | None:
    """Return the figure, or None where no competitor with scores was timed."""
    timed = speeds(run)
    points = {name: _points(run, scores, timed, name) for name in MAIN_METRICS}
    names = [name for name, found in points.items() if any(point.model in run.ranked for point in found)]
    if not names:
        return None
    shown = [model for model in timed if any(point.model == model for name in names for point in points[name])]
    columns = columns_for([run.shown(model) + _size(run, model) for model in shown], width)
    extra = legend_height(len(shown), width, columns)
    figure, panels = panels_figure(len(names), width=width, height=_PANEL_HEIGHT, extra=extra)
    ends = [end for model in shown for end in (timed[model].fastest, timed[model].slowest)]
    for place, (axes, name) in enumerate(zip(panels, names, strict=True)):
        logarithmic(axes, min(ends) / ROOM, max(ends) * ROOM, MOST_TICKS, lambda value: f"{value:g}")
        _draw(axes, points[name], METRICS[name], looks(run), run.ranked)
        axes.set_xlabel("ms a window" if place + across(width) >= len(panels) else "")
    names_and_sizes = _names(run, shown, name_width(width, columns))
    draw_legend(figure, names_and_sizes, looks(run), width, lines=False, columns=columns)
    return figure


def _points(run: Run, scores: Scores, timed: Mapping[str, Speed], metric: str) -> list[Point]:
    scale, points = METRICS[metric].scale, []
    for model, speed in timed.items():
        score = scores.get(model, metric)
        if score is not None:
            points.append(Point(model, speed, score.value * scale, (score.half_width or 0.0) * scale))
    return points


def _names(run: Run, models: Sequence[str], inches: float) -> dict[str, str]:
    """Return the models' names with the parameters of their generators, where the plan knows them: "pix2pix (54.4 M)"."""
    sizes = [_size(run, model) for model in models]
    room = inches - max(text_width(size) for size in sizes)
    shown = told_apart([run.shown(model) for model in models], room)
    return {model: name + size for model, name, size in zip(models, shown, sizes, strict=True)}


def _size(run: Run, model: str) -> str:
    counts = run.planned(model).get("parameters") or {}
    generator = next((count for name, count in counts.items() if str(name).startswith("generator")), None)
    return f" ({amount(generator)})" if generator else ""


def _draw(axes: Axes, points: Sequence[Point], metric: Metric, look: Mapping[str, Look], ranked: Sequence[str]) -> None:
    draw_title(axes, metric)
    axes.grid(True)
    for point in points:
        colour, speed = look[point.model].colour, point.speed
        ends = (point.value - point.half_width, point.value + point.half_width)
        axes.plot([speed.milliseconds] * 2, ends, color=colour, linewidth=1.1)
        axes.plot((speed.fastest, speed.slowest), [point.value] * 2, color=colour, linewidth=1.1)
        axes.plot([speed.milliseconds], [point.value], linestyle="none", **look[point.model].point(4.5))
    _draw_front(axes, pareto_front([point for point in points if point.model in ranked], metric))
    axes.margins(y=0.15)
    axes.yaxis.set_major_locator(few_ticks(4))
    if metric.direction == "lower":
        axes.invert_yaxis()


def _draw_front(axes: Axes, front: Sequence[Point]) -> None:
    """Draw the front as stairs that go on to the right: whatever lies below them is beaten in both."""
    times, values = [point.speed.milliseconds for point in front], [point.value for point in front]
    if front:
        right = axes.get_xlim()[1]
        axes.plot(
            [*times, right], [*values, values[-1]], drawstyle="steps-post", color=INK, linewidth=0.7,
            linestyle=(0, (2, 1.5)), zorder=1.5,
        )  # fmt: skip


def speed_caption(run: Run, scores: Scores) -> str:
    """Return the caption of the figure: what is timed, what the front is, and who is missing."""
    timed = speeds(run)
    untimed = [run.shown(model) for model in run.ranked if model not in timed and run.scored_cells(model)]
    missing = f" Not timed, and so not shown: {listed(untimed)}." if untimed else ""
    return (
        "Scores with 95 % intervals against the time in which a model colours one window alone: the median of its seeds, a "
        "line from the fastest to the slowest. Time runs to the right on a logarithmic axis and better is up in every panel, "
        "so that the upper left is best. Dashed stairs: the Pareto front of the competitors; what lies below is beaten "
        f"in both. Grey, hollow: reference models. In brackets: parameters of the generator.{missing} "
        f"{hardware_sentence(run)}{uncalibrated_note(scores.metrics)}"
    )
