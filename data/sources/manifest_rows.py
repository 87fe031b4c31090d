"""The rows of a manifest as plain text, and the limits that hold for every kind of table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from data.errors import DataError
from data.printing import one_line, printable

COLUMNS = ("color", "bw", "series", "chapter", "page", "split")
"""Only `color` is required."""

MAX_TABLE_BYTES = 64 * 2**20
"""Larger files are refused, and cells that hold more letters in all: parquet may unpack to anything."""

MAX_ROWS = 500_000

MAX_CELL = 1024
"""Longer cells are refused, in bytes: they are names and paths."""

MAX_COLUMNS = 1000
"""Of a table; those that are not ours are passed over, but all of them take memory."""

_NAMED_COLUMNS = 10
"""Of a table without `color`, in the message."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row; cells that are missing or null are "", white space around them is taken off. `name` is for messages."""

    name: str
    color: str
    bw: str = ""
    series: str = ""
    chapter: str = ""
    page: str = ""
    split: str = ""


def row_of(name: str, cells: Mapping[str, object]) -> Row:
    """The row of cells by column; other columns are ignored."""
    return Row(name, **{column: _text(cells.get(column)) for column in COLUMNS})


def check_count(path: Path, rows: int) -> None:
    """Raise DataError where there are more rows than `MAX_ROWS`."""
    if rows > MAX_ROWS:
        raise DataError(f"{path}: more than {MAX_ROWS:,} rows, the limit; split it")


def check_header(path: Path, header: Sequence[str]) -> None:
    """Raise DataError where there are too many columns, `color` is missing, or a column is there twice."""
    if len(header) > MAX_COLUMNS:
        raise DataError(
            f"{path}: {len(header):,} columns, more than the limit of {MAX_COLUMNS:,}; take out what is not used"
        )
    if "color" not in header:
        names = _named(header)
        hint = " separated by commas," if any(mark in names for mark in ";\t") else ""
        images = f"; a dataset that holds its images is given as hf:{path}" if path.suffix.lower() == ".parquet" else ""
        raise DataError(
            printable(
                f"{path}: no column `color`, it has: {names}; a manifest begins with the names of its columns,{hint} such"
                f" as color,bw,series,chapter,page,split{images}"
            )
        )
    for name in COLUMNS:
        if list(header).count(name) > 1:
            raise DataError(f"{path}: {header.count(name)} columns are called {name}; keep one")


def _named(header: Sequence[str]) -> str:
    names = [name for name in header if name]
    more = [f"and {len(names) - _NAMED_COLUMNS} more"] if len(names) > _NAMED_COLUMNS else []
    return one_line(", ".join([*names[:_NAMED_COLUMNS], *more])) or "none"


def _text(cell: object) -> str:
    return "" if cell is None else str(cell).strip()
