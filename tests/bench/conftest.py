"""A tiny experiment, small enough to train in a test, and the command line in this process."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from bench.cli import main
from bench.experiment import Experiment
from bench.preset_files import read_preset

TINY: dict[str, dict[str, Any]] = {
    "pix2pix": {"ngf": 4, "ndf": 4},
    "pix2pixhd": {"ngf": 4, "ndf": 4, "n_downsample": 2, "n_blocks": 1},
    "cyclegan": {"ngf": 4, "ndf": 4, "n_blocks": 6, "pool_size": 2},
    "unet-l1": {"ngf": 4},
}


@pytest.fixture(autouse=True)
def _no_metric_weights(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The weights that a developer happens to have must not change what the tests see."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path_factory.getbasetemp() / "no-weights"))


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny_values() -> dict[str, Any]:
    """The values of a tiny preset: 24 pages, 64 px, one seed."""
    values = read_preset("demo") | {"preset": "tiny", "resolution": 64, "seeds": [0], "budget": "24-steps"}
    values["model_settings"] = TINY
    values["data"] |= {"synthetic_pages": 24, "synthetic_size": 64}
    values["training"] |= {
        "batch_size": 1,
        "validation_windows": 2,
        "validation_snapshots": 2,
        "checkpoint_seconds": 1000.0,
    }
    return values


@pytest.fixture
def tiny_experiment(tiny_values: dict[str, Any]) -> Experiment:
    return Experiment.parse(tiny_values, "tiny")


@dataclass(frozen=True)
class Finished:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


Command = Callable[..., Finished]


def run_here(folder: Path, *arguments: str) -> Finished:
    """`bench` with these arguments in `folder`, in this process: seconds of imports are saved."""
    out, err = io.StringIO(), io.StringIO()
    before = Path.cwd(), sys.argv
    os.chdir(folder)
    sys.argv = ["bench", *arguments]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as ended:
            main()
    finally:
        os.chdir(before[0])
        sys.argv = before[1]
    code = ended.value.code
    return Finished(code if isinstance(code, int) else 0, out.getvalue(), err.getvalue())


@pytest.fixture(scope="module", autouse=True)
def few_figures() -> Iterator[None]:
    """Commands in this process draw one figure of a report: tests/reporting draws all, which takes many seconds every time."""
    from bench.reporting import build

    every = build._drawings
    build._drawings = lambda run, scores: [drawing for drawing in every(run, scores) if drawing.name == "scores"]
    yield
    build._drawings = every


@pytest.fixture(scope="session")
def bench_command() -> Command:
    """`bench_command(folder, "run", ...)` runs the command in this process."""
    return run_here


@pytest.fixture
def write_faults() -> Iterator[Any]:
    """The process's WriteFaults, disarmed again after the test."""
    name = "write_faults_of_tests"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / "write_faults.py")
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    faults = sys.modules[name].WriteFaults.installed()
    yield faults
    faults.disarm()
