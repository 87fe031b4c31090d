"""Writes a Table as LaTeX: a float that fits the text it stands in, or several where a table of many blocks is too long for one."""

from __future__ import annotations

from bench.reporting.breaking import Sections, floats, label_lines, table_width
from bench.reporting.escaping import escape_latex
from bench.reporting.layout import HOLE, Column, Entry, Row, Table, printed_parts


def to_latex(table: Table) -> str:
    """Return `table` as a LaTeX float for a document that loads booktabs and nothing else.

    Where the text is narrower than the table, half-widths go below their values. Columns and blocks that do not fit on one page
    even so go on in further floats with the same number.
    """
    parts = floats(table)
    lines = [r"% Needs \usepackage{booktabs}."]
    for place, (part, sections) in enumerate(parts):
        lines += [
            r"\begin{table*}",
            r"\centering",
            *(_continued() if place else _caption(table)),
            r"\footnotesize",
            r"\setlength{\tabcolsep}{4pt}",
            *_fitting(part),
            *_body(part, sections),
            *(_footnotes(table) if place == len(parts) - 1 else []),
            r"\end{table*}",
        ]
    return "\n".join(lines) + "\n"


def _caption(table: Table) -> list[str]:
    return [
        r"\setlength{\belowcaptionskip}{6pt}",
        rf"\caption[{escape_latex(table.heading)}]{{{escape_latex(f'{table.heading}. {table.caption}')}}}",
        rf"\label{{{table.label}}}",
    ]


def _continued() -> list[str]:
    return [r"\tablename~\thetable{} (continued)\par\medskip"]


def _body(table: Table, sections: Sections) -> list[str]:
    columns = table.printed_columns
    return [
        rf"\begin{{tabular}}{{@{{}}l{'r' * len(columns)}@{{}}}}",
        r"\toprule",
        *_groups(table),
        " & ".join(["", *(column.latex for column in columns)]) + r" \\",
        r"\midrule",
        *_section_lines(table, sections),
        r"\bottomrule",
        r"\end{tabular}",
    ]


def _fitting(table: Table) -> list[str]:
    """Return the lines that fit the table to the text's width: half-widths below their values, then smaller type."""
    lines = []
    if any(column.interval for column in table.printed_columns):
        lines = [
            rf"\ifdim\textwidth<{table_width(table, stacked=False):.0f}pt",
            r"  \def\interval#1#2{\begin{tabular}[t]{@{}r@{}}$#1$\\[-2pt]{\scriptsize$\pm\,#2$}\end{tabular}}%",
            r"\else",
            r"  \def\interval#1#2{$#1\,{\scriptstyle\pm\,#2}$}%",
            r"\fi",
        ]
    smaller = (
        rf"\ifdim\textwidth<{table_width(table, stacked=True):.0f}pt \scriptsize\setlength{{\tabcolsep}}{{3pt}}\fi"
    )
    return [*lines, smaller]


def _groups(table: Table) -> list[str]:
    if not any(group for group, _ in table.groups):
        return []
    heads, rules, first = [""], [], 2
    for group, width in table.groups:
        heads.append(rf"\multicolumn{{{width}}}{{c}}{{{escape_latex(group)}}}")
        if group:
            rules.append(rf"\cmidrule(l){{{first}-{first + width - 1}}}")
        first += width
    return [" & ".join(heads) + r" \\", " ".join(rules)]


def _section_lines(table: Table, sections: Sections) -> list[str]:
    """Return the lines of all sections: a rule between them, and only some space where one belongs to the section above it."""
    lines: list[str] = []
    for heading, section in sections:
        if lines and section:
            lines.append(r"\addlinespace" if table.headings and not heading else r"\midrule")
        if heading:
            lines.append(
                rf"\multicolumn{{{len(table.printed_columns) + 1}}}{{@{{}}l}}{{\textit{{{escape_latex(heading)}}}}} \\"
            )
        lines += [_row(row, table) for row in section]
    return lines


def _row(row: Row, table: Table) -> str:
    lines = [_line(line) for line in label_lines(row)]
    head = (
        lines[0]
        if len(lines) == 1
        else rf"\begin{{tabular}}[t]{{@{{}}l@{{}}}}{lines[0]}\\[-2pt]{lines[1]}\end{{tabular}}"
    )
    mark = rf"$^{{\mathrm{{{escape_latex(row.mark)}}}}}$" if row.mark else ""
    return " & ".join([head + mark, *(_entry(*pair) for pair in table.printed_entries(row))]) + r" \\"


def _line(text: str) -> str:
    """Return `text` escaped; a leading bracket is hidden from the line break before it, whose option it would become."""
    escaped = escape_latex(text)
    return f"{{}}{escaped}" if escaped.startswith("[") else escaped


def _entry(entry: Entry, column: Column) -> str:
    value, half_width = printed_parts(entry, column)
    if value == HOLE:
        return "---"
    number = value.replace("∞", r"\infty").replace(",", "{,}")
    number = rf"\mathbf{{{number}}}" if entry.bold else number
    return f"${number}$" if half_width is None else rf"\interval{{{number}}}{{{half_width}}}"


def _footnotes(table: Table) -> list[str]:
    if not table.footnotes:
        return []
    notes = " \\\\\n".join(_line(note) for note in table.footnotes)
    return [r"\par\smallskip", rf"\parbox{{\linewidth}}{{\raggedright\scriptsize {notes}}}"]
