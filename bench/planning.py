"""The plan: what each cell's share of the budget buys, in steps, locked before any cell starts."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pydantic
import torch
from torch.utils.flop_counter import FlopCounterMode

import models
from bench.allocator import freed_memory_kept
from bench.budget import Budget
from bench.devices import synchroniser
from bench.errors import RequestError
from bench.experiment import UNTRAINED_ROWS, CalibrationSettings, Experiment
from bench.files import read_json
from bench.runfolder import FORMAT
from bench.stepping import Stepper
from models.regions import forget_regions

DISJOINT_REMARK = "B/W from one half of the groups, colours from the other"
"""What captions say of unpaired models under that ablation."""


LEAST_CHUNK_SECONDS = 0.05
"""Steps are timed in chunks of at least this."""


class BatchSource(Protocol):
    """Gives the batch of a step: B/W and colour, float [N, 3, R, R] in [-1, 1] on the device."""

    def batch(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the batch of `step`."""


@dataclass(frozen=True)
class RandomBatches:
    """Batches of noise of the experiment's shape: steps can be timed without touching the data."""

    size: tuple[int, int, int, int]
    device: str

    def batch(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return two float tensors in [-1, 1] that depend on `step` alone."""
        generator = torch.Generator().manual_seed(step)
        bw, color = (torch.rand(2, *self.size, generator=generator) * 2 - 1).to(self.device)
        return bw, color


OPEN = "auto"
"""A setting that hangs on what the machine has."""


class ModelPlan(pydantic.BaseModel):
    """What one model's share buys, the same for all its seeds. Untrained rows have no steps.

    `unplanned` says why a model that should be trained cannot be: its cells fail with this reason, and the others go on.
    Where training has several phases, seconds and FLOPs of a step are means over them, by their shares of the steps.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")
    shown_name: str
    ranked: bool
    trained: bool
    steps: int = 0
    batch_size: int = 0
    images: int = 0
    seconds_per_step: float = 0.0
    seconds_by_phase: dict[str, float] = {}
    seconds: float = 0.0
    flops_per_step: float = 0.0
    parameters: dict[str, int] = {}
    decided: dict[str, Any] = {}
    """Settings that hung on what the machine had, as they were decided when the plan was made."""
    inference_mode: str = ""
    remarks: tuple[str, ...] = ()
    unplanned: str | None = None


class Plan(pydantic.BaseModel):
    """Steps by model; `--plan FILE` repeats one, so that a time-budgeted run can be repeated bit for bit."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")
    format: int = FORMAT
    experiment_digest: str
    experiment_sha256: str = ""
    """Of experiment.toml, byte for byte: whoever has not the models checks the file by it."""
    budget: str
    budget_unit: str
    share: float
    trained_cells: int
    device: str
    precision: str
    models: dict[str, ModelPlan]
    conditions_digest: str = ""
    """Of the experiment without the names under which its data were asked for: what a plan that is repeated elsewhere must fit."""
    repeats: str = ""
    """The digest of the experiment whose plan was given with --plan. Its steps are then done whatever time they take here."""
    split_digest: str = ""
    """Of the pages, their content and their parts (`data.Split.digest`)."""

    @classmethod
    def load(cls, path: Path) -> Plan:
        """Return the plan stored at `path`; raises RequestError where it is missing, broken or of another version."""
        values = read_json(
            path, "bring it back from a copy (without it nobody knows the steps), or begin again with another --out"
        )
        written = values.get("format") if isinstance(values, dict) else None
        # First: another version may have other keys.
        if written is not None and written != FORMAT:
            raise RequestError(
                f"{path}: written by version {written!r:.40} of the run format, and this one reads {FORMAT}: go on with the "
                "version of bench that began the run, or give another --out"
            )
        try:
            return cls.model_validate(values)
        except pydantic.ValidationError as error:
            raise RequestError(f"{path}: not a plan ({error.errors()[0]['msg'].lower()})") from None

    def check_fits(self, experiment: Experiment, where: Path) -> None:
        """Raise RequestError where the plan was made for another experiment."""
        if self.experiment_digest != experiment.digest():
            raise self._misfit(experiment, where)

    def repeated(self, experiment: Experiment, device: str, split_digest: str, where: Path) -> Plan:
        """Return this plan, which lies at `where`, for another run on pages with this digest of their split.

        The data may go by another name there, such as another path, a pinned revision or a split from a file, if their content and
        their split are the same. Raises RequestError where the experiment or the pages are others, models.ModelError where a
        file is missing that a model was planned with.
        """
        own, other = self.conditions_digest or self.experiment_digest, experiment.digest()
        if own not in (other, experiment.conditions_digest()):
            raise self._misfit(experiment, where)
        if self.experiment_digest != other and self.split_digest != split_digest:
            raise RequestError(
                f"{where}: made for other pages than those of {experiment.data.source}, or for another split of them: give the "
                "data that it was made with, and --split with the split.json beside it"
            )
        for name in experiment.trained_models:
            if name not in self.models:
                raise RequestError(f"{where}: has no plan of {name}; bring the file back from a copy")
            models.translator_type(name).decide(planned_settings(experiment, name, self.models[name]))
        digests = {
            "experiment_digest": other, "conditions_digest": experiment.conditions_digest(), "split_digest": split_digest,
        }  # fmt: skip
        return self.model_copy(update={"device": device, "repeats": self.experiment_digest, **digests})

    def _misfit(self, experiment: Experiment, where: Path) -> RequestError:
        return RequestError(
            f"{where}: made for another experiment (digest {self.experiment_digest[:12]}, this one has "
            f"{experiment.digest()[:12]}); leave --plan out, or take the experiment.toml beside it as --preset"
        )


def planned_settings(experiment: Experiment, name: str, plan: ModelPlan) -> models.ModelSettings:
    """Return the settings of the trained model `name` with what was decided when it was planned: of those that leave it open."""
    own = experiment.model_settings[name]
    return models.parse_settings(
        name, own | {key: value for key, value in plan.decided.items() if own.get(key) == OPEN}
    )


def flops_per_step(
    name: str, settings: models.ModelSettings, resolution: int, batch_size: int, width: int | None = None
) -> float:
    """Return FLOPs (2 per multiply-add) of one textbook training step, counted by torch on shapes alone.

    Windows are `resolution` px high and `width` wide; None: square.
    """
    translator = models.build(name, settings, resolution, seed=0, device="meta")
    translator.textbook = True
    batch = torch.empty(batch_size, 3, resolution, width or resolution, device="meta")
    counted = {}
    for phase in translator.phases():
        translator.set_progress(phase.begins)
        counter = FlopCounterMode(display=False)
        with counter:
            translator.train_step(batch, batch)
        counted[phase.name] = float(counter.get_total_flops())
    return mean_over_phases(translator, counted)


def mean_over_phases(translator: models.Translator, values: dict[str, float]) -> float:
    """Return the mean of one value a phase, weighed by the share of steps that each phase takes."""
    phases = translator.phases()
    ends = [phase.begins for phase in phases[1:]] + [1.0]
    return sum(values[phase.name] * (end - phase.begins) for phase, end in zip(phases, ends, strict=True))


def seconds_by_phase(
    translator: models.Translator,
    batches: BatchSource,
    settings: CalibrationSettings,
    device: str,
    precision: str,
    *,
    compiles: bool,
) -> dict[str, float]:
    """Return the mean wall seconds of a step in each phase, batch included, after warm-up; the translator is used up by it."""
    with freed_memory_kept(device):
        return {
            phase.name: _seconds_per_step(
                translator, phase.begins, batches, settings, device, precision, compiles=compiles
            )
            for phase in translator.phases()
        }


def _seconds_per_step(
    translator: models.Translator,
    progress: float,
    batches: BatchSource,
    settings: CalibrationSettings,
    device: str,
    precision: str,
    *,
    compiles: bool,
) -> float:
    synchronise = synchroniser(device)
    stepper = Stepper(translator, device, precision, compiles=compiles)
    # Every phase and model is timed on the same batches, which training never sees twice.
    forget_regions()
    step = 0

    def run(steps: int) -> None:
        nonlocal step
        for _ in range(steps):
            stepper.begin(progress)
            # As training does before every step.
            translator.scale_lr(1.0)
            stepper.wait_for_room()
            stepper.step(*batches.batch(step))
            step += 1
        synchronise()

    run(settings.warmup_steps)
    while not stepper.warm:
        run(1)
    started, measured, together = time.perf_counter(), 0, 1
    while measured < settings.least_measured_steps or time.perf_counter() - started < settings.measured_seconds:
        before = time.perf_counter()
        run(together)
        measured += together
        if time.perf_counter() - before < LEAST_CHUNK_SECONDS:
            # Waiting for a GPU after every step would keep it from what it does in training: preparing the next meanwhile.
            together *= 2
    return (time.perf_counter() - started) / measured


def plan_model(
    experiment: Experiment,
    name: str,
    batches: BatchSource | None,
    device: str,
    calibration: CalibrationSettings | None = None,
) -> ModelPlan:
    """Return what the budget buys for the trained model `name`; steps are timed where `batches` are given.

    `calibration` says how, in place of the experiment's own settings.
    """
    settings = models.parse_settings(name, experiment.model_settings[name])
    translator = models.build(name, settings, experiment.resolution, seed=0, device=device)
    size = experiment.training.batch_size
    flops = flops_per_step(name, settings, experiment.resolution, size, experiment.window[1])
    by_phase: dict[str, float] = {}
    if batches is not None:
        calibration = calibration or experiment.calibration
        by_phase = seconds_by_phase(
            translator, batches, calibration, device, experiment.precision,
            compiles=experiment.training.compile == "auto",
        )  # fmt: skip
    seconds = mean_over_phases(translator, by_phase) if by_phase else 0.0
    cells = len(experiment.trained_cells)
    budget = Budget.parse(experiment.budget)
    steps = budget.steps(cells, batch_size=size, seconds_per_step=seconds, flops_per_step=flops)
    return ModelPlan(
        **_described(experiment, translator, settings),
        steps=steps,
        batch_size=size,
        images=steps * size,
        seconds_per_step=seconds,
        seconds_by_phase=by_phase,
        seconds=seconds * steps,
        flops_per_step=flops,
        decided=_decided(translator, settings),
    )


def _decided(translator: models.Translator, settings: models.ModelSettings) -> dict[str, Any]:
    """Return what this machine decided of `settings`."""
    given, decided = (each.model_dump(mode="json") for each in (settings, translator.decide(settings)))
    return {key: value for key, value in decided.items() if given[key] != value}


def unplanned(experiment: Experiment, name: str, reason: str) -> ModelPlan:
    """Return the plan's entry of a model that cannot be trained here, and why."""
    settings = models.parse_settings(name, experiment.model_settings[name])
    translator = models.build(name, settings, experiment.resolution, seed=0, device="meta")
    return ModelPlan(**_described(experiment, translator, settings), unplanned=reason)


def _described(experiment: Experiment, translator: models.Translator, settings: models.ModelSettings) -> dict[str, Any]:
    """`describe`, with the ablation in the name of a model that was trained on pages without pairs."""
    described = describe(translator, settings) | {"remarks": remarks_of(experiment, translator)}
    if _is_disjoint(experiment, translator):
        described["shown_name"] += "-disjoint"
    return described


def remarks_of(experiment: Experiment, translator: models.Translator) -> tuple[str, ...]:
    """Return what captions say of a model that the experiment trains, beside its name."""
    return (*translator.remarks(), *([DISJOINT_REMARK] if _is_disjoint(experiment, translator) else []))


def _is_disjoint(experiment: Experiment, translator: models.Translator) -> bool:
    return experiment.training.unpaired == "disjoint" and translator.pairing == "unpaired"


def describe(translator: models.Translator, settings: models.ModelSettings) -> dict[str, Any]:
    """Return what tables and captions say of a model: shown name, parameters by network, inference mode, remarks."""
    return {
        "shown_name": translator.shown_name(settings),
        "ranked": translator.ranked,
        "trained": translator.trained,
        "parameters": {name: sum(p.numel() for p in net.parameters()) for name, net in translator.networks().items()},
        "inference_mode": translator.inference_mode(),
        "remarks": tuple(translator.remarks()),
    }


def assemble(experiment: Experiment, trained: dict[str, ModelPlan], loaded: dict[str, ModelPlan], device: str) -> Plan:
    """Return the plan of the whole experiment, the untrained reference rows added."""
    budget = Budget.parse(experiment.budget)
    rows = {name: ModelPlan(shown_name=name, ranked=False, trained=False) for name in UNTRAINED_ROWS}
    return Plan(
        experiment_digest=experiment.digest(),
        conditions_digest=experiment.conditions_digest(),
        experiment_sha256=hashlib.sha256(experiment.to_toml().encode()).hexdigest(),
        budget=budget.text,
        budget_unit=budget.unit,
        share=budget.share(len(experiment.trained_cells)) if experiment.trained_cells else 0.0,
        trained_cells=len(experiment.trained_cells),
        device=device,
        precision=experiment.precision,
        models=trained | {name: rows[name] for name in experiment.references if name in UNTRAINED_ROWS} | loaded,
    )
