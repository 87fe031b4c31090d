"""Backgrounds that show a mood instead of a place: focus and speed lines, flowers, gloom; each with its colour."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from data.synthetic.canvas import INK, WHITE, Canvas, Material, rgb
from data.synthetic.faces import Expression
from data.synthetic.geometry import as_points, ellipse, rectangle
from data.synthetic.tone import Screen, Tone

FLASH = Material(rgb("ffdc3c"))
SPEED = Material(rgb("4db4f2"), Tone(Screen.LEVEL, 0.26))
ROSE = Material(rgb("ff9dbc"), Tone(Screen.FINE, 0.16))
PETAL = Material(rgb("f4547f"), Tone(Screen.FINE, 0.42))
GLOOM = Material(rgb("7f70c4"), Tone(Screen.UPRIGHT, 0.6))
FIRE = Material(rgb("f26a24"), Tone(Screen.SLASH, 0.2))
MINT = Material(rgb("54c9c6"), Tone(Screen.SPOTS, 0.32))

Rng = np.random.Generator


def _whole(canvas: Canvas, material: Material) -> None:
    canvas.fill(rectangle(-2, -2, canvas.width + 2, canvas.height + 2), material)


def _focus(canvas: Canvas, rng: Rng, ground: Material) -> None:
    _whole(canvas, ground)
    middle = np.array([canvas.width / 2, canvas.height * 0.48])
    reach = float(np.hypot(*middle)) * 1.2
    angles = np.sort(rng.uniform(0, 2 * np.pi, 70))
    for angle in angles:
        way = np.array([np.cos(angle), np.sin(angle)])
        inner = middle + way * rng.uniform(0.62, 0.8) * middle * 1.1
        across = np.array([-way[1], way[0]]) * rng.uniform(1.2, 3.4)
        canvas.fill([inner, middle + way * reach + across, middle + way * reach - across], INK)


def flash(canvas: Canvas, rng: Rng) -> None:
    """Yellow with black focus lines: surprise."""
    _focus(canvas, rng, FLASH)


def fire(canvas: Canvas, rng: Rng) -> None:
    """Orange with black focus lines: rage and battle cries."""
    _focus(canvas, rng, FIRE)


def speed(canvas: Canvas, rng: Rng) -> None:
    """Pale blue with level speed lines: haste."""
    _whole(canvas, SPEED)
    for y in rng.uniform(0, canvas.height, 46):
        long, thick = rng.uniform(0.3, 0.9) * canvas.width, rng.uniform(0.8, 2.6)
        left = rng.random() < 0.5
        start, end = (0.0, long) if left else (canvas.width, canvas.width - long)
        canvas.fill([(start, y - thick / 2), (end, y), (start, y + thick / 2)], INK if rng.random() < 0.7 else WHITE)


def flowers(canvas: Canvas, rng: Rng) -> None:
    """Pink with flowers and sparkles: joy and shyness."""
    _whole(canvas, ROSE)
    for x, y in rng.uniform(0, 1, (9, 2)) * [canvas.width, canvas.height]:
        size = rng.uniform(3.5, 7.0)
        turn = rng.uniform(0, 1.2)
        canvas.puffs(
            [(x + size * np.cos(a + turn), y + size * np.sin(a + turn), size * 0.72) for a in np.arange(5) * 1.257],
            PETAL,
            1.5,
        )
        canvas.shape(ellipse(x, y, size * 0.42, size * 0.42), FLASH, 1.2)
    star = as_points([(0, -1), (0.14, -0.14), (1, 0), (0.14, 0.14), (0, 1), (-0.14, 0.14), (-1, 0), (-0.14, -0.14)])
    for x, y in rng.uniform(0, 1, (8, 2)) * [canvas.width, canvas.height]:
        canvas.shape(star * rng.uniform(5, 9) + [x, y], WHITE, 1.1)


def bubbles(canvas: Canvas, rng: Rng) -> None:
    """Sea green with light rings: calm and slyness."""
    _whole(canvas, MINT)
    for x, y in rng.uniform(0, 1, (12, 2)) * [canvas.width, canvas.height]:
        radius = rng.uniform(4, 13)
        canvas.shape(ellipse(x, y, radius, radius), WHITE, 1.2)


def gloom(canvas: Canvas, rng: Rng) -> None:
    """Violet with hanging lines: sadness."""
    _whole(canvas, GLOOM)
    for x in np.arange(2, canvas.width, 4.2):
        canvas.stroke([(x, -2), (x, canvas.height * rng.uniform(0.2, 0.5)), (x, canvas.height * 0.62)], [2.2, 1.4, 0.2])


_MOODS: dict[Expression, tuple[Callable[[Canvas, Rng], None], ...]] = {
    "calm": (bubbles,),
    "happy": (flowers, bubbles),
    "laughing": (flowers, flash),
    "angry": (fire, speed),
    "sad": (gloom,),
    "surprised": (flash, speed),
    "shy": (flowers,),
    "smug": (bubbles, speed),
    "shouting": (fire, flash),
}


def draw_mood(canvas: Canvas, rng: Rng, expression: Expression) -> None:
    """Fill the canvas with a background that fits the expression."""
    choices = _MOODS[expression]
    choices[int(rng.integers(len(choices)))](canvas, rng)
