"""The table by series of a joined report: every series that was held out, with the rows of every model in every run."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from bench.reporting import methods
from bench.reporting import series as single
from bench.reporting.joined import words
from bench.reporting.joined.across import Across
from bench.reporting.joined.reading import Joined
from bench.reporting.joined.telling import merged
from bench.reporting.layout import Row, Table

MOST_SECTIONS = 8
"""Series times runs in print, at least one series; CSV has all."""


def joined_series_table(joined: Joined, across: Across) -> Table | None:
    """Return the main metrics that score single pages, for every held-out series, model and run; None below two series."""
    metrics = single.page_metrics(across.metrics)
    if joined.runs[0].windows["series"].nunique() < 2 or not metrics:
        return None
    measured = [single.measure_series(run, metrics) for run in joined.runs]
    sections = [_section(joined, measured, index, metrics) for index in range(len(measured[0]))]
    most = max(1, MOST_SECTIONS // len(joined.runs))
    image_notes = [
        [*single.best_notes(run, own, metrics), *methods.image_notes(run, scores, metrics)]
        for run, own, scores in zip(joined.runs, measured, across.scores, strict=True)
    ]
    notes = [
        *merged(joined, [methods.set_notes(run, metrics) for run in joined.runs]),
        *single.small_series_notes(measured[0]),
        *merged(joined, image_notes),
        *words.conditions(joined),
    ]
    return Table(
        name="series",
        label="tab:joined-series",
        heading="Scores by series",
        caption=words.series_caption(joined, single.printed_of(joined.runs[0], most)),
        columns=single.series_columns(metrics),
        sections=tuple(sections[:most]),
        footnotes=tuple(notes),
        headings=tuple(single.series_heading(series, own) for series, own in measured[0][:most]),
        unprinted=tuple(row for section in sections[most:] for row in section),
    )


def _section(
    joined: Joined, measured: Sequence[single.Measured], index: int, metrics: Sequence[str]
) -> tuple[Row, ...]:
    """Return the rows of the series at `index`, the runs of one model below each other."""
    rows = [
        dataclasses.replace(row, second_line=label, facts={**joined.lead(place), **row.facts})
        for place, (run, own, label) in enumerate(zip(joined.runs, measured, joined.labels, strict=True))
        for row in single.series_section(run, *own[index], metrics)
    ]
    order = {model: place for place, model in enumerate((*joined.ranked, *joined.references))}
    return tuple(sorted(rows, key=lambda row: order[str(row.facts["model"])]))
