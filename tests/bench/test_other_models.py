"""Models of other packages, really installed: the worked example gets its row, and what is not named is not imported."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import tomli_w

import models
from bench.cli import main

EXAMPLE = Path(__file__).parents[2] / "examples" / "fourth_model"
MODULE = EXAMPLE / "dilated_l1.py"
LINES = 60
COMMAND = [sys.executable, "-c", "from bench.cli import main; main()"]

WITNESS = """
import os, pathlib
pathlib.Path(os.environ["WITNESS"]).touch()
raise OSError("no libfancy.so\\nin sight")
"""
"""A module that leaves a trace of its import, and fails."""


def install(source: Path, site: Path) -> None:
    """Install the package at `source` into the folder `site`, as pip does: its wheel is built and unpacked."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", "--no-deps"]
    done = subprocess.run(
        [*pip, "--no-build-isolation", "--target", str(site), str(source)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def package(folder: Path, name: str, module: str, text: str, entry_points: dict[str, str]) -> Path:
    """Write the source of a package that registers models; returns its folder."""
    folder = folder / name
    folder.mkdir(parents=True)
    project = {"name": name, "version": "1.0", "entry-points": {models.ENTRY_POINT_GROUP: entry_points}}
    build = {"requires": ["hatchling"], "build-backend": "hatchling.build"}
    wheel = {"hatch": {"build": {"targets": {"wheel": {"only-include": [f"{module}.py"]}}}}}
    (folder / "pyproject.toml").write_text(tomli_w.dumps({"build-system": build, "project": project, "tool": wheel}))
    (folder / f"{module}.py").write_text(text)
    return folder


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three installed packages: the example, one that breaks on import, one that takes names."""
    site, sources = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("sources")
    install(EXAMPLE, site)
    install(package(sources, "broken-gan", "broken_gan", WITNESS, {"broken-gan": "broken_gan:Broken"}), site)
    taken = {"pix2pix": "taker:Taken", "twice": "taker:Taken", "bad name": "taker:Taken"}
    install(package(sources, "taker", "taker", WITNESS, taken), site)
    install(package(sources, "second", "second", WITNESS, {"twice": "second:Taken"}), site)
    return site


@pytest.fixture(scope="module")
def witness(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that appears as soon as a package is imported that nobody named."""
    return tmp_path_factory.mktemp("witness") / "imported"


@pytest.fixture
def installed(site: Path, witness: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The packages on this process's path."""
    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv("WITNESS", str(witness))
    witness.unlink(missing_ok=True)


@pytest.fixture(scope="module")
def run(site: Path, witness: Path, tmp_path_factory: pytest.TempPathFactory, tiny_values: dict[str, Any]) -> Path:
    """A whole run of Pix2Pix beside the example, in a fresh process."""
    place = tmp_path_factory.mktemp("place")
    values = tiny_values | {"references": ["copy"], "budget": "8-steps"}
    values["model_settings"] = values["model_settings"] | {"dilated-l1": {"width": 8}}
    (place / "tiny.toml").write_text(tomli_w.dumps(values))
    arguments = ["run", "--preset", "tiny.toml", "--data", "synthetic", "--models", "pix2pix,dilated-l1"]
    environment = {"OMP_NUM_THREADS": "1", "TORCH_HOME": "no-weights", "PYTHONPATH": str(site), "WITNESS": str(witness)}
    done = subprocess.run(
        [*COMMAND, *arguments, "--cache", "cache", "--out", "run"],
        cwd=place, capture_output=True, text=True, check=False, timeout=280, env=os.environ | environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return place / "run"


def test_example_is_short() -> None:
    assert len(MODULE.read_text().splitlines()) < LINES


def test_example_gets_its_row_in_the_same_table(run: Path) -> None:
    rows = pd.read_csv(run / "report/tables/main.csv").set_index("shown_name")
    chance = ["pix2pix-small, pages shuffled", "dilated-l1, pages shuffled"]
    assert dict(rows["row"]) == {
        "pix2pix-small": "ranked", "dilated-l1": "ranked", "copy": "reference", **dict.fromkeys(chance, "reference"),
    }  # fmt: skip
    scores = rows[["psnr", "ssim", "ciede2000"]].astype(float)
    assert scores.loc["dilated-l1"].notna().all()
    assert (scores.loc["dilated-l1"] != scores.loc["copy"]).all()
    lines = (run / "report/tables/main.md").read_text().splitlines()
    table = [line.split("|")[1].strip() for line in lines if line.startswith("| ")]
    assert [name for name in table if name] == ["pix2pix-small", "dilated-l1", "copy", *chance]


def test_run_does_not_import_what_is_not_named(run: Path, witness: Path) -> None:
    assert (run / "cells/dilated-l1-seed0/generator.safetensors").is_file()
    assert not witness.exists()


def bench(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["bench", *arguments])
    with pytest.raises(SystemExit) as stopped:
        main()
    return int(str(stopped.value.code))


@pytest.mark.usefixtures("installed")
def test_models_are_listed_without_being_imported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], witness: Path
) -> None:
    assert bench(monkeypatch, "models") == 0
    out = capsys.readouterr().out
    assert "dilated-l1: dilated_l1:DilatedL1 of dilated-l1 1.0\n" in out
    assert "pix2pix: taker:Taken of taker 1.0: not used: the name is a built-in model's" in out
    assert "twice: second:Taken of second 1.0: not used: registered by" in out
    assert "dilated_l1" not in sys.modules
    assert not witness.exists()


@pytest.mark.usefixtures("installed")
def test_example_has_a_card(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench(monkeypatch, "models", "show", "dilated-l1", "--resolution", "64", "--set", "width=8") == 0
    out = capsys.readouterr().out
    assert "dilated-l1: competitor, trained on paired pages" in out
    # Convolutions 3 -> 8 of 4 x 4, six 8 -> 8 of 3 x 3, 8 -> 12 of 3 x 3, each with biases.
    assert f"{(48 * 8 + 8) + 6 * (72 * 8 + 8) + (72 * 12 + 12):,}" in out
    sys.modules.pop("dilated_l1")


REFUSED = {
    "broken-gan": "model 'broken-gan' (broken_gan:Broken) cannot be loaded: OSError: no libfancy.so in sight",
    "twice": "registered by second 1.0 (second:Taken) and taker 1.0 (taker:Taken); uninstall all but one",
    "bad name": "not a model's name",
    "dilated": "did you mean 'dilated-l1'?",
}


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("command", [("models", "show"), ("run", "--preset", "demo", "--dry-run", "--models")])
def test_models_that_cannot_be_had_get_one_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    witness: Path,
    command: tuple[str, ...],
    name: str,
) -> None:
    assert bench(monkeypatch, *command, name) == 2
    assert witness.exists() == (name == "broken-gan")
    captured = capsys.readouterr()
    assert REFUSED[name] in captured.err
    assert len(captured.err.splitlines()) == 1


@pytest.mark.usefixtures("installed")
def test_built_in_model_keeps_its_name(witness: Path) -> None:
    assert models.translator_type("pix2pix").__module__ == "models.pix2pix"
    assert not witness.exists()


INCOMPLETE = """
from models.floors import Copy
from models.translator import Translator
class Unfinished(Translator):
    name, pairing = "unfinished", "paired"
class Elsewhere(Copy):
    name = "somewhere"
class Unset(Copy):
    name, settings_type = "unset", dict
class Sideways(Copy):
    name, pairing = "sideways", "diagonal"
"""


def test_classes_that_are_no_model_say_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = {"unfinished": "Unfinished", "elsewhere": "Elsewhere", "unset": "Unset", "sideways": "Sideways"}
    points = {name: f"incomplete_models:{kind}" for name, kind in names.items()}
    install(package(tmp_path, "incomplete-models", "incomplete_models", INCOMPLETE, points), tmp_path / "site")
    monkeypatch.syspath_prepend(tmp_path / "site")
    said = {
        "unfinished": "Unfinished does not define inference_mode, networks, optimisers, train_step",
        "elsewhere": "Elsewhere.name is 'somewhere'; it must be 'elsewhere'",
        "unset": "Unset.settings_type is <class 'dict'>; it must be a subclass of ModelSettings",
        "sideways": "Sideways.pairing is 'diagonal'; it must be 'paired' or 'unpaired'",
    }
    for name, message in said.items():
        with pytest.raises(models.ModelError, match=message):
            models.translator_type(name)
    sys.modules.pop("incomplete_models")


def test_nothing_is_left_in_the_examples_folder(site: Path) -> None:
    assert importlib.metadata.Distribution.at(site / "dilated_l1-1.0.dist-info").version == "1.0"
    assert {path.name for path in EXAMPLE.iterdir()} == {"README.md", "dilated_l1.py", "pyproject.toml"}
