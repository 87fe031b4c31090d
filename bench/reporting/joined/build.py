"""Builds one report of several runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from bench.links import refuse_link
from bench.reporting.build import Drawing, FigureForms, Report, pictures_in, table_texts, write_pictures, write_texts
from bench.reporting.joined.across import Across, score_joined
from bench.reporting.joined.curves import curves_caption, curves_figure
from bench.reporting.joined.grid import grid_caption, grid_figure
from bench.reporting.joined.moves import moves_caption, moves_figure
from bench.reporting.joined.page import joined_methods, joined_page
from bench.reporting.joined.reading import Joined, read_joined
from bench.reporting.joined.results import joined_results_text
from bench.reporting.joined.tables import joined_tables
from bench.reporting.joined.words import differ_sentence, methods_parts, setting, warnings
from bench.reporting.methods_latex import methods_texts
from bench.reporting.page import Picture
from bench.reporting.replacing import replace_report
from bench.reporting.shipped import seal, ship
from bench.reporting.style import figure_style


def build_joined_report(
    run_folders: Sequence[Path], out: Path, figures: FigureForms = "all", show_pages: bool = True
) -> Report:
    """Write tables, figures, results.json and index.html of the runs, side by side, into `out`; returns the report.

    `figures` says in which forms figures are drawn; without `show_pages` none shows any part of a page. An earlier report in `out`
    is replaced whole, or not at all. Raises RequestError where a run does not compare with the first one, is named twice, or
    cannot be reported by itself, and where `out` holds files that no report wrote.
    """
    joined = read_joined(run_folders)
    across = score_joined(joined)
    refuse_link(out)
    out = out.resolve()
    drawings = [drawing for drawing in _drawings(joined, across) if show_pages or not drawing.shows_pages]
    files = replace_report(out, lambda folder: _write(joined, across, drawings, folder, figures))
    return Report(out, files, warnings(joined, across))


def _write(joined: Joined, across: Across, drawings: Sequence[Drawing], folder: Path, figures: FigureForms) -> None:
    with figure_style():
        pictures = write_pictures(drawings, folder / "figures", figures)
    write_texts(joined_texts(joined, across, pictures), folder)
    ship([run.folder.path for run in joined.runs], folder)
    seal(folder)


def joined_texts(joined: Joined, across: Across, pictures: Sequence[Picture]) -> dict[str, str]:
    """Return every text of the report by its path in it; `pictures` are those that the page shows."""
    tables = joined_tables(joined, across)
    return table_texts(tables) | {
        "results.json": joined_results_text(joined, across),
        "methods.md": joined_methods(joined, across, pictures),
        **methods_texts(methods_parts(joined, across), joined.runs),
        "index.html": joined_page(joined, across, tables, pictures),
    }


def present_joined_pictures(joined: Joined, across: Across, report: Path) -> list[Picture]:
    """Return the pictures that a written report has, without drawing them again."""
    return pictures_in(_drawings(joined, across), report / "figures")


def _drawings(joined: Joined, across: Across) -> list[Drawing]:
    """Return what can be drawn of the runs, in the page's order; every caption ends with the setting, as in a report of one run."""
    told = f"{differ_sentence(joined)} {setting(joined)}"
    return [dataclasses.replace(each, caption=f"{each.caption} {told}") for each in _drawn(joined, across)]


def _drawn(joined: Joined, across: Across) -> list[Drawing]:
    return [
        Drawing(
            "moves",
            "How scores move from run to run",
            partial(moves_figure, joined, across),
            moves_caption(joined, across),
        ),
        Drawing(
            "grid", "The same pages in every run", partial(grid_figure, joined), grid_caption(joined), shows_pages=True
        ),
        Drawing("curves", "Scores during training", partial(curves_figure, joined), curves_caption()),
    ]
