"""What characters wear on the head: ears, hats, ribbons, glasses, headphones."""

from __future__ import annotations

from collections.abc import Callable

from data.synthetic.canvas import WHITE, Canvas, Material, rgb
from data.synthetic.geometry import Frame, as_points, curve, ellipse, loop, moved, path
from data.synthetic.series import Character, Extra
from data.synthetic.tone import Screen, Tone

STRAW = Material(rgb("f3d48a"), Tone(Screen.CROSS, 0.18))
RED = Material(rgb("d8343f"), Tone(Screen.DOTS, 0.38))
NAVY = Material(rgb("2b3f78"), Tone(Screen.DOTS, 0.75))
WITCH = Material(rgb("4a2f86"), Tone(Screen.DOTS, 0.7))
GOLD = Material(rgb("f2b632"))
STEEL = Material(rgb("d9dfea"), Tone(Screen.FINE, 0.1))


def draw_extra(canvas: Canvas, head: Frame, character: Character, turn: float, pen: float) -> None:
    """Draw the character's headwear over hair and face."""
    draw = _EXTRAS.get(character.extra)
    if draw is not None:
        draw(canvas, head.place(0.08 * turn, 0.0), character, pen)


def _fox_ears(canvas: Canvas, head: Frame, character: Character, pen: float) -> None:
    for side in (-1.0, 1.0):
        ear = as_points([(0.28, -1.08), (0.52, -1.55), (0.95, -1.95), (1.08, -1.35), (0.98, -0.68)]) * [side, 1.0]
        canvas.shape(head.at(path([ear[:3], ear[2:]])), character.hair, pen)
        inner = as_points([(0.55, -1.12), (0.68, -1.42), (0.88, -1.65), (0.94, -1.25), (0.88, -0.92)]) * [side, 1.0]
        canvas.shape(head.at(path([inner[:3], inner[2:]])), WHITE, pen * 0.7)


def _straw_hat(canvas: Canvas, head: Frame, character: Character, pen: float) -> None:
    brim = loop(
        [
            (-1.75, -0.62),
            (-0.9, -0.86),
            (0.0, -0.92),
            (0.9, -0.86),
            (1.75, -0.62),
            (0.9, -0.52),
            (0.0, -0.52),
            (-0.9, -0.52),
        ]
    )
    canvas.shape(head.at(brim), STRAW, pen)
    canvas.recolour(head.at(moved(brim, 0.0, 0.2)), STRAW, STRAW.shadow())
    crown = path(
        [
            [(-0.95, -0.8), (-0.85, -1.5), (0.0, -1.85), (0.85, -1.5), (0.95, -0.8)],
            [(0.95, -0.8), (0.0, -0.7), (-0.95, -0.8)],
        ]
    )
    canvas.shape(head.at(crown), STRAW, pen)
    band = path([[(-0.96, -1.04), (0.0, -0.94), (0.96, -1.04)], [(0.96, -0.8), (0.0, -0.7), (-0.96, -0.8)]])
    canvas.shape(head.at(band), RED, pen * 0.8)


def _witch_hat(canvas: Canvas, head: Frame, character: Character, pen: float) -> None:
    cone = path(
        [
            [(-0.98, -0.75), (-0.6, -1.4), (-0.1, -2.2), (0.7, -2.6)],
            [(0.7, -2.6), (0.55, -2.1), (0.7, -1.4), (0.98, -0.75)],
        ]
    )
    canvas.shape(head.at(cone), WITCH, pen)
    band = path([[(-0.92, -0.95), (0.0, -0.86), (0.9, -0.98)], [(0.98, -0.68), (0.0, -0.58), (-0.98, -0.68)]])
    canvas.shape(head.at(band), GOLD, pen * 0.8)
    brim = loop(
        [
            (-1.85, -0.55),
            (-0.9, -0.76),
            (0.0, -0.8),
            (0.9, -0.76),
            (1.85, -0.55),
            (0.9, -0.42),
            (0.0, -0.44),
            (-0.9, -0.42),
        ]
    )
    canvas.shape(head.at(brim), WITCH, pen)


def _captain_hat(canvas: Canvas, head: Frame, character: Character, pen: float) -> None:
    top = loop([(-1.15, -1.1), (-1.0, -1.62), (0.0, -1.78), (1.0, -1.62), (1.15, -1.1), (0.0, -0.95)])
    canvas.shape(head.at(top), WHITE, pen)
    band = path([[(-0.98, -1.12), (0.0, -1.0), (0.98, -1.12)], [(1.0, -0.78), (0.0, -0.66), (-1.0, -0.78)]])
    canvas.shape(head.at(band), NAVY, pen)
    peak = path([[(-0.9, -0.78), (0.0, -0.7), (0.9, -0.78)], [(0.9, -0.78), (0.0, -0.34), (-0.9, -0.78)]])
    canvas.shape(head.at(peak), NAVY.shadow(), pen)
    canvas.shape(head.at(ellipse(0.0, -1.08, 0.2, 0.22)), GOLD, pen * 0.8)


def _ribbon(canvas: Canvas, head: Frame, character: Character, pen: float) -> None:
    sides = (-1.0, 1.0) if character.hair_style in ("twintails", "braids") else (0.75,)
    for side in sides:
        bow = head.place(side * 0.92, -0.72, 0.62, 20.0 * side)
        for flip in (-1.0, 1.0):
            wing = as_points([(0.0, 0.0), (0.45, -0.42), (0.72, -0.3), (0.7, 0.25), (0.45, 0.4)]) * [flip, 1.0]
            canvas.shape(bow.at(loop(wing)), RED if character.hair_style != "braids" else character.main, pen * 0.8)
        canvas.shape(bow.at(ellipse(0.0, 0.0, 0.18, 0.2)), RED, pen * 0.8)


def _glasses(canvas: Canvas, head: Frame, character: Character, pen: float) -> None:
    for side in (-1.0, 1.0):
        canvas.line(head.at(loop(ellipse(side * 0.45, 0.2, 0.38, 0.36)[:-1], 2)), pen * 0.8)
    canvas.line(head.at(curve([(-0.08, 0.16), (0.0, 0.11), (0.08, 0.16)])), pen * 0.8)


def _headphones(canvas: Canvas, head: Frame, character: Character, pen: float) -> None:
    arch = path([[(-1.14, 0.0), (-1.05, -0.9), (0.0, -1.46), (1.05, -0.9), (1.14, 0.0)],
                 [(0.98, 0.0), (0.9, -0.8), (0.0, -1.24), (-0.9, -0.8), (-0.98, 0.0)]])  # fmt: skip
    canvas.shape(head.at(arch), STEEL, pen * 0.8)
    for side in (-1.0, 1.0):
        canvas.shape(head.at(ellipse(side * 1.1, 0.15, 0.26, 0.38)), character.main, pen)
        canvas.shape(head.at(ellipse(side * 1.14, 0.15, 0.12, 0.2)), character.second, pen * 0.7)


def _bandana(canvas: Canvas, head: Frame, character: Character, pen: float) -> None:
    knot = [(-1.0, -0.55), (-1.55, -0.8), (-1.42, -0.4), (-1.5, -0.05)]
    canvas.shape(head.at(loop(knot)), RED, pen)
    cloth = path(
        [
            [(-1.07, -0.42), (-0.9, -1.0), (0.0, -1.34), (0.9, -1.0), (1.07, -0.42)],
            [(1.07, -0.42), (0.0, -0.85), (-1.07, -0.42)],
        ]
    )
    canvas.shape(head.at(cloth), RED, pen)
    for x, y in ((-0.55, -0.88), (0.0, -1.08), (0.55, -0.88)):
        canvas.fill(head.at(ellipse(x, y, 0.09, 0.09)), WHITE)


_EXTRAS: dict[Extra, Callable[[Canvas, Frame, Character, float], None]] = {
    "fox ears": _fox_ears,
    "straw hat": _straw_hat,
    "witch hat": _witch_hat,
    "captain hat": _captain_hat,
    "ribbon": _ribbon,
    "glasses": _glasses,
    "headphones": _headphones,
    "bandana": _bandana,
}
