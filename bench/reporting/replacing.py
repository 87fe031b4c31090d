"""Puts a report in its place: everything is written into a new folder, which then takes the place of the old one at once.

The same for other folders that are written whole (`Kind`).
"""

from __future__ import annotations

import glob
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bench import locks
from bench.errors import RequestError

OWN_NAMES = {
    "tables", "figures", "pictures", "data", "index.html", "methods.md", "methods.tex", "references.bib", "results.json",
}  # fmt: skip
"""What a report consists of; a folder with anything else in it is not replaced."""

LOCK = "lock"
"""In a folder that is being filled: held by the process that fills it."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of folder that is written whole: what it is called, the only names in it, the file that every one of them has, and
    the folders that it begins with."""

    what: str
    names: frozenset[str]
    mark: str
    folders: tuple[str, ...]


REPORT = Kind("report", frozenset(OWN_NAMES), "results.json", ("tables", "figures"))


def replace_report(out: Path, write: Callable[[Path], None]) -> tuple[Path, ...]:
    """Let `write` fill a new folder with tables/ and figures/ in it, put it in the place of `out`, and return its files.

    An earlier report in `out` is replaced whole, or not at all. Raises RequestError where `out` holds files that no report wrote.
    """
    return replace_folder(out, write, REPORT)


def replace_folder(out: Path, write: Callable[[Path], None], kind: Kind) -> tuple[Path, ...]:
    """`replace_report` for a folder of any kind."""
    _check_target(out, kind)
    out.parent.mkdir(parents=True, exist_ok=True)
    _sweep(out)
    stage = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        with locks.held(stage / LOCK, mend="another process writes the same report"):
            for name in kind.folders:
                (stage / "new" / name).mkdir(parents=True)
            # mkdtemp makes private folders; the report is meant to be read by others.
            (stage / "new").chmod(0o755)
            write(stage / "new")
            _swap(stage, out)
    finally:
        shutil.rmtree(stage, ignore_errors=True)
    return tuple(sorted(path for path in out.rglob("*") if path.is_file()))


def _sweep(out: Path) -> None:
    """Clear away what a process that was killed left beside `out`; an old report that it had just moved aside comes back."""
    for stage in out.parent.glob(f".{glob.escape(out.name)}.????????"):
        if stage.is_symlink():
            continue
        if not (stage / LOCK).is_file():
            # Killed before it had its lock; one that is about to take it makes the folder again.
            with suppress(OSError):
                stage.rmdir()
            continue
        if locks.holder(stage / LOCK) is not None:
            continue
        if (stage / "old").is_dir() and not out.exists():
            (stage / "old").rename(out)
        shutil.rmtree(stage, ignore_errors=True)


def _check_target(out: Path, kind: Kind) -> None:
    if out.exists() and not out.is_dir():
        raise RequestError(f"{out}: a file, not a folder: give another --out")
    strangers = sorted(path.name for path in out.iterdir() if path.name not in kind.names) if out.exists() else []
    if strangers:
        raise RequestError(
            f"{out} holds {strangers[0]!r}, which no {kind.what} wrote: give a new or empty folder as --out"
        )
    if out.exists() and any(out.iterdir()) and not (out / kind.mark).is_file():
        # Folders called data, figures and tables are not rare.
        raise RequestError(
            f"{out} is not empty and holds no {kind.what} (no {kind.mark}): give a new or empty folder as --out"
        )


def _swap(stage: Path, out: Path) -> None:
    """Put stage/new in the place of `out`; the old report comes back where that fails."""
    old = stage / "old"
    if out.exists():
        out.rename(old)
    try:
        (stage / "new").rename(out)
    # Ctrl-C too.
    except BaseException:
        if old.exists():
            old.rename(out)
        raise
