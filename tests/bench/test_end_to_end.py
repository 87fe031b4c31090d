"""The real command from data to report: equal bytes twice and after kills, holes, exit codes, refusals."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import tomli_w

from bench.prediction import load_generator, predict
from bench.runfolder import CellFolder

Command = Callable[..., Any]

COMMAND = [sys.executable, "-c", "from bench.cli import main; main()"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, tiny_values: dict[str, Any]) -> Path:
    """A folder with a tiny preset: 24 pages, 64 px, one seed, 10 steps a cell."""
    folder = tmp_path_factory.mktemp("place")
    often = tiny_values["training"] | {"checkpoint_seconds": 0.05}
    values = tiny_values | {"budget": "40-steps", "training": often}
    (folder / "tiny.toml").write_text(tomli_w.dumps(values))
    return folder


def environment() -> dict[str, str]:
    return os.environ | {"OMP_NUM_THREADS": "1", "TORCH_HOME": "no-weights"}


def started(place: Path, *arguments: str) -> subprocess.Popen[str]:
    """The command in a process of its own."""
    return subprocess.Popen(
        [*COMMAND, *arguments], cwd=place, env=environment(), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def run_arguments(out: str, *more: str) -> list[str]:
    return ["run", "--preset", "tiny.toml", "--data", "synthetic", "--cache", "cache", "--out", out, *more]


@pytest.fixture(scope="module")
def bench(bench_command: Command) -> Command:
    """The command in this process, which saves seconds of imports: for all that is not killed."""
    return bench_command


@pytest.fixture(scope="module")
def whole(place: Path) -> Path:
    process = started(place, *run_arguments("whole"))
    _, said = process.communicate(timeout=280)
    assert process.returncode == 0, said
    assert "uncalibrated metrics: rLPIPS, rFD, rKID" in said
    return place / "whole"


def results(run: Path) -> dict[str, bytes]:
    """Everything that must not depend on when and how often a run was interrupted."""
    names = ("generator.safetensors", "images.parquet", "sets.json", "*.png")
    files = [path for name in names for path in run.rglob(name) if "report" not in path.parts]
    return {str(path.relative_to(run)): path.read_bytes() for path in sorted(files)}


def test_scoring_a_run_again_gives_the_same_bytes(whole: Path, place: Path, bench: Command) -> None:
    again = place / "again"
    shutil.copytree(whole, again)
    for path in [*again.rglob("images.parquet"), *again.rglob("sets.json"), *again.rglob("shuffled.parquet")]:
        path.unlink()
    result = bench(place, "evaluate", "again")
    assert result.returncode == 0, result.stderr
    assert results(again) == results(whole)
    for name in ("cells/pix2pix-seed0/shuffled.parquet", "truth-halves.json", "report/tables/main.csv"):
        assert (again / name).read_bytes() == (whole / name).read_bytes()


def test_run_leaves_what_the_report_is_made_from(whole: Path) -> None:
    for name in ("experiment.toml", "provenance.json", "split.json", "plan.json", "run.log"):
        assert (whole / name).is_file(), name
    cells = sorted(path.name for path in (whole / "cells").iterdir())
    assert cells == [
        "copy",
        "cyclegan-seed0",
        "mean-chroma",
        "oracle",
        "pix2pix-seed0",
        "pix2pixhd-seed0",
        "unet-l1-seed0",
    ]
    oracle = pd.read_parquet(whole / "cells/oracle/images.parquet")
    assert (oracle["ssim"] == 1).all()
    assert (oracle["ciede2000"] == 0).all()
    copy = pd.read_parquet(whole / "cells/copy/images.parquet")
    assert (copy["line_f1"] == 1).all()
    status = json.loads((whole / "cells/cyclegan-seed0/status.json").read_text())
    assert (status["state"], status["step"], status["images"]) == ("done", 10, 10)
    for name in ("tables/main.csv", "tables/main.md", "tables/main.tex", "index.html", "results.json"):
        assert (whole / "report" / name).is_file(), name
    assert not list(whole.rglob("checkpoint-*"))


def test_published_generators_give_the_runs_own_predictions(whole: Path, place: Path, bench: Command) -> None:
    result = bench(place, "publish", "whole", "--out", "published")
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("pix2pix, pix2pixhd, cyclegan, unet-l1, results written into ")
    # A whole batch: another number of windows may round the last bit differently.
    windows = sorted(path.stem for path in (whole / "test/input").iterdir())[:8]
    for model in ("pix2pix", "pix2pixhd", "cyclegan", "unet-l1"):
        translator = load_generator(CellFolder(place / "published/models" / model / "seed0"), "cpu")
        again = place / "published-predictions" / model
        predict(translator, windows, whole / "test/input", again, "cpu", lambda: None)
        for window in windows:
            first = whole / "cells" / f"{model}-seed0" / "predictions" / f"{window}.png"
            assert (again / first.name).read_bytes() == first.read_bytes()
    verified = bench(place, "verify", "published/results")
    assert verified.returncode == 0, verified.stderr


def kill_after(place: Path, out: str, seconds: float, number: int) -> int:
    process = subprocess.Popen(
        [*COMMAND, *run_arguments(out)],
        cwd=place,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment(),
    )
    deadline = time.monotonic() + 120
    while not (place / out / "plan.json").exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(seconds)
    process.send_signal(number)
    return process.wait(timeout=120)


def test_run_killed_three_times_equals_an_uninterrupted_one(place: Path, whole: Path, bench: Command) -> None:
    moments = random.Random(0)
    for _ in range(3):
        kill_after(place, "killed", moments.uniform(0.0, 4.0), signal.SIGKILL)
    result = bench(place, *run_arguments("killed"))
    assert result.returncode == 0, result.stderr
    assert results(place / "killed") == results(whole)


def test_ctrl_c_saves_and_has_its_own_exit_code(place: Path) -> None:
    assert kill_after(place, "interrupted", 0.1, signal.SIGINT) == 130


def test_sigterm_has_its_own_exit_code_and_the_same_command_goes_on(place: Path, whole: Path, bench: Command) -> None:
    assert kill_after(place, "terminated", 0.1, signal.SIGTERM) == 75
    assert bench(place, *run_arguments("terminated")).returncode == 0
    assert results(place / "terminated") == results(whole)


def test_finished_run_is_left_alone(place: Path, whole: Path, bench: Command) -> None:
    before = {path: path.stat().st_mtime_ns for path in (whole / "cells").rglob("*") if path.is_file()}
    assert bench(place, *run_arguments("whole")).returncode == 0
    assert {path: path.stat().st_mtime_ns for path in (whole / "cells").rglob("*") if path.is_file()} == before


def refused(bench: Command, place: Path, *arguments: str) -> str:
    """What the command says where it ends with exit code 2."""
    result = bench(place, *arguments)
    assert result.returncode == 2, result.stderr
    return str(result.stderr)


def test_other_experiment_in_the_same_folder_is_refused_with_the_difference(
    place: Path, whole: Path, bench: Command
) -> None:
    said = refused(bench, place, *run_arguments("whole", "--budget", "80-steps"))
    assert "budget: 40-steps -> 80-steps" in said


def test_folder_that_is_not_a_run_is_left_alone(place: Path, bench: Command) -> None:
    (place / "mine").mkdir()
    (place / "mine" / "thesis.tex").write_text("irreplaceable")
    assert "not empty" in refused(bench, place, *run_arguments("mine"))
    assert (place / "mine" / "thesis.tex").read_text() == "irreplaceable"


def test_plan_of_another_experiment_is_refused(place: Path, whole: Path, bench: Command) -> None:
    said = refused(bench, place, *run_arguments("other", "--plan", "whole/plan.json", "--seeds", "2"))
    assert "made for another experiment" in said


def test_same_experiment_and_plan_give_the_same_bytes(place: Path, whole: Path, bench: Command) -> None:
    assert bench(place, *run_arguments("repeated", "--plan", "whole/plan.json")).returncode == 0
    assert results(place / "repeated") == results(whole)


@pytest.fixture(scope="module")
def holed(place: Path, bench: Command) -> tuple[Path, Any]:
    arguments = run_arguments(
        "holed", "--set", "model_settings.pix2pix.lambda_L1=1e39", "--models", "pix2pix,pix2pixhd"
    )
    return place / "holed", bench(place, *arguments)


def test_diverged_cell_is_marked_the_others_go_on_and_the_report_shows_the_hole(
    holed: tuple[Path, Any],
) -> None:
    run, result = holed
    assert result.returncode == 1, result.stderr
    status = json.loads((run / "cells/pix2pix-seed0/status.json").read_text())
    assert status["state"] == "diverged"
    assert (run / "cells/pix2pixhd-seed0/images.parquet").is_file()
    assert "diverged" in (run / "report/tables/main.md").read_text()


def test_report_status_and_dry_run_of_a_finished_run(place: Path, whole: Path, bench: Command) -> None:
    written = bench(place, "report", "whole", "--out", "reports")
    assert written.returncode == 0, written.stderr
    table = (place / "reports/whole/tables/main.csv").read_bytes()
    assert table == (whole / "report/tables/main.csv").read_bytes()
    shown = bench(place, "status", "whole")
    assert shown.returncode == 0
    assert "pix2pixhd-seed0" in shown.stdout
    planned = bench(place, *run_arguments("planned", "--dry-run"))
    assert planned.returncode == 0, planned.stderr
    assert all(word in planned.stdout for word in ("pix2pix-small", "held out", "disk"))
    assert not (place / "planned").exists()


def test_two_processes_on_different_cells_of_one_run_give_the_same_bytes(
    place: Path, whole: Path, bench: Command
) -> None:
    """Each begins the run or finds it begun, works on its own cells, and a last command scores and reports."""
    names = ("pix2pix-seed0", "unet-l1-seed0"), ("cyclegan-seed0", "pix2pixhd-seed0")
    commands = [run_arguments("shared", *(part for name in pair for part in ("--cell", name))) for pair in names]
    processes = [started(place, *command) for command in commands]
    for process in processes:
        _, said = process.communicate(timeout=280)
        assert process.returncode == 0, said
        assert "cells left: " in said
    assert not (place / "shared/report").exists()
    assert (place / "shared/cells/cyclegan-seed0/cell.log").is_file()
    assert bench(place, *run_arguments("shared")).returncode == 0
    assert results(place / "shared") == results(whole)


def test_unknown_cell_is_refused_with_those_there_are(place: Path, bench: Command) -> None:
    said = refused(bench, place, *run_arguments("nothing", "--cell", "pix2pix-seed7"))
    assert "its cells: pix2pix-seed0, pix2pixhd-seed0, cyclegan-seed0, unet-l1-seed0" in said
    assert not (place / "nothing").exists()
