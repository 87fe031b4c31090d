"""Screentone: which pattern of black stands for a colour on the B/W page, and how it is laid over an area."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

TILE = 24.0
"""Side of the repeating tile in page units (256 units are the short side of a page)."""


class Screen(IntEnum):
    """The pattern families; each is a field whose lowest values are inked first."""

    DOTS = 0
    FINE = 1
    SLASH = 2
    BACKSLASH = 3
    UPRIGHT = 4
    LEVEL = 5
    CROSS = 6
    GRAIN = 7
    PLAID = 8
    TICKS = 9
    WAVES = 10
    BRICKS = 11
    SPOTS = 12


@dataclass(frozen=True)
class Tone:
    """A pattern family and the share of its area that is black, 0 (paper) to 1 (solid)."""

    screen: Screen = Screen.DOTS
    coverage: float = 0.0

    def denser(self, by: float) -> Tone:
        """Return the same pattern with `by` more black (used for shadows)."""
        return Tone(self.screen, min(1.0, max(0.0, self.coverage + by)))


PAPER = Tone()
SOLID = Tone(Screen.DOTS, 1.0)

Field = NDArray[np.float64]


def _wave(x: Field, y: Field, across: int, down: int) -> Field:
    return np.asarray(np.cos(2 * np.pi * (across * x + down * y) / TILE))


def _grain(x: Field, y: Field) -> Field:
    cells = np.random.default_rng(7).standard_normal((24, 24))
    smooth = gaussian_filter(cells, 0.6, mode="wrap")
    return np.asarray(smooth[np.asarray(y, dtype=int) % 24, np.asarray(x, dtype=int) % 24])


def _ticks(x: Field, y: Field) -> Field:
    column = np.floor(x / 6)
    along = (y + 4 * (column % 3)) % 12
    blade = np.abs((x % 6) - 3 - 0.15 * (along - 6))
    return np.asarray(blade + np.maximum(0, np.abs(along - 6) - 2.5) * 1.2)


def _bricks(x: Field, y: Field) -> Field:
    row = np.floor(y / 6)
    joint = np.abs((x + 6 * (row % 2)) % 12 - 6)
    return np.asarray(-np.maximum(np.abs(y % 6 - 3) / 3, joint / 6 + 0.25 * (joint > 5.2) - 0.2))


_FIELDS: dict[Screen, Callable[[Field, Field], Field]] = {
    Screen.DOTS: lambda x, y: -_wave(x, y, 4, 4) - _wave(x, y, 4, -4),
    Screen.FINE: lambda x, y: -_wave(x, y, 6, 6) - _wave(x, y, 6, -6),
    Screen.SLASH: lambda x, y: -_wave(x, y, 4, 4),
    Screen.BACKSLASH: lambda x, y: -_wave(x, y, 4, -4),
    Screen.UPRIGHT: lambda x, y: -_wave(x, y, 5, 0),
    Screen.LEVEL: lambda x, y: -_wave(x, y, 0, 5),
    Screen.CROSS: lambda x, y: -np.maximum(_wave(x, y, 3, 3), _wave(x, y, 3, -3)),
    Screen.GRAIN: _grain,
    Screen.PLAID: lambda x, y: -np.maximum(_wave(x, y, 2, 0), _wave(x, y, 0, 2)),
    Screen.TICKS: _ticks,
    Screen.WAVES: lambda x, y: -np.cos(2 * np.pi * (4 * y + 5 * np.sin(2 * np.pi * x * 2 / TILE)) / TILE),
    Screen.BRICKS: _bricks,
    Screen.SPOTS: lambda x, y: -_wave(x, y, 2, 2) - _wave(x, y, 2, -2),
}


@cache
def ranks(side: int) -> NDArray[np.uint8]:
    """Return the threshold tiles [screens, side, side]: a pixel is black where its rank is below 255 x coverage."""
    grid = (np.arange(side) + 0.5) * TILE / side
    y, x = np.meshgrid(grid, grid, indexing="ij")
    tiles = np.empty((len(Screen), side, side), dtype=np.uint8)
    for screen in Screen:
        field = _FIELDS[screen](x, y).ravel()
        order = np.argsort(np.argsort(field, kind="stable"), kind="stable")
        tiles[screen] = (order * 255 // len(order)).astype(np.uint8).reshape(side, side)
    return tiles


def screened(
    screens: NDArray[np.uint8], coverage: NDArray[np.uint8], side: int, first_row: int = 0
) -> NDArray[np.uint8]:
    """Return the toned image [h, w], 0 black and 255 paper.

    `screens` [h, w] holds a `Screen` per pixel, `coverage` [h, w] the black share of 255; `side` is the tile's side in
    pixels; `first_row` is where on the page the image begins.
    """
    height, width = screens.shape
    row = ((np.arange(height, dtype=np.intp) + first_row) % side) * side
    column = np.arange(width, dtype=np.intp) % side
    flat = screens.astype(np.intp) * (side * side) + row[:, None] + column[None, :]
    return (ranks(side).ravel().take(flat) >= coverage).astype(np.uint8) * np.uint8(255)
