"""In what joined runs differ: recipe, budget, machine and so on, as short values that name their blocks and columns."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.reporting import sentences
from bench.reporting.naming import counted, listed, short_digest
from bench.reporting.reading import Run

SEPARATOR = " · "
"""Stands between the parts of a label, which may hold commas themselves."""

FEW_SETTINGS = 2
"""Up to as many settings that differ are spelled out in a label; a digest stands for more, and the methods text lists them."""

_DIGITS = 6
"""Of that digest: enough to tell a handful of runs apart."""

_OTHERWISE_COMPARED = {
    "preset", "models", "references", "seeds", "budget", "resolution", "window_aspect", "recipe", "precision",
}  # fmt: skip
"""Keys of an experiment that have an axis of their own, or are among what must be equal."""

_WITHOUT_EFFECT = {
    "require_calibrated", "training.checkpoint_seconds", "training.curve_points", "training.validation_snapshots",
    "training.validation_windows",
}  # fmt: skip
"""Keys that say how a run is watched; no score depends on them."""

_OWN_COMPARISON = ("data.", "calibration.", "loaded", "recipe_settings.")
"""Sections compared by their result (split, windows and truth; the plan), by the names of rows, or with the recipe."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One thing in which runs differ, with its value in each run. Only values `in_label` are short enough to name a run by."""

    name: str
    values: tuple[str, ...]
    in_label: bool = True

    @property
    def distinct(self) -> tuple[str, ...]:
        """The values, each once, in the order of the runs; "none" for an empty one."""
        return tuple(dict.fromkeys(value or "none" for value in self.values))


def differing(runs: Sequence[Run]) -> tuple[Axis, ...]:
    """Return everything that is recorded and differs between `runs`; what a report names first stands first."""
    axes = [
        Axis("recipe", _recipes(runs)),
        Axis("budget", _budgets(runs)),
        Axis("steps", _steps(runs), in_label=False),
        Axis("precision", tuple(str(run.plan.get("precision", "unknown")) for run in runs)),
        Axis("machine", tuple(machine(run) for run in runs)),
        Axis("seeds", tuple(f"seeds {listed([str(seed) for seed in run.seeds])}" for run in runs)),
        Axis("settings", _settings(runs)),
        Axis("models", tuple(listed([run.shown(model) for model in run.ranked]) or "none" for run in runs), in_label=False),
        Axis("software", _software(runs), in_label=False),
    ]  # fmt: skip
    found = [axis for axis in axes if len(set(axis.values)) > 1]
    names = {axis.name for axis in found}
    # Another budget buys other steps: only where the budget is the same are they news.
    return tuple(axis for axis in found if axis.name != "steps" or "budget" not in names)


def labels(axes: Sequence[Axis], names: Sequence[str]) -> tuple[str, ...]:
    """Return what each run is called: the values that set it apart, and its name where those do not."""
    told = [SEPARATOR.join(axis.values[i] for axis in axes if axis.in_label) for i in range(len(names))]
    often = Counter(told)
    return tuple(
        label if label and often[label] == 1 else SEPARATOR.join(filter(None, (label, name)))
        for label, name in zip(told, names, strict=True)
    )


_COMPILES = "training.compile"
"""Has an effect on a GPU alone, and was "off" before it could be asked for."""


def differing_settings(runs: Sequence[Run]) -> list[tuple[str, list[str]]]:
    """Return (key, value in each run) of every setting of training and of models that differs; "—" where a run has none.

    A key that only some runs have is not known to differ: those without it lack the model, or were made by an older version.
    """
    flat = [_compared(run) for run in runs]
    if any(str(run.plan.get("device", "")).startswith("cuda") for run in runs):
        flat = [{_COMPILES: "off"} | each for each in flat]
    else:
        flat = [{key: value for key, value in each.items() if key != _COMPILES} for each in flat]
    keys = sorted({key for settings in flat for key in settings})
    values = [(key, [_plain(each[key]) if key in each else "—" for each in flat]) for key in keys]
    return [(key, texts) for key, texts in values if len(set(texts) - {"—"}) > 1]


def machine(run: Run) -> str:
    """Return the device that trained, in a few words."""
    hardware = run.provenance.get("hardware") or {}
    if str(run.plan.get("device", "")).startswith("cuda") and hardware.get("gpu"):
        return str(hardware["gpu"])
    cores, threads = hardware.get("cores"), run.provenance.get("threads")
    counts = [counted(int(n), noun) for n, noun in ((cores, "core"), (threads, "thread")) if n]
    return (
        f"{hardware.get('cpu') or 'unknown'} ({', '.join(counts)})" if counts else str(hardware.get("cpu") or "unknown")
    )


def _recipes(runs: Sequence[Run]) -> tuple[str, ...]:
    """Return the recipes; settings follow where runs use the same recipe with different ones."""
    names = [str(run.experiment["recipe"]) for run in runs]
    own = [run.experiment.get("recipe_settings") or {} for run in runs]
    values = []
    for name, settings in zip(names, own, strict=True):
        alike = [other for other, theirs in zip(own, names, strict=True) if theirs == name]
        keys = [
            key for key in sorted(settings) if any(other.get(key, settings[key]) != settings[key] for other in alike)
        ]
        values.append(f"{name} ({_spelled(keys, settings)})" if keys else name)
    return tuple(values)


def _budgets(runs: Sequence[Run]) -> tuple[str, ...]:
    """Return the budgets; what a cell gets of it follows where equal budgets are shared by different numbers of cells."""
    texts = [str(run.plan["budget"]) if run.plan["trained_cells"] else "nothing trained" for run in runs]
    shares = [sentences.share_of_budget(run) if run.plan["trained_cells"] else "" for run in runs]
    if len(set(zip(texts, shares, strict=True))) == len(set(texts)):
        return tuple(texts)
    return tuple(f"{text} ({share} a cell)" if share else text for text, share in zip(texts, shares, strict=True))


def _steps(runs: Sequence[Run]) -> tuple[str, ...]:
    """Return how many steps the models that all runs trained got."""
    trained = [model for model in runs[0].rows if all(run.planned(model).get("trained") for run in runs)]
    return tuple(
        ", ".join(f"{run.shown(model)} {int(run.planned(model).get('steps', 0)):,}" for model in trained)
        for run in runs
    )


def _settings(runs: Sequence[Run]) -> tuple[str, ...]:
    found = differing_settings(runs)
    per_run = [{key: texts[i] for key, texts in found if texts[i] != "—"} for i in range(len(runs))]
    return tuple(_spelled(sorted(settings), settings) if settings else "" for settings in per_run)


def _compared(run: Run) -> dict[str, Any]:
    """Return the settings that a score may depend on and that nothing else here compares, with their sections' names."""
    return {
        key: value
        for key, value in _flat(run.experiment).items()
        if key not in _OTHERWISE_COMPARED | _WITHOUT_EFFECT and not key.startswith(_OWN_COMPARISON)
    }


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return flat


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _spelled(keys: Sequence[str], settings: Mapping[str, Any]) -> str:
    """Return a few settings as "ngf 16, n_blocks 6", a digest for more of them."""
    if len(keys) <= FEW_SETTINGS:
        return ", ".join(
            f"{key.removeprefix('training.').removeprefix('model_settings.')} {settings[key]}" for key in keys
        )
    text = json.dumps({key: settings[key] for key in keys}, sort_keys=True, default=str)
    return f"settings {hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]}"


def _software(runs: Sequence[Run]) -> tuple[str, ...]:
    """Return the commits, and the versions of the packages that are not the same everywhere."""
    versions = [run.provenance.get("versions") or {} for run in runs]
    names = sorted({name for each in versions for name in each})
    moved = [name for name in names if len({each.get(name) for each in versions}) > 1]
    return tuple(
        ", ".join([_commit(run), *(f"{name} {each.get(name) or 'unknown'}" for name in moved)])
        for run, each in zip(runs, versions, strict=True)
    )


def _commit(run: Run) -> str:
    changed = " with uncommitted changes" if run.provenance.get("dirty") else ""
    return f"commit {short_digest(run.provenance.get('commit'))}{changed}"
