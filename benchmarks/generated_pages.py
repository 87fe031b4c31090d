"""Pages for measurements, as many as wanted and all different: collages of panels that are cut from drawn pages."""

from __future__ import annotations

import io
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache, partial
from pathlib import Path

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image

from data.synthetic import SyntheticSource

Box = tuple[int, int, int, int]
Pixels = NDArray[np.uint8]

SHEETS = 240
"""Drawn pages that panels are cut from."""

_SHEET_SIZE = 512
_PAGE_SIZE = 1024
_GUTTER = 12
_LEAST_PANEL = 240
"""Shortest side of a panel, px."""

_ZOOM = (1.2, 2.4)
"""How much a panel enlarges what it is cut from, at least and at most."""

_QUALITY = 90
"""Of the JPEG files, a usual one."""


def draw_sheets(folder: Path, pool: ProcessPoolExecutor) -> None:
    """Draw the pages into `folder`, which workers map into memory."""
    folder.mkdir(parents=True, exist_ok=True)
    list(pool.map(partial(_draw_sheet, folder), range(SHEETS), chunksize=4))


def write_shard(path: Path, sheets: Path, first: int, end: int) -> None:
    """Write the rows `first` to `end` (exclusive) as one row group; a row depends on its number alone."""
    image = datasets.Image()
    schema = datasets.Features({"bw_image": image, "color_image": image}).arrow_schema
    cells: dict[str, list[dict[str, bytes | None]]] = {name: [] for name in schema.names}
    for row in range(first, end):
        for name, picture in zip(schema.names, draw_collage(sheets, row), strict=True):
            cells[name].append({"bytes": _jpeg(picture), "path": None})
    unfinished = path.with_suffix(".unfinished")
    pq.write_table(pa.table(cells, schema=schema), unfinished, compression="none", row_group_size=end - first)
    unfinished.rename(path)


def draw_collage(sheets: Path, row: int) -> tuple[Pixels, Pixels]:
    """The B/W page [1024, 1024] and the colour page [1024, 1024, 3] of a row, uint8."""
    rng = np.random.default_rng([row])
    bw = Image.new("L", (_PAGE_SIZE, _PAGE_SIZE), 255)
    color = Image.new("RGB", (_PAGE_SIZE, _PAGE_SIZE), "white")
    for left, top, right, bottom in _panels(rng, (_GUTTER, _GUTTER, _PAGE_SIZE - _GUTTER, _PAGE_SIZE - _GUTTER)):
        size = right - left, bottom - top
        sheet = int(rng.integers(SHEETS))
        pictures = [Image.fromarray(_sheet(sheets, kind, sheet)) for kind in ("bw", "color")]
        box = _cut(rng, pictures[0].size, size)
        for page, picture in zip((bw, color), pictures, strict=True):
            page.paste(picture.resize(size, Image.Resampling.BICUBIC, box), (left, top))
    return np.asarray(bw), np.asarray(color)


def _panels(rng: np.random.Generator, box: Box) -> list[Box]:
    """Cut the box again and again, across its long side, at a place of chance."""
    left, top, right, bottom = box
    wide = right - left > bottom - top
    low, high = (left, right) if wide else (top, bottom)
    room = high - low - 2 * _LEAST_PANEL - _GUTTER
    if room <= 0 or (high - low < _PAGE_SIZE // 2 and rng.random() < 0.5):
        return [box]
    cut = low + _LEAST_PANEL + int(rng.integers(room))
    if wide:
        halves: tuple[Box, Box] = ((left, top, cut, bottom), (cut + _GUTTER, top, right, bottom))
    else:
        halves = ((left, top, right, cut), (left, cut + _GUTTER, right, bottom))
    return [panel for half in halves for panel in _panels(rng, half)]


def _cut(rng: np.random.Generator, sheet: tuple[int, int], panel: tuple[int, int]) -> tuple[float, float, float, float]:
    """A region of the sheet with the panel's shape, at a zoom and a place of chance."""
    fits = max(panel[0] / sheet[0], panel[1] / sheet[1])
    zoom = max(fits, rng.uniform(*_ZOOM))
    width, height = panel[0] / zoom, panel[1] / zoom
    x, y = rng.uniform(0, sheet[0] - width), rng.uniform(0, sheet[1] - height)
    return x, y, min(x + width, sheet[0]), min(y + height, sheet[1])


def _draw_sheet(folder: Path, index: int) -> None:
    if (folder / f"color-{index}.npy").exists():
        return
    source = SyntheticSource(SHEETS, _SHEET_SIZE)
    raw = source.read(source.keys()[index])
    assert raw.bw is not None
    np.save(folder / f"bw-{index}.npy", raw.bw[..., 1])
    np.save(folder / f"color-{index}.npy", raw.color)


@lru_cache(maxsize=2 * SHEETS)
def _sheet(folder: Path, kind: str, index: int) -> Pixels:
    pixels: Pixels = np.load(folder / f"{kind}-{index}.npy", mmap_mode="r")
    return pixels


def _jpeg(picture: Pixels) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=_QUALITY)
    return stream.getvalue()
