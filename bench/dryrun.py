"""`bench run --dry-run`: cells, shares, estimated steps, wall time with evaluation, and disk, before anything is done."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.table import Table

import data
import models
from bench.beginning import guarded_plan, set_up_arithmetic
from bench.budget import Budget
from bench.devices import synchroniser
from bench.experiment import UNTRAINED_ROWS, CalibrationSettings, Experiment
from bench.loading import plan_loaded
from bench.metrics.choice import choose_metrics
from bench.metrics.dinov2_file import Wish
from bench.metrics.extractors import open_second
from bench.metrics.image_scores import ImageScorer
from bench.metrics.set_scores import FeatureReader
from bench.planning import ModelPlan, RandomBatches
from bench.prediction import to_tensor
from bench.preparation import open_source, split_source
from bench.run_request import Request

PAGE_ASPECT = 1.42
"""Height over width of a manga page (Manga109: 1170 x 827 px), for estimating the cache."""

PROBED_WINDOWS = 2
"""Random windows on which colouring and scoring are timed for the estimate."""


PROBE = CalibrationSettings(warmup_steps=1, measured_seconds=0.5, least_measured_steps=1)
"""How steps are timed here: an estimate must not take as long as a calibration, which full widths stretch to minutes."""


@dataclass(frozen=True)
class DataEstimate:
    """Pages and test windows that the source promises, or why that is not known here."""

    title: str
    pages: int
    test_pages: int
    problem: str | None


def print_dry_run(request: Request, console: Console) -> None:
    """Print what `bench run` would do with this request on this machine; writes nothing."""
    experiment = request.experiment
    set_up_arithmetic(request)
    loaded = plan_loaded(experiment)
    estimate = _look_at_data(experiment)
    plans, colouring = {}, {}
    size = (experiment.training.batch_size, 3, *experiment.window)
    for name in experiment.trained_models:
        console.print(f"timing {name} on {request.device} …", style="dim")
        batches = RandomBatches(size, request.device)
        plan = guarded_plan(_uncompiled(experiment), name, batches, request.device, PROBE)
        if plan.unplanned:
            console.print(f"{plan.shown_name}: {plan.unplanned}", markup=False, highlight=False, soft_wrap=True)
            continue
        plans[name] = plan
        colouring[name] = _colouring_seconds(experiment, name, request.device)
    if plans:
        console.print(_cells_table(experiment, plans, request.device))
    for row, plan in loaded.items():
        console.print(f"loaded: {row} ({', '.join(plan.remarks)})", markup=False, highlight=False, soft_wrap=True)
    for line in _totals(request, plans, colouring, estimate):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _uncompiled(experiment: Experiment) -> Experiment:
    """Return the experiment without compiled networks, which take longer to make than an estimate may."""
    return experiment.model_copy(update={"training": experiment.training.model_copy(update={"compile": "off"})})


def _look_at_data(experiment: Experiment) -> DataEstimate:
    try:
        # What is not on this machine is not fetched to be looked at.
        source = open_source(experiment, offline=True)
        split = split_source(source, experiment)
    except data.DataError as error:
        if not experiment.data.source.startswith("hf:"):
            raise
        return DataEstimate(experiment.data.source, 0, 0, str(error))
    return DataEstimate(source.title, len(source.keys()), len(split.test), None)


def _colouring_seconds(experiment: Experiment, name: str, device: str) -> float:
    """Return seconds to colour one window."""
    settings = models.parse_settings(name, experiment.model_settings[name])
    translator = models.build(name, settings, experiment.resolution, seed=0, device=device)
    pixels = np.zeros((1, *experiment.window, 3), np.uint8)
    translator.colorize(to_tensor(pixels, device))
    synchroniser(device)()
    started = time.perf_counter()
    translator.colorize(to_tensor(pixels, device))
    synchroniser(device)()
    return time.perf_counter() - started


def _scoring_seconds(experiment: Experiment, device: str) -> float:
    """Return seconds to score one window of one cell."""
    shape = (PROBED_WINDOWS, *experiment.window, 3)
    inputs, truths, outputs = np.random.default_rng(0).integers(0, 256, (3, *shape), np.uint8)
    choice = choose_metrics(require_calibrated=False, dinov2=_wished(experiment))
    images = ImageScorer(inputs, truths, choice, device=device)
    readers = [FeatureReader(choice, device=device)]
    if (second := open_second(choice, device)) is not None:
        readers.append(FeatureReader(choice, device=device, extractor=second))
    started = time.perf_counter()
    images.score(outputs)
    for reader in readers:
        reader.features(outputs)
    return (time.perf_counter() - started) / PROBED_WINDOWS


def _wished(experiment: Experiment) -> Wish:
    """Whether DINOv2 is asked for: what is missing is told by a run's line of metrics, not by an error here."""
    return "off" if experiment.metrics.dinov2 == "off" else "auto"


def _cells_table(experiment: Experiment, plans: dict[str, ModelPlan], device: str) -> Table:
    budget = Budget.parse(experiment.budget)
    cells = len(experiment.trained_cells)
    table = Table(
        title=f"{cells} trained cells, each with {budget.share(cells):,.4g} {budget.unit} of {budget.text}, on {device}"
    )
    for heading in (
        "model",
        "seeds",
        "parameters",
        "GFLOP a step",
        "s a step",
        "steps a cell",
        "images a cell",
        "training a cell",
    ):
        table.add_column(heading, justify="left" if heading == "model" else "right", no_wrap=heading == "model")
    for plan in plans.values():
        table.add_row(
            plan.shown_name, str(len(experiment.seeds)), f"{sum(plan.parameters.values()):,}",
            f"{plan.flops_per_step / 1e9:,.1f}", f"{plan.seconds_per_step:.3g}", f"{plan.steps:,}", f"{plan.images:,}",
            duration(plan.seconds),
        )  # fmt: skip
    return table


def _totals(
    request: Request, plans: dict[str, ModelPlan], colouring: dict[str, float], estimate: DataEstimate
) -> list[str]:
    experiment, seeds = request.experiment, len(request.experiment.seeds)
    choice = choose_metrics(require_calibrated=False, dinov2=_wished(experiment))
    training = seeds * sum(plan.seconds for plan in plans.values())
    lines = [
        f"reference rows without training: {', '.join(name for name in experiment.references if name in UNTRAINED_ROWS)}"
    ]
    if estimate.problem:
        lines.append(f"data: not looked at: {estimate.problem}")
        lines.append(f"time: training {duration(training)}; evaluation depends on the data")
    else:
        windows = 2 * estimate.test_pages
        coloured = seeds * windows * sum(colouring.values())
        scored = len(experiment.cells) * windows * _scoring_seconds(experiment, request.device)
        lines.append(
            f"data: {estimate.title}: {estimate.pages:,} pages, {estimate.test_pages:,} held out (at most {windows:,} windows)"
        )
        lines.append(
            f"time: about {duration(training + coloured + scored)}: training {duration(training)}, colouring {duration(coloured)}, "
            f"scoring {duration(scored)}; decoding the pages comes on top, once"
        )
    lines += [
        f"disk: about {_disk_bytes(experiment, plans, estimate) / 2**30:.1f} GiB in {request.out} and the cache {request.cache}",
        choice.line,
    ]
    if (
        plans
        and experiment.training.compile == "auto"
        and request.device.startswith("cuda")
        and not request.deterministic
    ):
        lines.append("steps: timed with the networks as they are written; the run compiles them first")
    if experiment.require_calibrated and not choice.calibrated:
        lines.append(
            "would stop here: this preset wants calibrated metrics; give their weights, or --allow-uncalibrated"
        )
    return lines


def _disk_bytes(experiment: Experiment, plans: dict[str, ModelPlan], estimate: DataEstimate) -> float:
    """Return bytes: two checkpoints of the largest model (weights and two Adam moments), generators, predictions, cache."""
    parameters = [sum(plan.parameters.values()) for plan in plans.values()] or [0]
    window = 3.0 * experiment.window[0] * experiment.window[1]
    checkpoints = 2 * 12 * max(parameters)
    generators = 4 * len(experiment.seeds) * sum(parameters)
    predictions = 2 * estimate.test_pages * window * (len(experiment.trained_cells) + 2)
    cache = 2 * estimate.pages * PAGE_ASPECT * 3.0 * (experiment.resolution * 286 / 256) ** 2
    return checkpoints + generators + predictions + cache


def duration(seconds: float) -> str:
    """Return `seconds` as people write it: 45 s, 6.0 min, 10.0 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
