"""Faces: head outline, eyes, brows, nose and mouth by expression, in a frame whose unit is half a head's width."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from data.synthetic.canvas import INK, WHITE, Canvas, Material, Rgb, mix, rgb
from data.synthetic.geometry import Frame, Points, as_points, curve, ellipse, loop, moved
from data.synthetic.series import Style
from data.synthetic.tone import Screen, Tone

Expression = Literal["calm", "happy", "laughing", "angry", "sad", "surprised", "shy", "smug", "shouting"]
EXPRESSIONS: tuple[Expression, ...] = get_args(Expression)

BLUSH = Material(rgb("f79a8e"), Tone(Screen.SLASH, 0.3))
MOUTH = Material(rgb("b8323e"), Tone(Screen.DOTS, 0.85))
TONGUE = Material(rgb("f2828a"), Tone(Screen.FINE, 0.15))
DROP = Material(rgb("a8dcf5"))

_LEFT_OUTLINE = [(-0.5, -0.92), (-0.9, -0.45), (-0.97, 0.1), (-0.86, 0.55), (-0.52, 0.94), (-0.12, 1.14)]
_BROWS: dict[Expression, tuple[float, float]] = {
    "calm": (0.0, 0.0), "happy": (-0.06, -0.03), "laughing": (-0.08, -0.04), "angry": (-0.10, 0.16),
    "sad": (0.10, -0.12), "surprised": (-0.12, -0.10), "shy": (0.06, -0.08), "smug": (-0.03, 0.08), "shouting": (-0.14, 0.12),
}  # fmt: skip
"""Heights of the outer and the inner end of a brow above its rest."""


@dataclass(frozen=True)
class Look:
    """How a face is turned (-1 left to 1 right) and what it shows."""

    turn: float = 0.0
    expression: Expression = "calm"


@dataclass(frozen=True)
class Face:
    """A face to draw: frame of the head, its look, colours, and the pen's width in page units."""

    frame: Frame
    look: Look
    skin: Material
    eyes: Rgb
    pen: float
    style: Style

    def at(self, points: object) -> Points:
        """Return points of the flat face in page units, turned with the head."""
        flat = as_points(np.asarray(points, dtype=np.float64))
        turn = self.look.turn
        narrowing = np.where(np.sign(flat[:, 0]) == np.sign(turn), 1 - 0.22 * abs(turn), 1 - 0.04 * abs(turn))
        shifted = np.stack([flat[:, 0] * narrowing + 0.26 * turn, flat[:, 1]], axis=1)
        return self.frame.at(shifted)


def outline(turn: float) -> Points:
    """Return the head's outline [n, 2] in head units; turned heads have a flatter far cheek and a shifted chin."""
    left = as_points(_LEFT_OUTLINE)
    points = np.vstack([left, (left * [-1.0, 1.0])[::-1]])
    below = np.clip((points[:, 1] - 0.2) / 0.95, 0, 1)
    points[:, 0] += 0.24 * turn * below
    far = np.sign(points[:, 0]) == np.sign(turn)
    points[:, 0] *= np.where(far, 1 - 0.06 * abs(turn), 1.0)
    return loop(points)


def draw_head(canvas: Canvas, face: Face, fringe: Points | None) -> None:
    """Draw ears and skin, with the shadow that the fringe (page units) casts on the forehead."""
    for side in (-1.0, 1.0):
        if side * face.look.turn < 0.5:
            ear = face.frame.at(ellipse(side * 0.97 - 0.04 * face.look.turn, 0.22, 0.17, 0.25))
            canvas.shape(ear, face.skin, face.pen)
    canvas.shape(face.frame.at(outline(face.look.turn)), face.skin, face.pen)
    if fringe is not None:
        canvas.recolour(moved(fringe, 0.0, 0.16 * face.frame.unit), face.skin, face.skin.shadow())


def draw_features(canvas: Canvas, face: Face) -> None:
    """Draw eyes, nose, mouth and blush."""
    expression = face.look.expression
    if expression in ("happy", "laughing", "shy", "smug"):
        _draw_blush(canvas, face)
    for side in (-1.0, 1.0):
        if expression == "laughing" or (expression == "smug" and side > 0):
            _draw_closed_eye(canvas, face, side)
        else:
            _draw_eye(canvas, face, side)
    nose = [(0.02, 0.44), (0.07 if face.look.turn >= 0 else -0.03, 0.53), (0.0, 0.55)]
    canvas.flick(curve(face.at(nose)), face.pen * 0.7)
    _MOUTHS[expression](canvas, face)


def draw_brows(canvas: Canvas, face: Face) -> None:
    """Draw the brows; manga draws them over the fringe."""
    outer, inner = _BROWS[face.look.expression]
    for side in (-1.0, 1.0):
        points = [(side * 0.70, -0.20 + outer), (side * 0.45, -0.32 + (outer + inner) / 2), (side * 0.2, -0.22 + inner)]
        canvas.stroke(curve(face.at(points)), [face.pen * 0.5, face.pen * 1.3, face.pen * 1.1])


def draw_marks(canvas: Canvas, face: Face) -> None:
    """Draw the conventional marks beside a head: a drop of sweat, a vein of anger."""
    side = -1.0 if face.look.turn > 0 else 1.0
    if face.look.expression in ("shy", "sad"):
        drop = [(0.0, -0.24), (0.12, 0.05), (0.0, 0.17), (-0.12, 0.05)]
        canvas.shape(face.frame.place(side * 1.02, -0.3).at(loop(drop)), DROP, face.pen * 0.7)
    if face.look.expression == "angry":
        for angle in (0, 90, 180, 270):
            arm = face.frame.place(side * 0.72, -0.82, 0.24, angle).at(curve([(0.25, 0.9), (0.3, 0.3), (0.9, 0.25)]))
            canvas.line(arm, face.pen * 1.2, Material(rgb("d8343f"), Tone(Screen.DOTS, 1.0)))


def _eye_height(expression: Expression) -> float:
    return {"surprised": 1.16, "shouting": 1.08, "sad": 0.9, "shy": 0.86, "angry": 0.86, "smug": 0.74}.get(
        expression, 1.0
    )


def _draw_eye(canvas: Canvas, face: Face, side: float) -> None:
    tall = _eye_height(face.look.expression)
    small = face.look.expression in ("surprised", "shouting")
    centre_x, centre_y = side * 0.45, 0.18

    def at(points: object) -> Points:
        flat = as_points(np.asarray(points, dtype=np.float64)) * [
            side * 0.29 * face.style.eye_width,
            0.31 * tall * face.style.eye_height,
        ]
        return face.at(moved(flat, centre_x, centre_y))

    white = loop([(-0.92, 0.35), (-0.8, -0.5), (0.0, -1.0), (0.85, -0.55), (0.95, 0.25), (0.5, 0.95), (-0.4, 0.98)])
    canvas.fill(at(white), WHITE)
    gaze = side * 0.14 * face.look.turn
    wide, high = (0.5, 0.66) if small else (0.64, 0.92)
    iris = Material(face.eyes, Tone(Screen.FINE, 0.3))
    canvas.fill(at(ellipse(gaze, 0.04, wide, high)), INK)
    canvas.fill(at(ellipse(gaze, 0.06, wide * 0.84, high * 0.88)), iris)
    canvas.recolour(
        at(ellipse(gaze, -high * 0.5, wide, high * 0.62)),
        iris,
        Material(mix(face.eyes, (20, 10, 40), 0.5), Tone(Screen.FINE, 0.75)),
    )
    canvas.recolour(
        at(ellipse(gaze, high * 0.72, wide * 0.6, high * 0.32)), iris, Material(mix(face.eyes, (255, 255, 255), 0.5))
    )
    canvas.fill(at(ellipse(gaze, 0.06, wide * 0.34, high * 0.42)), INK)
    canvas.fill(at(ellipse(gaze - side * 0.28, -0.4, 0.24, 0.27)), WHITE)
    canvas.fill(at(ellipse(gaze + side * 0.25, 0.45, 0.12, 0.13)), WHITE)
    lash = curve(at([(-0.95, 0.1), (-0.75, -0.55), (0.0, -1.0), (0.8, -0.7), (1.12, 0.05)]))
    canvas.stroke(lash, np.array([0.5, 1.0, 1.5, 2.0, 1.2]) * face.pen)
    canvas.flick(curve(at([(0.15, 1.04), (0.55, 0.95), (0.85, 0.66)])), face.pen * 0.7)


def _draw_closed_eye(canvas: Canvas, face: Face, side: float) -> None:
    points = [(side * 0.20, 0.27), (side * 0.45, 0.02), (side * 0.72, 0.27)]
    canvas.stroke(curve(face.at(points)), np.array([0.8, 1.7, 0.8]) * face.pen)


def _draw_blush(canvas: Canvas, face: Face) -> None:
    for side in (-1.0, 1.0):
        canvas.recolour(face.at(ellipse(side * 0.60, 0.57, 0.21, 0.11)), face.skin, BLUSH)


def _arc(canvas: Canvas, face: Face, points: list[tuple[float, float]]) -> None:
    canvas.stroke(curve(face.at(points)), np.array([0.6, 1.1, 0.6]) * face.pen)


def _open_mouth(canvas: Canvas, face: Face, points: list[tuple[float, float]]) -> None:
    canvas.shape(loop(face.at(points)), MOUTH, face.pen * 0.9)
    shape = as_points(points)
    middle, low = shape.mean(axis=0), float(shape[:, 1].max())
    canvas.recolour(face.at(ellipse(float(middle[0]), low, 0.15, 0.13)), MOUTH, TONGUE)


def _calm(canvas: Canvas, face: Face) -> None:
    _arc(canvas, face, [(-0.14, 0.78), (0.0, 0.81), (0.14, 0.78)])


def _happy(canvas: Canvas, face: Face) -> None:
    _arc(canvas, face, [(-0.27, 0.72), (0.0, 0.87), (0.27, 0.72)])


def _laughing(canvas: Canvas, face: Face) -> None:
    _open_mouth(canvas, face, [(-0.3, 0.68), (0.0, 0.71), (0.3, 0.68), (0.2, 0.9), (0.0, 0.98), (-0.2, 0.9)])


def _angry(canvas: Canvas, face: Face) -> None:
    _arc(canvas, face, [(-0.2, 0.84), (0.0, 0.74), (0.2, 0.84)])


def _sad(canvas: Canvas, face: Face) -> None:
    _arc(canvas, face, [(-0.17, 0.84), (-0.06, 0.77), (0.06, 0.82), (0.17, 0.78)])


def _surprised(canvas: Canvas, face: Face) -> None:
    _open_mouth(canvas, face, [(0.0, 0.68), (0.12, 0.8), (0.0, 0.94), (-0.12, 0.8)])


def _shy(canvas: Canvas, face: Face) -> None:
    _arc(canvas, face, [(-0.16, 0.78), (-0.06, 0.84), (0.04, 0.77), (0.15, 0.82)])


def _smug(canvas: Canvas, face: Face) -> None:
    _arc(canvas, face, [(-0.2, 0.8), (0.05, 0.83), (0.26, 0.68)])


def _shouting(canvas: Canvas, face: Face) -> None:
    _open_mouth(canvas, face, [(-0.25, 0.66), (0.0, 0.62), (0.25, 0.66), (0.24, 0.92), (0.0, 1.02), (-0.24, 0.92)])


_MOUTHS = {
    "calm": _calm, "happy": _happy, "laughing": _laughing, "angry": _angry, "sad": _sad, "surprised": _surprised,
    "shy": _shy, "smug": _smug, "shouting": _shouting,
}  # fmt: skip
