"""What `bench models` and `bench metrics` print."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

import models
from bench.experiment import REFERENCE_ROWS
from bench.metrics.choice import choose_metrics
from bench.metrics.registry import METRICS
from bench.planning import describe

SHOWN_RESOLUTION = 256
"""`bench models` counts parameters at the originals' size."""


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
