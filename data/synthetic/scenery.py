"""Pieces of landscape: sky, sun, clouds, hills, trees, houses; each material has one colour and one screentone."""

from __future__ import annotations

import numpy as np

from data.synthetic.canvas import INK, WHITE, Canvas, Material, Rgb, rgb
from data.synthetic.geometry import as_points, curve, ellipse, path, rectangle
from data.synthetic.tone import SOLID, Screen, Tone

GRASS = Material(rgb("7cc24e"), Tone(Screen.TICKS, 0.2))
MEADOW = Material(rgb("9ad048"), Tone(Screen.TICKS, 0.14))
HILL = Material(rgb("55a860"), Tone(Screen.BACKSLASH, 0.5))
MOUNTAIN = Material(rgb("7d8fc9"), Tone(Screen.DOTS, 0.36))
LEAVES = Material(rgb("3f9646"), Tone(Screen.GRAIN, 0.54))
NEEDLES = Material(rgb("2c7a5c"), Tone(Screen.GRAIN, 0.68))
BLOSSOM = Material(rgb("ff9cc0"), Tone(Screen.GRAIN, 0.13))
TRUNK = Material(rgb("8a5a35"), Tone(Screen.UPRIGHT, 0.45))
WATER = Material(rgb("2f8fd0"), Tone(Screen.WAVES, 0.38))
SAND = Material(rgb("f2cd78"), Tone(Screen.GRAIN, 0.05))
ROAD = Material(rgb("d9b27c"), Tone(Screen.GRAIN, 0.1))
ROOF = Material(rgb("cf5a3c"), Tone(Screen.BRICKS, 0.36))
PLASTER = Material(rgb("fbd991"))
TIMBER = Material(rgb("b9773f"), Tone(Screen.UPRIGHT, 0.2))
GLASS = Material(rgb("93d8f2"), Tone(Screen.FINE, 0.26))
SUN = Material(rgb("ffe066"))
MOON = Material(rgb("fff3b8"))
LAMPLIGHT = Material(rgb("ffdf75"))

DAY: tuple[Rgb, Rgb, Tone, float] = (rgb("2e8fe6"), rgb("9fdefb"), Tone(Screen.FINE, 0.46), 0.28)
DUSK: tuple[Rgb, Rgb, Tone, float] = (rgb("e4587a"), rgb("ffc45c"), Tone(Screen.LEVEL, 0.24), 0.1)
NIGHT: tuple[Rgb, Rgb, Tone, float] = (rgb("1b2160"), rgb("4f5fb8"), Tone(Screen.DOTS, 1.0), 0.74)

_CLOUD = ((-0.9, 0.0, 0.36), (-0.35, 0.3, 0.48), (0.25, 0.42, 0.55), (0.85, 0.08, 0.42), (0.2, 0.0, 0.45))
_SNOW = ((0.0, 1.0), (0.3, 0.7), (0.1, 0.76), (0.0, 0.64), (-0.12, 0.77), (-0.3, 0.7))


def draw_sky(canvas: Canvas, light: tuple[Rgb, Rgb, Tone, float], horizon: float) -> None:
    """Fill the canvas with a sky that fades down to the horizon."""
    material = canvas.sky(*light, height=horizon)
    canvas.fill(rectangle(-2, -2, canvas.width + 2, canvas.height + 2), material)


def draw_clouds(canvas: Canvas, rng: np.random.Generator, horizon: float, count: int) -> None:
    """Draw white clouds with flat bottoms above the horizon."""
    for _ in range(count):
        x, y = rng.uniform(0, canvas.width), rng.uniform(0.12, 0.62) * horizon
        size = rng.uniform(0.08, 0.15) * canvas.width + 4
        puffs = [(x + size * dx, y - size * dy, size * radius) for dx, dy, radius in _CLOUD]
        canvas.puffs(puffs, WHITE, 1.8)


def draw_sun(canvas: Canvas, rng: np.random.Generator, horizon: float) -> None:
    """Draw a sun with short rays."""
    x, y, radius = rng.uniform(0.12, 0.88) * canvas.width, rng.uniform(0.22, 0.4) * horizon, 0.045 * canvas.width + 6
    for angle in np.arange(0, 360, 30):
        way = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
        canvas.line([way * radius * 1.3 + [x, y], way * radius * 1.6 + [x, y]], 1.6)
    canvas.shape(ellipse(x, y, radius, radius), SUN, 1.8)


def draw_setting_sun(canvas: Canvas, rng: np.random.Generator, horizon: float) -> None:
    """Draw a large sun on the horizon."""
    radius = 0.14 * canvas.width + 6
    canvas.shape(ellipse(rng.uniform(0.25, 0.75) * canvas.width, horizon - radius * 0.2, radius, radius), SUN, 1.8)


def draw_moon_and_stars(canvas: Canvas, rng: np.random.Generator, horizon: float) -> None:
    """Draw a full moon and four-pointed stars."""
    for _ in range(round(canvas.width / 7)):
        x, y, size = rng.uniform(0, canvas.width), rng.uniform(0, horizon), rng.uniform(1.2, 3.4)
        star = as_points([(0, -1), (0.22, -0.22), (1, 0), (0.22, 0.22), (0, 1), (-0.22, 0.22), (-1, 0), (-0.22, -0.22)])
        canvas.fill(star * size + [x, y], MOON)
    x, y, radius = rng.uniform(0.15, 0.85) * canvas.width, rng.uniform(0.25, 0.4) * horizon, 0.06 * canvas.width + 7
    canvas.shape(ellipse(x, y, radius, radius), MOON, 1.8)


def draw_ridge(canvas: Canvas, rng: np.random.Generator, height: float, swing: float, material: Material) -> None:
    """Draw rolling ground from about `height` down to the bottom."""
    count = 6
    tops = [(i / (count - 1) * (canvas.width + 8) - 4, height + rng.uniform(-1, 1) * swing) for i in range(count)]
    foot = [(canvas.width + 4, canvas.height + 4), (-4.0, canvas.height + 4)]
    canvas.shape(path([tops, [tops[-1], foot[0]], foot, [foot[1], tops[0]]]), material, 2.0)


def draw_mountains(canvas: Canvas, rng: np.random.Generator, horizon: float) -> None:
    """Draw peaks with snow caps behind the horizon."""
    for x in rng.uniform(0.0, 1.0, 3) * canvas.width:
        rise, wide = rng.uniform(0.35, 0.6) * horizon, rng.uniform(0.25, 0.4) * canvas.width + 10
        peak = as_points([(x - wide, horizon + 3), (x, horizon - rise), (x + wide, horizon + 3)])
        canvas.shape(peak, MOUNTAIN, 1.8)
        cap = [(x + dx * wide, horizon - dy * rise) for dx, dy in _SNOW]
        canvas.shape(cap, WHITE, 1.6)


def draw_tree(canvas: Canvas, x: float, foot: float, size: float, leaves: Material) -> None:
    """Draw a round tree of height `size` standing at (x, foot)."""
    trunk = [
        (x - 0.07 * size, foot),
        (x - 0.045 * size, foot - 0.5 * size),
        (x + 0.045 * size, foot - 0.5 * size),
        (x + 0.08 * size, foot),
    ]
    canvas.shape(trunk, TRUNK, 1.8)
    crown = [
        (-0.26, 0.52, 0.19),
        (0.26, 0.52, 0.19),
        (-0.17, 0.76, 0.2),
        (0.18, 0.75, 0.2),
        (0.0, 0.62, 0.24),
        (0.0, 0.86, 0.16),
    ]
    canvas.puffs([(x + dx * size, foot - dy * size, r * size) for dx, dy, r in crown], leaves, 2.0)
    shade = ellipse(x + 0.06 * size, foot - 0.42 * size, 0.46 * size, 0.18 * size)
    canvas.recolour(shade, leaves, leaves.shadow())


def draw_conifer(canvas: Canvas, x: float, foot: float, size: float) -> None:
    """Draw a fir of three tiers standing at (x, foot)."""
    canvas.shape(rectangle(x - 0.04 * size, foot - 0.2 * size, x + 0.04 * size, foot), TRUNK, 1.6)
    for low, high, wide in ((0.14, 0.58, 0.28), (0.36, 0.80, 0.22), (0.58, 1.0, 0.16)):
        tier = [
            (x - wide * size, foot - low * size),
            (x, foot - high * size),
            (x + wide * size, foot - low * size),
            (x, foot - (low - 0.05) * size),
        ]
        canvas.shape(tier, NEEDLES, 1.8)


def draw_bushes(
    canvas: Canvas, rng: np.random.Generator, foot: float, size: float, material: Material = LEAVES
) -> None:
    """Draw a row of bushes whose feet lie at `foot`."""
    count = max(3, int(canvas.width / (size * 1.2)))
    xs = (np.arange(count) + rng.uniform(0.2, 0.8, count)) * canvas.width / count
    canvas.puffs([(float(x), foot, size * float(rng.uniform(0.6, 1.0))) for x in xs], material, 1.8)


def draw_house(
    canvas: Canvas, x: float, foot: float, size: float, wall: Material, roof: Material, *, lit: bool = False
) -> None:
    """Draw a house of width `size` whose left wall stands at (x, foot)."""
    top = foot - 0.72 * size
    canvas.shape(rectangle(x, top, x + size, foot), wall, 2.0)
    canvas.fill(rectangle(x + 1, top, x + size - 1, top + 0.1 * size), wall.shadow())
    gable = [
        (x - 0.12 * size, top),
        (x + 0.16 * size, top - 0.42 * size),
        (x + 0.84 * size, top - 0.42 * size),
        (x + 1.12 * size, top),
    ]
    canvas.shape(gable, roof, 2.0)
    canvas.shape(rectangle(x + 0.12 * size, foot - 0.45 * size, x + 0.34 * size, foot), TIMBER, 1.6)
    draw_window(canvas, x + 0.5 * size, top + 0.2 * size, 0.34 * size, LAMPLIGHT if lit else GLASS)


def draw_window(canvas: Canvas, x: float, y: float, size: float, pane: Material) -> None:
    """Draw a small window with a cross of bars."""
    canvas.shape(rectangle(x, y, x + size, y + size), pane, 1.6)
    canvas.line([(x + size / 2, y), (x + size / 2, y + size)], 1.2)
    canvas.line([(x, y + size / 2), (x + size, y + size / 2)], 1.2)


def draw_flowers(canvas: Canvas, rng: np.random.Generator, top: float) -> None:
    """Scatter flowers and grass tufts over the ground below `top`."""
    petals = (Material(rgb("f25c7a")), Material(rgb("ffe25c")), WHITE)
    for _ in range(round(canvas.width / 14)):
        x, y = rng.uniform(2, canvas.width - 2), rng.uniform(top + 4, canvas.height - 2)
        if rng.random() < 0.5:
            canvas.puffs(
                [(x + 2.1 * np.cos(a), y + 2.1 * np.sin(a), 2.0) for a in np.arange(5) * 1.257],
                petals[int(rng.integers(3))],
                1.0,
            )
            canvas.disc(x, y, 1.1, SUN)
        else:
            for lean in (-2.2, 0.0, 2.2):
                canvas.line(curve([(x, y), (x + lean * 0.4, y - 3), (x + lean, y - 5)], 3), 1.0)


def draw_birds(canvas: Canvas, rng: np.random.Generator, horizon: float) -> None:
    """Draw far gulls as two arcs each."""
    for _ in range(3):
        x, y = rng.uniform(0.1, 0.9) * canvas.width, rng.uniform(0.2, 0.6) * horizon
        canvas.line(curve([(x - 5, y - 2), (x - 2.5, y - 3.5), (x, y), (x + 2.5, y - 3.5), (x + 5, y - 2)], 4), 1.3)


def draw_tower(
    canvas: Canvas,
    rng: np.random.Generator,
    x: float,
    foot: float,
    width: float,
    height: float,
    wall: Material,
    *,
    night: bool,
) -> None:
    """Draw a city building with rows of windows, some lit at night."""
    canvas.shape(rectangle(x, foot - height, x + width, foot), wall, 2.0)
    canvas.fill(rectangle(x + width * 0.8, foot - height + 1, x + width - 1, foot - 1), wall.shadow())
    columns = max(2, int(width / 9))
    cell = width * 0.74 / columns
    dark = Material(rgb("232a55"), SOLID) if night else GLASS
    for row in range(int((height - 6) / 10)):
        for column in range(columns):
            left, top = x + 2.5 + column * cell, foot - height + 5 + row * 10
            pane = LAMPLIGHT if night and rng.random() < 0.55 else dark
            canvas.fill(rectangle(left - 0.8, top - 0.8, left + cell * 0.62 + 0.8, top + 5.8), INK)
            canvas.fill(rectangle(left, top, left + cell * 0.62, top + 5), pane)
