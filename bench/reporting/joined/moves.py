"""The figure of a joined report: how each metric moves from run to run, a band a run, a dot and its interval a model."""

from __future__ import annotations

import itertools

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.metrics.registry import METRICS, Metric
from bench.reporting.joined.across import Across, is_chance
from bench.reporting.joined.differing import SEPARATOR
from bench.reporting.joined.reading import Joined
from bench.reporting.legend import draw_legend, legend_height
from bench.reporting.lettering import fitted
from bench.reporting.naming import MAIN_METRICS
from bench.reporting.panel import Dot, draw_panel, first_column, panels_figure, uncalibrated_note
from bench.reporting.style import TEXT_WIDTH

LEFT_OUT = ("oracle", "mean-chroma")
"""Rows that say little of how runs differ: the truth never moves, and mean chroma moves as copying the input does."""

LABEL_SHARE = 0.28
"""Most of the figure's width that the runs' labels take."""

_GAP = 0.8
"""Space between two bands, in rows."""

_ROW_HEIGHT, _PANEL_FRAME = 0.105, 0.5
"""Inches a row takes, and a panel's title and axis."""


def moves_figure(joined: Joined, across: Across, width: float = TEXT_WIDTH) -> Figure | None:
    """Return the figure, or None where no metric of the main table was measured."""
    names = [name for name in MAIN_METRICS if name in across.metrics]
    if not names:
        return None
    places = _places(joined)
    height = _PANEL_FRAME + _ROW_HEIGHT * (1 - min(places.values()))
    figure, panels = panels_figure(
        len(names), width=width, height=height, extra=legend_height(len(_models(joined)), width)
    )
    for axes, name in zip(panels, names, strict=True):
        _draw(axes, joined, across, METRICS[name])
        _label_bands(axes, joined, places, LABEL_SHARE * width)
    draw_legend(figure, {model: joined.shown(model) for model in _models(joined)}, joined.looks, width)
    return figure


def _models(joined: Joined) -> list[str]:
    models = (*joined.ranked, *joined.references)
    return [model for model in models if model not in LEFT_OUT and not is_chance(model)]


def _places(joined: Joined) -> dict[tuple[int, str], float]:
    """Return the height of each (run, model): runs in bands, the first on top."""
    models = _models(joined)
    band = len(models) + _GAP
    return {(run, m): -(run * band + i) for run in range(len(joined.runs)) for i, m in enumerate(models)}


def _dots(joined: Joined, across: Across, metric: Metric) -> dict[tuple[int, str], Dot]:
    dots = {}
    for (run, model), place in _places(joined).items():
        score = across.scores[run].get(model, metric.name)
        if score is not None:
            value, half = score.value * metric.scale, (score.half_width or 0.0) * metric.scale
            dots[run, model] = Dot(place, value, half, joined.looks[model], model in joined.ranked)
    return dots


def _draw(axes: Axes, joined: Joined, across: Across, metric: Metric) -> None:
    """Draw one panel, and a thin line from each dot to the model's next one where both are in the panel's range."""
    dots = _dots(joined, across, metric)
    draw_panel(axes, list(dots.values()), metric)
    low, high = axes.get_xlim()
    for model in _models(joined):
        path = [dot for (_, name), dot in dots.items() if name == model]
        for one, two in itertools.pairwise(path):
            if low <= one.value <= high and low <= two.value <= high:
                colour, ends = joined.looks[model].colour, (one.value, two.value)
                axes.plot(ends, (one.place, two.place), color=colour, linewidth=0.6, alpha=0.5, zorder=0.5)


def _label_bands(axes: Axes, joined: Joined, places: dict[tuple[int, str], float], inches: float) -> None:
    count, middles = len(_models(joined)), []
    for run in range(len(joined.runs)):
        own = [place for (index, _), place in places.items() if index == run]
        middles.append(sum(own) / count)
    texts = ["\n".join(fitted(part, inches) for part in label.split(SEPARATOR)) for label in joined.labels]
    axes.set_yticks(middles, texts if first_column(axes) else [""] * len(texts))
    axes.set_ylim(min(places.values()) - 0.8, 0.8)


def moves_caption(joined: Joined, across: Across) -> str:
    """Return the caption of the figure: what the bands, dots and lines are."""
    return (
        f"Scores from run to run, a band a run, with 95 % intervals. Colour: competitors; grey: "
        "reference rows; thin lines join a model’s scores; an arrow at the edge carries the value of a row outside the panel’s "
        f"range.{uncalibrated_note(across.metrics)}"
    )
