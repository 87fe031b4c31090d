"""The competitors: what is benchmarked. Knows nothing of the harness or of the data.

`build("pix2pix", parse_settings("pix2pix", {}), resolution=256, seed=0)` gives a Translator ready to train. Models of
other packages join through the entry-point group "manga_gan_bench.models" (name = "module:TranslatorClass") and are
loaded only when they are named; a name that is built in stays the built-in's, and one that two packages register is
refused. Importing this package does not import torch; naming a model does.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.metadata
import inspect
import re
import reprlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from models.errors import ModelError

if TYPE_CHECKING:
    import pydantic
    import torch

    from models.translator import ModelSettings, Translator

__all__ = [
    "ENTRY_POINT_GROUP",
    "MODEL_NAMES",
    "RESOLUTIONS",
    "ModelError",
    "ModelSettings",
    "OutsideModel",
    "Translator",
    "build",
    "outside_models",
    "parse_settings",
    "ranked_names",
    "translator_type",
]

ENTRY_POINT_GROUP = "manga_gan_bench.models"
RESOLUTIONS = (64, 128, 256, 512, 1024)

_RANKED = {
    "pix2pix": "models.pix2pix:Pix2Pix",
    "pix2pixhd": "models.pix2pixhd:Pix2PixHD",
    "cyclegan": "models.cyclegan:CycleGAN",
}
_VARIANTS = {
    "pix2pixhd-local": "models.variants:Pix2PixHDLocal",
    "pix2pixhd-regions": "models.variants:Pix2PixHDRegions",
    "pix2pixhd-features": "models.pix2pixhd_features:Pix2PixHDFeatures",
}
_FLOORS = {"unet-l1": "models.floors:UNetL1", "copy": "models.floors:Copy"}
_BUILT_IN = _RANKED | _VARIANTS | _FLOORS

MODEL_NAMES = tuple(_BUILT_IN)
"""The models that come with the project, the ranked ones first."""


_NAME = re.compile(r"[a-z0-9]+([-_.][a-z0-9]+)*")
"""What an outside model may be called: its name becomes part of folder names, table rows and dotted settings."""


@dataclass(frozen=True)
class OutsideModel:
    """A model that another package registers, as its metadata tell: the package has not been imported.

    `refusal` says why the model cannot be had, "" where nothing speaks against it so far.
    """

    name: str
    package: str
    target: str
    refusal: str


def outside_models() -> list[OutsideModel]:
    """Return all models that other packages register, by name; one that two packages register is there twice."""
    return [
        OutsideModel(name, _package(point), point.value, _refusal(name, points))
        for name, points in _registered().items()
        for point in points
    ]


def ranked_names() -> tuple[str, ...]:
    """Return the built-in models that `all` stands for; variants are named, reference rows come by themselves."""
    return tuple(_RANKED)


def translator_type(name: str) -> type[Translator]:
    """Return the Translator class called `name`, built in or of an entry point; raises ModelError if there is none."""
    if name in _BUILT_IN:
        module, _, attribute = _BUILT_IN[name].partition(":")
        return _checked(name, getattr(importlib.import_module(module), attribute))
    others = _registered()
    if name not in others:
        known = [*MODEL_NAMES, *sorted(set(others) - set(MODEL_NAMES))]
        raise ModelError(f"unknown model {name!r:.200}{_did_you_mean(name, known)}; there are {', '.join(known)}")
    if refusal := _refusal(name, others[name]):
        raise ModelError(f"model {name!r}: {refusal}")
    return _checked(name, _loaded(others[name][0]))


def parse_settings(name: str, mapping: Mapping[str, Any]) -> ModelSettings:
    """Return the settings of model `name`: `mapping` over the original's defaults; raises ModelError in one line."""
    import pydantic

    settings_type = translator_type(name).settings_type
    if not isinstance(mapping, Mapping):
        raise ModelError(f"settings of {name}: {reprlib.repr(mapping)} is a value, not a section of settings")
    try:
        return settings_type.model_validate(dict(mapping))
    except pydantic.ValidationError as error:
        raise ModelError(_one_line(name, list(settings_type.model_fields), error)) from error


def build(
    name: str,
    settings: ModelSettings,
    resolution: int,
    seed: int,
    device: str | torch.device = "cpu",
    dtype: torch.dtype | None = None,
) -> Translator:
    """Return model `name` for R = `resolution` in training mode, its weights drawn from `seed` alone.

    Weights are drawn on the CPU in torch's default precision and then moved, so they are the same on every device and
    in every `dtype` (None: float32); the global random generators are left as they were. On device "meta" nothing is
    allocated, which is how FLOPs and parameters are counted. Raises ModelError for a wrong name, resolution or
    combination of settings.
    """
    import torch

    translator = translator_type(name)
    if resolution not in RESOLUTIONS:
        raise ModelError(
            f"{name}: resolution {resolution} is not offered; choose one of {', '.join(map(str, RESOLUTIONS))}"
        )
    if not isinstance(settings, translator.settings_type):
        wanted = translator.settings_type.__name__
        raise ModelError(f"{name}: settings are {type(settings).__name__}, not {wanted}; make them with parse_settings")
    target = torch.device(device)
    birthplace = target if target.type == "meta" else torch.device("cpu")
    with torch.random.fork_rng(devices=[]), birthplace:
        # Not torch.manual_seed: it would seed the generators of all GPUs as well.
        torch.default_generator.manual_seed(seed)
        made = translator(settings, resolution, seed=seed, device=target, dtype=dtype or torch.float32)
    if target.type == "cuda":
        # The layout that convolutions of a GPU compute in; others are converted to it and back at every layer.
        for network in made.networks().values():
            network.to(memory_format=torch.channels_last)
    return made


def _registered() -> dict[str, list[importlib.metadata.EntryPoint]]:
    """Return the entry points of other packages by name, read from their metadata alone."""
    points: dict[str, list[importlib.metadata.EntryPoint]] = {}
    for point in sorted(
        importlib.metadata.entry_points(group=ENTRY_POINT_GROUP), key=lambda it: (it.name, _package(it))
    ):
        points.setdefault(point.name, []).append(point)
    return points


def _package(point: importlib.metadata.EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else "a package without metadata"


def _refusal(name: str, points: list[importlib.metadata.EntryPoint]) -> str:
    """Return why the model that `points` register as `name` cannot be had; "" where nothing speaks against it."""
    if name in _BUILT_IN:
        return "the name is a built-in model's, which is the one that is used; its package must register another name"
    if not _NAME.fullmatch(name):
        return "not a model's name: its package must register one of lower-case letters and digits, joined by hyphens"
    if len(points) > 1:
        packages = " and ".join(f"{_package(point)} ({point.value})" for point in points)
        return f"registered by {packages}; uninstall all but one"
    return ""


def _loaded(point: importlib.metadata.EntryPoint) -> object:
    try:
        return point.load()
    except (Exception, SystemExit) as error:  # whatever the other package raises while it is imported
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise ModelError(f"model {point.name!r} ({point.value}) cannot be loaded: {reason}") from error


def _checked(name: str, loaded: object) -> type[Translator]:
    from models.translator import ModelSettings, Translator

    if not (isinstance(loaded, type) and issubclass(loaded, Translator)):
        raise ModelError(f"model {name!r}: {loaded!r} is not a subclass of models.translator.Translator")
    if missing := ", ".join(sorted(loaded.__abstractmethods__)) if inspect.isabstract(loaded) else "":
        raise ModelError(f"model {name!r}: {loaded.__name__} does not define {missing}, which every Translator must")
    kind = getattr(loaded, "settings_type", None)
    for attribute, fits, wanted in (
        ("name", getattr(loaded, "name", None) == name, repr(name)),
        ("pairing", getattr(loaded, "pairing", None) in ("paired", "unpaired"), "'paired' or 'unpaired'"),
        ("settings_type", isinstance(kind, type) and issubclass(kind, ModelSettings), "a subclass of ModelSettings"),
    ):
        if not fits:
            found = getattr(loaded, attribute, None)
            raise ModelError(f"model {name!r}: {loaded.__name__}.{attribute} is {found!r}; it must be {wanted}")
    return loaded


def _one_line(name: str, fields: list[str], error: pydantic.ValidationError) -> str:
    parts = []
    for problem in error.errors():
        key = ".".join(map(str, problem["loc"]))
        if problem["type"] == "extra_forbidden":
            parts.append(f"{key!r} is unknown{_did_you_mean(key, fields)}")
        else:
            given = f"{key} = {reprlib.repr(problem['input'])}: " if key else ""
            parts.append(f"{given}{problem['msg'].removeprefix('Value error, ')}")
    return " ".join(f"settings of {name}: {'; '.join(parts)}".split())


def _did_you_mean(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word.lower(), list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def __getattr__(attribute: str) -> Any:
    # Lazy, so that reports can know the models' names on a machine without torch.
    if attribute in ("ModelSettings", "Translator"):
        return getattr(importlib.import_module("models.translator"), attribute)
    raise AttributeError(f"module 'models' has no attribute {attribute!r}")
