"""Reads the table of a manifest, CSV or parquet, as plain text cells; bounded, and without running anything in it."""

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from data.errors import DataError
from data.sources import manifest_rows
from data.sources.manifest_parquet import parquet_rows
from data.sources.manifest_rows import MAX_CELL, Row, check_count, check_header, row_of

_LONGEST_HEADER = 65_536
"""Of a CSV file that is looked at to see whether it is a manifest, in letters."""

_LONGEST_LINE = 2**20
"""In letters: of the longest line, a list of cells many times its size is made before anything can be counted."""


def read_table(path: Path) -> list[Row]:
    """All rows of a .csv (UTF-8, commas, a header line) or .parquet file (columns of text or whole numbers).

    Raises:
        DataError: missing, too large, not such a table, no column `color`, or no rows.
    """
    size, limit = _size(path), manifest_rows.MAX_TABLE_BYTES
    if size > limit:
        raise DataError(f"{path}: {size:,} bytes, more than the limit of {limit:,} for a manifest; split it")
    rows = parquet_rows(path) if path.suffix.lower() == ".parquet" else _csv_rows(path)
    if not rows:
        raise DataError(f"{path}: a manifest without rows; list a page in each row")
    return rows


def is_manifest(path: Path) -> bool:
    """Whether the first line of a CSV file names a column `color`."""
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            header = next(csv.reader([file.readline(_LONGEST_HEADER)]), [])
    except (OSError, csv.Error):
        return False
    return "color" in [name.strip() for name in header]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); check the path and its permissions") from error


def _csv_rows(path: Path) -> list[Row]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 (byte {error.start:,}); save it as CSV in UTF-8") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    reader = csv.reader(_lines(path, text), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        check_header(path, header)
        return list(_records(path, header, reader))
    except csv.Error as error:
        raise DataError(f"{path} line {reader.line_num}: not CSV ({error}); save it as CSV with commas") from error


def _lines(path: Path, text: str) -> Iterator[str]:
    for number, line in enumerate(io.StringIO(text, newline=""), start=1):
        if len(line) > _LONGEST_LINE:
            raise DataError(
                f"{path} line {number}: more than {_LONGEST_LINE:,} letters, the limit; break or shorten it"
            )
        yield line


def _records(path: Path, header: Sequence[str], reader: Any) -> Iterator[Row]:
    number = 0
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        number += 1
        name = f"row {number} (line {reader.line_num})"
        check_count(path, number)
        if len(cells) != len(header):
            raise DataError(
                f"{path} {name}: {len(cells)} cells under {len(header)} columns; put cells that hold commas in double quotes"
            )
        if any(len(cell) > MAX_CELL for cell in cells):
            raise DataError(f"{path} {name}: a cell of more than {MAX_CELL:,} letters, the limit; shorten it")
        yield row_of(name, dict(zip(header, cells, strict=True)))
