"""Half an hour of three models with five seeds: killed again and again nothing is lost, and a cell leaves nothing behind.

`nox -s endurance` runs it; BENCH_SOAK_MINUTES makes it shorter or longer. A third of the time goes into a run that nothing
interrupts, whose figures by cell (memory, threads, open files, disk) show leaks; the rest into one under random kills.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from bench.run_log import read_log
from bench.runfolder import RunFolder
from bench.status import CellStatus

COMMAND = [sys.executable, "-c", "from bench.cli import main; main()"]
MINUTES = float(os.environ.get("BENCH_SOAK_MINUTES", "30"))
STEPS_A_MINUTE = 650
"""Of all cells together, for a run that takes a third of the time on two cores."""

GROWTH_MIB = 4.0
"""A cell: what allocators keep; a leaked network of these widths has less than one, a leaked cache of pages more."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, tiny_values: dict[str, Any]) -> Path:
    """A folder with a preset of three models and five seeds."""
    folder = tmp_path_factory.mktemp("place")
    training = tiny_values["training"] | {"checkpoint_seconds": 1.0}
    changed = {"budget": f"{int(MINUTES * STEPS_A_MINUTE)}-steps", "seeds": [0, 1, 2, 3, 4], "training": training}
    (folder / "tiny.toml").write_text(tomli_w.dumps(tiny_values | changed))
    return folder


def started(place: Path, out: str) -> subprocess.Popen[bytes]:
    command = ["run", "--preset", "tiny.toml", "--data", "synthetic", "--cache", "cache", "--out", out]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "TORCH_HOME": "no-weights"}
    return subprocess.Popen(
        [*COMMAND, *command], cwd=place, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def results(run: Path) -> dict[str, bytes]:
    names = ("generator.safetensors", "images.parquet", "sets.json", "shuffled.parquet", "*.png", "*.npy", "main.csv")
    files = [path for name in names for path in run.rglob(name) if not {"figures", "data"} & set(path.parts)]
    return {str(path.relative_to(run)): path.read_bytes() for path in sorted(files)}


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def ended_cells(run: RunFolder) -> list[Mapping[str, Any]]:
    return [line.fields for line in read_log(run.log) if line.fields.get("event") == "cell ended"]


def check_leaks(run: RunFolder, cells: Sequence[Mapping[str, Any]]) -> None:
    for cell in cells:
        disk = size(run.cell(cell["cell"]).path) / 2**20
        print(
            f"{cell['cell']:18} {cell['resident_mib']:7.1f} MiB resident {cell['threads']:3} threads {cell['open_files']:3} files "
            f"{disk:6.2f} MiB on disk"
        )
    first, last = cells[4:8], cells[-4:]
    assert max(c["threads"] for c in last) <= max(c["threads"] for c in first)
    assert max(c["open_files"] for c in last) <= max(c["open_files"] for c in first)
    growth = (last[-1]["resident_mib"] - first[-1]["resident_mib"]) / (len(cells) - 8)
    print(f"growth of memory: {growth:.2f} MiB a cell")
    assert growth < GROWTH_MIB
    assert not list(run.path.rglob("checkpoint-*"))
    assert not list(run.path.rglob("*.tmp"))


@pytest.mark.endurance
def test_half_an_hour_of_cells_under_kills_loses_nothing_and_leaks_nothing(place: Path) -> None:
    began = time.monotonic()
    assert started(place, "whole").wait() == 0
    whole = RunFolder(place / "whole")
    cells = ended_cells(whole)
    assert len(cells) == 20
    print(f"\nuninterrupted: {time.monotonic() - began:.0f} s")
    check_leaks(whole, cells)

    moments, kills = random.Random(0), 0
    while True:
        process = started(place, "killed")
        try:
            code = process.wait(timeout=moments.uniform(15, 90))
        except subprocess.TimeoutExpired:
            process.send_signal(moments.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM]))
            kills += 1
            code = process.wait(timeout=120)
        # Asked to stop while it writes its report, a run ends whole; before it listens, the system ends it.
        assert code in (0, 75, -signal.SIGKILL, -signal.SIGTERM)
        if code == 0:
            break
    killed = RunFolder(place / "killed")
    assert results(killed.path) == results(whole.path)
    assert not list(killed.path.rglob("checkpoint-*"))
    assert not list(killed.path.rglob("*.tmp"))
    names = {path.name for path in (whole.path / "cells").iterdir()}
    lost = sum(CellStatus.load(killed.cell(name)).lost_seconds for name in names)
    useful = sum(CellStatus.load(killed.cell(name)).seconds for name in names)
    print(
        f"under kills: {time.monotonic() - began:.0f} s in all, {kills} kills, {lost:.0f} s lost of {useful + lost:.0f} s trained"
    )
    print(f"disk: {size(whole.path) / 2**20:.1f} MiB uninterrupted, {size(killed.path) / 2**20:.1f} MiB killed")
