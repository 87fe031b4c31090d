"""Presets spell out every number, and a request takes those of its recipe."""

from __future__ import annotations

import hashlib
import json
import tomllib
from pathlib import Path

import pytest

import data
import models
from bench import beginning
from bench.errors import RequestError
from bench.experiment import Experiment
from bench.preset_files import preset_names, read_preset
from bench.requesting import build_experiment
from bench.runfolder import RunFolder


def asked(preset: str | None = "small", assignments: tuple[str, ...] = (), **given: str) -> Experiment:
    options = {key.replace("__", "."): value for key, value in given.items()}
    return build_experiment(preset, {"models": "pix2pix", **options}, assignments, allow_uncalibrated=True)


@pytest.mark.parametrize("name", preset_names())
def test_presets_spell_out_what_the_code_would_fill_in(name: str) -> None:
    values = read_preset(name)
    spelled = values["recipes"]
    for recipe in data.RECIPES:
        defaults = data.recipe_settings(recipe).model_dump(mode="json")
        assert spelled.get(recipe, {}) == defaults
    stored = tomllib.loads(Experiment.parse(values, name).to_toml())
    for section in ("data", "training", "calibration", "metrics"):
        assert values[section] == stored[section]
    assert stored["model_settings"].items() <= values["model_settings"].items()
    for model, settings in values["model_settings"].items():
        # TOML has no null.
        assert settings == models.parse_settings(model, settings).model_dump(mode="json", exclude_none=True)


@pytest.mark.parametrize("name", preset_names())
def test_variants_have_the_numbers_of_their_model(name: str) -> None:
    """What differs is what the variant is, or goes with its width."""
    sections = read_preset(name)["model_settings"]
    base = sections["pix2pixhd"]
    differing = {
        "pix2pixhd-local": {"netG", "ngf"},
        "pix2pixhd-regions": {"instances"},
        "pix2pixhd-features": {"instances"},
    }
    for variant, own in differing.items():
        assert {key for key in base if sections[variant][key] != base[key]} == own
    assert (sections["pix2pixhd-local"]["netG"], 2 * sections["pix2pixhd-local"]["ngf"]) == ("local", base["ngf"])


def test_settings_follow_the_recipe() -> None:
    assert asked().recipe_settings == {}
    lines = asked(recipe="lines")
    assert lines.recipe_settings == data.recipe_settings("lines").model_dump(mode="json")
    one = asked(recipe="lines", assignments=("recipe_settings.variants=1",))
    assert one.recipe_settings == lines.recipe_settings | {"variants": 1}
    same = asked(recipe="lines", assignments=("recipes.lines.variants=1",))
    assert same.recipe_settings == one.recipe_settings


def test_stored_experiment_takes_another_recipe(tmp_path) -> None:
    (tmp_path / "experiment.toml").write_text(asked(recipe="lines").to_toml())
    path = str(tmp_path / "experiment.toml")
    assert asked(path) == asked(recipe="lines")
    # The numbers of the other recipe are not in a stored experiment: they are the code's own.
    assert asked(path, recipe="screentone").recipe_settings == data.recipe_settings("screentone").model_dump(
        mode="json"
    )


@pytest.mark.parametrize(
    ("assignment", "words"),
    [
        ("recipes.crayon.variants=1", "unknown recipe 'crayon'"),
        ("recipes=3", "recipes is a section"),
        ("recipes.lines=3", "recipes is a section"),
        ("recipe_settings=3", "recipe_settings is a section"),
        ("recipe_settings.crayon=3", "crayon"),
        ("data.own_split=perhaps", "data.own_split"),
        ("training.unpaired=mixed", "training.unpaired"),
    ],
)
def test_wrong_settings_are_one_line(assignment: str, words: str) -> None:
    with pytest.raises((RequestError, data.DataError), match=words) as raised:
        asked(recipe="lines", assignments=(assignment,))
    assert "\n" not in str(raised.value)


def test_further_scores_change_the_digest_and_their_absence_does_not() -> None:
    """Experiments keep the digest that they had before scores on DINOv2, or compiled networks, could be asked for."""
    without = asked()
    left_out = {"loaded": {"__all__": {"file"}}, "metrics": True, "training": {"compile"}}
    values = without.model_dump(mode="json", exclude=left_out)
    canonical = json.dumps(values, sort_keys=True, separators=(",", ":"))
    assert without.digest() == hashlib.sha256(canonical.encode()).hexdigest()
    asked_for = asked(assignments=("metrics.dinov2=auto",))
    assert asked_for.metrics.dinov2 == "auto"
    assert asked_for.digest() != without.digest()
    assert without.differences(asked_for) == ["metrics.dinov2: off -> auto"]
    with pytest.raises(RequestError, match=r"metrics\.dinov2"):
        asked(assignments=("metrics.dinov2=maybe",))


def test_compiled_networks_are_part_of_the_experiment() -> None:
    without, compiled = asked(), asked(assignments=("training.compile=auto",))
    assert compiled.digest() != without.digest()
    assert without.differences(compiled) == ["training.compile: off -> auto"]
    with pytest.raises(RequestError, match=r"training\.compile"):
        asked(assignments=("training.compile=maybe",))


def test_a_run_begun_before_networks_were_compiled_is_told_how_to_go_on(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    older = asked().to_toml().replace('compile = "off"\n', "")
    assert "compile" not in older
    folder.experiment.write_text(older, encoding="utf-8")
    folder.plan.write_text("{}", encoding="utf-8")
    beginning._claim(folder, asked())
    with pytest.raises(RequestError, match=r"add --set training\.compile=off"):
        beginning._claim(folder, asked(assignments=("training.compile=auto",)))
    with pytest.raises(RequestError, match="holds another experiment"):
        beginning._claim(folder, asked(assignments=("training.compile=auto", "training.batch_size=2")))
