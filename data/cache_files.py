"""The files of a prepared split: flat pixels and an index; written whole or not at all, checked when opened.

A folder holds, for each part, `<part>-bw.bin` (one channel) and `<part>-color.bin` (three), picture after picture, and
`index.json` with the sizes, which is written last. A training page has one colour picture and a B/W picture for each
variant of the recipe.
"""

import errno
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np

from data.cache_journal import Journal, PageRecord
from data.errors import DiskError
from data.pair import Pixels
from data.prepared import FlatImages, StoredPicture
from data.splits import PARTS

INDEX = "index.json"
CHANNELS = {"bw": 1, "color": 3}

_VERIFIED_BYTES = 16 * 2**20
"""Read at once when pictures of an interrupted preparation are verified."""


class PartsWriter:
    """Appends pages to the files of a folder, and goes on with what an interrupted one left there.

    Use it as a context manager, `add` the pages that are not in `records` yet, then call `finish`.
    """

    def __init__(self, folder: Path) -> None:
        """Write into an existing folder; every method raises DiskError where it cannot."""
        self._folder = folder
        self._files: dict[tuple[str, str], BinaryIO] = {}
        self._journal = Journal(folder)

    @property
    def records(self) -> Sequence[PageRecord]:
        """The pages that are written, in order."""
        return self._journal.records

    def __enter__(self) -> Self:
        with disk_errors(self._folder.parent):
            self._journal.read()
            self._journal.keep(self._intact())
            for part in PARTS:
                for kind in CHANNELS:
                    path = self._folder / _file_name(part, kind)
                    self._files[part, kind] = path.open("r+b" if path.exists() else "wb")
            for (part, kind), file in self._files.items():
                file.truncate(sum(_bytes_of(record, kind) for record in self.records if record.part == part))
                file.seek(0, os.SEEK_END)
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files.values():
            # What could not be written was reported where it was written; closing tries once more.
            with suppress(OSError):
                file.close()
        self._journal.close()

    def add(self, record: PageRecord, pictures: Sequence[StoredPicture], thumbnail: Pixels | None) -> None:
        """Append all pictures of a page (the page itself for training, its windows otherwise), then its record."""
        with disk_errors(self._folder.parent):
            for kind, content in _planes(pictures):
                self._files[record.part, kind].write(content)
            self._journal.add(record, thumbnail)

    def finish(self, extra: Mapping[str, Any]) -> None:
        """Make the pixels durable, then write the index with `extra` in it."""
        with disk_errors(self._folder.parent):
            for file in self._files.values():
                file.flush()
                os.fsync(file.fileno())
            stored = [record for record in self.records if not record.unreadable]
            content = {
                **extra,
                "parts": {part: _columns([record for record in stored if record.part == part]) for part in PARTS},
                "sha256": {record.page: record.sha256 for record in stored},
                "contents": {record.page: record.content for record in stored},
                "bytes": {_file_name(part, kind): file.tell() for (part, kind), file in self._files.items()},
            }
            with (self._folder / INDEX).open("w", encoding="utf-8") as index:
                json.dump(content, index)
                index.flush()
                os.fsync(index.fileno())
            self._journal.delete()

    def thumbnails(self) -> dict[str, Pixels]:
        """The thumbnails uint8 [64, 64, 3] of all readable pages, by id."""
        with disk_errors(self._folder.parent):
            return self._journal.thumbnails()

    def _intact(self) -> int:
        """How many records, from the first, have all their pixels on disk: a power cut may lose any of them."""
        count = 0
        with _PartsReader(self._folder) as reader:
            for record in self.records:
                if not record.unreadable and reader.sha256(record) != record.sha256:
                    break
                count += 1
        return count


class _PartsReader:
    """Reads pages in the order they were written in."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[tuple[str, str], BinaryIO] = {}

    def __enter__(self) -> Self:
        for part in PARTS:
            for kind in CHANNELS:
                with suppress(FileNotFoundError):
                    self._files[part, kind] = (self._folder / _file_name(part, kind)).open("rb", _VERIFIED_BYTES)
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files.values():
            file.close()

    def sha256(self, record: PageRecord) -> str:
        """The digest of the page's next pictures; a missing file or a missing end gives another than was recorded."""
        digest = hashlib.sha256(record.shape_line())
        for kind in CHANNELS:
            if file := self._files.get((record.part, kind)):
                digest.update(file.read(_bytes_of(record, kind)))
        return digest.hexdigest()


def page_record(part: str, page: str, content: str, pictures: Sequence[StoredPicture]) -> PageRecord:
    """The record of a readable page, with the digest of its pixels."""
    heights, widths = zip(*(picture.color.shape[:2] for picture in pictures), strict=True)
    record = PageRecord(part, page, content, heights, widths, len(pictures[0].bw))
    digest = hashlib.sha256(record.shape_line())
    for _, plane in _planes(pictures):
        digest.update(plane)
    return record.with_sha256(digest.hexdigest())


def _planes(pictures: Sequence[StoredPicture]) -> Iterator[tuple[str, memoryview]]:
    """(kind, pixels) of all pictures of a page, B/W first."""
    for picture in pictures:
        for bw in picture.bw:
            yield "bw", np.ascontiguousarray(bw).data
    for picture in pictures:
        yield "color", np.ascontiguousarray(picture.color).data


def _bytes_of(record: PageRecord, kind: str) -> int:
    pixels = sum(height * width for height, width in zip(record.heights, record.widths, strict=True))
    return pixels * (CHANNELS[kind] if kind == "color" else record.variants)


def _columns(records: Sequence[PageRecord]) -> dict[str, Any]:
    """What the index keeps of a part: one entry a picture, and the B/W variants of each."""
    return {
        "pages": [record.page for record in records for _ in record.heights],
        "numbers": [number for record in records for number in range(len(record.heights))],
        "heights": [height for record in records for height in record.heights],
        "widths": [width for record in records for width in record.widths],
        "variants": max((record.variants for record in records), default=1),
    }


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
    """Memory-map the pictures of a part that stand in `rows` of the index; the B/W variants of a page follow each other."""
    variants = part["variants"] if kind == "bw" else 1
    sizes = np.repeat(np.array([part["heights"], part["widths"]], dtype=np.int64).T, variants, axis=0)
    lengths = sizes.prod(axis=1) * CHANNELS[kind]
    offsets = np.cumsum(lengths) - lengths
    content = np.memmap(folder / _file_name(name, kind), dtype=np.uint8, mode="r")
    at = (np.asarray(rows, dtype=np.intp)[:, None] * variants + np.arange(variants)).ravel()
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
        DiskError: the disk is full, or the place cannot be written.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskError(f"{place}: the disk is full; free some space or choose another cache folder") from error
        raise DiskError(
            f"{place}: the cache cannot be written ({error.strerror or error}); choose another cache folder"
        ) from error


def _file_name(part: str, kind: str) -> str:
    return f"{part}-{kind}.bin"
