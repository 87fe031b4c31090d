"""What goes wrong on real machines, provoked: one line and an exit code, nothing lost, and the next command ends the same."""

from __future__ import annotations

import errno
import importlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from bench.stopping import Stopped, listening

Command = Callable[..., Any]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, tiny_values: dict[str, Any]) -> Path:
    """A folder with a preset that trains one model for a few steps, checkpointing at each."""
    folder = tmp_path_factory.mktemp("place")
    values = tiny_values | {"models": ["pix2pix"], "references": ["copy"], "budget": "4-steps"}
    values["training"] = tiny_values["training"] | {"checkpoint_seconds": 1e-9}
    (folder / "tiny.toml").write_text(tomli_w.dumps(values))
    return folder


def arguments(out: str, *more: str, cache: str = "cache") -> list[str]:
    return ["run", "--preset", "tiny.toml", "--data", "synthetic", "--cache", cache, "--out", out, *more]


@pytest.fixture(scope="module")
def whole(place: Path, bench_command: Command) -> Path:
    result = bench_command(place, *arguments("whole"))
    assert result.returncode == 0, result.stderr
    return place / "whole"


def results(run: Path) -> dict[str, bytes]:
    names = ("generator.safetensors", "images.parquet", "sets.json", "shuffled.parquet", "*.png", "main.csv")
    files = [path for name in names for path in run.rglob(name) if not {"figures", "data"} & set(path.parts)]
    return {str(path.relative_to(run)): path.read_bytes() for path in sorted(files)}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.timeout(900)
@pytest.mark.parametrize("number", [errno.ENOSPC, pytest.param(errno.EROFS, marks=pytest.mark.endurance)])
def test_write_that_fails_anywhere_is_one_line_and_the_next_command_goes_on(
    number: int, place: Path, whole: Path, bench_command: Command, write_faults: Any
) -> None:
    """A full disk or a read-only folder at the first write of every kind, one after the other, in one run."""
    out, failed = f"fault{number}", 0

    def fail(kind: str, path: str) -> None:
        raise OSError(number, os.strerror(number), path)

    kinds: set[str] = set()
    while True:
        write_faults.arm(place, kinds, fail)
        before = len(kinds)
        result = bench_command(place, *arguments(out, cache=f"cache{number}"))
        write_faults.disarm()
        if result.returncode == 0 and len(kinds) == before:
            break
        failed += 1
        line = result.stderr.strip().splitlines()[-1]
        if result.returncode == 0:
            # Nothing depends on TensorBoard: the run goes on without it, and says so.
            assert "without TensorBoard" in result.stderr
            continue
        assert result.returncode == 2, result.stderr
        assert line.startswith("bench: ")
        assert os.strerror(number) in line or "disk is full" in line
        assert "Traceback" not in result.stderr
    assert failed >= 40
    for name in (
        "plan.json",
        "checkpoint-N.pt",
        "status.json",
        "generator.safetensors",
        "WINDOW",
        "sets.json",
        "tables/ANY.tex",
    ):
        assert any(name in kind for kind in kinds), name
    assert results(place / out) == results(whole)
    assert not list((place / out).rglob("*.tmp"))


@pytest.mark.parametrize(
    ("module", "name", "ngf", "when"),
    [
        ("bench.cell_work", "_train", 64, "out of memory: "),
        ("bench.planning", "plan_model", 160, "while its steps were timed"),
    ],
)
def test_model_that_does_not_fit_into_memory_is_marked_and_the_others_go_on(
    module: str, name: str, ngf: int, when: str, place: Path
) -> None:
    """A U-Net of 29 million parameters where 100 MiB are left while it trains, one of 180 million where they are planned for.

    In a process of its own: what libraries remember of a failure would follow the tests after it.
    """
    wide = ["--set", f"model_settings.pix2pix.ngf={ngf}", "--models", "pix2pixhd,pix2pix", "--budget", "8-steps"]
    little = {"LITTLE_MODULE": module, "LITTLE_NAME": name, "OMP_NUM_THREADS": "1"}
    script = Path(__file__).parent / "little_memory.py"
    result = subprocess.run(
        [sys.executable, str(script), *arguments(name, *wide)],
        cwd=place, env=os.environ | little, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 1, result.stderr
    status = json.loads((place / name / "cells/pix2pix-seed0/status.json").read_text())
    assert status["state"] == "failed"
    assert "out of memory" in status["reason"]
    assert when in status["reason"]
    assert "lower training.batch_size, the resolution or the model's ngf" in status["reason"]
    assert (place / name / "cells/pix2pixhd-seed0/sets.json").is_file()
    assert "out of memory" in (place / name / "report/tables/main.md").read_text()


def test_clock_that_jumps_changes_nothing(
    place: Path, whole: Path, bench_command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time of day goes back and forth by hours, as it does when a machine sets its clock."""
    real, jumps = time.time, random.Random(0)
    monkeypatch.setattr(time, "time", lambda: real() + jumps.uniform(-36_000, 36_000))
    result = bench_command(place, *arguments("jumping"))
    assert result.returncode == 0, result.stderr
    assert results(place / "jumping") == results(whole)
    seconds = json.loads((place / "jumping/cells/pix2pix-seed0/status.json").read_text())["seconds"]
    assert 0 < seconds < 60


def test_losses_that_explode_mark_the_cell_at_the_step(place: Path, bench_command: Command) -> None:
    result = bench_command(place, *arguments("exploding", "--set", "training.loss_limit=20"))
    assert result.returncode == 1, result.stderr
    status = json.loads((place / "exploding/cells/pix2pix-seed0/status.json").read_text())
    assert (status["state"], status["step"]) == ("diverged", 1)
    assert "G_L1 = " in status["reason"]
    assert "at step 1, the first" in status["reason"]


def test_two_stop_signals_in_one_run(capfd: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C once asks for a stop, twice stops at once; SIGTERM asks with its own exit code."""
    with listening() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.exit_code == 75
    with listening() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.exit_code == 130
        with pytest.raises(Stopped):
            stop.check()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert "Ctrl-C again stops at once" in capfd.readouterr().err


def test_stop_before_training_has_begun_is_as_good_as_any_other(
    place: Path, whole: Path, bench_command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGTERM while pages are prepared, while the plan is made, and while windows are coloured."""
    for module, name in (
        ("bench.beginning", "prepare_data"),
        ("bench.beginning", "make_plan"),
        ("bench.cell_work", "predict"),
    ):
        target = importlib.import_module(module)
        real = getattr(target, name)

        def stopping(*given: Any, real: Any = real, **named: Any) -> Any:
            os.kill(os.getpid(), signal.SIGTERM)
            return real(*given, **named)

        with monkeypatch.context() as patch:
            patch.setattr(target, name, stopping)
            result = bench_command(place, *arguments("stopped", cache="cache-stopped"))
        assert result.returncode == 75, (name, result.stderr)
        assert "stopped with everything saved" in result.stderr
    assert bench_command(place, *arguments("stopped", cache="cache-stopped")).returncode == 0
    assert results(place / "stopped") == results(whole)
