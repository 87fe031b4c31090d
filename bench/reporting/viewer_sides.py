"""The sides that the comparison viewer can show of a window: its input, its truth, and what every scored cell made of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench.reporting.grid import has_input
from bench.reporting.reading import SHUFFLED, CellResult, Run

INPUT, TRUTH = 0, 1
"""Numbers of the first two sides, which every report has."""

MOST_SIDES = 64
"""Cells beyond are in the tables alone: nobody compares more by eye, and the page stays small."""

_SAME_AS_A_SIDE = ("copy", "oracle")
"""Rows whose pictures are the input and the truth themselves; their scores stand beside these."""


@dataclass(frozen=True, slots=True)
class Side:
    """One side. `model` is "" for input and truth; `pictures` is None where there are none; `cell` has the scores."""

    label: str
    model: str
    pictures: Path | None
    cell: CellResult | None


def sides(run: Run) -> list[Side]:
    """Return the sides of `run`, the same for a run and for what a report ships of it: input, truth, then cells by row."""
    copies, oracles = run.scored_cells("copy"), run.scored_cells("oracle")
    source = run.folder.test_inputs if has_input(run) else None
    fixed = [
        Side("input", "", source, copies[0] if copies else None),
        Side("truth", "", run.folder.test_truths, oracles[0] if oracles else None),
    ]
    made = [_side(run, cell) for model in compared_models(run) for cell in run.scored_cells(model)]
    return [*fixed, *made][:MOST_SIDES]


def compared_models(run: Run) -> list[str]:
    """Return the models whose outputs are sides of their own, in the order of the tables."""
    made = [model for model in run.rows if not model.endswith(SHUFFLED) and model not in _SAME_AS_A_SIDE]
    return [model for model in made if run.scored_cells(model)]


def _side(run: Run, cell: CellResult) -> Side:
    seed = "" if cell.seed is None else f", seed {cell.seed}"
    return Side(f"{run.shown(cell.model)}{seed}", cell.model, cell.predictions, cell)
