"""Runs an experiment from its data to its report, one stage after the other, each going on where it stopped."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence

import torch
from rich.console import Console

from bench import cell_work
from bench.beginning import Begun, begin
from bench.errors import RequestError
from bench.evaluation import evaluate
from bench.experiment import Cell, Experiment
from bench.run_request import Request
from bench.runfolder import RunFolder
from bench.status import CellStatus
from bench.stopping import StopRequest
from bench.validation import Validation

_log = logging.getLogger("bench")


def run(request: Request, console: Console, stop: StopRequest) -> bool:
    """Take the experiment to its report in this process; returns whether every cell has a result. Raises RequestError, Stopped."""
    begun = begin(request, console, stop)
    _name_idle_gpus(request)
    work_on_cells(begun, request.experiment.trained_cells, console, stop)
    for cell in request.experiment.loaded_cells:
        cell_work.colour(begun, cell, console, stop)
    score(begun, console, stop)
    report(begun.folder)
    return verdict(begun.folder, request.experiment)


def run_cells(request: Request, names: Sequence[str], console: Console, stop: StopRequest) -> bool:
    """Train and colour the cells of these names alone, beside other processes; returns whether all have a result.

    Scores and report are left to a command without names, when all cells are done. Raises RequestError, Stopped.
    """
    cells = [named_cell(request.experiment, name) for name in names]
    begun = begin(request, console, stop)
    work_on_cells(begun, cells, console, stop)
    left = [cell.name for cell in request.experiment.trained_cells if not _ended(begun.folder, cell)]
    _log.info(
        "cells left: %s",
        ", ".join(left) if left else "none; the same command without --cell scores them and writes the report",
    )
    return all(begun.folder.cell(cell.name).has_generator() for cell in cells)


def named_cell(experiment: Experiment, name: str) -> Cell:
    """Return the trained cell of this name; raises RequestError, naming those there are, where there is none."""
    for cell in experiment.trained_cells:
        if cell.name == name:
            return cell
    there = ", ".join(cell.name for cell in experiment.trained_cells) or "none"
    raise RequestError(f"--cell {name}: this experiment has no such trained cell; its cells: {there}")


def work_on_cells(begun: Begun, cells: Sequence[Cell], console: Console, stop: StopRequest) -> None:
    """Train the cells and colour with them, one after the other."""
    settings, device = begun.request.experiment.training, begun.request.device
    validation = Validation(begun.prepared.validation, settings.validation_windows, device)
    for cell in cells:
        cell_work.work_on(begun, cell, validation, console, stop)
        cell_work.colour(begun, cell, console, stop)


def score(begun: Begun, console: Console, stop: StopRequest) -> None:
    """Write the scores of every cell that has outputs and none yet, and how fast it colours."""
    request = begun.request
    for cell in (*request.experiment.trained_cells, *request.experiment.loaded_cells):
        cell_work.time_colouring(begun, cell)
        stop.check()
    evaluate(begun.folder, request.experiment, begun.choice, console, stop.check, request.device)


def report(folder: RunFolder) -> None:
    """Write the report from what lies in the folder."""
    from bench.reporting.build import build_report

    built = build_report(folder.path, folder.report)
    for warning in built.warnings:
        _log.warning("report: %s", warning)
    _log.info("report: %s", os.path.relpath(folder.report / "index.html"))


def verdict(folder: RunFolder, experiment: Experiment) -> bool:
    """Return whether every trained cell gave a result; name those that did not."""
    without = [cell.name for cell in experiment.trained_cells if not folder.cell(cell.name).has_generator()]
    if without:
        reasons = [
            status.reason or ""
            for name in without
            if (status := CellStatus.recover(folder.cell(name))).state == "failed"
        ]
        again = any("while its steps were timed" not in reason for reason in reasons)
        mend = "; --retry-failed takes them up again" if again else "; another --out plans them anew" if reasons else ""
        _log.warning("without a result: %s (see `bench status %s`)%s", ", ".join(without), folder.path, mend)
    return not without


def _name_idle_gpus(request: Request) -> None:
    there = torch.cuda.device_count() if request.device.startswith("cuda") else 0
    if there > 1:
        _log.info("one of %d GPUs is used, %s; --executor ray uses all of them", there, request.device)


def _ended(folder: RunFolder, cell: Cell) -> bool:
    return CellStatus.recover(folder.cell(cell.name)).ended
