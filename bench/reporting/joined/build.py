"""Builds one report of several runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.links import refuse_link
from bench.reporting.build import Report, write_pictures, write_tables, write_texts
from bench.reporting.joined.across import Across, score_joined
from bench.reporting.joined.grid import grid_caption, grid_figure
from bench.reporting.joined.moves import moves_caption, moves_figure
from bench.reporting.joined.page import joined_methods, joined_page
from bench.reporting.joined.reading import Joined, read_joined
from bench.reporting.joined.results import joined_results_text
from bench.reporting.joined.tables import joined_tables
from bench.reporting.joined.words import warnings
from bench.reporting.page import Picture
from bench.reporting.replacing import replace_report
from bench.reporting.style import figure_style


def build_joined_report(run_folders: Sequence[Path], out: Path) -> Report:
    """Write tables, figures, results.json and index.html of the runs, side by side, into `out`; returns the report.

    An earlier report in `out` is replaced whole, or not at all. Raises RequestError where a run does not compare with the first
    one, is named twice, or cannot be reported by itself, and where `out` holds files that no report wrote.
    """
    joined = read_joined(run_folders)
    across = score_joined(joined)
    refuse_link(out)
    out = out.resolve()
    files = replace_report(out, lambda folder: _write(joined, across, folder))
    return Report(out, files, warnings(joined, across))


def _write(joined: Joined, across: Across, folder: Path) -> None:
    tables = joined_tables(joined, across)
    write_tables(tables, folder)
    pictures = _draw(joined, across, folder / "figures")
    texts = {
        "results.json": joined_results_text(joined, across),
        "methods.md": joined_methods(joined, across, pictures),
        "index.html": joined_page(joined, across, tables, pictures),
    }
    write_texts(texts, folder)


def _draw(joined: Joined, across: Across, folder: Path) -> list[Picture]:
    """Draw every figure that the runs have the files for; returns them in the page's order."""
    with figure_style():
        drawn = (
            ("moves", "How scores move from run to run", moves_figure(joined, across), moves_caption(joined, across)),
            ("grid", "The same pages in every run", grid_figure(joined), grid_caption(joined)),
        )
        return write_pictures(drawn, folder)
