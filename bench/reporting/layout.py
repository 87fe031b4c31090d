"""What a table is, before it becomes CSV, Markdown, LaTeX or HTML: columns, rows in sections, numbers with their precision."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

SIGNIFICANT_DIGITS = 10
"""Digits in CSV. Printed cells are rounded from these, so that every printed number can be found there."""

HOLE = "—"
"""Stands where there is no number."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of numbers. `key` names it in CSV; `shown` (plain text) and `latex` head it in print.

    `interval` columns have half-widths and may be bold; `bold_means` says in CSV what bold says in print, "" where nothing is
    bold. Columns that are not `shown_in_print` stand in CSV alone.
    """

    key: str
    shown: str
    latex: str
    decimals: int
    group: str = ""
    interval: bool = False
    thousands: bool = False
    bold_means: str = "best"
    shown_in_print: bool = True


@dataclass(frozen=True, slots=True)
class Entry:
    """One number as printed: already in the column's unit and scale. `value` None is a hole; `decimals` None are the column's."""

    value: float | None = None
    half_width: float | None = None
    bold: bool = False
    decimals: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One line: its label (where narrow, on two lines), a mark such as "a" that points at a footnote, its entries, and `facts`,
    further columns for CSV."""

    label: str
    entries: tuple[Entry, ...]
    mark: str = ""
    second_line: str = ""
    facts: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Table:
    """A table with everything that is printed around it; all text is plain and escaped where it is written.

    `headings` are none, or one a section: what stands over it, "" where the section belongs to the one before. `unprinted` rows
    stand in CSV alone, after the others.
    """

    name: str
    label: str
    heading: str
    caption: str
    columns: tuple[Column, ...]
    sections: tuple[tuple[Row, ...], ...]
    footnotes: tuple[str, ...] = ()
    headings: tuple[str, ...] = ()
    unprinted: tuple[Row, ...] = ()

    @property
    def headed_sections(self) -> tuple[tuple[str, tuple[Row, ...]], ...]:
        """The sections, each with what stands over it."""
        headings = self.headings or ("",) * len(self.sections)
        return tuple(zip(headings, self.sections, strict=True))

    @property
    def rows(self) -> tuple[Row, ...]:
        """All printed rows, section after section."""
        return tuple(row for section in self.sections for row in section)

    @property
    def printed_columns(self) -> tuple[Column, ...]:
        """The columns that are printed; CSV has all."""
        return tuple(column for column in self.columns if column.shown_in_print)

    def printed_entries(self, row: Row) -> tuple[tuple[Entry, Column], ...]:
        """The entries of `row` that are printed, each with its column."""
        both = zip(row.entries, self.columns, strict=True)
        return tuple((entry, column) for entry, column in both if column.shown_in_print)

    @property
    def groups(self) -> tuple[tuple[str, int], ...]:
        """Heads over neighbouring columns of one group, with their widths in columns; "" where there is no head."""
        runs: list[tuple[str, int]] = []
        for column in self.printed_columns:
            if runs and runs[-1][0] == column.group:
                runs[-1] = (column.group, runs[-1][1] + 1)
            else:
                runs.append((column.group, 1))
        return tuple(runs)


def digits(value: float) -> str:
    """Return `value` for CSV: 10 significant digits, the same on every machine and in every locale."""
    return format(value + 0.0, f".{SIGNIFICANT_DIGITS}g")


def printed(value: float, column: Column) -> str:
    """Return `value` as printed in `column`, rounded from its CSV digits; "∞" for an infinite one."""
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    text = format(float(digits(value)), f"{',' if column.thousands else ''}.{column.decimals}f")
    return text.removeprefix("-") if not text.strip("-0.,") else text


def printed_parts(entry: Entry, column: Column) -> tuple[str, str | None]:
    """Return the printed value and half-width of `entry`; the half-width is None where there is none to print."""
    if entry.value is None:
        return HOLE, None
    if entry.decimals is not None:
        column = dataclasses.replace(column, decimals=entry.decimals)
    known = entry.half_width is not None and math.isfinite(entry.half_width)
    return printed(entry.value, column), printed(entry.half_width or 0.0, column) if known else None
