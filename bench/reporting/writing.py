"""Writes a Table as CSV and Markdown; the bytes depend on the table alone."""

from __future__ import annotations

import csv
import io

from bench.reporting.escaping import escape_csv, escape_markdown
from bench.reporting.layout import Column, Entry, Table, digits, printed_parts


def to_csv(table: Table) -> str:
    """Return `table` as CSV (UTF-8, LF): the rows' facts, then value, half-width and best mark of every column."""
    rows = (*table.rows, *table.unprinted)
    facts = list(dict.fromkeys(name for row in rows for name in row.facts))
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([*facts, *(name for column in table.columns for name in _csv_names(column))])
    for row in rows:
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
