"""What `bench report` asks for: one run or several, and where the report goes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.errors import RequestError
from bench.reporting.build import FigureForms, Report, build_report
from bench.reporting.joined.build import build_joined_report
from bench.reporting.joined.reading import folder_name
from bench.reporting.viewer_pictures import BUDGET
from bench.runfolder import RunFolder, newest_run, open_run

REPORTS = Path("reports")
"""Where a report of several runs goes by default: it belongs to none of them."""

PICTURES = BUDGET / 1e6
"""MB of pictures that a report of one run holds by default."""


def make_report(
    runs: Sequence[Path],
    out: Path | None,
    name: str | None,
    pictures: float = PICTURES,
    figures: FigureForms = "all",
    show_pages: bool = True,
) -> Report:
    """Write the report of the run, or of the runs side by side, and return it; no run means the newest one under runs/.

    It goes into `out`/`name`; the names default to those of the runs, and `out` to the run's own report folder or, for several
    runs, to reports/. The page's viewer gets `pictures` MB of pictures, figures are drawn in these forms, and without
    `show_pages` nothing shows any part of a page. Raises RequestError where a run is none, runs do not compare, or `name` is no
    plain name.
    """
    if name is not None:
        _check_name(name)
    folders = [open_run(path) for path in runs] or [newest_run(Path("runs"))]
    target, paths = report_folder(folders, out, name), [folder.path for folder in folders]
    if len(paths) > 1:
        return build_joined_report(paths, target, figures, show_pages)
    return build_report(paths[0], target, int(pictures * 1e6), figures, show_pages)


def report_folder(runs: Sequence[RunFolder], out: Path | None, name: str | None) -> Path:
    """Return where the report of `runs` goes, as `make_report` says; raises RequestError for a name without a place."""
    if len(runs) > 1:
        return (out or REPORTS) / (name or folder_name([run.path for run in runs]))
    if out is not None:
        return out / (name or runs[0].path.resolve().name)
    if name is not None:
        raise RequestError("--name names a folder in --out: give --out too")
    return runs[0].report


def _check_name(name: str) -> None:
    if name in ("", ".", "..") or Path(name).name != name or not name.isprintable():
        raise RequestError(f"--name {name!r}: give a plain folder name, without a path")
