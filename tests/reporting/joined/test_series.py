"""The table by series of a joined report: the rows of the single reports, gathered by series and model."""

import csv
import io

import pandas as pd
import pytest

from bench.reporting import series as single
from bench.reporting.joined import series as by_series
from bench.reporting.joined.across import score_joined
from bench.reporting.joined.reading import read_joined
from bench.reporting.joined.series import joined_series_table
from bench.reporting.latex import to_latex
from bench.reporting.writing import to_csv, to_markdown


def table_of(folders):
    joined = read_joined(folders)
    return joined, joined_series_table(joined, score_joined(joined))


@pytest.fixture
def two_series(pair):
    """Two runs whose pages are of two series, five of the one and one of the other."""
    for run in pair:
        for path in run.rglob("*.parquet"):
            frame = pd.read_parquet(path)
            if "series" in frame.columns:
                salt = frame["page"].str.endswith("ch2_p3")
                frame.assign(series=salt.map({True: "salt & pepper", False: "moon"})).to_parquet(path)
    return pair


def test_runs_of_one_series_have_no_table(pair):
    assert table_of(pair)[1] is None


def test_every_model_has_a_row_a_run_in_every_series(two_series):
    joined, table = table_of(two_series)
    assert table.headings == ("moon (5 pages)", "salt & pepper (1 page)")
    rows = list(csv.DictReader(io.StringIO(to_csv(table))))
    keys = [(row["series"], row["model"], row["run"]) for row in rows]
    models = [model for model in (*joined.ranked, *joined.references) if model != "oracle" and "shuffled" not in model]
    assert keys == [(s, m, r) for s in ("moon", "salt & pepper") for m in models for r in joined.names]
    for run, scores, name in zip(joined.runs, score_joined(joined).scores, joined.names, strict=True):
        alone = list(csv.DictReader(io.StringIO(to_csv(single.series_table(run, scores)))))
        own = {(row["series"], row["model"]): row for row in rows if row["run"] == name}
        for row in alone:
            assert {key: own[row["series"], row["model"]][key] for key in row} == row
    assert "Nothing is bold: no test is made within a series." in table.caption
    assert not any(entry.bold for row in table.rows for entry in row.entries)


def test_print_has_as_many_series_as_runs_leave_room_for(two_series, monkeypatch):
    monkeypatch.setattr(by_series, "MOST_SECTIONS", 3)
    table = table_of(two_series)[1]
    assert "the 1 of 2 series with the most held-out pages (CSV: all)" in table.caption
    assert "*moon (5 pages)*" in to_markdown(table)
    assert r"\textit{salt \& pepper" not in to_latex(table)
    assert {row["series"] for row in csv.DictReader(io.StringIO(to_csv(table)))} == {"moon", "salt & pepper"}
