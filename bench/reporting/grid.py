"""The qualitative figure: held-out windows chosen by a rule, as each model colours them, with the colour difference below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bench.errors import RequestError
from bench.files import read_png
from bench.reporting.lettering import wrapped
from bench.reporting.mosaic import mosaic
from bench.reporting.naming import listed
from bench.reporting.reading import SHUFFLED, CellResult, Run
from bench.reporting.style import GREY, SMALL, TEXT_WIDTH

PAGES = 4
"""Most pages that the figure shows."""

SCORE = "ciede2000"


@dataclass(frozen=True, slots=True)
class GridColumn:
    """One column of pictures. `cell` holds the scores of what is shown; `missing` says why there is nothing to show."""

    title: str
    pictures: Path | None
    cell: CellResult | None
    missing: str = ""


def chosen_windows(run: Run, most: int = PAGES) -> list[str]:
    """Return the windows that are shown: pages sorted by id, up to `most` evenly spaced ones, the first window of each."""
    first = run.windows.sort_values(["page", "window"]).groupby("page", sort=True)["window"].first()
    places = np.linspace(0, len(first) - 1, min(most, len(first))).round().astype(int)
    return [str(first.iloc[place]) for place in places]


def grid_figure(run: Run, width: float = TEXT_WIDTH) -> Figure | None:
    """Return the figure, or None where a page's truth, or its input where there is one, is not there."""
    windows = chosen_windows(run)
    return pictures_figure(run, windows, [""] * len(windows), width)


def pictures_figure(run: Run, windows: Sequence[str], labels: Sequence[str], width: float) -> Figure | None:
    """Return a figure with a row a window: its input, what the models make of it, the truth; None where pictures are missing."""
    if not windows or not has_pictures(run, windows):
        return None
    columns, size = _columns(run), window_size(run)
    placed = mosaic([column.title for column in columns], labels, width=width, aspect=size[1])
    for row, window in zip(placed.axes, windows, strict=True):
        for axes, column in zip(row, columns, strict=True):
            draw_window(axes, column, window, size)
    return placed.figure


def has_input(run: Run) -> bool:
    """Return whether B/W pages are known: colourings of others may come without, and then have no row of copies."""
    return "kind" not in run.experiment or "copy" in run.experiment["references"]


def has_pictures(run: Run, windows: Sequence[str]) -> bool:
    """Return whether the truth of all `windows` is there, and the input where there is one."""
    folders = [run.folder.test_truths, *([run.folder.test_inputs] if has_input(run) else [])]
    return all((folder / f"{window}.png").is_file() for folder in folders for window in windows)


def window_size(run: Run) -> tuple[int, int]:
    """Return a window's height in px and its width in heights."""
    return run.experiment["resolution"], run.experiment.get("window_aspect", 1)


def shown_models(run: Run) -> list[str]:
    """Return the models that the figure shows: the competitors and the generator without a GAN; all outputs where none compete."""
    if run.ranked:
        return [*run.ranked, *(model for model in run.references if model == "unet-l1")]
    made = [model for model in run.references if not model.endswith(SHUFFLED)]
    return [model for model in made if any(cell.predictions.is_dir() for cell in run.scored_cells(model))]


def _columns(run: Run) -> list[GridColumn]:
    models = [model_column(run, model) for model in shown_models(run)]
    return [*([input_column(run)] if has_input(run) else []), *models, truth_column(run)]


def input_column(run: Run) -> GridColumn:
    """Return the column of inputs, with the scores of the row that passes them through; a hole where none were given."""
    if not has_input(run):
        return GridColumn("input", None, None, "not given")
    copies = run.scored_cells("copy")
    return GridColumn("input", run.folder.test_inputs, copies[0] if copies else None)


def truth_column(run: Run) -> GridColumn:
    """Return the column of originals."""
    return GridColumn("truth", run.folder.test_truths, None)


def model_column(run: Run, model: str) -> GridColumn:
    """Return the column of the model's first seed that has scores: the first one asked for wherever that is possible."""
    cells, title = run.scored_cells(model), run.shown(model)
    if not cells:
        hole = run.cells_of(model)[0].hole or ""
        return GridColumn(title, None, None, hole.partition(":")[0])
    return GridColumn(title, cells[0].predictions, cells[0])


def draw_window(axes: Axes, column: GridColumn, window: str, size: tuple[int, int]) -> None:
    """Draw one window of `column` with its score below, or why it is not there; `size` is that of `window_size`."""
    pixels = _picture(column, window)
    if pixels is None:
        _draw_hole(axes, column.missing or "no picture", *size)
        return
    axes.imshow(pixels, interpolation="nearest" if size[0] < 256 else "antialiased")
    axes.set_xlabel(_score(column.cell, window), fontsize=SMALL, labelpad=1.5, color=GREY)


def _picture(column: GridColumn, window: str) -> NDArray[np.uint8] | None:
    if column.pictures is None:
        return None
    try:
        return read_png(column.pictures / f"{window}.png")
    except RequestError:
        return None


def _draw_hole(axes: Axes, why: str, resolution: int, aspect: int) -> None:
    axes.imshow(np.full((resolution, aspect * resolution, 3), 247, dtype=np.uint8))
    words = wrapped(why, axes.get_position().width * axes.figure.bbox.width / axes.figure.dpi)
    axes.text(0.5, 0.5, words, transform=axes.transAxes, ha="center", va="center", fontsize=SMALL, color=GREY)
    axes.set_xlabel(" ", fontsize=SMALL, labelpad=1.5)


def _score(cell: CellResult | None, window: str) -> str:
    if cell is None or cell.images is None or SCORE not in cell.images.columns:
        return " "
    value = float(cell.images.set_index("window").loc[window, SCORE])  # type: ignore[arg-type]
    return f"{value:.1f}" if np.isfinite(value) else "no score"


def shown_seeds(run: Run) -> str:
    """Return which seed's outputs the figure shows, " (seed 0)", "" where nothing depends on one."""
    seeds = sorted({cells[0].seed for m in run.ranked if (cells := run.scored_cells(m)) and cells[0].seed is not None})
    return f" (seed {listed([str(seed) for seed in seeds])})" if seeds else ""


def grid_caption(run: Run) -> str:
    """Return the caption of the figure, with the rule by which its pages were chosen and their ids."""
    windows = chosen_windows(run)
    return (
        f"Held-out windows as each model colours them{shown_seeds(run)}; below each the mean CIEDE2000 to the truth, "
        f"lower is better. The pages are chosen by a rule, not by eye: {len(windows)} evenly spaced ids of the sorted "
        f"held-out pages, the first window of each ({', '.join(windows)})."
    )
