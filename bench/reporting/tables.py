"""The tables of scores: main, secondary, and paired differences beside the noise between seeds."""

from __future__ import annotations

import dataclasses

from bench.metrics.registry import METRICS, Metric
from bench.reporting import methods
from bench.reporting.layout import Column, Entry, Row, Table, digits
from bench.reporting.naming import MAIN_METRICS, UNCALIBRATED, csv_key, direction_arrow, metric_latex, metric_title
from bench.reporting.reading import CellResult, Run
from bench.reporting.scores import Scores
from bench.statistics import Difference

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
"""Marks of footnotes; numbers follow where they are used up."""


def main_table(run: Run, scores: Scores) -> Table:
    """Return the table that a paper prints: competitors, a rule, reference rows; bold is given to competitors alone."""
    names = [name for name in MAIN_METRICS if name in scores.metrics]
    return _score_table("main", "Colouring of held-out manga pages", methods.caption(run, scores), names, run, scores)


def secondary_table(run: Run, scores: Scores) -> Table | None:
    """Return the table of all other metrics, or None where there are none."""
    names = [name for name in scores.metrics if name not in MAIN_METRICS]
    if not names:
        return None
    caption = f"Exploratory, with the rows and conventions of the main table. {methods.caption(run, scores)}"
    return _score_table("secondary", "Further metrics", caption, names, run, scores)


def _score_table(name: str, heading: str, caption: str, metrics: list[str], run: Run, scores: Scores) -> Table:
    marks = hole_marks(run)
    columns = tuple(_score_column(METRICS[metric]) for metric in metrics)
    sections = tuple(
        tuple(_score_row(model, metrics, marks, run, scores) for model in models)
        for models in (run.ranked, run.references)
        if models
    )
    notes = [*hole_notes(marks, run), *methods.footnotes(run, scores, metrics), *methods.conditions(run)]
    return Table(name, f"tab:{name}", heading, caption, columns, sections, tuple(notes))


def _score_column(metric: Metric) -> Column:
    return Column(
        key=csv_key(metric),
        shown=f"{metric_title(metric)} {direction_arrow(metric)}".strip(),
        latex=metric_latex(metric),
        decimals=metric.decimals,
        group="" if metric.calibrated else UNCALIBRATED,
        interval=True,
    )


def _score_row(model: str, metrics: list[str], marks: dict[str, str], run: Run, scores: Scores) -> Row:
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
    half_width = None if score.half_width is None else score.half_width * metric.scale
    return Entry(score.value * metric.scale, half_width, bold=model in scores.best(metric.name))


def hole_marks(run: Run) -> dict[str, str]:
    """Return the footnote letter of every model that has a hole or a cell that was cut short."""
    marked = [model for model in run.rows if any(_remarkable(cell) for cell in run.cells_of(model))]
    return {model: _LETTERS[i] if i < len(_LETTERS) else str(i) for i, model in enumerate(marked)}


def _remarkable(cell: CellResult) -> bool:
    return not cell.scored or cell.status.state == "truncated"


def hole_notes(marks: dict[str, str], run: Run) -> list[str]:
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
    names = [name for name in MAIN_METRICS if any(d.metric == name for d in scores.differences)]
    pairs = list(dict.fromkeys((d.first, d.second) for d in scores.differences))
    found = {(d.metric, d.first, d.second): d for d in scores.differences}
    rows = tuple(_difference_row(pair, names, found, run) for pair in pairs)
    floor = tuple(Entry(_scaled(scores.noise.get(name), METRICS[name])) for name in names)
    noise = Row("two seeds of one model", floor, facts={"first": "noise floor", "second": ""})
    columns = tuple(dataclasses.replace(_score_column(METRICS[name]), bold_means="significant") for name in names)
    sections = (rows, (noise,)) if scores.noise else (rows,)
    caption = methods.differences_caption(run, scores)
    notes = (*methods.footnotes(run, scores, names), *methods.conditions(run))
    return Table("differences", "tab:differences", "Paired differences", caption, columns, sections, notes)


def _difference_row(
    pair: tuple[str, str], names: list[str], found: dict[tuple[str, str, str], Difference], run: Run
) -> Row:
    differences = [found.get((name, *pair)) for name in names]
    entries = [
        Entry()
        if d is None
        else Entry(_scaled(d.value, METRICS[d.metric]), _scaled(d.half_width, METRICS[d.metric]), d.significant)
        for d in differences
    ]
    facts: dict[str, str | int] = {"first": pair[0], "second": pair[1]}
    for difference in differences:
        if difference is not None and difference.half_width is not None:
            facts[f"{difference.metric}_p_holm"] = digits(difference.p_holm)
            facts[f"{difference.metric}_improvement"] = digits(difference.improvement)
    return Row(run.shown(pair[0]), tuple(entries), second_line=f"− {run.shown(pair[1])}", facts=facts)


def _scaled(value: float | None, metric: Metric) -> float | None:
    return None if value is None else value * metric.scale
