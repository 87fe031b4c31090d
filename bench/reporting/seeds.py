"""The figure of seeds: a dot a seed and model, beside the noise that another seed of the same model would make."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.metrics.registry import METRICS
from bench.reporting.dots import label_rows, mark_holes, row_places
from bench.reporting.naming import MAIN_METRICS
from bench.reporting.panel import Dot, draw_frame, limits, panels_figure, pin, uncalibrated_note
from bench.reporting.reading import Run
from bench.reporting.scores import Scores, metric_sample
from bench.reporting.style import FAINT, INK, TEXT_WIDTH, looks
from bench.sampling import Values

BAND = "#ececec"
"""Behind the dots: what lies in it is no further from the best than two seeds of one model are from each other."""

_ROW_HEIGHT, _FRAME_HEIGHT = 0.21, 0.55
"""Inches of a row, and of a panel's title and axis."""

_SPREAD = 0.3
"""Dots of one row stand within this share of its height above and below, the first seed on top."""


def seeds_figure(run: Run, scores: Scores, width: float = TEXT_WIDTH) -> Figure | None:
    """Return the figure, or None where no main metric has a noise floor: no competitor has two scored seeds."""
    names, rows = shown_metrics(run, scores), _shown_rows(run)
    if not names:
        return None
    places = row_places(run, rows)
    figure, panels = panels_figure(len(names), width=width, height=_FRAME_HEIGHT + _ROW_HEIGHT * len(rows))
    for axes, name in zip(panels, names, strict=True):
        means = seed_means(run, scores, name, rows)
        _draw(axes, run, scores, name, places, means)
        mark_holes(axes, {place for model, place in places.items() if model not in means})
        label_rows(axes, run, places, width)
    return figure


def shown_metrics(run: Run, scores: Scores) -> list[str]:
    """Return the main metrics that have a noise floor."""
    scored = [name for name in MAIN_METRICS if any(scores.get(model, name) is not None for model in run.ranked)]
    return [name for name in scored if math.isfinite(scores.noise.get(name, math.nan))]


def _shown_rows(run: Run) -> list[str]:
    """Return the competitors, and the reference models that have seeds of their own."""
    return [m for m in run.rows if m in run.ranked or (run.planned(m).get("trained") and run.cells_of(m))]


def seed_means(run: Run, scores: Scores, metric: str, models: Sequence[str]) -> dict[str, Values]:
    """Return one mean over pages for each scored seed of each of `models`, in printed units and the order of the seeds."""
    sample = metric_sample([(cell.model, cell) for cell in run.cells], metric)
    if sample is None:
        return {}
    scale = METRICS[metric].scale
    found = [model for model in models if scores.get(model, metric) is not None]
    return {model: sample.seed_means(model) * scale for model in found}


def _draw(
    axes: Axes, run: Run, scores: Scores, name: str, places: Mapping[str, float], means: Mapping[str, Values]
) -> None:
    metric, look = METRICS[name], looks(run)
    dots = {
        model: Dot(places[model], float(values.mean()), _farthest(values), look[model], model in run.ranked)
        for model, values in means.items()
    }
    low, high = limits([*dots.values(), *_band_ends(run, scores, name, dots)])
    draw_frame(axes, metric, low, high)
    _draw_band(axes, _band_ends(run, scores, name, dots))
    for model, dot in dots.items():
        axes.axhline(dot.place, color=FAINT, linewidth=0.4, zorder=0.5)
        if not low <= dot.value <= high:
            pin(axes, dot, metric, right=dot.value > high)
            continue
        values = means[model]
        heights = dot.place + (np.linspace(_SPREAD, -_SPREAD, len(values)) if len(values) > 1 else np.zeros(1))
        axes.plot([dot.value] * 2, [dot.place - 0.4, dot.place + 0.4], color=INK, linewidth=0.8, solid_capstyle="butt")
        axes.plot(values, heights, linestyle="none", **dot.look.point(3.4))


def _farthest(values: Values) -> float:
    return float(np.abs(values - values.mean()).max())


def _band_ends(run: Run, scores: Scores, name: str, dots: Mapping[str, Dot]) -> list[Dot]:
    """Return the best competitor's mean, as wide to both sides as the noise floor."""
    floor, sign = scores.noise[name] * METRICS[name].scale, 1 if METRICS[name].direction == "higher" else -1
    ranked = [dots[model] for model in run.ranked if model in dots]
    if METRICS[name].direction == "none" or not ranked:
        return []
    best = max(ranked, key=lambda dot: sign * dot.value)
    return [Dot(best.place, best.value, floor, best.look, ranked=True)]


def _draw_band(axes: Axes, ends: Sequence[Dot]) -> None:
    for end in ends:
        axes.axvspan(end.value - end.half_width, end.value + end.half_width, color=BAND, linewidth=0, zorder=0)
        axes.axvline(end.value, color=INK, linewidth=0.6, linestyle=(0, (1, 2)), zorder=0.6)


def seeds_caption(run: Run, scores: Scores) -> str:
    """Return the caption of the figure: what dots, ticks and the band are."""
    note = uncalibrated_note(shown_metrics(run, scores))
    return (
        "Every seed is a mark (its score on the held-out pages, the first seed on top), every model's mean an upright "
        "stroke. Grey band: the best competitor's mean, and the noise floor to both sides of it, which is by how much two "
        "single trainings of one model typically differ (root mean square, pooled over the competitors). A mark in the band is no "
        "further from the best than another seed could put it; strokes, being means, vary by less, and the table of differences "
        f"has their tests. Grey symbols: reference models.{note}"
    )
