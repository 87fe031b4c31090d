"""Writes the pictures of the comparison viewer into a report: thumbnails, windows without loss, their lines; within a budget."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.metrics.colour import lab
from bench.metrics.lineart import Lightness, LineReference
from bench.reporting.grid import has_input, window_size
from bench.reporting.overlay import INVENTED, KEPT, LOST, line_overlay
from bench.reporting.reading import Run
from bench.reporting.viewer_choice import listed_windows
from bench.reporting.viewer_files import PICTURES, lines_name, picture_name, thumbnail_name
from bench.reporting.viewer_sides import INPUT, TRUTH, Side, sides

BUDGET = 24_000_000
"""Bytes of all pictures of a report by default: it can be sent by mail, and is written in seconds."""

THUMBNAIL_SHARE = 4
"""Thumbnails take at most one part in so many of the budget."""

MOST_THUMBNAILS = 2_000
"""Each has to be made from a whole picture: more would take longer than all the rest of a report."""

THUMBNAIL_HEIGHT = 96
"""In px: sharp on screens of twice the usual density."""

THUMBNAIL_QUALITY = 60
"""Of lossy WebP, about 1.5 kB each: a thumbnail is there to be recognised."""

LOSSLESS_METHOD = 0
"""Of lossless WebP, 0 to 6: 4 makes outputs of 256 px 6 % smaller in thirty times as long (4 and 140 ms)."""

Pixels = NDArray[np.uint8]


def write_viewer_pictures(run: Run, report: Path, budget: int = BUDGET) -> None:
    """Write the pictures of `run` into `report`, window after window in the order of the stated rule, up to `budget` bytes.

    Pictures that are missing, damaged, or not as large as the run's windows are left out.
    """
    numbers, folder = listed_windows(run), report / PICTURES
    left = budget - _write_while(_thumbnails(run, numbers[:MOST_THUMBNAILS]), budget // THUMBNAIL_SHARE, folder)
    _write_while((_window_files(run, number) for number in numbers), left, folder)


def _write_while(batches: Iterator[Mapping[str, bytes]], room: int, folder: Path) -> int:
    """Write batches of files until one does not fit whole; returns the bytes written."""
    used = 0
    for batch in batches:
        used += sum(map(len, batch.values()))
        if used > room:
            return used - sum(map(len, batch.values()))
        for name, content in batch.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
    return used


def _thumbnails(run: Run, numbers: Sequence[int]) -> Iterator[dict[str, bytes]]:
    _, truth, *_ = sides(run)
    for number in numbers:
        pixels = _pixels(run, truth, number)
        yield {} if pixels is None else {thumbnail_name(number): _thumbnail(pixels)}


def _window_files(run: Run, number: int) -> dict[str, bytes]:
    """Return the pictures and lines of every side of one window, by name."""
    shown = {place: _pixels(run, side, number) for place, side in enumerate(sides(run))}
    there = {place: pixels for place, pixels in shown.items() if pixels is not None}
    lines = _line_pictures(there, with_input=has_input(run))
    return {picture_name(number, place): _lossless(pixels) for place, pixels in there.items()} | {
        lines_name(number, place): _indexed(picture) for place, picture in lines.items()
    }


def _line_pictures(there: Mapping[int, Pixels], *, with_input: bool) -> dict[int, Pixels]:
    """Return the overlay of every side but the input, whose lines are those of the truth: what both share is kept by both."""
    source = INPUT if with_input else TRUTH
    if TRUTH not in there or source not in there:
        return {}
    lightness = {place: _lightness(pixels) for place, pixels in there.items() if place != INPUT or with_input}
    reference = LineReference.of(lightness[source], lightness[TRUTH])
    return {place: line_overlay(reference, each) for place, each in lightness.items() if place != INPUT}


def _lightness(pixels: Pixels) -> Lightness:
    return np.asarray(lab(pixels)[..., 0])


def _pixels(run: Run, side: Side, number: int) -> Pixels | None:
    """Return one side of a window, uint8 [H, W, 3]; None where it is missing, damaged or of another size."""
    if side.pictures is None:
        return None
    height, aspect = window_size(run)
    path = side.pictures / f"{run.windows['window'].iloc[number]}.png"
    try:
        with Image.open(path, formats=["PNG"]) as image:
            # Before it is unpacked: a small file may claim any size.
            if image.size != (aspect * height, height):
                return None
            return np.asarray(image.convert("RGB"))
    # What Pillow raises on a damaged picture is not a closed list.
    except Exception:
        return None


def _thumbnail(pixels: Pixels) -> bytes:
    image = Image.fromarray(pixels)
    height = min(THUMBNAIL_HEIGHT, image.height)
    small = image.resize((round(image.width * height / image.height), height), Image.Resampling.LANCZOS)
    return _encoded(small, "WEBP", quality=THUMBNAIL_QUALITY)


def _lossless(pixels: Pixels) -> bytes:
    return _encoded(Image.fromarray(pixels), "WEBP", lossless=True, method=LOSSLESS_METHOD, quality=0)


def _indexed(overlay: Pixels) -> bytes:
    """Return a drawn overlay as a PNG of two bits a pixel, its white paper transparent."""
    colours = [[int(colour[at : at + 2], 16) for at in (1, 3, 5)] for colour in (KEPT, LOST, INVENTED)]
    # Red alone tells them apart.
    index_of = np.zeros(256, dtype=np.uint8)
    index_of[[red for red, _, _ in colours]] = [1, 2, 3]
    indices = index_of[overlay[..., 0]]
    image = Image.fromarray(indices)
    image.putpalette([255, 255, 255, *(value for colour in colours for value in colour)])
    return _encoded(image, "PNG", bits=2, transparency=0)


def _encoded(image: Image.Image, kind: str, **settings: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=kind, **settings)
    return buffer.getvalue()
