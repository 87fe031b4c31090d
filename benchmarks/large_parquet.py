"""Prepares a generated dataset as large as the paper's, and says how long that takes and how much memory.

    python benchmarks/large_parquet.py [--rows 12000] [--shards 43] [--folder DIR] [--resolution 256] [--keep] [--json FILE]

The pages are collages of panels that are cut from drawn pages: 1024x1024 px, JPEG, all different, in parquet shards with a
B/W and a colour image column. `bench data prepare` then works on them in processes of its own: from nothing, again with
everything there, and once more from the parquet's table, killed half-way and gone on with. Memory is the process's whole
resident memory, and apart from it what is anonymous: mapped pages of the table count as resident as long as nobody else
needs the memory. Reads /proc, so it wants Linux.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from generated_pages import draw_sheets, write_shard

_PAGE_BYTES = 900_000
"""A pair of pages as JPEG, at most; what the disk must hold for it is three times that: parquet, table, prepared pages."""

_SAMPLE_SECONDS = 0.05
_MIB = 2**20
_MAIN = "from bench.cli import main; main()"


@dataclass(frozen=True)
class Measured:
    """One `bench data prepare`: seconds, those of the processor, its exit code, and the highest memory in bytes."""

    seconds: float
    processor_seconds: float
    exit_code: int
    resident: int
    anonymous: int

    def line(self, name: str, rows: int) -> str:
        """What is printed."""
        return (
            f"{name:24} {self.seconds:7.0f} s (processor {self.processor_seconds:6.0f} s) {rows / self.seconds:6.1f} rows/s"
            f"   peak {self.resident / _MIB:5.0f} MiB, anonymous {self.anonymous / _MIB:5.0f} MiB   exit code {self.exit_code}"
        )


def main() -> None:
    """Make the dataset where it is not there yet, measure, print a line each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=12_000)
    parser.add_argument("--shards", type=int, default=43)
    parser.add_argument(
        "--folder", type=Path, help="all of it goes into FOLDER/large-parquet; a temporary folder if left out"
    )
    parser.add_argument("--resolution", type=int, default=256)
    parser.add_argument("--keep", action="store_true", help="leave the dataset for another time")
    parser.add_argument("--make-only", action="store_true", help="measure nothing")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    # Never the named folder itself: what is worked in is deleted at the end.
    place = asked.folder / "large-parquet" if asked.folder else Path(tempfile.mkdtemp(prefix="large-parquet-"))
    _check_disk(place, asked.rows)
    try:
        _make(place / "parquet", asked.rows, asked.shards)
        if not asked.make_only:
            _report(_measure_all(place, asked.rows, asked.resolution), asked.rows, asked.json)
    finally:
        if not asked.keep:
            shutil.rmtree(place, ignore_errors=True)


def _check_disk(place: Path, rows: int) -> None:
    place.mkdir(parents=True, exist_ok=True)
    needed, free = 3 * rows * _PAGE_BYTES, shutil.disk_usage(place).free
    if free < needed:
        sys.exit(f"{place}: {needed / 1e9:.0f} GB are needed, {free / 1e9:.0f} GB are free; name another --folder")


def _make(folder: Path, rows: int, shards: int) -> None:
    """Write the shards that are not there yet; all cores work, each on a shard of its own."""
    began = time.perf_counter()
    names = [f"train-{shard:05d}-of-{shards:05d}.parquet" for shard in range(shards)]
    missing = [shard for shard, name in enumerate(names) if not (folder / name).exists()]
    if not missing:
        return
    folder.mkdir(exist_ok=True)
    sheets = folder.parent / "sheets"
    edges = [shard * rows // shards for shard in range(shards + 1)]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        draw_sheets(sheets, pool)
        jobs = [pool.submit(write_shard, folder / names[at], sheets, edges[at], edges[at + 1]) for at in missing]
        for done, job in enumerate(jobs, 1):
            job.result()
            print(f"made {done} of {len(jobs)} shards, {time.perf_counter() - began:.0f} s", flush=True)
    size = sum(path.stat().st_size for path in folder.iterdir())
    print(f"{rows} rows in {shards} shards, {size / 1e9:.2f} GB", flush=True)


def _measure_all(place: Path, rows: int, resolution: int) -> dict[str, Measured]:
    """Each as a process of its own; the table of the parquet is made in the first and used in the others."""
    home, first, second = place / "hf", place / "cache", place / "cache-killed"
    for folder in (home, first, second):
        shutil.rmtree(folder, ignore_errors=True)

    def prepare(cache: Path, stop: Callable[[], bool] | None = None) -> Measured:
        return _measure(_command(place / "parquet", cache, resolution), home, stop)

    measured = {"from nothing": prepare(first), "again, everything there": prepare(first)}
    measured["killed half-way"] = prepare(second, lambda: _pages_done(second) >= rows // 2)
    print(f"killed after {_pages_done(second)} pages", flush=True)
    return measured | {"gone on with": prepare(second)}


def _command(dataset: Path, cache: Path, resolution: int) -> list[str]:
    options = ["--preset", "paper", "--resolution", str(resolution), "--allow-uncalibrated", "--offline"]
    # Weights are not what is measured here.
    options += ["--set", "model_settings.pix2pixhd.vgg_loss=off"]
    return [sys.executable, "-c", _MAIN, "data", "prepare", "--data", f"hf:{dataset}", "--cache", str(cache), *options]


def _measure(command: list[str], home: Path, stop: Callable[[], bool] | None) -> Measured:
    """Run to the end, or kill it as soon as `stop` says so."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(command, env=os.environ | {"HF_HOME": str(home)})
    resident = anonymous = 0
    while process.poll() is None:
        seen = _memory(process.pid)
        resident, anonymous = max(resident, seen["VmHWM"]), max(anonymous, seen["RssAnon"])
        if stop is not None and stop():
            process.send_signal(signal.SIGKILL)
        time.sleep(_SAMPLE_SECONDS)
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Measured(seconds, processor, process.returncode, resident, anonymous)


def _memory(pid: int) -> dict[str, int]:
    """Bytes by the names of /proc; zero where the process is at its end."""
    found = {"VmHWM": 0, "RssAnon": 0}
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return found
    values = dict(line.split(":", 1) for line in lines if ":" in line)
    return {name: int(values[name].split()[0]) * 1024 if name in values else 0 for name in found}


def _pages_done(cache: Path) -> int:
    """Lines in the journal of an unfinished preparation."""
    return sum(path.read_bytes().count(b"\n") for path in cache.glob(".building-*/journal.jsonl"))


def _report(measured: dict[str, Measured], rows: int, target: Path | None) -> None:
    for name, value in measured.items():
        print(value.line(name, rows))
    if target:
        content = {"rows": rows, "runs": {name: asdict(value) for name, value in measured.items()}}
        target.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
