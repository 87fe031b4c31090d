"""Tables of a joined report: blocks are the rows of the single reports, and every number is in its CSV."""

import csv
import io
import re
import shutil

import pytest

from bench.reporting.costs import cost_table
from bench.reporting.joined.across import score_joined
from bench.reporting.joined.reading import read_joined
from bench.reporting.joined.tables import joined_tables
from bench.reporting.latex import to_latex
from bench.reporting.tables import differences_table, main_table
from bench.reporting.writing import to_csv, to_markdown

NAMES = ("main", "across", "gaps", "differences", "cost", "lines", "colour")


def made_of(joined):
    return {table.name: table for table in joined_tables(joined, score_joined(joined))}


@pytest.fixture(scope="module")
def across(joined):
    return score_joined(joined)


@pytest.fixture(scope="module")
def tables(joined):
    return made_of(joined)


def records(table):
    return list(csv.DictReader(io.StringIO(to_csv(table))))


def without_lead(rows):
    """Rows of a block as the single report has them."""
    return [(row.label, row.second_line, row.entries) for row in rows]


def test_every_table_is_there_in_the_order_of_the_page(tables):
    assert tuple(tables) == NAMES


def test_blocks_are_the_tables_of_the_runs(tables, joined, across):
    single = {"main": main_table, "differences": differences_table}
    for name in single:
        expected = [single[name](run, scores) for run, scores in zip(joined.runs, across.scores, strict=True)]
        assert without_lead(tables[name].rows) == [row for table in expected for row in without_lead(table.rows)]
    costs = [row for run in joined.runs for row in without_lead(cost_table(run).rows)]
    assert without_lead(tables["cost"].rows) == costs


def test_each_block_has_its_heading_and_its_columns_in_csv(tables):
    for name in ("main", "differences", "cost", "lines", "colour"):
        assert [h for h in tables[name].headings if h] == ["lines", "screentone", "gray"]
        rows = records(tables[name])
        assert list(rows[0])[:2] == ["run", "recipe"]
        assert {(row["run"], row["recipe"]) for row in rows} == {
            ("tiny-lines", "lines"), ("tiny-screentone", "screentone"), ("tiny-gray", "gray")
        }  # fmt: skip


def test_bold_is_given_within_a_block(tables, across):
    """PSNR of gray is far above that of lines, and still every block has its own best."""
    best = [(row["run"], row["model"]) for row in records(tables["main"]) if row["psnr_best"] == "1"]
    assert best == [(f"tiny-{recipe}", "pix2pixhd") for recipe in ("lines", "screentone", "gray")]
    assert "Bold and intervals hold within a block" in tables["main"].caption


def test_a_model_stands_with_its_score_in_every_run(tables, across):
    rows = {(row["metric"], row["model"]): row for row in records(tables["across"])}
    assert {model for _, model in rows} == {"pix2pix", "pix2pixhd", "cyclegan", "copy", "mean-chroma", "unet-l1"}
    for name, scores in zip(("tiny-lines", "tiny-screentone", "tiny-gray"), across.scores, strict=True):
        for model in ("pix2pix", "copy"):
            score = scores.get(model, "psnr")
            assert float(rows["psnr", model][name]) == pytest.approx(score.value, rel=1e-9)
            assert float(rows["psnr", model][f"{name}_half_width"]) == pytest.approx(score.half_width, rel=1e-9)
        expected = 1000 * scores.get("cyclegan", "rkid").value
        assert float(rows["rkid_x1000", "cyclegan"][name]) == pytest.approx(expected, rel=1e-9)
    assert not any(name.endswith(("_best", "_significant")) for name in next(iter(rows.values())))


def test_each_section_across_has_the_decimals_of_its_metric(tables):
    text = to_markdown(tables["across"])
    assert re.findall(r"\*([^*|]+)\*  ", text)[:3] == ["SSIM ↑", "PSNR (dB) ↑", "CIEDE2000 ↓"]
    psnr = text.partition("PSNR (dB)")[2].partition("CIEDE2000")[0]
    assert re.search(r"\| pix2pix-small +\| +\d+\.\d\d ± \d+\.\d\d \|", psnr)


def test_differences_between_runs_are_named_and_bold_where_significant(tables, joined, across):
    rows = records(tables["gaps"])
    assert [row.label + " " + row.second_line for row in tables["gaps"].sections[0]] == [
        "screentone − lines", "gray − lines", "gray − screentone"
    ]  # fmt: skip
    assert list(tables["gaps"].headings) == [
        "pix2pix-small",
        "pix2pixhd-small",
        "cyclegan-small",
        "unet-l1-small",
    ]
    for row in rows:
        gap = next(
            g for g in across.gaps
            if g.difference.metric == "psnr" and g.model == row["model"]
            and (joined.names[g.first], joined.names[g.second]) == (row["first"], row["second"])
        )  # fmt: skip
        assert float(row["psnr"]) == pytest.approx(gap.difference.value, rel=1e-9)
        assert row["psnr_significant"] == str(int(float(row["psnr_p_holm"]) < 0.05)) == "1"
        assert row["seeds_paired"] == "1"
    assert "**1.50 ± 0.00**" in to_markdown(tables["gaps"])


@pytest.mark.parametrize("name", NAMES)
def test_every_printed_number_is_found_in_the_csv(tables, name):
    table, found = tables[name], 0
    for row, record in zip(table.rows, records(table), strict=True):
        for entry, column in table.printed_entries(row):
            if entry.value is not None:
                assert float(record[column.key]) == pytest.approx(entry.value, rel=1e-9)
                found += 1
    assert found > 20


def words_of(table):
    return " ".join([table.caption, *table.footnotes])


@pytest.mark.parametrize("name", ["main", "across", "gaps", "differences", "lines", "colour"])
def test_every_table_of_scores_states_its_conditions(tables, name):
    for stated in (
        "recipe (lines; screentone; gray)", "2 seeds and 6 held-out pages (12 windows)", "resolution: 64 × 64 px",
        "Data: synthetic", "Budget: 6 min of training, shared equally by 8 trained cells (45 s each)", "Inference: dropout off",
        "[lines] Commit ffffffffffff; experiment lines0000000", "[gray] Commit ffffffffffff; experiment gray00000000",
        "split 9f9f9f9f9f9f", "Example CPU @ 2.10GHz",
    ):  # fmt: skip
        assert stated in words_of(tables[name])


@pytest.mark.parametrize("name", ["main", "across", "gaps", "differences", "colour"])
def test_tables_with_scores_of_features_say_how_they_were_computed(tables, name):
    for stated in ("extractor random-he-network", "weights sha256 abababab", "n = 12 against 12 (same pages)"):
        assert stated in words_of(tables[name])


def test_what_is_equal_is_said_once(tables):
    notes = tables["main"].footnotes
    assert sum("Hardware:" in note for note in notes) == 1
    assert sum("Commit" in note for note in notes) == 3


def test_holes_have_letters_of_their_own_in_every_block(pair, edit):
    for run, reason in zip(pair, ("out of memory", "killed"), strict=True):
        edit.json(run / "cells" / "cyclegan-seed1" / "status.json", state="failed", reason=reason)
    main = made_of(read_joined(pair))["main"]
    marks = [row.mark for row in main.rows if row.label == "cyclegan-small"]
    assert marks == ["a", "b"]
    assert "(a) 1 of 2 cells scored; cyclegan-seed1: failed: out of memory. [lines]" in main.footnotes
    assert "(b) 1 of 2 cells scored; cyclegan-seed1: failed: killed. [screentone]" in main.footnotes


def test_a_metric_that_one_run_lacks_is_a_hole(pair):
    import pandas as pd

    for path in pair[1].glob("cells/*/*.parquet"):
        frame = pd.read_parquet(path)
        frame.drop(columns="psnr", errors="ignore").to_parquet(path)
    tables = made_of(read_joined(pair))
    assert [row["psnr"] == "" for row in records(tables["main"]) if row["model"] == "pix2pix"] == [False, True]
    (row,) = [r for r in records(tables["across"]) if (r["metric"], r["model"]) == ("psnr", "pix2pix")]
    assert row["tiny-screentone"] == "" != row["tiny-lines"]


def test_models_of_one_run_alone_have_rows_where_they_are(pair, edit):
    edit.toml(pair[1] / "experiment.toml", '"pix2pix", "pix2pixhd", "cyclegan"]', '"pix2pix", "pix2pixhd"]')
    for seed in (0, 1):
        shutil.rmtree(pair[1] / "cells" / f"cyclegan-seed{seed}")
    joined = read_joined(pair)
    assert [axis.name for axis in joined.axes] == ["recipe", "models"]
    tables = made_of(joined)
    assert [row["run"] for row in records(tables["main"]) if row["model"] == "cyclegan"] == ["tiny-lines"]
    assert {row["model"] for row in records(tables["gaps"])} == {"pix2pix", "pix2pixhd", "unet-l1"}


def test_long_tables_go_on_in_floats_of_the_same_number(tables):
    tex = to_latex(tables["main"])
    assert tex.count(r"\begin{table*}") == tex.count(r"\end{table*}") > 1
    assert tex.count(r"\caption[") == tex.count(r"\label{tab:joined-main}") == 1
    assert tex.count("(continued)") + tex.count(r"Notes to \tablename") == tex.count(r"\begin{table*}") - 1
    for recipe in ("lines", "screentone", "gray"):
        assert tex.count(rf"{{@{{}}l}}{{\textit{{{recipe}}}}} \\") == 1
    halves = tex.count(r"\half\pm ")
    assert halves == sum(e.half_width is not None for row in tables["main"].rows for e in row.entries)
