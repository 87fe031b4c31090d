"""`bench verify --run`: the scores themselves computed again, from a run's PNGs, and held against those that a report ships."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.console import Console

from bench.errors import RequestError
from bench.files import read_json, read_table, sha256_of
from bench.reporting.shipped import shipped_runs
from bench.rescoring import rescore
from bench.runfolder import CellFolder, RunFolder, open_run

TOLERANCE = 1e-6
"""Of a score, or of 1 where it is smaller, where the machine is another: float32 networks round otherwise there, and kernel
distances are small differences of means near 1. On the same machine scores are equal."""

_LEFT_OUT = ("features", "truth-features", "images.parquet", "sets.json", "shuffled.parquet", "report", "tensorboard")

_RECORDS = ("experiment.toml", "plan.json", "split.json")


def compare_with_run(
    report: Path, run: Path, device: str, console: Console, safe_point: Callable[[], None]
) -> list[str]:
    """Return what differs between what the report ships and the run: records, generators, and scores computed again.

    Raises RequestError where the run is none, or is not one of the report's.
    """
    folder = open_run(run)
    shipped = _shipped(report, folder)
    lines = [
        f"{name}: not the one of the run" for name in _RECORDS if _differs(shipped.path / name, folder.path / name)
    ]
    cells = sorted(path.name for path in (shipped.path / "cells").iterdir())
    for name in cells:
        lines += _generator(shipped.cell(name), folder.cell(name))
    with tempfile.TemporaryDirectory() as place:
        copy = RunFolder(Path(place) / "run")
        _copy_without_scores(folder.path, copy.path)
        rescore(copy.path, require_calibrated=False, dinov2=None, device=device, console=console, safe_point=safe_point)
        for name in cells:
            lines += _scores(shipped.cell(name), copy.cell(name))
    return lines


def _shipped(report: Path, run: RunFolder) -> RunFolder:
    """Return the run's shipped data: of several in a report, the one of the same experiment and plan."""
    runs = [RunFolder(path) for path in shipped_runs(report)]
    for shipped in runs:
        if not _differs(shipped.plan, run.plan):
            return shipped
    raise RequestError(
        f"{run.path}: the report at {report} is not made from this run (another plan.json): name its run"
    )


def _differs(one: Path, other: Path) -> bool:
    return not (one.is_file() and other.is_file() and one.read_bytes() == other.read_bytes())


def _generator(shipped: CellFolder, cell: CellFolder) -> list[str]:
    if not shipped.generator_card.is_file():
        return []
    card = read_json(shipped.generator_card)
    named = card.get("sha256") if isinstance(card, dict) else None
    if not cell.generator.is_file():
        return [f"{cell.name}: the run has no generator"]
    return (
        []
        if sha256_of(cell.generator) == named
        else [f"{cell.name}: the run's generator is not the one that was scored"]
    )


def _copy_without_scores(run: Path, copy: Path) -> None:
    """Copy what scores are computed from; pictures as links, which nobody writes to, features not at all."""
    left_out = shutil.ignore_patterns(*_LEFT_OUT)

    def link(source: str, target: str) -> None:
        if not source.endswith(".png"):
            shutil.copyfile(source, target)
            return
        try:
            os.link(source, target)
        except OSError:
            shutil.copyfile(source, target)

    shutil.copytree(run, copy, ignore=left_out, copy_function=link)


def _scores(shipped: CellFolder, computed: CellFolder) -> list[str]:
    lines = []
    for name in ("images", "shuffled"):
        ours, theirs = getattr(computed, name), getattr(shipped, name)
        if theirs.is_file():
            lines += (
                _tables(shipped.name, read_table(theirs), read_table(ours))
                if ours.is_file()
                else [f"{shipped.name}: no {name} came out"]
            )
    if shipped.sets.is_file() and computed.sets.is_file():
        lines += _sets(shipped.name, _by_id(shipped), _by_id(computed))
    return lines


def _by_id(cell: CellFolder) -> dict[str, float]:
    return {score["metric_id"]: float(score["value"]) for score in read_json(cell.sets)["scores"]}


def _tables(cell: str, shipped: pd.DataFrame, computed: pd.DataFrame) -> list[str]:
    if list(shipped.columns) != list(computed.columns) or list(shipped["window"]) != list(computed["window"]):
        return [f"{cell}: scored on other windows, or with other metrics"]
    lines = []
    for name in shipped.select_dtypes("number").columns:
        apart = _apart(shipped[name].to_numpy(float), computed[name].to_numpy(float))
        if apart > TOLERANCE:
            lines.append(
                f"{cell}: {name}: computed again it differs by up to {apart:.2g} (of itself, or of 1 where it is smaller)"
            )
    return lines


def _sets(cell: str, shipped: dict[str, float], computed: dict[str, float]) -> list[str]:
    missing = [f"{cell}: {name}: cannot be computed here" for name in shipped.keys() - computed.keys()]
    moved = [
        f"{cell}: {name}: {computed[name]:.10g} computed again, {shipped[name]:.10g} is shipped"
        for name in shipped.keys() & computed.keys()
        if _apart(np.array([shipped[name]]), np.array([computed[name]])) > TOLERANCE
    ]
    return sorted(missing) + sorted(moved)


def _apart(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Return the largest difference, relative to the larger of the two or to 1; infinite where a number stands against none."""
    if (np.isnan(one) != np.isnan(other)).any():
        return float("inf")
    scale = np.maximum(np.maximum(np.abs(one), np.abs(other)), 1.0)
    return float(np.nanmax(np.abs(one - other) / scale, initial=0.0))
