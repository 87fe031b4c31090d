"""The legend above a figure's panels: the names of models beside their symbols, in as many columns as there is room for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from bench.reporting.lettering import text_width, told_apart
from bench.reporting.style import SMALL, TEXT_WIDTH, Look

NAMES = 4
"""Names side by side in a figure as wide as a text; in the narrow form fewer, of about the same width."""

_LINE_HEIGHT, _BORDER = 0.16, 0.06
"""Inches of a line of the legend, and of what lies around it."""

_HANDLE, _PAD, _SPACE = 2.2, 0.6, 1.2
"""The symbol, what follows it, and what parts two columns, in sizes of the type."""


def legend_height(names: int, width: float, columns: int | None = None) -> float:
    """Return the inches that the legend of so many names takes, in so many columns; None: as many as names have room for."""
    return _LINE_HEIGHT * math.ceil(names / (columns or _columns(width))) + _BORDER


def name_width(width: float, columns: int | None = None) -> float:
    """Return the inches that a name may take in the legend of a figure of `width` inches."""
    return (width - _BORDER) / (columns or _columns(width)) - (_HANDLE + _PAD + _SPACE) * SMALL / 72


def columns_for(names: Sequence[str], width: float) -> int:
    """Return the most columns in which all of these names stand whole; one where the longest never does."""
    longest = max((text_width(name) for name in names), default=0.0)
    fitting = (columns for columns in range(_columns(width), 1, -1) if name_width(width, columns) >= longest)
    return next(fitting, 1)


def _columns(width: float) -> int:
    return max(1, round(NAMES * width / TEXT_WIDTH))


def draw_legend(
    figure: Figure,
    names: Mapping[str, str],
    look: Mapping[str, Look],
    width: float,
    *,
    lines: bool = True,
    columns: int | None = None,
) -> None:
    """Write the names of models (by model) above all panels, each beside its marker, which stands on its line if `lines`."""
    figure.legend(
        [look[model].handle(line=lines) for model in names],
        told_apart(list(names.values()), name_width(width, columns)),
        loc="outside upper center", ncols=columns or _columns(width), borderpad=0.2, borderaxespad=0.2,
        handlelength=_HANDLE, handletextpad=_PAD, columnspacing=_SPACE,
    )  # fmt: skip
