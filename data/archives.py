"""Pages in CBZ and ZIP archives: listed and read without trusting names, sizes or counts. Nothing is unpacked to disk."""

from __future__ import annotations

import atexit
import hashlib
import io
import os
import re
import stat
import threading
import zipfile
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

from data.errors import DiskError, UnreadableImage
from data.images import MAX_BYTES, PASSING, SUFFIXES
from data.printing import printable, reason

ARCHIVE_SUFFIXES = frozenset({".cbz", ".zip"})
"""File name endings that count as archives, compared in lower case."""

MAX_ENTRIES = 10_000
"""Archives with more are refused; a volume has about 200 pages."""

MAX_DIRECTORY_BYTES = 16 * 2**20
"""An archive's table of contents is refused beyond this: it is read into memory whole, and may be made of lies."""

MAX_UNPACKED_BYTES = 16 * 2**30
"""Archives that claim to unpack to more are refused."""

PART_BYTES = 200
"""Longer names of files and folders are shortened: file systems end at 255 bytes, and endings are added."""

MAX_OPEN = 8
"""Archives kept open between reads: parsing a table of contents again for every page takes 2 ms at 200 entries, 87 ms at
10,000. Pages are read in order, so few archives are in use at once."""

BOUNDED = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
"""Ways of compressing that `zipfile` undoes a bounded piece at a time. Of bzip2 and LZMA it unpacks whatever it has read:
a kilobyte becomes gigabytes before anything can be counted."""

_CHUNK = 2**20
_OTHER_COMPRESSION = "compressed in another way than archives of pages are (deflate, or not at all); repack it"
_ENCRYPTED = 0x1
"""Bit 0 of the general-purpose flags (PKWARE APPNOTE, section 4.4.4)."""
_UNIX_MODE_SHIFT = 16
"""The file's mode is in the upper half of the external attributes."""


@dataclass(frozen=True)
class Listing:
    """An archive's pages as (index of the entry, path inside the archive), and what cannot be used."""

    pages: tuple[tuple[int, PurePosixPath], ...]
    unusable: tuple[str, ...]
    skipped: int


def list_archive(path: Path) -> Listing:
    """Return what the archive holds; hidden files and folders are left out, other files that are no images counted.

    Raises:
        UnreadableImage: not an archive, damaged, encrypted, or larger than the limits.
    """
    with _complaining(printable(str(path))), _BoundedFile(path) as file, zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
    shown = printable(str(path))
    if len(entries) > MAX_ENTRIES:
        raise UnreadableImage(f"{shown}: {len(entries):,} entries, more than the limit of {MAX_ENTRIES:,}; split it")
    if sum(entry.file_size for entry in entries) > MAX_UNPACKED_BYTES:
        raise UnreadableImage(f"{shown}: unpacks to more than {MAX_UNPACKED_BYTES:,} bytes, the limit; split it")
    if any(entry.flag_bits & _ENCRYPTED for entry in entries):
        raise UnreadableImage(f"{shown}: encrypted; save it without a password")
    pages: list[tuple[int, PurePosixPath]] = []
    unusable: list[str] = []
    skipped = 0
    for index, entry in enumerate(entries):
        # Some Windows programs write backslashes, against the format.
        name = entry.filename.replace("\\", "/")
        if name.endswith("/") or is_hidden(name):
            continue
        if PurePosixPath(name).suffix.lower() not in SUFFIXES:
            skipped += 1
        elif why := _why_refused(entry, name):
            unusable.append(f"{shown}: {printable(name)}: {why}")
        else:
            pages.append((index, PurePosixPath(*(_safe_part(part) for part in PurePosixPath(name).parts))))
    return Listing(tuple(pages), tuple(unusable), skipped)


def read_entry(path: Path, index: int, name: str) -> bytes:
    """Return the bytes of the archive's entry number `index`, never more than data.images.MAX_BYTES.

    Any number of threads may read; those that want the same archive take turns. A few archives stay open, see `MAX_OPEN`.

    Raises:
        UnreadableImage: the entry is damaged, or holds more than it claims, or the archive was changed since it was listed.
    """
    with _complaining(name), _open_archives.borrowed(path) as archive:
        entries = archive.infolist()
        if index >= len(entries):
            raise UnreadableImage(f"{name}: {printable(path.name)} was changed meanwhile; run the command again")
        if entries[index].compress_type not in BOUNDED:
            raise UnreadableImage(f"{name}: {_OTHER_COMPRESSION}")
        with archive.open(entries[index]) as file:
            return _bounded_content(file, name)


def _bounded_content(file: IO[bytes], name: str) -> bytes:
    content = io.BytesIO()
    while chunk := file.read(_CHUNK):
        content.write(chunk)
        if content.tell() > MAX_BYTES:
            raise UnreadableImage(f"{name}: unpacks to more than {MAX_BYTES:,} bytes, the limit; reduce or remove it")
    return content.getvalue()


def is_hidden(name: str) -> bool:
    """Whether a file, or a folder it lies in, is hidden or holds macOS's extra files."""
    return any((part.startswith(".") and part not in (".", "..")) or part == "__MACOSX" for part in name.split("/"))


def short_part(part: str) -> str:
    """Return the name of a file or folder, shortened where it is too long for what is added to it.

    Eight hex digits of the whole name's sha256 stand for what was cut off.
    """
    encoded = part.encode("utf-8", "surrogateescape")
    if len(encoded) <= PART_BYTES:
        return part
    return f"{encoded[: PART_BYTES - 9].decode('utf-8', 'ignore')}-{hashlib.sha256(encoded).hexdigest()[:8]}"


def _safe_part(part: str) -> str:
    """Return a name that every file system takes."""
    return short_part(re.sub(r'[<>:"|?*]', "_", printable(part)).rstrip(" .")) or "_"


def _why_refused(entry: zipfile.ZipInfo, name: str) -> str:
    if name.startswith("/") or ".." in name.split("/") or re.match(r"[A-Za-z]:", name):
        return "its name leads out of the archive; rename it"
    if stat.S_ISLNK(entry.external_attr >> _UNIX_MODE_SHIFT):
        return "a link, not an image; put the image itself into the archive"
    if entry.compress_type not in BOUNDED:
        return _OTHER_COMPRESSION
    if entry.file_size > MAX_BYTES:
        return f"{entry.file_size:,} bytes, more than the limit of {MAX_BYTES:,}; reduce or remove it"
    return ""


class _BoundedFile(io.FileIO):
    """A file of which no more than MAX_DIRECTORY_BYTES are read at once: `zipfile` reads the table of contents so."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:
            size = max(0, os.fstat(self.fileno()).st_size - self.tell())
        if size > MAX_DIRECTORY_BYTES:
            raise zipfile.BadZipFile(f"its table of contents is larger than {MAX_DIRECTORY_BYTES:,} bytes, the limit")
        content = super().read(size)
        return b"" if content is None else content


@dataclass
class _OpenArchive:
    """An open archive; whoever holds the lock may read or close it. `archive` is None once it is closed."""

    archive: zipfile.ZipFile | None
    file: _BoundedFile
    lock: threading.Lock = field(default_factory=threading.Lock)

    def close(self) -> None:
        with self.lock:
            if self.archive is not None:
                self.archive.close()
                self.file.close()
                self.archive = None


class _OpenArchives:
    """The archives that were read last, up to `MAX_OPEN`; one that was changed on disk is opened anew."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: OrderedDict[tuple[Path, int, int], _OpenArchive] = OrderedDict()

    @contextmanager
    def borrowed(self, path: Path) -> Iterator[zipfile.ZipFile]:
        """The open archive, for this thread alone."""
        while True:
            held = self._taken(path)
            with held.lock:
                # Another thread may have closed it, to make room, before this one held its lock.
                if held.archive is not None:
                    yield held.archive
                    return

    def _taken(self, path: Path) -> _OpenArchive:
        status = path.stat()
        key = (path, status.st_size, status.st_mtime_ns)
        with self._lock:
            if key not in self._held:
                self._held[key] = _opened(path)
            self._held.move_to_end(key)
            taken = self._held[key]
            leaving = [self._held.popitem(last=False)[1] for _ in range(len(self._held) - MAX_OPEN)]
        for archive in leaving:
            archive.close()
        return taken

    def close(self) -> None:
        """Close them all."""
        with self._lock:
            leaving = list(self._held.values())
            self._held.clear()
        for archive in leaving:
            archive.close()


_open_archives = _OpenArchives()
atexit.register(_open_archives.close)


def _opened(path: Path) -> _OpenArchive:
    file = _BoundedFile(path)
    try:
        return _OpenArchive(zipfile.ZipFile(file), file)
    except BaseException:
        file.close()
        raise


@contextmanager
def _complaining(name: str) -> Iterator[None]:
    """Whatever goes wrong with an archive meanwhile is said of `name`."""
    try:
        yield
    except UnreadableImage:
        raise
    except MemoryError:
        raise
    except OSError as error:
        if error.errno in PASSING:
            raise DiskError(f"{name}: cannot be read now ({error.strerror}); mend it and run again") from error
        raise UnreadableImage(f"{name}: cannot be read ({reason(error)}); repair or repack it") from error
    # An archive is what a stranger wrote; what `zipfile` raises on a damaged one is not a closed list.
    except Exception as error:
        raise UnreadableImage(f"{name}: the ZIP archive is damaged ({reason(error)}); repair or repack it") from error
