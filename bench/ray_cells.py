"""Gives cells out as tasks of Ray: to all GPUs of a machine, or to many machines that share the run's folder.

The process that was started gives the tasks of `ray_tasks` out, shows how far they are, and gives a cell out again where its
worker or machine died; it goes on from its newest checkpoint, so that its result is the one that it would have had.
"""

from __future__ import annotations

import logging
import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from bench import orchestrate
from bench.beginning import first_line
from bench.errors import RequestError
from bench.experiment import Cell
from bench.ray_tasks import Job, Outcome, begin_run, finish, work_on_cell
from bench.run_log import fields
from bench.run_request import Request
from bench.runfolder import RunFolder
from bench.status import CellStatus
from bench.stopping import EXIT_INTERRUPTED, StopRequest

ATTEMPTS = 4
"""How often a cell is given out before its worker's deaths count as its own failure."""

POLL_SECONDS = 1.0
TOLD_SECONDS = 15.0
"""How often the driver looks at its tasks, and how often it says how far the cells are."""

_log = logging.getLogger("bench")


@dataclass(frozen=True)
class Cluster:
    """Where tasks run: the address of Ray's cluster (None: one is started for the run), and what a cell gets of it."""

    address: str | None
    gpus_per_cell: float | None
    cpus_per_cell: int


def run(request: Request, cluster: Cluster, console: Console, stop: StopRequest) -> bool:
    """Take the experiment to its report with Ray; returns whether every cell has a result. Raises RequestError, Stopped."""
    ray = _import_ray()
    _connect(ray, cluster)
    stop.listen()
    try:
        gpus = _gpus_per_cell(ray, cluster)
        request = replace(
            request, out=request.out.resolve(), cache=request.cache.resolve(), device="cuda:0" if gpus else "cpu",
            plan=request.plan.resolve() if request.plan else None,
        )  # fmt: skip
        job = Job(request, str(Path.cwd()), torch.get_num_threads())
        tasks = _Tasks(ray, {"num_cpus": cluster.cpus_per_cell, "num_gpus": gpus, "max_retries": 0}, stop)
        _log.info("ray: %s; a cell gets %d CPU and %g GPU", _resources(ray), cluster.cpus_per_cell, gpus)
        tasks.one(begin_run, job, "the beginning")
        tasks.cells(job, request.experiment.trained_cells, RunFolder(request.out))
        tasks.one(finish, job, "scoring")
    finally:
        ray.shutdown()
    folder = RunFolder(request.out)
    orchestrate.report(folder)
    return orchestrate.verdict(folder, request.experiment)


def _import_ray() -> Any:
    try:
        import ray
    except ImportError:
        raise RequestError(
            "--executor ray: Ray is not installed; pip install -e '.[cluster]' in the project's folder, on every machine"
        ) from None
    return ray


def _connect(ray: Any, cluster: Cluster) -> None:
    # Threads are set by the tasks themselves: Ray would set one a CPU, and another number rounds otherwise.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # Where weights and datasets lie is the run's, not the machine's.
    found = {name: os.environ[name] for name in ("TORCH_HOME", "HF_HOME", "HF_HUB_CACHE") if name in os.environ}
    try:
        ray.init(
            address=cluster.address or "local", log_to_driver=False, logging_level=logging.ERROR, include_dashboard=None
            if cluster.address else False, configure_logging=True, runtime_env={"env_vars": found},
        )  # fmt: skip
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        raise RequestError(
            f"--address {cluster.address or 'local'}: cannot join that cluster ({first_line(error)}); `ray status` says whether "
            "there is one, and one that asks for a token wants RAY_AUTH_MODE=token and its token here too"
        ) from None


def _gpus_per_cell(ray: Any, cluster: Cluster) -> float:
    """Return the GPUs that a cell gets; raises RequestError where no node has what a cell is to get."""
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    largest = max((node.get("GPU", 0.0) for node in nodes), default=0.0)
    wanted = cluster.gpus_per_cell if cluster.gpus_per_cell is not None else float(largest > 0)
    if wanted > 1 and wanted != int(wanted):
        raise RequestError(f"--gpus-per-cell {wanted:g}: give a share below 1, or a whole number")
    if not any(node.get("GPU", 0.0) >= wanted and node.get("CPU", 0.0) >= cluster.cpus_per_cell for node in nodes):
        most = max((node.get("CPU", 0.0) for node in nodes), default=0.0)
        raise RequestError(
            f"--gpus-per-cell {wanted:g}, --cpus-per-cell {cluster.cpus_per_cell}: no machine of the cluster has both; the largest "
            f"have {largest:g} GPU and {most:g} CPU: ask for less"
        )
    return wanted


def _resources(ray: Any) -> str:
    total = ray.cluster_resources()
    nodes = sum(node["Alive"] for node in ray.nodes())
    return f"{nodes} node{'s' if nodes > 1 else ''}, {total.get('CPU', 0):g} CPU, {total.get('GPU', 0):g} GPU"


class StoppedBySignal(Exception):
    """A worker was asked to end, by nobody who has to do with this command."""


class _Tasks:
    """Gives out tasks, watches them, and passes a stop on to them."""

    def __init__(self, ray: Any, options: dict[str, float], stop: StopRequest) -> None:
        self._ray, self._options, self._stop = ray, options, stop
        self._stopping = False

    def one(self, work: Any, job: Job, what: str) -> None:
        """Have one task done, again where its worker died; raises RequestError where it was refused or died too often, Stopped."""
        attempts = 1

        def again(name: str, error: Exception) -> Any:
            nonlocal attempts
            if attempts == ATTEMPTS:
                raise RequestError(
                    f"{what}: its worker died {ATTEMPTS} times ({first_line(error)}); the same command tries again"
                )
            attempts += 1
            _log.warning("%s: its worker died (%s); attempt %d of %d", what, type(error).__name__, attempts, ATTEMPTS)
            return self._submit(work, job)

        self._all({self._submit(work, job): what}, again)

    def cells(self, job: Job, cells: tuple[Cell, ...], folder: RunFolder) -> None:
        """Have all cells done that have not ended, each again where its worker died; raises RequestError, Stopped.

        A cell whose worker died every time is marked failed, and the others go on; one that was trained by then is no failure, and
        is refused at the end.
        """
        attempts = dict.fromkeys((cell.name for cell in cells), 1)

        def again(name: str, error: Exception) -> Any:
            status = CellStatus.recover(folder.cell(name))
            if attempts[name] == ATTEMPTS:
                reason = f"its worker died {ATTEMPTS} times ({type(error).__name__}: {first_line(error)})"
                if status.ended:
                    raise RequestError(f"{name}: trained, but while it coloured {reason}; the same command goes on")
                status.model_copy(update={"state": "failed", "reason": reason}).save(folder.cell(name))
                return None
            attempts[name] += 1
            _log.warning(
                "%s: its worker died (%s); given out again, attempt %d of %d", name, type(error).__name__, attempts[name], ATTEMPTS,
                extra=fields("worker died", {"cell": name, "attempt": attempts[name], "step": status.step}),
            )  # fmt: skip
            return self._submit(work_on_cell, job, name)

        self._all({self._submit(work_on_cell, job, cell.name): cell.name for cell in cells}, again, folder)

    def _submit(self, work: Any, *arguments: Any) -> Any:
        return self._ray.remote(work).options(**self._options).remote(*arguments)

    def _all(self, pending: dict[Any, str], again: Any, folder: RunFolder | None = None) -> None:
        refused, told = [], time.monotonic()
        while pending:
            ready, _ = self._ray.wait(list(pending), timeout=POLL_SECONDS)
            for reference in ready:
                name = pending.pop(reference)
                outcome, next_try = self._outcome(reference, name, again)
                if next_try is not None:
                    pending[next_try] = name
                    continue
                if outcome.state == "refused":
                    refused.append(outcome.line)
                for warning in outcome.warnings:
                    _log.warning("%s", warning)
                if folder is not None and (status := CellStatus.recover(folder.cell(name))).ended:
                    _tell_ended(name, status)
            self._pass_on_stop(pending)
            if folder is not None and time.monotonic() - told > TOLD_SECONDS:
                told = time.monotonic()
                _tell_progress(folder, list(pending.values()))
        self._stop.check()
        if refused:
            raise RequestError(refused[0])

    def _outcome(self, reference: Any, name: str, again: Any) -> tuple[Outcome, Any]:
        """Return how the task ended, and the task that takes its place where its worker died."""
        exceptions = self._ray.exceptions
        try:
            outcome = self._ray.get(reference)
        except exceptions.TaskCancelledError:
            return Outcome("stopped", exit_code=EXIT_INTERRUPTED), None
        except exceptions.RayTaskError as error:
            return Outcome("refused", f"{name}: {first_line(error.cause if error.cause else error)}"), None
        except exceptions.RayError as error:
            return self._once_more(name, error, again)
        if outcome.state == "stopped":
            # Where nobody asked for it here, a signal reached the worker alone: its machine is being drained.
            return self._once_more(name, StoppedBySignal("it saved its work"), again)
        return outcome, None

    def _once_more(self, name: str, error: Exception, again: Any) -> tuple[Outcome, Any]:
        """Return the task that takes a dead one's place, or why there is none."""
        if self._stop or self._stopping:
            return Outcome("stopped"), None
        try:
            return Outcome("stopped"), again(name, error)
        except RequestError as refusal:
            return Outcome("refused", str(refusal)), None

    def _pass_on_stop(self, pending: dict[Any, str]) -> None:
        if self._stop and not self._stopping:
            self._stopping = True
            for reference in pending:
                self._ray.cancel(reference, force=False)


def _tell_ended(name: str, status: CellStatus) -> None:
    values = {"cell": name, "state": status.state, "step": status.step, "machine": status.machine}
    level = logging.WARNING if status.reason else logging.INFO
    said = (
        f": {status.reason}"
        if status.reason
        else f", {status.step} steps in {status.seconds:.0f} s on {status.machine}"
    )
    _log.log(level, "%s: %s%s", name, status.state, said, extra=fields("cell ended", values))


def _tell_progress(folder: RunFolder, names: list[str]) -> None:
    statuses = {name: CellStatus.recover(folder.cell(name)) for name in names}
    running = [
        f"{name} {status.step}/{status.steps}, {status.images_per_second:.1f} images/s"
        for name, status in statuses.items()
        if folder.cell(name).is_held()
    ]
    values = {"cells": {name: status.step for name, status in statuses.items()}}
    _log.info("%d cells left; %s", len(names), "; ".join(running) or "none running", extra=fields("progress", values))
