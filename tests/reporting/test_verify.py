"""`bench verify`: an untouched report verifies from its own folder alone; whatever is changed in it is named."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from bench import recomputing
from bench.cli import main
from bench.errors import RequestError
from bench.reporting.build import build_report
from bench.reporting.shipped import seal, shipped_runs
from bench.reporting.verify import verify_report
from bench.stopping import Stopped


@pytest.fixture
def report(built: Path, tmp_path: Path) -> Path:
    """A copy of a report, far from its run."""
    return shutil.copytree(built, tmp_path / "report")


def numbers_differ(found: tuple[str, ...]) -> list[str]:
    """Without the lines about digests that the made-up run of these tests has not."""
    return [line for line in found if "split.json has the digest" not in line]


def test_untouched_report_verifies_without_its_run(report: Path) -> None:
    found = verify_report(report)
    assert numbers_differ(found.differences) == []
    assert found.texts == 25
    assert found.cells > 300


def test_changed_cell_is_named_with_both_values(report: Path) -> None:
    table = report / "tables/main.csv"
    text = table.read_text()
    row = next(line for line in text.splitlines() if line.startswith("pix2pixhd"))
    value = row.split(",")[-2]
    table.write_text(text.replace(row, row.replace(value, "0.123")))
    found = numbers_differ(verify_report(report).differences)
    assert "tables/main.csv: changed since the report was written" in found
    line = next(line for line in found if "row 'pix2pixhd'" in line)
    assert f"'0.123' is printed, its data give {value!r}" in line


def test_changed_cell_is_found_though_the_seal_was_renewed(report: Path) -> None:
    for name in ("main.tex", "main.md"):
        path = report / "tables" / name
        path.write_text(path.read_text().replace("Bold", "Bald"))
    seal(report)
    found = numbers_differ(verify_report(report).differences)
    assert any(line.startswith("tables/main.tex, line ") and "Bald" in line for line in found)
    assert any(line.startswith("tables/main.md, line ") for line in found)


def test_changed_score_moves_the_tables(report: Path) -> None:
    (run,) = shipped_runs(report)
    path = run / "cells/pix2pix-seed0/images.parquet"
    frame = pd.read_parquet(path)
    frame["ssim"] += 0.05
    frame.to_parquet(path)
    found = numbers_differ(verify_report(report).differences)
    assert any("images.parquet: changed since" in line for line in found)
    assert any(line.startswith("tables/main.csv: row 'pix2pix'") for line in found)


def test_missing_and_foreign_files_are_named(report: Path) -> None:
    (report / "figures/grid.pdf").unlink()
    (report / "tables/extra.csv").write_text("a,b\n")
    found = numbers_differ(verify_report(report).differences)
    # The page offers what there is to download, so that it differs too.
    found = [line for line in found if not line.startswith("index.html")]
    assert found == ["figures/grid.pdf: missing", "tables/extra.csv: was not there when the report was written"]


def test_what_the_hub_puts_beside_a_download_is_no_foreign_file(report: Path) -> None:
    (report / ".gitattributes").write_text("*.png filter=lfs\n")
    (report / ".cache/huggingface/download").mkdir(parents=True)
    (report / ".cache/huggingface/download/index.html.metadata").write_text("0" * 40)
    (report / ".cache/other").write_text("not the Hub's")
    assert numbers_differ(verify_report(report).differences) == [
        ".cache/other: was not there when the report was written"
    ]


def test_a_card_that_is_no_object_is_one_difference_in_one_line(report: Path) -> None:
    (run,) = shipped_runs(report)
    (run / "cells/pix2pix-seed0/generator.json").write_text("[]")
    found = verify_report(report).differences
    assert any(line.endswith("pix2pix-seed0: its card names another generator than its status") for line in found)


def test_stopping_while_scores_are_computed_again_ends_with_its_exit_code(
    report: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(*_arguments: object) -> list[str]:
        raise Stopped(75)

    monkeypatch.setattr(recomputing, "compare_with_run", stop)
    monkeypatch.setattr(sys, "argv", ["bench", "verify", str(report), "--run", str(report)])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 75
    assert "stopped before" in capsys.readouterr().err


def test_other_weights_under_a_calibrated_name_are_named(report: Path) -> None:
    (run,) = shipped_runs(report)
    path = run / "cells/pix2pix-seed0/sets.json"
    sets = json.loads(path.read_text())
    for score in sets["scores"]:
        if score["metric"] == "rfd":
            score |= {"metric": "fid", "calibrated": True}
    path.write_text(json.dumps(sets))
    assert any("other weights than the published ones" in line for line in verify_report(report).differences)


@pytest.mark.parametrize("what", ["nothing", "data"])
def test_folder_that_cannot_be_verified_is_one_line(report: Path, tmp_path: Path, what: str) -> None:
    if what == "nothing":
        with pytest.raises(RequestError, match="no report here"):
            verify_report(tmp_path)
        return
    shutil.rmtree(report / "data")
    with pytest.raises(RequestError, match="write the report again"):
        verify_report(report)


def test_verifying_imports_no_torch_and_knows_no_locale(report: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from bench.reporting.verify import verify_report; "
        f"found = verify_report(Path({str(report)!r})); assert 'torch' not in sys.modules; "
        "assert not [l for l in found.differences if l.startswith(('tables', 'methods', 'index', 'results'))], found"
    )
    environment = os.environ | {"LC_ALL": "tr_TR.UTF-8", "TZ": "Asia/Tokyo", "PYTHONHASHSEED": "7"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


def test_folder_of_somebody_elses_data_is_not_replaced(finished_run: Path, tmp_path: Path) -> None:
    for name in ("data", "figures", "tables"):
        (tmp_path / "paper" / name).mkdir(parents=True)
    with pytest.raises(RequestError, match="holds no report"):
        build_report(finished_run, tmp_path / "paper")
