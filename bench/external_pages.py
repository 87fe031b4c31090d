"""Pictures that others made, read for scoring: matched by name with the truth, checked, and cut into windows like a run's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import data
from bench.errors import RequestError
from data.geometry import resize, same_shape, target_size, window_id, window_origins
from data.sources.file_source import FileSource
from data.splits import group_label

LEAST_SIDE = 64
"""px: what the feature networks need."""

GREY_LEVELS = 8
"""A picture whose channels differ nowhere by more than this many levels of 255 is grey."""

Windows = NDArray[np.uint8]


@dataclass(frozen=True)
class Folder:
    """One folder of pictures by page id, and the files' endings."""

    name: str
    source: FileSource
    keys: Mapping[str, data.PairKey]

    @classmethod
    def open(cls, name: str, path: Path) -> Folder:
        """List the folder; raises data.DataError where it holds no pictures."""
        source = data.open_pairs(str(path), layout="color")
        if not isinstance(source, FileSource):
            raise RequestError(f"{path}: not a folder of pictures; name one")
        # Found again by the name: an ending, or the case of one, is no difference.
        return cls(name, source, {key.id: key for key in source.keys()})  # noqa: SIM118

    def read(self, page: str) -> data.Pixels:
        """Return a page, uint8 [H, W, 3]; raises data.UnreadableImage."""
        return self.source.read(self.keys[page]).color

    def lossy(self, pages: Sequence[str]) -> list[str]:
        """Return the files among `pages` that are compressed with loss, which moves scores: published FID values by ten points
        (clean-fid). Their content decides, not their ending."""
        return [self.source.file_name(self.keys[page]) for page in pages if self.source.lossy(self.keys[page])]


@dataclass(frozen=True)
class Geometry:
    """Height and width of a window in px, and the short side that pages are brought to; None: they are taken as they are."""

    window: tuple[int, int]
    short: int | None

    def windows(self, picture: data.Pixels) -> list[data.Pixels]:
        """Return the windows of a page, top or left one first."""
        if self.short is None:
            return [picture]
        height, width = target_size(picture.shape[0], picture.shape[1], self.short)
        whole = resize(picture, height, width)
        return [whole[y : y + self.short, x : x + self.short] for y, x in window_origins(height, width)]


@dataclass(frozen=True)
class Place:
    """One window: its id, its page, and the group (the folder) that the page lies in."""

    window: str
    page: str
    group: str
    series: str
    chapter: str


def choose_geometry(truth: Folder, resolution: int | None) -> Geometry:
    """Return how pages are cut; raises RequestError where they have several sizes and no resolution was given."""
    if resolution is not None:
        if resolution < LEAST_SIDE:
            raise RequestError(f"--resolution {resolution}: scores need windows of at least {LEAST_SIDE} px")
        return Geometry((resolution, resolution), resolution)
    sizes: dict[tuple[int, int], str] = {}
    for page in truth.keys:
        height, width = truth.read(page).shape[:2]
        sizes.setdefault((height, width), page)
        if len(sizes) > 1 or width not in (height, 2 * height) or height < LEAST_SIDE:
            raise RequestError(
                f"{truth.source.spec}: page {page} has {width}x{height} px; pictures are scored as they are only where all have "
                f"one size, square or twice as wide as high, at least {LEAST_SIDE} px: give --resolution 256 to bring all to it"
            )
    return Geometry(next(iter(sizes)), None)


def read_truth(truth: Folder, geometry: Geometry) -> tuple[Windows, list[Place]]:
    """Return all windows of the truth, uint8 [N, H, W, 3], and where each one comes from."""
    windows: list[data.Pixels] = []
    places: list[Place] = []
    for page, key in truth.keys.items():
        group = group_label(key, "chapter")
        for number, window in enumerate(geometry.windows(truth.read(page))):
            windows.append(window)
            places.append(Place(window_id(page, number), page, group, key.series, key.chapter))
    return np.stack(windows), places


def read_matching(folder: Folder, truth: Folder, geometry: Geometry) -> Windows:
    """Return the folder's windows in the truth's order, uint8 [N, H, W, 3].

    Raises RequestError where a page is missing, unreadable, of another shape than the truth's, or, with no resolution given, of
    another size.
    """
    missing = [page for page in truth.keys if page not in folder.keys]
    if missing:
        raise RequestError(
            f"{folder.source.spec}: {len(missing)} of {len(truth.keys)} pages are missing ({', '.join(missing[:3])}); every page "
            "of the truth needs a picture of the same name"
        )
    windows: list[data.Pixels] = []
    for page in truth.keys:
        picture, expected = folder.read(page), truth.read(page)
        if not (same_shape(picture, expected) if geometry.short else picture.shape == expected.shape):
            mend = "" if geometry.short else ", or give --resolution 256 to bring both to it"
            raise RequestError(
                f"{folder.source.spec}: page {page} has {_size(picture)} px, the truth {_size(expected)}; save it at the truth's "
                f"size{mend}"
            )
        if geometry.short is not None:
            # The colour page decides the size: a side that differs by a pixel must not move the windows.
            picture = resize(picture, *target_size(expected.shape[0], expected.shape[1], geometry.short))
        windows += geometry.windows(picture)
    return np.stack(windows)


def grey_pages(windows: Windows, places: Sequence[Place]) -> list[str]:
    """Return the pages of which every window is without colour."""
    grey: dict[str, bool] = {}
    for window, place in zip(windows, places, strict=True):
        colourless = int((window.max(axis=2) - window.min(axis=2)).max()) <= GREY_LEVELS
        grey[place.page] = grey.get(place.page, True) and colourless
    return [page for page, colourless in grey.items() if colourless]


def _size(picture: data.Pixels) -> str:
    return f"{picture.shape[1]}x{picture.shape[0]}"
