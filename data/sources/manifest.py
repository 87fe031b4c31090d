"""A manifest: a CSV or parquet file that lists the pages of a data set, one a row, with their series and chapters."""

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from data.errors import DataError
from data.pair import Part
from data.printing import printable
from data.sources.dataset_card import stated_rights
from data.sources.file_source import FileSource, StoredPage
from data.sources.listing import StoredImage
from data.sources.manifest_rows import Row
from data.sources.manifest_tables import read_table
from data.sources.naming import PART_OF_WORD, id_texts

_CONTROL = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode categories that no name needs and a terminal or a log may obey."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """A row that has been checked."""

    row: Row
    color: StoredImage
    bw: StoredImage | None
    page: int | None
    part: Part | None


def open_manifest(path: Path, spec: str | None = None) -> FileSource:
    """Read a manifest and check every row before any page is read.

    Columns: `color` (required), `bw`, `series`, `chapter`, `page`, `split`; others are ignored. Paths are relative to the
    manifest's folder, with "/" between folders.

    Raises:
        DataError: the file cannot be read as a table, or a row is wrong: the first such row, what is wrong with it and
            the mend, and how many more there are.
    """
    rows = read_table(path)
    folder = path.resolve().parent
    checked = [_checked(row, folder) for row in rows]
    _refuse(path, rows, [problem for problem in checked if isinstance(problem, str)])
    entries = [entry for entry in checked if isinstance(entry, _Entry)]
    _refuse(path, rows, [*_mixed(entries), *_repeated(entries)])
    entries = _in_order(entries)
    texts = id_texts([entry.color.place for entry in entries])
    pages = [_page(entry, text) for entry, text in zip(entries, texts, strict=True)]
    what = "pairs" if entries[0].bw else "colour pages alone"
    title = f"{folder.name} ({path.name})"
    layout = f"{what} of the manifest {printable(path.name)}"
    return FileSource(spec or str(path), title, layout, pages, licence_note=stated_rights(folder))


def _in_order(entries: list[_Entry]) -> list[_Entry]:
    """The entries in the manifest's order; those of a single chapter by page where that is known: neighbours stay together."""
    chapters = {(entry.row.series, entry.row.chapter) for entry in entries}
    pages = [entry.page for entry in entries if entry.page is not None]
    if len(chapters) > 1 or len(pages) < len(entries):
        return entries
    return [entries[at] for at in sorted(range(len(entries)), key=lambda at: pages[at])]


def _page(entry: _Entry, text: str) -> StoredPage:
    row = entry.row
    return StoredPage(
        text, str(entry.color.place), row.series, row.chapter, entry.part, entry.color, entry.bw, page=entry.page
    )


def _refuse(path: Path, rows: Sequence[Row], problems: Sequence[str]) -> None:
    if problems:
        more = f" ({len(problems) - 1:,} more faults in {len(rows):,} rows)" if len(problems) > 1 else ""
        raise DataError(printable(f"{path} {problems[0]}{more}"))


def _checked(row: Row, folder: Path) -> _Entry | str:
    """The entry of a row, or what is wrong with it."""
    for column in ("color", "bw", "series", "chapter", "page", "split"):
        if any(unicodedata.category(letter) in _CONTROL for letter in getattr(row, column)):
            return f"{row.name}: {column} holds control characters; take them out"
    if not row.color:
        return f"{row.name}: color is empty; give the path of the colour page or remove the row"
    for column, path in (("color", row.color), ("bw", row.bw)):
        if path and (reason := _why_refused(path, folder)):
            return f"{row.name}: {column} {path!r} {reason}"
    if row.page and not (row.page.isascii() and row.page.isdigit() and len(row.page) <= 9):
        return f"{row.name}: page {row.page!r} is no page number; give a whole number or leave the whole column empty"
    if row.split and row.split.casefold() not in PART_OF_WORD:
        return f"{row.name}: split {row.split!r} is unknown; give one of {', '.join(PART_OF_WORD)}, or nothing"
    bw = StoredImage(PurePosixPath(row.bw), folder / row.bw) if row.bw else None
    return _Entry(
        row,
        StoredImage(PurePosixPath(row.color), folder / row.color),
        bw,
        int(row.page) if row.page else None,
        PART_OF_WORD[row.split.casefold()] if row.split else None,
    )


def _why_refused(path: str, folder: Path) -> str:
    parts = PurePosixPath(path).parts
    if PurePosixPath(path).is_absolute() or PureWindowsPath(path).anchor or ".." in parts:
        return "leads out of the manifest's folder; give a path below it"
    if "\\" in path:
        return 'has a backslash; write "/" between folders'
    file = folder / path
    try:
        # A link may be followed as long as it stays in the folder.
        if not file.resolve(strict=True).is_relative_to(folder):
            return "is a link out of the manifest's folder; put the image itself there"
    except (OSError, RuntimeError, ValueError):
        return "does not exist; mend the path or remove the row"
    return "" if file.is_file() else "is no file; give the image itself"


def _mixed(entries: Sequence[_Entry]) -> Iterable[str]:
    """Columns that some rows fill and others do not."""
    columns: tuple[tuple[str, Callable[[_Entry], bool]], ...] = (
        ("bw", lambda entry: entry.bw is not None),
        ("page", lambda entry: entry.page is not None),
    )
    for column, filled in columns:
        empty = [entry for entry in entries if not filled(entry)]
        if 0 < len(empty) < len(entries):
            yield (
                f"{empty[0].row.name}: {column} is empty, as in {len(empty):,} of {len(entries):,} rows; fill it in all"
                " rows or in none"
            )


def _repeated(entries: Sequence[_Entry]) -> Iterable[str]:
    """Rows with the file, or the place in a chapter, of an earlier row."""
    files: dict[Path, str] = {}
    places: dict[tuple[str, str, int], str] = {}
    for entry in entries:
        row, file = entry.row, entry.color.file.resolve()
        if file in files:
            yield f"{row.name}: color {row.color!r} is that of {files[file]} too; remove one of the rows"
        files.setdefault(file, row.name)
        if entry.bw is not None and entry.bw.file.resolve() == file:
            yield f"{row.name}: bw and color are the same file; give two, or no bw at all"
        if entry.page is not None:
            place = (row.series, row.chapter, entry.page)
            if place in places:
                where = "/".join(part for part in place[:2] if part)
                of = f" of {where}" if where else ""
                yield f"{row.name}: page {entry.page}{of} is that of {places[place]} too; number the pages of a chapter"
            places.setdefault(place, row.name)
