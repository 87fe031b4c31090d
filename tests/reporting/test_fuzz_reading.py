"""Files of a stranger's run, damaged or made up, one at a time: a report, a hole in it, or one line."""

import io
import json
import os
import shutil
import tomllib

import numpy as np
import pandas as pd
import pytest
import tomli_w
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from bench.errors import RequestError
from bench.reporting import build
from bench.reporting.curves import curves_figure
from bench.reporting.page import methods_markdown, page
from bench.reporting.reading import read_run
from bench.reporting.results import results_text
from bench.reporting.scores import score_run
from bench.reporting.tables import differences_table, main_table, secondary_tables

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "5"))
FUZZED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
CELL = "cells/pix2pix-seed1"
ODD_COLUMNS = (
    None, np.nan, np.inf, -1e308, 0, "x", "../../up", "a\x1b[31m", "<script>", b"\xff\x00", [1], {"a": 1}, True,
    pd.Timestamp("2026-01-01"),
)  # fmt: skip


@pytest.fixture(scope="module")
def fuzzed_run(finished_run, tmp_path_factory):
    """A copy of the run whose files are damaged one at a time, and mended again."""
    return shutil.copytree(finished_run, tmp_path_factory.mktemp("fuzzed") / "run")


def one_line(said):
    assert said.isprintable(), repr(said)
    assert len(said) < 2500, len(said)


def reported(folder, *, curves):
    """Make the texts and curves of a report, without most of its figures; it is refused in one line or every text is one."""
    try:
        run = read_run(folder)
        scores = score_run(run)
        tables = [main_table(run, scores), differences_table(run, scores), build.cost_table(run)]
        tables = [table for table in tables if table is not None] + secondary_tables(run, scores)
        if curves:
            curves_figure(run)
        texts = [results_text(run, scores), page(run, scores, tables, []), methods_markdown(run, scores, [])]
        for table in tables:
            texts += [build.to_csv(table), build.to_markdown(table), build.to_latex(table)]
        texts += build.warnings(run, scores)
    except RequestError as error:
        one_line(str(error))
        return
    assert all(text.encode() for text in texts)
    assert not any("\x1b" in text or "\x00" in text for text in texts[1:])
    # The page has one script, its own.
    assert [text.count("<script") for text in texts[1:]] == [1, *[0] * (len(texts) - 2)]


def with_content(folder, name, content):
    path = folder / name
    before = path.read_bytes()
    path.write_bytes(content)
    try:
        reported(folder, curves="curve" in name)
    finally:
        path.write_bytes(before)


JSON_FILES = (
    f"{CELL}/sets.json",
    f"{CELL}/status.json",
    "plan.json",
    "split.json",
    "provenance.json",
    "truth-halves.json",
)


@FUZZED
@given(name=st.sampled_from(JSON_FILES), chance=st.randoms(use_true_random=False))
def test_json_of_odd_values_makes_a_report_a_hole_or_a_line(fuzzed_run, mutated_value, name, chance):
    value = mutated_value(chance, json.loads((fuzzed_run / name).read_text()))
    with_content(fuzzed_run, name, json.dumps(value).encode())


@FUZZED
@given(chance=st.randoms(use_true_random=False))
def test_an_experiment_of_odd_values_makes_a_report_or_a_line(fuzzed_run, mutated_value, chance):
    value = mutated_value(chance, tomllib.loads((fuzzed_run / "experiment.toml").read_text()))
    try:
        content = tomli_w.dumps(value).encode("utf-8", "surrogatepass")
    except (TypeError, AttributeError):
        return
    with_content(fuzzed_run, "experiment.toml", content)


PARQUET_FILES = (f"{CELL}/images.parquet", f"{CELL}/curve.parquet", "cells/pix2pix-seed0/shuffled.parquet")


@FUZZED
@given(name=st.sampled_from(PARQUET_FILES), chance=st.randoms(use_true_random=False))
def test_tables_of_odd_columns_make_a_report_a_hole_or_a_line(fuzzed_run, name, chance):
    frame = pd.read_parquet(fuzzed_run / name)
    for _ in range(chance.randint(1, 2)):
        column, odd = chance.choice(list(frame.columns)), chance.choice(ODD_COLUMNS)
        kind = chance.randrange(4)
        if kind == 0:
            frame = frame.drop(columns=column) if len(frame.columns) > 1 else frame
        elif kind == 1:
            frame = frame.rename(columns={column: chance.choice(["psnr", "", "a\x1b[31m", "window", "value"])})
            frame = frame.loc[:, ~frame.columns.duplicated()]
        else:
            cells = (
                [odd] * len(frame) if kind == 2 else [odd if at == 3 else cell for at, cell in enumerate(frame[column])]
            )
            frame = frame.assign(**{column: pd.Series(cells, dtype=object)})
    stream = io.BytesIO()
    try:
        frame.to_parquet(stream)
    except Exception:
        # Mixed types have no place in a column.
        return
    with_content(fuzzed_run, name, stream.getvalue())


@FUZZED
@given(name=st.sampled_from((*JSON_FILES, *PARQUET_FILES, "experiment.toml")), chance=st.randoms(use_true_random=False))
def test_damaged_files_make_a_report_a_hole_or_a_line(fuzzed_run, mutated_bytes, name, chance):
    with_content(fuzzed_run, name, mutated_bytes(chance, (fuzzed_run / name).read_bytes()))
