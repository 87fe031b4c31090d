"""A drawn scene with known lines, and random page windows, shared by the tests of the metrics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from scipy import ndimage

SIDE = 256
FILLS = (((90, 90), 46, (240, 170, 150)), ((160, 150), 52, (150, 200, 235)), ((95, 180), 36, (190, 225, 150)))
STROKES = tuple(((28 + 14 * i, 30 + 5 * i), (34 + 13 * i, 225 - 9 * i)) for i in range(14))


def near_line(points, width):
    """Return the coverage in [0, 1] of a stroke of `width` px through (row, column) `points`, float [SIDE, SIDE]."""
    rows, columns = np.mgrid[:SIDE, :SIDE].astype(float)
    coverage = np.zeros((SIDE, SIDE))
    for (r0, c0), (r1, c1) in zip(points[:-1], points[1:], strict=True):
        length = (r1 - r0) ** 2 + (c1 - c0) ** 2
        along = np.clip(((rows - r0) * (r1 - r0) + (columns - c0) * (c1 - c0)) / length, 0, 1)
        distance = np.hypot(rows - r0 - along * (r1 - r0), columns - c0 - along * (c1 - c0))
        coverage = np.maximum(coverage, np.clip(width / 2 + 0.5 - distance, 0, 1))
    return coverage


def ink(image, coverage):
    """Return uint8 `image` with black laid over it by `coverage` in [0, 1]."""
    return np.rint(image * (1 - coverage[..., None])).astype(np.uint8)


@dataclass(frozen=True)
class Scene:
    """A drawing at 256 px: coloured truth, its line art, the line art with screentone, the bare fills, and each stroke alone."""

    truth: np.ndarray
    lineart: np.ndarray
    halftone: np.ndarray
    fills: np.ndarray
    strokes: tuple[np.ndarray, ...]

    def ink(self, image, strokes):
        """Return uint8 `image` with the strokes, coverages in [0, 1], drawn over it in black."""
        return ink(image, np.max([np.zeros((SIDE, SIDE)), *strokes], axis=0))

    def stroke(self, *points):
        """Return the coverage of a new stroke of 2 px through (row, column) `points`."""
        return near_line(points, 2.0)


@pytest.fixture(scope="session")
def scene():
    rows, columns = np.mgrid[:SIDE, :SIDE]
    fills = np.full((SIDE, SIDE, 3), 255.0)
    screen = np.zeros((SIDE, SIDE))
    dots = ((rows % 6 - 2.5) ** 2 + (columns % 6 - 2.5) ** 2 <= 3).astype(float)
    strokes = [near_line(points, 2.0) for points in STROKES]
    for (row, column), radius, colour in FILLS:
        distance = np.hypot(rows - row, columns - column)
        fills[distance < radius] = colour
        screen[distance < radius - 4] = dots[distance < radius - 4]
        strokes.append(np.clip(1.5 - np.abs(distance - radius), 0, 1))
    lines = np.max(strokes, axis=0)
    fills = fills.astype(np.uint8)
    white = np.full_like(fills, 255)
    halftone = ink(white, np.maximum(lines, screen))
    return Scene(ink(fills, lines), ink(white, lines), halftone, fills, tuple(strokes))


@pytest.fixture(scope="session")
def pages():
    """Twelve smooth random colour windows of 64 px and their grey inputs, uint8 [12, 64, 64, 3] each."""
    drawn = np.random.default_rng(5)
    noise = ndimage.gaussian_filter(drawn.normal(size=(12, 64, 64, 3)), (0, 4, 4, 0))
    truth = np.clip(128 + 60 * noise / noise.std(), 0, 255).astype(np.uint8)
    source = np.repeat(truth.mean(axis=-1, keepdims=True), 3, axis=-1).astype(np.uint8)
    return source, truth
