"""Columns of numbers in LaTeX: aligned at the decimal marker by siunitx, whose formats are computed from the numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bench.reporting.layout import HOLE, Column, Entry, Table, printed_parts

_NUMBER = re.compile(r"-?(\d+)(?:\.(\d+))?")

_BEST, _HALF = r"\best", r"\half"
"""Set before a bold number, and before a half-width."""


def switches(small: str) -> list[str]:
    """Return the definitions that the cells need, half-widths in the size `small`.

    Columns of siunitx take a switch of the font before a number where it is not expanded, versions 2 and 3 alike.
    """
    return [rf"\protected\def{_BEST}{{\bfseries}}\protected\def{_HALF}{{{small}}}", r"\sisetup{detect-weight=true}"]


@dataclass(frozen=True, slots=True)
class Format:
    """The room that a column keeps: digits before and after the marker, and whether a sign may stand before them."""

    whole: int
    decimals: int
    sign: bool

    @property
    def siunitx(self) -> str:
        """The value of siunitx' table-format."""
        return f"{'+' if self.sign else ''}{self.whole}.{self.decimals}"


def is_number(text: str) -> bool:
    """Return whether a printed cell is aligned as a number; holes and infinities are centred."""
    return _NUMBER.fullmatch(text.replace(",", "")) is not None


def format_of(numbers: Sequence[str], *, signed: bool) -> Format:
    """Return the least format that holds all of `numbers`, those of a column as printed; `signed` where ± stands before some."""
    found = [match for text in numbers if (match := _NUMBER.fullmatch(text.replace(",", "")))]
    return Format(
        whole=max((len(match[1]) for match in found), default=1),
        decimals=max((len(match[2] or "") for match in found), default=0),
        sign=signed or any(match[0].startswith("-") for match in found),
    )


@dataclass(frozen=True, slots=True)
class PrintedColumn:
    """A printed column: its values and half-widths row by row as printed, None where there is no half-width."""

    column: Column
    values: tuple[str, ...]
    half_widths: tuple[str | None, ...]
    has_bold: bool

    @property
    def has_half_widths(self) -> bool:
        """Whether any row has a half-width."""
        return any(half is not None for half in self.half_widths)

    def value_format(self) -> Format:
        """Return the format of the values alone."""
        return format_of(self.values, signed=False)

    def half_width_format(self) -> Format:
        """Return the format of the half-widths alone, ± before each."""
        return format_of([half for half in self.half_widths if half is not None], signed=True)

    def stacked_format(self) -> Format:
        """Return the format of values with their half-widths below."""
        halves = [half for half in self.half_widths if half is not None]
        return format_of([*self.values, *halves], signed=bool(halves))


def printed_columns(table: Table) -> list[PrintedColumn]:
    """Return the printed columns of `table` with all their rows."""
    columns = []
    for index, column in enumerate(table.printed_columns):
        pairs = [table.printed_entries(row)[index] for row in table.rows]
        values, halves = zip(*(printed_parts(*pair) for pair in pairs), strict=True)
        columns.append(PrintedColumn(column, values, halves, any(entry.bold for entry, _ in pairs)))
    return columns


def specification(form: Format, column: Column) -> str:
    """Return the column's part of a tabular's preamble."""
    grouped = ",group-minimum-digits=4,group-separator={,}" if column.thousands else ""
    return f"S[table-format={form.siunitx}{grouped}]"


def value_cell(entry: Entry, column: Column) -> str:
    """Return the value of `entry` as a cell of such a column; what is no number stands in braces."""
    value, _ = printed_parts(entry, column)
    if value == HOLE:
        return "{---}"
    if not is_number(value):
        return f"{{${value.replace('∞', chr(92) + 'infty')}$}}"
    return f"{_BEST} {value.replace(',', '')}" if entry.bold else value.replace(",", "")


def half_width_cell(entry: Entry, column: Column) -> str:
    """Return the half-width of `entry` as a cell, "" where it has none."""
    _, half_width = printed_parts(entry, column)
    return "" if half_width is None else rf"{_HALF}\pm {half_width.replace(',', '')}"
