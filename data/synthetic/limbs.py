"""Arms and legs in the body's frame (unit: half a head's width)."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from data.synthetic.canvas import WHITE, Canvas, Material, rgb
from data.synthetic.clothes import sleeve, trousers
from data.synthetic.geometry import Frame, Points, as_points, curve, ellipse, loop, moved, ribbon
from data.synthetic.series import Character
from data.synthetic.tone import Screen, Tone

Gesture = Literal["down", "hip", "wave", "cheer", "chest", "point", "chin", "hold"]
Stance = Literal["stand", "walk", "jump"]
STANCES: tuple[Stance, ...] = get_args(Stance)
_SHOULDER = as_points([(0.5, 1.78), (0.8, 1.88)])
SHOES = Material(rgb("8a4326"), Tone(Screen.DOTS, 0.6))

_ARMS: dict[Gesture, tuple[tuple[float, float], tuple[float, float], bool]] = {
    "down": ((1.12, 2.4), (1.1, 3.15), False),
    "hip": ((1.45, 2.35), (0.82, 2.85), True),
    "wave": ((1.5, 2.25), (1.72, 1.25), False),
    "cheer": ((1.55, 1.3), (1.72, 0.2), False),
    "chest": ((1.12, 2.5), (0.3, 2.35), True),
    "point": ((1.45, 2.1), (2.3, 1.85), False),
    "chin": ((1.12, 2.45), (0.42, 1.42), True),
    "hold": ((1.14, 2.5), (0.62, 2.42), True),
}
"""Elbow and hand of a right-hand-side arm, and whether the forearm lies before the torso."""

_LEGS: dict[Stance, tuple[list[tuple[float, float]], list[tuple[float, float]]]] = {
    "stand": ([(-0.34, 3.2), (-0.38, 4.3), (-0.40, 5.3)], [(0.34, 3.2), (0.38, 4.3), (0.40, 5.3)]),
    "walk": ([(-0.34, 3.2), (-0.62, 4.3), (-0.85, 5.25)], [(0.34, 3.2), (0.62, 4.3), (0.72, 5.3)]),
    "jump": ([(-0.34, 3.2), (-0.85, 4.1), (-0.5, 4.95)], [(0.34, 3.2), (0.75, 4.2), (1.05, 5.1)]),
}


def draw_arm(canvas: Canvas, body: Frame, character: Character, gesture: Gesture, side: float, pen: float) -> None:
    """Draw what lies behind the torso: the whole arm, or the upper arm where the forearm comes before the torso."""
    (elbow, hand), front = as_points(_ARMS[gesture][:2]), _ARMS[gesture][2]
    cloth = sleeve(character)
    if front:
        spine = curve(np.vstack([_SHOULDER, elbow])) * [side, 1.0]
        canvas.shape(body.at(ribbon(spine, [0.3, 0.5, 0.48])), cloth, pen)
        return
    bend = [elbow + 0.3 * (_SHOULDER[1] - elbow), elbow + 0.3 * (hand - elbow)]
    spine = curve(np.vstack([_SHOULDER, *bend, hand])) * [side, 1.0]
    _draw_hand(canvas, body, character, spine, pen, open_hand=gesture in ("wave", "cheer"))
    canvas.shape(body.at(ribbon(spine, [0.3, 0.5, 0.46, 0.44, 0.42 * _width(character)])), cloth, pen)


def draw_forearm(canvas: Canvas, body: Frame, character: Character, gesture: Gesture, side: float, pen: float) -> None:
    """Draw the forearm of those gestures that lay it before the torso."""
    (elbow, hand), front = as_points(_ARMS[gesture][:2]), _ARMS[gesture][2]
    if not front:
        return
    cloth = sleeve(character)
    spine = curve([elbow, (elbow + hand) / 2 + [0.0, 0.05], hand]) * [side, 1.0]
    _draw_hand(canvas, body, character, spine, pen, open_hand=False)
    canvas.shape(body.at(ellipse(elbow[0] * side, elbow[1], 0.24, 0.24)), cloth, pen)
    canvas.shape(body.at(ribbon(spine, [0.46, 0.42 * _width(character)])), cloth, pen)
    canvas.fill(body.at(ellipse(elbow[0] * side, elbow[1], 0.2, 0.2)), cloth)
    upper = as_points([elbow + 0.3 * (_SHOULDER[1] - elbow), elbow]) * [side, 1.0]
    canvas.fill(body.at(ribbon(upper, [0.36, 0.36])), cloth)


def _width(character: Character) -> float:
    return 1.5 if character.outfit in ("kimono", "robe") else 1.0


def _draw_hand(
    canvas: Canvas, body: Frame, character: Character, spine: Points, pen: float, *, open_hand: bool
) -> None:
    along = spine[-1] - spine[-2]
    angle = float(np.degrees(np.arctan2(along[1], along[0])))
    hand = body.place(float(spine[-1, 0]), float(spine[-1, 1]), 1.0, angle)
    if open_hand:
        for spread in (-38, -13, 13, 38):
            finger = hand.place(0.16, 0.0, 1.0, spread).at(ellipse(0.22, 0.0, 0.19, 0.085))
            canvas.shape(finger, character.skin, pen * 0.8)
    canvas.shape(hand.at(ellipse(0.12, 0.0, 0.22, 0.2)), character.skin, pen)
    if open_hand:
        canvas.fill(hand.at(ellipse(0.16, 0.0, 0.18, 0.14)), character.skin)
    else:
        canvas.flick(hand.at(curve([(0.2, -0.12), (0.1, -0.02), (0.16, 0.06)])), pen * 0.7)


def draw_legs(canvas: Canvas, body: Frame, character: Character, stance: Stance, pen: float) -> None:
    """Draw legs, socks and shoes."""
    cloth = trousers(character)
    for side, joints in zip((-1.0, 1.0), _LEGS[stance], strict=True):
        spine = curve(joints)
        sole = loop([(-0.24, -0.12), (0.2, -0.16), (0.36, 0.18), (-0.38, 0.18)])
        foot = body.at(moved(sole, spine[-1, 0] + 0.06 * side, spine[-1, 1] + 0.05))
        canvas.shape(body.at(ribbon(spine, [0.62, 0.46, 0.36])), cloth or character.skin, pen)
        if cloth is None:
            sock = spine[int(len(spine) * 0.55) :]
            canvas.shape(body.at(ribbon(sock, [0.46, 0.4])), WHITE, pen * 0.8)
        canvas.shape(foot, SHOES, pen)
