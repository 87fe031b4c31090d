"""Builds a report from a run: everything into a new folder, which then takes the place of the old one at once."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.errors import RequestError
from bench.reporting.costs import cost_table
from bench.reporting.curves import curves_caption, curves_figure
from bench.reporting.dots import dots_caption, dots_figure
from bench.reporting.grid import grid_caption, grid_figure
from bench.reporting.methods import warnings
from bench.reporting.page import Picture, methods_markdown, page
from bench.reporting.reading import Run, read_run
from bench.reporting.results import results_text
from bench.reporting.scores import Scores, score_run
from bench.reporting.style import figure_style, save
from bench.reporting.tables import differences_table, main_table, secondary_table
from bench.reporting.writing import to_csv, to_latex, to_markdown

_OWN_NAMES = {"tables", "figures", "index.html", "methods.md", "results.json"}


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
    out = out.resolve()
    _check_target(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    stage = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        _write(run, scores, stage / "new")
        _swap(stage, out)
    finally:
        shutil.rmtree(stage, ignore_errors=True)
    files = tuple(sorted(path for path in out.rglob("*") if path.is_file()))
    return Report(out, files, warnings(run, scores))


def _check_target(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise RequestError(f"{out}: a file, not a folder: give another --out")
    strangers = sorted(path.name for path in out.iterdir() if path.name not in _OWN_NAMES) if out.exists() else []
    if strangers:
        raise RequestError(f"{out} holds {strangers[0]!r}, which no report wrote: give a new or empty folder as --out")


def _swap(stage: Path, out: Path) -> None:
    """Put stage/new in the place of `out`; the old report comes back where that fails."""
    old = stage / "old"
    if out.exists():
        out.rename(old)
    try:
        (stage / "new").rename(out)
    except OSError:
        if old.exists():
            old.rename(out)
        raise


def _write(run: Run, scores: Scores, folder: Path) -> None:
    (folder / "tables").mkdir(parents=True)
    (folder / "figures").mkdir()
    # mkdtemp makes private folders; the report is meant to be read by others.
    folder.chmod(0o755)
    tables = [main_table(run, scores), differences_table(run, scores), cost_table(run), secondary_table(run, scores)]
    made = [table for table in tables if table is not None]
    for table in made:
        for suffix, text in (("csv", to_csv(table)), ("md", to_markdown(table)), ("tex", to_latex(table))):
            (folder / "tables" / f"{table.name}.{suffix}").write_text(text, encoding="utf-8", newline="\n")
    pictures = _draw(run, scores, folder / "figures")
    texts = {
        "results.json": results_text(run, scores),
        "methods.md": methods_markdown(run, scores, pictures),
        "index.html": page(run, scores, made, pictures),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")


def _draw(run: Run, scores: Scores, folder: Path) -> list[Picture]:
    """Draw every figure that the run has the files for; returns them in the page's order."""
    with figure_style():
        drawn = [
            ("grid", "What the models make of the same pages", grid_figure(run), grid_caption(run)),
            ("scores", "Scores and how sure they are", dots_figure(run, scores), dots_caption(run, scores)),
            ("curves", "Scores during training", curves_figure(run), curves_caption(run)),
        ]
        pictures = []
        for name, title, figure, caption in drawn:
            if figure is not None:
                save(figure, folder, name)
                pictures.append(Picture(name, title, caption))
    return pictures
