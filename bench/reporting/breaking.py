"""Fits a table into print: in which size, with half-widths beside their values or below, in which panels, over which floats.

TeX alone knows how wide its boxes are; what is here are estimates, on the safe side, from the fonts of LaTeX's own classes.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from bench.reporting.decimal_columns import Format, PrintedColumn, printed_columns
from bench.reporting.layout import Row, Table


@dataclass(frozen=True, slots=True)
class Form:
    """A form of a table: its environment, the narrowest room in pt that it must fit, and what follows its name in files.

    A line of its caption holds about `caption_characters`, one of its notes `note_characters`.
    """

    environment: str
    width: float
    suffix: str
    caption_characters: int
    note_characters: int


TWO_COLUMN = Form("table*", 345.0, "", 70, 94)
"""As wide as the text: that of article at 10 pt, and of every two-column class."""

ONE_COLUMN = Form("table", 221.0, "-narrow", 44, 58)
"""As wide as a column: that of article in two columns on A4 is the narrowest; IEEEtran has 252 pt, acmart 241 pt."""

LOWEST = 535.0
"""Height in pt that floats are fitted to: the text of article at 10 pt has 550, and estimates fall short by a line or two."""


@dataclass(frozen=True, slots=True)
class Size:
    """A size of type: its command, that of half-widths below or beside, and widths and heights in pt.

    `digit` and `letter` are the widths of a digit and of a small letter at `command`, `small_digit` is that of a digit at `small`;
    `sign` is that of ±.
    """

    command: str
    small: str
    digit: float
    small_digit: float
    letter: float
    sign: float
    separation: float
    line: float
    small_line: float


FOOTNOTE = Size(r"\footnotesize", r"\scriptsize", 4.3, 4.0, 4.0, 9.8, 4.0, 9.6, 8.6)
SCRIPT = Size(r"\scriptsize", r"\scriptsize", 4.0, 4.0, 3.8, 9.3, 3.0, 8.2, 8.2)

_BESIDE = 2.0
"""Space in pt between a value and the half-width beside it."""

_BOLD = 1.5
"""By how much in pt a bold number is wider than another."""

_CAPITAL = 1.5
"""Width of a capital against a small letter."""

_LONGEST_LABEL = 24
"""Most characters of a row's label on one line."""

_RULE, _HEADS, _BETWEEN, _ROW_GAP = 4.0, 40.0, 8.0, 1.0
"""Heights in pt of a rule with its space, of the columns' heads with the rules around them, and of the space between two panels and
between two rows of two lines."""

_CAPTION_LINE, _NOTE_LINE = 12.0, 8.0
_CAPTION_SPACE = 16.0
"""Heights in pt of a line of the caption and of the notes, and of the space around the caption."""

Sections = Sequence[tuple[str, tuple[Row, ...]]]
"""Sections of a table, each with what stands over it."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How the tabulars of a table are set: size of type, and half-widths `below` their values or beside them."""

    size: Size
    below: bool


@dataclass(frozen=True, slots=True)
class Panel:
    """One tabular: the table with all or some of its columns, and which of its sections."""

    table: Table
    sections: Sections


@dataclass(frozen=True, slots=True)
class Float:
    """What one float holds: panels below each other, then notes."""

    panels: tuple[Panel, ...]
    notes: tuple[str, ...]


def fitted(table: Table, form: Form) -> tuple[Layout, list[Float]]:
    """Return how `table` is set in `form`, and its floats in order: more than one where it is too long for a page.

    Half-widths stand beside their values where there is room, else below; where that is too wide even in the smallest type, the
    columns go on in further panels below the first.
    """
    for layout in (Layout(FOOTNOTE, below=False), Layout(FOOTNOTE, below=True), Layout(SCRIPT, below=True)):
        if table_width(table, layout) <= form.width:
            return layout, _floats(table, [table], layout, form)
    return layout, _floats(table, _side_by_side(table, layout, form), layout, form)


def table_width(table: Table, layout: Layout) -> float:
    """Return about how wide the table is in pt."""
    label, columns = _widths(table, layout)
    return label + sum(columns)


def _side_by_side(table: Table, layout: Layout, form: Form) -> list[Table]:
    """Return tables of as many columns as fit; one where no choice of columns would."""
    label, widths = _widths(table, layout)
    room = form.width - label
    if max(widths) > room:
        return [table]
    count = math.ceil(sum(widths) / room)
    while True:
        edges = [round(len(widths) * part / count) for part in range(count + 1)]
        if all(sum(widths[start:stop]) <= room for start, stop in itertools.pairwise(edges)):
            return [_columns(table, start, stop) for start, stop in itertools.pairwise(edges)]
        count += 1


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


def _widths(table: Table, layout: Layout) -> tuple[float, list[float]]:
    """Return the widths of the labels and of each column, with the gap before it."""
    size = layout.size
    label = max((len(line) for row in table.rows for line in label_lines(row)), default=0) * size.letter
    return label, [_column_width(column, layout) + 2 * size.separation for column in printed_columns(table)]


def _column_width(column: PrintedColumn, layout: Layout) -> float:
    size = layout.size
    head = head_letters(column.column.latex) * size.letter
    if layout.below:
        return max(head, _number_width(column.stacked_format(), size.digit, size) + column.has_bold * _BOLD)
    beside = _BESIDE + _number_width(column.half_width_format(), size.small_digit, size)
    value = _number_width(column.value_format(), size.digit, size) + column.has_bold * _BOLD
    return max(head, value + column.has_half_widths * beside)


_TABULAR = re.compile(r"\\(?:begin\{tabular\}\[b\]\{@\{\}r@\{\}\}|end\{tabular\})")
_SILENT = re.compile(r"\\(?:overline|mathrm|textsubscript|,)")
_MACRO = re.compile(r"\\[A-Za-z]+(?:\{\})? ?|\\.")


def head_letters(latex: str) -> float:
    """Return about how many small letters wide a column's head is, the longest of its lines; a macro counts as one."""
    lines = _SILENT.sub("", _TABULAR.sub("", latex)).split(r"\\")
    texts = [re.sub(r"[${}^_]", "", _MACRO.sub("x", line)).strip() for line in lines]
    return max(sum(_CAPITAL if letter.isupper() else 1.0 for letter in text) for text in texts)


def _number_width(form: Format, digit: float, size: Size) -> float:
    separators = form.decimals > 0, (form.whole - 1) // 3
    return (form.whole + form.decimals) * digit + sum(separators) * digit / 2 + form.sign * size.sign


def _floats(table: Table, parts: Sequence[Table], layout: Layout, form: Form) -> list[Float]:
    """Return the floats that hold the panels of `parts` one below the other, then the notes; as many as pages need."""
    filling = _Filling(_caption_height(table, form))
    for part in parts:
        for block in _blocks(part):
            filling.add_block(part, block, _block_height(block, layout))
    notes: Sequence[str] = table.footnotes
    if filling.room < _notes_height(notes, form) and _notes_height([" ".join(notes)], form) <= filling.room:
        # Too long with a line for each: they run on.
        notes = [" ".join(notes)]
    for note in notes:
        filling.add_note(note, _notes_height([note], form))
    return filling.done()


def _notes_height(notes: Sequence[str], form: Form) -> float:
    return sum(math.ceil(len(note) / form.note_characters) for note in notes) * _NOTE_LINE


class _Filling:
    """Fills floats from the top: what does not fit in one begins the next."""

    def __init__(self, height: float) -> None:
        self._height = height
        self._floats: list[tuple[list[tuple[Table, list[tuple[str, tuple[Row, ...]]]]], list[str]]] = [([], [])]

    @property
    def room(self) -> float:
        """What is left of the last float."""
        return LOWEST - self._height

    def add_block(self, part: Table, block: Sections, height: float) -> None:
        """Add a block of `part`: to its panel in this float, or as a new panel with heads of its own."""
        panels, _ = self._floats[-1]
        goes_on = bool(panels) and panels[-1][0] is part
        heads = 0.0 if goes_on else _HEADS + _BETWEEN * bool(panels)
        if panels and self._height + heads + height > LOWEST:
            self._break()
            panels, goes_on, heads = self._floats[-1][0], False, _HEADS
        if not goes_on:
            panels.append((part, []))
        panels[-1][1].extend(block)
        self._height += heads + height

    def add_note(self, note: str, height: float) -> None:
        """Add a note below everything."""
        if self._height + height > LOWEST and self._height:
            self._break()
        self._floats[-1][1].append(note)
        self._height += height

    def _break(self) -> None:
        self._floats.append(([], []))
        self._height = _CAPTION_SPACE

    def done(self) -> list[Float]:
        """Return the floats."""
        return [
            Float(tuple(Panel(part, tuple(sections)) for part, sections in panels), tuple(notes))
            for panels, notes in self._floats
        ]


def _blocks(table: Table) -> list[Sections]:
    """Return the sections block by block: a heading begins one; a table without headings is one block."""
    blocks: list[list[tuple[str, tuple[Row, ...]]]] = []
    for heading, section in table.headed_sections:
        if heading or not blocks:
            blocks.append([])
        blocks[-1].append((heading, section))
    return list(blocks)


def _block_height(block: Sections, layout: Layout) -> float:
    """Return about how high a block is."""
    size, height = layout.size, 0.0
    for heading, rows in block:
        height += _RULE + bool(heading) * size.line
        height += sum(size.line + second_line(row, layout) * (size.small_line + _ROW_GAP) for row in rows)
    return height


def _caption_height(table: Table, form: Form) -> float:
    lines = math.ceil(len(f"{table.heading}. {table.caption}") / form.caption_characters)
    return lines * _CAPTION_LINE + _CAPTION_SPACE


def second_line(row: Row, layout: Layout) -> bool:
    """Return whether a row has a second line: the rest of its label, or half-widths below their values."""
    halves = layout.below and any(entry.half_width is not None for entry in row.entries)
    return halves or len(label_lines(row)) > 1


def label_lines(row: Row) -> list[str]:
    """Return the one or two lines of a row's label; a long one is broken at its last comma."""
    if row.second_line or len(row.label) <= _LONGEST_LABEL or ", " not in row.label:
        return [line for line in (row.label, row.second_line) if line] or [""]
    above, _, below = row.label.rpartition(", ")
    return [f"{above},", below]
