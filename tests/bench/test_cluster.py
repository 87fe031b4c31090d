"""Cells on several machines: a real Ray cluster of two nodes of which one is killed, and the worked Slurm file.

`nox -s cluster` runs it, since Ray is an extra.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from bench import locks
from bench.run_log import read_log
from bench.runfolder import RunFolder
from bench.status import CellStatus

COMMAND = [sys.executable, "-c", "from bench.cli import main; main()"]
CELLS = ("cyclegan-seed0", "cyclegan-seed1")

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]


def environment(**more: str) -> dict[str, str]:
    return os.environ | {"OMP_NUM_THREADS": "1", "TORCH_HOME": "no-weights", "RAY_USAGE_STATS_ENABLED": "0"} | more


def arguments(out: str, *more: str) -> list[str]:
    return ["run", "--preset", "tiny.toml", "--data", "synthetic", "--cache", "cache", "--out", out, *more]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, tiny_values: dict[str, Any]) -> Path:
    """A folder with a preset of two trained cells, each long enough to be killed in the middle."""
    folder = tmp_path_factory.mktemp("place")
    values = tiny_values | {"models": ["cyclegan"], "references": ["copy"], "seeds": [0, 1], "budget": "500-steps"}
    values["training"] = tiny_values["training"] | {"checkpoint_seconds": 0.5}
    (folder / "tiny.toml").write_text(tomli_w.dumps(values))
    return folder


@pytest.fixture(scope="module")
def whole(place: Path) -> Path:
    subprocess.run([*COMMAND, *arguments("whole")], cwd=place, env=environment(), check=True, capture_output=True)
    return place / "whole"


def results(run: Path) -> dict[str, bytes]:
    names = ("generator.safetensors", "images.parquet", "sets.json", "*.png", "*.npy", "main.csv")
    files = [path for name in names for path in run.rglob(name) if not {"figures", "data"} & set(path.parts)]
    return {str(path.relative_to(run)): path.read_bytes() for path in sorted(files)}


@pytest.fixture
def two_nodes() -> Iterator[Any]:
    """A cluster of two nodes on this machine, with a CPU each."""
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'manga-gan-bench[cluster]'")
    from ray.cluster_utils import Cluster

    before = dict(os.environ)
    os.environ.update(environment())
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    cluster.second = cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    yield cluster
    cluster.shutdown()
    os.environ.clear()
    os.environ.update(before)


def wait_until(condition: Any, process: subprocess.Popen[str], seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)


def started(place: Path, *command: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, *command], cwd=place, env=environment(), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def under_way(run: RunFolder) -> list[str]:
    """Cells that a worker holds and that have a checkpoint."""
    return [name for name in CELLS if run.cell(name).is_held() and run.cell(name).checkpoints()]


def test_node_killed_in_the_middle_of_a_cell_costs_nothing(place: Path, whole: Path, two_nodes: Any) -> None:
    process = started(place, *arguments("ray", "--executor", "ray", "--address", two_nodes.address))
    run = RunFolder(place / "ray")
    wait_until(lambda: len(under_way(run)) == 2, process)
    two_nodes.remove_node(two_nodes.second, allow_graceful=False)
    _, said = process.communicate(timeout=500)
    assert process.returncode == 0, said
    assert "its worker died" in said
    log = read_log(run.log)
    died = [line.fields for line in log if line.fields.get("event") == "worker died"]
    assert len(died) >= 1
    assert {line.fields["cell"] for line in log if line.fields.get("event") == "cell ended"} == set(CELLS)
    again = [line.text for line in read_log(run.cell(died[0]["cell"]).log)]
    assert any("goes on from step" in text for text in again)
    assert results(place / "ray") == results(whole)
    shutil.rmtree(place / "ray")
    print(f"killed with {died}; results equal to a local run")


def test_command_that_is_killed_leaves_workers_and_the_same_command_goes_on(
    place: Path, whole: Path, two_nodes: Any
) -> None:
    """The workers of a killed command live on for a moment, at work on cells that the next one wants."""
    command = arguments("again", "--executor", "ray", "--address", two_nodes.address)
    process = started(place, *command)
    run = RunFolder(place / "again")
    wait_until(lambda: len(under_way(run)) == 2, process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    left = under_way(run)
    second = started(place, *command)
    _, said = second.communicate(timeout=500)
    assert second.returncode == 0, said
    assert results(place / "again") == results(whole)
    print(f"killed the command with workers at {left}; the next gave results equal to a local run")


def test_worker_that_is_asked_to_end_is_replaced(place: Path, whole: Path) -> None:
    """As where a machine is drained: the worker saves and ends, and nobody stopped the command."""
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'manga-gan-bench[cluster]'")
    process = started(place, *arguments("drained", "--executor", "ray"))
    run = RunFolder(place / "drained")
    wait_until(lambda: under_way(run), process)
    held = locks.holder(run.cell(under_way(run)[0]).lock)
    assert held is not None
    os.kill(int(held.split()[1]), signal.SIGTERM)
    _, said = process.communicate(timeout=500)
    assert process.returncode == 0, said
    assert "its worker died" in said
    assert results(place / "drained") == results(whole)


def test_stop_is_passed_on_to_the_workers_and_the_run_goes_on_locally(place: Path, whole: Path) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'manga-gan-bench[cluster]'")
    process = started(place, *arguments("stopped", "--executor", "ray"))
    run = RunFolder(place / "stopped")
    wait_until(lambda: under_way(run), process)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=200)
    assert process.returncode == 75, said
    assert not under_way(run)
    assert any(CellStatus.load(run.cell(name)).step for name in CELLS)
    subprocess.run([*COMMAND, *arguments("stopped")], cwd=place, env=environment(), check=True, capture_output=True)
    assert results(place / "stopped") == results(whole)


def test_slurm_file_works_on_a_cell_is_queued_again_when_preempted_and_goes_on(
    place: Path, whole: Path, tmp_path: Path
) -> None:
    """The worked file itself, with a stand-in for Slurm's command that only writes down what it is asked."""
    bench = place / ".venv/bin/bench"
    bench.parent.mkdir(parents=True)
    bench.write_text(f'#!/bin/sh\nexec {sys.executable} -c "from bench.cli import main; main()" "$@"\n')
    (tmp_path / "scontrol").write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n')
    for script in (bench, tmp_path / "scontrol"):
        script.chmod(0o755)
    slurm = environment(
        PATH=f"{tmp_path}:{os.environ['PATH']}", SLURM_ARRAY_JOB_ID="7", SLURM_ARRAY_TASK_ID="2",
        BENCH_OPTIONS=" ".join(arguments("slurm")[1:]),
    )  # fmt: skip
    script = Path(__file__).parents[2] / "docs/slurm.sbatch"
    run = RunFolder(place / "slurm")
    process = subprocess.Popen(["bash", str(script)], cwd=place, env=slurm, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: under_way(run), process)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=100)
    assert process.returncode == 75, said
    assert (tmp_path / "asked").read_text() == "requeue 7_2\n"
    for task in ("2", "6"):
        subprocess.run(["bash", str(script)], cwd=place, env=slurm | {"SLURM_ARRAY_TASK_ID": task}, check=True)
    assert all(run.cell(name).has_generator() for name in CELLS)
    subprocess.run([*COMMAND, *arguments("slurm")], cwd=place, env=environment(), check=True, capture_output=True)
    assert results(place / "slurm") == results(whole)
