"""Generators that were trained elsewhere, put into the run like trained cells: coloured and scored, never ranked."""

from __future__ import annotations

import json
from pathlib import Path

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
    recipe = trained_on(loaded)
    return [f"trained on the input recipe {recipe}"] if recipe not in (None, experiment.recipe) else []


def trained_on(loaded: LoadedModel) -> str | None:
    """Return the input recipe of the card that lies beside a loaded file, None where none does or it is that of other weights."""
    path = Path(loaded.file).with_name(GENERATOR_CARD)
    try:
        card = read_json(path) if path.is_file() else {}
    except RequestError:
        return None
    if not isinstance(card, dict) or card.get("sha256") != loaded.sha256:
        return None
    recipe = card.get("recipe")
    return recipe if recipe in data.RECIPES else None


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
            "recipe": trained_on(loaded) or experiment.recipe,
            "recipe_settings": dict(experiment.recipe_settings)
            if trained_on(loaded) in (None, experiment.recipe)
            else {},
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
