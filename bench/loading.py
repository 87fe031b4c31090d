"""Generators that were trained elsewhere, put into the run like trained cells: coloured and scored, never ranked."""

from __future__ import annotations

import json
from pathlib import Path

import safetensors.torch

import models
from bench.errors import RequestError
from bench.experiment import Experiment, LoadedModel
from bench.planning import ModelPlan, describe
from bench.runfolder import RunFolder, sha256_of, write_bytes, write_json
from bench.status import CellStatus
from models.official_weights import LoadedGenerator, read_generator


def plan_loaded(experiment: Experiment) -> dict[str, ModelPlan]:
    """Return the plan's entry of every loaded generator; raises RequestError or ModelError where a file does not fit."""
    return {loaded.row: _plan(experiment, loaded) for loaded in experiment.loaded}


def _plan(experiment: Experiment, loaded: LoadedModel) -> ModelPlan:
    generator = _read(loaded)
    settings = models.parse_settings(loaded.model, generator.settings)
    translator = models.build(loaded.model, settings, experiment.resolution, seed=0, device="meta")
    described = describe(translator, settings)
    trained_as = " ".join(part for part in (described["shown_name"], "loaded", loaded.sha256[:8]))
    return ModelPlan(
        shown_name=trained_as,
        ranked=False,
        trained=False,
        parameters={"generator": described["parameters"]["generator"]},
        inference_mode=described["inference_mode"],
        remarks=(f"loaded, not trained here (sha256 {loaded.sha256[:8]})", *generator.notes),
    )


def write_loaded(folder: RunFolder, experiment: Experiment) -> None:
    """Copy every loaded generator into its cell, in the form that trained ones have; what is there already is kept."""
    for loaded in experiment.loaded:
        cell = folder.cell(loaded.row)
        if cell.has_generator():
            continue
        generator = _read(loaded)
        settings = models.parse_settings(loaded.model, generator.settings)
        cell.path.mkdir(parents=True, exist_ok=True)
        tensors = {name: value.contiguous() for name, value in generator.state.items()}
        write_bytes(cell.generator, safetensors.torch.save(tensors))
        written = sha256_of(cell.generator)
        card = {
            "model": loaded.model,
            "shown_name": loaded.row,
            "seed": 0,
            "resolution": experiment.resolution,
            "recipe": experiment.recipe,
            "recipe_settings": dict(experiment.recipe_settings),
            "steps": 0,
            "settings": json.loads(settings.model_dump_json()),
            "experiment_digest": experiment.digest(),
            "loaded_from": Path(loaded.file).name,
            "loaded_sha256": loaded.sha256,
            "sha256": written,
        }
        write_json(cell.generator_card, card)
        CellStatus(state="done", generator_sha256=written).save(cell)


def _read(loaded: LoadedModel) -> LoadedGenerator:
    generator = read_generator(loaded.model, Path(loaded.file))
    if generator.sha256 != loaded.sha256:
        raise RequestError(
            f"{loaded.file}: has changed since it was named (sha256 {generator.sha256[:8]}); name it again"
        )
    return generator
