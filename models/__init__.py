"""The competitors: what is benchmarked. Knows nothing of the harness or of the data.

`build("pix2pix", parse_settings("pix2pix", {}), resolution=256, seed=0)` gives a Translator ready to train. Models of
other packages join through the entry-point group "manga_gan_bench.models" (name = "module:TranslatorClass") and are
loaded only when they are named. Importing this package does not import torch; naming a model does.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.metadata
import reprlib
from collections.abc import Iterable, Mapping
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
    "Translator",
    "build",
    "parse_settings",
    "ranked_names",
    "translator_type",
]

ENTRY_POINT_GROUP = "manga_gan_bench.models"
RESOLUTIONS = (64, 128, 256, 512)

_RANKED = {
    "pix2pix": "models.pix2pix:Pix2Pix",
    "pix2pixhd": "models.pix2pixhd:Pix2PixHD",
    "cyclegan": "models.cyclegan:CycleGAN",
}
_FLOORS = {"unet-l1": "models.floors:UNetL1", "copy": "models.floors:Copy"}
_BUILT_IN = _RANKED | _FLOORS

MODEL_NAMES = tuple(_BUILT_IN)
"""The models that come with the project, the ranked ones first."""


def ranked_names() -> tuple[str, ...]:
    """Return the built-in models that compete; the others are reference rows, shown but never ranked."""
    return tuple(_RANKED)


def translator_type(name: str) -> type[Translator]:
    """Return the Translator class called `name`, built in or of an entry point; raises ModelError if there is none."""
    if name in _BUILT_IN:
        module, _, attribute = _BUILT_IN[name].partition(":")
        return _checked(name, getattr(importlib.import_module(module), attribute))
    others = {point.name: point for point in importlib.metadata.entry_points(group=ENTRY_POINT_GROUP)}
    if name not in others:
        known = [*MODEL_NAMES, *sorted(others)]
        raise ModelError(f"unknown model {name!r}{_did_you_mean(name, known)}; there are {', '.join(known)}")
    try:
        loaded = others[name].load()
    except Exception as error:  # whatever the other package raises while it is imported
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise ModelError(f"model {name!r} ({others[name].value}) cannot be loaded: {reason}") from error
    return _checked(name, loaded)


def parse_settings(name: str, mapping: Mapping[str, Any]) -> ModelSettings:
    """Return the settings of model `name`: `mapping` over the original's defaults; raises ModelError in one line."""
    import pydantic

    settings_type = translator_type(name).settings_type
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
        return translator(settings, resolution, seed=seed, device=target, dtype=dtype or torch.float32)


def _checked(name: str, loaded: object) -> type[Translator]:
    from models.translator import Translator

    if not (isinstance(loaded, type) and issubclass(loaded, Translator)):
        raise ModelError(f"model {name!r}: {loaded!r} is not a subclass of models.translator.Translator")
    return loaded


def _one_line(name: str, fields: list[str], error: pydantic.ValidationError) -> str:
    parts = []
    for problem in error.errors():
        key = ".".join(map(str, problem["loc"]))
        if problem["type"] == "extra_forbidden":
            parts.append(f"{key!r} is unknown{_did_you_mean(key, fields)}")
        else:
            parts.append(f"{key} = {reprlib.repr(problem['input'])}: {problem['msg']}")
    return " ".join(f"settings of {name}: {'; '.join(parts)}".split())


def _did_you_mean(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word.lower(), list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def __getattr__(attribute: str) -> Any:
    # Lazy, so that reports can know the models' names on a machine without torch.
    if attribute in ("ModelSettings", "Translator"):
        return getattr(importlib.import_module("models.translator"), attribute)
    raise AttributeError(f"module 'models' has no attribute {attribute!r}")
