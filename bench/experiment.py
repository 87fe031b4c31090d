"""What was asked for: the Experiment with its cells, read from a preset, validated, frozen, with a digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import pydantic
import tomli_w

import data
import models
from bench.budget import Budget
from bench.errors import RequestError
from bench.preset_files import read_toml
from data.printing import one_line

UNTRAINED_ROWS = ("copy", "mean-chroma", "oracle")
"""Reference rows that need no training and no seed."""

REFERENCE_ROWS = ("unet-l1", *UNTRAINED_ROWS)

RESOLUTIONS = (64, 128, 256, 512, 1024)
"""Sizes that every model can take (design, section 2, geometry)."""

LONGEST_NAME = 200
"""Letters of a preset's name or path."""

LARGEST_SEED = 2**32 - 1
"""NumPy's generator takes no larger one."""

WIDE_RESOLUTION = 1024
"""The height of the one size that is not square: windows of 2048x1024, as Pix2PixHD was made for."""


class _Section(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")


class DataSettings(_Section):
    """Where the pairs come from and how they are split; the numbers of `synthetic_*` concern the drawn manga alone.

    `layout` and `bw_side` say how the source is laid out where looking at it is not to decide. `split_file` takes the split
    of another run; where it is empty, `own_split` says whether a split that the source brings along (folders trainA and
    testA, a manifest's column) is used, and `split_seed` draws what is not given.
    """

    source: str
    layout: str = "auto"
    bw_side: Literal["auto", "A", "B"] = "auto"
    bw_column: str
    color_column: str
    synthetic_pages: pydantic.PositiveInt
    synthetic_size: pydantic.PositiveInt
    synthetic_series: pydantic.PositiveInt
    group_by: Literal["chapter", "series"]
    test_share: float = pydantic.Field(gt=0, lt=1)
    validation_share: float = pydantic.Field(gt=0, lt=1)
    split_seed: pydantic.NonNegativeInt
    split_file: str
    own_split: Literal["use", "ignore"] = "use"


class TrainingSettings(_Section):
    """How every model of the experiment is trained and watched: the same for all, so that what differs is the model.

    `unpaired` is what models that need no pairs are given: "shuffled", the same pages as the others, B/W and colour never
    partners; "disjoint", an ablation, B/W of one half of the groups and colours of the other. A loss that is larger than
    `loss_limit`, or no number, ends a cell as diverged. `compile`: "auto", a GPU gets compiled networks where that works, before
    the training clock begins; "off".
    """

    batch_size: pydantic.PositiveInt
    loss_limit: pydantic.PositiveFloat
    unpaired: Literal["shuffled", "disjoint"] = "shuffled"
    constant_lr_share: float = pydantic.Field(ge=0, lt=1)
    compile: Literal["auto", "off"] = "off"
    checkpoint_seconds: pydantic.PositiveFloat
    curve_points: pydantic.PositiveInt
    validation_snapshots: pydantic.PositiveInt
    validation_windows: pydantic.PositiveInt


class MetricSettings(_Section):
    """Which scores a run has besides those that every run has.

    `dinov2`: distances of sets on the features of DINOv2, "off", "auto" (where package and weights are there) or "require".
    """

    dinov2: Literal["off", "auto", "require"] = "off"


class CalibrationSettings(_Section):
    """How seconds per step are measured before a time budget is locked into steps."""

    warmup_steps: pydantic.PositiveInt
    measured_seconds: pydantic.PositiveFloat
    least_measured_steps: pydantic.PositiveInt


class LoadedModel(_Section):
    """A generator that somebody trained elsewhere: benchmarked as it is, with no training. The digest says which it is."""

    model: str
    file: str
    sha256: str = pydantic.Field(pattern=r"^[0-9a-f]{64}$")
    settings: dict[str, Any] = {}
    """What the weights do not show, such as the batch-norm statistics when colouring."""

    @property
    def row(self) -> str:
        """The name of its cell and row, such as `pix2pix-loaded-1a2b3c4d`."""
        return f"{self.model}-loaded-{self.sha256[:8]}"


class Cell(_Section):
    """One (model, seed) of an experiment: the unit of scheduling, resuming and failing. Untrained rows have no seed."""

    model: str
    seed: int | None = None

    @property
    def name(self) -> str:
        """The folder name of the cell, such as `pix2pix-seed0` or `copy`."""
        return self.model if self.seed is None else f"{self.model}-seed{self.seed}"


class Experiment(_Section):
    """Everything that a result depends on, but for the machine. Round-trips through TOML and has a digest.

    A preset has a section `recipes` with the numbers of every recipe; an experiment keeps those of its own, in
    `recipe_settings`.
    """

    preset: str
    models: tuple[str, ...]
    references: tuple[str, ...]
    seeds: tuple[pydantic.NonNegativeInt, ...] = pydantic.Field(min_length=1)
    budget: str
    resolution: int
    window_aspect: Literal[1, 2] = 1
    recipe: Literal["original", "gray", "lines", "screentone"]
    precision: Literal["fp32", "bf16"]
    require_calibrated: bool
    data: DataSettings
    training: TrainingSettings
    calibration: CalibrationSettings
    metrics: MetricSettings = MetricSettings()
    model_settings: dict[str, dict[str, Any]] = {}
    recipe_settings: dict[str, Any] = {}
    loaded: tuple[LoadedModel, ...] = ()

    @pydantic.model_validator(mode="before")
    @classmethod
    def _spell_out(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Fill in every default of the models and the recipe, so that the stored experiment hides no number."""
        values = dict(values)
        given = values.get("model_settings", {})
        lists = [values.get("models", []), values.get("references", [])]
        if not isinstance(given, dict) or not all(isinstance(names, list | tuple) for names in lists):
            raise RequestError(
                "models and references are lists of names, model_settings is a section: mend the preset or --set"
            )
        for name in given:
            models.translator_type(name)
        names = [str(name) for names in lists for name in names]
        trained = [name for name in names if name not in UNTRAINED_ROWS]
        values["model_settings"] = {
            name: models.parse_settings(name, given.get(name, {})).model_dump(mode="json") for name in trained
        }
        recipes = values.pop("recipes", {})
        if "recipe" in values:
            given_settings = _of_recipe(recipes, values["recipe"], values.get("recipe_settings", {}))
            settings = data.recipe_settings(values["recipe"], given_settings)
            values["recipe_settings"] = settings.model_dump(mode="json")
        return values

    @pydantic.model_validator(mode="after")
    def _check(self) -> Experiment:
        Budget.parse(self.budget)
        if self.resolution not in RESOLUTIONS:
            sizes = ", ".join(map(str, RESOLUTIONS))
            raise RequestError(
                f"--resolution {self.resolution} does not fit every model: choose one of {sizes}, or 2048x1024"
            )
        if self.window_aspect != 1 and self.resolution != WIDE_RESOLUTION:
            raise RequestError("window_aspect 2 goes with a resolution of 1024 alone: --resolution 2048x1024")
        for name in self.models:
            if name in REFERENCE_ROWS:
                raise RequestError(f"models: {name} is a reference row and comes by itself; name GANs, or `all`")
        for name in self.references:
            if name not in REFERENCE_ROWS:
                raise RequestError(f"unknown reference row {name!r}: choose from {', '.join(REFERENCE_ROWS)}")
        if not self.models and not self.loaded:
            raise RequestError("models: nothing to benchmark: name a model, or load one with --load NAME=FILE")
        if max(self.seeds) > LARGEST_SEED:
            raise RequestError(f"--seeds {max(self.seeds):.3g}: the largest seed is {LARGEST_SEED:,}")
        if not self.preset.isprintable() or len(self.preset) > LONGEST_NAME:
            raise RequestError(f"preset: {self.preset!r:.80} is no name: folders and tables are called after it")
        loaded = tuple(model.row for model in self.loaded)
        lists = {"models": self.models, "seeds": self.seeds, "references": self.references, "load": loaded}
        for what, values in lists.items():
            if len(set(values)) != len(values):
                raise RequestError(f"--{what} names something twice: {', '.join(map(str, values))}")
        return self

    @property
    def window(self) -> tuple[int, int]:
        """Height and width in px of what networks train on and are tested on."""
        return self.resolution, self.window_aspect * self.resolution

    @property
    def trained_models(self) -> tuple[str, ...]:
        """The models that are trained, each with an equal share of the budget: the competitors, then reference models."""
        return self.models + tuple(name for name in self.references if name not in UNTRAINED_ROWS)

    @property
    def trained_cells(self) -> tuple[Cell, ...]:
        """All cells that are trained; seed by seed, so that a run cut short has every model."""
        return tuple(Cell(model=model, seed=seed) for seed in self.seeds for model in self.trained_models)

    @property
    def cells(self) -> tuple[Cell, ...]:
        """All cells: the trained ones, the untrained reference rows, the loaded ones."""
        untrained = tuple(Cell(model=name) for name in self.references if name in UNTRAINED_ROWS)
        return self.trained_cells + untrained + self.loaded_cells

    @property
    def loaded_cells(self) -> tuple[Cell, ...]:
        """The cells of loaded generators, which have no seed."""
        return tuple(Cell(model=model.row) for model in self.loaded)

    @property
    def colouring_cells(self) -> tuple[Cell, ...]:
        """The cells whose outputs a network gives."""
        return self.trained_cells + self.loaded_cells

    def digest(self) -> str:
        """Return the sha256 (hexadecimal) of the experiment's canonical JSON."""
        canonical = json.dumps(self._identity(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    def conditions_digest(self) -> str:
        """Return the same of everything but the names of the data: where they are asked for, and the file that splits them."""
        values = self._identity()
        for name in ("source", "split_file"):
            values["data"].pop(name)
        return hashlib.sha256(json.dumps(values, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    def _values(self) -> dict[str, Any]:
        """Return the values without where loaded files lay: their digests say what they are."""
        return self.model_dump(mode="json", exclude={"loaded": {"__all__": {"file"}}})

    def _identity(self) -> dict[str, Any]:
        """Return the values that make up the digest.

        Further scores change no training and no other score: an experiment without them keeps the digest that it had before
        they could be asked for. So does one whose networks are not compiled.
        """
        values = self._values()
        if self.metrics == MetricSettings():
            values.pop("metrics")
        if self.training.compile == "off":
            values["training"].pop("compile")
        return values

    def to_toml(self) -> str:
        """Return the experiment as TOML text, every number spelled out."""
        return tomli_w.dumps(_without_none(self.model_dump(mode="json")))

    @classmethod
    def parse(cls, values: Mapping[str, Any], where: str) -> Experiment:
        """Return the validated experiment; raises RequestError naming `where` and the first wrong key."""
        try:
            return cls.model_validate(dict(values))
        except pydantic.ValidationError as error:
            first = error.errors()[0]
            key = ".".join(map(str, first["loc"])) or "the experiment"
            raise RequestError(
                one_line(f"{where}: {key}: {first['msg'].lower()} (given: {first['input']!r:.80})")
            ) from None
        except models.ModelError as error:
            raise RequestError(f"{where}: {error}") from None

    @classmethod
    def load(cls, path: Path) -> Experiment:
        """Return the experiment stored at `path`; raises RequestError where it is missing or not valid."""
        try:
            return cls.parse(read_toml(path), str(path))
        except RequestError as error:
            raise RequestError(
                f"{error}; if another version wrote it, `bench report` still reads its run, and a new run goes into "
                "another --out"
            ) from None

    def differences(self, other: Experiment) -> list[str]:
        """Return one `key: ours -> theirs` entry for every value that differs."""
        ours, theirs = (_flatten(experiment._values()) for experiment in (self, other))
        return [
            f"{key}: {ours.get(key)} -> {theirs.get(key)}"
            for key in sorted(ours.keys() | theirs.keys())
            if ours.get(key) != theirs.get(key)
        ]


def _of_recipe(recipes: object, recipe: object, given: object) -> dict[str, Any]:
    """Return the settings of the recipe: those that a preset spells out for all recipes, with the given ones in place."""
    if not isinstance(recipes, dict) or not all(isinstance(settings, dict) for settings in recipes.values()):
        raise RequestError("recipes is a section with a section for each recipe: mend the preset or --set")
    if unknown := set(recipes) - set(data.RECIPES):
        raise RequestError(f"recipes: unknown recipe {min(unknown)!r}; choose from {', '.join(data.RECIPES)}")
    if not isinstance(given, dict):
        raise RequestError("recipe_settings is a section: mend the preset or --set")
    return dict(recipes.get(str(recipe), {})) | given


def _flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= _flatten(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def _without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    """TOML has no null: a setting at None is left out and comes back as its default, which is None."""
    return {
        key: _without_none(value) if isinstance(value, Mapping) else value
        for key, value in values.items()
        if value is not None
    }
