"""The table by series: do the scores of the main table hold in every series that was held out?

A series has few pages, so its intervals are wide: they are the same two-way intervals as in the main table, over the units of pages
of that series alone. Nothing is tested within a series.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from bench.metrics.registry import METRICS
from bench.reporting import methods
from bench.reporting.layout import Column, Entry, Row, Table
from bench.reporting.naming import MAIN_METRICS, counted, listed, metric_title
from bench.reporting.reading import SHUFFLED, Run
from bench.reporting.scores import Scores, image_frame
from bench.reporting.tables import scaled, score_columns
from bench.sampling import Sample, page_means, part_samples
from bench.statistics import Interval, interval

MOST_PRINTED = 8
"""Series in print, those with the most held-out pages; CSV has all."""

MOST_COMPUTED = 200
"""Series in CSV; a run of a stranger may name every page a series of its own."""

FEW_UNITS = 4
"""Of a series with fewer units of pages, and so with an interval of less than three degrees of freedom, a note says so by name."""

MOST_NAMED = 12
"""Small series that are named; the rest is counted."""

_LEFT_OUT = "oracle"
"""The truth gets the same scores in every series."""


@dataclass(frozen=True, slots=True)
class Series:
    """One series that was held out, and its pages."""

    name: str
    pages: tuple[str, ...]


SeriesScores = Mapping[tuple[str, str], Interval]
"""Scores of one series by (model, metric)."""

Measured = Sequence[tuple[Series, SeriesScores]]
"""Every series of a run with its scores."""


def held_out_series(run: Run) -> list[Series]:
    """Return the series of the held-out pages, the largest first; at most MOST_COMPUTED."""
    pages = run.windows.drop_duplicates("page").groupby("series")["page"].agg(tuple)
    found = [Series(str(name) or "no series", own) for name, own in pages.items()]
    return sorted(found, key=lambda series: (-len(series.pages), series.name))[:MOST_COMPUTED]


def series_table(run: Run, scores: Scores) -> Table | None:
    """Return the main metrics that score single pages, for every held-out series and model; None below two series."""
    metrics = page_metrics(scores.metrics)
    if run.windows["series"].nunique() < 2 or not metrics:
        return None
    measured = measure_series(run, metrics)
    sections = [series_section(run, series, own, metrics) for series, own in measured]
    notes = [
        *methods.set_notes(run, metrics),
        *small_series_notes(measured),
        *best_notes(run, measured, metrics),
        *methods.image_notes(run, scores, metrics),
        *methods.conditions(run),
    ]
    return Table(
        name="series",
        label="tab:series",
        heading="Scores by series",
        caption=methods.series_caption(run, printed_of(run, MOST_PRINTED)),
        columns=series_columns(metrics),
        sections=tuple(sections[:MOST_PRINTED]),
        footnotes=tuple(notes),
        headings=tuple(series_heading(series, own) for series, own in measured[:MOST_PRINTED]),
        unprinted=tuple(row for section in sections[MOST_PRINTED:] for row in section),
    )


def page_metrics(there: Collection[str]) -> list[str]:
    """Return the main metrics among `there` that score single pages."""
    return [name for name in MAIN_METRICS if name in there and METRICS[name].kind == "image"]


def measure_series(run: Run, metrics: Sequence[str]) -> Measured:
    """Return the held-out series, the largest first, with the scores of every model."""
    pages = _pages_of(run, metrics)
    groups = run.windows.drop_duplicates("page").set_index("page")["group"].astype(str)
    series = held_out_series(run)
    parts = [each.pages for each in series]
    samples = [part_samples(table, groups, name, parts) for name, table in pages.items()]
    return [(each, _scores_of(own)) for each, own in zip(series, zip(*samples, strict=True), strict=True)]


def printed_of(run: Run, most: int) -> str:
    """Return how many of the series are in print where `most` are: "6 series", "the 8 of 23 series with the most pages"."""
    count = int(run.windows["series"].nunique())
    if count <= most:
        return f"{count} series"
    computed = "all" if count <= MOST_COMPUTED else f"the {MOST_COMPUTED} largest"
    return f"the {most} of {count:,} series with the most held-out pages (CSV: {computed})"


def series_columns(metrics: Sequence[str]) -> tuple[Column, ...]:
    """Return the columns of scores; nothing is bold."""
    return tuple(dataclasses.replace(column, bold_means="") for column in score_columns(metrics))


def _models(run: Run) -> list[str]:
    return [model for model in run.rows if model != _LEFT_OUT and not model.endswith(SHUFFLED)]


def _pages_of(run: Run, metrics: Sequence[str]) -> dict[str, pd.DataFrame]:
    """Return for each metric the mean over windows of every cell and page."""
    cells = [(model, cell) for model in _models(run) for cell in run.cells_of(model)]
    frames = {name: image_frame(cells, name) for name in metrics}
    return {name: page_means(frame, name) for name, frame in frames.items() if frame is not None}


def _scores_of(samples: Sequence[Sample]) -> SeriesScores:
    """Return the scores of one series from its sample of each metric."""
    found = {(model, sample.metric): interval(sample, model) for sample in samples for model in sample.models}
    return {key: score for key, score in found.items() if score.pages}


def series_section(run: Run, series: Series, own: SeriesScores, metrics: Sequence[str]) -> tuple[Row, ...]:
    """Return a row for every model that has a score in the series."""
    return tuple(
        _row(run, series, model, own, metrics)
        for model in _models(run)
        if any((model, name) in own for name in metrics)
    )


def _row(run: Run, series: Series, model: str, own: SeriesScores, metrics: Sequence[str]) -> Row:
    found = [own.get((model, name)) for name in metrics]
    known = [score for score in found if score is not None]
    entries = [
        Entry() if score is None else Entry(scaled(score.value, METRICS[name]), scaled(score.half_width, METRICS[name]))
        for name, score in zip(metrics, found, strict=True)
    ]
    facts: dict[str, str | int] = {
        "series": series.name,
        "model": model,
        "shown_name": run.shown(model),
        "row": "ranked" if model in run.ranked else "reference",
        "seeds": sum(cell.seed is not None for cell in run.scored_cells(model)),
        "pages": len(series.pages),
        "units": max(score.units for score in known),
    }
    return Row(run.shown(model), tuple(entries), facts=facts)


def series_heading(series: Series, own: SeriesScores) -> str:
    """Return the series with its pages, and the units that its intervals are taken over where they are other than those."""
    units = max((score.units for score in own.values()), default=0)
    kinds = {score.unit_kind for score in own.values()}
    noun = "test group" if kinds == {"group"} else "block"
    told = f", {counted(units, noun)}" if units != len(series.pages) else ""
    return f"{series.name} ({counted(len(series.pages), 'page')}{told})"


def small_series_notes(measured: Measured) -> list[str]:
    """Return which series have intervals over few units of pages: one line, or none."""
    units = {series.name: max((score.units for score in own.values()), default=0) for series, own in measured}
    small = [name for name, count in units.items() if 1 < count < FEW_UNITS]
    more = f" and {len(small) - MOST_NAMED} more" if len(small) > MOST_NAMED else ""
    which = "every series" if len(small) == len(measured) else f"{listed(small[:MOST_NAMED])}{more}"
    return [f"Fewer than {FEW_UNITS} units of pages: {which}; such intervals say little."] if small else []


def best_notes(run: Run, measured: Measured, metrics: Sequence[str]) -> list[str]:
    """Return in how many series each competitor has the best mean, for every metric: one line, or none below two competitors."""
    if len(run.ranked) < 2:
        return []
    told = []
    for name in metrics:
        best = Counter(_best(run, own, name) for _, own in measured)
        counts = [f"{run.shown(model)} {best[model]}" for model in run.ranked if best[model]]
        told.append(f"{metric_title(METRICS[name], unit=False)}: {', '.join(counts)}")
    return [f"Series in which a competitor has the best mean, untested: {'; '.join(told)}."]


def _best(run: Run, own: SeriesScores, metric: str) -> str:
    """Return the competitor with the best mean in one series, "" where none has a score."""
    sign = 1 if METRICS[metric].direction == "higher" else -1
    scored = [model for model in run.ranked if (model, metric) in own]
    return max(scored, key=lambda model: sign * own[model, metric].value, default="")
