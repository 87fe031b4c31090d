"""Writes a Table as LaTeX: numbers aligned at the decimal marker by siunitx, as wide as the text or as one column of it."""

from __future__ import annotations

from collections.abc import Sequence

from bench.reporting.breaking import (
    ONE_COLUMN,
    TWO_COLUMN,
    Float,
    Form,
    Layout,
    Panel,
    fitted,
    label_lines,
    second_line,
)
from bench.reporting.decimal_columns import (
    PrintedColumn,
    half_width_cell,
    printed_columns,
    specification,
    switches,
    value_cell,
)
from bench.reporting.escaping import escape_latex
from bench.reporting.layout import Row, Table


def to_latex(table: Table, form: Form = TWO_COLUMN) -> str:
    """Return `table` as a LaTeX float for a document that loads booktabs and siunitx (2 or 3) and nothing else.

    Columns that do not fit beside each other go on in further panels of the float; blocks and notes that do not fit on one page go
    on in further floats with the same number.
    """
    layout, floats = fitted(table, form)
    lines = _head(table, form)
    for place, part in enumerate(floats):
        lines += [
            rf"\begin{{{form.environment}}}",
            r"\centering",
            *(_continued(part) if place else _caption(table)),
            *_setting(layout),
            *_panels(part, layout),
            *_footnotes(part.notes),
            rf"\end{{{form.environment}}}",
        ]
    return "\n".join(lines) + "\n"


def to_narrow_latex(table: Table) -> str:
    """Return `table` as a LaTeX float that fits one column of a document in two columns."""
    return to_latex(table, ONE_COLUMN)


def _head(table: Table, form: Form) -> list[str]:
    """Return comments that say what the file needs and what it is."""
    other = ONE_COLUMN if form is TWO_COLUMN else TWO_COLUMN
    widths = {TWO_COLUMN.suffix: "as wide as the text", ONE_COLUMN.suffix: "as wide as one column of two"}
    return [
        r"% Needs \usepackage{booktabs,siunitx}, siunitx 2 or 3.",
        f"% This form is {widths[form.suffix]}; {table.name}{other.suffix}.tex is {widths[other.suffix]}.",
    ]


def _caption(table: Table) -> list[str]:
    return [
        r"\setlength{\belowcaptionskip}{6pt}",
        rf"\caption[{escape_latex(table.heading)}]{{{_words(f'{table.heading}. {table.caption}')}}}",
        rf"\label{{{table.label}}}",
    ]


def _continued(part: Float) -> list[str]:
    """Return the head of a further float, which may have room for notes alone."""
    head = r"\tablename~\thetable{} (continued)" if part.panels else r"Notes to \tablename~\thetable"
    return [rf"{head}\par\medskip"]


def _setting(layout: Layout) -> list[str]:
    return [
        layout.size.command,
        rf"\setlength{{\tabcolsep}}{{{layout.size.separation:g}pt}}",
        *switches(layout.size.small),
    ]


def _panels(part: Float, layout: Layout) -> list[str]:
    lines: list[str] = []
    for panel in part.panels:
        lines += [*([r"\par\medskip"] if lines else []), *_tabular(panel, layout)]
    return lines


def _tabular(panel: Panel, layout: Layout) -> list[str]:
    columns = printed_columns(panel.table)
    return [
        r"\begin{tabular}{@{}",
        r"  l",
        *(f"  {_specification(column, layout)}" for column in columns),
        r"  @{}}",
        r"\toprule",
        *_groups(panel.table, columns, layout),
        " & ".join(["", *(_column_head(column, layout) for column in columns)]) + r" \\",
        r"\midrule",
        *_section_lines(panel, columns, layout),
        r"\bottomrule",
        r"\end{tabular}",
    ]


def _width(column: PrintedColumn, layout: Layout) -> int:
    """Return how many columns of the tabular a column takes: half-widths beside their values have one of their own."""
    return 2 if column.has_half_widths and not layout.below else 1


def _specification(column: PrintedColumn, layout: Layout) -> str:
    if layout.below:
        return specification(column.stacked_format(), column.column)
    values = specification(column.value_format(), column.column)
    if not column.has_half_widths:
        return values
    halves = specification(column.half_width_format(), column.column)
    return rf"{values}@{{\,}}{halves}"


def _column_head(column: PrintedColumn, layout: Layout) -> str:
    width = _width(column, layout)
    return f"{{{column.column.latex}}}" if width == 1 else rf"\multicolumn{{{width}}}{{c}}{{{column.column.latex}}}"


def _groups(table: Table, columns: Sequence[PrintedColumn], layout: Layout) -> list[str]:
    if not any(group for group, _ in table.groups):
        return []
    heads, rules, first, place = [""], [], 2, 0
    for group, count in table.groups:
        width = sum(_width(column, layout) for column in columns[place : place + count])
        heads.append(rf"\multicolumn{{{width}}}{{c}}{{{escape_latex(group)}}}")
        if group:
            rules.append(rf"\cmidrule(l){{{first}-{first + width - 1}}}")
        first, place = first + width, place + count
    return [" & ".join(heads) + r" \\", " ".join(rules)]


def _section_lines(panel: Panel, columns: Sequence[PrintedColumn], layout: Layout) -> list[str]:
    """Return the lines of all sections: a rule between them, and only some space where one belongs to the section above it."""
    lines: list[str] = []
    width = 1 + sum(_width(column, layout) for column in columns)
    for heading, section in panel.sections:
        if lines and section:
            lines.append(r"\addlinespace" if panel.table.headings and not heading else r"\midrule")
        if heading:
            lines.append(rf"\multicolumn{{{width}}}{{@{{}}l}}{{\textit{{{escape_latex(heading)}}}}} \\")
        for place, row in enumerate(section):
            lines += [
                *([r"\addlinespace[1pt]"] if place and layout.below else []),
                *_row(row, panel.table, columns, layout),
            ]
    return lines


def _row(row: Row, table: Table, columns: Sequence[PrintedColumn], layout: Layout) -> list[str]:
    """Return the one or two lines of a row: its values, then the rest of its label and half-widths that stand below."""
    labels = [_line(text) for text in label_lines(row)]
    if row.mark:
        labels[-1] += rf"$^{{\mathrm{{{escape_latex(row.mark)}}}}}$"
    pairs = table.printed_entries(row)
    first = [labels[0]]
    for pair, column in zip(pairs, columns, strict=True):
        first += [value_cell(*pair), *([half_width_cell(*pair)] if _width(column, layout) == 2 else [])]
    lines = [" & ".join(first) + r" \\"]
    if second_line(row, layout):
        halves = [half_width_cell(*pair) for pair in pairs] if layout.below else []
        lines.append(" & ".join(["".join(labels[1:]), *halves]) + r" \\")
    return lines


def _words(text: str) -> str:
    """Return `text` escaped; lines are not broken before a percent sign."""
    return escape_latex(text).replace(r" \%", r"~\%")


def _line(text: str) -> str:
    """Return `text` escaped; a leading bracket is hidden from the line break before it, whose option it would become."""
    escaped = _words(text)
    return f"{{}}{escaped}" if escaped.startswith("[") else escaped


def _footnotes(notes: Sequence[str]) -> list[str]:
    if not notes:
        return []
    text = " \\\\\n".join(_line(note) for note in notes)
    return [r"\par\smallskip", rf"\parbox{{\linewidth}}{{\raggedright\scriptsize {text}}}"]
