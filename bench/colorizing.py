"""`bench colorize`: a cell's generator over images, folders and archives; what is done stays done."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from bench.devices import is_out_of_memory, make_deterministic, use_exact_float32
from bench.errors import RequestError
from bench.files import read_json, write_png
from bench.links import leads_into
from bench.page_colouring import Choices, PageColourist
from bench.page_sources import Found, Page, find_pages
from bench.prediction import load_generator
from bench.progress import Bar
from bench.runfolder import CellFolder, RunFolder
from data import UnreadableImage
from data.errors import DiskError
from data.printing import printable

_CARD_KEYS = ("model", "settings", "resolution", "seed", "recipe", "sha256")

_log = logging.getLogger("bench")


@dataclass(frozen=True)
class ColorizeRequest:
    """What was asked for: pages, the cell, where pictures go, how pages are coloured."""

    paths: Sequence[Path]
    cell: Path
    out: Path
    device: str
    choices: Choices = field(default_factory=Choices)
    force: bool = False


@dataclass
class Outcome:
    """How many pages were coloured, were there already, and could not be used; and the other files passed over.

    `seams` are the seam scores of the pages that were coloured in tiles, by the pages' names; NaN where none can be told.
    """

    coloured: int = 0
    there: int = 0
    unusable: int = 0
    skipped: int = 0
    seams: dict[str, float] = field(default_factory=dict)

    def exit_code(self) -> int:
        """Return 0 where all went well, 1 where some pages could not be used, 2 where none could."""
        if not self.unusable:
            return 0
        return 1 if self.coloured + self.there else 2

    def sentence(self, out: Path) -> str:
        """Return the closing line."""
        parts = [f"{_pages(self.coloured)} coloured into {out}"]
        if self.seams:
            parts.append(f"{len(self.seams)} of them in tiles{self._largest_seam()}")
        if self.there:
            parts.append(f"{self.there} there already (--force colours them again)")
        if self.unusable:
            parts.append(f"{self.unusable} not usable, named above")
        if self.skipped:
            parts.append(f"{self.skipped} other file{'s' if self.skipped > 1 else ''} passed over")
        return ", ".join(parts)

    def _largest_seam(self) -> str:
        judged = {name: score for name, score in self.seams.items() if math.isfinite(score)}
        if not judged:
            return ""
        worst = max(judged, key=lambda name: judged[name])
        return f" (largest seam score {judged[worst]:.2f}, {worst}; 1: no seam to see)"


def colorize(request: ColorizeRequest, console: Console, check_stop: Callable[[], None]) -> Outcome:
    """Colour all pages that have no picture yet (all, with `force`) and return the counts.

    `check_stop` is called between pages and tiles and may raise to stop; pictures are written whole or not at all.

    Raises:
        RequestError: nothing to colour, no cell, or pictures that would overwrite each other; nothing is computed then.
    """
    found = find_pages(request.paths, request.out)
    cell, card = open_cell(request.cell)
    outcome = Outcome(unusable=len(found.unusable), skipped=found.skipped)
    for line in found.unusable:
        _log.warning("%s", line)
    if not found.pages and not found.unusable:
        raise RequestError(f"no pages in {', '.join(map(str, request.paths))}: name images, folders or CBZ archives")
    todo = _without_picture(found, request)
    outcome.there = len(found.pages) - len(todo)
    if todo:
        _colour_all(todo, _colourist(request, cell, card), request.out, outcome, console, check_stop)
    return outcome


def open_cell(folder: Path) -> tuple[CellFolder, Mapping[str, Any]]:
    """Return the cell in `folder` and its card; raises RequestError in one line where there is no trained generator."""
    if not folder.is_dir():
        raise RequestError(f"--from {folder}: no such folder; name a cell, such as runs/mine/cells/pix2pix-seed0")
    cell = CellFolder(folder)
    if not cell.has_generator():
        raise RequestError(f"--from {folder}: {_what_it_is(cell)}")
    card = read_json(cell.generator_card)
    missing = [key for key in _CARD_KEYS if not isinstance(card, dict) or key not in card]
    if missing:
        raise RequestError(f"{cell.generator_card}: lacks {', '.join(missing)}; run the cell again")
    return cell, card


def _what_it_is(cell: CellFolder) -> str:
    """Say what a folder without a generator is, and what to name instead."""
    for run in (cell.path, cell.path.parent):
        cells = sorted(path.parent.name for path in (run / "cells").glob("*/generator.json"))
        if RunFolder(run).experiment.is_file() and cell.path.name in (run.name, "cells"):
            names = ", ".join(cells) or "none is done yet"
            return f"a run, not a cell; name one of its cells in {run / 'cells'}: {names}"
    if cell.status.is_file():
        status = read_json(cell.status)
        state = status.get("state") if isinstance(status, dict) else "unreadable"
        return f"the cell has no trained generator (state: {state}); name one that trained to its end"
    return "not a cell (no generator.json); name one, such as runs/mine/cells/pix2pix-seed0"


def _without_picture(found: Found, request: ColorizeRequest) -> list[Page]:
    todo, whole = [], request.out.resolve()
    for page in found.pages:
        target = request.out / page.target
        if not leads_into(target.parent, whole):
            raise RequestError(
                f"{printable(str(target))}: would lie out of {request.out}, behind a link; give another --out"
            )
        if target.is_dir():
            raise RequestError(f"{target}: a folder stands where the picture of {page.name} goes; give another --out")
        if request.force or not target.exists():
            todo.append(page)
    return todo


def _colourist(request: ColorizeRequest, cell: CellFolder, card: Mapping[str, Any]) -> PageColourist:
    use_exact_float32()
    if request.device != "cpu":
        make_deterministic(request.device)
    try:
        translator = load_generator(cell, request.device)
    except (RuntimeError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise RequestError(
            f"{cell.generator}: does not fit its generator.json ({reason}); run the cell again"
        ) from error
    return PageColourist(translator, card["recipe"], card.get("recipe_settings", {}), request.choices, request.device)


def _colour_all(
    pages: Sequence[Page],
    colourist: PageColourist,
    out: Path,
    outcome: Outcome,
    console: Console,
    check_stop: Callable[[], None],
) -> None:
    warned = False
    with Bar(console, "colouring", total=len(pages), unit="page") as bar:
        for number, page in enumerate(pages):

            def heartbeat(note: str, done: int = number) -> None:
                check_stop()
                bar.update(done, note)

            try:
                heartbeat(page.name)
                pixels = page.read()
            except (UnreadableImage, DiskError) as error:
                outcome.unusable += 1
                _log.warning("%s", error)
                continue
            if not warned and colourist.sees_foreign_input(pixels):
                warned = True
                _log.warning("%s", _foreign_input(page.name))
            try:
                picture = colourist.colour(pixels, heartbeat)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                raise RequestError(f"{page.name}: out of memory; give a smaller --short-side or --tile") from error
            write_png(out / page.target, picture)
            outcome.coloured += 1
            if colourist.seam_score is not None:
                outcome.seams[page.name] = colourist.seam_score
            bar.update(number + 1)


def _foreign_input(name: str) -> str:
    return (
        f"{name} is a colour page: its grey values go to a network that was trained on ink alone;"
        " --input recipe draws the ink as in training (said once)"
    )


def _pages(count: int) -> str:
    return f"{count} page" if count == 1 else f"{count} pages"
