"""The scores figure: one small panel a metric, a dot and its 95 % interval a model, reference rows in grey below."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.metrics.registry import METRICS, Metric
from bench.reporting.lettering import text_width, told_apart
from bench.reporting.naming import MAIN_METRICS, counted
from bench.reporting.panel import Dot, draw_panel, first_column, panels_figure, uncalibrated_note
from bench.reporting.reading import SHUFFLED, Run
from bench.reporting.scores import Scores
from bench.reporting.style import COLUMN_WIDTH, GREY, SMALL, TEXT_WIDTH, looks

MOST_ROWS = 16
"""With more rows than this, and in the narrow form, those of shuffled pages are left to the table."""

LABEL_SHARE = 0.28
"""Most of a figure's width that the names of its rows take."""

_END = ", shuffled"
"""Behind the name of a row of shuffled pages."""

_ROW_HEIGHT, _FRAME_HEIGHT = 0.145, 0.55
"""Inches of a row, and of a panel's title and axis."""


def dots_figure(run: Run, scores: Scores, width: float = TEXT_WIDTH) -> Figure | None:
    """Return the figure, or None where no shown row has a metric of the main table."""
    places = row_places(run, _shown_rows(run, width))
    names = [name for name in MAIN_METRICS if any(scores.get(model, name) is not None for model in places)]
    if not names:
        return None
    height = _FRAME_HEIGHT + _ROW_HEIGHT * len(places)
    figure, panels = panels_figure(len(names), width=width, height=height)
    for axes, name in zip(panels, names, strict=True):
        dots = _dots(run, scores, METRICS[name], places)
        draw_panel(axes, dots, METRICS[name])
        mark_holes(axes, set(places.values()) - {dot.place for dot in dots})
        label_rows(axes, run, places, width)
    return figure


def _shown_rows(run: Run, width: float) -> tuple[str, ...]:
    few = len(run.rows) <= MOST_ROWS and width > COLUMN_WIDTH
    return tuple(model for model in run.rows if few or not model.endswith(SHUFFLED))


def row_places(run: Run, rows: Sequence[str]) -> dict[str, float]:
    """Return the height of each row: competitors, a gap, reference rows; the first on top."""
    ranked = [model for model in rows if model in run.ranked]
    gap = 0.5 if ranked and len(ranked) < len(rows) else 0.0
    return {name: -(index + gap * (index >= len(ranked))) for index, name in enumerate(rows)}


def label_rows(axes: Axes, run: Run, places: dict[str, float], width: float) -> None:
    """Write the names of the rows beside a panel that stands at the left, and make room above and below for all."""
    names = _short_names(run, list(places), LABEL_SHARE * width) if first_column(axes) else [""] * len(places)
    axes.set_yticks(list(places.values()), names)
    axes.set_ylim(min(places.values()) - 0.6, 0.6)


def _short_names(run: Run, rows: Sequence[str], inches: float) -> list[str]:
    """Return the rows' names in so many inches; those of shuffled pages keep their end."""
    room = inches - text_width(_END) if any(model.endswith(SHUFFLED) for model in rows) else inches
    shown = told_apart([run.shown(model.removesuffix(SHUFFLED)) for model in rows], room)
    return [name + _END * model.endswith(SHUFFLED) for name, model in zip(shown, rows, strict=True)]


def mark_holes(axes: Axes, places: set[float]) -> None:
    """Write "no score" at the heights of rows without one."""
    across = axes.get_yaxis_transform()
    for place in sorted(places):
        axes.text(
            0.5, place, "no score", transform=across, fontsize=SMALL, color=GREY, ha="center", va="center"
        )  # fmt: skip


def _dots(run: Run, scores: Scores, metric: Metric, places: dict[str, float]) -> list[Dot]:
    dots, look = [], looks(run)
    for name, place in places.items():
        score = scores.get(name, metric.name)
        if score is not None:
            value, half = score.value * metric.scale, (score.half_width or 0.0) * metric.scale
            dots.append(Dot(place, value, half, look[name], name in run.ranked))
    return dots


def dots_caption(run: Run, scores: Scores) -> str:
    """Return the caption of the figure: what the dots are, and which panels stand on random features."""
    left = len(run.rows) - len(_shown_rows(run, TEXT_WIDTH))
    alone = f" The table alone has {counted(left, 'row')} of shuffled pages." if left else ""
    return (
        "Scores on the held-out part with 95 % intervals. Colour: competitors; grey: reference rows, never ranked; "
        f"an arrow at the edge carries the value of a row outside the panel's range.{alone}{uncalibrated_note(scores.metrics)}"
    )
