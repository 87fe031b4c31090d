"""Lettering: a few katakana drawn as pen lines on a 4 x 4 grid, so that no font file decides what a page looks like."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from data.synthetic.canvas import INK, Canvas, Material
from data.synthetic.geometry import as_points

Stroke = Sequence[tuple[float, float]]

_DAKUTEN: tuple[Stroke, ...] = (((3.5, -0.5), (3.9, 0.1)), ((4.2, -0.7), (4.6, -0.1)))
_TO: tuple[Stroke, ...] = (((1.3, 0), (1.3, 4)), ((1.3, 1.5), (3.4, 2.6)))
_KO: tuple[Stroke, ...] = (((0.3, 0.6), (3.6, 0.6), (3.6, 3.6)), ((0.2, 3.6), (3.6, 3.6)))
_HA: tuple[Stroke, ...] = (((1.2, 0.8), (0, 3.8)), ((2.6, 0.6), (4, 3.8)))

GLYPHS: dict[str, tuple[Stroke, ...]] = {
    "ア": (((0, 0.5), (4, 0.5), (2.3, 2)), ((2, 1.5), (1.8, 3), (0.6, 4))),
    "イ": (((3.6, 0), (2, 1.7), (0, 2.4)), ((2.2, 1.6), (2.2, 4))),
    "ウ": (((2, 0), (2, 0.8)), ((0.3, 2), (0.3, 0.8), (3.8, 0.8), (3.3, 2.6), (1.4, 4))),
    "エ": (((0.5, 0.6), (3.5, 0.6)), ((2, 0.6), (2, 3.5)), ((0, 3.5), (4, 3.5))),
    "カ": (((0, 1.2), (3.7, 1.2), (3.4, 3.7), (2.6, 3.6)), ((1.8, 0), (1.6, 2.2), (0.2, 4))),
    "キ": (((0.3, 1.2), (3.6, 0.9)), ((0, 2.5), (4, 2.2)), ((1.7, 0), (2.4, 4))),
    "コ": _KO,
    "サ": (((0, 1.2), (4, 1.2)), ((1, 0), (1, 2.4)), ((3, 0), (3, 2.4), (1.6, 4))),
    "タ": (((1.6, 0), (0.2, 2)), ((1.3, 0.8), (3.7, 0.8), (2.8, 2.8), (0.8, 4)), ((1, 1.9), (2.9, 2.9))),
    "ト": _TO,
    "ナ": (((0, 1.3), (4, 1.3)), ((2.2, 0), (2, 2.4), (0.8, 4))),
    "ニ": (((0.6, 0.8), (3.4, 0.8)), ((0, 3.4), (4, 3.4))),
    "ハ": _HA,
    "マ": (((0.2, 0.6), (3.8, 0.6), (2, 2.8)), ((1.2, 2), (2.8, 3.8))),
    "ヨ": (((0.3, 0.4), (3.6, 0.4), (3.6, 3.8)), ((0.5, 2), (3.6, 2)), ((0.2, 3.7), (3.6, 3.7))),
    "ラ": (((0.7, 0.3), (3.4, 0.3)), ((0.2, 1.5), (3.7, 1.5), (3, 3), (1.2, 4))),
    "リ": (((0.8, 0.3), (0.8, 2.3)), ((3.1, 0), (3.1, 2.4), (1.6, 4))),
    "ロ": (((0.4, 0.6), (3.6, 0.6), (3.6, 3.6), (0.4, 3.6), (0.4, 0.6)),),
    "ン": (((0.3, 0.6), (1.4, 1.3)), ((0.3, 3.8), (2.4, 3), (3.8, 1))),
    "ド": _TO + _DAKUTEN,
    "ゴ": _KO + _DAKUTEN,
    "バ": _HA + _DAKUTEN,
    "!": (((2, -0.2), (2, 2.5)), ((2, 3.7), (2, 3.9))),
    "?": (((0.8, 0.8), (2, 0), (3.3, 0.9), (2, 2.1), (2, 2.7)), ((2, 3.7), (2, 3.9))),
}
"""Pen lines of each glyph, x and y from 0 to 4."""

_SPOKEN = "アイウエカキコサタトナニハマヨラリロンドゴ"


def random_text(rng: np.random.Generator, length: int) -> str:
    """Return `length` random syllables."""
    return "".join(_SPOKEN[int(i)] for i in rng.integers(len(_SPOKEN), size=length))


def draw_glyph(
    canvas: Canvas, glyph: str, x: float, y: float, size: float, pen: float, material: Material = INK
) -> None:
    """Draw one glyph with its upper left corner at (x, y)."""
    for stroke in GLYPHS[glyph]:
        canvas.line(as_points(stroke) * size / 4 + [x, y], pen, material)


def draw_columns(canvas: Canvas, columns: Sequence[str], x: float, y: float, size: float, pen: float) -> None:
    """Draw columns of text from right to left, centred on (x, y)."""
    pitch, step = size * 1.35, size * 1.22
    left = x + (len(columns) - 1) * pitch / 2 - size / 2
    tall = max(len(column) for column in columns)
    for index, column in enumerate(columns):
        for row, glyph in enumerate(column):
            draw_glyph(canvas, glyph, left - index * pitch, y + (row - tall / 2) * step + 0.1 * size, size, pen)


def draw_sound(canvas: Canvas, word: str, x: float, y: float, size: float, material: Material, lean: float) -> None:
    """Draw a sound word as large outlined letters running down from (x, y)."""
    for width, paint in ((size * 0.34, INK), (size * 0.18, material)):
        for index, glyph in enumerate(word):
            draw_glyph(canvas, glyph, x + lean * index * size, y + index * size * 1.25, size, width, paint)
