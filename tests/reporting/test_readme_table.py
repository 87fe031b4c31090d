"""The README's table of the demo, cut from a report's main table."""

from __future__ import annotations

import csv
import importlib.util
from pathlib import Path


def test_table_has_the_reports_own_numbers_and_no_rows_of_chance(built: Path) -> None:
    spec = importlib.util.spec_from_file_location(
        "readme_demo", Path(__file__).parents[2] / "benchmarks/readme_demo.py"
    )
    assert spec is not None
    assert spec.loader is not None
    readme_demo = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(readme_demo)
    lines = readme_demo.table_of(built).splitlines()
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
    with (built / "tables/main.csv").open(encoding="utf-8") as file:
        stored = {row["shown_name"]: row for row in csv.DictReader(file)}
    assert (
        rows["copy"][0]
        == f"{float(stored['copy']['ciede2000']):.2f} ± {float(stored['copy']['ciede2000_half_width']):.2f}"
    )
    assert rows["pix2pixhd-small"][0].startswith("**")
