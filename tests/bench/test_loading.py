"""`bench run --load`: generators in the layout of the original implementations are coloured with, scored and shown."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import tomli_w
import torch

import models
from bench.cli import main

CHECKPOINTS: dict[str, dict[str, Any]] = {
    "pix2pix": {"ngf": 4, "depth": 6},
    "cyclegan": {"ngf": 4, "n_blocks": 6},
    "pix2pixhd": {"ngf": 4, "n_downsample": 2, "n_blocks": 1, "vgg_loss": "off"},
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, tiny_values: dict[str, Any]) -> Path:
    """A tiny preset and a checkpoint of each model as its original implementation saves it."""
    folder = tmp_path_factory.mktemp("loading")
    (folder / "tiny.toml").write_text(tomli_w.dumps(tiny_values | {"references": ["copy", "oracle"]}))
    deep = models.build("pix2pix", models.parse_settings("pix2pix", {"ngf": 4, "depth": 8}), 256, seed=0)
    torch.save(deep.generator.state_dict(), folder / "deep.pth")
    for number, (name, settings) in enumerate(CHECKPOINTS.items()):
        translator = models.build(name, models.parse_settings(name, settings), 64, seed=number)
        state = dict(translator.generator.state_dict())
        if name == "cyclegan":
            # As saved before torch 0.4 from several GPUs: a prefix, and statistics that instance norm has no use for.
            state = {f"module.{key}": value for key, value in state.items()}
            state["module.model.2.running_mean"] = state["module.model.2.running_var"] = torch.ones(4)
        torch.save(state, folder / f"{name}.pth")
    return folder


def command(monkeypatch: pytest.MonkeyPatch, place: Path, *arguments: str) -> int:
    monkeypatch.chdir(place)
    monkeypatch.setattr(sys, "argv", ["bench", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def loads(*names: str) -> list[str]:
    return [part for name in names for part in ("--load", f"{name}={name}.pth")]


BEGINNING = ["run", "--preset", "tiny.toml", "--data", "synthetic", "--cache", "cache", "--models", "none"]


@pytest.fixture(scope="module")
def run(place: Path) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        assert command(patch, place, *BEGINNING, *loads(*CHECKPOINTS), "--out", "run") == 0
    return place / "run"


def test_official_checkpoints_are_scored_without_training_and_shown_with_their_digest(place: Path, run: Path) -> None:
    table = (run / "report/tables/main.md").read_text()
    rows = pd.read_csv(run / "report/tables/main.csv")
    for name in CHECKPOINTS:
        digest = hashlib.sha256((place / f"{name}.pth").read_bytes()).hexdigest()[:8]
        cell = run / "cells" / f"{name}-loaded-{digest}"
        assert pd.read_parquet(cell / "images.parquet")["ssim"].between(-1, 1).all()
        assert f"{name}-small loaded {digest}" in table
        assert set(rows.loc[rows["model"] == cell.name, "row"]) == {"reference"}
        card = json.loads((cell / "generator.json").read_text())
        assert (card["steps"], card["loaded_from"]) == (0, f"{name}.pth")
        assert json.loads((run / "plan.json").read_text())["models"][cell.name]["trained"] is False
    assert "Nothing was trained here" in table
    assert "seed" not in table.replace("no seeds", "")
    assert "narrower or shallower" in table
    assert "**" not in "".join(line for line in table.splitlines() if "loaded" in line and line.startswith("|"))


def test_what_a_loaded_generator_colours_is_what_the_original_network_gives(place: Path, run: Path) -> None:
    from bench.files import read_png
    from bench.prediction import to_pixels, to_tensor

    translator = models.build("pix2pixhd", models.parse_settings("pix2pixhd", CHECKPOINTS["pix2pixhd"]), 64, seed=2)
    (cell,) = (run / "cells").glob("pix2pixhd-loaded-*")
    window = min((run / "test/input").glob("*.png")).name
    wanted = to_pixels(translator.colorize(to_tensor(read_png(run / "test/input" / window)[None].copy(), "cpu")))[0]
    found = read_png(cell / "predictions" / window)
    assert abs(found.astype(int) - wanted.astype(int)).max() <= 1


def test_our_own_generator_file_can_be_loaded(place: Path, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (cell,) = (run / "cells").glob("pix2pix-loaded-*")
    own = ["--load", f"pix2pix={cell / 'generator.safetensors'}"]
    assert command(monkeypatch, place, *BEGINNING, *own, "--out", "own") == 0
    (again,) = (place / "own/cells").glob("pix2pix-loaded-*")
    for picture in (cell / "predictions").glob("*.png"):
        assert (again / "predictions" / picture.name).read_bytes() == picture.read_bytes()


def test_a_moved_checkpoint_is_the_same_experiment(place: Path, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = place / "elsewhere.pth"
    moved.write_bytes((place / "pix2pix.pth").read_bytes())
    arguments = ["--load", f"pix2pix={moved}", *loads("cyclegan", "pix2pixhd"), "--out", "run"]
    assert command(monkeypatch, place, *BEGINNING, *arguments) == 0


def test_our_own_file_keeps_the_inference_mode_it_was_trained_for(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "inference_batch_norm"
    running = ["--set", f"model_settings.pix2pix.{name}=running", "--set", "references=['copy']"]
    begin = [*BEGINNING[:-2], "--models", "pix2pix", "--budget", "4-steps"]
    assert command(monkeypatch, place, *begin, *running, "--out", "trained") == 0
    cell = place / "trained/cells/pix2pix-seed0"
    own = ["--load", f"pix2pix={cell / 'generator.safetensors'}"]
    image = ["--set", f"model_settings.pix2pix.{name}=image"]
    assert command(monkeypatch, place, *BEGINNING, *own, *image, "--out", "reloaded") == 0
    (again,) = (place / "reloaded/cells").glob("pix2pix-loaded-*")
    for picture in (cell / "predictions").glob("*.png"):
        assert (again / "predictions" / picture.name).read_bytes() == picture.read_bytes()
    assert "running batch-norm statistics" in (place / "reloaded/report/tables/main.md").read_text()


def test_another_input_than_it_was_trained_on_is_told(place: Path, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (cell,) = (run / "cells").glob("pix2pix-loaded-*")
    own = ["--load", f"pix2pix={cell / 'generator.safetensors'}"]
    assert command(monkeypatch, place, *BEGINNING, *own, "--recipe", "gray", "--out", "grey") == 0
    assert "trained on the input recipe original" in (place / "grey/report/tables/main.md").read_text()
    (again,) = (place / "grey/cells").glob("pix2pix-loaded-*")
    card = json.loads((again / "generator.json").read_text())
    assert card["recipe"] == "original"
    assert card["recipe_settings"] == {}


def test_a_foreign_file_colours_in_the_presets_inference_mode(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    running = ["--set", "model_settings.pix2pix.inference_batch_norm=running"]
    assert command(monkeypatch, place, *BEGINNING, *loads("pix2pix"), *running, "--out", "foreign") == 0
    (cell,) = (place / "foreign/cells").glob("pix2pix-loaded-*")
    assert json.loads((cell / "generator.json").read_text())["settings"]["inference_batch_norm"] == "running"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--load", "pix2pix"], "NAME=FILE"),
        (["--load", "pix2pix=nowhere.pth"], "no file nowhere.pth"),
        (["--load", "zebra=pix2pix.pth"], "unknown model 'zebra'"),
        (["--load", "pix2pixhd=pix2pix.pth"], "pix2pix.pth"),
        (["--load", "pix2pixhd=pix2pix.pth", "--dry-run"], "pix2pix.pth"),
        (["--load", "pix2pix=deep.pth"], "deep.pth: does not fit 64 px"),
        ([*loads("pix2pix", "pix2pix")], "names something twice"),
        ([], "nothing to benchmark"),
    ],
)
def test_wrong_requests_get_one_line(
    place: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert command(monkeypatch, place, *BEGINNING, *arguments, "--out", "wrong") == 2
    error = capfd.readouterr().err
    assert said in error
    assert error.count("\n") <= 2
    assert not (place / "wrong" / "cells").exists()
