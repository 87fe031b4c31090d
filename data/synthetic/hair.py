"""Hair styles in head units: what hangs behind the head, the fringe before it, strands and shine."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from data.synthetic.canvas import Canvas, Material
from data.synthetic.geometry import Frame, Points, as_points, curve, ellipse, loop, moved, path, ribbon
from data.synthetic.series import HairStyle

Corner = tuple[float, float]

_FRINGES: dict[HairStyle, list[Corner]] = {
    "long": [
        (-0.95, 0.85), (-0.72, -0.12), (-0.46, 0.06), (-0.26, -0.34), (0.06, 0.02), (0.3, -0.34), (0.52, 0.06),
        (0.72, -0.12), (0.95, 0.85),
    ],
    "bob": [
        (-0.98, 0.75), (-0.8, -0.16), (-0.6, -0.02), (-0.44, -0.12), (-0.22, 0.0), (-0.02, -0.12), (0.2, 0.0),
        (0.42, -0.12), (0.62, -0.02), (0.8, -0.16), (0.98, 0.75),
    ],
    "twintails": [
        (-0.95, 0.55), (-0.76, -0.14), (-0.5, 0.1), (-0.4, -0.3), (-0.02, 0.1), (0.12, -0.3), (0.46, 0.06),
        (0.76, -0.14), (0.95, 0.55),
    ],
    "ponytail": [
        (-0.98, 0.5), (-0.82, -0.08), (-0.62, 0.06), (-0.48, -0.2), (-0.14, -0.06), (0.38, -0.72), (0.72, -0.05),
        (0.84, -0.15), (0.98, 0.45),
    ],
    "buns": [
        (-0.95, 0.5), (-0.8, -0.08), (-0.54, 0.04), (-0.3, -0.22), (0.0, -0.78), (0.3, -0.22), (0.54, 0.04),
        (0.8, -0.08), (0.95, 0.5),
    ],
    "spiky": [
        (-0.98, 0.42), (-0.78, -0.26), (-0.52, 0.08), (-0.34, -0.38), (0.02, 0.16), (0.16, -0.36), (0.56, 0.04),
        (0.76, -0.28), (0.98, 0.42),
    ],
    "short": [
        (-0.98, 0.2), (-0.84, -0.26), (-0.56, -0.1), (-0.4, -0.34), (-0.02, -0.1), (0.44, -0.6), (0.66, -0.18),
        (0.84, -0.3), (0.98, 0.2),
    ],
    "curly": [
        (-0.98, 0.3), (-0.8, -0.18), (-0.6, -0.04), (-0.4, -0.22), (-0.16, -0.02), (0.04, -0.22), (0.28, -0.02),
        (0.5, -0.22), (0.7, -0.04), (0.84, -0.18), (0.98, 0.3),
    ],
    "braids": [
        (-0.97, 0.7), (-0.82, -0.05), (-0.5, 0.02), (-0.24, -0.3), (0.0, -0.8), (0.24, -0.3), (0.5, 0.02),
        (0.82, -0.05), (0.97, 0.7),
    ],
}  # fmt: skip
"""Tips and, between them, notches of the fringe from the left temple to the right one."""

_CROWN = [(1.06, -0.30), (0.84, -0.92), (0.0, -1.27), (-0.84, -0.92), (-1.06, -0.30)]
_SPIKES = [(-1.08, 0.55), (-1.0, 0.1), (-1.36, 0.25), (-1.14, -0.3), (-1.5, -0.5), (-1.02, -0.72), (-1.22, -1.32),
           (-0.58, -1.08), (-0.42, -1.66), (-0.02, -1.2), (0.46, -1.68), (0.52, -1.12), (1.18, -1.36), (1.02, -0.72),
           (1.5, -0.45), (1.14, -0.25), (1.36, 0.3), (1.0, 0.15), (1.08, 0.55)]  # fmt: skip


def fringe(style: HairStyle, turn: float) -> Points:
    """Return the outline [n, 2] of the hair before the head, in head units."""
    corners = as_points(_FRINGES[style])
    corners[:, 0] += 0.22 * turn * (1 - corners[:, 0] ** 2)
    segments = [_bowed(first, second) for first, second in pairwise(corners)]
    over = as_points(_CROWN) if style != "spiky" else as_points(_SPIKES)[::-1][1:-1]
    if style == "spiky":
        return np.vstack([path(segments), over])
    closing = curve(np.vstack([corners[-1], over, corners[0]]))
    return np.vstack([path(segments), closing])


def _bowed(first: Points, second: Points) -> Points:
    """A lock's edge bends outwards, away from the middle of the face."""
    middle = (first + second) / 2
    across = second - first
    return np.stack(
        [
            first,
            middle + 0.10 * np.array([across[1], -across[0]]) * np.sign(across[1]) * np.sign(middle[0] + 0.01),
            second,
        ]
    )


def draw_back(canvas: Canvas, head: Frame, style: HairStyle, hair: Material, pen: float) -> None:
    """Draw the hair behind body and head."""
    if style in ("twintails", "ponytail"):
        _draw_tails(canvas, head, style, hair, pen)
    if style == "buns":
        for side in (-1.0, 1.0):
            canvas.shape(head.at(ellipse(side * 0.82, -1.08, 0.46, 0.44)), hair, pen)
            canvas.flick(head.at(ellipse(side * 0.82, -1.08, 0.24, 0.22, start=200, end=420)), pen * 0.8)
    if style == "curly":
        angles = np.radians(np.linspace(140, 400, 13))
        curls = head.at(np.stack([1.02 * np.cos(angles), -0.18 + 1.0 * np.sin(angles)], axis=1))
        canvas.puffs([(x, y, 0.36 * head.unit) for x, y in curls.tolist()], hair, pen)
    elif style == "spiky":
        canvas.shape(head.at(_SPIKES), hair, pen)
    else:
        canvas.shape(head.at(_mass(style)), hair, pen)
    inner = head.at(ellipse(0.0, 0.75, 0.92, 0.95))
    canvas.recolour(inner, hair, hair.shadow())


def _mass(style: HairStyle) -> Points:
    if style == "long":
        half = [(0.0, -1.2), (-0.95, -0.8), (-1.16, 0.2), (-1.3, 1.3), (-1.36, 2.3), (-1.2, 2.95)]
        hem = [
            [(-1.2, 2.95), (-1.0, 2.6), (-0.78, 2.5)],
            [(-0.78, 2.5), (-0.7, 2.85), (-0.55, 3.05)],
            [(-0.55, 3.05), (-0.3, 2.7), (0.0, 2.6)],
        ]
        left = path([half, *hem])
        return np.vstack([left, (left * [-1.0, 1.0])[::-1]])
    low, wide = {"bob": (1.12, 1.2), "braids": (0.8, 1.08)}.get(style, (0.75, 1.06))
    return loop([(0.0, -1.2), (-0.92, -0.8), (-wide, 0.1), (-wide * 0.98, low * 0.75), (-0.62, low), (0.62, low),
                 (wide * 0.98, low * 0.75), (wide, 0.1), (0.92, -0.8)])  # fmt: skip


def _draw_tails(canvas: Canvas, head: Frame, style: HairStyle, hair: Material, pen: float) -> None:
    for side in (-1.0, 1.0) if style == "twintails" else (1.0,):
        if style == "twintails":
            bend = [(0.85, -0.62), (1.55, -0.62), (1.82, 0.3), (1.78, 1.3), (1.42, 2.3)]
        else:
            bend = [(0.45, -0.95), (1.15, -1.22), (1.68, -0.5), (1.72, 0.6), (1.35, 1.55)]
        spine = curve(as_points(bend) * [side, 1.0])
        canvas.shape(head.at(ribbon(spine, [0.3, 0.7, 0.8, 0.6, 0.03])), hair, pen)
        canvas.recolour(
            head.at(ribbon(moved(spine, -0.16 * side, 0.05), [0.05, 0.2, 0.3, 0.2, 0.02])), hair, hair.shadow()
        )
        canvas.flick(head.at(moved(spine[6:-3], 0.08 * side, 0.0)), pen * 0.8)


def draw_front(canvas: Canvas, head: Frame, style: HairStyle, turn: float, hair: Material, pen: float) -> None:
    """Draw the hair before the head with its shine and strands."""
    outline = fringe(style, turn)
    canvas.shape(head.at(outline), hair, pen)
    _shade(canvas, head, turn, hair)
    notches = as_points(_FRINGES[style])[1::2]
    for x, y in notches.tolist():
        top = (x * 0.72 + 0.12 * turn, max(-1.0, y - 0.55))
        start = (x + 0.22 * turn * (1 - x**2), y)
        canvas.stroke(
            head.at(curve([start, (x * 0.9 + 0.15 * turn, (y + top[1]) / 2), top])), [pen, pen * 0.7, pen * 0.2]
        )


def _shade(canvas: Canvas, head: Frame, turn: float, hair: Material) -> None:
    shift = 0.15 * turn
    zigzag = [
        (x + shift, -0.62 + 0.16 * x * x + ((0.12 if i % 2 else 0.0) - (0.16 if i in (0, 8) else 0.0)))
        for i, x in enumerate(np.linspace(0.72, -0.72, 9).tolist())
    ]
    upper = [(x + shift, -0.84 + 0.20 * x * x) for x in np.linspace(-0.72, 0.72, 9).tolist()]
    canvas.recolour(head.at(upper + zigzag), hair, hair.light())
    for side in (-1.0, 1.0):
        lower = [(side * 1.2, -0.45), (side * 0.92, -0.1), (side * 0.86, 0.3), (side * 0.8, 1.0), (side * 1.2, 1.0)]
        canvas.recolour(head.at(lower), hair, hair.shadow())


def draw_braids(canvas: Canvas, head: Frame, hair: Material, band: Material, pen: float) -> None:
    """Draw the two braids that hang before the shoulders."""
    for side in (-1.0, 1.0):
        for step in range(5):
            knot = ellipse(side * (1.02 + 0.03 * step), 0.85 + 0.34 * step, 0.27 - 0.015 * step, 0.24)
            canvas.shape(head.at(knot), hair, pen)
            canvas.flick(head.at([(side * 0.9, 0.72 + 0.34 * step), (side * 1.1, 0.98 + 0.34 * step)]), pen * 0.8)
        tip = [(side * 1.02, 2.5), (side * 1.28, 2.5), (side * 1.2, 2.95)]
        canvas.shape(head.at(tip), hair, pen)
        canvas.shape(head.at(ellipse(side * 1.15, 2.44, 0.17, 0.12)), band, pen * 0.8)
