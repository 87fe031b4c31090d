"""One pass over the predictions of a run, all metrics; what depends on the truth alone is computed once for all cells."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pyarrow.parquet import read_schema
from rich.console import Console

from bench.experiment import Experiment
from bench.metrics.choice import MetricChoice
from bench.metrics.scores import ImageScorer, SetScorer
from bench.preparation import read_mean_chroma, test_windows
from bench.progress import Bar
from bench.references import outputs_of
from bench.runfolder import FORMAT, CellFolder, RunFolder, read_json, read_png, write_json, write_parquet
from bench.status import CellStatus

_log = logging.getLogger("bench")


def evaluate(
    folder: RunFolder, experiment: Experiment, choice: MetricChoice, console: Console, safe_point: Callable[[], None],
    device: str,
) -> None:  # fmt: skip
    """Write images.parquet and sets.json of every cell that has outputs and no scores yet.

    `safe_point` is called between cells and may raise to stop.
    """
    coloured = {cell.name for cell in experiment.colouring_cells}
    cells = [cell for cell in experiment.cells if _needs_scores(folder.cell(cell.name), cell.name in coloured, choice)]
    if not cells:
        return
    windows = test_windows(folder)
    inputs = _read_windows(folder.test_inputs, windows)
    truths = _read_windows(folder.test_truths, windows)
    with Bar(console, "scoring", len(cells), "cell") as bar:
        bar.update(0, "features of the truth")
        images = ImageScorer(inputs, truths, choice, device=device)
        sets = SetScorer(truths, list(windows["page"]), list(windows["group"]), choice, device=device)
        chroma = read_mean_chroma(folder)
        for index, cell in enumerate(cells):
            bar.update(index, cell.name)
            if cell.name in coloured:
                outputs = _read_windows(folder.cell(cell.name).predictions, windows)
            else:
                outputs = outputs_of(cell.model, inputs, truths, chroma)
            _score(folder.cell(cell.name), windows, outputs, images, sets)
            safe_point()


def _needs_scores(folder: CellFolder, by_network: bool, choice: MetricChoice) -> bool:
    """Whether the cell has outputs whose scores are missing, or were made with other metrics than can be had now."""
    if by_network and not folder.has_generator():
        return False
    if not (folder.sets.exists() and folder.images.exists()):
        return True
    sets = {score["metric"] for score in read_json(folder.sets)["scores"]}
    return not set(choice.sets) <= sets or choice.perceptual not in read_schema(folder.images).names


def _read_windows(folder: Path, windows: pd.DataFrame) -> NDArray[np.uint8]:
    return np.stack([read_png(folder / f"{window}.png") for window in windows["window"]])


def _score(
    folder: CellFolder, windows: pd.DataFrame, outputs: NDArray[np.uint8], images: ImageScorer, sets: SetScorer
) -> None:
    frame = pd.concat([windows.reset_index(drop=True), images.score(outputs)], axis=1)
    folder.path.mkdir(parents=True, exist_ok=True)
    write_parquet(folder.images, frame)
    write_json(folder.sets, {"format": FORMAT, "scores": sets.score(outputs)})
    if not folder.status.exists():
        CellStatus(state="done").save(folder)
