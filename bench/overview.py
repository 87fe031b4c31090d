"""What `bench status` and `bench models` print."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

import models
from bench.experiment import REFERENCE_ROWS, Experiment
from bench.metrics.choice import choose_metrics
from bench.metrics.registry import METRICS
from bench.planning import Plan, describe
from bench.runfolder import RunFolder
from bench.status import CellStatus

SHOWN_RESOLUTION = 256
"""`bench models` counts parameters at the originals' size."""


def print_status(folder: RunFolder, console: Console) -> None:
    """Print one line a trained cell: state, steps, seconds, images a second, and why where something went wrong."""
    experiment = Experiment.load(folder.experiment)
    plan = Plan.load(folder.plan) if folder.plan.exists() else None
    table = Table(title=f"{folder.path}  ·  {experiment.budget} for {len(experiment.trained_cells)} trained cells")
    for heading in ("cell", "state", "step", "seconds", "images/s", "waiting for data", "lost", "scored"):
        table.add_column(
            heading, justify="left" if heading in ("cell", "state") else "right", no_wrap=heading == "cell"
        )
    for cell in experiment.trained_cells:
        status = CellStatus.load(folder.cell(cell.name))
        steps = status.steps or (plan.models[cell.model].steps if plan else 0)
        rate = status.images / status.seconds if status.seconds else 0.0
        wait = status.data_wait_seconds / status.seconds if status.seconds else 0.0
        scored = "yes" if folder.cell(cell.name).sets.exists() else "no"
        table.add_row(
            cell.name, status.state, f"{status.step}/{steps or '?'}", f"{status.seconds:.0f}", f"{rate:.1f}",
            f"{wait:.1%}", f"{status.lost_seconds:.0f} s", scored,
        )  # fmt: skip
    if experiment.trained_cells:
        console.print(table)
    for cell in experiment.loaded_cells:
        there, score = folder.cell(cell.name).has_generator(), folder.cell(cell.name).sets.exists()
        how_far = "scored" if score else "not scored yet" if there else "not read yet"
        console.print(f"{cell.name}: {how_far}", markup=False, highlight=False)
    for cell in experiment.trained_cells:
        if reason := CellStatus.load(folder.cell(cell.name)).reason:
            console.print(f"{cell.name}: {reason}", markup=False, soft_wrap=True)
    console.print(
        f"report: {folder.report / 'index.html'}" if folder.report.exists() else "report: not yet", markup=False
    )


def print_models(console: Console) -> None:
    """Print one line a model: role, data it needs, parameters of the generator and of all its networks."""
    table = Table(title=f"models at the originals' widths, {SHOWN_RESOLUTION} px")
    for heading in ("name", "role", "training data", "generator", "all networks"):
        right = heading in ("generator", "all networks")
        table.add_column(heading, justify="right" if right else "left", no_wrap=True)
    for name in models.MODEL_NAMES:
        kind = models.translator_type(name)
        settings = models.parse_settings(name, {})
        parameters = describe(models.build(name, settings, SHOWN_RESOLUTION, seed=0, device="meta"), settings)[
            "parameters"
        ]
        table.add_row(
            name, _role(name, ranked=kind.ranked), kind.pairing if kind.trained else "none",
            f"{parameters.get('generator', parameters.get('generator_A', 0)):,}", f"{sum(parameters.values()):,}",
        )  # fmt: skip
    console.print(table)
    console.print("Also in every table, made without training: mean-chroma and oracle (the truth as output).")


def _role(name: str, *, ranked: bool) -> str:
    if name in REFERENCE_ROWS:
        return "reference"
    if name in models.ranked_names():
        return "competitor"
    return "variant" if ranked else "variant, not ranked"


def print_metrics(console: Console) -> None:
    """Print one line a score, in the order of tables, and what the weights on this machine allow."""
    table = Table(title="scores, in the order of tables")
    for heading in ("name", "better", "unit", "range", "kind", "source"):
        table.add_column(heading, overflow="fold")
    for metric in METRICS.values():
        mark = "" if metric.calibrated else " (uncalibrated)"
        table.add_row(metric.shown + mark, metric.direction, metric.unit, metric.range, metric.kind, metric.source)
    console.print(table)
    console.print(choose_metrics().line, markup=False, soft_wrap=True)
