"""The table by series: scores of a series alone, the largest series in print, all of them in CSV, small ones named."""

import csv
import io

import numpy as np
import pandas as pd
import pytest

from bench.reporting import series as by_series
from bench.reporting.latex import to_latex
from bench.reporting.reading import read_run
from bench.reporting.scores import score_run
from bench.reporting.series import held_out_series, series_table
from bench.reporting.writing import to_csv, to_markdown


def rename_series(run_folder, name_of_page):
    """Give every window of every cell the series that `name_of_page` says."""
    for path in run_folder.glob("cells/*/*.parquet"):
        frame = pd.read_parquet(path)
        if "page" in frame.columns:
            frame.assign(series=frame["page"].map(name_of_page)).to_parquet(path)


@pytest.fixture(scope="module")
def table_of(finished_run):
    """The table of a run folder; what it takes from the scores of the whole run is the same for all."""
    scores = score_run(read_run(finished_run))
    return lambda folder: series_table(read_run(folder), scores)


def records(table):
    return list(csv.DictReader(io.StringIO(to_csv(table))))


@pytest.fixture
def two_series(own_run):
    """Four pages of one series, two of another."""
    rename_series(own_run, lambda page: "salt" if page.startswith("moon-garden_ch2_p") and page[-1] != "1" else "moon")
    return own_run


def test_one_series_has_no_table(finished_run, table_of):
    assert table_of(finished_run) is None


def test_scores_are_means_over_the_pages_of_a_series(two_series, table_of):
    table = table_of(two_series)
    assert table.headings == ("moon (4 pages)", "salt (2 pages)")
    rows = {(row["series"], row["model"]): row for row in records(table)}
    assert {model for _, model in rows} == {"pix2pix", "pix2pixhd", "cyclegan", "copy", "mean-chroma", "unet-l1"}
    for series in ("moon", "salt"):
        seeds = []
        for seed in (0, 1):
            frame = pd.read_parquet(two_series / "cells" / f"cyclegan-seed{seed}" / "images.parquet")
            seeds.append(frame[frame["series"] == series].groupby("page")["ciede2000"].mean().to_numpy())
        values = np.array(seeds)
        row = rows[series, "cyclegan"]
        assert float(row["ciede2000"]) == pytest.approx(values.mean(), rel=1e-9)
        # Two-way: a page is a unit of its own where a series has up to twenty.
        variance = values.mean(axis=0).var(ddof=1) / values.shape[1] + values.mean(axis=1).var(ddof=1) / 2
        assert float(row["ciede2000_half_width"]) > 1.96 * np.sqrt(variance)
        assert (row["pages"], row["units"], row["seeds"]) == (str(values.shape[1]), str(values.shape[1]), "2")
        assert rows[series, "copy"]["seeds"] == "0"


def test_nothing_is_bold_and_small_series_are_named(two_series, table_of):
    table = table_of(two_series)
    assert not any(entry.bold for row in table.rows for entry in row.entries)
    assert not any(name.endswith("_best") for name in records(table)[0])
    assert "Nothing is bold: no test is made within a series." in table.caption
    assert "Fewer than 4 units of pages: salt; such intervals say little." in table.footnotes
    best = next(note for note in table.footnotes if "best mean" in note)
    assert "SSIM: pix2pixhd-small 2; PSNR: pix2pixhd-small 2" in best
    words = " ".join([table.caption, *table.footnotes])
    for stated in ("2 seeds and 6 held-out pages (12 windows)", "Input recipe: original", "64 × 64 px", "Inference: dropout off",
                   "Commit ffffffffffff; experiment 0123456789ab", "Example CPU", "rLPIPS — uncalibrated"):  # fmt: skip
        assert stated in words
    assert "shuffled" not in words


def test_a_series_of_one_page_has_no_interval(own_run, table_of):
    rename_series(own_run, lambda page: "alone" if page.endswith("ch2_p3") else "rest")
    table = table_of(own_run)
    assert table.headings == ("rest (5 pages)", "alone (1 page)")
    rows = {(row["series"], row["model"]): row for row in records(table)}
    assert rows["alone", "pix2pix"]["ssim_half_width"] == ""
    assert float(rows["alone", "pix2pix"]["ssim"]) > 0


def test_the_largest_series_are_printed_and_csv_has_all(own_run, table_of, monkeypatch):
    monkeypatch.setattr(by_series, "MOST_PRINTED", 2)
    rename_series(own_run, lambda page: {"ch1_p1": "a", "ch1_p2": "b", "ch1_p3": "b"}.get(page[-6:], "c"))
    table = table_of(own_run)
    assert [each.name for each in held_out_series(read_run(own_run))] == ["c", "b", "a"]
    assert "the 2 of 3 series with the most held-out pages (CSV: all)" in table.caption
    assert [head.split(" ")[0] for head in table.headings] == ["c", "b"]
    assert "*a (1 page)*" not in to_markdown(table)
    assert r"\textit{a (1 page)}" not in to_latex(table)
    assert {row["series"] for row in records(table)} == {"a", "b", "c"}


def test_pages_without_a_score_are_left_out_of_their_series_alone(two_series, table_of):
    for path in two_series.glob("cells/*/images.parquet"):
        frame = pd.read_parquet(path)
        frame.loc[frame["page"].str.endswith("ch1_p1"), "line_f1"] = np.nan
        frame.loc[frame["series"] == "salt", "line_f1"] = np.nan
        frame.to_parquet(path)
    rows = {(row["series"], row["model"]): row for row in records(table_of(two_series))}
    assert rows["salt", "pix2pix"]["line_f1"] == ""
    assert float(rows["moon", "pix2pix"]["line_f1"]) > 0
