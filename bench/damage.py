"""Ways to damage a true colouring, one thing at a time: what each metric answers to, and to what it is blind.

Each axis is a list of levels from nothing upwards and a function of (picture, level, generator). Pictures are uint8 RGB [H, W, 3];
lengths are px at a short side of 256 and grow with the picture, so that a level looks alike at every resolution.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage
from skimage.color import lab2rgb, rgb2lab
from skimage.morphology import disk

from bench.metrics.lineart import DEFAULT, line_map

Picture = NDArray[np.uint8]
Damage = Callable[[Picture, float, np.random.Generator], Picture]

STROKE = 2.0
"""Width of invented lines, px at 256."""

DROP_MARGIN = 2.5
"""Dropped lines are painted over this far around their centre lines, px at 256: a stroke with its soft edges."""


@dataclass(frozen=True, slots=True)
class Axis:
    """A way to damage pictures: its levels (in `unit`, the first one changes nothing) and what it does."""

    name: str
    unit: str
    levels: tuple[float, ...]
    apply: Damage


def blur(picture: Picture, sigma: float, _: np.random.Generator) -> Picture:
    """Return the picture under a Gaussian of `sigma` px."""
    width = sigma * _scale(picture)
    return _bytes(ndimage.gaussian_filter(picture.astype(np.float64), (width, width, 0), mode="nearest"))


def noise(picture: Picture, deviation: float, rng: np.random.Generator) -> Picture:
    """Return the picture with independent Gaussian noise of `deviation` levels of 255."""
    return _bytes(picture + deviation * rng.standard_normal(picture.shape))


def desaturate(picture: Picture, share: float, _: np.random.Generator) -> Picture:
    """Return the picture with `share` (0 to 1) of its CIELAB chroma taken away, its lightness kept."""
    lab = rgb2lab(picture)
    lab[..., 1:] *= 1.0 - share
    return _bytes(255.0 * lab2rgb(lab))


def rotate_hue(picture: Picture, degrees: float, _: np.random.Generator) -> Picture:
    """Return the picture with a*, b* turned by `degrees`, lightness and chroma kept as far as sRGB holds them."""
    lab = rgb2lab(picture)
    angle = np.deg2rad(degrees)
    a, b = lab[..., 1].copy(), lab[..., 2].copy()
    lab[..., 1], lab[..., 2] = np.cos(angle) * a - np.sin(angle) * b, np.sin(angle) * a + np.cos(angle) * b
    return _bytes(255.0 * lab2rgb(lab))


def drop_lines(picture: Picture, share: float, rng: np.random.Generator) -> Picture:
    """Return the picture with about `share` (0 to 1) of its dark lines painted over with what lies beside them.

    Lines are cut into pieces of a sixteenth of the short side; each piece goes with probability `share`.
    """
    lines = line_map(rgb2lab(picture)[..., 0], DEFAULT)
    cell = max(1, min(picture.shape[:2]) // 16)
    rows, columns = -(-picture.shape[0] // cell), -(-picture.shape[1] // cell)
    gone = (rng.random((rows, columns)) < share).repeat(cell, axis=0).repeat(cell, axis=1)
    dropped = lines & gone[: picture.shape[0], : picture.shape[1]]
    if not dropped.any():
        return picture.copy()
    scale = _scale(picture)
    covered = ndimage.distance_transform_edt(~dropped) <= DROP_MARGIN * scale
    footprint = disk(round((DEFAULT.radius + DROP_MARGIN) * scale))  # type: ignore[no-untyped-call]
    beside = np.stack(
        [ndimage.grey_closing(channel, footprint=footprint) for channel in np.moveaxis(picture, -1, 0)], -1
    )
    return np.where(covered[..., None], beside, picture)


def invent_lines(picture: Picture, count: float, rng: np.random.Generator) -> Picture:
    """Return the picture with `count` straight black lines that are not its own."""
    image = Image.fromarray(picture)
    pen = ImageDraw.Draw(image)
    width = max(1, round(STROKE * _scale(picture)))
    for _ in range(round(count)):
        ends = rng.uniform(0.1, 0.9, 4) * np.tile((image.width, image.height), 2)
        pen.line(ends.tolist(), fill=(0, 0, 0), width=width)
    return np.asarray(image)


def shift(picture: Picture, distance: float, _: np.random.Generator) -> Picture:
    """Return the picture moved right by `distance` px, its left edge repeated."""
    moved = round(distance * _scale(picture))
    columns = np.maximum(np.arange(picture.shape[1]) - moved, 0)
    return picture[:, columns]


def jpeg(picture: Picture, loss: float, _: np.random.Generator) -> Picture:
    """Return the picture after JPEG of quality 100 - `loss`, chroma at half size; 0 changes nothing."""
    if loss == 0:
        return picture.copy()
    content = io.BytesIO()
    Image.fromarray(picture).save(content, "JPEG", quality=round(100 - loss), subsampling="4:2:0")
    return np.asarray(Image.open(content).convert("RGB"))


_AXES = (
    Axis("blur", "px", (0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0), blur),
    Axis("noise", "levels", (0.0, 2.0, 4.0, 8.0, 16.0, 32.0), noise),
    Axis("desaturation", "share", (0.0, 0.1, 0.25, 0.5, 0.75, 1.0), desaturate),
    Axis("hue rotation", "degrees", (0.0, 5.0, 10.0, 20.0, 45.0, 90.0, 180.0), rotate_hue),
    Axis("lines dropped", "share", (0.0, 0.1, 0.25, 0.5, 0.75, 1.0), drop_lines),
    Axis("lines invented", "lines", (0.0, 1.0, 2.0, 4.0, 8.0, 16.0), invent_lines),
    Axis("shift", "px", (0.0, 1.0, 2.0, 3.0, 4.0, 8.0), shift),
    Axis("JPEG", "100 - quality", (0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 90.0), jpeg),
)

AXES: Mapping[str, Axis] = MappingProxyType({axis.name: axis for axis in _AXES})
"""Every axis by name."""


def _scale(picture: Picture) -> float:
    return float(min(picture.shape[:2])) / 256


def _bytes(values: NDArray[np.float64]) -> Picture:
    return np.rint(np.clip(values, 0, 255)).astype(np.uint8)
