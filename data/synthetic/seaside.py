"""Outdoor places by the sea: open water, a beach, a sunset over the water."""

from __future__ import annotations

import numpy as np

from data.synthetic.canvas import WHITE, Canvas, Material, rgb
from data.synthetic.geometry import curve, moved, path, rectangle
from data.synthetic.scenery import (
    DAY,
    DUSK,
    SAND,
    TIMBER,
    WATER,
    draw_birds,
    draw_clouds,
    draw_ridge,
    draw_setting_sun,
    draw_sky,
    draw_sun,
)
from data.synthetic.tone import Screen, Tone

HULL = Material(rgb("d9433b"), Tone(Screen.DOTS, 0.4))
SAIL = Material(rgb("fff0c8"))

Rng = np.random.Generator


def _open_sea(canvas: Canvas, rng: Rng, horizon: float, beach: float | None) -> None:
    canvas.shape(rectangle(-4, horizon, canvas.width + 4, canvas.height + 4), WATER, 1.8)
    for _ in range(round(canvas.width / 26)):
        x, y = rng.uniform(0, canvas.width), rng.uniform(horizon + 5, canvas.height)
        crest = curve([(x - 9, y + 1), (x - 4, y - 2), (x, y + 1), (x + 4, y - 2), (x + 9, y + 1)], 4)
        canvas.line(crest, 3.2, WHITE)
        canvas.line(moved(crest, 0.0, 1.6), 1.2)
    if beach is not None:
        draw_ridge(canvas, rng, beach, 0.02 * canvas.height, WHITE)
        draw_ridge(canvas, rng, beach + 5, 0.015 * canvas.height, SAND)


def _boat(canvas: Canvas, x: float, y: float, size: float) -> None:
    canvas.line([(x, y), (x, y - 1.15 * size)], 2.0)
    canvas.shape(
        path(
            [
                [(x + 2, y - 1.1 * size), (x + 0.6 * size, y - 0.6 * size), (x + 0.6 * size, y - 0.2 * size)],
                [(x + 0.6 * size, y - 0.2 * size), (x + 2, y - 0.2 * size)],
            ]
        ),
        SAIL,
        1.8,
    )
    canvas.shape([(x - 2, y - 0.95 * size), (x - 0.45 * size, y - 0.2 * size), (x - 2, y - 0.2 * size)], SAIL, 1.8)
    canvas.shape(
        path(
            [
                [(x - 0.65 * size, y - 0.12 * size), (x, y - 0.06 * size), (x + 0.75 * size, y - 0.12 * size)],
                [
                    (x + 0.75 * size, y - 0.12 * size),
                    (x + 0.45 * size, y + 0.2 * size),
                    (x - 0.45 * size, y + 0.2 * size),
                ],
            ]
        ),
        HULL,
        1.8,
    )


def _pier(canvas: Canvas) -> None:
    """Planks at the lower edge, for people to stand on."""
    top, bottom = 0.87 * canvas.height, canvas.height + 4
    canvas.shape(rectangle(-4, top, canvas.width + 4, bottom), TIMBER, 1.8)
    for x in np.arange(-0.1, 1.2, 0.14) * canvas.width:
        canvas.line([(x, top), (x + 0.3 * (x - canvas.width / 2), bottom)], 1.3)


def sea(canvas: Canvas, rng: Rng) -> None:
    """Open water with a sailing boat by day."""
    horizon = canvas.height * rng.uniform(0.48, 0.6)
    draw_sky(canvas, DAY, horizon)
    draw_sun(canvas, rng, horizon)
    draw_clouds(canvas, rng, horizon, 3)
    draw_birds(canvas, rng, horizon)
    _open_sea(canvas, rng, horizon, None)
    _pier(canvas)
    _boat(canvas, rng.uniform(0.2, 0.8) * canvas.width, horizon + 0.12 * canvas.height, 0.26 * canvas.height)


def beach(canvas: Canvas, rng: Rng) -> None:
    """Sand before the sea, with a far boat."""
    horizon = canvas.height * rng.uniform(0.4, 0.5)
    draw_sky(canvas, DAY, horizon)
    draw_clouds(canvas, rng, horizon, 2)
    draw_birds(canvas, rng, horizon)
    _open_sea(canvas, rng, horizon, canvas.height * 0.72)
    _boat(canvas, rng.uniform(0.2, 0.8) * canvas.width, horizon + 0.06 * canvas.height, 0.15 * canvas.height)


def sunset_sea(canvas: Canvas, rng: Rng) -> None:
    """The sun going down over the sea."""
    horizon = canvas.height * rng.uniform(0.55, 0.65)
    draw_sky(canvas, DUSK, horizon)
    draw_setting_sun(canvas, rng, horizon)
    draw_birds(canvas, rng, horizon)
    _open_sea(canvas, rng, horizon, None)
    _pier(canvas)
