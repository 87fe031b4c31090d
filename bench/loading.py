"""Generators that were trained elsewhere, put into the run like trained cells: coloured and scored, never ranked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import safetensors.torch

import data
import models
from bench.errors import RequestError
from bench.experiment import Experiment, LoadedModel
from bench.files import read_json, sha256_of, write_bytes, write_json
from bench.planning import ModelPlan, Plan, describe
from bench.runfolder import RunFolder
from bench.status import CellStatus
from models.official_weights import LoadedGenerator, read_generator

GENERATOR_CARD = "generator.json"
"""What lies beside a generator that a cell trained."""


def plan_loaded(experiment: Experiment) -> dict[str, ModelPlan]:
    """Return the plan's entry of every loaded generator; raises RequestError or ModelError where a file does not fit."""
    return {loaded.row: _plan(experiment, loaded) for loaded in experiment.loaded}


def _plan(experiment: Experiment, loaded: LoadedModel) -> ModelPlan:
    generator = _read(loaded)
    settings = _settings(loaded, generator)
    try:
        translator = models.build(loaded.model, settings, experiment.resolution, seed=0, device="meta")
    except models.ModelError as error:
        fitting = [size for size in models.RESOLUTIONS if size >= generator.least_multiple]
        mend = f"; it fits --resolution {fitting[0]} and above" if fitting else ""
        raise RequestError(f"{loaded.file}: does not fit {experiment.resolution} px ({error}){mend}") from None
    described = describe(translator, settings)
    return ModelPlan(
        shown_name=f"{described['shown_name']} loaded {loaded.sha256[:8]}",
        ranked=False,
        trained=False,
        parameters={"generator": described["parameters"]["generator"]},
        inference_mode=described["inference_mode"],
        remarks=(
            f"loaded, not trained here (sha256 {loaded.sha256[:8]})", *generator.notes, *_of_other_input(experiment, loaded)
        ),
    )  # fmt: skip


def _of_other_input(experiment: Experiment, loaded: LoadedModel) -> list[str]:
    """Return that the generator was trained on another input than it gets here, where the card beside it says so."""
    card = _card(loaded)
    if card is None or (card["recipe"], card["recipe_settings"]) == (
        experiment.recipe,
        dict(experiment.recipe_settings),
    ):
        return []
    numbers = ", with other numbers than here" if card["recipe"] == experiment.recipe else ""
    return [f"trained on the input recipe {card['recipe']}{numbers}"]


def _card(loaded: LoadedModel) -> dict[str, Any] | None:
    """Return input recipe and its settings of the card that lies beside a loaded file; None where none does, or it is another's."""
    path = Path(loaded.file).with_name(GENERATOR_CARD)
    try:
        card = read_json(path) if path.is_file() else {}
    except RequestError:
        return None
    if not isinstance(card, dict) or card.get("sha256") != loaded.sha256:
        return None
    recipe, settings = card.get("recipe"), card.get("recipe_settings")
    known = recipe in data.RECIPES and isinstance(settings, dict)
    return {"recipe": recipe, "recipe_settings": settings} if known else None


def write_loaded(folder: RunFolder, experiment: Experiment, plan: Plan) -> None:
    """Copy every loaded generator into its cell, in the form that trained ones have; what is there already is kept."""
    for loaded in experiment.loaded:
        cell = folder.cell(loaded.row)
        if cell.has_generator():
            continue
        generator = _read(loaded)
        cell.path.mkdir(parents=True, exist_ok=True)
        tensors = {name: value.contiguous() for name, value in generator.state.items()}
        write_bytes(cell.generator, safetensors.torch.save(tensors))
        written = sha256_of(cell.generator)
        card = {
            "model": loaded.model,
            "shown_name": plan.models[loaded.row].shown_name,
            "seed": 0,
            "resolution": experiment.resolution,
            "recipe": experiment.recipe,
            "recipe_settings": dict(experiment.recipe_settings),
            **(_card(loaded) or {}),
            "steps": 0,
            "settings": json.loads(_settings(loaded, generator).model_dump_json()),
            "inference_mode": plan.models[loaded.row].inference_mode,
            "remarks": list(plan.models[loaded.row].remarks),
            "experiment_digest": experiment.digest(),
            "loaded_from": Path(loaded.file).name,
            "loaded_sha256": loaded.sha256,
            "sha256": written,
        }
        write_json(cell.generator_card, card)
        CellStatus(state="done", generator_sha256=written).save(cell)


def _settings(loaded: LoadedModel, generator: LoadedGenerator) -> models.ModelSettings:
    """Return the model's settings: what the weights show, over what was said of them."""
    return models.parse_settings(loaded.model, loaded.settings | generator.settings)


def _read(loaded: LoadedModel) -> LoadedGenerator:
    generator = read_generator(loaded.model, Path(loaded.file))
    if generator.sha256 != loaded.sha256:
        raise RequestError(
            f"{loaded.file}: has changed since it was named (sha256 {generator.sha256[:8]}); name it again"
        )
    return generator
