"""Places pictures of one size in rows and columns, exact to the hundredth of an inch, for the figures that show pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.reporting.lettering import text_width, told_apart, wrapped
from bench.reporting.style import FAINT, SMALL, TEXT

FEWEST = 4
"""With fewer columns pictures are no larger than with this many: figures stay as high as a page."""

SCORE_HEIGHT = 0.16
"""Inches for the score below a picture."""

LINE = 0.13
"""Inches of one line of a title or label."""

_NARROW = 0.7
"""Inches: above smaller pictures titles are written small."""

_LONGEST = 1.2
"""Inches of a title that stands upright."""

_GAP = 0.04
"""Inches between two pictures, and beside a title or label."""


@dataclass(frozen=True, slots=True)
class Mosaic:
    """A figure, and the places of its pictures by row and column."""

    figure: Figure
    axes: tuple[tuple[Axes, ...], ...]


@dataclass(frozen=True, slots=True)
class _Heads:
    """The titles of columns as they are written: level in one or two lines, or upright where the columns are too narrow."""

    texts: tuple[str, ...]
    size: float
    rotation: float
    height: float

    @classmethod
    def of(cls, titles: Sequence[str], side: float) -> _Heads:
        """Return the titles for columns `side` inches wide; `height` is in inches."""
        size = TEXT if side > _NARROW else SMALL
        level = [wrapped(title, side + 0.5 * _GAP, size) for title in titles]
        if all("…" not in text or "…" in title for text, title in zip(level, titles, strict=True)):
            return cls(tuple(level), size, 0.0, LINE * (1 + max(text.count("\n") for text in level)))
        upright = told_apart(titles, _LONGEST, size)
        return cls(tuple(upright), size, 90.0, max(text_width(text, size) for text in upright))


def label_width(labels: Sequence[str]) -> float:
    """Return the inches that the labels of rows, upright text, take on the left: none where all are empty."""
    return LINE * (1 + max(label.count("\n") for label in labels)) + _GAP if any(labels) else 0.0


def picture_width(width: float, columns: int, labels: Sequence[str], fewest: int = FEWEST) -> float:
    """Return the width of a picture in inches, in a figure of `width` inches with so many columns and such labels."""
    return (width - label_width(labels)) / max(columns, fewest) - _GAP


def mosaic(
    titles: Sequence[str], labels: Sequence[str], *, width: float, aspect: int = 1, spaces: Sequence[float] | None = None,
    foot: float = 0.0, fewest: int = FEWEST,
) -> Mosaic:  # fmt: skip
    """Return a figure at most `width` inches wide with a column a title and a row a label.

    `aspect` is a picture's width in heights; `spaces` are inches left free above each row, `foot` those below the last.
    """
    side = picture_width(width, len(titles), labels, fewest)
    heads = _Heads.of(titles, side)
    top = heads.height + 1.5 * _GAP
    left, high = label_width(labels), side / aspect
    spaces = spaces or [0.0] * len(labels)
    across = left + len(titles) * (side + _GAP)
    down = top + (high + SCORE_HEIGHT) * len(labels) + sum(spaces) + foot
    figure = Figure(figsize=(across, down))
    rows, bottom = [], down - top + SCORE_HEIGHT
    for space in spaces:
        bottom -= space + high + SCORE_HEIGHT
        lefts = [left + column * (side + _GAP) + _GAP / 2 for column in range(len(titles))]
        boxes = [(x / across, bottom / down, side / across, high / down) for x in lefts]
        rows.append(tuple(_framed(figure, box) for box in boxes))
    for axes, text in zip(rows[0], heads.texts, strict=True):
        axes.set_title(text, fontsize=heads.size, rotation=heads.rotation, pad=3.0, linespacing=1.05)
    for line, label in zip(rows, labels, strict=True):
        line[0].set_ylabel(label, fontsize=SMALL, labelpad=2.5, linespacing=1.05)
    return Mosaic(figure, tuple(rows))


def _framed(figure: Figure, box: tuple[float, float, float, float]) -> Axes:
    """Return axes in `box` (left, bottom, width, height in shares of the figure), with a faint frame and no ticks."""
    axes = figure.add_axes(box)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(visible=True, color=FAINT, linewidth=0.5)
    return axes
