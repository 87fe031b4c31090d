"""The files of a prepared split: flat pixels and an index; written whole or not at all, checked when opened.

A folder holds, for each part, `<part>-bw.bin` (one channel) and `<part>-color.bin` (three), picture after picture, and
`index.json` with the sizes, which is written last.
"""

import errno
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np

from data.errors import DataError
from data.pair import Pixels
from data.prepared import FlatImages
from data.splits import PARTS

INDEX = "index.json"
CHANNELS = {"bw": 1, "color": 3}


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """The B/W (HxWx1) and colour (HxWx3) pixels of a training page or of one test window."""

    bw: Pixels
    color: Pixels


@dataclass
class _PartIndex:
    """What the index keeps of a part: one entry a picture."""

    pages: list[str] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    heights: list[int] = field(default_factory=list)
    widths: list[int] = field(default_factory=list)


class PartsWriter:
    """Appends pictures to the files of a folder; use it as a context manager, then call `finish`."""

    def __init__(self, folder: Path) -> None:
        """Write into an existing empty folder; every method raises DataError where it cannot."""
        self._folder = folder
        self._files: dict[tuple[str, str], BinaryIO] = {}
        self._index = {part: _PartIndex() for part in PARTS}
        self._sha256: dict[str, str] = {}

    def __enter__(self) -> Self:
        with disk_errors(self._folder.parent):
            for part in PARTS:
                for kind in CHANNELS:
                    self._files[part, kind] = (self._folder / _file_name(part, kind)).open("wb")
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files.values():
            # What could not be written was reported where it was written; closing tries once more.
            with suppress(OSError):
                file.close()

    def add(self, part: str, page: str, pictures: Sequence[StoredPicture]) -> None:
        """Append all pictures of a page: the page itself for training, its windows otherwise."""
        digest = hashlib.sha256()
        for number, picture in enumerate(pictures):
            height, width = picture.color.shape[:2]
            digest.update(f"{height}x{width}\n".encode())
            for kind, pixels in (("bw", picture.bw), ("color", picture.color)):
                content = np.ascontiguousarray(pixels).data
                digest.update(content)
                with disk_errors(self._folder.parent):
                    self._files[part, kind].write(content)
            index = self._index[part]
            index.pages.append(page)
            index.numbers.append(number)
            index.heights.append(height)
            index.widths.append(width)
        self._sha256[page] = digest.hexdigest()

    def finish(self, extra: Mapping[str, Any]) -> None:
        """Make the pixels durable, then write the index with `extra` in it."""
        parts = {part: vars(index) for part, index in self._index.items()}
        with disk_errors(self._folder.parent):
            for file in self._files.values():
                file.flush()
                os.fsync(file.fileno())
            content = {**extra, "parts": parts, "sha256": self._sha256, "bytes": self._bytes()}
            with (self._folder / INDEX).open("w", encoding="utf-8") as index:
                json.dump(content, index)
                index.flush()
                os.fsync(index.fileno())

    def _bytes(self) -> dict[str, int]:
        return {_file_name(part, kind): file.tell() for (part, kind), file in self._files.items()}


def read_index(folder: Path) -> dict[str, Any] | None:
    """The index of a complete folder; None where there is none or a file has not the size that it had."""
    try:
        content = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            return None
        complete = all((folder / name).stat().st_size == size for name, size in content["bytes"].items())
    except (OSError, ValueError, KeyError, AttributeError):
        return None
    return content if complete else None


def open_pictures(folder: Path, part: Mapping[str, Any], name: str, kind: str, rows: Sequence[int]) -> FlatImages:
    """Memory-map the pictures of a part that stand in `rows` of the index."""
    sizes = np.array([part["heights"], part["widths"]], dtype=np.int64).T
    lengths = sizes.prod(axis=1) * CHANNELS[kind]
    offsets = np.cumsum(lengths) - lengths
    content = np.memmap(folder / _file_name(name, kind), dtype=np.uint8, mode="r")
    at = np.asarray(rows, dtype=np.intp)
    return FlatImages(content, offsets[at], sizes[at], CHANNELS[kind])


def open_windows(folder: Path, name: str, kind: str, size: tuple[int, int]) -> Pixels:
    """Memory-map all windows of a part, `size` (height, width): read-only uint8 [n, height, width, channels]."""
    content = np.memmap(folder / _file_name(name, kind), dtype=np.uint8, mode="r")
    # As the base class: indexing an np.memmap costs several times more than indexing an ndarray.
    return np.asarray(content).reshape(-1, *size, CHANNELS[kind])


@contextmanager
def disk_errors(place: Path) -> Iterator[None]:
    """Turn a failure to write into one line.

    Raises:
        DataError: the disk is full, or the place cannot be written.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DataError(f"{place}: the disk is full; free some space or choose another cache folder") from error
        raise DataError(
            f"{place}: the cache cannot be written ({error.strerror or error}); choose another cache folder"
        ) from error


def _file_name(part: str, kind: str) -> str:
    return f"{part}-{kind}.bin"
