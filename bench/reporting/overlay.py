"""The line overlay: which drawn lines each model kept, lost and invented, on the pages of the qualitative figure."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Patch
from numpy.typing import NDArray

from bench.errors import RequestError
from bench.files import read_png
from bench.metrics.colour import lab
from bench.metrics.lineart import LineReference, line_map, near, tolerance_px
from bench.reporting.grid import (
    TITLE_CHARACTER,
    GridColumn,
    chosen_windows,
    has_input,
    has_pictures,
    model_column,
    shown_models,
    window_size,
)
from bench.reporting.reading import Run
from bench.reporting.style import FAINT, GREY, TEXT_WIDTH, shortened

PAGES = 3
"""Most pages that the figure shows."""

KEPT, LOST, INVENTED = "#4d4d4d", "#D55E00", "#0072B2"
"""Colours of the lines (Okabe and Ito 2008)."""

WIDER = 0.6
"""Lines are drawn this much wider to each side than one pixel at 256 px, so that they are seen in print."""


def overlay_figure(run: Run) -> Figure | None:
    """Return the figure, or None where pictures are not there or no model has any."""
    windows = chosen_windows(run, PAGES)
    columns = [column for model in shown_models(run) if (column := model_column(run, model)).pictures is not None]
    if not columns or not has_pictures(run, windows):
        return None
    _, aspect = window_size(run)
    side = TEXT_WIDTH / max(len(columns), 3) / aspect
    engine = ConstrainedLayoutEngine(w_pad=0.015, h_pad=0.01, wspace=0.0, hspace=0.0)
    figure = Figure(figsize=(side * aspect * len(columns), (side + 0.13) * len(windows) + 0.5), layout=engine)
    grid = figure.subplots(len(windows), len(columns), squeeze=False)
    for row, window in enumerate(windows):
        reference = _reference(run, window)
        for axes, column in zip(grid[row], columns, strict=True):
            _draw(axes, column, window, reference)
            if row == 0:
                axes.set_title(shortened(column.title, int(side * aspect / TITLE_CHARACTER)), fontsize=7.0, pad=3.0)
    names = ((KEPT, "kept"), (LOST, "lost"), (INVENTED, "invented"))
    handles = [Patch(color=colour, label=name) for colour, name in names]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), fontsize=6.5, handlelength=1.2)
    return figure


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
    return (
        f"What LineF1 sees, on the first pages of the figure of pictures: {wanted} "
        f"(grey), those it lost (orange), and lines of the output that {where} (blue). Below: LineF1 of the window."
    )


def _reference(run: Run, window: str) -> LineReference:
    """Where no input was given, lines are held against the truth alone, as they were scored."""
    folders = (run.folder.test_inputs if has_input(run) else run.folder.test_truths, run.folder.test_truths)
    source, truth = (lab(read_png(folder / f"{window}.png"))[..., 0] for folder in folders)
    return LineReference.of(source, truth)


def _draw(axes: Axes, column: GridColumn, window: str, reference: LineReference) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(visible=True, color=FAINT, linewidth=0.5)
    assert column.pictures is not None
    try:
        lightness = lab(read_png(column.pictures / f"{window}.png"))[..., 0]
    except RequestError:
        axes.text(0.5, 0.5, "no picture", transform=axes.transAxes, ha="center", va="center", fontsize=6.0, color=GREY)
        return
    axes.imshow(line_overlay(reference, lightness), interpolation="nearest")
    axes.set_xlabel(f"{reference.score(lightness).f1:.2f}", fontsize=6.0, labelpad=1.5, color=GREY)
