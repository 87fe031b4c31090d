"""The drawing surface: one map of materials, from which the colour page, the B/W page and the ink are developed.

A pixel holds the number of a material, a material is a colour and a screentone, and ink is material 0. What is painted
later hides what lies below, lines included, so both pages agree in every pixel by construction.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw

from data.synthetic.geometry import Points, as_points, ribbon
from data.synthetic.tone import PAPER, SOLID, TILE, Tone, screened

Rgb = tuple[int, int, int]
_Entry = TypeVar("_Entry", np.uint8, np.uint32)
LINE = 2.2
"""Width of a contour in page units; 256 units are the short side of a page."""


def rgb(code: str) -> Rgb:
    """Return the colour of a six-digit hexadecimal code."""
    return int(code[0:2], 16), int(code[2:4], 16), int(code[4:6], 16)


def mix(first: Rgb, second: Rgb, share: float) -> Rgb:
    """Return the colour `share` of the way from the first to the second."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


@dataclass(frozen=True)
class Material:
    """A colour with its screentone; with `fade`, both run to a second pair between two heights of the page."""

    rgb: Rgb
    tone: Tone = PAPER
    fade: tuple[Rgb, float, float, float] | None = None
    """(lower colour, lower coverage, upper height, lower height); heights in page units."""

    def shadow(self) -> Material:
        """Return the material in shade: darker and cooler, with denser tone."""
        red, green, blue = self.rgb
        return replace(
            self, rgb=(round(red * 0.80), round(green * 0.74), round(blue * 0.82)), tone=self.tone.denser(0.16)
        )

    def light(self) -> Material:
        """Return the material where it shines: lighter, and paper white on the B/W page."""
        return replace(self, rgb=mix(self.rgb, (255, 250, 240), 0.55), tone=PAPER)


_BAND_ROWS = 32
"""Rows of the page that are developed at once: what is looked up for them stays in the processor's cache."""

INK = Material((0, 0, 0), SOLID)
WHITE = Material((255, 255, 255))


class MaterialTable:
    """The numbers of the materials of one page; ink is 0."""

    def __init__(self) -> None:
        self.materials: list[Material] = [INK]
        self._numbers: dict[Material, int] = {INK: 0}

    def number(self, material: Material) -> int:
        """Return the material's number, giving it the next one when it is new; ValueError beyond 256 materials."""
        known = self._numbers.get(material)
        if known is not None:
            return known
        if len(self.materials) == 256:
            raise ValueError("a drawn page can hold 256 materials; draw it with fewer")
        self._numbers[material] = len(self.materials)
        self.materials.append(material)
        return self._numbers[material]


class Canvas:
    """A surface of `width` x `height` page units, drawn at `scale` pixels a unit; `top` is its place on the page."""

    def __init__(self, width: float, height: float, scale: float, table: MaterialTable, top: float = 0.0) -> None:
        self.width, self.height, self.scale, self.table, self.top = width, height, scale, table, top
        size = (round(width * scale), round(height * scale))
        self.image = Image.new("L", size, table.number(WHITE))
        self._pen = ImageDraw.Draw(self.image)

    def _pixels(self, points: ArrayLike) -> list[float]:
        flat: list[float] = (as_points(points) * self.scale).ravel().tolist()
        return flat

    def fill(self, points: ArrayLike, material: Material) -> None:
        """Paint the area inside the points, without a contour."""
        self._pen.polygon(self._pixels(points), fill=self.table.number(material))

    def line(self, points: ArrayLike, width: float = LINE, material: Material = INK) -> None:
        """Draw an even line along the points, with round ends and corners."""
        pixels = as_points(points) * self.scale
        breadth = max(1, round(width * self.scale))
        number = self.table.number(material)
        self._pen.line(pixels.ravel().tolist(), fill=number, width=breadth)
        if breadth > 2:
            self._round(pixels, breadth / 2 - 0.5, number)

    def _round(self, pixels: Points, radius: float, number: int) -> None:
        steps = np.diff(pixels, axis=0)
        angles = np.arctan2(steps[:, 1], steps[:, 0])
        turns = np.abs((np.diff(angles) + np.pi) % (2 * np.pi) - np.pi)
        ends = np.concatenate([[0], np.flatnonzero(turns > 0.3) + 1, [len(pixels) - 1]])
        for x, y in pixels[ends].tolist():
            self._pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=number)

    def stroke(self, points: ArrayLike, widths: ArrayLike, material: Material = INK) -> None:
        """Draw a brush line whose width follows `widths` (page units) along its length."""
        self.fill(ribbon(points, widths), material)

    def flick(self, points: ArrayLike, width: float = 1.6) -> None:
        """Draw a pen line that is thin at both ends."""
        self.stroke(points, [width * 0.35, width, width, width * 0.3])

    def shape(self, points: ArrayLike, material: Material, width: float = LINE) -> None:
        """Paint the area inside the points and draw its closed contour in ink."""
        corners = as_points(points)
        self.fill(corners, material)
        self.line(np.vstack([corners, corners[:2]]), width)

    def disc(self, x: float, y: float, radius: float, material: Material) -> None:
        """Paint a disc without a contour."""
        box = [
            (x - radius) * self.scale,
            (y - radius) * self.scale,
            (x + radius) * self.scale,
            (y + radius) * self.scale,
        ]
        self._pen.ellipse(box, fill=self.table.number(material))

    def puffs(self, discs: Iterable[tuple[float, float, float]], material: Material, width: float = LINE) -> None:
        """Paint the union of discs (x, y, radius) with one common contour: clouds, bushes, curls."""
        rounds = list(discs)
        for x, y, radius in rounds:
            self.disc(x, y, radius + width / 2, INK)
        for x, y, radius in rounds:
            self.disc(x, y, radius - width / 2, material)

    def recolour(self, points: ArrayLike, on: Material, to: Material) -> None:
        """Turn `on` into `to` inside the points and leave all else, lines included: shadows and highlights."""
        pixels = as_points(points) * self.scale
        low = np.maximum(np.floor(pixels.min(axis=0)).astype(int), 0)
        high = np.minimum(np.ceil(pixels.max(axis=0)).astype(int) + 1, self.image.size)
        if (high <= low).any():
            return
        box = (int(low[0]), int(low[1]), int(high[0]), int(high[1]))
        mask = Image.new("L", (box[2] - box[0], box[3] - box[1]))
        ImageDraw.Draw(mask).polygon((pixels - low).ravel().tolist(), fill=255)
        there = np.asarray(self.image.crop(box)) == self.table.number(on)
        self.image.paste(self.table.number(to), box, Image.fromarray(np.asarray(mask) * there))

    def paste(self, other: Canvas, outline: ArrayLike, left: float, top: float) -> None:
        """Lay another canvas on this one at (left, top), cut along the outline (in this canvas's units)."""
        mask = Image.new("L", self.image.size)
        ImageDraw.Draw(mask).polygon(self._pixels(outline), fill=255)
        corner = (round(left * self.scale), round(top * self.scale))
        box = (*corner, corner[0] + other.image.size[0], corner[1] + other.image.size[1])
        self.image.paste(other.image, corner, mask.crop(box))

    def sky(self, upper: Rgb, lower: Rgb, tone: Tone, lower_coverage: float, height: float) -> Material:
        """Return a material that fades from the canvas's top edge down to `height` (canvas units)."""
        return Material(upper, tone, (lower, lower_coverage, self.top, self.top + height))


@dataclass(frozen=True)
class Developed:
    """A finished page: `color` and `bw` uint8 [h, w, 3], `ink` bool [h, w] (True on drawn lines)."""

    color: NDArray[np.uint8]
    bw: NDArray[np.uint8]
    ink: NDArray[np.bool_]


def develop(canvas: Canvas, factor: int) -> Developed:
    """Return the pages, one pixel for every square of `factor` x `factor` canvas pixels, area-averaged."""
    numbers = np.asarray(canvas.image)
    height, width = numbers.shape
    shape = (-(-height // factor), -(-width // factor))
    page = Developed(
        np.empty((*shape, 3), dtype=np.uint8), np.empty((*shape, 3), dtype=np.uint8), np.empty(shape, dtype=bool)
    )
    colours, coverage = _tables(canvas.table.materials, (np.arange(height) + 0.5) / canvas.scale)
    screens = np.array([material.tone.screen for material in canvas.table.materials], dtype=np.uint8)
    for first in range(0, shape[0], _BAND_ROWS):
        rows = slice(first * factor, (first + _BAND_ROWS) * factor)
        band = numbers[rows]
        toned = screened(screens[band], _by_row(coverage[rows], band), round(TILE * canvas.scale), rows.start)
        pixels = _by_row(colours[rows].view(np.uint32)[..., 0], band)
        into = slice(first, first + _BAND_ROWS)
        color = Image.frombuffer("RGBX", (width, len(band)), pixels).reduce(factor)
        page.color[into] = np.asarray(color)[..., :3]
        page.bw[into] = np.asarray(Image.fromarray(toned).reduce(factor))[..., None]
        page.ink[into] = np.asarray(Image.fromarray((band == 0).astype(np.uint8) * 255).reduce(factor)) >= 128
    return page


def _by_row(table: NDArray[_Entry], numbers: NDArray[np.uint8]) -> NDArray[_Entry]:
    """The entries [h, w] of a table [h, materials] that a map of numbers [h, w] asks for, each in its own row."""
    rows, count = table.shape
    return table.ravel().take(numbers + np.arange(0, rows * count, count, dtype=np.intp)[:, None])


def _tables(materials: list[Material], heights: ArrayLike) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Colour [rows, materials, 4] and black share of 255 [rows, materials]; only those that fade differ by row."""
    rows = np.asarray(heights, dtype=np.float64)
    colours = np.zeros((len(rows), len(materials), 4), dtype=np.uint8)
    coverage = np.zeros((len(rows), len(materials)), dtype=np.uint8)
    for number, material in enumerate(materials):
        lower, lower_coverage, start, end = material.fade or (material.rgb, material.tone.coverage, 0.0, 1.0)
        share = np.clip((rows - start) / max(end - start, 1e-6), 0, 1)
        colours[:, number, :3] = np.round(np.outer(1 - share, material.rgb) + np.outer(share, lower))
        coverage[:, number] = np.round(255 * (material.tone.coverage * (1 - share) + lower_coverage * share))
    return colours, coverage
