"""The tables of a joined report: those of one run with a block a run, and scores and differences across runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from bench.metrics.registry import METRICS, Metric
from bench.reporting.costs import cost_measures, cost_sections, cost_words
from bench.reporting.escaping import escape_csv, escape_latex
from bench.reporting.joined import words
from bench.reporting.joined.across import Across, Gap, is_chance
from bench.reporting.joined.differing import SEPARATOR
from bench.reporting.joined.reading import Joined
from bench.reporting.joined.series import joined_series_table
from bench.reporting.layout import Column, Entry, Row, Table
from bench.reporting.naming import MAIN_METRICS, csv_key, direction_arrow, metric_title
from bench.reporting.tables import (
    compared_metrics,
    difference_columns,
    difference_entries,
    difference_sections,
    further_metrics,
    hole_marks,
    hole_notes,
    scaled,
    score_columns,
    score_sections,
)

_Sections = Sequence[tuple[Row, ...]]

_OPTIMAL = "oracle"
"""Left out across runs: the truth gets the same scores from every input."""


def joined_tables(joined: Joined, across: Across) -> list[Table]:
    """Return every table that there are scores for, in the order of the page."""
    main = [name for name in MAIN_METRICS if name in across.metrics]
    heading = "Colouring of held-out manga pages, several runs"
    made = [
        _score_table("main", heading, words.main_caption(joined, across), main, joined, across),
        _across_table(joined, across, main),
        _gaps_table(joined, across),
        _differences_table(joined, across),
        _cost_table(joined),
        joined_series_table(joined, across),
    ]
    further = [
        _score_table(name, title, words.further_caption(joined, across, metrics), metrics, joined, across)
        for name, title, metrics in further_metrics(across.metrics)
    ]
    return [table for table in made if table is not None] + further


def _score_table(name: str, heading: str, caption: str, metrics: list[str], joined: Joined, across: Across) -> Table:
    marks = _marks(joined)
    blocks = [
        score_sections(metrics, own, run, scores)
        for own, run, scores in zip(marks, joined.runs, across.scores, strict=True)
    ]
    notes = (*_hole_notes(joined, marks), *words.score_notes(joined, across, metrics, shuffled=True))
    return _blocks_table(joined, name, heading, caption, score_columns(metrics), blocks, notes)


def _differences_table(joined: Joined, across: Across) -> Table | None:
    metrics = compared_metrics([d for scores in across.scores for d in scores.differences])
    if not metrics:
        return None
    both = zip(joined.runs, across.scores, strict=True)
    blocks = [difference_sections(metrics, run, scores) if scores.differences else () for run, scores in both]
    caption, notes = words.differences_caption(joined, across), words.score_notes(joined, across, metrics)
    heading = "Paired differences between models, within each run"
    return _blocks_table(joined, "differences", heading, caption, difference_columns(metrics), blocks, notes)


def _cost_table(joined: Joined) -> Table | None:
    measures = cost_measures(joined.runs)
    marks = [
        {model: mark for model, mark in own.items() if run.planned(model).get("trained")}
        for run, own in zip(joined.runs, _marks(joined), strict=True)
    ]
    blocks = [cost_sections(run, own, measures) for run, own in zip(joined.runs, marks, strict=True)]
    if not any(blocks):
        return None
    columns, notes = tuple(column for column, _ in measures), _hole_notes(joined, marks)
    caption = words.cost_caption(joined, cost_words(columns))
    return _blocks_table(joined, "cost", "What the scores cost", caption, columns, blocks, notes)


def _blocks_table(
    joined: Joined, name: str, heading: str, caption: str, columns: tuple[Column, ...], blocks: Sequence[_Sections],
    notes: Sequence[str],
) -> Table:  # fmt: skip
    """Return a table with the sections of each run under its label; CSV has the run and what differs in columns of its own."""
    sections: list[tuple[Row, ...]] = []
    headings: list[str] = []
    for index, block in enumerate(blocks):
        lead = joined.lead(index)
        for place, section in enumerate(block):
            headings.append("" if place else joined.labels[index])
            sections.append(tuple(dataclasses.replace(row, facts={**lead, **row.facts}) for row in section))
    return Table(
        name, f"tab:joined-{name}", heading, caption, columns, tuple(sections), tuple(notes), headings=tuple(headings)
    )


def _marks(joined: Joined) -> list[dict[str, str]]:
    """Return the footnote letters of each run's holes, none given twice."""
    marks: list[dict[str, str]] = []
    for run in joined.runs:
        marks.append(hole_marks(run, used=sum(map(len, marks))))
    return marks


def _hole_notes(joined: Joined, marks: Sequence[Mapping[str, str]]) -> list[str]:
    return [
        f"{note} [{label}]"
        for run, own, label in zip(joined.runs, marks, joined.labels, strict=True)
        for note in hole_notes(own, run)
    ]


def _across_table(joined: Joined, across: Across, metrics: list[str]) -> Table:
    """Return the table with a section a metric, a row a model and a column a run."""
    models = [model for model in (*joined.ranked, *joined.references) if model != _OPTIMAL and not is_chance(model)]
    both = [(METRICS[name], _present(joined, across, name, models)) for name in metrics]
    sections = tuple(tuple(_across_row(joined, across, metric, m) for m in rows) for metric, rows in both if rows)
    headings = tuple(f"{metric_title(metric)} {direction_arrow(metric)}" for metric, rows in both if rows)
    return Table(
        name="across",
        label="tab:joined-across",
        heading="Scores from run to run",
        caption=words.across_caption(joined, across),
        columns=tuple(_run_column(joined, index) for index in range(len(joined.runs))),
        sections=sections,
        footnotes=tuple(words.score_notes(joined, across, metrics)),
        headings=headings,
    )


def _present(joined: Joined, across: Across, metric: str, models: list[str]) -> list[str]:
    return [model for model in models if any(scores.get(model, metric) for scores in across.scores)]


def _across_row(joined: Joined, across: Across, metric: Metric, model: str) -> Row:
    entries = []
    for scores in across.scores:
        score = scores.get(model, metric.name)
        entries.append(
            Entry(decimals=metric.decimals)
            if score is None
            else Entry(scaled(score.value, metric), scaled(score.half_width, metric), decimals=metric.decimals)
        )
    facts = {
        "metric": csv_key(metric),
        "model": model,
        "shown_name": joined.shown(model),
        "row": "ranked" if model in joined.ranked else "reference",
    }
    return Row(joined.shown(model), tuple(entries), facts=facts)


def _run_column(joined: Joined, index: int) -> Column:
    parts = [escape_latex(part) for part in joined.labels[index].split(SEPARATOR)]
    stacked = r"\\".join(f"{{}}{part}" for part in parts)
    return Column(
        key=escape_csv(joined.names[index]),
        shown=joined.labels[index],
        latex=rf"\begin{{tabular}}[b]{{@{{}}r@{{}}}}{stacked}\end{{tabular}}",
        decimals=0,
        interval=True,
        bold_means="",
    )


def _gaps_table(joined: Joined, across: Across) -> Table | None:
    """Return the table of differences between runs: a section a model, a row a pair of runs; None where nothing compares."""
    metrics = compared_metrics([gap.difference for gap in across.gaps])
    if not metrics:
        return None
    found = {(gap.model, gap.first, gap.second, gap.difference.metric): gap for gap in across.gaps}
    pairs = list(dict.fromkeys((gap.model, gap.first, gap.second) for gap in across.gaps))
    models = list(dict.fromkeys(model for model, _, _ in pairs))
    return Table(
        name="gaps",
        label="tab:joined-gaps",
        heading="Paired differences between runs",
        caption=words.gaps_caption(joined, across),
        columns=difference_columns(metrics),
        sections=tuple(
            tuple(_gap_row(joined, metrics, pair, found) for pair in pairs if pair[0] == model) for model in models
        ),
        footnotes=tuple(words.score_notes(joined, across, metrics)),
        headings=tuple(joined.shown(model) for model in models),
    )


def _gap_row(
    joined: Joined, metrics: list[str], pair: tuple[str, int, int], found: Mapping[tuple[str, int, int, str], Gap]
) -> Row:
    model, first, second = pair
    gaps = [found.get((*pair, name)) for name in metrics]
    entries, measured = difference_entries(metrics, [gap.difference if gap else None for gap in gaps])
    facts: dict[str, str | int] = {
        "model": model,
        "first": joined.names[first],
        "second": joined.names[second],
        "seeds_paired": int(all(gap.seeds_paired for gap in gaps if gap)),
        **measured,
    }
    return Row(joined.labels[first], entries, second_line=f"− {joined.labels[second]}", facts=facts)
