"""Breaks a table over several LaTeX floats, where it is too wide or too long for one, from estimates of its size in print."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Sequence

from bench.reporting.layout import Row, Table, printed_parts

NARROWEST, LOWEST = 345.0, 550.0
"""Width and height in pt of the smallest text that a table is fitted to: article at 10 pt."""

Sections = Sequence[tuple[str, tuple[Row, ...]]]
"""Sections of a table, each with what stands over it."""

_Block = list[tuple[str, tuple[Row, ...]]]


def floats(table: Table) -> list[tuple[Table, Sections]]:
    """Return the floats of `table` in their order: its columns or some of them, and which of its sections."""
    return [(part, sections) for part in _side_by_side(table) for sections in _one_below_the_other(part)]


_DIGIT, _SMALL_DIGIT, _GAP, _SIGN = 4.4, 3.6, 8.0, 9.5
"""Widths in pt at \\footnotesize of a digit, a digit of a half-width, the gap between columns, and the ± sign with its spaces."""

_SMALL_GAP = 6.0
"""The gap between columns in \\scriptsize."""

_LONGEST_LABEL = 24
"""Most characters of a row's label on one line."""


_SMALLER, _CAUTION = 0.875, 1.05
"""\\scriptsize against \\footnotesize; and what the estimate of a width may fall short by."""


def _side_by_side(table: Table) -> list[Table]:
    """Return tables of as many columns as fit in the smallest type; one where all do, or where no choice of columns would."""
    label, columns = _widths(table, stacked=True)
    small = [(width - _GAP + _SMALL_GAP) * _SMALLER * _CAUTION for width in columns]
    room = NARROWEST - label * _SMALLER
    if not any(column.interval for column in table.columns) or sum(small) <= room or max(small) > room:
        return [table]
    count = math.ceil(sum(small) / room)
    edges = [round(len(small) * part / count) for part in range(count + 1)]
    return [_columns(table, start, stop) for start, stop in itertools.pairwise(edges)]


def _columns(table: Table, start: int, stop: int) -> Table:
    """Return `table` with some of its printed columns alone."""
    sections = tuple(
        tuple(
            dataclasses.replace(row, entries=tuple(entry for entry, _ in table.printed_entries(row)[start:stop]))
            for row in section
        )
        for section in table.sections
    )
    return dataclasses.replace(table, columns=table.printed_columns[start:stop], sections=sections)


def _one_below_the_other(table: Table) -> list[Sections]:
    """Return the sections of each float: whole blocks, as many as fit; a table without blocks is one float."""
    if not table.headings:
        return [table.headed_sections]
    caption, notes = _heights_around(table)
    parts: list[list[_Block]] = [[]]
    for block in _blocks(table):
        room = LOWEST - _HEADS - (caption if len(parts) == 1 else 0.0)
        if parts[-1] and _height([*parts[-1], block], table) > room:
            parts.append([])
        parts[-1].append(block)
    room = LOWEST - _HEADS - notes - (caption if len(parts) == 1 else 0.0)
    if len(parts[-1]) > 1 and _height(parts[-1], table) > room:
        parts.append([parts[-1].pop()])
    return [[section for block in part for section in block] for part in parts]


def _blocks(table: Table) -> list[_Block]:
    """Return the sections block by block: a heading begins one."""
    blocks: list[_Block] = []
    for heading, section in table.headed_sections:
        if heading or not blocks:
            blocks.append([])
        blocks[-1].append((heading, section))
    return blocks


_LINE, _STACKED, _RULE = 9.5, 16.5, 4.0
"""Heights in pt at \\footnotesize of a line, of one with its half-width below, and of a rule with its space."""

_CAPTION_LINE, _CAPTION_CHARACTERS = 12.0, 68
_NOTE_LINE, _NOTE_CHARACTERS = 8.0, 95
"""Heights in pt of a line of caption and notes, and about how many characters it holds in the narrowest text."""

_HEADS = 50.0
"""Height in pt of the columns' heads with the rules around them, and of the space around caption and notes."""


def _height(blocks: Sequence[_Block], table: Table) -> float:
    """Return about how high `blocks` are in the narrowest text."""
    stacked = any(column.interval for column in table.columns) and table_width(table, stacked=False) > NARROWEST
    height = 0.0
    for heading, rows in itertools.chain.from_iterable(blocks):
        lines = (_STACKED if stacked or len(label_lines(row)) > 1 else _LINE for row in rows)
        height += _RULE + bool(heading) * _LINE + sum(lines)
    return height


def _heights_around(table: Table) -> tuple[float, float]:
    """Return about how high caption and notes are in the narrowest text."""
    caption = math.ceil(len(f"{table.heading}. {table.caption}") / _CAPTION_CHARACTERS)
    notes = sum(math.ceil(len(note) / _NOTE_CHARACTERS) for note in table.footnotes)
    return caption * _CAPTION_LINE, notes * _NOTE_LINE


def table_width(table: Table, *, stacked: bool) -> float:
    """Return about how wide the table is in pt at \\footnotesize, with half-widths below their values or beside them."""
    label, columns = _widths(table, stacked=stacked)
    return label + sum(columns)


def _widths(table: Table, *, stacked: bool) -> tuple[float, list[float]]:
    """Return the widths of the labels and of each column, with the gap before it."""
    label = max(len(line) for row in table.rows for line in label_lines(row)) * _DIGIT
    widths = []
    for index, column in enumerate(table.printed_columns):
        head = max(len(word) for word in column.shown.split()) * _DIGIT
        parts = [printed_parts(*table.printed_entries(row)[index]) for row in table.rows]
        values, intervals = zip(
            *((len(v) * _DIGIT, len(h) * _SMALL_DIGIT + _SIGN if h else 0.0) for v, h in parts), strict=True
        )
        numbers = map(max if stacked else sum, zip(values, intervals, strict=True))
        widths.append(max(head, *numbers) + _GAP)
    return label, widths


def label_lines(row: Row) -> list[str]:
    """Return the one or two lines of a row's label; a long one is broken at its last comma."""
    if row.second_line or len(row.label) <= _LONGEST_LABEL or ", " not in row.label:
        return [line for line in (row.label, row.second_line) if line] or [""]
    above, _, below = row.label.rpartition(", ")
    return [f"{above},", below]
