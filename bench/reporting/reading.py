"""Reads the files of a run for a report. What is broken in one cell makes a hole; what the whole run needs is required."""

from __future__ import annotations

import dataclasses
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from pandas.api.types import is_bool_dtype, is_complex_dtype, is_numeric_dtype

from bench import stored_values
from bench.errors import RequestError
from bench.files import read_json
from bench.links import refuse_links_out
from bench.metrics.registry import METRICS
from bench.preset_files import read_toml
from bench.reporting.stored_schema import (
    StoredCellScore,
    StoredCost,
    StoredExperiment,
    StoredInference,
    StoredPlan,
    StoredProvenance,
    StoredSetScore,
    StoredSplit,
    checked,
)
from bench.runfolder import FORMAT, CellFolder, RunFolder
from bench.status import CellStatus
from data.printing import printable, reason

_log = logging.getLogger("bench")

REFERENCE_ORDER = ("oracle", "copy", "mean-chroma", "unet-l1")
"""Order of the reference rows under the rule; others, such as loaded models, follow."""

IMAGE_COLUMNS = ("window", "page", "group", "series", "chapter")
"""Columns of images.parquet that say what was scored; every other column is a metric."""

SHUFFLED = "-pages-shuffled"
"""What follows a model's name in the row of its outputs held against other pages: what chance gives."""

_CURVE_COLUMNS = {"step", "seconds", "images", "flops", "kind", "name", "value"}
_SET_KEYS = {"metric", "value", "metric_id", "jackknife", "jackknife_sizes", "jackknife_unit"}
_SEEDED = re.compile(r"^(?P<model>.+)-seed(?P<seed>[0-9]{1,18})$", re.DOTALL)
_FILE_NAME = re.compile(r"[^/\\]{1,240}")
"""What a window may be called, so that its picture lies in the folder of pictures."""

LARGEST = 1e30
"""Numbers beyond are no scores: sums of their squares would be infinite."""

_SCORED_STATES = ("done", "truncated")


@dataclass(frozen=True, slots=True)
class ColouringSpeed:
    """Medians: seconds to colour one window alone in float32, windows a second in batches, and both in bfloat16."""

    seconds_per_window: float
    windows_per_second: float | None = None
    windows_per_second_bf16: float | None = None
    seconds_per_window_bf16: float | None = None


@dataclass(frozen=True, slots=True)
class CellResult:
    """One cell as a report sees it. `hole` says in a few words why it has no scores, and is None where it has."""

    name: str
    model: str
    seed: int | None
    status: CellStatus
    images: pd.DataFrame | None
    sets: tuple[dict[str, Any], ...]
    curve: pd.DataFrame | None
    predictions: Path
    hole: str | None
    speed: ColouringSpeed | None = None
    """How fast it colours, where that was measured."""

    @property
    def scored(self) -> bool:
        """Whether the cell has scores."""
        return self.hole is None


@dataclass(frozen=True, slots=True)
class Run:
    """Everything that a report is made of, read once."""

    folder: RunFolder
    experiment: dict[str, Any]
    provenance: dict[str, Any]
    split: dict[str, Any]
    plan: dict[str, Any]
    cells: tuple[CellResult, ...]
    ranked: tuple[str, ...]
    references: tuple[str, ...]
    windows: pd.DataFrame
    halves: tuple[dict[str, Any], ...] = ()
    """Set scores of one half of the truth against the other; empty in runs that have none."""

    @property
    def name(self) -> str:
        """The run folder's name, as it can be printed."""
        return printable(self.folder.path.name)

    @property
    def rows(self) -> tuple[str, ...]:
        """All models in the order of the tables: ranked ones, then reference rows."""
        return self.ranked + self.references

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds that were asked for."""
        return tuple(self.experiment["seeds"])

    @property
    def pages(self) -> int:
        """Number of held-out pages, the statistical units."""
        return int(self.windows["page"].nunique())

    def planned(self, model: str) -> dict[str, Any]:
        """Return the plan of `model`, empty for a model that the plan does not know."""
        found: dict[str, Any] = self.plan["models"].get(model, {})
        return found

    def shown(self, model: str) -> str:
        """Return the name that tables and figures show for `model`."""
        if model.endswith(SHUFFLED):
            return f"{self.shown(model.removesuffix(SHUFFLED))}, pages shuffled"
        return str(self.planned(model).get("shown_name") or model)

    def cells_of(self, model: str) -> tuple[CellResult, ...]:
        """Return the cells of `model` in the order of their seeds."""
        return tuple(cell for cell in self.cells if cell.model == model)

    def scored_cells(self, model: str) -> tuple[CellResult, ...]:
        """Return the cells of `model` that have scores."""
        return tuple(cell for cell in self.cells_of(model) if cell.scored)


def read_run(path: Path) -> Run:
    """Return the run at `path`; raises RequestError where it is no run, is broken, or has nothing scored yet."""
    folder = RunFolder(path)
    if not folder.experiment.is_file():
        raise RequestError(f"{path}: no run here (no experiment.toml): name the folder that `bench run --out` wrote")
    refuse_links_out(path)
    experiment = _read_experiment(folder.experiment)
    provenance, split, plan = (_read_object(file, path) for file in (folder.provenance, folder.split, folder.plan))
    if plan.get("format") != FORMAT or not isinstance(plan.get("models"), dict):
        raise RequestError(f"{folder.plan}: not a plan of run format {FORMAT}; run the same `bench run` again")
    provenance = checked(StoredProvenance, provenance, folder.provenance)
    split, plan = checked(StoredSplit, split, folder.split), checked(StoredPlan, plan, folder.plan)
    cells = _read_cells(folder, experiment, plan)
    scored = [cell.images for cell in cells if cell.images is not None]
    if not scored:
        states = ", ".join(f"{cell.name} {cell.hole}" for cell in cells[:3]) or "no cells"
        raise RequestError(f"{path}: nothing to report, no cell has scores yet ({states:.200}); let `bench run` finish")
    windows = max(scored, key=len)[[*IMAGE_COLUMNS]]
    ranked, references = _rows(experiment, plan, cells)
    comparable = tuple(_same_blocks(_same_windows(cell, windows), cells) for cell in cells)
    halves = _read_halves(folder.halves)
    return Run(folder, experiment, provenance, split, plan, comparable, ranked, references, windows, halves)


def _read_experiment(path: Path) -> dict[str, Any]:
    values = read_toml(path)
    for key in ("models", "references", "seeds", "budget", "resolution", "recipe"):
        if key not in values:
            raise RequestError(f"{path}: has no `{key}`, so it is not an experiment; run the same `bench run` again")
    return checked(StoredExperiment, values, path)


def _read_object(path: Path, run: Path) -> dict[str, Any]:
    if not path.is_file():
        raise RequestError(f"{run}: unfinished, {path.name} is not there yet; let `bench run` finish")
    value = read_json(path)
    if not isinstance(value, dict):
        raise RequestError(f"{path}: not a JSON object; run the same `bench run` again to rebuild it")
    return value


def _read_cells(folder: RunFolder, experiment: dict[str, Any], plan: dict[str, Any]) -> tuple[CellResult, ...]:
    """Return the cells that the experiment asks for, then those that lie in the folder besides, such as loaded models."""
    expected: list[tuple[str, int | None]] = []
    for model in (*experiment["models"], *experiment["references"]):
        trained = plan["models"].get(model, {}).get("trained", model in experiment["models"])
        expected += [(model, seed) for seed in experiment["seeds"]] if trained else [(model, None)]
    names = [model if seed is None else f"{model}-seed{seed}" for model, seed in expected]
    there = folder.path / "cells"
    others = sorted(p.name for p in there.iterdir() if p.is_dir() and p.name not in names) if there.is_dir() else []
    expected += [_loaded(folder, experiment, name) for name in others]
    cells = [_read_cell(folder.cell(n), *parts) for n, parts in zip([*names, *others], expected, strict=True)]
    chance: dict[str, CellResult] = {}
    for cell in cells:
        # One seed of a model says what chance gives; a second one is there where the first came late.
        if cell.model not in chance and (shuffled := _shuffled(folder.cell(cell.name), cell)) is not None:
            chance[cell.model] = shuffled
    return (*cells, *chance.values())


def _shuffled(folder: CellFolder, cell: CellResult) -> CellResult | None:
    """Return the cell's outputs held against other pages as a cell of its own, None where they were not scored."""
    if not cell.scored or not folder.shuffled.is_file():
        return None
    images, hole = None, None
    try:
        images = _read_images(folder.shuffled)
    except RequestError as error:
        hole = str(error)
    name, model = f"{cell.name}{SHUFFLED}", f"{cell.model}{SHUFFLED}"
    return CellResult(name, model, cell.seed, CellStatus(state="done"), images, (), None, cell.predictions, hole)


def _loaded(folder: RunFolder, experiment: dict[str, Any], name: str) -> tuple[str, int | None]:
    """Return model and seed of a cell that the experiment does not name; raises RequestError where it would mix with one."""
    match = _SEEDED.match(name)
    model, seed = (match["model"], int(match["seed"])) if match else (name, None)
    model = printable(model)
    if model in (*experiment["models"], *experiment["references"]):
        raise RequestError(f"{folder.cell(name).path}: the experiment has no such cell; move the folder away")
    return model, seed


def _read_cell(folder: CellFolder, model: str, seed: int | None) -> CellResult:
    status, images, curve = CellStatus(), None, None
    sets: tuple[dict[str, Any], ...] = ()
    try:
        status = _read_status(folder)
        curve = _curve_or_none(folder)
        if hole := _unscored(status, folder):
            return CellResult(printable(folder.name), model, seed, status, None, (), curve, folder.predictions, hole)
        images, sets = _read_images(folder.images), _read_sets(folder.sets)
        hole = None
    except RequestError as error:
        images, hole = None, str(error).replace(f"{folder.path}/", "")
    speed = _speed(folder)
    return CellResult(printable(folder.name), model, seed, status, images, sets, curve, folder.predictions, hole, speed)


def _speed(folder: CellFolder) -> ColouringSpeed | None:
    """A cell whose colouring was not timed, or whose record of it is damaged, is missing in one column; its scores stand."""
    if not folder.inference.is_file():
        return None
    try:
        stored = checked(StoredInference, read_json(folder.inference), folder.inference.name)
    except RequestError as error:
        _log.warning("%s: %s; left out of the table of costs", folder.name, str(error).partition(";")[0])
        return None
    names = ("windows_per_second", "windows_per_second_bf16", "seconds_per_window_bf16")
    return ColouringSpeed(float(stored["seconds_per_window"]), *(stored.get(name) for name in names))


def _curve_or_none(folder: CellFolder) -> pd.DataFrame | None:
    """A cell without its learning curve is missing in one figure; its scores stand."""
    try:
        return _read_curve(folder.curve)
    except RequestError as error:
        _log.warning("%s: %s; the cell is left out of the learning curves", folder.name, str(error).partition(";")[0])
        return None


def _unscored(status: CellStatus, folder: CellFolder) -> str | None:
    """Return why the cell has no scores, or None. Untrained rows may lack a status: their scores speak for them."""
    there = folder.images.is_file() and folder.sets.is_file()
    if status.state in _SCORED_STATES or not folder.status.is_file():
        return None if there else "not scored yet" if status.state in _SCORED_STATES else "not run yet"
    words = {"queued": "not run yet", "running": f"unfinished at step {status.step} of {status.steps}"}
    return words.get(status.state) or f"{status.state}: {status.reason or 'no reason given'}"


def _read_parquet(path: Path) -> pd.DataFrame:
    try:
        return stored_values.table(path)
    except (OSError, ValueError) as error:
        raise RequestError(f"{path.name} cannot be read ({reason(error)})") from None


def _read_images(path: Path) -> pd.DataFrame:
    frame = _read_parquet(path)
    missing = [column for column in IMAGE_COLUMNS if column not in frame.columns]
    if missing or frame.empty or frame["window"].duplicated().any():
        what = f"has no column {missing[0]}" if missing else "has no rows" if frame.empty else "names a window twice"
        raise RequestError(f"{path.name} {what}")
    measured = [name for name in METRICS if name in frame.columns]
    frame = _with_checked_columns(path, frame, IMAGE_COLUMNS, measured)
    if any(not _FILE_NAME.fullmatch(name) for name in frame["window"]):
        raise RequestError(f"{path.name} has a window whose name is none of a file")
    # A score that no window has was not measured.
    unknown = [name for name in measured if not frame[name].notna().any()]
    return frame.drop(columns=unknown).sort_values("window", ignore_index=True)


def _with_checked_columns(
    path: Path, frame: pd.DataFrame, texts: Sequence[str], numbers: Sequence[str]
) -> pd.DataFrame:
    """Return `frame` with printable texts; raises RequestError where a column of texts or numbers holds something else."""
    for name in texts:
        if not all(isinstance(cell, str) for cell in frame[name]):
            raise RequestError(f"{path.name} holds something else than text in its column {name}")
    frame = frame.assign(**{name: frame[name].map(printable) for name in texts})
    for name in numbers:
        if not is_numeric_dtype(frame[name]) or is_bool_dtype(frame[name]) or is_complex_dtype(frame[name]):
            raise RequestError(f"{path.name} has no numbers in its column {name}")
        if frame[name].abs().max() > LARGEST:
            raise RequestError(f"{path.name} has numbers beyond {LARGEST:g} in its column {name}")
    return frame


def _read_sets(path: Path) -> tuple[dict[str, Any], ...]:
    value = read_json(path)
    scores = value.get("scores") if isinstance(value, dict) else None
    if not isinstance(scores, list) or not all(isinstance(s, dict) and s.keys() >= _SET_KEYS for s in scores):
        raise RequestError(f"{path.name} holds no list of scores")
    return tuple(checked(StoredCellScore, score, path.name) for score in scores)


def _read_halves(path: Path) -> tuple[dict[str, Any], ...]:
    if not path.is_file():
        return ()
    value = read_json(path)
    scores = value.get("scores") if isinstance(value, dict) else None
    wanted = {"metric", "value", "n_generated", "n_reference"}
    if not isinstance(scores, list) or not all(isinstance(s, dict) and s.keys() >= wanted for s in scores):
        raise RequestError(f"{path}: holds no list of scores; delete it and run the same command again")
    return tuple(checked(StoredSetScore, score, path) for score in scores)


def _read_curve(path: Path) -> pd.DataFrame | None:
    if not path.is_file():
        return None
    frame = _read_parquet(path)
    if not set(frame.columns) >= _CURVE_COLUMNS:
        raise RequestError(f"{path.name} has not the columns of a learning curve")
    frame = _with_checked_columns(path, frame, ("kind", "name"), ("step", "seconds", "images", "flops"))
    if not is_numeric_dtype(frame["value"]):
        raise RequestError(f"{path.name} has no numbers in its column value")
    if frame[["step", "seconds", "images", "flops"]].isna().any(axis=None):
        raise RequestError(f"{path.name} has a hole in its columns of compute")
    return frame


def _read_status(folder: CellFolder) -> CellStatus:
    """Return the status of a cell, its texts printable; raises RequestError where it is broken or its numbers are none."""
    values = CellStatus.load(folder).model_dump(mode="json")
    return CellStatus.model_validate(checked(StoredCost, values, folder.status.name))


def _same_windows(cell: CellResult, windows: pd.DataFrame) -> CellResult:
    """Return `cell`, as a hole where it was scored on other windows than the rest: such scores do not compare."""
    if cell.images is None or list(cell.images["window"]) == list(windows["window"]):
        return cell
    hole = f"scored on other windows than the rest ({len(cell.images)} of {len(windows)})"
    return dataclasses.replace(cell, images=None, sets=(), hole=hole)


def _same_blocks(cell: CellResult, cells: Sequence[CellResult]) -> CellResult:
    """Return `cell`, as a hole where its set scores were taken over other blocks of pages than those of the first cell."""
    first = {score["metric"]: unit_identity(score) for other in reversed(cells) for score in other.sets if other.scored}
    if all(unit_identity(score) == first[score["metric"]] for score in cell.sets if cell.scored):
        return cell
    return dataclasses.replace(cell, images=None, sets=(), hole="scored over other blocks of pages than the rest")


def unit_identity(score: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what says which units of pages a set score was taken over: groups are what they are, blocks may be cut otherwise."""
    blocks = str(score.get("jackknife_units_sha256")) if score["jackknife_unit"] == "page block" else ""
    return str(score["jackknife_unit"]), str(score["jackknife_sizes"]), blocks


def _rows(
    experiment: dict[str, Any], plan: dict[str, Any], cells: tuple[CellResult, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the models that compete and the reference rows, both in the order of the tables."""
    names = list(dict.fromkeys(cell.model for cell in cells))
    planned = plan["models"]
    ranked = tuple(n for n in names if n in experiment["models"] and planned.get(n, {}).get("ranked", True))
    place = {name: index for index, name in enumerate(REFERENCE_ORDER)}
    others = sorted((n for n in names if n not in ranked), key=lambda n: (place.get(n, len(place)), names.index(n)))
    return ranked, tuple(others)
