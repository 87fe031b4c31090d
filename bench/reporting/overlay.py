"""The line overlay: which drawn lines each model kept, lost and invented, on the pages of the qualitative figure."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from bench.errors import RequestError
from bench.files import read_png
from bench.metrics.colour import lab
from bench.metrics.lineart import LineReference, line_map, near, tolerance_px
from bench.reporting.grid import (
    GridColumn,
    chosen_windows,
    has_input,
    has_pictures,
    model_column,
    shown_models,
    window_size,
)
from bench.reporting.mosaic import mosaic
from bench.reporting.naming import listed
from bench.reporting.reading import Run
from bench.reporting.style import GREY, SMALL, TEXT_WIDTH

PAGES = 3
"""Most pages that the figure shows, of those of the qualitative figure."""

FEWEST = 3
"""With fewer columns pictures are no larger than with this many."""

_LEGEND_HEIGHT = 0.22
"""Inches."""

KEPT, LOST, INVENTED = "#4d4d4d", "#D55E00", "#56B4E9"
"""Colours of the lines (Okabe and Ito 2008), of three lightnesses, so that print in greys tells them apart too."""

WIDER = 0.6
"""Lines are drawn this much wider to each side than one pixel at 256 px, so that they are seen in print."""


def overlay_figure(run: Run, width: float = TEXT_WIDTH) -> Figure | None:
    """Return the figure, or None where pictures are not there or no model has any."""
    windows = chosen_windows(run)[:PAGES]
    columns = [column for model in shown_models(run) if (column := model_column(run, model)).pictures is not None]
    if not columns or not has_pictures(run, windows):
        return None
    titles, labels = [column.title for column in columns], [""] * len(windows)
    placed = mosaic(
        titles, labels, width=width, aspect=window_size(run)[1], foot=_LEGEND_HEIGHT, fewest=FEWEST
    )  # fmt: skip
    for row, window in zip(placed.axes, windows, strict=True):
        reference = _reference(run, window)
        for axes, column in zip(row, columns, strict=True):
            _draw(axes, column, window, reference)
    names = ((KEPT, "kept"), (LOST, "lost"), (INVENTED, "invented"))
    handles = [Patch(color=colour, label=name) for colour, name in names]
    placed.figure.legend(handles=handles, loc="lower center", ncols=len(handles), handlelength=1.2, borderpad=0.1)
    return placed.figure


def line_overlay(reference: LineReference, lightness: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return the picture uint8 [H, W, 3] of an output, given as L* [H, W]: kept, lost and invented lines on white."""
    lines, tolerance = line_map(lightness, reference.settings), tolerance_px(lightness, reference.settings)
    found = near(lines, tolerance)
    width = WIDER * min(lightness.shape) / 256
    picture = np.full((*lightness.shape, 3), 255, dtype=np.uint8)
    layers = (
        (reference.to_keep & found, KEPT), (reference.to_keep & ~found, LOST), (lines & ~reference.allowed, INVENTED),
    )  # fmt: skip
    for mask, colour in layers:
        picture[near(mask, width)] = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    return picture


def overlay_caption(run: Run) -> str:
    """Return the caption of the figure: what the colours are, and what is not judged."""
    wanted = (
        "lines that input and truth share and the output has too"
        if has_input(run)
        else "lines of the truth that are kept"
    )
    where = "neither has" if has_input(run) else "it has not"
    windows = chosen_windows(run)[:PAGES]
    which = f"on {listed(windows)}, of the windows of the figure of pictures" if windows else "on pages"
    return (
        f"What LineF1 sees, {which}: {wanted} "
        f"(dark grey), those it lost (orange), and lines of the output that {where} (light blue). Below: LineF1 of the window."
    )


def _reference(run: Run, window: str) -> LineReference:
    """Where no input was given, lines are held against the truth alone, as they were scored."""
    folders = (run.folder.test_inputs if has_input(run) else run.folder.test_truths, run.folder.test_truths)
    source, truth = (lab(read_png(folder / f"{window}.png"))[..., 0] for folder in folders)
    return LineReference.of(source, truth)


def _draw(axes: Axes, column: GridColumn, window: str, reference: LineReference) -> None:
    assert column.pictures is not None
    try:
        lightness = lab(read_png(column.pictures / f"{window}.png"))[..., 0]
    except RequestError:
        axes.text(
            0.5, 0.5, "no picture", transform=axes.transAxes, ha="center", va="center", fontsize=SMALL, color=GREY
        )
        return
    axes.imshow(line_overlay(reference, lightness), interpolation="nearest")
    axes.set_xlabel(f"{reference.score(lightness).f1:.2f}", fontsize=SMALL, labelpad=1.5, color=GREY)
