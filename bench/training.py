"""Trains ONE cell to its budget: the loop, its clock, its checkpoints, and its exact resume."""

from __future__ import annotations

import itertools
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import safetensors.torch

import models
from bench import checkpoints
from bench.budget import DEADLINE_FACTOR, TrainingClock, lr_factor
from bench.curve import Curve, steps_between_points
from bench.devices import EnergyMeter, memory_in_use, reset_memory, synchroniser
from bench.errors import RequestError
from bench.experiment import Cell, Experiment
from bench.files import sha256_of, write_bytes, write_parquet
from bench.generator_cards import write_card
from bench.loss_watch import Divergence, LossWatch
from bench.planning import BatchSource, ModelPlan, Plan, planned_settings, remarks_of
from bench.provenance import machine
from bench.run_log import PASSING, fields
from bench.runfolder import CellFolder
from bench.status import CellStatus, State
from bench.stepping import Stepper
from bench.stopping import StopRequest
from bench.validation import collapse_warning

_log = logging.getLogger("bench")

Validate = Callable[[models.Translator], dict[str, float]]


STATUS_SECONDS = 1.0
"""A cell's status is written no more often than this: on a GPU hundreds of steps go by meanwhile."""


class Watcher(Protocol):
    """Is told how a cell gets on: the progress bar and TensorBoard."""

    def begins(self, step: int) -> None:
        """The cell goes on after `step` steps, 0 at the start; whatever was told of later ones is void."""

    def losses(self, step: int, values: dict[str, float], images_per_second: float) -> None:
        """Losses after `step` steps, and the rate since the last call."""

    def validation(self, step: int, values: dict[str, float]) -> None:
        """Quick validation scores after `step` steps."""


@dataclass
class CellTraining:
    """The training of one cell; `run` takes it to its end or to a stop, from wherever it was."""

    experiment: Experiment
    plan: Plan
    cell: Cell
    folder: CellFolder
    batches: BatchSource
    validate: Validate
    watcher: Watcher
    stop: StopRequest
    device: str
    seed: int = field(init=False)
    translator: models.Translator = field(init=False)
    curve: Curve = field(init=False)
    losses: LossWatch = field(init=False)
    clock: TrainingClock = field(init=False)
    step: int = field(init=False, default=0)
    data_wait: float = field(init=False, default=0.0)
    lost_seconds: float = field(init=False, default=0.0)
    peak_memory: int = field(init=False, default=0)
    rate: float = field(init=False, default=0.0)
    timed_steps: int = field(init=False, default=0)
    timed_from: float = field(init=False, default=0.0)
    stepper: Stepper = field(init=False)
    warmup_seconds: float = field(init=False, default=0.0)
    energy: EnergyMeter = field(init=False)
    told: float = field(init=False, default=-math.inf)

    def __post_init__(self) -> None:
        assert self.cell.seed is not None, "reference rows without a seed are not trained"
        self.seed = self.cell.seed
        settings = planned_settings(self.experiment, self.cell.model, self._plan)
        self._check_files(settings)
        checkpoints.seed_everything(self.seed)
        self.translator = models.build(
            self.cell.model, settings, self.experiment.resolution, seed=self.seed, device=self.device
        )
        self._check_remarks()
        self.curve = Curve(self._plan.batch_size, self._plan.flops_per_step)
        self.losses = LossWatch(self.experiment.training.loss_limit)
        self.clock = TrainingClock(synchroniser(self.device))
        self.energy = EnergyMeter(self.device)
        compiles = self.experiment.training.compile == "auto"
        self.stepper = Stepper(self.translator, self.device, self.experiment.precision, compiles=compiles)

    def _check_files(self, settings: models.ModelSettings) -> None:
        """Raise RequestError where the model was planned with a file that is not here, such as the weights of a loss."""
        try:
            models.translator_type(self.cell.model).decide(settings)
        except models.ModelError as error:
            raise RequestError(f"{self.cell.name}: {error}") from error

    def _check_remarks(self) -> None:
        """Raise RequestError where the model is not the one that was planned, though nothing was decided for it."""
        now = remarks_of(self.experiment, self.translator)
        if now != self._plan.remarks and not self._plan.decided:
            raise RequestError(
                f"{self.cell.name}: planned {', '.join(self._plan.remarks) or 'without remarks'}, but now it is "
                f"{', '.join(now) or 'without remarks'}; bring back what was there, or give another --out"
            )

    @property
    def _plan(self) -> ModelPlan:
        return self.plan.models[self.cell.model]

    @property
    def steps(self) -> int:
        """How many steps the plan gives this cell."""
        return self._plan.steps

    def run(self) -> CellStatus:
        """Train to the end of the plan and write the generator; returns the final status.

        Raises Stopped after saving where a stop was asked for. A loss that is no number or beyond the limit ends the cell as
        "diverged".
        """
        self._resume()
        self.watcher.begins(self.step)
        reset_memory(self.device)
        last_save = time.monotonic()
        self._start_clock()
        while self.step < self.steps:
            self._train_step()
            now = time.monotonic()
            logs = self.step % self._log_interval == 0 or self.step == self.steps
            snapshot, late = self.step in self._snapshot_steps, self._deadline_passed()
            saves = self.step < self.steps and (
                self.stop or now - last_save > self.experiment.training.checkpoint_seconds
            )
            # Nothing is recorded, saved or ended on losses that nobody has looked at.
            if (logs or snapshot or late or saves) and (divergence := self.losses.look()):
                return self._diverged(divergence)
            if logs:
                self._record()
            if snapshot:
                self._snapshot()
            if late:
                reason = (
                    f"cut at step {self.step} of {self.steps}: {DEADLINE_FACTOR} times its share of time was used up"
                )
                return self._finish("truncated", reason)
            if saves:
                self._save()
                last_save = time.monotonic()
                self.stop.check()
        return self._finish("done", None)

    def _train_step(self) -> None:
        self.stepper.begin(self.step / self.steps)
        self.translator.scale_lr(lr_factor(self.step, self.steps, self.experiment.training.constant_lr_share))
        if not self.stepper.warm:
            self._pause_clock()
        self.timed_steps += self.clock.runs
        self.stepper.wait_for_room()
        started = time.perf_counter()
        bw, color = self.batches.batch(self.step)
        if self.clock.runs and not self.stepper.busy:
            # While the device is at work on the step before, nobody waits for data.
            self.data_wait += time.perf_counter() - started
        losses = self.stepper.step(bw, color)
        self.step += 1
        self.losses.add(self.step, losses)
        self._start_clock()

    def _start_clock(self) -> None:
        if not self.clock.runs:
            self.clock.start()
            self.energy.start()

    def _pause_clock(self) -> None:
        self.clock.pause()
        self.energy.pause()

    @property
    def _log_interval(self) -> int:
        waits = self.device.startswith("cuda")
        seconds = self._plan.seconds_per_step if waits else 0.0
        return steps_between_points(self.steps, self.experiment.training.curve_points, seconds)

    @property
    def _snapshot_steps(self) -> set[int]:
        count = self.experiment.training.validation_snapshots
        return {max(1, round(self.steps * (i + 1) / count)) for i in range(count)}

    def _deadline_passed(self) -> bool:
        if self.plan.budget_unit != "seconds" or self.plan.repeats or self.step >= self.steps:
            return False
        return self.clock.seconds > DEADLINE_FACTOR * self.plan.share

    def _record(self) -> None:
        self._pause_clock()
        if self.timed_steps:
            seconds = self.clock.seconds - self.timed_from
            self.rate = self.timed_steps * self._plan.batch_size / max(seconds, 1e-9)
        self.timed_steps, self.timed_from = 0, self.clock.seconds
        losses = self.losses.latest
        factor = lr_factor(self.step - 1, self.steps, self.experiment.training.constant_lr_share)
        self.curve.add(self.step, self.clock.seconds, "train", losses | {"lr_factor": factor})
        self.watcher.losses(self.step, losses, self.rate)
        if self.stepper.warm:
            self.peak_memory = max(self.peak_memory, memory_in_use(self.device))
        if time.monotonic() - self.told > STATUS_SECONDS:
            self._status("running").save(self.folder)
            self.told = time.monotonic()
        self._start_clock()

    def _snapshot(self) -> None:
        self._pause_clock()
        if self.stepper.warm:
            # What training takes: validation colours in float32, in other shapes.
            self.peak_memory = max(self.peak_memory, memory_in_use(self.device))
        values = self.validate(self.translator)
        reset_memory(self.device)
        self.curve.add(self.step, self.clock.seconds, "validation", values)
        self.watcher.validation(self.step, values)
        # An untrained generator gives one grey for everything, so early snapshots say nothing.
        if self.step * 2 >= self.steps and (warning := collapse_warning(values)):
            told = {"cell": self.cell.name, "step": self.step, "diversity": values["diversity"]}
            _log.warning("%s: %s (step %d)", self.cell.name, warning, self.step, extra=fields(PASSING, told))
        self._start_clock()

    def _save(self) -> None:
        self._pause_clock()
        state = {
            "experiment_digest": self.plan.experiment_digest,
            "steps": self.steps,
            "translator": self.translator.state(),
            "seconds": self.clock.seconds,
            "data_wait": self.data_wait,
            "lost_seconds": self.lost_seconds,
            "warmup_seconds": self.warmup_seconds + self.stepper.warmup_seconds,
            "energy_joules": self.energy.joules,
            "peak_memory": self.peak_memory,
            "curve": [list(row) for row in self.curve.rows],
        }
        checkpoints.save(self.folder, self.step, state, self.device)
        self._status("running").save(self.folder)
        self._start_clock()

    def _resume(self) -> None:
        state = checkpoints.load_newest(self.folder, self.device)
        before = CellStatus.recover(self.folder)
        if state is None or state["steps"] != self.steps:
            self.lost_seconds = before.lost_seconds + before.seconds
            return
        self.translator.load_state(state["translator"])
        self.step = state["step"]
        self.data_wait, self.peak_memory = state["data_wait"], state["peak_memory"]
        self.lost_seconds = before.lost_seconds + max(0.0, before.seconds - state["seconds"])
        self.curve.rows = [tuple(row) for row in state["curve"]]
        self.clock = TrainingClock(synchroniser(self.device), state["seconds"])
        self.timed_from = self.clock.seconds
        self.warmup_seconds = state["warmup_seconds"]
        self.energy = EnergyMeter(self.device, state["energy_joules"])
        checkpoints.restore_random_state(state["random"], self.device)
        _log.info("%s: goes on from step %d of %d", self.cell.name, self.step, self.steps)

    def _diverged(self, divergence: Divergence) -> CellStatus:
        self._pause_clock()
        self.step = divergence.step
        status = self._status("diverged", divergence.reason)
        write_parquet(self.folder.curve, self.curve.frame())
        status.save(self.folder)
        checkpoints.delete_all(self.folder)
        return status

    def _finish(self, state: State, reason: str | None) -> CellStatus:
        self._pause_clock()
        # Nothing else where a GPU's cell is over before it is warm.
        self.peak_memory = self.peak_memory or memory_in_use(self.device)
        self.translator.complete(self.batches.batch(step) for step in itertools.count())
        self._write_generator()
        status = self._status(state, reason, sha256_of(self.folder.generator))
        write_card(self.folder, self.experiment, self.plan, self.cell, status)
        write_parquet(self.folder.curve, self.curve.frame())
        # Last: a cell whose status says that it is done is done.
        status.save(self.folder)
        checkpoints.delete_all(self.folder)
        return status

    def _write_generator(self) -> None:
        weights = {
            name: value.detach().cpu().contiguous() for name, value in self.translator.generator.state_dict().items()
        }
        write_bytes(self.folder.generator, safetensors.torch.save(weights))

    def _status(self, state: State, reason: str | None = None, sha256: str | None = None) -> CellStatus:
        return CellStatus(
            state=state,
            reason=reason,
            step=self.step,
            steps=self.steps,
            seconds=self.clock.seconds,
            data_wait_seconds=self.data_wait,
            images=self.step * self._plan.batch_size,
            lost_seconds=self.lost_seconds,
            peak_memory_bytes=self.peak_memory,
            generator_sha256=sha256,
            losses=self.losses.latest,
            images_per_second=self.rate,
            machine=machine(self.device),
            energy_joules=self.energy.joules,
            warmup_seconds=self.warmup_seconds + self.stepper.warmup_seconds,
            step_kind=self.stepper.kind,
        )
