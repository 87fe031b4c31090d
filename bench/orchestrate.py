"""Runs an experiment from its data to its report, one stage after the other, each going on where it stopped."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console

import data
import models
from bench import planning, provenance
from bench.budget import Budget
from bench.checkpoints import delete_all
from bench.devices import make_deterministic, synchroniser, use_exact_float32
from bench.errors import RequestError
from bench.evaluation import evaluate
from bench.experiment import Cell, Experiment
from bench.loading import plan_loaded, write_loaded
from bench.metrics.choice import choose_metrics
from bench.planning import Plan
from bench.prediction import load_generator, predict
from bench.preparation import (
    open_source,
    prepare_data,
    recorded_revision,
    split_source,
    test_windows,
    write_test_set,
)
from bench.progress import Bar
from bench.runfolder import RunFolder, read_json, write_bytes, write_json
from bench.status import CellStatus
from bench.stopping import Stopped, StopRequest
from bench.training import CellTraining
from bench.validation import Validation
from bench.watching import CellWatcher

_log = logging.getLogger("bench")


@dataclass(frozen=True)
class Request:
    """One `bench run`: the experiment, where it goes, and how this machine is to work on it."""

    experiment: Experiment
    out: Path
    device: str
    cache: Path
    plan: Path | None
    deterministic: bool
    offline: bool = False


def run(request: Request, console: Console, stop: StopRequest) -> bool:
    """Take the experiment to its report; returns whether every cell has a result. Raises RequestError, Stopped."""
    choice = choose_metrics(require_calibrated=request.experiment.require_calibrated)
    folder = RunFolder(request.out)
    revision = recorded_revision(folder, request.experiment)
    source = open_source(request.experiment, offline=request.offline, revision=revision)
    split_source(source, request.experiment)
    if not folder.plan.exists():
        # Before anything is decoded or trained: a file that does not fit is a wrong request.
        plan_loaded(request.experiment)
    _claim(folder, request.experiment)
    use_exact_float32()
    if request.deterministic:
        make_deterministic(request.device)
    _log.info("%s", choice.line)
    for outside in models.outside_models():
        if outside.refusal and outside.name in request.experiment.models:
            _log.warning("model %s of another package is not used: %s", outside.name, outside.refusal)
    _record_provenance(folder, request)
    prepared = prepare_data(request.experiment, source, request.cache, console, stop.check)
    stop.check()
    write_test_set(folder, request.experiment, source, prepared)
    plan = make_plan(request, folder, prepared, console)
    write_loaded(folder, request.experiment, plan)
    stop.check()
    _train_all(request, folder, plan, prepared, console, stop)
    _predict_all(request, folder, console, stop)
    evaluate(folder, request.experiment, choice, console, stop.check, request.device)
    _report(folder)
    return _verdict(folder, request.experiment)


def _claim(folder: RunFolder, experiment: Experiment) -> None:
    """Write the experiment into a new run folder, or make sure that the folder holds the same one."""
    if folder.experiment.exists() and folder.plan.exists():
        differences = Experiment.load(folder.experiment).differences(experiment)
        if differences:
            shown = "; ".join(differences[:4]) + ("; …" if len(differences) > 4 else "")
            raise RequestError(f"{folder.path} holds another experiment ({shown}): give another --out, or delete it")
        return
    own = {folder.lock, folder.log, folder.experiment, folder.provenance, folder.mean_chroma, folder.split}
    strangers = [path.name for path in folder.path.iterdir() if path not in own and path.name != "test"]
    if strangers:
        raise RequestError(f"{folder.path} is not empty and holds no run ({strangers[0]}, …): give another --out")
    write_bytes(folder.experiment, experiment.to_toml().encode())


def _record_provenance(folder: RunFolder, request: Request) -> None:
    """Write where the run was begun; later commands of the same run on other hardware or code are said, not written over it."""
    here = provenance.collect(request.device) | {"deterministic": request.deterministic}
    if not folder.plan.exists():
        write_json(folder.provenance, here)
        return
    began = read_json(folder.provenance)
    changed = [name for name in ("hardware", "versions", "commit", "deterministic") if began.get(name) != here[name]]
    if changed:
        _log.warning("this run was begun with other %s: its captions name those it began with", ", ".join(changed))


def make_plan(request: Request, folder: RunFolder, prepared: data.Prepared, console: Console) -> Plan:
    """Return the run's locked plan: the stored one, the given one, or a new one, calibrated where time is budgeted."""
    if folder.plan.exists():
        plan = Plan.load(folder.plan)
        plan.check_fits(request.experiment, folder.plan)
        if plan.device != request.device:
            raise RequestError(
                f"{folder.path} was begun on {plan.device}, not {request.device}: give --device {plan.device}, or another --out"
            )
        if request.plan is not None and Plan.load(request.plan).models != plan.models:
            raise RequestError(
                f"{folder.path} has another plan than {request.plan}: leave --plan out, or give another --out"
            )
        return plan
    if request.plan is not None:
        plan = Plan.load(request.plan)
        plan.check_fits(request.experiment, request.plan)
        plan = plan.model_copy(update={"device": request.device})
    else:
        plan = _calibrate(request, prepared, console)
    write_json(folder.plan, plan.model_dump(mode="json"))
    return plan


def _calibrate(request: Request, prepared: data.Prepared, console: Console) -> Plan:
    """Return a new plan; steps are timed only where time is budgeted, so that other plans are the same on every machine."""
    experiment, trained = request.experiment, {}
    loaded = plan_loaded(experiment)
    timed = Budget.parse(experiment.budget).unit == "seconds"
    with Bar(console, "calibrating", len(experiment.trained_models), "model") as bar:
        for index, name in enumerate(experiment.trained_models):
            bar.update(index, name)
            batches = training_batches(experiment, name, experiment.seeds[0], prepared, request.device)
            plan = _plan_model(experiment, name, batches if timed else None, request.device)
            trained[name] = plan
            cost = f" of {plan.seconds_per_step:.3g} s, {plan.seconds:.0f} s" if timed else ""
            remarks = f" ({', '.join(plan.remarks)})" if plan.remarks else ""
            _log.info("plan: a cell of %s trains %d steps%s%s", plan.shown_name, plan.steps, cost, remarks)
    return planning.assemble(experiment, trained, loaded, request.device)


def _plan_model(
    experiment: Experiment, name: str, batches: data.TrainingBatches | None, device: str
) -> planning.ModelPlan:
    """Return the plan of one model; what a model of another package raises becomes one line with its name."""
    try:
        return planning.plan_model(experiment, name, batches, device)
    except (RequestError, models.ModelError, data.DataError):
        raise
    except torch.OutOfMemoryError as error:
        raise RequestError(
            f"{name}: out of memory while its steps were timed ({_first_line(error)}); lower training.batch_size, the "
            "resolution or the model's ngf, or leave it out"
        ) from None
    except Exception as error:
        if name in models.MODEL_NAMES:
            raise
        raise RequestError(
            f"{name}: cannot be planned ({type(error).__name__}: {_first_line(error)}); its package must mend it"
        ) from error


def training_batches(
    experiment: Experiment, model: str, seed: int, prepared: data.Prepared, device: str
) -> data.TrainingBatches:
    """Return the batches of a cell: the same pages, crops and flips for every model of a seed."""
    return data.TrainingBatches(
        prepared.train,
        resolution=experiment.resolution,
        aspect=experiment.window_aspect,
        batch_size=experiment.training.batch_size,
        seed=seed,
        pairing=models.translator_type(model).pairing,
        unpaired=experiment.training.unpaired,
        device=device,
    )


def _train_all(
    request: Request, folder: RunFolder, plan: Plan, prepared: data.Prepared, console: Console, stop: StopRequest
) -> None:
    validation = Validation(prepared.validation, request.experiment.training.validation_windows, request.device)
    for cell in request.experiment.trained_cells:
        if folder.cell(cell.name).is_done():
            continue
        status = _train_one(request, folder, plan, cell, prepared, validation, console, stop)
        if status.reason:
            _log.warning("%s: %s: %s", cell.name, status.state, status.reason)
        else:
            _log.info("%s: done, %d steps in %.0f s", cell.name, status.step, status.seconds)


def _train_one(
    request: Request, folder: RunFolder, plan: Plan, cell: Cell, prepared: data.Prepared,
    validation: Validation, console: Console, stop: StopRequest,
) -> CellStatus:  # fmt: skip
    """Train one cell; an error of its own marks it failed with the reason, so that the others go on."""
    cell_folder = folder.cell(cell.name)
    cell_folder.path.mkdir(parents=True, exist_ok=True)
    assert cell.seed is not None
    try:
        batches = training_batches(request.experiment, cell.model, cell.seed, prepared, request.device)
        with (
            Bar(console, cell.name, plan.models[cell.model].steps) as bar,
            CellWatcher(bar, cell_folder.tensorboard) as watcher,
        ):
            return CellTraining(
                request.experiment, plan, cell, cell_folder, batches, validation, watcher, stop, request.device
            ).run()
    except (Stopped, RequestError):
        raise
    except torch.OutOfMemoryError as error:
        reason = f"out of memory: {_first_line(error)}; lower training.batch_size, the resolution or the model's ngf"
    except OSError as error:
        raise RequestError(
            f"{cell_folder.path}: {error}; what is done is kept, run the same command to go on"
        ) from None
    except Exception as error:
        _log.error("%s failed", cell.name, exc_info=True)
        reason = f"{type(error).__name__}: {_first_line(error)} (the whole of it is in run.log)"
    status = CellStatus.load(cell_folder).model_copy(update={"state": "failed", "reason": reason})
    status.save(cell_folder)
    delete_all(cell_folder)
    return status


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0]


def _predict_all(request: Request, folder: RunFolder, console: Console, stop: StopRequest) -> None:
    windows = list(test_windows(folder)["window"])
    cells = [cell for cell in request.experiment.colouring_cells if folder.cell(cell.name).has_generator()]
    with Bar(console, "colouring", len(cells), "cell") as bar:
        for index, cell in enumerate(cells):
            bar.update(index, cell.name)
            cell_folder = folder.cell(cell.name)
            if all((cell_folder.predictions / f"{window}.png").exists() for window in windows):
                continue
            translator = load_generator(cell_folder, request.device)
            predict(translator, windows, folder.test_inputs, cell_folder.predictions, request.device, stop.check)
            synchroniser(request.device)()


def _report(folder: RunFolder) -> None:
    from bench.reporting.build import build_report

    report = build_report(folder.path, folder.report)
    for warning in report.warnings:
        _log.warning("report: %s", warning)
    _log.info("report: %s", os.path.relpath(folder.report / "index.html"))


def _verdict(folder: RunFolder, experiment: Experiment) -> bool:
    """Return whether every trained cell gave a result; name those that did not."""
    without = [cell.name for cell in experiment.trained_cells if not folder.cell(cell.name).has_generator()]
    if without:
        _log.warning("without a result: %s (see `bench status %s`)", ", ".join(without), folder.path)
    return not without
