"""The README's table of the demo, cut from a report's main table."""

from __future__ import annotations

import csv
import importlib.util
import io
from pathlib import Path

from bench.reporting.reading import read_run
from bench.reporting.scores import score_run
from bench.reporting.shipped import ship
from bench.reporting.tables import main_table
from bench.reporting.writing import to_csv


def test_table_has_the_reports_own_numbers_and_no_rows_of_chance(finished_run: Path, tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location(
        "readme_demo", Path(__file__).parents[2] / "benchmarks/readme_demo.py"
    )
    assert spec is not None
    assert spec.loader is not None
    readme_demo = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(readme_demo)
    # What a report ships is all that the table needs.
    ship([finished_run], tmp_path)
    lines = readme_demo.table_of(tmp_path).splitlines()
    heads = [cell.strip() for cell in lines[0].strip("|").split("|")]
    assert heads == ["", "CIEDE2000 ↓", "rLPIPS ↓ (uncalibrated)", "rFD ↓ (uncalibrated)", "SSIM ↑", "LineF1 ↑"]
    rows = {
        cells[0]: cells[1:] for line in lines[2:] if any(cells := [cell.strip() for cell in line.strip("|").split("|")])
    }
    assert list(rows) == [
        "pix2pix-small",
        "pix2pixhd-small",
        "cyclegan-small",
        "oracle",
        "copy",
        "mean-chroma",
        "unet-l1-small",
    ]
    run = read_run(finished_run)
    table = to_csv(main_table(run, score_run(run)))
    stored = {row["shown_name"]: row for row in csv.DictReader(io.StringIO(table))}
    assert (
        rows["copy"][0]
        == f"{float(stored['copy']['ciede2000']):.2f} ± {float(stored['copy']['ciede2000_half_width']):.2f}"
    )
    assert rows["pix2pixhd-small"][0].startswith("**")
