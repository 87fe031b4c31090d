"""Builds a report from a run: its tables, figures, texts and page."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from matplotlib.figure import Figure

from bench.links import refuse_link
from bench.reporting.costs import cost_table
from bench.reporting.curves import curves_caption, curves_figure
from bench.reporting.dots import dots_caption, dots_figure
from bench.reporting.grid import grid_caption, grid_figure
from bench.reporting.latex import to_latex, to_narrow_latex
from bench.reporting.layout import Table
from bench.reporting.methods import chance_sentence, methods_parts, setting_sentence, warnings
from bench.reporting.methods_latex import methods_texts
from bench.reporting.overlay import overlay_caption, overlay_figure
from bench.reporting.page import Picture, methods_markdown, page, picture_in
from bench.reporting.page_differences import pages_caption, pages_figure
from bench.reporting.ranked import ranked_caption, ranked_figure
from bench.reporting.reading import Run, read_run
from bench.reporting.replacing import replace_report
from bench.reporting.results import results_text
from bench.reporting.scores import Scores, score_run
from bench.reporting.seeds import seeds_caption, seeds_figure
from bench.reporting.series import series_table
from bench.reporting.shipped import seal, ship
from bench.reporting.speed import speed_caption, speed_figure
from bench.reporting.style import COLUMN_WIDTH, KINDS, TEXT_WIDTH, figure_style, save
from bench.reporting.tables import differences_table, main_table, secondary_tables
from bench.reporting.viewer_files import HeldPictures, held_pictures
from bench.reporting.viewer_pictures import BUDGET, write_viewer_pictures
from bench.reporting.writing import to_csv, to_markdown

FigureForms = Literal["all", "png"]
"""Figures for pages and papers, in two widths, or for the page of the report alone."""


@dataclass(frozen=True, slots=True)
class Report:
    """A finished report: its folder, its files, and what a reader must be told, one line each."""

    folder: Path
    files: tuple[Path, ...]
    warnings: tuple[str, ...]


def build_report(
    run_folder: Path, out: Path, picture_budget: int = BUDGET, figures: FigureForms = "all", show_pages: bool = True
) -> Report:
    """Write tables, figures, results.json and index.html of the run into `out`; returns the report.

    The pictures of the page's viewer take up to `picture_budget` bytes; `figures` says in which forms figures are drawn. Without
    `show_pages` neither viewer nor figures show any part of a page, input, truth or output. An earlier report in `out` is
    replaced whole, or not at all. Raises RequestError where the run has nothing to report, where its scores contradict each other
    (a model better than the truth itself), and where `out` holds files that no report wrote.
    """
    run = read_run(run_folder)
    scores = score_run(run)
    refuse_link(out)
    out = out.resolve()
    room = picture_budget if show_pages else 0
    drawings = [drawing for drawing in _drawings(run, scores) if show_pages or not drawing.shows_pages]
    files = replace_report(out, lambda folder: _write(run, scores, drawings, folder, room, figures))
    return Report(out, files, warnings(run, scores))


def _write(
    run: Run, scores: Scores, drawings: Sequence[Drawing], folder: Path, picture_budget: int, figures: FigureForms
) -> None:
    with figure_style():
        pictures = write_pictures(drawings, folder / "figures", figures)
    write_viewer_pictures(run, folder, picture_budget)
    write_texts(report_texts(run, scores, pictures, held_pictures(folder)), folder)
    ship([run.folder.path], folder)
    seal(folder)


def report_texts(
    run: Run, scores: Scores, pictures: Sequence[Picture], held: HeldPictures | None = None
) -> dict[str, str]:
    """Return every text of the report by its path in it; `pictures` are the page's figures, `held` what its viewer shows."""
    tables = [main_table(run, scores), differences_table(run, scores), cost_table(run), series_table(run, scores)]
    made = [*(table for table in tables if table is not None), *secondary_tables(run, scores)]
    return table_texts(made) | {
        "results.json": results_text(run, scores),
        "methods.md": methods_markdown(run, scores, pictures),
        **methods_texts(methods_parts(run, scores), [run]),
        "index.html": page(run, scores, made, pictures, held),
    }


def present_pictures(run: Run, scores: Scores, report: Path) -> list[Picture]:
    """Return the pictures that a written report has, without drawing them again."""
    return pictures_in(_drawings(run, scores), report / "figures")


def table_texts(tables: Sequence[Table]) -> dict[str, str]:
    """Return every table as CSV, Markdown and LaTeX, by path in the report."""
    writers = ((".csv", to_csv), (".md", to_markdown), (".tex", to_latex), ("-narrow.tex", to_narrow_latex))
    return {f"tables/{table.name}{suffix}": write(table) for table in tables for suffix, write in writers}


def write_texts(texts: Mapping[str, str], folder: Path) -> None:
    """Write every text into `folder` under its name: UTF-8, LF."""
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")


@dataclass(frozen=True, slots=True)
class Drawing:
    """A figure that a report may have: `draw` gives it for a width in inches, or None where the run has not the files for it.

    `shows_pages` says whether pictures of pages are in it, which those who drew them may not want passed on.
    """

    name: str
    title: str
    draw: Callable[[float], Figure | None]
    caption: str
    shows_pages: bool = False


_FORMS: dict[FigureForms, tuple[tuple[str, float, tuple[str, ...]], ...]] = {
    "all": (("", TEXT_WIDTH, KINDS), ("-column", COLUMN_WIDTH, ("pdf",))),
    "png": (("", TEXT_WIDTH, ("png",)),),
}
"""What follows a figure's name in its files, how wide it is, and in which formats: for a page, and for one of two columns."""


def _drawings(run: Run, scores: Scores) -> list[Drawing]:
    """Return what can be drawn of a run, in the page's order; every caption ends with the setting, for whoever copies it alone."""
    setting = setting_sentence(run)
    return [dataclasses.replace(each, caption=f"{each.caption} {setting}") for each in _drawn(run, scores)]


def _drawn(run: Run, scores: Scores) -> list[Drawing]:
    return [
        Drawing(
            "grid",
            "What the models make of the same pages",
            partial(grid_figure, run),
            grid_caption(run),
            shows_pages=True,
        ),
        Drawing(
            "ranked",
            "The best, the median and the worst window",
            partial(ranked_figure, run),
            ranked_caption(run),
            shows_pages=True,
        ),
        Drawing(
            "lines",
            "Lines kept, lost and invented",
            partial(overlay_figure, run),
            overlay_caption(run),
            shows_pages=True,
        ),
        Drawing(
            "scores",
            "Scores and how sure they are",
            partial(dots_figure, run, scores),
            f"{dots_caption(run, scores)} {chance_sentence(run)}".strip(),
        ),
        Drawing(
            "seeds",
            "Seeds beside the noise between them",
            partial(seeds_figure, run, scores),
            seeds_caption(run, scores),
        ),
        Drawing(
            "pages", "On how many pages a model wins", partial(pages_figure, run, scores), pages_caption(run, scores)
        ),
        Drawing("speed", "Quality against speed", partial(speed_figure, run, scores), speed_caption(run, scores)),
        Drawing("curves", "Scores during training", partial(curves_figure, run), curves_caption(run)),
    ]


def write_pictures(drawings: Sequence[Drawing], folder: Path, forms: FigureForms = "all") -> list[Picture]:
    """Draw into `folder` every figure that there is, in these forms; returns what the page shows, in order."""
    for drawing in drawings:
        for end, width, kinds in _FORMS[forms]:
            figure = drawing.draw(width)
            if figure is not None:
                save(figure, folder, f"{drawing.name}{end}", kinds)
    return pictures_in(drawings, folder)


def pictures_in(drawings: Sequence[Drawing], folder: Path) -> list[Picture]:
    """Return the pictures whose files lie in `folder`, in the page's order."""
    there = (each for each in drawings if (folder / f"{each.name}.png").is_file())
    return [picture_in(folder, each.name, each.title, each.caption) for each in there]
