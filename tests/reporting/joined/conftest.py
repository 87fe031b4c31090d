"""Three runs of one experiment that differ in their recipe, made from the small run of the single report."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bench.reporting.joined.build import build_joined_report
from bench.reporting.joined.reading import read_joined

SHIFTS = {"lines": 0.0, "screentone": -0.4, "gray": 1.5}
"""By how much every trained model's PSNR differs from that of the small run."""


LEFT_OUT = [
    "ciede2000_median", "line_recall", "line_f1_loose", "line_f1_strict", "edge_f1", "colourfulness_difference",
    "rrecall", "colour_consistency",
]  # fmt: skip


def edit_json(path, **values):
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | values), encoding="utf-8")


def edit_toml(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def add_to_scores(run, metric, amount, models=("pix2pix", "pix2pixhd", "cyclegan", "unet-l1")):
    """Add to the scores of trained models: a number, or an array with a number a window."""
    for cell in sorted(run.glob("cells/*-seed*")):
        if cell.name.rpartition("-seed")[0] in models:
            frame = pd.read_parquet(cell / "images.parquet")
            frame.assign(**{metric: frame[metric] + amount}).to_parquet(cell / "images.parquet")


def darken(folder, amount):
    for path in folder.glob("*.png"):
        pixels = np.asarray(Image.open(path)).astype(int)
        Image.fromarray(np.clip(pixels - amount, 0, 255).astype(np.uint8)).save(path)


def without_some_metrics(run):
    """Leave out metrics that are treated as others are: every test is faster for it."""
    for path in run.glob("cells/*/*.parquet"):
        pd.read_parquet(path).drop(columns=LEFT_OUT, errors="ignore").to_parquet(path)
    for path in run.glob("cells/*/sets.json"):
        scores = json.loads(path.read_text())["scores"]
        edit_json(path, scores=[score for score in scores if score["metric"] not in LEFT_OUT])


def as_other_recipe(source, target, recipe):
    shutil.copytree(source, target)
    without_some_metrics(target)
    edit_toml(target / "experiment.toml", 'recipe = "original"', f'recipe = "{recipe}"')
    edit_json(target / "plan.json", experiment_digest=recipe.ljust(64, "0"))
    darken(target / "test" / "input", 10 * (1 + list(SHIFTS).index(recipe)))
    add_to_scores(target, "psnr", SHIFTS[recipe])
    return target


@pytest.fixture(scope="session")
def recipe_runs(finished_run, tmp_path_factory):
    """The runs, shared by tests that only read them."""
    folder = tmp_path_factory.mktemp("recipes")
    return [as_other_recipe(finished_run, folder / f"tiny-{recipe}", recipe) for recipe in SHIFTS]


@pytest.fixture
def pair(recipe_runs, tmp_path):
    """Two of the runs, which a test may change."""
    return [shutil.copytree(run, tmp_path / run.name) for run in recipe_runs[:2]]


@pytest.fixture(scope="session")
def joined(recipe_runs):
    """The runs, read as one."""
    return read_joined(recipe_runs)


@pytest.fixture(scope="session")
def joined_report(recipe_runs, tmp_path_factory):
    """Their report, shared by tests that only read it."""
    return build_joined_report(recipe_runs, tmp_path_factory.mktemp("reports") / "joined").folder


@pytest.fixture
def edit():
    """Change JSON values, TOML text and scores of a run in place."""

    class Edit:
        json = staticmethod(edit_json)
        toml = staticmethod(edit_toml)
        scores = staticmethod(add_to_scores)

    return Edit
