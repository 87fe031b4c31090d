"""Page layouts: one to four panels with gutters, some cut at a slant."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from data.synthetic.balloons import Box
from data.synthetic.geometry import Points, as_points

PAGE_WIDTH = 256.0
PAGE_ASPECT = 0.70
"""Width over height of a page; a tankobon page is 0.70 to 0.71."""
PAGE_HEIGHT = PAGE_WIDTH / PAGE_ASPECT
MARGIN = 4.0
GUTTER = 6.5

Rows = tuple[tuple[float, tuple[float, ...]], ...]

_LAYOUTS: tuple[tuple[float, Rows], ...] = (
    (0.12, ((1.0, (1.0,)),)),
    (0.13, ((0.55, (1.0,)), (0.45, (1.0,)))),
    (0.05, ((0.42, (1.0,)), (0.58, (1.0,)))),
    (0.15, ((0.52, (1.0,)), (0.48, (0.5, 0.5)))),
    (0.15, ((0.46, (0.55, 0.45)), (0.54, (1.0,)))),
    (0.10, ((0.34, (1.0,)), (0.36, (1.0,)), (0.30, (1.0,)))),
    (0.12, ((0.50, (0.5, 0.5)), (0.50, (0.56, 0.44)))),
    (0.09, ((0.36, (1.0,)), (0.32, (0.48, 0.52)), (0.32, (1.0,)))),
    (0.09, ((0.33, (0.45, 0.55)), (0.37, (1.0,)), (0.30, (1.0,)))),
)
"""How often a layout is used, and its rows: share of the height, shares of the width."""


@dataclass(frozen=True)
class Panel:
    """A panel's four corners, clockwise from the upper left, in page units."""

    corners: Points

    @property
    def box(self) -> Box:
        """The upright box around the panel."""
        left, top = self.corners.min(axis=0)
        right, bottom = self.corners.max(axis=0)
        return float(left), float(top), float(right), float(bottom)

    @property
    def inner(self) -> Box:
        """The upright box inside the panel."""
        xs, ys = np.sort(self.corners[:, 0]), np.sort(self.corners[:, 1])
        return float(xs[1]), float(ys[1]), float(xs[2]), float(ys[2])


def lay_out(rng: np.random.Generator) -> list[Panel]:
    """Return the panels of a page from top to bottom, right to left in a row, as manga is read."""
    shares = np.array([share for share, _ in _LAYOUTS])
    rows = _LAYOUTS[int(rng.choice(len(_LAYOUTS), p=shares / shares.sum()))][1]
    cuts = _cuts(rng, np.array([height for height, _ in rows]), MARGIN, PAGE_HEIGHT - MARGIN, 9.0, 0.3)
    panels: list[Panel] = []
    for (_, widths), upper, lower in zip(rows, cuts[:-1], cuts[1:], strict=True):
        panels += _row(rng, widths, upper, lower)
    return panels


def _cuts(
    rng: np.random.Generator, shares: np.ndarray, start: float, end: float, slant: float, often: float
) -> list[tuple[float, float]]:
    """Positions of the cuts at both of their ends; the first and the last are straight."""
    places = start + np.concatenate([[0.0], np.cumsum(shares) / shares.sum()]) * (end - start)
    cuts = []
    for index, place in enumerate(places):
        inside = 0 < index < len(places) - 1
        shift = rng.uniform(-slant, slant) if inside and rng.random() < often else 0.0
        cuts.append((float(place + shift), float(place - shift)))
    return cuts


def _row(
    rng: np.random.Generator, widths: tuple[float, ...], upper: tuple[float, float], lower: tuple[float, float]
) -> list[Panel]:
    cuts = _cuts(rng, np.array(widths), MARGIN, PAGE_WIDTH - MARGIN, 11.0, 0.4)
    half = GUTTER / 2

    def height(edge: tuple[float, float], x: float) -> float:
        return edge[0] + (edge[1] - edge[0]) * (x - MARGIN) / (PAGE_WIDTH - 2 * MARGIN)

    panels = []
    for left, right in pairwise(cuts):
        xs = (left[0] + half, right[0] - half, right[1] - half, left[1] + half)
        edges = (upper, upper, lower, lower)
        gaps = (half, half, -half, -half)
        panels.append(
            Panel(as_points([(x, height(edge, x) + gap) for x, edge, gap in zip(xs, edges, gaps, strict=True)]))
        )
    return panels[::-1]
