"""Presets and other TOML files: read, listed, and changed by `--set key=value`."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

from bench.errors import RequestError
from data.printing import reason

MAX_TOML_BYTES = 2**20
"""Larger files are refused: an experiment has some kilobytes."""


def read_toml(path: Path) -> dict[str, Any]:
    """Return the TOML file at `path` as a dictionary; raises RequestError where it cannot be read."""
    try:
        if path.stat().st_size > MAX_TOML_BYTES:
            raise RequestError(f"{path}: larger than {MAX_TOML_BYTES:,} bytes, so it is no preset or experiment")
        return tomllib.loads(path.read_text(encoding="utf-8"))
    # ValueError: no UTF-8, no TOML, or a number of thousands of digits; RecursionError: brackets without end.
    except (OSError, ValueError, RecursionError) as error:
        raise RequestError(f"{path}: cannot be read as TOML: {reason(error)}") from None


def preset_names() -> list[str]:
    """Return the names of the presets that come with the project."""
    folder = resources.files("bench") / "presets"
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def read_preset(name: str) -> dict[str, Any]:
    """Return the values of the preset `name`, or of the TOML file of that path; raises RequestError for neither."""
    if name in preset_names():
        return tomllib.loads((resources.files("bench") / "presets" / f"{name}.toml").read_text(encoding="utf-8"))
    if name.endswith(".toml"):
        return read_toml(Path(name))
    raise RequestError(f"--preset {name!r} is unknown: choose from {', '.join(preset_names())}, or give a .toml file")


def set_value(values: dict[str, Any], assignment: str) -> None:
    """Set one `section.key=value` (the value as TOML, bare words as text) in `values`; raises RequestError."""
    key, separator, text = assignment.partition("=")
    if not separator or not key.strip():
        raise RequestError(f"--set {assignment!r:.200}: write it as section.key=value, such as training.batch_size=4")
    if not assignment.isprintable():
        raise RequestError(f"--set {assignment!r:.200}: holds control characters; take them out")
    value = _parsed(text, assignment)
    *sections, last = key.strip().split(".")
    target = values
    for section in sections:
        target = target.setdefault(section, {})
        if not isinstance(target, dict):
            raise RequestError(f"--set {assignment!r:.200}: {section!r:.200} is a value, not a section")
    target[last] = value


def _parsed(text: str, assignment: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text.strip()
    except (ValueError, RecursionError) as error:
        raise RequestError(f"--set {assignment!r:.200}: not a value: {reason(error)}") from None
