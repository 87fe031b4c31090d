import subprocess
import sys

import pandas as pd
import pytest

from bench.errors import RequestError
from bench.reporting.reading import read_run


def test_a_finished_run_is_read_whole(finished_run):
    run = read_run(finished_run)
    assert run.ranked == ("pix2pix", "pix2pixhd", "cyclegan")
    shuffled = tuple(f"{model}-pages-shuffled" for model in run.ranked)
    assert run.references == ("oracle", "copy", "mean-chroma", "unet-l1", *shuffled)
    assert len(run.cells) == 4 * 2 + 3 + 3
    assert run.shown(shuffled[0]) == "pix2pix-small, pages shuffled"
    assert run.halves[0]["metric"] == "rfd"
    assert (run.pages, len(run.windows), run.seeds) == (6, 12, (0, 1))
    assert run.shown("pix2pixhd") == "pix2pixhd-small"
    assert all(cell.scored for cell in run.cells)


def test_a_report_needs_no_torch():
    code = "import sys, bench.reporting.request; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("missing", ["experiment.toml", "plan.json", "split.json", "provenance.json"])
def test_what_the_whole_run_needs_is_required(own_run, missing):
    (own_run / missing).unlink()
    with pytest.raises(RequestError, match=missing.replace(".", r"\.")):
        read_run(own_run)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("experiment.toml", "models = [", "TOML"),
        ("experiment.toml", "models = []", "references"),
        ("plan.json", '{"format": 1', "cannot be read"),
        ("plan.json", '{"format": 99, "models": {}}', "format 1"),
        ("split.json", "[]", "not a JSON object"),
    ],
)
def test_broken_files_of_a_run_are_named_in_one_line(own_run, name, content, said):
    (own_run / name).write_text(content)
    with pytest.raises(RequestError, match=said) as caught:
        read_run(own_run)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_run_without_scores_has_nothing_to_report(own_run):
    for file in (*own_run.glob("cells/*/images.parquet"), *own_run.glob("cells/*/sets.json")):
        file.unlink()
    with pytest.raises(RequestError, match="nothing to report"):
        read_run(own_run)


def test_an_empty_folder_is_no_run(tmp_path):
    with pytest.raises(RequestError, match="no run here"):
        read_run(tmp_path)


def holes(folder):
    return {cell.name: cell.hole for cell in read_run(folder).cells if cell.hole}


def test_states_become_holes_with_their_reasons(own_run, change_json):
    cells = own_run / "cells"
    change_json(cells / "pix2pix-seed0" / "status.json", state="failed", reason="out of memory")
    change_json(cells / "pix2pix-seed1" / "status.json", state="running", step=7)
    change_json(cells / "cyclegan-seed0" / "status.json", state="diverged", reason="D_A = nan by step 9")
    (cells / "cyclegan-seed1" / "sets.json").unlink()
    (cells / "copy" / "status.json").unlink()
    (cells / "copy" / "images.parquet").unlink()
    assert holes(own_run) == {
        "pix2pix-seed0": "failed: out of memory",
        "pix2pix-seed1": "unfinished at step 7 of 4200",
        "cyclegan-seed0": "diverged: D_A = nan by step 9",
        "cyclegan-seed1": "not scored yet",
        "copy": "not run yet",
    }


def test_a_truncated_cell_has_scores(own_run, change_json):
    change_json(own_run / "cells" / "pix2pix-seed0" / "status.json", state="truncated", reason="cut")
    assert holes(own_run) == {}


def test_a_reference_row_without_status_speaks_through_its_scores(own_run):
    (own_run / "cells" / "oracle" / "status.json").unlink()
    assert holes(own_run) == {}


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("images.parquet", b"not parquet"),
        ("sets.json", b"{"),
        ("sets.json", b'{"scores": [{"metric": "rfd"}]}'),
        ("status.json", b'{"state": "dancing"}'),
    ],
)
def test_broken_files_of_a_cell_make_a_hole_that_names_the_file(own_run, file, content):
    (own_run / "cells" / "pix2pix-seed1" / file).write_bytes(content)
    found = holes(own_run)
    assert set(found) == {"pix2pix-seed1"}
    assert file in found["pix2pix-seed1"]
    assert str(own_run) not in found["pix2pix-seed1"]


def test_broken_curve_costs_no_scores(own_run, caplog):
    (own_run / "cells" / "pix2pix-seed1" / "curve.parquet").write_bytes(b"PAR1")
    (cell,) = (cell for cell in read_run(own_run).cells if cell.name == "pix2pix-seed1")
    assert cell.scored
    assert cell.curve is None
    assert "pix2pix-seed1: curve.parquet cannot be read" in caplog.text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda frame: frame.drop(columns="page"), "no column page"),
        (lambda frame: frame.head(0), "no rows"),
        (lambda frame: pd.concat([frame, frame]), "names a window twice"),
        (lambda frame: frame.assign(ssim="good"), "no numbers in its column ssim"),
        (lambda frame: frame.head(10), "other windows"),
    ],
)
def test_scores_that_do_not_compare_make_a_hole(own_run, change, said):
    path = own_run / "cells" / "pix2pix-seed1" / "images.parquet"
    change(pd.read_parquet(path)).to_parquet(path)
    assert said in holes(own_run)["pix2pix-seed1"]


def test_a_loaded_model_is_a_reference_row(own_run):
    (own_run / "cells" / "pix2pix-seed0").rename(own_run / "cells" / "loaded-faces")
    run = read_run(own_run)
    assert "loaded-faces" in run.references
    assert run.cells_of("loaded-faces")[0].seed is None


def test_a_seed_that_was_not_asked_for_is_refused(own_run):
    (own_run / "cells" / "pix2pix-seed1").rename(own_run / "cells" / "pix2pix-seed7")
    with pytest.raises(RequestError, match="pix2pix-seed7: the experiment has no such cell"):
        read_run(own_run)
