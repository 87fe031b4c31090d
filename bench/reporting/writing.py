"""Writes a Table as CSV, Markdown and LaTeX; the bytes depend on the table alone."""

from __future__ import annotations

import csv
import io

from bench.reporting.escaping import escape_csv, escape_latex, escape_markdown
from bench.reporting.layout import HOLE, Column, Entry, Row, Table, digits, printed_parts


def to_csv(table: Table) -> str:
    """Return `table` as CSV (UTF-8, LF): the rows' facts, then value, half-width and best mark of every column."""
    facts = list(dict.fromkeys(name for row in table.rows for name in row.facts))
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([*facts, *(name for column in table.columns for name in _csv_names(column))])
    for row in table.rows:
        lead = [_csv_fact(row.facts.get(name, "")) for name in facts]
        numbers = [
            text for entry, column in zip(row.entries, table.columns, strict=True) for text in _csv_entry(entry, column)
        ]
        writer.writerow([*lead, *numbers])
    return buffer.getvalue()


def _csv_names(column: Column) -> list[str]:
    if not column.interval:
        return [column.key]
    bold = [f"{column.key}_{column.bold_means}"] if column.bold_means else []
    return [column.key, f"{column.key}_half_width", *bold]


def _csv_fact(fact: str | int) -> str:
    return escape_csv(fact) if isinstance(fact, str) else str(fact)


def _csv_entry(entry: Entry, column: Column) -> list[str]:
    value = "" if entry.value is None else digits(entry.value)
    if not column.interval:
        return [value]
    bold = [str(int(entry.bold)) if value else ""] if column.bold_means else []
    return [value, "" if entry.half_width is None else digits(entry.half_width), *bold]


def to_markdown(table: Table) -> str:
    """Return `table` as a GitHub Markdown table with aligned columns, its caption above and its footnotes below."""
    grid = [["", *(escape_markdown(_grouped(column)) for column in table.printed_columns)]]
    for place, (heading, section) in enumerate(table.headed_sections):
        if place:
            grid.append([""] * len(grid[0]))
        if heading:
            grid.append([f"*{escape_markdown(heading)}*", *[""] * (len(grid[0]) - 1)])
        for row in section:
            mark = f"<sup>{escape_markdown(row.mark)}</sup>" if row.mark else ""
            label = escape_markdown(f"{row.label} {row.second_line}")
            grid.append([label + mark, *(_markdown_entry(*pair) for pair in table.printed_entries(row))])
    lines = [f"**{escape_markdown(table.heading)}.** {escape_markdown(table.caption)}", "", *_aligned(grid)]
    if table.footnotes:
        lines += ["", *(f"{escape_markdown(note)}  " for note in table.footnotes)]
    return "\n".join(lines) + "\n"


def _grouped(column: Column) -> str:
    return f"{column.shown} ({column.group})" if column.group else column.shown


def _markdown_entry(entry: Entry, column: Column) -> str:
    value, half_width = printed_parts(entry, column)
    text = value if half_width is None else f"{value} ± {half_width}"
    return f"**{text}**" if entry.bold else text


def _aligned(grid: list[list[str]]) -> list[str]:
    widths = [max(3, *(len(row[i]) for row in grid)) for i in range(len(grid[0]))]
    lines = ["| " + " | ".join(_pad(row, widths)) + " |" for row in grid]
    rule = "|" + "|".join("-" * (w + 2) if i == 0 else "-" * (w + 1) + ":" for i, w in enumerate(widths)) + "|"
    return [lines[0], rule, *lines[1:]]


def _pad(row: list[str], widths: list[int]) -> list[str]:
    return [cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))]


def to_latex(table: Table) -> str:
    """Return `table` as a LaTeX float for a document that loads booktabs and nothing else.

    Where the text is narrower than the table, half-widths go below their values.
    """
    columns = table.printed_columns
    lines = [
        r"% Needs \usepackage{booktabs}.",
        r"\begin{table*}",
        r"\centering",
        r"\setlength{\belowcaptionskip}{6pt}",
        rf"\caption[{escape_latex(table.heading)}]{{{escape_latex(f'{table.heading}. {table.caption}')}}}",
        rf"\label{{{table.label}}}",
        r"\footnotesize",
        r"\setlength{\tabcolsep}{4pt}",
        *_latex_fitting(table),
        rf"\begin{{tabular}}{{@{{}}l{'r' * len(columns)}@{{}}}}",
        r"\toprule",
        *_latex_groups(table),
        " & ".join(["", *(column.latex for column in columns)]) + r" \\",
        r"\midrule",
        *_latex_sections(table),
        r"\bottomrule",
        r"\end{tabular}",
        *_latex_footnotes(table),
        r"\end{table*}",
    ]
    return "\n".join(lines) + "\n"


_DIGIT, _SMALL_DIGIT, _GAP, _SIGN = 4.4, 3.6, 8.0, 9.5
"""Widths in pt at \\footnotesize of a digit, a digit of a half-width, the gap between columns, and the ± sign with its spaces."""


def _latex_fitting(table: Table) -> list[str]:
    """Return the lines that fit the table to the text's width: half-widths below their values, then smaller type."""
    lines = []
    if any(column.interval for column in table.printed_columns):
        lines = [
            rf"\ifdim\textwidth<{_latex_width(table, stacked=False):.0f}pt",
            r"  \def\interval#1#2{\begin{tabular}[t]{@{}r@{}}$#1$\\[-2pt]{\scriptsize$\pm\,#2$}\end{tabular}}%",
            r"\else",
            r"  \def\interval#1#2{$#1\,{\scriptstyle\pm\,#2}$}%",
            r"\fi",
        ]
    smaller = (
        rf"\ifdim\textwidth<{_latex_width(table, stacked=True):.0f}pt \scriptsize\setlength{{\tabcolsep}}{{3pt}}\fi"
    )
    return [*lines, smaller]


def _latex_width(table: Table, *, stacked: bool) -> float:
    """Return about how wide the table is in pt at \\footnotesize, with half-widths below their values or beside them."""
    width = max(max(len(row.label), len(row.second_line)) for row in table.rows) * _DIGIT
    for index, column in enumerate(table.printed_columns):
        head = max(len(word) for word in column.shown.split()) * _DIGIT
        parts = [printed_parts(*table.printed_entries(row)[index]) for row in table.rows]
        values, intervals = zip(
            *((len(v) * _DIGIT, len(h) * _SMALL_DIGIT + _SIGN if h else 0.0) for v, h in parts), strict=True
        )
        numbers = map(max if stacked else sum, zip(values, intervals, strict=True))
        width += max(head, *numbers) + _GAP
    return width


def _latex_groups(table: Table) -> list[str]:
    if not any(group for group, _ in table.groups):
        return []
    heads, rules, first = [""], [], 2
    for group, width in table.groups:
        heads.append(rf"\multicolumn{{{width}}}{{c}}{{{escape_latex(group)}}}")
        if group:
            rules.append(rf"\cmidrule(l){{{first}-{first + width - 1}}}")
        first += width
    return [" & ".join(heads) + r" \\", " ".join(rules)]


def _latex_sections(table: Table) -> list[str]:
    """Return the lines of all sections: a rule between them, and only some space where one belongs to the section above it."""
    lines: list[str] = []
    for heading, section in table.headed_sections:
        if lines and section:
            lines.append(r"\addlinespace" if table.headings and not heading else r"\midrule")
        if heading:
            lines.append(
                rf"\multicolumn{{{len(table.printed_columns) + 1}}}{{@{{}}l}}{{\textit{{{escape_latex(heading)}}}}} \\"
            )
        lines += [_latex_row(row, table) for row in section]
    return lines


def _latex_row(row: Row, table: Table) -> str:
    lines = [_latex_line(line) for line in (row.label, row.second_line) if line]
    head = (
        lines[0]
        if len(lines) == 1
        else rf"\begin{{tabular}}[t]{{@{{}}l@{{}}}}{lines[0]}\\[-2pt]{lines[1]}\end{{tabular}}"
    )
    mark = rf"$^{{\mathrm{{{escape_latex(row.mark)}}}}}$" if row.mark else ""
    return " & ".join([head + mark, *(_latex_entry(*pair) for pair in table.printed_entries(row))]) + r" \\"


def _latex_line(text: str) -> str:
    """Return `text` escaped; a leading bracket is hidden from the line break before it, whose option it would become."""
    escaped = escape_latex(text)
    return f"{{}}{escaped}" if escaped.startswith("[") else escaped


def _latex_entry(entry: Entry, column: Column) -> str:
    value, half_width = printed_parts(entry, column)
    if value == HOLE:
        return "---"
    number = value.replace("∞", r"\infty").replace(",", "{,}")
    number = rf"\mathbf{{{number}}}" if entry.bold else number
    return f"${number}$" if half_width is None else rf"\interval{{{number}}}{{{half_width}}}"


def _latex_footnotes(table: Table) -> list[str]:
    if not table.footnotes:
        return []
    notes = " \\\\\n".join(_latex_line(note) for note in table.footnotes)
    return [r"\par\smallskip", rf"\parbox{{\linewidth}}{{\raggedright\scriptsize {notes}}}"]
