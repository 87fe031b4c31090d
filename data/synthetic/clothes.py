"""Torsos: the cut of each outfit over neck, shoulders and hips, in the body's frame (unit: half a head's width)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from data.synthetic.canvas import WHITE, Canvas, Material, rgb
from data.synthetic.geometry import Frame, Points, as_points, curve, ellipse, path
from data.synthetic.series import Character, Outfit
from data.synthetic.tone import Screen, Tone

SCARF = Material(rgb("e03a46"), Tone(Screen.DOTS, 0.38))
BUTTON = Material(rgb("f2b632"))
_LONG: frozenset[Outfit] = frozenset({"kimono", "robe", "dress", "sailor", "apron"})


def trousers(character: Character) -> Material | None:
    """Return the material of the legs' cloth, or None where the legs are bare."""
    if character.outfit in ("stripes", "hoodie", "blazer", "jacket"):
        return Material(rgb("41507f"), Tone(Screen.UPRIGHT, 0.45))
    return None


def sleeve(character: Character) -> Material:
    """Return the material of the sleeves."""
    return WHITE if character.outfit == "apron" else character.main


def _torso(outfit: Outfit) -> Points:
    """Shoulders to hem; long outfits widen into a skirt."""
    left = [(-0.24, 1.28), (-0.62, 1.42), (-0.88, 1.72)]
    waist = [(-0.88, 1.72), (-0.66, 2.3), (-0.62, 2.75)]
    hem = [(-0.62, 2.75), (-0.92, 3.6), (-1.12, 4.35)] if outfit in _LONG else [(-0.62, 2.75), (-0.7, 3.2), (-0.7, 3.5)]
    bottom = 4.35 if outfit in _LONG else 3.5
    half = path([left, waist, hem])
    middle = curve([(half[-1, 0], bottom), (0.0, bottom + 0.14), (-half[-1, 0], bottom)])
    return np.vstack([half, middle, (half * [-1.0, 1.0])[::-1]])


def draw_torso(canvas: Canvas, body: Frame, character: Character, pen: float) -> None:
    """Draw the outfit without sleeves."""
    canvas.shape(body.at(_torso(character.outfit)), character.main, pen)
    shade = [(0.35, 1.2), (0.55, 2.2), (0.3, 2.8), (0.5, 4.6), (1.4, 4.6), (1.2, 1.2)]
    canvas.recolour(body.at(shade), character.main, character.main.shadow())
    _CUTS[character.outfit](canvas, body, character, pen)


def _sides(points: list[tuple[float, float]]) -> list[Points]:
    return [as_points(points) * [side, 1.0] for side in (-1.0, 1.0)]


def _skirt(canvas: Canvas, body: Frame, material: Material, pen: float) -> None:
    skirt = path(
        [
            [(-0.64, 2.72), (-0.92, 3.6), (-1.14, 4.37)],
            [(-1.14, 4.37), (0.0, 4.52), (1.14, 4.37)],
            [(1.14, 4.37), (0.92, 3.6), (0.64, 2.72)],
        ]
    )
    canvas.shape(body.at(skirt), material, pen)
    canvas.recolour(body.at([(0.3, 2.6), (0.55, 4.6), (1.4, 4.6), (1.2, 2.6)]), material, material.shadow())
    for x in (-0.5, -0.15, 0.2, 0.55):
        canvas.flick(body.at(curve([(x * 0.7, 2.95), (x, 3.6), (x * 1.35, 4.4)])), pen * 0.8)


def _kimono(canvas: Canvas, body: Frame, character: Character, pen: float) -> None:
    for collar in _sides([(0.28, 1.22), (0.05, 1.8), (-0.32, 2.3), (-0.32, 2.52), (0.22, 1.95), (0.48, 1.34)]):
        canvas.shape(body.at(collar), character.second, pen * 0.8)
    sash = path([[(-0.68, 2.32), (0.0, 2.42), (0.68, 2.32)], [(0.68, 2.84), (0.0, 2.94), (-0.68, 2.84)]])
    canvas.shape(body.at(sash), character.second, pen)
    canvas.line(body.at([(-0.6, 2.6), (0.0, 2.68), (0.6, 2.6)]), pen * 0.7)
    canvas.flick(body.at(curve([(0.05, 2.95), (-0.1, 3.6), (-0.3, 4.4)])), pen)


def _sailor(canvas: Canvas, body: Frame, character: Character, pen: float) -> None:
    _skirt(canvas, body, character.second, pen)
    for collar in _sides([(0.26, 1.26), (0.78, 1.52), (0.62, 2.0), (0.0, 2.15), (0.0, 1.95)]):
        canvas.shape(body.at(collar), character.second, pen)
    for wing in _sides([(0.0, 2.05), (0.42, 2.0), (0.36, 2.5)]):
        canvas.shape(body.at(wing), SCARF, pen * 0.8)
    canvas.shape(body.at(ellipse(0.0, 2.12, 0.14, 0.13)), SCARF, pen * 0.8)


def _stripes(canvas: Canvas, body: Frame, character: Character, pen: float) -> None:
    for y in (1.72, 2.16, 2.6, 3.04):
        band = path([[(-1.0, y), (0.0, y + 0.1), (1.0, y)], [(1.0, y + 0.2), (0.0, y + 0.3), (-1.0, y + 0.2)]])
        canvas.recolour(body.at(band), character.main, character.second)
        canvas.recolour(body.at(band), character.main.shadow(), character.second)
    for wing in _sides([(0.02, 1.52), (0.4, 1.36), (0.46, 1.72), (0.1, 1.86)]):
        canvas.shape(body.at(wing), SCARF, pen * 0.8)


def _hoodie(canvas: Canvas, body: Frame, character: Character, pen: float) -> None:
    for hood in _sides([(0.0, 1.72), (0.3, 1.2), (0.72, 1.3), (0.62, 1.66), (0.2, 1.9)]):
        canvas.shape(body.at(hood), character.second, pen)
    for string in _sides([(0.16, 1.84), (0.2, 2.3)]):
        canvas.line(body.at(string), pen * 0.9)
    pocket = [(-0.42, 2.7), (0.42, 2.7), (0.56, 3.2), (-0.56, 3.2)]
    canvas.shape(body.at(pocket), character.main, pen * 0.8)


def _blazer(canvas: Canvas, body: Frame, character: Character, pen: float) -> None:
    canvas.shape(body.at([(-0.34, 1.28), (0.34, 1.28), (0.0, 2.4)]), WHITE, pen * 0.8)
    canvas.shape(
        body.at([(-0.1, 1.4), (0.1, 1.4), (0.13, 2.1), (0.0, 2.35), (-0.13, 2.1)]), character.second, pen * 0.8
    )
    for lapel in _sides([(0.3, 1.24), (0.56, 1.42), (0.46, 1.9), (0.0, 2.45)]):
        canvas.shape(body.at(lapel), character.main, pen * 0.8)
    canvas.line(body.at([(0.0, 2.45), (0.02, 3.55)]), pen * 0.8)
    for y in (2.68, 3.05):
        canvas.shape(body.at(ellipse(0.16, y, 0.07, 0.07)), BUTTON, pen * 0.6)


def _robe(canvas: Canvas, body: Frame, character: Character, pen: float) -> None:
    cape = path(
        [
            [(-0.2, 1.26), (-0.8, 1.44), (-1.08, 2.0)],
            [(-1.08, 2.0), (0.0, 2.26), (1.08, 2.0)],
            [(1.08, 2.0), (0.8, 1.44), (0.2, 1.26)],
        ]
    )
    canvas.shape(body.at(cape), character.main, pen)
    trim = path([[(-1.08, 1.92), (0.0, 2.16), (1.08, 1.92)], [(1.12, 2.08), (0.0, 2.34), (-1.12, 2.08)]])
    canvas.shape(body.at(trim), character.second, pen * 0.8)
    canvas.shape(body.at(ellipse(0.0, 1.62, 0.17, 0.17)), character.second, pen * 0.8)
    canvas.shape(body.at([(-0.66, 2.66), (0.66, 2.66), (0.68, 2.9), (-0.68, 2.9)]), character.second, pen * 0.8)
    canvas.flick(body.at(curve([(0.0, 2.95), (0.05, 3.6), (0.0, 4.4)])), pen)


def _apron(canvas: Canvas, body: Frame, character: Character, pen: float) -> None:
    bib = path(
        [
            [(-0.38, 1.6), (0.0, 1.66), (0.38, 1.6)],
            [(0.46, 2.6), (0.78, 3.4), (0.82, 4.05)],
            [(0.82, 4.05), (0.0, 4.2), (-0.82, 4.05)],
            [(-0.82, 4.05), (-0.78, 3.4), (-0.46, 2.6)],
        ]
    )
    for strap in _sides([(0.3, 1.65), (0.42, 1.3)]):
        canvas.line(body.at(strap), pen * 2.2)
        canvas.line(body.at(strap), pen * 1.2, character.second)
    canvas.shape(body.at(bib), character.second, pen)
    canvas.line(body.at(curve([(-0.5, 2.66), (0.0, 2.74), (0.5, 2.66)])), pen)
    canvas.shape(
        body.at(path([[(-0.36, 3.05), (0.0, 3.1), (0.36, 3.05)], [(0.34, 3.4), (0.0, 3.62), (-0.34, 3.4)]])),
        character.second,
        pen * 0.8,
    )


def _jacket(canvas: Canvas, body: Frame, character: Character, pen: float) -> None:
    canvas.shape(body.at([(-0.32, 1.28), (0.32, 1.28), (0.24, 3.5), (-0.24, 3.5)]), character.second, pen * 0.8)
    for lapel in _sides([(0.26, 1.2), (0.68, 1.36), (0.6, 1.9), (0.28, 2.0)]):
        canvas.shape(body.at(lapel), character.main, pen * 0.8)
    for pocket in _sides([(0.36, 2.95), (0.6, 2.85)]):
        canvas.line(body.at(pocket), pen)


def _dress(canvas: Canvas, body: Frame, character: Character, pen: float) -> None:
    collar = path(
        [
            [(-0.5, 1.32), (-0.4, 1.7), (0.0, 1.6)],
            [(0.0, 1.6), (0.4, 1.7), (0.5, 1.32)],
            [(0.5, 1.32), (0.0, 1.5), (-0.5, 1.32)],
        ]
    )
    canvas.shape(body.at(collar), character.second, pen * 0.8)
    belt = path([[(-0.66, 2.62), (0.0, 2.7), (0.66, 2.62)], [(0.66, 2.84), (0.0, 2.92), (-0.66, 2.84)]])
    canvas.shape(body.at(belt), character.second, pen * 0.8)
    hem = path([[(-1.08, 4.1), (0.0, 4.24), (1.08, 4.1)], [(1.14, 4.37), (0.0, 4.52), (-1.14, 4.37)]])
    canvas.shape(body.at(hem), character.second, pen * 0.8)
    for x in (-0.3, 0.25):
        canvas.flick(body.at(curve([(x * 0.7, 3.0), (x, 3.6), (x * 1.3, 4.1)])), pen * 0.8)


_CUTS: dict[Outfit, Callable[[Canvas, Frame, Character, float], None]] = {
    "kimono": _kimono,
    "sailor": _sailor,
    "stripes": _stripes,
    "hoodie": _hoodie,
    "blazer": _blazer,
    "robe": _robe,
    "apron": _apron,
    "jacket": _jacket,
    "dress": _dress,
}
