"""Rooms: wall and floor, windows, shelves, lamps and furniture, composed to fill a panel."""

from __future__ import annotations

import numpy as np

from data.synthetic.canvas import WHITE, Canvas, Material, rgb
from data.synthetic.geometry import curve, ellipse, path, rectangle
from data.synthetic.scenery import DAY, GLASS, GRASS, LAMPLIGHT, LEAVES, NIGHT, SUN, TIMBER, WATER, draw_clouds
from data.synthetic.tone import Screen, Tone

FLOOR = Material(rgb("c67f3c"), Tone(Screen.LEVEL, 0.18))
WARM_WALL = Material(rgb("ffcb7a"), Tone(Screen.UPRIGHT, 0.1))
ROSE_WALL = Material(rgb("f59f8c"), Tone(Screen.SPOTS, 0.12))
PLANK_WALL = Material(rgb("d8923f"), Tone(Screen.UPRIGHT, 0.18))
STONE_WALL = Material(rgb("8f78c4"), Tone(Screen.BRICKS, 0.5))
METAL_WALL = Material(rgb("5fc7c4"), Tone(Screen.DOTS, 0.3))
BOARD = Material(rgb("2f7a5a"), Tone(Screen.DOTS, 0.72))
CURTAIN = Material(rgb("f0745e"), Tone(Screen.UPRIGHT, 0.3))
POT = Material(rgb("d2693c"), Tone(Screen.DOTS, 0.3))
BOOKS = (
    Material(rgb("d8453f"), Tone(Screen.DOTS, 0.4)),
    Material(rgb("3d74c6"), Tone(Screen.DOTS, 0.65)),
    Material(rgb("f1c23e")),
    Material(rgb("4f9e58"), Tone(Screen.SLASH, 0.4)),
    Material(rgb("8a5bb5"), Tone(Screen.CROSS, 0.45)),
)
BREAD = Material(rgb("e8a44c"), Tone(Screen.FINE, 0.16))
TUBES = (
    Material(rgb("e84f9a"), Tone(Screen.FINE, 0.35)),
    Material(rgb("4fd05f"), Tone(Screen.BACKSLASH, 0.25)),
    Material(rgb("f2a12e"), Tone(Screen.SLASH, 0.2)),
)

Rng = np.random.Generator


def _shell(canvas: Canvas, wall: Material) -> float:
    """Draw wall, skirting and floor, and return the floor's height."""
    edge = 0.78 * canvas.height
    canvas.fill(rectangle(-4, -4, canvas.width + 4, canvas.height + 4), wall)
    canvas.shape(rectangle(-4, edge, canvas.width + 4, canvas.height + 4), FLOOR)
    canvas.shape(rectangle(-4, edge - 5, canvas.width + 4, edge), TIMBER, 1.6)
    return edge


def _window(
    canvas: Canvas, rng: Rng, x: float, y: float, width: float, height: float, *, night: bool = False, sea: bool = False
) -> None:
    view = Canvas(width, height, canvas.scale, canvas.table, canvas.top + y)
    sky = view.sky(*(NIGHT if night else DAY), height=height)
    view.fill(rectangle(-1, -1, width + 1, height + 1), sky)
    if not night:
        draw_clouds(view, rng, height * 0.8, 1)
        view.shape(rectangle(-4, 0.74 * height, width + 4, height + 4), WATER if sea else GRASS, 1.6)
    canvas.paste(view, rectangle(x, y, x + width, y + height), x, y)
    frame = rectangle(x, y, x + width, y + height)
    canvas.line([*frame, *frame[:2]], 5.0)
    canvas.line([*frame, *frame[:2]], 2.4, WHITE)
    canvas.line([(x + width / 2, y), (x + width / 2, y + height)], 1.8)
    canvas.line([(x, y + height / 2), (x + width, y + height / 2)], 1.8)


def _curtains(canvas: Canvas, x: float, y: float, width: float, height: float) -> None:
    for left, lean in ((x - 8, 1), (x + width + 8, -1)):
        top, waist, end = left + lean * 0.3 * width, left + lean * 0.22 * width, left + lean * 0.08 * width
        inner = [(top, y - 5), (waist, y + 0.6 * height), (end, y + height)]
        cloth = path([[(left, y - 5), inner[0]], inner, [inner[-1], (left, y + height + 4)]])
        canvas.shape(cloth, CURTAIN, 1.8)
    canvas.line([(x - 14, y - 6), (x + width + 14, y - 6)], 3.0)


def _shelf(canvas: Canvas, rng: Rng, x: float, y: float, width: float, rows: int, row: float) -> None:
    canvas.shape(rectangle(x, y, x + width, y + rows * row + 3), TIMBER.shadow(), 2.0)
    for index in range(rows):
        foot = y + (index + 1) * row
        at = x + 3
        while at < x + width - 7:
            thick, tall = rng.uniform(4.5, 8), rng.uniform(0.6, 0.86) * row
            book = BOOKS[int(rng.integers(len(BOOKS)))]
            if rng.random() < 0.88:
                canvas.shape(rectangle(at, foot - tall, min(at + thick, x + width - 3), foot), book, 1.3)
            at += thick
        canvas.shape(rectangle(x - 1, foot, x + width + 1, foot + 3), TIMBER, 1.5)


def _lamp(canvas: Canvas, x: float, drop: float, size: float) -> None:
    canvas.line([(x, -3), (x, drop)], 1.6)
    shade = [(x - 0.3 * size, drop), (x + 0.3 * size, drop), (x + size, drop + size), (x - size, drop + size)]
    canvas.shape(shade, LAMPLIGHT, 1.8)
    canvas.shape(ellipse(x, drop + size, 0.3 * size, 0.22 * size, start=0, end=180), SUN, 1.6)


def _plant(canvas: Canvas, x: float, foot: float, size: float) -> None:
    for lean in (-0.55, -0.25, 0.05, 0.35, 0.6):
        tip = (x + lean * size, foot - size * (1.1 - 0.5 * abs(lean)))
        side = (x + (lean * 0.5 + 0.12) * size, foot - 0.6 * size)
        other = (x + (lean * 0.5 - 0.12) * size, foot - 0.6 * size)
        canvas.shape(path([[(x, foot - 0.3 * size), side, tip], [tip, other, (x, foot - 0.3 * size)]]), LEAVES, 1.5)
    canvas.shape(
        [
            (x - 0.24 * size, foot - 0.36 * size),
            (x + 0.24 * size, foot - 0.36 * size),
            (x + 0.16 * size, foot),
            (x - 0.16 * size, foot),
        ],
        POT,
        1.8,
    )


def room(canvas: Canvas, rng: Rng) -> None:
    """A living room: window with curtains, shelf, plant and lamp."""
    width, height = canvas.width, canvas.height
    edge = _shell(canvas, WARM_WALL)
    left = rng.uniform(0.1, 0.2) * width
    _window(canvas, rng, left, 0.14 * height, 0.3 * width, 0.4 * height)
    _curtains(canvas, left, 0.14 * height, 0.3 * width, 0.4 * height)
    _shelf(canvas, rng, 0.64 * width, 0.22 * height, 0.3 * width, 3, (edge - 0.22 * height - 5) / 3)
    _lamp(canvas, 0.55 * width, 0.04 * height, 0.06 * width + 5)
    _plant(canvas, 0.08 * width, edge + 0.06 * height, 0.26 * height)


def library(canvas: Canvas, rng: Rng) -> None:
    """Book shelves between stone walls with a moonlit window."""
    width, height = canvas.width, canvas.height
    edge = _shell(canvas, STONE_WALL)
    third = width / 3
    rows = max(3, round(edge / 34))
    for x in (0.02 * width, 2.05 * third):
        _shelf(canvas, rng, x, 0.06 * height, 0.9 * third, rows, (edge - 0.06 * height - 5) / rows)
    _window(canvas, rng, 1.12 * third, 0.16 * height, 0.76 * third, 0.46 * height, night=True)
    _lamp(canvas, 1.5 * third, 0.0, 0.035 * width + 4)


def classroom(canvas: Canvas, rng: Rng) -> None:
    """A class room: green board, windows, desks."""
    width, height = canvas.width, canvas.height
    edge = _shell(canvas, WARM_WALL)
    canvas.shape(rectangle(0.05 * width, 0.12 * height, 0.58 * width, 0.52 * height), TIMBER, 1.8)
    canvas.shape(rectangle(0.07 * width, 0.15 * height, 0.56 * width, 0.49 * height), BOARD, 1.6)
    for row in range(3):
        y = (0.22 + 0.08 * row) * height
        canvas.line(
            curve(
                [(0.12 * width, y), (0.2 * width, y - 2), (0.28 * width, y + 2), (rng.uniform(0.36, 0.5) * width, y)], 4
            ),
            1.6,
            WHITE,
        )
    _window(canvas, rng, 0.68 * width, 0.1 * height, 0.26 * width, 0.46 * height)
    for x in (0.1, 0.42, 0.74):
        left, top = x * width, edge - 0.06 * height
        canvas.shape(rectangle(left, top, left + 0.18 * width, top + 0.04 * height), PLANK_WALL, 1.8)
        for leg in (0.02, 0.15):
            canvas.line([(left + leg * width, top + 0.05 * height), (left + leg * width, top + 0.2 * height)], 2.0)


def cafe(canvas: Canvas, rng: Rng) -> None:
    """A bakery: shelves of bread, hanging lamps, counter."""
    width, height = canvas.width, canvas.height
    _shell(canvas, ROSE_WALL)
    for row in (0.36, 0.58):
        y = row * height
        canvas.shape(rectangle(0.06 * width, y, 0.6 * width, y + 4), TIMBER, 1.6)
        for x in np.arange(0.11, 0.58, 0.11):
            canvas.shape(
                path(
                    [
                        [
                            (x * width - 0.045 * width, y),
                            (x * width - 0.03 * width, y - 0.08 * height),
                            (x * width + 0.03 * width, y - 0.08 * height),
                            (x * width + 0.045 * width, y),
                        ]
                    ]
                ),
                BREAD,
                1.7,
            )
            for cut in (-0.012, 0.012):
                canvas.line([((x + cut) * width, y - 0.06 * height), ((x + cut) * width - 2, y - 0.03 * height)], 1.2)
    _window(canvas, rng, 0.68 * width, 0.2 * height, 0.25 * width, 0.36 * height)
    for x in (0.22, 0.5, 0.8):
        _lamp(canvas, x * width, 0.02 * height, 0.04 * width + 4)
    canvas.shape(rectangle(-4, 0.8 * height, width + 4, height + 4), TIMBER)
    canvas.shape(rectangle(-4, 0.76 * height, width + 4, 0.82 * height), BREAD.light(), 1.8)


def cabin(canvas: Canvas, rng: Rng) -> None:
    """A plank cabin with a window on the sea, a lamp and a shelf."""
    width, height = canvas.width, canvas.height
    edge = _shell(canvas, PLANK_WALL)
    _window(canvas, rng, 0.34 * width, 0.16 * height, 0.34 * width, 0.4 * height, sea=True)
    _shelf(canvas, rng, 0.04 * width, 0.34 * height, 0.2 * width, 2, (edge - 0.34 * height - 5) / 2)
    _lamp(canvas, 0.84 * width, 0.06 * height, 0.05 * width + 5)
    canvas.shape(rectangle(0.74 * width, 0.62 * height, 0.98 * width, edge + 0.08 * height), TIMBER)
    canvas.line([(0.74 * width, 0.7 * height), (0.98 * width, 0.7 * height)], 1.6)
    canvas.shape(ellipse(0.86 * width, 0.7 * height, 3.5, 3.5), SUN, 1.4)


def laboratory(canvas: Canvas, rng: Rng) -> None:
    """A workshop of glowing tubes and screens."""
    width, height = canvas.width, canvas.height
    edge = _shell(canvas, METAL_WALL)
    for i, x in enumerate((0.06, 0.22, 0.38)):
        left, liquid = x * width, TUBES[(i + int(rng.integers(3))) % 3]
        canvas.shape(rectangle(left, 0.2 * height, left + 0.12 * width, edge), GLASS)
        canvas.fill(rectangle(left + 1.1, rng.uniform(0.3, 0.5) * height, left + 0.12 * width - 1.1, edge - 1), liquid)
        canvas.shape(rectangle(left - 2, 0.14 * height, left + 0.12 * width + 2, 0.21 * height), WHITE, 1.8)
        for y in rng.uniform(0.52, 0.7, 3):
            canvas.shape(ellipse(left + rng.uniform(0.03, 0.09) * width, y * height, 2.2, 2.2), WHITE, 1.1)
    canvas.shape(rectangle(0.6 * width, 0.2 * height, 0.94 * width, 0.54 * height), BOOKS[1], 2.2)
    graph = [((0.63 + 0.28 * i / 6) * width, rng.uniform(0.26, 0.48) * height) for i in range(7)]
    canvas.line(graph, 2.2, LAMPLIGHT)
    canvas.shape(rectangle(0.56 * width, 0.66 * height, 0.98 * width, edge + 4), BOOKS[4], 2.0)
    for x in np.arange(0.6, 0.94, 0.07):
        canvas.shape(ellipse(x * width, 0.72 * height, 3.2, 3.2), TUBES[int(rng.integers(3))], 1.3)
