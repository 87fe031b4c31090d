import csv
import io
import json
import re
import shutil

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.reporting.costs import cost_table
from bench.reporting.latex import to_latex
from bench.reporting.layout import Column, Entry, digits, printed, printed_parts
from bench.reporting.reading import SHUFFLED, read_run
from bench.reporting.scores import score_run
from bench.reporting.sentences import hardware_sentence
from bench.reporting.tables import differences_table, main_table, secondary_tables
from bench.reporting.writing import to_csv, to_markdown


@pytest.fixture(scope="module")
def run(finished_run):
    return read_run(finished_run)


@pytest.fixture(scope="module")
def scores(run):
    return score_run(run)


@pytest.fixture(scope="module")
def tables(run, scores):
    made = [main_table(run, scores), *secondary_tables(run, scores), differences_table(run, scores), cost_table(run)]
    return {table.name: table for table in made}


def records(table):
    return list(csv.DictReader(io.StringIO(to_csv(table))))


def body(markdown):
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in markdown.splitlines() if line.startswith("|")
    ]
    return [row for row in rows[2:] if any(row)]


@pytest.mark.parametrize("name", ["main", "lines", "colour", "differences", "cost"])
def test_every_printed_number_is_found_in_the_csv(tables, name):
    table = tables[name]
    found = 0
    for cells, record in zip(body(to_markdown(table)), records(table), strict=True):
        for cell, column in zip(cells[1:], table.printed_columns, strict=True):
            numbers = cell.strip("*").replace(",", "").split(" ± ")
            keys = [column.key, f"{column.key}_half_width"]
            if cell == "—":
                assert record[column.key] == ""
                continue
            for number, key in zip(numbers, keys, strict=False):
                assert f"{float(record[key]):.{column.decimals}f}" in (number, f"-{number}")
                found += 1
    assert found >= 4 * len(table.printed_columns)


def test_the_main_table_has_its_columns_and_rows_in_order(tables):
    main = tables["main"]
    assert [column.key for column in main.columns] == [
        "ssim",
        "psnr",
        "ciede2000",
        "line_f1",
        "rfd",
        "rkid_x1000",
        "rlpips",
    ]
    assert main.groups == (("", 4), ("uncalibrated", 3))
    assert [[row.label for row in section] for section in main.sections] == [
        ["pix2pix-small", "pix2pixhd-small", "cyclegan-small"],
        [
            "oracle", "copy", "mean-chroma", "unet-l1-small", "pix2pix-small, pages shuffled", "pix2pixhd-small, pages shuffled",
            "cyclegan-small, pages shuffled",
        ],
    ]  # fmt: skip
    assert [column.shown for column in main.columns][1:3] == ["PSNR (dB) ↑", "CIEDE2000 ↓"]
    notes = " ".join(main.footnotes)
    assert "uncalibrated: random features, valid only within this table" in notes
    assert "One half of the truth against the other: rFD 0.310 (n = 6 against 6, no common pages)" in notes
    assert "Pages shuffled: a model's outputs of its first seed" in notes
    assert "competitors' order is the same at 0.03/0.08 and 0.10/0.30" in notes


def test_the_row_of_shuffled_pages_is_of_the_first_seed_that_has_one(own_run):
    cells = own_run / "cells"
    (cells / "pix2pix-seed0" / "shuffled.parquet").rename(cells / "pix2pix-seed1" / "shuffled.parquet")
    # A first seed that came late leaves two.
    shutil.copy(cells / "cyclegan-seed0" / "shuffled.parquet", cells / "cyclegan-seed1")
    run = read_run(own_run)
    found = {cell.model: cell.seed for cell in run.cells if cell.model.endswith(SHUFFLED)}
    assert found == {"pix2pix-pages-shuffled": 1, "pix2pixhd-pages-shuffled": 0, "cyclegan-pages-shuffled": 0}
    assert sum(cell.model.endswith(SHUFFLED) for cell in run.cells) == 3
    notes = " ".join(main_table(run, score_run(run)).footnotes)
    assert "outputs of its first seed that has any (seed 1 of pix2pix-small), each held against" in notes


def test_an_order_that_hangs_on_the_thresholds_is_said(own_run):
    for seed in (0, 1):
        path = own_run / "cells" / f"pix2pixhd-seed{seed}" / "images.parquet"
        pd.read_parquet(path).assign(line_f1_strict=0.1).to_parquet(path)
    run = read_run(own_run)
    notes = " ".join(main_table(run, score_run(run)).footnotes)
    assert "competitors' order changes at 0.10/0.30" in notes


def test_a_scaled_metric_is_scaled_in_print_and_csv_alike(tables, scores):
    (record,) = [r for r in records(tables["main"]) if r["model"] == "cyclegan"]
    assert float(record["rkid_x1000"]) == pytest.approx(1000 * scores.get("cyclegan", "rkid").value, rel=1e-9)


def test_bold_is_given_to_competitors_alone(tables):
    ranked, references = tables["main"].sections
    assert all(any(row.entries[i].bold for row in ranked) for i in range(7))
    assert not any(entry.bold for row in references for entry in row.entries)
    assert "**0.9782" in to_markdown(tables["main"])
    assert r"\best 0.9782 & " in to_latex(tables["main"])
    assert [r["ssim_best"] for r in records(tables["main"])] == ["0", "1", "0", *["0"] * 7]


def test_calibrated_and_random_features_have_columns_of_their_own(own_run, finished_run):
    """One cell scored with other weights than the rest: it leaves a hole in the other column and never fills it."""
    path = own_run / "cells" / "copy" / "images.parquet"
    pd.read_parquet(path).rename(columns={"rlpips": "lpips"}).to_parquet(path)
    run = read_run(own_run)
    table = main_table(run, score_run(run))
    keys = [column.key for column in table.columns]
    copy = next(row for row in table.rows if row.label == "copy")
    other = next(row for row in table.rows if row.label == "pix2pix-small")
    assert (keys.index("lpips"), keys[-1]) == (0, "rlpips")
    assert copy.entries[-1].value is None
    assert copy.entries[0].value is not None
    assert other.entries[0].value is None


def test_differences_are_those_of_the_printed_means(tables, scores):
    for record in records(tables["differences"])[:-1]:
        expected = scores.get(record["first"], "psnr").value - scores.get(record["second"], "psnr").value
        assert float(record["psnr"]) == pytest.approx(expected, rel=1e-9)
        assert 0 <= float(record["psnr_p_holm"]) <= 1
        assert record["psnr_significant"] == str(int(float(record["psnr_p_holm"]) < 0.05))
    assert float(records(tables["differences"])[-1]["psnr"]) == pytest.approx(scores.noise["psnr"], rel=1e-9)


def test_costs_are_what_the_status_files_say(tables):
    (record,) = [r for r in records(tables["cost"]) if r["model"] == "pix2pix"]
    expected = {
        "parameters_millions": 14.299172, "generator_parameters_millions": 13.605443, "gflops_per_image": 2.4,
        "images_per_second": 8400 / (44.2 + 45.2), "training_seconds": 44.7, "steps": 4200, "images_seen": 4200,
        "data_wait_percent": 100 * 0.6 / 89.4, "peak_memory_gib": 812e6 / 2**30, "failed_cells": 0, "cells": 2,
    }  # fmt: skip
    assert {key: float(record[key]) for key in expected} == pytest.approx(expected, rel=1e-9)
    assert [r["model"] for r in records(tables["cost"])] == ["pix2pix", "pix2pixhd", "cyclegan", "unet-l1"]


def test_columns_of_what_some_machines_measure_stand_where_any_cell_has_it(own_run, change_json, tables):
    optional = {
        "milliseconds_per_window", "windows_per_second", "milliseconds_per_window_bf16", "windows_per_second_bf16",
        "energy_kilojoules",
    }  # fmt: skip
    assert not optional & set(records(tables["cost"])[0])
    alone = own_run / "cells" / "pix2pixhd-seed0" / "inference.json"
    alone.write_text(json.dumps({"seconds_per_window": 0.02}), encoding="utf-8")
    on_gpu = {
        "seconds_per_window": 0.004, "windows_per_second": 900.0, "seconds_per_window_bf16": 0.003, "windows_per_second_bf16": 1500,
    }  # fmt: skip
    for seed, factor in ((0, 1.0), (1, 3.0)):
        cell = own_run / "cells" / f"pix2pix-seed{seed}"
        (cell / "inference.json").write_text(json.dumps({key: factor * value for key, value in on_gpu.items()}))
        change_json(cell / "status.json", energy_joules=1000.0 * factor)
    table = cost_table(read_run(own_run))
    rows = {row["model"]: row for row in records(table)}
    expected = {
        "milliseconds_per_window": 8, "windows_per_second": 1800, "milliseconds_per_window_bf16": 6,
        "windows_per_second_bf16": 3000, "energy_kilojoules": 2,
    }  # fmt: skip
    assert {key: float(rows["pix2pix"][key]) for key in expected} == pytest.approx(expected)
    assert float(rows["pix2pixhd"]["milliseconds_per_window"]) == pytest.approx(20)
    assert rows["pix2pixhd"]["windows_per_second"] == ""
    assert "bf16" not in to_markdown(table).partition("\n")[0]


def test_caption_says_how_a_gpu_did_the_steps_and_of_which_cells(own_run, change_json):
    def said():
        return hardware_sentence(read_run(own_run))

    cells = sorted((own_run / "cells").glob("*-seed*/status.json"))
    for path in cells:
        change_json(path, step_kind="plain")
    assert "compiled" not in said()
    assert "replayed" not in said()
    for path in cells:
        change_json(path, step_kind="compiled, recorded")
    assert ", networks compiled by TorchInductor, steps replayed as CUDA graphs" in said()
    change_json(cells[0], step_kind="recorded")
    assert f"TorchInductor (in {len(cells) - 1} of {len(cells)} cells), steps replayed as CUDA graphs" in said()


def test_holes_are_shown_with_state_and_reason(own_run, change_json):
    for seed, state, reason in ((0, "diverged", "D_A = nan"), (1, "failed", "out of memory")):
        change_json(own_run / "cells" / f"cyclegan-seed{seed}" / "status.json", state=state, reason=reason)
    change_json(own_run / "cells" / "pix2pix-seed0" / "status.json", state="failed", reason="killed")
    run = read_run(own_run)
    table = main_table(run, score_run(run))
    assert re.search(r"\| cyclegan-small<sup>b</sup> +\| +— \|", to_markdown(table))
    assert "cyclegan-small$^{\\mathrm{b}}$ & {---} & {---}" in to_latex(table)
    assert "(a) 1 of 2 cells scored; pix2pix-seed0: failed: killed." in table.footnotes
    assert (
        "(b) 0 of 2 cells scored; cyclegan-seed0: diverged: D_A = nan; cyclegan-seed1: failed: out of memory."
        in table.footnotes
    )
    record = next(r for r in records(table) if r["model"] == "cyclegan")
    assert (record["ssim"], record["ssim_half_width"], record["ssim_best"], record["seeds"]) == ("", "", "", "0")
    costs = {r["model"]: r for r in records(cost_table(run))}
    assert (costs["cyclegan"]["failed_cells"], costs["cyclegan"]["steps"]) == ("2", "")


@given(st.floats(-1e6, 1e6), st.integers(0, 4))
def test_print_rounds_the_csv_digits(value, decimals):
    column = Column("x", "x", "x", decimals)
    text = printed(value, column)
    assert abs(float(text) - float(digits(value))) <= 0.5000001 * 10.0**-decimals
    assert not text.startswith("-0") or float(text) != 0


def test_thousands_and_holes_and_missing_intervals():
    assert printed(12345.4, Column("x", "x", "x", 0, thousands=True)) == "12,345"
    assert printed_parts(Entry(), Column("x", "x", "x", 1)) == ("—", None)
    assert printed_parts(Entry(1.25, None), Column("x", "x", "x", 1)) == ("1.2", None)


def test_scores_on_dinov2_have_a_table_of_their_own(own_run):
    for path in (own_run / "cells").glob("*/sets.json"):
        stored = json.loads(path.read_text())
        first = next(score for score in stored["scores"] if score["metric"] == "rfd")
        more = first | {
            "metric": "fd_dinov2",
            "metric_id": "fd_dinov2:vit",
            "extractor": "vit_large",
            "dimension": 1024,
            "calibrated": True,
        }
        path.write_text(json.dumps(stored | {"scores": [*stored["scores"], more]}))
    run = read_run(own_run)
    tables = {table.name: table for table in secondary_tables(run, score_run(run))}
    assert [column.shown for column in tables["dinov2"].columns] == ["FD-DINOv2 ↓"]
    assert tables["dinov2"].groups == (("", 1),)
    assert not {"fd_dinov2"} & {column.key for name in ("lines", "colour") for column in tables[name].columns}
    notes = " ".join(tables["dinov2"].footnotes)
    assert "FD-DINOv2: n = 12 against 12 (same pages), extractor vit_large" in notes
    assert "FD-DINOv2 at n = 12 < 1,025 windows is rank-deficient" in notes
    assert r"FD\textsubscript{DINOv2} $\downarrow$" in to_latex(tables["dinov2"])
