"""The beginning of a run: from what was asked for to everything that its cells need, made once and found again later."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import torch
from rich.console import Console

import data
import models
from bench import planning, provenance
from bench.budget import Budget
from bench.devices import choose_fastest_convolutions, is_out_of_memory, make_deterministic, use_exact_float32
from bench.errors import RequestError
from bench.evaluation import refuse_mixed_scores
from bench.experiment import CalibrationSettings, Experiment
from bench.files import read_json, sha256_of, write_bytes, write_json
from bench.loading import plan_loaded, write_loaded
from bench.metrics.choice import MetricChoice, choose_metrics
from bench.planning import Plan
from bench.preparation import open_source, prepare_data, recorded_revision, split_source, write_test_set
from bench.progress import Bar
from bench.run_log import fields
from bench.run_request import Request
from bench.runfolder import RunFolder
from bench.stopping import StopRequest

_log = logging.getLogger("bench")

COPY_OF_PROVENANCE = "bring it back from a copy: it says on what the run was begun"


@dataclass(frozen=True)
class Begun:
    """A run whose cells can be worked on."""

    request: Request
    folder: RunFolder
    choice: MetricChoice
    prepared: data.Prepared
    plan: Plan


def begin(request: Request, console: Console, stop: StopRequest) -> Begun:
    """Take the experiment to the point where its cells can start, from wherever it was; raises RequestError, Stopped.

    Waits where another process is at the same for the same run.
    """
    choice = choose_metrics(
        require_calibrated=request.experiment.require_calibrated, dinov2=request.experiment.metrics.dinov2
    )
    folder = RunFolder(request.out)

    def tell(holder: str) -> None:
        _log.info("waiting for %s, which makes this run ready", holder)

    with folder.beginning(tell, stop.check):
        revision = recorded_revision(folder, request.experiment)
        source = open_source(request.experiment, offline=request.offline, revision=revision)
        split_source(source, request.experiment)
        if folder.plan.exists():
            refuse_mixed_scores(folder, request.experiment, choice)
        else:
            # Before anything is decoded or trained: a file that does not fit is a wrong request.
            plan_loaded(request.experiment)
        _claim(folder, request.experiment)
        _log.info("%s", choice.line)
        _name_unused_models(request.experiment)
        _record_provenance(folder, request)
        set_up_machine(folder, request)
        prepared = prepare_data(request.experiment, source, request.cache, console, stop.check)
        stop.check()
        write_test_set(folder, request.experiment, source, prepared)
        plan = make_plan(request, folder, prepared, console, stop)
        write_loaded(folder, request.experiment, plan)
        stop.check()
    return Begun(request, folder, choice, prepared, plan)


def set_up_machine(folder: RunFolder, request: Request) -> None:
    """Put this process into the state in which the run was begun: exact float32, determinism, and its number of threads."""
    set_up_arithmetic(request)
    keep_threads(folder)


def set_up_arithmetic(request: Request) -> None:
    """Compute as a run of this request does: exact float32, and with the fastest convolutions or the same ones every time."""
    use_exact_float32()
    if request.deterministic:
        make_deterministic(request.device)
    else:
        choose_fastest_convolutions()


def keep_threads(folder: RunFolder) -> None:
    """Compute with as many threads as the run was begun with: sums that threads share are rounded otherwise with another number."""
    began = read_json(folder.provenance, COPY_OF_PROVENANCE)
    threads = began.get("threads") if isinstance(began, dict) else None
    if isinstance(threads, int) and 0 < threads != torch.get_num_threads():
        _log.info("%d threads, as this run was begun (here they would be %d)", threads, torch.get_num_threads())
        torch.set_num_threads(threads)


def _claim(folder: RunFolder, experiment: Experiment) -> None:
    """Write the experiment into a new run folder, or make sure that the folder holds the same one."""
    if folder.experiment.exists() and folder.plan.exists():
        begun = Experiment.load(folder.experiment)
        differences = begun.differences(experiment)
        if len(differences) == 1 and begun.training.compile != experiment.training.compile:
            # Presets came to compile networks after runs were begun by them.
            raise RequestError(
                f"{folder.path} was begun with training.compile {begun.training.compile}, and now it is "
                f"{experiment.training.compile}: add --set training.compile={begun.training.compile}"
            )
        if differences:
            shown = "; ".join(differences[:4]) + ("; …" if len(differences) > 4 else "")
            raise RequestError(
                f"{folder.path} holds another experiment ({shown}): give another --out, delete it, or go on with its own, "
                f"--preset {folder.experiment}"
            )
        return
    if strangers := folder.strangers():
        if "cells" in strangers and folder.experiment.exists():
            raise RequestError(
                f"{folder.plan}: is missing, and cells were begun by it; bring it back from a copy, or give another --out"
            )
        raise RequestError(f"{folder.path} is not empty and holds no run ({strangers[0]}, …): give another --out")
    write_bytes(folder.experiment, experiment.to_toml().encode())


def _name_unused_models(experiment: Experiment) -> None:
    for outside in models.outside_models():
        if outside.refusal and outside.name in experiment.models:
            _log.warning("model %s of another package is not used: %s", outside.name, outside.refusal)


def _record_provenance(folder: RunFolder, request: Request) -> None:
    """Write where the run was begun; later commands of the same run on other hardware or code are said, not written over it."""
    here = provenance.collect(request.device) | {"deterministic": request.deterministic}
    if not folder.plan.exists():
        write_json(folder.provenance, here)
        return
    began = read_json(folder.provenance, COPY_OF_PROVENANCE)
    changed = [name for name in ("hardware", "versions", "commit", "deterministic") if began.get(name) != here[name]]
    if changed:
        _log.warning("this run was begun with other %s: its captions name those it began with", ", ".join(changed))


def make_plan(
    request: Request, folder: RunFolder, prepared: data.Prepared, console: Console, stop: StopRequest
) -> Plan:
    """Return the run's locked plan: the stored one, the given one, or a new one, calibrated where time is budgeted."""
    if folder.plan.exists():
        plan = Plan.load(folder.plan)
        plan.check_fits(request.experiment, folder.plan)
        _check_device(plan, request, folder)
        if request.plan is not None and Plan.load(request.plan).models != plan.models:
            raise RequestError(
                f"{folder.path} has another plan than {request.plan}: leave --plan out, or give another --out"
            )
        return plan
    if request.plan is not None:
        plan = Plan.load(request.plan).repeated(request.experiment, request.device, prepared.split.digest, request.plan)
        # Loaded generators may lie elsewhere here, which changes the file and not the experiment.
        plan = plan.model_copy(update={"experiment_sha256": sha256_of(folder.experiment)})
    else:
        plan = _calibrate(request, prepared, console, stop)
        plan = plan.model_copy(update={"split_digest": prepared.split.digest})
    write_json(folder.plan, plan.model_dump(mode="json"))
    return plan


def _check_device(plan: Plan, request: Request, folder: RunFolder) -> None:
    """Raise RequestError where the run was planned for the other kind of device; another GPU of the same machine will do."""
    if plan.device.partition(":")[0] != request.device.partition(":")[0]:
        raise RequestError(
            f"{folder.path} was begun on {plan.device}, not {request.device}: give --device {plan.device}, or another --out"
        )


def _calibrate(request: Request, prepared: data.Prepared, console: Console, stop: StopRequest) -> Plan:
    """Return a new plan; steps are timed only where time is budgeted, so that other plans are the same on every machine."""
    experiment, trained = request.experiment, {}
    loaded = plan_loaded(experiment)
    timed = Budget.parse(experiment.budget).unit == "seconds"
    with Bar(console, "calibrating", len(experiment.trained_models), "model") as bar:
        for index, name in enumerate(experiment.trained_models):
            bar.update(index, name)
            stop.check()
            batches = training_batches(experiment, name, experiment.seeds[0], prepared, request.device)
            plan = guarded_plan(experiment, name, batches if timed else None, request.device)
            trained[name] = plan
            _tell_plan(name, plan, timed=timed)
    if not any(plan.steps for plan in trained.values()) and trained:
        raise RequestError(f"no model can be trained here: {next(iter(trained.values())).unplanned}")
    return planning.assemble(experiment, trained, loaded, request.device)


def _tell_plan(name: str, plan: planning.ModelPlan, *, timed: bool) -> None:
    if plan.unplanned:
        _log.warning("plan: %s: %s", name, plan.unplanned)
        return
    cost = f" of {plan.seconds_per_step:.3g} s, {plan.seconds:.0f} s" if timed else ""
    remarks = f" ({', '.join(plan.remarks)})" if plan.remarks else ""
    values = {"model": name, "steps": plan.steps, "seconds_per_step": plan.seconds_per_step}
    _log.info(
        "plan: a cell of %s trains %d steps%s%s",
        plan.shown_name,
        plan.steps,
        cost,
        remarks,
        extra=fields("planned", values),
    )


def guarded_plan(
    experiment: Experiment,
    name: str,
    batches: planning.BatchSource | None,
    device: str,
    calibration: CalibrationSettings | None = None,
) -> planning.ModelPlan:
    """Return the plan of one model; one that does not fit into memory is marked, so that the others go on.

    What a model of another package raises becomes one line with its name. `calibration`: as in planning.plan_model.
    """
    try:
        return planning.plan_model(experiment, name, batches, device, calibration)
    except (RequestError, models.ModelError, data.DataError):
        raise
    except Exception as error:
        if is_out_of_memory(error):
            return planning.unplanned(
                experiment,
                name,
                f"out of memory while its steps were timed ({first_line(error)}); {LESS_MEMORY}, or leave it out",
            )
        if name in models.MODEL_NAMES:
            raise
        raise RequestError(
            f"{name}: cannot be planned ({type(error).__name__}: {first_line(error)}); its package must mend it"
        ) from error


LESS_MEMORY = "lower training.batch_size, the resolution or the model's ngf, and give another --out"
"""The mend where memory ran out."""


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


def first_line(error: BaseException) -> str:
    """Return the first line of what the error says."""
    return (str(error).splitlines() or [""])[0]
