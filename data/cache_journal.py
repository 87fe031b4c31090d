"""What an unfinished preparation remembers: a line for each page that is written, and the thumbnails for the leak check."""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np

from data.pair import Pixels
from data.registration import SIDE

_RECORDS, _THUMBNAILS = "journal.jsonl", "thumbnails.bin"
_THUMBNAIL_BYTES = SIDE * SIDE * 3


@dataclass(frozen=True)
class PageRecord:
    """A page that is done: its pictures' sizes, or why it could not be read.

    Attributes:
        content: sha256 of the page as its source stores it.
        heights, widths: of its pictures, px.
        variants: B/W pictures of each colour picture.
        sha256: of sizes and pixels as they are prepared.
        enlarged: whether its source is smaller than the windows: they are then finer than what was drawn.
    """

    part: str
    page: str
    content: str
    heights: tuple[int, ...]
    widths: tuple[int, ...]
    variants: int
    sha256: str = ""
    unreadable: str = ""
    enlarged: bool = False

    def with_sha256(self, sha256: str) -> "PageRecord":
        """The record with the digest in its place."""
        return replace(self, sha256=sha256)

    def shape_line(self) -> bytes:
        """The sizes as bytes, which the digest begins with."""
        sizes = " ".join(f"{height}x{width}" for height, width in zip(self.heights, self.widths, strict=True))
        return f"{sizes} {self.variants}\n".encode()


class Journal:
    """The records of a folder's pages in order; torn lines at the end are dropped when it is read."""

    def __init__(self, folder: Path) -> None:
        self._paths = (folder / _RECORDS, folder / _THUMBNAILS)
        self._files: tuple[BinaryIO, BinaryIO] | None = None
        self.records: list[PageRecord] = []

    def read(self) -> None:
        """Read what an earlier process wrote."""
        records, thumbnails = self._paths
        lines = records.read_bytes().splitlines() if records.exists() else []
        stored = thumbnails.stat().st_size // _THUMBNAIL_BYTES if thumbnails.exists() else 0
        self.records = list(_records(lines, stored))

    def keep(self, count: int) -> None:
        """Cut everything after the first `count` records off, then go on writing behind them."""
        del self.records[count:]
        records, thumbnails = self._paths
        readable = sum(not record.unreadable for record in self.records)
        records.write_bytes(b"".join(_line(record) for record in self.records))
        self._files = (records.open("ab"), thumbnails.open("r+b" if thumbnails.exists() else "wb"))
        self._files[1].truncate(readable * _THUMBNAIL_BYTES)
        self._files[1].seek(0, 2)

    def add(self, record: PageRecord, thumbnail: Pixels | None) -> None:
        """Write one page, the thumbnail of a readable one first, so that no record stands without it."""
        assert self._files is not None
        records, thumbnails = self._files
        if thumbnail is not None:
            thumbnails.write(thumbnail.tobytes())
        records.write(_line(record))
        self.records.append(record)

    def thumbnails(self) -> dict[str, Pixels]:
        """The thumbnails uint8 [64, 64, 3] of all readable pages, by id."""
        assert self._files is not None
        self._files[1].flush()
        pages = [record.page for record in self.records if not record.unreadable]
        pixels = np.fromfile(self._paths[1], dtype=np.uint8).reshape(-1, SIDE, SIDE, 3)
        return dict(zip(pages, pixels, strict=True))

    def close(self) -> None:
        """Write what is buffered."""
        for file in self._files or ():
            with suppress(OSError):
                file.close()

    def delete(self) -> None:
        """Remove the journal of a finished preparation."""
        self.close()
        for path in self._paths:
            path.unlink()


def _records(lines: list[bytes], thumbnails: int) -> Iterator[PageRecord]:
    """Records up to the first line that is torn or whose thumbnail is missing."""
    for line in lines:
        try:
            values = json.loads(line)
            record = PageRecord(**values | {"heights": tuple(values["heights"]), "widths": tuple(values["widths"])})
        except (ValueError, TypeError, KeyError):
            return
        thumbnails -= not record.unreadable
        if thumbnails < 0:
            return
        yield record


def _line(record: PageRecord) -> bytes:
    return json.dumps(asdict(record)).encode() + b"\n"
