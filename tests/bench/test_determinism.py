"""The same experiment gives the same bits: every model and variant, every recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bench.beginning import training_batches
from bench.experiment import Cell, Experiment
from bench.planning import Plan, assemble, plan_model
from bench.preparation import open_source, prepare_data
from bench.progress import Bar
from bench.runfolder import CellFolder
from bench.stopping import StopRequest
from bench.training import CellTraining
from bench.watching import CellWatcher

NAMES = ("pix2pix", "pix2pixhd", "cyclegan", "pix2pixhd-regions", "pix2pixhd-features", "unet-l1")


def experiment(values: dict[str, Any], recipe: str) -> Experiment:
    hd = values["model_settings"]["pix2pixhd"]
    settings = values["model_settings"] | {
        "pix2pixhd-regions": hd,
        "pix2pixhd-features": hd | {"nef": 4, "n_downsample_E": 2, "cluster_batches": 2},
    }
    names = [name for name in NAMES if name != "unet-l1"]
    changed = {"models": names, "model_settings": settings, "recipe": recipe, "budget": "18-steps"}
    return Experiment.parse(values | changed, "tiny")


def trained(asked: Experiment, plan: Plan, name: str, prepared: Any, folder: Path) -> bytes:
    folder.mkdir(parents=True)
    bar = Bar(Console(quiet=True), name, 3)
    with bar, CellWatcher(bar, folder / "tensorboard") as watcher:
        CellTraining(
            asked, plan, Cell(model=name, seed=0), CellFolder(folder), training_batches(asked, name, 0, prepared, "cpu"),
            lambda translator: {"psnr": 1.0}, watcher, StopRequest(), "cpu",
        ).run()  # fmt: skip
    return (folder / "generator.safetensors").read_bytes()


@pytest.mark.parametrize("recipe", ["original", "gray", "lines", "screentone"])
def test_every_model_of_a_recipe_trains_twice_to_the_same_bytes(
    recipe: str, tiny_values: dict[str, Any], tmp_path: Path
) -> None:
    asked = experiment(tiny_values, recipe)
    source = open_source(asked)
    one, other = (
        prepare_data(asked, source, tmp_path / cache, Console(quiet=True), lambda: None) for cache in ("one", "other")
    )
    assert one.digest == other.digest
    plan = assemble(asked, {name: plan_model(asked, name, None, "cpu") for name in NAMES}, {}, "cpu")
    seen = set()
    for name in NAMES:
        first = trained(asked, plan, name, one, tmp_path / "one-cells" / name)
        assert first == trained(asked, plan, name, other, tmp_path / "other-cells" / name), name
        seen.add(first)
    assert len(seen) == len(NAMES)
