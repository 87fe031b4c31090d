"""Whole outdoor places, composed of pieces of landscape to fill a panel."""

from __future__ import annotations

import numpy as np

from data.synthetic.canvas import Canvas, Material, rgb
from data.synthetic.geometry import path, rectangle
from data.synthetic.scenery import (
    BLOSSOM,
    DAY,
    GRASS,
    HILL,
    LEAVES,
    MEADOW,
    NIGHT,
    PLASTER,
    ROAD,
    ROOF,
    TIMBER,
    draw_bushes,
    draw_clouds,
    draw_conifer,
    draw_flowers,
    draw_house,
    draw_moon_and_stars,
    draw_mountains,
    draw_ridge,
    draw_sky,
    draw_sun,
    draw_tower,
    draw_tree,
)  # fmt: skip
from data.synthetic.tone import Screen, Tone

VERMILION = Material(rgb("e2452f"), Tone(Screen.DOTS, 0.42))
CONCRETE = (
    Material(rgb("6f9fdb"), Tone(Screen.FINE, 0.15)),
    Material(rgb("eb9a66"), Tone(Screen.SLASH, 0.15)),
    Material(rgb("bd8bd6"), Tone(Screen.UPRIGHT, 0.2)),
    Material(rgb("f0cc70")),
)
NIGHT_WALLS = (Material(rgb("3c4488"), Tone(Screen.DOTS, 0.75)), Material(rgb("5a3f8c"), Tone(Screen.CROSS, 0.6)))
NIGHT_GRASS = Material(rgb("2d6a5f"), Tone(Screen.TICKS, 0.5))
NIGHT_HILL = Material(rgb("24507a"), Tone(Screen.BACKSLASH, 0.65))
BLUE_ROOF = Material(rgb("4a78c4"), Tone(Screen.BRICKS, 0.5))

Rng = np.random.Generator


def hills(canvas: Canvas, rng: Rng) -> None:
    """Rolling green hills with mountains, trees and flowers by day."""
    horizon = canvas.height * rng.uniform(0.5, 0.62)
    draw_sky(canvas, DAY, horizon)
    draw_sun(canvas, rng, horizon)
    draw_clouds(canvas, rng, horizon, 2)
    draw_mountains(canvas, rng, horizon)
    draw_ridge(canvas, rng, horizon, 0.04 * canvas.height, HILL)
    for x in rng.uniform(0, 1, 2) * canvas.width:
        draw_tree(canvas, float(x), horizon + 0.16 * canvas.height, rng.uniform(0.4, 0.6) * canvas.height, LEAVES)
    draw_ridge(canvas, rng, horizon + 0.15 * canvas.height, 0.03 * canvas.height, GRASS)
    draw_flowers(canvas, rng, horizon + 0.2 * canvas.height)


def night_hills(canvas: Canvas, rng: Rng) -> None:
    """Dark hills with firs under moon and stars."""
    horizon = canvas.height * rng.uniform(0.6, 0.7)
    draw_sky(canvas, NIGHT, horizon)
    draw_moon_and_stars(canvas, rng, horizon)
    draw_ridge(canvas, rng, horizon, 0.06 * canvas.height, NIGHT_HILL)
    size = 0.2 * canvas.height + 12
    draw_house(
        canvas, rng.uniform(0.1, 0.7) * canvas.width, horizon + 0.14 * canvas.height, size, PLASTER, BLUE_ROOF, lit=True
    )
    draw_ridge(canvas, rng, horizon + 0.13 * canvas.height, 0.03 * canvas.height, NIGHT_GRASS)


def forest(canvas: Canvas, rng: Rng) -> None:
    """A clearing among round trees and firs."""
    horizon = canvas.height * rng.uniform(0.62, 0.72)
    draw_sky(canvas, DAY, horizon)
    draw_bushes(canvas, rng, horizon, 0.16 * canvas.height, HILL)
    count = max(3, round(canvas.width / (0.42 * canvas.height)))
    for i in range(count):
        x = (i + rng.uniform(0.1, 0.9)) * canvas.width / count
        foot = horizon + rng.uniform(0.05, 0.12) * canvas.height
        if rng.random() < 0.4:
            draw_conifer(canvas, x, foot, rng.uniform(0.6, 0.8) * canvas.height)
        else:
            draw_tree(canvas, x, foot, rng.uniform(0.65, 0.85) * canvas.height, LEAVES)
    draw_ridge(canvas, rng, horizon + 0.1 * canvas.height, 0.02 * canvas.height, GRASS)
    draw_flowers(canvas, rng, horizon + 0.12 * canvas.height)


def shrine(canvas: Canvas, rng: Rng) -> None:
    """A vermilion gate over a path between trees."""
    width, height = canvas.width, canvas.height
    horizon = 0.68 * height
    draw_sky(canvas, DAY, horizon)
    draw_clouds(canvas, rng, horizon, 1)
    draw_bushes(canvas, rng, horizon, 0.14 * height, HILL)
    for x in (0.06, 0.92):
        draw_tree(canvas, x * width, horizon + 0.06 * height, 0.75 * height, LEAVES)
    draw_ridge(canvas, rng, horizon + 0.03 * height, 0.01 * height, GRASS)
    middle, half = width * rng.uniform(0.42, 0.58), 0.3 * min(width, 1.4 * height)
    canvas.shape(
        [
            (middle - half * 0.35, horizon),
            (middle + half * 0.35, horizon),
            (middle + half * 0.9, height + 4),
            (middle - half * 0.9, height + 4),
        ],
        ROAD,
    )
    for side in (-1, 1):
        post = middle + side * half * 0.78
        canvas.shape(
            rectangle(post - 0.08 * half, 0.24 * height, post + 0.08 * half, horizon + 0.1 * height), VERMILION
        )
    canvas.shape(rectangle(middle - half, 0.33 * height, middle + half, 0.39 * height), VERMILION)
    upper = [(middle + x * half, y * height) for x, y in ((-1.25, 0.12), (0.0, 0.17), (1.25, 0.12))]
    lower = [(middle + x * half, y * height) for x, y in ((1.15, 0.22), (0.0, 0.26), (-1.15, 0.22))]
    beam = path([upper, lower])
    canvas.shape(beam, VERMILION)


def town(canvas: Canvas, rng: Rng) -> None:
    """A street of houses by day."""
    foot = canvas.height * rng.uniform(0.72, 0.8)
    draw_sky(canvas, DAY, foot)
    draw_clouds(canvas, rng, foot * 0.7, 2)
    draw_bushes(canvas, rng, foot - 2, 0.14 * canvas.height, HILL)
    size = 0.46 * canvas.height
    x = -rng.uniform(0.1, 0.5) * size
    while x < canvas.width:
        roof = ROOF if rng.random() < 0.6 else BLUE_ROOF
        draw_house(canvas, x, foot, size * rng.uniform(0.85, 1.1), PLASTER, roof)
        x += size * 1.42
    canvas.shape(rectangle(-4, foot, canvas.width + 4, canvas.height + 4), ROAD)
    canvas.shape(rectangle(-4, foot, canvas.width + 4, foot + 0.05 * canvas.height), MEADOW, 1.6)


def blossoms(canvas: Canvas, rng: Rng) -> None:
    """A path under cherry trees with falling petals."""
    foot = canvas.height * rng.uniform(0.7, 0.78)
    draw_sky(canvas, DAY, foot)
    draw_clouds(canvas, rng, foot * 0.6, 1)
    draw_ridge(canvas, rng, foot, 0.01 * canvas.height, GRASS)
    count = max(2, round(canvas.width / (0.62 * canvas.height)))
    for i in range(count):
        draw_tree(
            canvas,
            (i + rng.uniform(0.2, 0.8)) * canvas.width / count,
            foot + 0.04 * canvas.height,
            rng.uniform(0.75, 0.9) * canvas.height,
            BLOSSOM,
        )
    canvas.shape(rectangle(-4, foot + 0.1 * canvas.height, canvas.width + 4, canvas.height + 4), ROAD)
    for x, y in rng.uniform(0, 1, (round(canvas.width / 14), 2)) * [canvas.width, canvas.height]:
        petal = [(x - 2.4, y), (x, y - 1.7), (x + 2.6, y - 0.5), (x + 0.4, y + 1.6)]
        canvas.shape(petal, BLOSSOM, 0.9)


def city(canvas: Canvas, rng: Rng) -> None:
    """Tall buildings by day, seen from a roof."""
    _skyline(canvas, rng, night=False)


def night_city(canvas: Canvas, rng: Rng) -> None:
    """Tall buildings with lit windows by night."""
    _skyline(canvas, rng, night=True)


def _skyline(canvas: Canvas, rng: Rng, *, night: bool) -> None:
    foot = 0.84 * canvas.height
    draw_sky(canvas, NIGHT if night else DAY, foot)
    (draw_moon_and_stars if night else draw_sun)(canvas, rng, foot * 0.7)
    if not night:
        draw_clouds(canvas, rng, foot * 0.7, 2)
    walls = NIGHT_WALLS if night else CONCRETE
    x = -rng.uniform(2, 16)
    while x < canvas.width:
        width = rng.uniform(26, 44)
        draw_tower(
            canvas,
            rng,
            x,
            foot,
            width,
            rng.uniform(0.3, 0.66) * canvas.height,
            walls[int(rng.integers(len(walls)))],
            night=night,
        )
        x += width + rng.uniform(-2, 8)
    ground = NIGHT_WALLS[0] if night else TIMBER
    canvas.shape(rectangle(-4, foot, canvas.width + 4, canvas.height + 4), ground)
    for post in np.arange(6, canvas.width, 16):
        canvas.line([(post, foot - 0.1 * canvas.height), (post, foot)], 1.4)
    canvas.line([(-4, foot - 0.1 * canvas.height), (canvas.width + 4, foot - 0.1 * canvas.height)], 1.8)
