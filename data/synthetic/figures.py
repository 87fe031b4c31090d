"""Whole figures: body, arms and legs in a pose, and the head on top; unit of the body's frame: half a head's width."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data.synthetic.canvas import Canvas
from data.synthetic.clothes import draw_torso
from data.synthetic.faces import Face, Look, draw_brows, draw_features, draw_head, draw_marks
from data.synthetic.geometry import Frame
from data.synthetic.hair import draw_back, draw_braids, draw_front, fringe
from data.synthetic.headwear import draw_extra
from data.synthetic.limbs import Gesture, Stance, draw_arm, draw_forearm, draw_legs
from data.synthetic.props import Prop, draw_prop
from data.synthetic.series import Character, Style

FEET = 5.55
"""How far the soles lie below the middle of the head, in head units."""


@dataclass(frozen=True)
class Pose:
    """What arms (left, right on the paper) and legs do, and how far the head is tilted in degrees."""

    left: Gesture = "down"
    right: Gesture = "down"
    stance: Stance = "stand"
    tilt: float = 0.0
    prop: Prop | None = None


def pen_width(unit: float) -> float:
    """Return the contour width in page units for a figure of this size: thinner on small figures."""
    return float(np.clip(0.9 + 0.042 * unit, 1.2, 2.4))


def draw_figure(
    canvas: Canvas, character: Character, at: Frame, look: Look, pose: Pose, style: Style, *, legs: bool
) -> None:
    """Draw a character whose head's middle is the frame's origin; `legs` False for half figures and close-ups."""
    pen = pen_width(at.unit) * style.pen
    head = at.place(0.0, 0.0, 1.0, pose.tilt)
    draw_back(canvas, head, character.hair_style, character.hair, pen)
    if legs:
        draw_legs(canvas, at, character, pose.stance, pen)
    for side, gesture in ((-1.0, pose.left), (1.0, pose.right)):
        draw_arm(canvas, at, character, gesture, side, pen)
    _draw_neck(canvas, at, character, pen)
    draw_torso(canvas, at, character, pen)
    _draw_head(canvas, head, character, look, style, pen)
    if pose.prop is not None:
        draw_prop(canvas, pose.prop, at.place(0.0, 2.36), pen)
    for side, gesture in ((-1.0, pose.left), (1.0, pose.right)):
        draw_forearm(canvas, at, character, gesture, side, pen)


def _draw_head(canvas: Canvas, head: Frame, character: Character, look: Look, style: Style, pen: float) -> None:
    face = Face(head, look, character.skin, character.eyes, pen, style)
    draw_head(canvas, face, head.at(fringe(character.hair_style, look.turn)))
    draw_features(canvas, face)
    draw_front(canvas, head, character.hair_style, look.turn, character.hair, pen)
    if character.hair_style == "braids":
        draw_braids(canvas, head, character.hair, character.main, pen)
    draw_brows(canvas, face)
    draw_extra(canvas, head, character, look.turn, pen)
    draw_marks(canvas, face)


def _draw_neck(canvas: Canvas, body: Frame, character: Character, pen: float) -> None:
    neck = [(-0.26, 0.8), (-0.25, 1.25), (-0.45, 1.45), (0.0, 1.85), (0.45, 1.45), (0.25, 1.25), (0.26, 0.8)]
    canvas.shape(body.at(neck), character.skin, pen)
    canvas.recolour(
        body.at([(-0.4, 0.7), (-0.4, 1.2), (0.0, 1.5), (0.4, 1.2), (0.4, 0.7)]), character.skin, character.skin.shadow()
    )
