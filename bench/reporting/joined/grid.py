"""The qualitative figure of a joined report: the same held-out windows, a row a run: its input, its outputs, the truth once."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.layout_engine import ConstrainedLayoutEngine

from bench.reporting.grid import (
    PAGES,
    TITLE_CHARACTER,
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
from bench.reporting.naming import listed
from bench.reporting.style import TEXT_WIDTH, shortened

TALLEST = 8.0
"""Inches that the figure may be high, to fit on a page: the more runs, the fewer windows are shown, but always one."""

_LABEL_LINE, _SCORE_HEIGHT, _HEAD, _SPACER = 0.13, 0.13, 0.28, 0.12
"""Inches of a line of a run's label, a score below a picture, the titles, and the space between two windows (in pictures)."""

_SHORTEST_LABEL = 8
"""Characters of a label's line that stay however small the pictures are."""


def grid_figure(joined: Joined) -> Figure | None:
    """Return the figure, or None where a run lacks an input or truth that is to be shown."""
    windows = _windows(joined)
    if not all(has_pictures(run, windows) for run in joined.runs):
        return None
    runs, columns = len(joined.runs), len(_models(joined)) + 2
    size = window_size(joined.runs[0])
    side = _side(joined)
    cell = side / size[1] + _SCORE_HEIGHT
    height = cell * (runs * len(windows) + _SPACER * (len(windows) - 1)) + _HEAD
    figure = Figure(
        figsize=(TEXT_WIDTH, height), layout=ConstrainedLayoutEngine(w_pad=0.015, h_pad=0.01, wspace=0.0, hspace=0.0)
    )
    ratios = ([1.0] * runs + [_SPACER]) * len(windows)
    slots = GridSpec(len(ratios) - 1, columns, figure=figure, height_ratios=ratios[:-1])
    for place, window in enumerate(windows):
        for index in range(runs):
            row = place * (runs + 1) + index
            axes = [figure.add_subplot(slots[row, column]) for column in range(columns)]
            _draw_row(axes, joined, index, window, size)
            _draw_label(axes[0], joined.labels[index], int(cell / TITLE_CHARACTER))
            if row == 0:
                _draw_titles(axes, joined, int(side / TITLE_CHARACTER))
    return figure


def _side(joined: Joined) -> float:
    """Return the width of a picture in inches."""
    lines = max(label.count(SEPARATOR) + 1 for label in joined.labels)
    return (TEXT_WIDTH - _LABEL_LINE * lines - 0.05) / (len(_models(joined)) + 2)


def _windows(joined: Joined) -> list[str]:
    cell = _side(joined) / window_size(joined.runs[0])[1] + _SCORE_HEIGHT
    fitting = int((TALLEST - _HEAD) / (cell * (len(joined.runs) + _SPACER)))
    return chosen_windows(joined.runs[0], max(1, min(PAGES, fitting)))


def _models(joined: Joined) -> list[str]:
    """Return the models that have a column: competitors of any run, then the generator without a GAN."""
    shown = [model for run in joined.runs for model in shown_models(run)]
    return [model for model in (*joined.ranked, *joined.references) if model in shown]


def _draw_row(axes: list[Axes], joined: Joined, index: int, window: str, size: tuple[int, int]) -> None:
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


def _draw_label(axes: Axes, label: str, characters: int) -> None:
    lines = [shortened(part, max(_SHORTEST_LABEL, characters)) for part in label.split(SEPARATOR)]
    axes.set_ylabel("\n".join(lines), fontsize=6.5, labelpad=3.0)


def _draw_titles(axes: list[Axes], joined: Joined, characters: int) -> None:
    titles = ["input", *(joined.shown(model) for model in _models(joined)), "truth"]
    for slot, title in zip(axes, titles, strict=True):
        slot.set_title(shortened(title, characters), fontsize=7.0, pad=3.0)


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
