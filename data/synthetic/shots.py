"""Shots, what one panel shows: a close-up, a half figure, two who talk, whole figures in a place, or the place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from data.synthetic import interiors, places, seaside
from data.synthetic.balloons import Box
from data.synthetic.canvas import Canvas
from data.synthetic.effects import draw_mood
from data.synthetic.faces import EXPRESSIONS, Expression, Look
from data.synthetic.figures import FEET, Pose, draw_figure, pen_width
from data.synthetic.geometry import Frame
from data.synthetic.limbs import STANCES, Gesture, Stance
from data.synthetic.mascots import Mascot, draw_mascot
from data.synthetic.props import Prop
from data.synthetic.series import Character, PlaceName, Style

Shot = Literal["close", "half", "duo", "full", "group", "place"]
Rng = np.random.Generator

PLACES: dict[PlaceName, Callable[[Canvas, Rng], None]] = {
    "hills": places.hills, "forest": places.forest, "shrine": places.shrine, "sea": seaside.sea, "beach": seaside.beach,
    "town": places.town, "city": places.city, "night city": places.night_city, "night hills": places.night_hills,
    "blossoms": places.blossoms, "sunset sea": seaside.sunset_sea, "class": interiors.classroom, "room": interiors.room,
    "library": interiors.library, "cafe": interiors.cafe, "cabin": interiors.cabin, "laboratory": interiors.laboratory,
}  # fmt: skip

_WIDE: tuple[tuple[Shot, float], ...] = (
    ("duo", 0.38),
    ("half", 0.14),
    ("close", 0.20),
    ("group", 0.18),
    ("place", 0.10),
)
_TALL: tuple[tuple[Shot, float], ...] = (("half", 0.40), ("close", 0.28), ("full", 0.32))
_EVEN: tuple[tuple[Shot, float], ...] = (
    ("half", 0.32),
    ("close", 0.28),
    ("duo", 0.20),
    ("full", 0.16),
    ("place", 0.04),
)


_MOODY: dict[Shot, float] = {"close": 0.65, "half": 0.4, "duo": 0.2}
"""How often a mood takes the place of the background."""


@dataclass(frozen=True)
class Speaker:
    """A drawn person: boxes of head and body, where the mouth is (panel units), and what the face shows."""

    head: Box
    body: Box
    mouth: tuple[float, float]
    expression: Expression


@dataclass(frozen=True)
class Scene:
    """What a chapter draws from: its people and places, companion and prop, and the artist's hand."""

    cast: Sequence[Character]
    places: Sequence[PlaceName]
    mascot: Mascot
    prop: Prop
    style: Style


@dataclass(frozen=True)
class Drawn:
    """What a panel shows: the heads and the characters."""

    speakers: list[Speaker]
    characters: list[Character]


def draw_shot(canvas: Canvas, rng: Rng, scene: Scene) -> Drawn:
    """Fill the canvas with a shot that suits its proportions."""
    shot = _choose(canvas, rng)
    cast = [scene.cast[int(i)] for i in rng.permutation(len(scene.cast))]
    looks = [_look(rng) for _ in cast]
    if rng.random() < _MOODY.get(shot, 0.0):
        draw_mood(canvas, rng, looks[0].expression)
    else:
        PLACES[scene.places[int(rng.integers(len(scene.places)))]](canvas, rng)
    frames, legs = _frames(canvas, rng, shot)
    _accompany(canvas, rng, scene, shot, frames)
    speakers = []
    for character, look, frame in zip(cast, looks, frames, strict=False):
        facing = Look(_facing(canvas, frame, look.turn, len(frames)), look.expression)
        draw_figure(canvas, character, frame, facing, _pose(rng, shot, look.expression, scene), scene.style, legs=legs)
        speakers.append(_speaker(frame, facing))
    return Drawn(speakers, cast[: len(frames)])


def _choose(canvas: Canvas, rng: Rng) -> Shot:
    ratio = canvas.width / canvas.height
    table = _WIDE if ratio > 1.35 else _TALL if ratio < 0.85 or canvas.width < 140 else _EVEN
    return table[int(rng.choice(len(table), p=np.array([share for _, share in table])))][0]


def _accompany(canvas: Canvas, rng: Rng, scene: Scene, shot: Shot, frames: list[Frame]) -> None:
    """Whole figures often have the companion at their feet; it has empty places to itself."""
    foot = 0.965 * canvas.height
    if shot == "full" and rng.random() < 0.6:
        unit, side = frames[0].unit * 1.05, 1.0 if frames[0].x < canvas.width / 2 else -1.0
        place = Frame(frames[0].x + side * 2.3 * frames[0].unit, foot - unit, unit, flip=side > 0)
        draw_mascot(canvas, scene.mascot, place, pen_width(unit))
    if shot == "place":
        unit = 0.24 * min(canvas.height, canvas.width)
        x = float(rng.uniform(0.25, 0.75)) * canvas.width
        draw_mascot(canvas, scene.mascot, Frame(x, foot - unit, unit, flip=bool(rng.random() < 0.5)), pen_width(unit))


def _look(rng: Rng) -> Look:
    return Look(float(rng.uniform(-0.9, 0.9)), EXPRESSIONS[int(rng.integers(len(EXPRESSIONS)))])


def _facing(canvas: Canvas, frame: Frame, turn: float, people: int) -> float:
    """People who share a panel look towards its middle."""
    if people == 1:
        return turn
    return abs(turn) if frame.x < canvas.width / 2 else -abs(turn)


def _speaker(frame: Frame, look: Look) -> Speaker:
    x, y, unit = frame.x, frame.y, frame.unit
    head = (x - 1.05 * unit, y - 1.15 * unit, x + 1.05 * unit, y + 1.2 * unit)
    body = (x - 0.9 * unit, y + 1.2 * unit, x + 0.9 * unit, y + 3.2 * unit)
    return Speaker(head, body, (x + 0.2 * look.turn * unit, y + 0.8 * unit), look.expression)


def _frames(canvas: Canvas, rng: Rng, shot: Shot) -> tuple[list[Frame], bool]:
    """Heads of the people in the shot, and whether they are seen down to the feet."""
    wide, high = canvas.width, canvas.height
    sway = float(rng.uniform(-0.08, 0.08))
    if shot == "close":
        unit = min(0.35 * high, 0.36 * wide) * float(rng.uniform(0.92, 1.1))
        side = sway if wide < 1.3 * high else float(rng.choice([-0.2, 0.2]))
        return [Frame((0.5 + side) * wide, 0.56 * high, unit)], False
    if shot == "half":
        unit = min(0.21 * high, 0.25 * wide) * float(rng.uniform(0.92, 1.08))
        side = sway if wide < 1.2 * high else float(rng.choice([-0.2, 0.2]))
        return [Frame((0.5 + side) * wide, high - 3.1 * unit, unit)], False
    if shot == "duo":
        unit = min(0.21 * high, 0.135 * wide) * float(rng.uniform(0.95, 1.05))
        return [Frame(x * wide, high - (3.0 + lift) * unit, unit) for x, lift in ((0.27, 0.0), (0.73, sway * 3))], False
    if shot == "full":
        unit = min(high / (FEET + 2.5), wide / 4.2)
        return [Frame((0.5 + sway) * wide, 0.965 * high - FEET * unit, unit)], True
    if shot == "group":
        unit = min(high / (FEET + 2.3), wide / 9.5)
        return [Frame(x * wide, 0.965 * high - FEET * unit, unit) for x in (0.22, 0.5, 0.78)], True
    return [], False


_FITTING: dict[Expression, tuple[Gesture, ...]] = {
    "happy": ("wave", "down", "hip", "hold"),
    "laughing": ("cheer", "wave", "chest"),
    "angry": ("hip", "point", "down"),
    "sad": ("down", "chest", "hold"),
    "surprised": ("cheer", "chest", "hold"),
    "shy": ("chest", "chin", "down", "hold"),
    "smug": ("hip", "chin", "point"),
    "shouting": ("point", "cheer", "hip"),
    "calm": ("down", "hip", "wave", "chin", "hold"),
}


def _pose(rng: Rng, shot: Shot, expression: Expression, scene: Scene) -> Pose:
    choices = _FITTING[expression]
    if shot in ("duo", "group"):
        choices = tuple(gesture for gesture in choices if gesture != "point")
    left, right = (choices[int(i)] for i in rng.integers(len(choices), size=2))
    stance: Stance = "jump" if expression in ("laughing", "shouting") else STANCES[int(rng.integers(2))]
    tilt = float(rng.uniform(-7, 7))
    if "hold" in (left, right):
        return Pose("hold", "hold", stance, tilt, scene.prop)
    if right in ("chin", "chest", "point"):
        left = "hip" if left == "hip" else "down"
    elif left in ("chin", "chest", "point"):
        right = "hip" if right == "hip" else "down"
    return Pose(left, right, stance, tilt)
