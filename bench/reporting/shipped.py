"""What a report ships of its runs: the files that its numbers are computed from, so that it can be verified without the runs.

They lie in data/<number>/<name of the run>/ and are laid out like a run without pictures and weights; data/files.json has the
sha256 of every file of the report.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from bench.errors import RequestError
from bench.files import read_json, sha256_of
from bench.runfolder import CellFolder, RunFolder

DATA = "data"
FILES = "files.json"


def ship(runs: Sequence[Path], report: Path) -> None:
    """Copy into the report's data folder what its numbers are computed from, a folder a run, in the order of the runs."""
    for number, path in enumerate(runs, 1):
        source = RunFolder(path)
        target = report / DATA / str(number) / path.resolve().name
        cells = (CellFolder(cell) for cell in sorted((path / "cells").iterdir()) if cell.is_dir())
        for file in [*_of_run(source), *(file for cell in cells for file in _of_cell(cell))]:
            if file.is_file():
                copy = target / file.relative_to(path)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, copy)


def shipped_runs(report: Path) -> list[Path]:
    """Return the folders of the runs that the report ships, in their order; raises RequestError where it ships none."""
    numbered = sorted((report / DATA).glob("[0-9]*"), key=lambda path: int(path.name) if path.name.isdigit() else 0)
    runs = [run for number in numbered for run in sorted(number.iterdir()) if run.is_dir()]
    if not runs:
        raise RequestError(
            f"{report}: ships no data to verify it with: name a report that `bench report` wrote, or write it again"
        )
    return runs


def seal(report: Path) -> None:
    """Write the sha256 of every file of the report into its data folder; the last thing that is written."""
    digests = {str(path.relative_to(report)): sha256_of(path) for path in _files(report)}
    text = json.dumps(digests, indent=1, sort_keys=True) + "\n"
    (report / DATA / FILES).write_text(text, encoding="utf-8", newline="\n")


def broken_seals(report: Path) -> list[str]:
    """Return a line for every file of the report that is missing, was changed, or came later; raises RequestError without seal."""
    stored = read_json(report / DATA / FILES, "write the report again")
    if not isinstance(stored, dict):
        raise RequestError(f"{report / DATA / FILES}: not a list of digests; write the report again")
    there = {str(path.relative_to(report)) for path in _files(report)}
    missing = [f"{name}: missing" for name in sorted(stored.keys() - there)]
    foreign = [f"{name}: was not there when the report was written" for name in sorted(there - stored.keys())]
    changed = [
        f"{name}: changed since the report was written" for name in sorted(there & stored.keys())
        if sha256_of(report / name) != stored[name]
    ]  # fmt: skip
    return missing + foreign + changed


def _files(report: Path) -> list[Path]:
    seal = report / DATA / FILES
    return sorted(
        path for path in report.rglob("*")
        if path.is_file() and path != seal and not _is_the_hubs(path.relative_to(report))
    )  # fmt: skip


def _is_the_hubs(path: Path) -> bool:
    """Whether the Hub, or its client, puts this file beside what was uploaded."""
    return path == Path(".gitattributes") or path.is_relative_to(Path(".cache/huggingface"))


def _of_run(run: RunFolder) -> tuple[Path, ...]:
    return (run.experiment, run.plan, run.provenance, run.split, run.halves)


def _of_cell(cell: CellFolder) -> tuple[Path, ...]:
    return (cell.status, cell.generator_card, cell.curve, cell.images, cell.sets, cell.shuffled, cell.inference)
