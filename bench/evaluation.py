"""One pass over the predictions of a run, all metrics; what depends on the truth alone is computed once for all cells."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.console import Console

from bench.errors import RequestError
from bench.experiment import Cell, Experiment
from bench.feature_files import kept_features
from bench.files import read_json, read_png, read_table, write_json, write_parquet
from bench.metrics.choice import CALIBRATED_SETS, MetricChoice
from bench.metrics.image_scores import ImageScorer
from bench.metrics.registry import METRICS
from bench.metrics.set_scores import FeatureReader, SetScorer
from bench.preparation import read_mean_chroma, test_windows
from bench.progress import Bar
from bench.references import outputs_of
from bench.runfolder import FORMAT, CellFolder, RunFolder
from bench.sampling import SamplingUnits, sampling_units
from bench.second_extractor import SecondExtractor
from bench.status import CellStatus

_log = logging.getLogger("bench")


def evaluate(
    folder: RunFolder, experiment: Experiment, choice: MetricChoice, console: Console, safe_point: Callable[[], None],
    device: str, *, again: bool = False,
) -> None:  # fmt: skip
    """Write images.parquet and sets.json of every cell that has outputs and no scores yet, and the chance and noise floors.

    `again`: of every cell that has outputs. `safe_point` is called after every few windows and may raise to stop: cells that are
    scored keep their scores, and the features that are done are kept too.
    """
    coloured = {cell.name for cell in experiment.colouring_cells}
    windows = test_windows(folder)
    chance = chance_cells(folder, experiment) if windows["page"].nunique() > 1 else set()
    units = sampling_units(list(windows["page"]), list(windows["group"]))
    cells = [
        cell
        for cell in experiment.cells
        if _has_outputs(folder.cell(cell.name), cell.name in coloured)
        and (again or _needs_scores(folder.cell(cell.name), choice, units, chance=cell.name in chance))
    ]
    if not cells and _has_halves(folder):
        return
    _refuse_to_lose(folder, experiment.cells, choice)
    inputs = _read_windows(folder.test_inputs, windows)
    truths = _read_windows(folder.test_truths, windows)
    with Bar(console, "scoring", len(cells), "cell") as bar:
        bar.update(0, "features of the truth")
        scoring = Scoring.of(folder, windows, inputs, truths, choice, device, safe_point)
        chroma = read_mean_chroma(folder)
        for index, cell in enumerate(cells):
            bar.update(index, cell.name)
            by_network = cell.name in coloured
            if by_network:
                outputs = _read_windows(folder.cell(cell.name).predictions, windows)
            else:
                outputs = outputs_of(cell.model, inputs, truths, chroma)
            scoring.score(folder.cell(cell.name), outputs, by_network=by_network, chance=cell.name in chance)


def calibrated_scores(cell: CellFolder) -> set[str]:
    """Return the scores of a cell that stand on trained weights; empty where there are none, or none that can be read."""
    found: set[str] = set()
    try:
        sets = read_json(cell.sets)["scores"] if cell.sets.exists() else []
        found |= {str(score["metric"]) for score in sets if score.get("calibrated")}
    except (RequestError, KeyError, TypeError, AttributeError):
        pass
    with suppress(RequestError):
        found |= {"lpips"} & set(read_table(cell.images).columns if cell.images.exists() else ())
    return found


def refuse_mixed_scores(folder: RunFolder, experiment: Experiment, choice: MetricChoice) -> None:
    """Raise RequestError, before anything is trained, where cells without scores would get others than those that there are."""
    if any(not folder.cell(cell.name).sets.exists() for cell in experiment.cells):
        _refuse_to_lose(folder, experiment.cells, choice)


def _refuse_to_lose(folder: RunFolder, cells: Sequence[Cell], choice: MetricChoice) -> None:
    """Raise RequestError where a cell has scores on trained weights, beside or in place of which random ones would now come.

    Scores on DINOv2 stand in nobody's place: who asks for scores without them gets them so.
    """
    stored = set[str]().union(*(calibrated_scores(folder.cell(cell.name)) for cell in cells))
    lost = sorted((stored & {"fid", "kid", "lpips"}) - {choice.perceptual, *choice.sets})
    if lost:
        raise RequestError(
            f"{folder.path}: has {', '.join(lost)}, which cannot be computed again here ({choice.line}); bring the weights: "
            "`bench data prepare --weights-only` fetches them"
        )


def chance_cells(folder: RunFolder, experiment: Experiment) -> set[str]:
    """Return the cells whose outputs are also held against other pages: of each competitor, the first seed that has outputs."""
    first: dict[str, str] = {}
    for cell in experiment.trained_cells:
        if cell.model in experiment.models and _has_outputs(folder.cell(cell.name), by_network=True):
            first.setdefault(cell.model, cell.name)
    return set(first.values())


@dataclass(frozen=True)
class Scoring:
    """What all cells of a run share: its windows, and what was computed of input and truth."""

    windows: pd.DataFrame
    images: ImageScorer
    sets: SetScorer
    second: SecondExtractor | None
    elsewhere: NDArray[np.intp] | None
    safe_point: Callable[[], None]

    @classmethod
    def of(
        cls, folder: RunFolder, windows: pd.DataFrame, inputs: NDArray[np.uint8], truths: NDArray[np.uint8],
        choice: MetricChoice, device: str, safe_point: Callable[[], None] = lambda: None,
    ) -> Scoring:  # fmt: skip
        """Compute what depends on input and truth alone, and write what the truth itself scores in halves."""
        reader = FeatureReader(choice, device=device, safe_point=safe_point)
        features = kept_features(folder.truth_features, truths, reader)
        pages, groups = list(windows["page"]), list(windows["group"])
        sets = SetScorer(truths, pages, groups, reader, truth_features=features)
        second = SecondExtractor.of(folder, truths, sets.units, choice, device, safe_point)
        halves = sets.halves() + (second.distances.halves() if second else [])
        write_json(folder.halves, {"format": FORMAT, "scores": halves})
        images = ImageScorer(inputs, truths, choice, device=device)
        return cls(windows, images, sets, second, other_pages(pages, groups), safe_point)

    def score(self, folder: CellFolder, outputs: NDArray[np.uint8], *, by_network: bool, chance: bool) -> None:
        """Write the scores of one cell; `chance`: also those of its outputs held against other pages."""
        features = kept_features(folder.features, outputs, self.sets.reader) if by_network else None
        frame = self._frame(outputs)
        folder.path.mkdir(parents=True, exist_ok=True)
        if chance and self.elsewhere is not None:
            write_parquet(folder.shuffled, self._frame(outputs[self.elsewhere]))
        write_parquet(folder.images, frame)
        scores = self.sets.score(outputs, features) + (self.second.score(folder, outputs) if self.second else [])
        write_json(folder.sets, {"format": FORMAT, "scores": scores})
        if not folder.status.exists():
            CellStatus(state="done").save(folder)

    def _frame(self, outputs: NDArray[np.uint8]) -> pd.DataFrame:
        scored = self.images.score_cells({"output": outputs}, progress=lambda done, total: self.safe_point())
        self.safe_point()
        return pd.concat([self.windows.reset_index(drop=True), scored["output"]], axis=1)


def other_pages(pages: Sequence[str], groups: Sequence[str]) -> NDArray[np.intp] | None:
    """Return for each window the index of a window of another page, intp [N]: of another group where there are others.

    Pages are taken half the collection further on, sorted by group, so that every page is used about once; a window keeps its
    place on the page. None with a single page.
    """
    rows: dict[tuple[str, str], list[int]] = {}
    for row, key in enumerate(zip(groups, pages, strict=True)):
        rows.setdefault(key, []).append(row)
    order = sorted(rows)
    if len(order) < 2:
        return None
    elsewhere = np.empty(len(pages), dtype=np.intp)
    for at, key in enumerate(order):
        others = (order[(at + len(order) // 2 + step) % len(order)] for step in range(len(order)))
        candidates = [other for other in others if other != key]
        partner = next((other for other in candidates if other[0] != key[0]), candidates[0])
        for number, row in enumerate(rows[key]):
            elsewhere[row] = rows[partner][number % len(rows[partner])]
    return elsewhere


def _has_outputs(folder: CellFolder, by_network: bool) -> bool:
    """Whether there is something to score: a run can be passed on without its weights, and is scored from its pictures."""
    return not by_network or (folder.generator_card.exists() and folder.predictions.is_dir())


def _has_halves(folder: RunFolder) -> bool:
    try:
        return bool(read_json(folder.halves))
    except RequestError:
        return False


def _needs_scores(folder: CellFolder, choice: MetricChoice, units: SamplingUnits, *, chance: bool) -> bool:
    """Whether the cell's scores are missing, were made with lesser metrics than can be had now, or over other units of pages."""
    if not (folder.sets.exists() and folder.images.exists()) or (chance and not folder.shuffled.exists()):
        return True
    try:
        records = read_json(folder.sets)["scores"]
        sets = {score["metric"] for score in records}
        if not all(_over(score, units, choice) for score in records):
            return True
        columns = set(read_table(folder.images).columns)
        if folder.shuffled.exists():
            read_table(folder.shuffled)
    except (RequestError, KeyError, TypeError) as error:
        _log.warning("%s: damaged scores (%s); scored again", folder.name, str(error).partition(";")[0])
        return True
    images = {name for name, metric in METRICS.items() if metric.kind == "image"} - {"lpips", "rlpips"}
    # Precision and recall may be missing where there are few windows.
    has_sets = {*choice.sets[:2]} <= sets or {*CALIBRATED_SETS[:2]} <= sets
    has_perceptual = choice.perceptual in columns or "lpips" in columns
    return not (has_sets and has_perceptual and {*choice.second_sets[:2]} <= sets and images <= columns)


def _over(score: Mapping[str, Any], units: SamplingUnits, choice: MetricChoice) -> bool:
    """Whether a set score was taken over these units: earlier versions cut blocks otherwise, and formed them more often.

    One that cannot be computed again here stands as it is, and its caption says over what it was taken.
    """
    if score.get("calibrated") and score["metric"] not in (*choice.sets, *choice.second_sets):
        return True
    if units.kind == "group":
        return bool(score["jackknife_unit"] == "group")
    return bool(score.get("jackknife_units_sha256") == units.digest)


def _read_windows(folder: Path, windows: pd.DataFrame) -> NDArray[np.uint8]:
    return np.stack([read_png(folder / f"{window}.png") for window in windows["window"]])
