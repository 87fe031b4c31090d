"""What people hold before them; the frame's origin lies between the hands, its unit is half a head's width."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from data.synthetic.canvas import INK, WHITE, Canvas, Material, rgb
from data.synthetic.geometry import Frame, curve, ellipse, loop, path
from data.synthetic.tone import Screen, Tone

Prop = Literal["rice ball", "cup", "book", "telescope", "console", "loaf"]

COVER = Material(rgb("3f6fc4"), Tone(Screen.DOTS, 0.55))
CUP = Material(rgb("f4f0e4"))
TEA = Material(rgb("a8642e"), Tone(Screen.DOTS, 0.45))
BRASS = Material(rgb("e0a93c"), Tone(Screen.LEVEL, 0.2))
CASE = Material(rgb("e8506e"), Tone(Screen.FINE, 0.3))
SCREEN = Material(rgb("b9f0c4"))
CRUST = Material(rgb("e0a04c"), Tone(Screen.CROSS, 0.14))
SEAWEED = Material(rgb("25453a"), Tone(Screen.DOTS, 0.9))


def draw_prop(canvas: Canvas, prop: Prop, hands: Frame, pen: float) -> None:
    """Draw the thing between the hands."""
    _PROPS[prop](canvas, hands, pen)


def _rice_ball(canvas: Canvas, at: Frame, pen: float) -> None:
    canvas.shape(
        at.at(loop([(0.0, -0.5), (-0.34, -0.1), (-0.4, 0.24), (0.0, 0.32), (0.4, 0.24), (0.34, -0.1)])), WHITE, pen
    )
    canvas.fill(at.at([(-0.17, 0.0), (0.17, 0.0), (0.17, 0.3), (-0.17, 0.3)]), SEAWEED)


def _cup(canvas: Canvas, at: Frame, pen: float) -> None:
    canvas.shape(
        at.at(
            path(
                [
                    [(-0.34, -0.25), (0.34, -0.25)],
                    [(0.34, -0.25), (0.3, 0.25), (0.0, 0.36), (-0.3, 0.25), (-0.34, -0.25)],
                ]
            )
        ),
        CUP,
        pen,
    )
    canvas.shape(at.at(ellipse(0.0, -0.25, 0.34, 0.13)), TEA, pen * 0.8)
    for x in (-0.12, 0.12):
        canvas.line(at.at(curve([(x, -0.48), (x + 0.08, -0.62), (x - 0.04, -0.76), (x + 0.05, -0.9)])), pen * 0.7)


def _book(canvas: Canvas, at: Frame, pen: float) -> None:
    canvas.shape(
        at.at([(-0.62, -0.42), (0.0, -0.3), (0.62, -0.42), (0.62, 0.28), (0.0, 0.42), (-0.62, 0.28)]), COVER, pen
    )
    canvas.line(at.at([(0.0, -0.3), (0.0, 0.42)]), pen)
    canvas.shape(at.at(ellipse(0.31, -0.05, 0.14, 0.16)), BRASS, pen * 0.7)


def _telescope(canvas: Canvas, at: Frame, pen: float) -> None:
    tube = at.place(0.0, -0.05, 1.0, -18.0)
    for left, right, half in ((-0.75, -0.2, 0.13), (-0.3, 0.3, 0.18), (0.2, 0.85, 0.24)):
        canvas.shape(tube.at([(left, -half), (right, -half), (right, half), (left, half)]), BRASS, pen)


def _console(canvas: Canvas, at: Frame, pen: float) -> None:
    canvas.shape(
        at.at(loop([(-0.62, -0.26), (0.0, -0.28), (0.62, -0.26), (0.66, 0.2), (0.0, 0.26), (-0.66, 0.2)])), CASE, pen
    )
    canvas.shape(at.at([(-0.24, -0.18), (0.24, -0.18), (0.24, 0.15), (-0.24, 0.15)]), SCREEN, pen * 0.8)
    for x, y in ((-0.42, 0.0), (0.38, 0.06), (0.48, -0.08)):
        canvas.fill(at.at(ellipse(x, y, 0.07, 0.07)), INK)


def _loaf(canvas: Canvas, at: Frame, pen: float) -> None:
    canvas.shape(
        at.at(loop([(-0.55, 0.12), (-0.42, -0.3), (0.0, -0.44), (0.42, -0.3), (0.55, 0.12), (0.0, 0.26)])), CRUST, pen
    )
    for x in (-0.26, 0.0, 0.26):
        canvas.flick(at.at(curve([(x - 0.1, -0.3), (x + 0.02, -0.1), (x - 0.02, 0.12)])), pen * 0.8)


_PROPS: dict[Prop, Callable[[Canvas, Frame, float], None]] = {
    "rice ball": _rice_ball,
    "cup": _cup,
    "book": _book,
    "telescope": _telescope,
    "console": _console,
    "loaf": _loaf,
}
