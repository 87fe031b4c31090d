"""The card beside a trained generator: what it is, how it was made, and how its cell ended."""

from __future__ import annotations

import json
import logging
from typing import Any

from bench.errors import RequestError
from bench.experiment import Cell, Experiment
from bench.files import read_json, sha256_of, write_json
from bench.planning import Plan, planned_settings
from bench.runfolder import CellFolder
from bench.status import CellStatus

_log = logging.getLogger("bench")


def write_card(folder: CellFolder, experiment: Experiment, plan: Plan, cell: Cell, status: CellStatus) -> None:
    """Write the card of a generator that lies in `folder`; `status` is its cell's last."""
    planned = plan.models[cell.model]
    settings = planned_settings(experiment, cell.model, planned)
    card: dict[str, Any] = {
        "model": cell.model,
        "shown_name": planned.shown_name,
        "seed": cell.seed,
        "resolution": experiment.resolution,
        "recipe": experiment.recipe,
        "recipe_settings": dict(experiment.recipe_settings),
        "steps": status.step,
        "settings": json.loads(settings.model_dump_json()),
        "inference_mode": planned.inference_mode,
        "remarks": list(planned.remarks),
        "experiment_digest": plan.experiment_digest,
        "sha256": status.generator_sha256,
        "status": status.model_dump(mode="json"),
    }
    write_json(folder.generator_card, card)


def mend_card(folder: CellFolder, experiment: Experiment, plan: Plan, cell: Cell, status: CellStatus) -> None:
    """Write a card that is missing or damaged again, where the generator is the one that the cell's status names."""
    if not folder.generator.exists() or status.generator_sha256 is None:
        return
    if not has_sound_card(folder, status) and sha256_of(folder.generator) == status.generator_sha256:
        _log.warning("%s: missing or damaged; written again from the cell's status", folder.generator_card)
        write_card(folder, experiment, plan, cell, status)


def has_sound_card(folder: CellFolder, status: CellStatus) -> bool:
    """Whether the card can be read and is that of the generator that the cell's status names."""
    try:
        card = read_json(folder.generator_card)
    except RequestError:
        return False
    return (
        isinstance(card, dict)
        and card.get("sha256") == status.generator_sha256
        and {"model", "settings", "resolution"} <= card.keys()
    )
