"""Curves and frames: every drawn shape is an array of points [n, 2] (x to the right, y downwards)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

Points = NDArray[np.float64]


def as_points(points: ArrayLike) -> Points:
    """Return the points as a float64 array [n, 2]."""
    return np.asarray(points, dtype=np.float64).reshape(-1, 2)


@cache
def _basis(samples: int) -> Points:
    t = np.linspace(0.0, 1.0, samples, endpoint=False)
    powers = np.stack([t**3, t**2, t, np.ones_like(t)], axis=1)
    catmull_rom = 0.5 * np.array([[-1, 3, -3, 1], [2, -5, 4, -1], [-1, 0, 1, 0], [0, 2, 0, 0]], dtype=np.float64)
    return powers @ catmull_rom


def curve(points: ArrayLike, samples: int = 8) -> Points:
    """Return the open uniform Catmull-Rom spline [m, 2] through the points (Catmull and Rom 1974)."""
    knots = as_points(points)
    if len(knots) < 3:
        return knots
    padded = np.vstack([2 * knots[0] - knots[1], knots, 2 * knots[-1] - knots[-2]])
    windows = np.stack([padded[i : len(padded) - 3 + i] for i in range(4)], axis=1)
    body = np.einsum("sk,wkd->wsd", _basis(samples), windows).reshape(-1, 2)
    return np.vstack([body, knots[-1]])


def loop(points: ArrayLike, samples: int = 8) -> Points:
    """Return the closed uniform Catmull-Rom spline [m, 2] through the points."""
    knots = as_points(points)
    windows = np.stack([np.roll(knots, shift, axis=0) for shift in (1, 0, -1, -2)], axis=1)
    return np.asarray(np.einsum("sk,wkd->wsd", _basis(samples), windows).reshape(-1, 2))


def path(segments: Sequence[ArrayLike], samples: int = 6) -> Points:
    """Return the curves of all segments joined: smooth inside a segment, a sharp corner where two meet."""
    return np.vstack([curve(segment, samples) for segment in segments])


def moved(points: ArrayLike, x: float, y: float) -> Points:
    """Return the points shifted by (x, y)."""
    return np.asarray(as_points(points) + np.array([x, y]))


def ellipse(x: float, y: float, width: float, height: float, *, start: float = 0.0, end: float = 360.0) -> Points:
    """Return points on an ellipse of half axes `width` and `height`; angles in degrees, clockwise from the right."""
    count = max(8, int(abs(end - start) / 10))
    angles = np.radians(np.linspace(start, end, count))
    return np.stack([x + width * np.cos(angles), y + height * np.sin(angles)], axis=1)


def rectangle(left: float, top: float, right: float, bottom: float) -> Points:
    """Return the four corners of an upright rectangle."""
    return as_points([[left, top], [right, top], [right, bottom], [left, bottom]])


def ribbon(points: ArrayLike, widths: ArrayLike) -> Points:
    """Return the outline of a band along the points; `widths` (full widths, any count) are spread over its length."""
    line = as_points(points)
    given = np.asarray(widths, dtype=np.float64)
    half = np.interp(np.linspace(0, 1, len(line)), np.linspace(0, 1, len(given)), given) / 2
    tangent = np.gradient(line, axis=0)
    tangent /= np.maximum(np.hypot(tangent[:, 0], tangent[:, 1]), 1e-9)[:, None]
    offset = np.stack([-tangent[:, 1], tangent[:, 0]], axis=1) * half[:, None]
    return np.vstack([line + offset, (line - offset)[::-1]])


@dataclass(frozen=True)
class Frame:
    """A local coordinate system: origin, length of one unit, rotation in degrees, mirrored or not."""

    x: float
    y: float
    unit: float
    angle: float = 0.0
    flip: bool = False

    def at(self, points: ArrayLike) -> Points:
        """Return local points in the outer coordinates."""
        local = as_points(points)
        if self.flip:
            local = local * np.array([-1.0, 1.0])
        cos, sin = np.cos(np.radians(self.angle)), np.sin(np.radians(self.angle))
        turned = local @ np.array([[cos, sin], [-sin, cos]])
        return np.asarray(turned * self.unit + np.array([self.x, self.y]))

    def place(self, x: float, y: float, unit: float = 1.0, angle: float = 0.0, *, flip: bool = False) -> Frame:
        """Return a frame whose origin, unit and angle are given in the coordinates of this one."""
        origin = self.at([[x, y]])[0]
        turn = -angle if self.flip else angle
        return Frame(float(origin[0]), float(origin[1]), self.unit * unit, self.angle + turn, self.flip != flip)
