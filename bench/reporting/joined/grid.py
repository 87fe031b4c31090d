"""The qualitative figure of a joined report: the same held-out windows, a row a run: its input, its outputs, the truth once."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.reporting.grid import (
    PAGES,
    GridColumn,
    chosen_windows,
    draw_window,
    has_input,
    has_pictures,
    input_column,
    model_column,
    shown_models,
    truth_column,
    window_size,
)
from bench.reporting.joined.differing import SEPARATOR
from bench.reporting.joined.reading import Joined
from bench.reporting.lettering import fitted
from bench.reporting.mosaic import LINE, SCORE_HEIGHT, mosaic, picture_width
from bench.reporting.naming import listed
from bench.reporting.style import TEXT_WIDTH

TALLEST = 8.0
"""Inches that the figure may be high, to fit on a page: the more runs, the fewer windows are shown, but always one."""

_SPACE = 0.1
"""Inches between two windows."""

_HEAD = 2 * LINE + _SPACE
"""Inches for the titles."""

_SHORTEST_LABEL = 0.4
"""Inches of a label's line that stay however small the pictures are."""


def grid_figure(joined: Joined, width: float = TEXT_WIDTH) -> Figure | None:
    """Return the figure, or None where a run lacks an input or truth that is to be shown."""
    windows, runs = _windows(joined), range(len(joined.runs))
    if not all(has_pictures(run, windows) for run in joined.runs):
        return None
    size, titles = window_size(joined.runs[0]), ["input", *(joined.shown(model) for model in _models(joined)), "truth"]
    rows = [(window, index) for window in windows for index in runs]
    spaces = [_SPACE if row and index == 0 else 0.0 for row, (_, index) in enumerate(rows)]
    labels = _labels(joined, width) * len(windows)
    placed = mosaic(titles, labels, width=width, aspect=size[1], spaces=spaces)
    for axes, (window, index) in zip(placed.axes, rows, strict=True):
        _draw_row(axes, joined, index, window, size)
    return placed.figure


def _labels(joined: Joined, width: float) -> list[str]:
    """Return the runs' labels, a line a part, each as long as a picture is high."""
    plain = [label.replace(SEPARATOR, "\n") for label in joined.labels]
    side = picture_width(width, len(_models(joined)) + 2, plain)
    high = max(_SHORTEST_LABEL, side / window_size(joined.runs[0])[1] + SCORE_HEIGHT)
    return ["\n".join(fitted(part, high) for part in label.split("\n")) for label in plain]


def _windows(joined: Joined) -> list[str]:
    """Return the windows that are shown, the same in every form of the figure: as many as fit into the widest one."""
    side = picture_width(TEXT_WIDTH, len(_models(joined)) + 2, _labels(joined, TEXT_WIDTH))
    cell = side / window_size(joined.runs[0])[1] + SCORE_HEIGHT
    fitting = int((TALLEST - _HEAD) / (cell * len(joined.runs) + _SPACE))
    return chosen_windows(joined.runs[0], max(1, min(PAGES, fitting)))


def _models(joined: Joined) -> list[str]:
    """Return the models that have a column: competitors of any run, then the generator without a GAN."""
    shown = [model for run in joined.runs for model in shown_models(run)]
    return [model for model in (*joined.ranked, *joined.references) if model in shown]


def _draw_row(axes: Sequence[Axes], joined: Joined, index: int, window: str, size: tuple[int, int]) -> None:
    """Draw one run's outputs, its input where no run above has the same one, and the truth in the first row."""
    run = joined.runs[index]
    for slot, model in zip(axes[1:], _models(joined), strict=False):
        there = model in run.rows
        column = model_column(run, model) if there else GridColumn(model, None, None, "not in this run")
        draw_window(slot, column, window, size)
    draw_window(axes[0], input_column(run), window, size)
    draw_window(axes[-1], truth_column(run), window, size)
    if index:
        axes[-1].set_visible(False)
    if _seen_above(joined, index, window):
        _blank(axes[0])


def _seen_above(joined: Joined, index: int, window: str) -> bool:
    """Return whether a run above has the very same input, as runs of one recipe have."""
    if not has_input(joined.runs[index]):
        return False
    runs = [run for run in joined.runs[: index + 1] if has_input(run)]
    contents = [(run.folder.test_inputs / f"{window}.png").read_bytes() for run in runs]
    return contents[-1] in contents[:-1]


def _blank(axes: Axes) -> None:
    """Hide all of a picture but its place and the label beside it."""
    for artist in (*axes.images, *axes.spines.values()):
        artist.set_visible(False)
    axes.set_xlabel(" ")


def grid_caption(joined: Joined) -> str:
    """Return the caption of the figure, with the rule by which its windows were chosen and their ids."""
    windows = _windows(joined)
    seeds = {
        cells[0].seed
        for run in joined.runs
        for model in run.ranked
        if (cells := run.scored_cells(model)) and cells[0].seed is not None
    }
    seed = f" (seed {listed([str(s) for s in sorted(seeds)])})" if seeds else ""
    return (
        f"The same held-out windows in every run, a row a run{seed}: its input (once for runs that share it), what the models "
        "make of it, and once the truth. Below each picture the mean CIEDE2000 to the truth, lower is better. The pages are "
        f"chosen by a rule, not by eye: {len(windows)} evenly spaced ids of the sorted held-out pages, the first window of "
        f"each ({', '.join(windows)})."
    )
