"""Speech balloons: sized by their text, placed where they hide no face, with a tail towards the speaker."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from data.synthetic.canvas import WHITE, Canvas
from data.synthetic.geometry import Points, as_points, curve, ellipse
from data.synthetic.lettering import draw_columns, random_text

BalloonKind = Literal["speech", "shout", "thought"]
Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""
GLYPH = 7.2
"""Height of a letter in page units."""


@dataclass(frozen=True)
class Balloon:
    """A balloon to draw: its middle, half axes, text columns, kind, and the mouth it points to."""

    x: float
    y: float
    width: float
    height: float
    columns: tuple[str, ...]
    kind: BalloonKind
    mouth: tuple[float, float]

    @property
    def box(self) -> Box:
        """The upright box around the balloon."""
        return self.x - self.width, self.y - self.height, self.x + self.width, self.y + self.height


def overlap(first: Box, second: Box) -> float:
    """Return the common area of two boxes."""
    wide = min(first[2], second[2]) - max(first[0], second[0])
    high = min(first[3], second[3]) - max(first[1], second[1])
    return max(0.0, wide) * max(0.0, high)


def place_balloon(
    rng: np.random.Generator,
    panel: Box,
    faces: list[Box],
    bodies: list[Box],
    mouth: tuple[float, float],
    kind: BalloonKind,
) -> Balloon | None:
    """Return a balloon inside the panel that covers at most a sliver of the faces, or None where none fits.

    Bodies are spared where there is a choice. Boxes of earlier balloons belong to the faces.
    """
    columns = _words(rng, kind)
    width = (len(columns) * GLYPH * 1.35) * 0.66 + 7.0
    height = (max(len(column) for column in columns) * GLYPH * 1.22) * 0.64 + 7.0
    if 2 * width > 0.62 * (panel[2] - panel[0]) or 2 * height > 0.72 * (panel[3] - panel[1]):
        return None
    area = 4 * width * height
    spots = []
    for x, y, down in _spots(panel, width, height):
        box = (x - width, y - height, x + width, y + height)
        hidden = sum(overlap(box, face) for face in faces) / area
        cost = hidden + 0.3 * sum(overlap(box, body) for body in bodies) / area + 0.06 * down
        spots.append((cost, hidden, x, y))
    _, hidden, x, y = min(spots)
    return None if hidden > 0.12 else Balloon(x, y, width, height, columns, kind, mouth)


def _spots(panel: Box, width: float, height: float) -> Iterator[tuple[float, float, float]]:
    """Middles that keep a balloon of these half axes inside the panel, and how far down each lies (0 to 1)."""
    for across in (0.03, 0.97, 0.2, 0.8, 0.5):
        for down in (0.03, 0.35, 0.97, 0.65):
            x = panel[0] + width + 3 + across * (panel[2] - panel[0] - 2 * width - 6)
            y = panel[1] + height + 3 + down * (panel[3] - panel[1] - 2 * height - 6)
            yield x, y, down


def _words(rng: np.random.Generator, kind: BalloonKind) -> tuple[str, ...]:
    if kind == "shout":
        return (random_text(rng, int(rng.integers(2, 4))) + "!",)
    count = int(rng.integers(1, 4))
    text = [random_text(rng, int(rng.integers(3, 6))) for _ in range(count)]
    if rng.random() < 0.3:
        text[-1] = text[-1][:-1] + "?"
    return tuple(text)


def draw_balloon(canvas: Canvas, balloon: Balloon) -> None:
    """Draw the balloon with its text."""
    if balloon.kind == "thought":
        _draw_thought(canvas, balloon)
    else:
        outline = (
            _burst(balloon) if balloon.kind == "shout" else ellipse(balloon.x, balloon.y, balloon.width, balloon.height)
        )
        tail = _tail(balloon)
        canvas.shape(outline, WHITE, 1.9)
        canvas.shape(tail, WHITE, 1.9)
        canvas.fill(_inset(outline, balloon), WHITE)
        canvas.fill(_inset(tail, balloon, 0.93), WHITE)
    pen = 1.5 if balloon.kind == "shout" else 1.15
    draw_columns(canvas, balloon.columns, balloon.x, balloon.y, GLYPH, pen)


def _inset(outline: Points, balloon: Balloon, share: float = 1.0) -> Points:
    """The balloon without half its line, to melt balloon and tail into one."""
    middle = outline.mean(axis=0) if share < 1 else np.array([balloon.x, balloon.y])
    reach = np.maximum(np.hypot(*(outline - middle).T)[:, None], 1e-6)
    return np.asarray(outline + (middle - outline) / reach * 0.95)


def _tail(balloon: Balloon) -> Points:
    middle = np.array([balloon.x, balloon.y])
    way = np.array(balloon.mouth) - middle
    way = way / max(float(np.hypot(*way)), 1e-6)
    across = np.array([-way[1], way[0]])
    radius = 1 / float(np.hypot(way[0] / balloon.width, way[1] / balloon.height))
    base = middle + way * (radius - 4.5)
    tip = middle + way * (radius + 8.5) + across * 2.0
    return np.vstack(
        [
            curve([base + across * 4.2, base + way * 7 + across * 2.2, tip], 4),
            curve([tip, base + way * 7 - across * 1.2, base - across * 3.4], 4),
        ]
    )


def _burst(balloon: Balloon) -> Points:
    angles = np.linspace(0, 2 * np.pi, 25)[:-1]
    reach = np.where(np.arange(24) % 2 == 0, 1.22, 0.94)
    return as_points(
        np.stack(
            [balloon.x + np.cos(angles) * reach * balloon.width, balloon.y + np.sin(angles) * reach * balloon.height],
            axis=1,
        )
    )


def _draw_thought(canvas: Canvas, balloon: Balloon) -> None:
    angles = np.linspace(0, 2 * np.pi, 11)[:-1]
    rim = [
        (balloon.x + np.cos(a) * balloon.width * 0.78, balloon.y + np.sin(a) * balloon.height * 0.78) for a in angles
    ]
    size = 0.42 * min(balloon.width, balloon.height)
    way = np.array(balloon.mouth) - [balloon.x, balloon.y]
    way = way / max(float(np.hypot(*way)), 1e-6)
    radius = 1 / float(np.hypot(way[0] / balloon.width, way[1] / balloon.height))
    canvas.puffs([(x, y, size) for x, y in rim], WHITE, 1.9)
    canvas.fill(ellipse(balloon.x, balloon.y, balloon.width * 0.86, balloon.height * 0.86), WHITE)
    for gap, dot in ((7.0, 2.8), (12.0, 1.9)):
        x, y = np.array([balloon.x, balloon.y]) + way * (radius + gap)
        canvas.shape(ellipse(float(x), float(y), dot, dot), WHITE, 1.5)
