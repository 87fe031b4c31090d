"""Builds a report from a run: its tables, figures, texts and page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from bench.links import refuse_link
from bench.reporting.costs import cost_table
from bench.reporting.curves import curves_caption, curves_figure
from bench.reporting.dots import dots_caption, dots_figure
from bench.reporting.grid import grid_caption, grid_figure
from bench.reporting.latex import to_latex
from bench.reporting.layout import Table
from bench.reporting.methods import warnings
from bench.reporting.overlay import overlay_caption, overlay_figure
from bench.reporting.page import Picture, methods_markdown, page
from bench.reporting.reading import Run, read_run
from bench.reporting.replacing import replace_report
from bench.reporting.results import results_text
from bench.reporting.scores import Scores, score_run
from bench.reporting.style import figure_style, save
from bench.reporting.tables import differences_table, main_table, secondary_tables
from bench.reporting.writing import to_csv, to_markdown


@dataclass(frozen=True, slots=True)
class Report:
    """A finished report: its folder, its files, and what a reader must be told, one line each."""

    folder: Path
    files: tuple[Path, ...]
    warnings: tuple[str, ...]


def build_report(run_folder: Path, out: Path) -> Report:
    """Write tables, figures, results.json and index.html of the run into `out`; returns the report.

    An earlier report in `out` is replaced whole, or not at all. Raises RequestError where the run has nothing to report, where its
    scores contradict each other (a model better than the truth itself), and where `out` holds files that no report wrote.
    """
    run = read_run(run_folder)
    scores = score_run(run)
    refuse_link(out)
    out = out.resolve()
    files = replace_report(out, lambda folder: _write(run, scores, folder))
    return Report(out, files, warnings(run, scores))


def _write(run: Run, scores: Scores, folder: Path) -> None:
    tables = [main_table(run, scores), differences_table(run, scores), cost_table(run)]
    made = [*(table for table in tables if table is not None), *secondary_tables(run, scores)]
    write_tables(made, folder)
    pictures = _draw(run, scores, folder / "figures")
    texts = {
        "results.json": results_text(run, scores),
        "methods.md": methods_markdown(run, scores, pictures),
        "index.html": page(run, scores, made, pictures),
    }
    write_texts(texts, folder)


def write_tables(tables: Sequence[Table], folder: Path) -> None:
    """Write every table into folder/tables as CSV, Markdown and LaTeX."""
    for table in tables:
        texts = {"csv": to_csv(table), "md": to_markdown(table), "tex": to_latex(table)}
        write_texts({f"{table.name}.{suffix}": text for suffix, text in texts.items()}, folder / "tables")


def write_texts(texts: Mapping[str, str], folder: Path) -> None:
    """Write every text into `folder` under its name: UTF-8, LF."""
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")


def _draw(run: Run, scores: Scores, folder: Path) -> list[Picture]:
    """Draw every figure that the run has the files for; returns them in the page's order."""
    with figure_style():
        drawn = (
            ("grid", "What the models make of the same pages", grid_figure(run), grid_caption(run)),
            ("lines", "Lines kept, lost and invented", overlay_figure(run), overlay_caption(run)),
            ("scores", "Scores and how sure they are", dots_figure(run, scores), dots_caption(run, scores)),
            ("curves", "Scores during training", curves_figure(run), curves_caption(run)),
        )
        return write_pictures(drawn, folder)


def write_pictures(drawn: Sequence[tuple[str, str, Figure | None, str]], folder: Path) -> list[Picture]:
    """Write every (name, title, figure, caption) that has a figure into `folder`; returns what the page shows, in order."""
    pictures = []
    for name, title, figure, caption in drawn:
        if figure is not None:
            save(figure, folder, name)
            pictures.append(Picture(name, title, caption))
    return pictures
