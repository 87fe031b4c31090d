"""The small companion of each series; its middle is the frame's origin, half its height the unit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from data.synthetic.canvas import INK, WHITE, Canvas, Material, rgb
from data.synthetic.geometry import Frame, as_points, curve, ellipse, loop, path
from data.synthetic.tone import SOLID, Screen, Tone

Mascot = Literal["fox", "gull", "cat", "owl", "robot", "chick"]

FOX = Material(rgb("f0933a"), Tone(Screen.SLASH, 0.2))
CAT = Material(rgb("9aa3b5"), Tone(Screen.LEVEL, 0.3))
OWL = Material(rgb("9a6236"), Tone(Screen.GRAIN, 0.4))
STEEL = Material(rgb("6fc6d6"), Tone(Screen.UPRIGHT, 0.18))
CHICK = Material(rgb("ffdb4a"))
BEAK = Material(rgb("f28a1e"), Tone(Screen.FINE, 0.3))
WING = Material(rgb("a9c3dd"), Tone(Screen.FINE, 0.2))
CHEEK = Material(rgb("f79a8e"), Tone(Screen.SLASH, 0.3))
VISOR = Material(rgb("29335e"), SOLID)
GLOW = Material(rgb("8dff9a"))


def draw_mascot(canvas: Canvas, mascot: Mascot, frame: Frame, pen: float) -> None:
    """Draw the companion; it stands one unit above its feet."""
    _MASCOTS[mascot](canvas, frame, pen)


def _pair(points: list[tuple[float, float]]) -> list[list[tuple[float, float]]]:
    return [[(side * x, y) for x, y in points] for side in (-1.0, 1.0)]


def _beast(canvas: Canvas, at: Frame, coat: Material, belly: Material, pen: float) -> None:
    """A sitting animal with pointed ears and a tail."""
    tail = curve([(0.45, 0.75), (1.1, 0.7), (1.25, 0.1), (1.0, -0.35)])
    canvas.shape(at.at(loop([(0.4, 0.8), (1.0, 0.9), (1.45, 0.3), (1.1, -0.5), (0.95, 0.1), (0.6, 0.45)])), coat, pen)
    canvas.flick(at.at(tail), pen * 0.6)
    canvas.shape(at.at(loop([(-0.3, 0.0), (-0.62, 0.6), (-0.5, 1.0), (0.5, 1.0), (0.62, 0.6), (0.3, 0.0)])), coat, pen)
    canvas.shape(at.at(ellipse(0.0, 0.62, 0.3, 0.34)), belly, pen * 0.7)
    for ear in _pair([(-0.25, -0.72), (-0.62, -1.12), (-0.72, -0.45)]):
        canvas.shape(at.at(ear), coat, pen)
    canvas.shape(
        at.at(loop([(-0.82, -0.2), (-0.5, -0.7), (0.5, -0.7), (0.82, -0.2), (0.4, 0.22), (-0.4, 0.22)])), coat, pen
    )
    canvas.recolour(at.at(ellipse(0.0, 0.12, 0.42, 0.26)), coat, belly)
    _dots(canvas, at, 0.34, -0.25, 0.1)
    canvas.fill(at.at([(-0.09, -0.08), (0.09, -0.08), (0.0, 0.02)]), INK)
    canvas.line(at.at(curve([(-0.18, 0.06), (-0.08, 0.12), (0.0, 0.04), (0.08, 0.12), (0.18, 0.06)])), pen * 0.6)
    for cheek in (-0.55, 0.55):
        canvas.recolour(at.at(ellipse(cheek, -0.02, 0.13, 0.08)), coat, CHEEK)


def _dots(canvas: Canvas, at: Frame, apart: float, y: float, size: float) -> None:
    for side in (-1.0, 1.0):
        canvas.fill(at.at(ellipse(side * apart, y, size, size * 1.3)), INK)
        canvas.fill(at.at(ellipse(side * apart - 0.03, y - 0.05, size * 0.35, size * 0.4)), WHITE)


def _fox(canvas: Canvas, at: Frame, pen: float) -> None:
    _beast(canvas, at, FOX, WHITE, pen)


def _cat(canvas: Canvas, at: Frame, pen: float) -> None:
    _beast(canvas, at, CAT, WHITE, pen)


def _round_bird(canvas: Canvas, at: Frame, coat: Material, wing: Material, pen: float) -> None:
    for foot in (-0.25, 0.25):
        canvas.line(at.at([(foot, 0.75), (foot, 0.98), (foot + 0.14, 0.98)]), pen * 0.8)
    canvas.shape(
        at.at(loop([(0.0, -0.85), (-0.62, -0.5), (-0.78, 0.3), (0.0, 0.85), (0.78, 0.3), (0.62, -0.5)])), coat, pen
    )
    for shape in _pair([(-0.62, -0.1), (-1.05, 0.25), (-0.85, 0.55), (-0.5, 0.4)]):
        canvas.shape(at.at(loop(shape)), wing, pen * 0.9)
    _dots(canvas, at, 0.3, -0.32, 0.1)
    beak = [(-0.16, -0.14), (0.16, -0.14), (0.0, 0.1)]
    canvas.shape(at.at(beak), BEAK, pen * 0.8)


def _gull(canvas: Canvas, at: Frame, pen: float) -> None:
    _round_bird(canvas, at, WHITE, WING, pen)


def _chick(canvas: Canvas, at: Frame, pen: float) -> None:
    _round_bird(canvas, at, CHICK, CHICK, pen)
    canvas.stroke(at.at(curve([(0.0, -0.85), (0.05, -1.05), (0.22, -1.1)])), [pen, pen * 0.4])


def _owl(canvas: Canvas, at: Frame, pen: float) -> None:
    for ear in _pair([(-0.2, -0.75), (-0.6, -1.08), (-0.62, -0.5)]):
        canvas.shape(at.at(ear), OWL, pen)
    _round_bird(canvas, at, OWL, OWL.shadow(), pen)
    for side in (-1.0, 1.0):
        canvas.shape(at.at(ellipse(side * 0.31, -0.3, 0.29, 0.29)), WHITE, pen * 0.8)
    _dots(canvas, at, 0.29, -0.28, 0.13)
    canvas.shape(at.at([(-0.1, -0.12), (0.1, -0.12), (0.0, 0.12)]), BEAK, pen * 0.7)


def _robot(canvas: Canvas, at: Frame, pen: float) -> None:
    canvas.line(at.at([(0.0, -0.75), (0.0, -1.05)]), pen)
    canvas.shape(at.at(ellipse(0.0, -1.08, 0.1, 0.1)), CHICK, pen * 0.7)
    for foot in (-0.3, 0.3):
        canvas.shape(at.at(ellipse(foot, 0.9, 0.22, 0.12)), STEEL.shadow(), pen * 0.8)
    for arm in _pair([(-0.5, 0.3), (-0.85, 0.45), (-0.9, 0.7)]):
        canvas.line(at.at(curve(arm)), pen * 1.6)
    body = path([[(-0.5, 0.1), (0.0, 0.05), (0.5, 0.1)], [(0.45, 0.8), (0.0, 0.9), (-0.45, 0.8)]])
    canvas.shape(at.at(body), STEEL, pen)
    canvas.shape(at.at(ellipse(0.0, 0.48, 0.14, 0.14)), CHEEK, pen * 0.7)
    head = loop(
        as_points(
            [
                (-0.75, -0.65),
                (0.0, -0.78),
                (0.75, -0.65),
                (0.82, -0.25),
                (0.7, 0.1),
                (0.0, 0.18),
                (-0.7, 0.1),
                (-0.82, -0.25),
            ]
        )
    )
    canvas.shape(at.at(head), STEEL, pen)
    canvas.shape(at.at(loop([(-0.55, -0.45), (0.55, -0.45), (0.55, -0.05), (-0.55, -0.05)])), VISOR, pen * 0.8)
    for side in (-1.0, 1.0):
        canvas.fill(at.at(ellipse(side * 0.27, -0.25, 0.11, 0.13)), GLOW)


_MASCOTS: dict[Mascot, Callable[[Canvas, Frame, float], None]] = {
    "fox": _fox,
    "gull": _gull,
    "cat": _cat,
    "owl": _owl,
    "robot": _robot,
    "chick": _chick,
}
