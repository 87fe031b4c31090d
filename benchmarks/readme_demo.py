"""Puts the demo's table and picture into README.md and README.tr.md: `python benchmarks/readme_demo.py reports/demo`.

The numbers come from what the report ships, so that they are those that `bench verify` verifies.
"""

from __future__ import annotations

import dataclasses
import shutil
import sys
from pathlib import Path

from bench.metrics.registry import METRICS
from bench.reporting.layout import Row
from bench.reporting.naming import csv_key
from bench.reporting.reading import SHUFFLED, read_run
from bench.reporting.scores import score_run
from bench.reporting.shipped import shipped_runs
from bench.reporting.tables import main_table
from bench.reporting.writing import to_markdown

ROOT = Path(__file__).resolve().parent.parent
READMES = ("README.md", "README.tr.md")
PICTURE = Path("docs") / "demo-grid.png"
BEGIN, END = "<!-- The demo's table: written by `nox -s demo_report` -->", "<!-- end of the demo's table -->"

SHOWN = ("ciede2000", "lpips", "rlpips", "fid", "rfd", "ssim", "line_f1")
"""What the README shows of the main table: LPIPS and FID, or what stands in for them."""


def table_of(report: Path) -> str:
    """Return the README's table in Markdown: the main table's rows without those of chance, and the scores of SHOWN."""
    run = read_run(shipped_runs(report)[0])
    table = main_table(run, score_run(run))
    keys = [csv_key(METRICS[name]) for name in SHOWN]
    places = [place for key in keys for place, column in enumerate(table.columns) if column.key == key]
    sections = tuple(tuple(_cut(row, places) for row in section if _is_shown(row)) for section in table.sections)
    columns = tuple(table.columns[place] for place in places)
    cut = dataclasses.replace(table, columns=columns, sections=sections, footnotes=())
    return "\n".join(line for line in to_markdown(cut).splitlines() if line.startswith("|"))


def _is_shown(row: Row) -> bool:
    return not str(row.facts.get("model", "")).endswith(SHUFFLED)


def _cut(row: Row, places: list[int]) -> Row:
    return dataclasses.replace(row, entries=tuple(row.entries[place] for place in places))


def with_table(readme: str, table: str) -> str:
    """Return the text of a README with `table` between its two marks."""
    before, mark, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (mark and end):
        raise SystemExit(f"a README has not the marks {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{table}\n\n{END}{after}"


def main(report: Path) -> None:
    """Write the table into the READMEs and copy the grid to where they show it from."""
    table = table_of(report)
    for name in READMES:
        path = ROOT / name
        path.write_text(with_table(path.read_text(encoding="utf-8"), table), encoding="utf-8", newline="\n")
    shutil.copyfile(report / "figures" / "grid.png", ROOT / PICTURE)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
