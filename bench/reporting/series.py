"""The table by series: do the scores of the main table hold in every series that was held out?

A series has few pages, so its intervals are wide: they are the same two-way intervals as in the main table, over the units of pages
of that series alone. Nothing is tested within a series.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from bench.metrics.registry import METRICS
from bench.reporting import methods
from bench.reporting.layout import Column, Entry, Row, Table
from bench.reporting.naming import MAIN_METRICS, counted, listed, metric_title
from bench.reporting.reading import SHUFFLED, Run
from bench.reporting.scores import Scores, image_frame
from bench.reporting.tables import scaled, score_columns
from bench.sampling import page_means, page_sample
from bench.statistics import Interval, interval

MOST_PRINTED = 8
"""Series in print, those with the most held-out pages; CSV has all."""

MOST_COMPUTED = 200
"""Series in CSV; a run of a stranger may name every page a series of its own."""

FEW_PAGES = 10
"""Of a series with fewer, the caption says so by name."""

MOST_NAMED = 12
"""Small series that are named; the rest is counted."""

_LEFT_OUT = "oracle"
"""The truth gets the same scores in every series."""


@dataclass(frozen=True, slots=True)
class Series:
    """One series that was held out, and its pages."""

    name: str
    pages: tuple[str, ...]


_Scores = Mapping[tuple[str, str], Interval]
"""Scores of one series by (model, metric)."""


def held_out_series(run: Run) -> list[Series]:
    """Return the series of the held-out pages, the largest first; at most MOST_COMPUTED."""
    pages = run.windows.drop_duplicates("page").groupby("series")["page"].agg(tuple)
    found = [Series(str(name) or "no series", own) for name, own in pages.items()]
    return sorted(found, key=lambda series: (-len(series.pages), series.name))[:MOST_COMPUTED]


def series_table(run: Run, scores: Scores) -> Table | None:
    """Return the main metrics that score single pages, for every held-out series and model; None below two series."""
    metrics = [name for name in MAIN_METRICS if name in scores.metrics and METRICS[name].kind == "image"]
    if run.windows["series"].nunique() < 2 or not metrics:
        return None
    pages = _pages_of(run, metrics)
    groups = run.windows.drop_duplicates("page").set_index("page")["group"].astype(str)
    measured = [(series, _scores_of(series, pages, groups)) for series in held_out_series(run)]
    sections = [_section(run, series, own, metrics) for series, own in measured]
    notes = [
        *methods.set_notes(run, metrics),
        *_notes(run, measured, metrics),
        *methods.image_notes(run, scores, metrics),
        *methods.conditions(run),
    ]
    return Table(
        name="series",
        label="tab:series",
        heading="Scores by series",
        caption=methods.series_caption(run, printed_of(run)),
        columns=_columns(metrics),
        sections=tuple(sections[:MOST_PRINTED]),
        footnotes=tuple(notes),
        headings=tuple(_heading(series, own) for series, own in measured[:MOST_PRINTED]),
        unprinted=tuple(row for section in sections[MOST_PRINTED:] for row in section),
    )


def printed_of(run: Run) -> str:
    """Return how many of the series are in print: "6 series", "the 8 series of 23 with the most held-out pages"."""
    count = int(run.windows["series"].nunique())
    if count <= MOST_PRINTED:
        return f"{count} series"
    computed = "all" if count <= MOST_COMPUTED else f"the {MOST_COMPUTED} largest"
    return f"the {MOST_PRINTED} of {count:,} series with the most held-out pages (CSV: {computed})"


def _columns(metrics: Sequence[str]) -> tuple[Column, ...]:
    return tuple(dataclasses.replace(column, bold_means="") for column in score_columns(metrics))


def _models(run: Run) -> list[str]:
    return [model for model in run.rows if model != _LEFT_OUT and not model.endswith(SHUFFLED)]


def _pages_of(run: Run, metrics: Sequence[str]) -> dict[str, pd.DataFrame]:
    """Return for each metric the mean over windows of every cell and page."""
    cells = [(model, cell) for model in _models(run) for cell in run.cells_of(model)]
    frames = {name: image_frame(cells, name) for name in metrics}
    return {name: page_means(frame, name) for name, frame in frames.items() if frame is not None}


def _scores_of(series: Series, pages: Mapping[str, pd.DataFrame], groups: pd.Series[str]) -> _Scores:
    """Return the scores on the pages of one series."""
    samples = [page_sample(table[[*series.pages]], groups, name) for name, table in pages.items()]
    found = {(model, sample.metric): interval(sample, model) for sample in samples for model in sample.models}
    return {key: score for key, score in found.items() if score.pages}


def _section(run: Run, series: Series, own: _Scores, metrics: Sequence[str]) -> tuple[Row, ...]:
    return tuple(
        _row(run, series, model, own, metrics)
        for model in _models(run)
        if any((model, name) in own for name in metrics)
    )


def _row(run: Run, series: Series, model: str, own: _Scores, metrics: Sequence[str]) -> Row:
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


def _heading(series: Series, own: _Scores) -> str:
    """Return the series with its pages, and the units that its intervals are taken over where they are other than those."""
    units = max((score.units for score in own.values()), default=0)
    kinds = {score.unit_kind for score in own.values()}
    noun = "test group" if kinds == {"group"} else "block"
    told = f", {counted(units, noun)}" if units != len(series.pages) else ""
    return f"{series.name} ({counted(len(series.pages), 'page')}{told})"


def _notes(run: Run, measured: Sequence[tuple[Series, _Scores]], metrics: Sequence[str]) -> list[str]:
    """Return which series are small, and which competitor has the best mean in how many series."""
    small = [series.name for series, _ in measured if len(series.pages) < FEW_PAGES]
    more = f" and {len(small) - MOST_NAMED} more" if len(small) > MOST_NAMED else ""
    which = "every series" if len(small) == len(measured) else f"{listed(small[:MOST_NAMED])}{more}"
    notes = [f"Fewer than {FEW_PAGES} held-out pages: {which}; such intervals say little."] if small else []
    return notes + ([text] if (text := _best_sentence(run, measured, metrics)) else [])


def _best_sentence(run: Run, measured: Sequence[tuple[Series, _Scores]], metrics: Sequence[str]) -> str:
    """Return how often each competitor has the best mean of a series, for every metric; "" below two competitors."""
    if len(run.ranked) < 2:
        return ""
    told = []
    for name in metrics:
        best = Counter(_best(run, own, name) for _, own in measured)
        counts = [f"{run.shown(model)} {best[model]}" for model in run.ranked if best[model]]
        told.append(f"{metric_title(METRICS[name], unit=False)}: {', '.join(counts)}")
    return f"Series in which a competitor has the best mean, untested: {'; '.join(told)}."


def _best(run: Run, own: _Scores, metric: str) -> str:
    """Return the competitor with the best mean in one series, "" where none has a score."""
    sign = 1 if METRICS[metric].direction == "higher" else -1
    scored = [model for model in run.ranked if (model, metric) in own]
    return max(scored, key=lambda model: sign * own[model, metric].value, default="")
