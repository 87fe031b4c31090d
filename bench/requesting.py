"""From what was typed to a validated experiment: preset, options, --set, in this order."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import models
from bench.budget import Budget
from bench.errors import RequestError
from bench.experiment import UNTRAINED_ROWS, WIDE_RESOLUTION, Experiment
from bench.files import read_json, sha256_of
from bench.preset_files import read_preset, set_value

MOST_SEEDS = 1000
"""More in a number of seeds are a slip of the hand."""

MOST_DIGITS = 9
"""Of a number that is typed."""


def build_experiment(
    preset: str | None,
    given: Mapping[str, Any],
    assignments: Sequence[str],
    allow_uncalibrated: bool,
    loads: Sequence[str] = (),
) -> Experiment:
    """Return the experiment that was asked for. `given` maps dotted keys to option values, None where not typed.

    `loads` are `NAME=FILE`, generators trained elsewhere.

    Raises RequestError, or models.ModelError for an unknown model, each one line.
    """
    values = read_preset(preset or default_preset(given.get("data.source")))
    if given.get("recipe") not in (None, values.get("recipe")):
        # A stored experiment has the settings of its own recipe alone.
        values.pop("recipe_settings", None)
    for key, value in given.items():
        if key == "resolution" and value is not None:
            values["resolution"], values["window_aspect"] = parse_resolution(value)
        elif value is not None:
            section, _, last = key.rpartition(".")
            target = values.setdefault(section, {}) if section else values
            if not isinstance(target, dict):
                raise RequestError(f"{section} is a section with values of its own: mend the preset")
            target[last] = _parsed(key, value)
    for assignment in assignments:
        set_value(values, assignment)
    if loads:
        values["loaded"] = [_loaded(text, values.get("model_settings", {})) for text in loads]
    if not values.get("models"):
        values["seeds"] = [0]
        # Nothing competes, so nothing is trained beside it either.
        references = values.get("references", ())
        if isinstance(references, list | tuple):
            values["references"] = [name for name in references if name in UNTRAINED_ROWS]
    if allow_uncalibrated:
        values["require_calibrated"] = False
    # Before the models are looked at, which takes the seconds of importing torch.
    Budget.parse(str(values.get("budget", "")))
    return Experiment.parse(values, f"preset {values.get('preset', preset)!r}")


def default_preset(source: str | None) -> str:
    """Return the preset that fits the data: `paper` for the Hub, `demo` for synthetic, `small` for a folder."""
    if source is None or source.startswith("hf:"):
        return "paper"
    return "demo" if source == "synthetic" else "small"


def default_cache() -> Path:
    """Return the folder of decoded pages: $MANGA_GAN_BENCH_CACHE, else manga-gan-bench in the user's cache folder."""
    if folder := os.environ.get("MANGA_GAN_BENCH_CACHE"):
        return Path(folder)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "manga-gan-bench"


def _parsed(key: str, value: Any) -> Any:
    if key == "models":
        return _model_names(value)
    if key == "seeds":
        return _seeds(value)
    return value


def _model_names(text: str) -> list[str]:
    if text.strip() == "all":
        return list(models.ranked_names())
    if text.strip() == "none":
        return []
    names = [name.strip() for name in text.split(",") if name.strip()]
    if "none" in names:
        raise RequestError(f"--models {text!r}: `none` stands alone")
    for name in names:
        models.translator_type(name)
    if not names:
        raise RequestError(
            f"--models {text!r} names no model: choose from {', '.join(models.ranked_names())}, or `all`, or `none` beside --load"
        )
    return names


def parse_resolution(text: str) -> tuple[int, int]:
    """Return height in px and aspect of "256", "1024x1024" or "2048x1024" (width x height); raises RequestError."""
    width, separator, height = text.lower().partition("x")
    if not _is_size(width) or (separator and not _is_size(height)) or int(height or width) < 1:
        raise RequestError(f"--resolution {text!r:.80}: give a size such as 256, or 2048x1024")
    high = int(height or width)
    aspect, rest = divmod(int(width), high)
    if rest or aspect not in (1, 2) or (aspect == 2 and high != WIDE_RESOLUTION):
        raise RequestError(f"--resolution {text!r}: windows are square, or 2048x1024")
    return high, aspect


def _is_size(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS


def _seeds(text: str) -> list[int]:
    try:
        numbers = [int(part) for part in text.split(",") if part.strip()]
    except ValueError:
        numbers = []
    listed = "," in text
    if not listed and numbers and numbers[0] > MOST_SEEDS:
        raise RequestError(
            f"--seeds {text!r:.80}: more than {MOST_SEEDS:,} seeds; give a number of seeds, or the seeds by comma"
        )
    if not numbers or min(numbers) < 0 or (numbers == [0] and not listed):
        raise RequestError(f"--seeds {text!r:.80}: give a number of seeds such as 3, or the seeds by comma such as 3,7")
    return numbers if listed else list(range(numbers[0]))


def named_folders(texts: Sequence[str]) -> dict[str, Path]:
    """Return the folders of `[NAME=]FOLDER` by name, which is the folder's own where none is given; raises RequestError."""
    folders: dict[str, Path] = {}
    for text in texts:
        name, separator, path = text.partition("=")
        folder = Path(path if separator else text).expanduser()
        name = name if separator else folder.resolve().name
        if name in folders:
            raise RequestError(f"--pred names {name!r} twice: give each folder a name of its own, as NAME=FOLDER")
        folders[name] = folder
    return folders


def _loaded(text: str, model_settings: object) -> dict[str, Any]:
    """Return the entry of one `NAME=FILE`; what the weights do not show comes from the card beside them or the preset."""
    name, separator, file = text.partition("=")
    if not separator or not name.strip() or not file.strip():
        raise RequestError(f"--load {text!r}: write it as NAME=FILE, such as pix2pix=latest_net_G.pth")
    models.translator_type(name.strip())
    path = Path(file.strip()).expanduser()
    if not path.is_file():
        raise RequestError(
            f"--load {text}: no file {path}; name a generator's .pth or .safetensors (a run that has loaded it already "
            "goes on with --preset RUN/experiment.toml --out RUN)"
        )
    sha256 = sha256_of(path)
    card = path.with_name("generator.json")
    known = _settings_of_card(card, sha256) if path.suffix == ".safetensors" and card.is_file() else None
    if known is not None:
        # A setting at None is left out, as in a preset: TOML has no null.
        settings = {key: value for key, value in known.items() if value is not None}
    else:
        trained = _section(model_settings).get(name.strip())
        settings = {key: value for key, value in _section(trained).items() if key.startswith("inference_")}
    return {"model": name.strip(), "file": str(path), "sha256": sha256, "settings": settings}


def _settings_of_card(card: Path, sha256: str) -> dict[str, Any] | None:
    """Return the settings that the card holds, None where it is that of other weights."""
    known = _section(read_json(card))
    if known.get("sha256") != sha256:
        return None
    if not isinstance(known.get("settings"), dict):
        raise RequestError(f"{card}: has no settings; take the card of the weights beside it, or move it away")
    settings: dict[str, Any] = known["settings"]
    return settings


def _section(value: object) -> dict[str, Any]:
    """Return `value` where it is a section, an empty one where it is anything else: what is wrong is said where it is read."""
    return value if isinstance(value, dict) else {}
