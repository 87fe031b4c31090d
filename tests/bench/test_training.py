"""Training one cell: exact resume after a stop and after damage, divergence, deadline, same seed same bits."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import models
from bench.curve import COLUMNS, steps_between_points
from bench.errors import RequestError
from bench.experiment import Cell, Experiment
from bench.planning import (
    ModelPlan,
    Plan,
    RandomBatches,
    describe,
    flops_per_step,
    plan_model,
    planned_settings,
)
from bench.runfolder import CellFolder
from bench.status import CellStatus
from bench.stopping import Stopped, StopRequest
from bench.training import CellTraining
from bench.validation import diversity
from models import perceptual_loss, regions

STEPS = 6


class Silent:
    def begins(self, step: int) -> None: ...

    def losses(self, step: int, values: dict[str, float], images_per_second: float) -> None: ...

    def validation(self, step: int, values: dict[str, float]) -> None: ...


class StopAt:
    """Batches that ask for a stop while a step is under way, as Ctrl-C does."""

    def __init__(self, stop: StopRequest, step: int) -> None:
        self.source, self.stop, self.step = RandomBatches((1, 3, 64, 64), "cpu"), stop, step

    def batch(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        if step == self.step:
            self.stop.exit_code = 130
        return self.source.batch(step)


def plan_for(experiment: Experiment, model: str, steps: int = STEPS, **changes: float | str) -> Plan:
    settings = models.parse_settings(model, experiment.model_settings[model])
    translator = models.build(model, settings, experiment.resolution, seed=0, device="meta")
    flops = flops_per_step(model, settings, experiment.resolution, 1)
    entry = ModelPlan(**describe(translator, settings), steps=steps, batch_size=1, images=steps, flops_per_step=flops)
    values = {
        "experiment_digest": experiment.digest(), "budget": "24-steps", "budget_unit": "steps", "share": 6.0,
        "trained_cells": 4, "device": "cpu", "precision": "fp32", "models": {model: entry},
    }  # fmt: skip
    return Plan.model_validate(values | changes)


def training(
    experiment: Experiment, model: str, path: Path, stop: StopRequest | None = None, at: int = -1
) -> CellTraining:
    stop = stop or StopRequest()
    path.mkdir(exist_ok=True)
    return CellTraining(
        experiment, plan_for(experiment, model), Cell(model=model, seed=0), CellFolder(path), StopAt(stop, at),
        lambda translator: {"psnr": 1.0}, Silent(), stop, "cpu",
    )  # fmt: skip


@pytest.mark.parametrize("model", ["pix2pix", "pix2pixhd", "cyclegan", "unet-l1"])
def test_stopped_and_resumed_cell_equals_an_uninterrupted_one_in_every_byte(
    model: str, tiny_experiment: Experiment, tmp_path: Path
) -> None:
    whole = training(tiny_experiment, model, tmp_path / "whole").run()
    for step in (1, 3):
        stop = StopRequest()
        with pytest.raises(Stopped):
            training(tiny_experiment, model, tmp_path / "parts", stop, at=step).run()
    resumed = training(tiny_experiment, model, tmp_path / "parts").run()
    assert whole.state == resumed.state == "done"
    assert (tmp_path / "whole/generator.safetensors").read_bytes() == (
        tmp_path / "parts/generator.safetensors"
    ).read_bytes()
    one, other = (
        pd.read_parquet(tmp_path / name / "curve.parquet").drop(columns="seconds") for name in ("whole", "parts")
    )
    pd.testing.assert_frame_equal(one, other)
    assert list(pd.read_parquet(tmp_path / "whole/curve.parquet").columns) == list(COLUMNS)
    assert not list((tmp_path / "parts").glob("checkpoint-*"))


VARIANTS: dict[str, dict[str, Any]] = {
    "pix2pixhd": {"netG": "local", "n_blocks_local": 1, "fix_global_share": 0.5, "instances": "regions"},
    "pix2pixhd-features": {"nef": 4, "n_downsample_E": 2, "cluster_batches": 2},
}


@pytest.mark.parametrize("model", VARIANTS)
def test_variants_resume_across_phases_and_complete_to_the_same_bytes(
    model: str, tiny_values: dict[str, Any], tmp_path: Path
) -> None:
    settings = tiny_values["model_settings"] | {model: tiny_values["model_settings"]["pix2pixhd"] | VARIANTS[model]}
    experiment = Experiment.parse(tiny_values | {"models": [model], "model_settings": settings}, "tiny")
    whole = training(experiment, model, tmp_path / "whole").run()
    for step in (1, 4):
        stop = StopRequest()
        with pytest.raises(Stopped):
            training(experiment, model, tmp_path / "parts", stop, at=step).run()
    assert training(experiment, model, tmp_path / "parts").run().generator_sha256 == whole.generator_sha256


def test_phases_are_calibrated_each_and_weighed_by_their_share(tiny_values: dict[str, Any]) -> None:
    settings = tiny_values["model_settings"] | {
        "pix2pixhd": tiny_values["model_settings"]["pix2pixhd"] | VARIANTS["pix2pixhd"] | {"fix_global_share": 0.25}
    }
    experiment = Experiment.parse(tiny_values | {"budget": "1h", "model_settings": settings}, "tiny")
    planned = plan_model(experiment, "pix2pixhd", RandomBatches((1, 3, 64, 64), "cpu"), "cpu")
    alone, joint = planned.seconds_by_phase["last enhancer alone"], planned.seconds_by_phase["joint"]
    assert planned.seconds_per_step == pytest.approx(0.25 * alone + 0.75 * joint)
    assert planned.steps == int(3600 / 4 / planned.seconds_per_step * (1 + 1e-12))
    whole = models.parse_settings("pix2pixhd", experiment.model_settings["pix2pixhd"] | {"fix_global_share": 0.0})
    # The original computes the gradients of what it does not train yet, and FLOPs are those of the original's step.
    assert planned.flops_per_step == pytest.approx(flops_per_step("pix2pixhd", whole, 64, 1))


def test_calibration_finds_no_regions_that_training_would_not_find(
    tiny_values: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    real = regions.region_map
    monkeypatch.setattr(regions, "region_map", lambda luma: made.append(1) or real(luma))
    names = ["pix2pixhd-regions", "pix2pixhd-features"]
    settings = dict.fromkeys(names, tiny_values["model_settings"]["pix2pixhd"])
    experiment = Experiment.parse(tiny_values | {"models": names, "budget": "1h", "model_settings": settings}, "tiny")
    for name in names:
        made.clear()
        plan_model(experiment, name, RandomBatches((1, 3, 64, 64), "cpu"), "cpu")
        assert len(made) >= experiment.calibration.warmup_steps + experiment.calibration.least_measured_steps


def test_model_that_lost_its_remarks_since_the_plan_is_refused(tiny_experiment: Experiment, tmp_path: Path) -> None:
    plan = plan_for(tiny_experiment, "pix2pixhd")
    entry = plan.models["pix2pixhd"].model_copy(update={"remarks": ("with VGG loss (weights sha256 dcbb9e9d)",)})
    other = plan.model_copy(update={"models": {"pix2pixhd": entry}})
    cell = training(tiny_experiment, "pix2pixhd", tmp_path / "cell")
    with pytest.raises(RequestError, match=r"planned with VGG loss .* but now it is without VGG loss"):
        replace(cell, plan=other)


def test_mode_collapse_is_warned_of_in_the_second_half(
    tiny_experiment: Experiment, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cell = training(tiny_experiment, "cyclegan", tmp_path / "cell")
    cell.validate = lambda translator: {"diversity": 0.05}
    cell.run()
    warned = [record.getMessage() for record in caplog.records if "mode collapse" in record.getMessage()]
    assert warned == [
        f"cyclegan-seed0: mode collapse suspected: outputs differ 0.05 times as much as their inputs do (step {step})"
        for step in (3, 6)
    ]


def test_diversity_is_zero_for_one_picture_and_one_for_the_inputs_themselves() -> None:
    pages = np.random.default_rng(0).integers(0, 256, (4, 64, 64, 3), np.uint8)
    flat = np.broadcast_to(np.arange(0, 160, 40, dtype=np.uint8)[:, None, None, None], (4, 64, 64, 3))
    assert diversity(np.repeat(pages[:1], 4, axis=0)) == 0
    assert diversity(flat) == pytest.approx(float(np.std([0, 40, 80, 120])))


def test_damaged_checkpoint_is_left_out_and_the_one_before_used(tiny_experiment: Experiment, tmp_path: Path) -> None:
    whole = training(tiny_experiment, "pix2pix", tmp_path / "whole").run()
    for step in (1, 3):
        stop = StopRequest()
        with pytest.raises(Stopped):
            training(tiny_experiment, "pix2pix", tmp_path / "parts", stop, at=step).run()
    newest = CellFolder(tmp_path / "parts").checkpoints()[0]
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 0xFF
    newest.write_bytes(content)
    resumed = training(tiny_experiment, "pix2pix", tmp_path / "parts")
    status = resumed.run()
    assert status.generator_sha256 == whole.generator_sha256
    assert status.lost_seconds > 0


@pytest.mark.parametrize(
    ("steps", "points", "seconds", "interval"),
    [
        (1900, 400, 0.0, 4),
        (1900, 400, 0.0035, 72),
        (1900, 400, 1e-9, 95),
        (10, 400, 0.0035, 1),
        (10, 400, 0.0, 1),
        (100_000, 400, 0.0035, 250),
        (278, 400, 0.024, 11),
        (278, 400, 1.0, 1),
    ],
)
def test_with_a_time_budget_a_gpu_waits_for_its_losses_four_times_a_second_at_most(
    steps: int, points: int, seconds: float, interval: int
) -> None:
    assert steps_between_points(steps, points, seconds) == interval


def test_the_rate_is_that_of_the_training_clock(tiny_experiment: Experiment, tmp_path: Path) -> None:
    """And not of the moments at which steps were handed to a device that works them off later."""
    cell = training(tiny_experiment, "unet-l1", tmp_path)
    status = cell.run()
    points = pd.read_parquet(cell.folder.curve).query("kind == 'train'").drop_duplicates("step").tail(2)
    (before, last), (earlier, later) = points["images"], points["seconds"]
    assert last == status.images
    assert status.images_per_second == pytest.approx((last - before) / (later - earlier), rel=1e-9)


def test_other_seed_gives_other_weights(tiny_experiment: Experiment, tmp_path: Path) -> None:
    first = training(tiny_experiment, "pix2pix", tmp_path / "a")
    other = training(tiny_experiment, "pix2pix", tmp_path / "b")
    other = replace(other, cell=Cell(model="pix2pix", seed=1))
    assert first.run().generator_sha256 != other.run().generator_sha256


def test_loss_that_is_not_finite_marks_the_cell_diverged(tiny_experiment: Experiment, tmp_path: Path) -> None:
    cell = training(tiny_experiment, "pix2pix", tmp_path / "cell")
    with torch.no_grad():
        next(cell.translator.generator.parameters()).fill_(float("nan"))
    status = cell.run()
    assert status.state == "diverged"
    assert "nan" in (status.reason or "")
    assert CellStatus.load(cell.folder) == status
    assert not cell.folder.has_generator()


def test_cell_past_its_deadline_is_cut_marked_and_keeps_its_generator(
    tiny_experiment: Experiment, tmp_path: Path
) -> None:
    cell = training(tiny_experiment, "pix2pix", tmp_path / "cell")
    cell.plan = plan_for(tiny_experiment, "pix2pix", budget_unit="seconds", share=1e-6)
    status = cell.run()
    assert (status.state, status.step) == ("truncated", 1)
    assert "cut at step 1 of 6" in (status.reason or "")
    assert cell.folder.has_generator()


def test_repeated_plan_is_done_whatever_time_it_takes(tiny_values: dict[str, Any], tmp_path: Path) -> None:
    """Cut on a slower machine, it would be another training."""
    experiment = Experiment.parse(tiny_values | {"models": ["pix2pix"], "references": ["copy", "oracle"]}, "tiny")
    cell = training(experiment, "pix2pix", tmp_path / "cell")
    plan = plan_for(experiment, "pix2pix", budget_unit="seconds", share=1e-6)
    cell.plan = plan.repeated(experiment, "cpu", "", tmp_path / "plan.json")
    status = cell.run()
    assert (status.state, status.step) == ("done", STEPS)


def test_plan_keeps_whether_the_perceptual_loss_was_there(
    tiny_values: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights that come later change no training that was planned without them; those that were used are asked for."""
    settings = tiny_values["model_settings"]
    settings = settings | {"pix2pixhd": settings["pix2pixhd"] | {"vgg_loss": "auto"}}
    experiment = Experiment.parse(tiny_values | {"models": ["pix2pixhd"], "model_settings": settings}, "tiny")
    monkeypatch.setattr(perceptual_loss, "available", lambda: False)
    entry = plan_model(experiment, "pix2pixhd", None, "cpu")
    assert entry.decided == {"vgg_loss": "off"}
    assert entry.remarks == ("without VGG loss (weights of VGG19 not found)",)
    plan = plan_for(experiment, "pix2pixhd")
    planned = plan.model_copy(update={"models": {"pix2pixhd": entry.model_copy(update={"steps": STEPS})}})
    cell = training(experiment, "pix2pixhd", tmp_path / "cell")
    monkeypatch.setattr(perceptual_loss, "available", lambda: True)
    cell = replace(cell, plan=planned)
    assert cell.run().state == "done"
    card = json.loads(cell.folder.generator_card.read_text())
    assert (card["settings"]["vgg_loss"], card["remarks"]) == ("off", list(entry.remarks))
    # Only what was left open is decided: a plan changes no number of the experiment.
    stranger = entry.model_copy(update={"decided": {"vgg_loss": "off", "lr": 1.0}})
    assert planned_settings(experiment, "pix2pixhd", stranger).model_dump()["lr"] == 0.0002
    with_it = entry.model_copy(update={"decided": {"vgg_loss": "on"}, "steps": STEPS})
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "no weights"))
    other = plan.model_copy(update={"models": {"pix2pixhd": with_it}})
    other.check_fits(experiment, tmp_path / "plan.json")
    with pytest.raises(RequestError, match="pix2pixhd-seed0: weights vgg19"):
        replace(cell, plan=other)
    trained = Experiment.parse(experiment.model_dump(mode="json") | {"references": ["copy", "oracle"]}, "tiny")
    with pytest.raises(models.ModelError, match="weights vgg19"):
        other.model_copy(update={"experiment_digest": trained.digest()}).repeated(
            trained, "cpu", "", tmp_path / "plan.json"
        )


def test_models_without_pairs_train_on_disjoint_halves(tiny_values: dict[str, Any], tmp_path: Path) -> None:
    values = tiny_values | {"models": ["cyclegan"], "training": tiny_values["training"] | {"unpaired": "disjoint"}}
    experiment = Experiment.parse(values, "tiny")
    entry = plan_model(experiment, "cyclegan", None, "cpu").model_copy(update={"steps": 2})
    assert entry.remarks
    plan = plan_for(experiment, "cyclegan").model_copy(update={"models": {"cyclegan": entry}})
    (tmp_path / "cell").mkdir()
    cell = CellTraining(
        experiment, plan, Cell(model="cyclegan", seed=0), CellFolder(tmp_path / "cell"), StopAt(StopRequest(), -1),
        lambda translator: {"psnr": 1.0}, Silent(), StopRequest(), "cpu",
    )  # fmt: skip
    assert cell.run().state == "done"


def test_plan_fits_the_same_pages_under_another_name(tiny_values: dict[str, Any], tmp_path: Path) -> None:
    where, pages = tmp_path / "plan.json", "5a" * 32
    own = Experiment.parse(tiny_values | {"models": ["pix2pix"], "references": ["copy", "oracle"]}, "tiny")
    digests = {"conditions_digest": own.conditions_digest(), "split_digest": pages}
    plan = plan_for(own, "pix2pix", **digests)

    def changed(**changes: Any) -> Experiment:
        return Experiment.parse(own.model_dump(mode="json") | changes, "tiny")

    moved = changed(data=own.model_dump(mode="json")["data"] | {"source": "elsewhere", "split_file": "split.json"})
    assert moved.digest() != own.digest()
    repeated = plan.repeated(moved, "cpu", pages, where)
    assert (repeated.repeats, repeated.experiment_digest) == (own.digest(), moved.digest())
    repeated.check_fits(moved, where)
    with pytest.raises(RequestError, match="made for other pages than those of elsewhere"):
        plan.repeated(moved, "cpu", "0b" * 32, where)
    with pytest.raises(RequestError, match="made for another experiment"):
        plan.repeated(changed(resolution=128), "cpu", pages, where)
    # Plans of earlier versions do not say of which pages they are.
    with pytest.raises(RequestError, match="made for another experiment"):
        plan_for(own, "pix2pix").repeated(moved, "cpu", pages, where)
    assert plan_for(own, "pix2pix").repeated(own, "cpu", pages, where).repeats == own.digest()


def test_disjoint_ablation_is_in_the_name_of_unpaired_models_alone(tiny_values: dict[str, Any]) -> None:
    training = tiny_values["training"] | {"unpaired": "disjoint"}
    experiment = Experiment.parse(tiny_values | {"training": training}, "tiny")
    plain = Experiment.parse(tiny_values, "tiny")
    for model, ending in (("cyclegan", "-disjoint"), ("pix2pix", "")):
        named, unnamed = (plan_model(each, model, None, "cpu") for each in (experiment, plain))
        assert named.shown_name == unnamed.shown_name + ending
        assert len(named.remarks) == len(unnamed.remarks) + bool(ending)
    assert experiment.digest() != plain.digest()
