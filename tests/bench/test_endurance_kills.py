"""A real run killed fifty times: by signals at random moments, and at the first write of every kind; the bytes stay the same.

`nox -s endurance` runs it; it prints the table of kills and what they cost.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import tomli_w

COMMAND = [sys.executable, "-c", "from bench.cli import main; main()"]
FAULTY = [sys.executable, str(Path(__file__).parent / "faulty_command.py")]
KILLS = 50
SEED = 20261125
IMPORTS_SECONDS = 3.0
"""Before them there is nothing to interrupt; later moments are rarer, so that a run is killed several times before it ends."""


def environment(**more: str) -> dict[str, str]:
    return os.environ | {"OMP_NUM_THREADS": "1", "TORCH_HOME": "no-weights"} | more


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, tiny_values: dict[str, Any]) -> Path:
    """A folder with a preset of three models and two seeds that checkpoints often."""
    folder = tmp_path_factory.mktemp("place")
    often = tiny_values["training"] | {"checkpoint_seconds": 0.05}
    values = tiny_values | {"budget": "240-steps", "seeds": [0, 1], "training": often}
    (folder / "tiny.toml").write_text(tomli_w.dumps(values))
    return folder


def arguments(out: str) -> list[str]:
    return ["run", "--preset", "tiny.toml", "--data", "synthetic", "--cache", f"cache-{out}", "--out", out]


def finished(place: Path, out: str) -> float:
    """Run the command to its end; returns its seconds."""
    started = time.monotonic()
    result = subprocess.run(
        [*COMMAND, *arguments(out)], cwd=place, env=environment(), capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return time.monotonic() - started


@dataclass(frozen=True)
class Whole:
    """A run that nothing interrupted, and how long it took."""

    path: Path
    seconds: float


@pytest.fixture(scope="module")
def whole(place: Path) -> Whole:
    return Whole(place / "whole", finished(place, "whole"))


def results(run: Path) -> dict[str, bytes]:
    names = ("generator.safetensors", "images.parquet", "sets.json", "shuffled.parquet", "*.png", "*.npy", "main.csv")
    files = [path for name in names for path in run.rglob(name) if not {"figures", "data"} & set(path.parts)]
    return {str(path.relative_to(run)): path.read_bytes() for path in sorted(files)}


@pytest.mark.endurance
def test_run_killed_fifty_times_by_signals_gives_the_same_bytes(place: Path, whole: Whole) -> None:
    moments, codes, runs, kills = random.Random(SEED), Counter[int](), 0, 0
    while kills < KILLS:
        out, done = f"killed{runs}", False
        while not done and kills < KILLS:
            number = moments.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
            process = subprocess.Popen(
                [*COMMAND, *arguments(out)],
                cwd=place,
                env=environment(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            try:
                process.wait(timeout=IMPORTS_SECONDS + moments.random() ** 2 * whole.seconds)
                done = True
            except subprocess.TimeoutExpired:
                process.send_signal(number)
                kills += 1
            code = process.wait(timeout=600)
            codes[code] += 1
            # A signal before the command listens ends it as the system does.
            assert code in (0, 75, 130, -signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT)
        finished(place, out)
        assert results(place / out) == results(whole.path), out
        assert not list((place / out).rglob("*.tmp"))
        assert not list((place / out).rglob("checkpoint-*"))
        shutil.rmtree(place / out)
        runs += 1
    print(f"{kills} signals in {runs} runs, all equal; exit codes {dict(codes)}; a run took {whole.seconds:.0f} s")


@pytest.mark.endurance
def test_run_killed_at_the_first_write_of_every_kind_gives_the_same_bytes(
    place: Path, whole: Whole, tmp_path: Path
) -> None:
    seen, kills = tmp_path / "seen", 0
    faults = environment(FAULT_FOLDER=str(place), FAULT_SEEN=str(seen))
    while True:
        process = subprocess.run(
            [*FAULTY, *arguments("each")], cwd=place, env=faults, capture_output=True, text=True, check=False
        )
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL, process.stderr
        kills += 1
    kinds = seen.read_text().splitlines()
    assert kills == len(kinds) == len(set(kinds))
    assert results(place / "each") == results(whole.path)
    assert not list((place / "each").rglob("*.tmp"))
    assert not list((place / "each").glob(".report*"))
    print(f"killed at the first write of {kills} kinds, equal: {', '.join(kinds)}")
