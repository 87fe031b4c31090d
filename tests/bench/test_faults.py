"""What goes wrong on real machines, provoked: one line and an exit code, nothing lost, and the next command ends the same."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tomli_w

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
    files = [path for name in names for path in run.rglob(name) if "figures" not in path.parts]
    return {str(path.relative_to(run)): path.read_bytes() for path in sorted(files)}


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
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
        print(line)
    assert failed >= 40
    for name in (
        "plan.json",
        "checkpoint-N.pt",
        "status.json",
        "generator.safetensors",
        "WINDOW",
        "sets.json",
        "main.tex",
    ):
        assert any(name in kind for kind in kinds), name
    assert results(place / out) == results(whole)
    assert not list((place / out).rglob("*.tmp"))
