"""What Ray's workers do, all of it this project's ordinary code: begin the run, train and colour a cell, score.

What is foreseen comes back as an `Outcome`, not as an error.
"""

from __future__ import annotations

import logging
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from rich.console import Console

import data
import models
from bench import cell_work, orchestrate
from bench.beginning import Begun, begin
from bench.errors import RequestError
from bench.offline import go_offline
from bench.run_log import logging_to
from bench.run_request import Request
from bench.runfolder import CellFolder, RunFolder
from bench.stopping import Stopped, StopRequest, listening
from bench.validation import Validation

POLL_SECONDS = 1.0
RELEASE_SECONDS = 60.0
"""How often and how long a worker looks whether the lock of a cell is free whose last worker has just died elsewhere."""

_log = logging.getLogger("bench")


@dataclass(frozen=True)
class Job:
    """What a task needs to know; it is sent to other machines, on which `folder` is the same working directory."""

    request: Request
    folder: str
    threads: int


@dataclass(frozen=True)
class Outcome:
    """How a task ended: its work is done, it was refused with a line, or it stopped with everything saved."""

    state: Literal["done", "refused", "stopped"]
    line: str = ""
    exit_code: int = 0
    warnings: tuple[str, ...] = ()


def begin_run(job: Job) -> Outcome:
    """Task: make the run ready."""
    return _task(job, None, lambda begun, console, stop: None)


def work_on_cell(job: Job, name: str) -> Outcome:
    """Task: train and colour one cell."""
    experiment = job.request.experiment
    cell = orchestrate.named_cell(experiment, name)
    place = RunFolder(job.request.out).cell(name)

    def work(begun: Begun, console: Console, stop: StopRequest) -> None:
        _wait_for_release(place, stop)
        settings = experiment.training
        validation = Validation(begun.prepared.validation, settings.validation_windows, begun.request.device)
        cell_work.work_on(begun, cell, validation, console, stop)
        cell_work.colour(begun, cell, console, stop)

    return _task(job, place.log, work)


def finish(job: Job) -> Outcome:
    """Task: colour with loaded generators, and score everything; waits for a worker that an earlier, killed command left at it."""

    def work(begun: Begun, console: Console, stop: StopRequest) -> None:
        def tell(holder: str) -> None:
            _log.info("waiting for %s, which scores this run", holder)

        with begun.folder.scoring(tell, stop.check):
            for cell in job.request.experiment.loaded_cells:
                cell_work.colour(begun, cell, console, stop)
            orchestrate.score(begun, console, stop)

    return _task(job, None, work)


def _task(job: Job, log: Path | None, work: Any) -> Outcome:
    """Begin, or find, the run in this worker and do the work; what is foreseen comes back as an outcome, not as an error."""
    os.chdir(job.folder)
    torch.set_num_threads(job.threads)
    log = log or job.request.out / "run.log"
    if job.request.offline:
        go_offline()
    with logging_to(log, None) as warnings, listening() as stop:
        console = Console(quiet=True)
        try:
            work(begin(job.request, console, stop), console, stop)
        except Stopped as stopped:
            return Outcome("stopped", exit_code=stopped.exit_code, warnings=tuple(warnings.texts))
        except (RequestError, data.DataError, models.ModelError) as error:
            return Outcome("refused", str(error))
    return Outcome("done", warnings=tuple(warnings.texts))


def _wait_for_release(place: CellFolder, stop: StopRequest) -> None:
    """Wait a while for a lock whose holder died on another machine: a shared file system may need a moment to know it."""
    deadline = time.monotonic() + RELEASE_SECONDS
    while place.is_held() and time.monotonic() < deadline:
        stop.check()
        time.sleep(POLL_SECONDS)
