"""The tables of scores: main, secondary, and paired differences beside the noise between seeds."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from bench.metrics.registry import METRICS, Metric
from bench.reporting import methods
from bench.reporting.layout import Column, Entry, Row, Table, digits
from bench.reporting.naming import (
    DINOV2_METRICS,
    LINE_METRICS,
    MAIN_METRICS,
    UNCALIBRATED,
    csv_key,
    direction_arrow,
    metric_latex,
    metric_title,
)
from bench.reporting.reading import CellResult, Run
from bench.reporting.scores import Scores
from bench.statistics import Difference

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
"""Marks of footnotes; numbers follow where they are used up."""


def main_table(run: Run, scores: Scores) -> Table:
    """Return the table that a paper prints: competitors, a rule, reference rows; bold is given to competitors alone."""
    names = [name for name in MAIN_METRICS if name in scores.metrics]
    return _score_table(
        "main", "Colouring of held-out manga pages", methods.caption(run, scores, names), names, run, scores
    )


def secondary_tables(run: Run, scores: Scores) -> list[Table]:
    """Return the tables of all other metrics: lines and structure, colour and sets, sets on DINOv2."""
    conventions = "Exploratory, with the rows and conventions of the main table."
    return [
        _score_table(name, heading, f"{conventions} {methods.caption(run, scores, metrics)}", metrics, run, scores)
        for name, heading, metrics in further_metrics(scores.metrics)
    ]


def further_metrics(metrics: Sequence[str]) -> list[tuple[str, str, list[str]]]:
    """Return (table's name, its heading, its metrics) of every table besides the main one that `metrics` fill."""
    others = [name for name in metrics if name not in (*MAIN_METRICS, *DINOV2_METRICS)]
    named = [
        ("lines", "Further metrics: lines and structure", [name for name in others if name in LINE_METRICS]),
        ("colour", "Further metrics: colour and sets", [name for name in others if name not in LINE_METRICS]),
        ("dinov2", "Further metrics: sets on DINOv2", [name for name in metrics if name in DINOV2_METRICS]),
    ]
    return [table for table in named if table[2]]


def _score_table(name: str, heading: str, caption: str, metrics: list[str], run: Run, scores: Scores) -> Table:
    marks = hole_marks(run)
    notes = [*hole_notes(marks, run), *methods.footnotes(run, scores, metrics), *methods.conditions(run)]
    sections = score_sections(metrics, marks, run, scores)
    return Table(name, f"tab:{name}", heading, caption, score_columns(metrics), sections, tuple(notes))


def score_columns(metrics: Sequence[str]) -> tuple[Column, ...]:
    """Return one column for each of `metrics`."""
    return tuple(_score_column(METRICS[metric]) for metric in metrics)


def score_sections(
    metrics: Sequence[str], marks: Mapping[str, str], run: Run, scores: Scores
) -> tuple[tuple[Row, ...], ...]:
    """Return the rows of competitors, then those of reference models, with an entry for each of `metrics`; no empty section."""
    return tuple(
        tuple(_score_row(model, metrics, marks, run, scores) for model in models)
        for models in (run.ranked, run.references)
        if models
    )


def _score_column(metric: Metric) -> Column:
    return Column(
        key=csv_key(metric),
        shown=f"{metric_title(metric)} {direction_arrow(metric)}".strip(),
        latex=metric_latex(metric),
        decimals=metric.decimals,
        group="" if metric.calibrated else UNCALIBRATED,
        interval=True,
    )


def _score_row(model: str, metrics: Sequence[str], marks: Mapping[str, str], run: Run, scores: Scores) -> Row:
    ranked = model in run.ranked
    return Row(
        label=run.shown(model),
        entries=tuple(_score_entry(model, METRICS[metric], scores) for metric in metrics),
        mark=marks.get(model, ""),
        facts={
            "model": model,
            "shown_name": run.shown(model),
            "row": "ranked" if ranked else "reference",
            "seeds": sum(cell.seed is not None for cell in run.scored_cells(model)),
            "pages": run.pages,
            "windows": len(run.windows),
            "holes": "; ".join(f"{cell.name}: {cell.hole}" for cell in run.cells_of(model) if cell.hole),
        },
    )


def _score_entry(model: str, metric: Metric, scores: Scores) -> Entry:
    score = scores.get(model, metric.name)
    if score is None:
        return Entry()
    bold = model in scores.best(metric.name)
    return Entry(scaled(score.value, metric), scaled(score.half_width, metric), bold)


def hole_marks(run: Run, used: int = 0) -> dict[str, str]:
    """Return the footnote letter of every model that has a hole or a cell that was cut short; `used` letters are taken."""
    marked = [model for model in run.rows if any(_remarkable(cell) for cell in run.cells_of(model))]
    return {model: _LETTERS[i] if i < len(_LETTERS) else str(i) for i, model in enumerate(marked, start=used)}


def _remarkable(cell: CellResult) -> bool:
    return not cell.scored or cell.status.state == "truncated"


def hole_notes(marks: Mapping[str, str], run: Run) -> list[str]:
    """Return the footnotes that the letters of `hole_marks` point at."""
    notes = []
    for model, mark in marks.items():
        cells = run.cells_of(model)
        scored = sum(cell.scored for cell in cells)
        reasons = "; ".join(
            f"{cell.name}: {cell.hole or f'truncated: {cell.status.reason}'}" for cell in cells if _remarkable(cell)
        )
        notes.append(f"({mark}) {scored} of {len(cells)} cells scored; {reasons}.")
    return notes


def differences_table(run: Run, scores: Scores) -> Table | None:
    """Return paired differences between competitors, with adjusted p values and the noise floor; None below two of them."""
    if not scores.differences:
        return None
    names = compared_metrics(scores.differences)
    sections = difference_sections(names, run, scores)
    caption = methods.differences_caption(run, scores)
    notes = (*methods.footnotes(run, scores, names, shuffled=False), *methods.conditions(run))
    columns = difference_columns(names)
    return Table("differences", "tab:differences", "Paired differences", caption, columns, sections, notes)


def compared_metrics(differences: Sequence[Difference]) -> list[str]:
    """Return the metrics of the main table in which something was compared."""
    return [name for name in MAIN_METRICS if any(difference.metric == name for difference in differences)]


def difference_columns(metrics: Sequence[str]) -> tuple[Column, ...]:
    """Return one column for each of `metrics`, where bold means significant."""
    return tuple(dataclasses.replace(column, bold_means="significant") for column in score_columns(metrics))


def difference_sections(metrics: Sequence[str], run: Run, scores: Scores) -> tuple[tuple[Row, ...], ...]:
    """Return a row for each pair of competitors, then, where seeds were repeated, one for the noise between seeds."""
    found = {(d.metric, d.first, d.second): d for d in scores.differences}
    rows = []
    for first, second in dict.fromkeys((d.first, d.second) for d in scores.differences):
        entries, measured = difference_entries(metrics, [found.get((name, first, second)) for name in metrics])
        facts = {"first": first, "second": second, **measured}
        rows.append(Row(run.shown(first), entries, second_line=f"− {run.shown(second)}", facts=facts))
    floor = tuple(Entry(scaled(scores.noise.get(name), METRICS[name])) for name in metrics)
    noise = Row("two seeds of one model", floor, facts={"first": "noise floor", "second": ""})
    return (tuple(rows), (noise,)) if scores.noise else (tuple(rows),)


def difference_entries(
    metrics: Sequence[str], differences: Sequence[Difference | None]
) -> tuple[tuple[Entry, ...], dict[str, str]]:
    """Return the entries of one row of differences, one for each of `metrics`, and what CSV holds of them besides."""
    entries = tuple(
        Entry()
        if d is None
        else Entry(scaled(d.value, METRICS[d.metric]), scaled(d.half_width, METRICS[d.metric]), d.significant)
        for d in differences
    )
    facts = {}
    for name, difference in zip(metrics, differences, strict=True):
        if difference is not None and difference.half_width is not None:
            facts[f"{name}_p_holm"] = digits(difference.p_holm)
            facts[f"{name}_improvement"] = digits(difference.improvement)
    return entries, facts


def scaled(value: float | None, metric: Metric) -> float | None:
    """Return `value` as it is printed: times the metric's scale."""
    return None if value is None else value * metric.scale
