"""Pictures that others made, read for scoring: matched by name with the truth, checked, and cut into windows like a run's."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

import data
from bench.errors import RequestError
from data.geometry import resize, same_aspect, target_size, window_id, window_origins
from data.sources.file_source import FileSource
from data.splits import group_label

_log = logging.getLogger("bench")

LEAST_SIDE = 64
"""px: what the feature networks need."""

GREY_LEVELS = 8
"""A picture whose channels differ nowhere by more than this many levels of 255 is grey."""

Windows = NDArray[np.uint8]
Size = tuple[int, int]
"""Height and width, px."""


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
        if source.skipped:
            _log.warning("%s: %d left out when listing (%s)", name, len(source.skipped), source.skipped[0])
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


@dataclass(frozen=True)
class Truth:
    """What others are held against: its windows uint8 [N, H, W, 3], each one's place, every page's size, and how pages are cut."""

    windows: Windows
    places: list[Place]
    sizes: Mapping[str, Size]
    geometry: Geometry


@dataclass(frozen=True)
class Spool:
    """Windows that lie on the disk, in a file without a name that is gone when the spool is."""

    file: IO[bytes]
    shape: tuple[int, ...]

    def windows(self) -> Windows:
        """Return the windows uint8 [N, H, W, 3], mapped: memory holds what is looked at, and gives it back with the array."""
        return np.memmap(self.file, np.uint8, "r", shape=self.shape)


def spooled(windows: Iterable[data.Pixels], near: Path) -> Spool:
    """Return windows written to the disk beside `near`, so that one at a time is in memory, however many there are.

    Raises RequestError where there is no room.
    """
    place = next(folder for folder in (near, *near.resolve().parents) if folder.is_dir())
    count, shape = 0, (0, 0, 3)
    try:
        file = tempfile.TemporaryFile(dir=place)  # noqa: SIM115
        for window in windows:
            file.write(np.ascontiguousarray(window).data)
            count, shape = count + 1, window.shape
        file.flush()
        return Spool(file, (count, *shape))
    except OSError as error:
        raise RequestError(
            f"{place}: no room for the windows that are scored ({error.strerror or error}); free some, or give another --out"
        ) from None


def check_resolution(resolution: int | None) -> None:
    """Raise RequestError for windows that are too small for scores."""
    if resolution is not None and resolution < LEAST_SIDE:
        raise RequestError(f"--resolution {resolution}: scores need windows of at least {LEAST_SIDE} px")


def read_truth(truth: Folder, resolution: int | None, near: Path) -> Truth:
    """Return the truth, every page read once and spooled beside `near`.

    Raises RequestError where its pages have several sizes and no resolution was given.
    """
    sizes: dict[str, Size] = {}
    places: list[Place] = []

    def windows() -> Iterator[data.Pixels]:
        for page, key in truth.keys.items():
            picture = truth.read(page)
            sizes[page] = picture.shape[0], picture.shape[1]
            group = group_label(key, "chapter")
            for number, window in enumerate(_geometry(truth, sizes, page, resolution).windows(picture)):
                places.append(Place(window_id(page, number), page, group, key.series, key.chapter))
                yield window

    found = spooled(windows(), near).windows()
    return Truth(found, places, sizes, _geometry(truth, sizes, next(iter(sizes)), resolution))


def _geometry(truth: Folder, sizes: Mapping[str, Size], page: str, resolution: int | None) -> Geometry:
    """Return how pages are cut; raises RequestError where `page` has another size than those before and no resolution was given."""
    if resolution is not None:
        return Geometry((resolution, resolution), resolution)
    height, width = sizes[page]
    if sizes[page] != next(iter(sizes.values())) or width not in (height, 2 * height) or height < LEAST_SIDE:
        raise RequestError(
            f"{truth.source.spec}: page {page} has {width}x{height} px; pictures are scored as they are only where all have "
            f"one size, square or twice as wide as high, at least {LEAST_SIDE} px: give --resolution 256 to bring all to it"
        )
    return Geometry((height, width), None)


def check_names(folder: Folder, truth: Folder) -> None:
    """Raise RequestError where the folder lacks a page of the truth."""
    missing = [page for page in truth.keys if page not in folder.keys]
    if missing:
        raise RequestError(
            f"{folder.source.spec}: {len(missing)} of {len(truth.keys)} pages are missing ({', '.join(missing[:3])}); every page "
            "of the truth needs a picture of the same name"
        )


def matching_windows(folder: Folder, truth: Truth) -> Iterator[data.Pixels]:
    """Yield the folder's windows in the truth's order, uint8 [H, W, 3], a page read at a time.

    Raises RequestError where a page is unreadable, of another shape than the truth's, or, with no resolution given, of another
    size.
    """
    short = truth.geometry.short
    for page, expected in truth.sizes.items():
        picture = folder.read(page)
        size = picture.shape[0], picture.shape[1]
        if not (same_aspect(size, expected) if short else size == expected):
            mend = "" if short else ", or give --resolution 256 to bring both to it"
            raise RequestError(
                f"{folder.source.spec}: page {page} has {_shown(size)} px, the truth {_shown(expected)}; save it at the truth's "
                f"size{mend}"
            )
        if short is not None:
            # The colour page decides the size: a side that differs by a pixel must not move the windows.
            picture = resize(picture, *target_size(*expected, short))
        yield from truth.geometry.windows(picture)


def grey_pages(windows: Windows, places: Sequence[Place]) -> list[str]:
    """Return the pages of which every window is without colour."""
    grey: dict[str, bool] = {}
    for window, place in zip(windows, places, strict=True):
        colourless = int((window.max(axis=2) - window.min(axis=2)).max()) <= GREY_LEVELS
        grey[place.page] = grey.get(place.page, True) and colourless
    return [page for page, colourless in grey.items() if colourless]


def _shown(size: Size) -> str:
    return f"{size[1]}x{size[0]}"
