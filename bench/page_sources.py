"""From what was named on the command line to pages: image files, folders with all below them, CBZ and ZIP archives."""

from __future__ import annotations

import functools
import os
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from bench.errors import RequestError
from data import Pixels, UnreadableImage
from data.archives import ARCHIVE_SUFFIXES, is_hidden, list_archive, read_entry, short_part
from data.images import SUFFIXES, decode_image, read_image
from data.printing import printable
from data.sources.naming import natural_key


@dataclass(frozen=True)
class Page:
    """One page to colour: what messages call it, where its picture goes below the output folder, and how it is read.

    `file` is the image file itself, None inside an archive. `read` returns uint8 [H, W, 3] and raises UnreadableImage.
    """

    name: str
    target: PurePosixPath
    file: Path | None
    read: Callable[[], Pixels]


@dataclass
class Found:
    """All pages in the order they were named (natural order inside folders and archives), and what was left out.

    `unusable` holds a line for everything that should have been a page and is not; `skipped` counts other files.
    """

    pages: list[Page] = field(default_factory=list)
    unusable: list[str] = field(default_factory=list)
    skipped: int = 0


def find_pages(paths: Sequence[Path], out: Path) -> Found:
    """Return the pages of `paths`; nothing is decoded yet, and an output folder inside a named one is not entered.

    A file goes to <stem>.png, a file of a folder to the same place below the output folder, a file of an archive to
    <archive's stem>/<its place in the archive>.

    Raises:
        RequestError: a path that is not there, two pages for the same picture, or a picture in the place of its page.
    """
    found = Found()
    for path in paths:
        if path.is_dir():
            _add_folder(found, path, out)
        elif path.is_file():
            _add_file(found, path, PurePosixPath(short_part(path.name)))
        elif path.exists():
            raise RequestError(f"{path}: neither a file nor a folder; name images, folders or CBZ archives")
        else:
            raise RequestError(f"{path}: no such file or folder; name images, folders or CBZ archives")
    found.pages = _without_repeats(found.pages)
    _check_targets(found.pages, out)
    return found


def _add_folder(found: Found, folder: Path, out: Path) -> None:
    if folder.resolve() == out.resolve():
        raise RequestError(f"{folder}: the pages' own folder; give another --out, such as {folder / 'coloured'}")
    for path in sorted(
        _files_below(folder, out.resolve()), key=lambda path: [natural_key(part) for part in path.parts]
    ):
        place = PurePosixPath(*map(short_part, path.relative_to(folder).parts))
        if path.suffix.lower() in SUFFIXES | ARCHIVE_SUFFIXES:
            _add_file(found, path, place)
        else:
            found.skipped += 1


def _files_below(folder: Path, out: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise RequestError(f"{error.filename}: cannot be listed ({error.strerror}); check its permissions")

    for parent, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not is_hidden(name) and (Path(parent) / name).resolve() != out]
        yield from (Path(parent) / name for name in files if not is_hidden(name))


def _add_file(found: Found, path: Path, place: PurePosixPath) -> None:
    if path.suffix.lower() in ARCHIVE_SUFFIXES:
        _add_archive(found, path, place.with_suffix(""))
        return
    name = printable(str(path))
    found.pages.append(Page(name, _png(place), path, functools.partial(read_image, path, name)))


def _add_archive(found: Found, path: Path, place: PurePosixPath) -> None:
    try:
        listing = list_archive(path)
    except UnreadableImage as error:
        found.unusable.append(printable(str(error)))
        return
    found.unusable += listing.unusable
    found.skipped += listing.skipped
    for index, inside in sorted(listing.pages, key=lambda page: [natural_key(part) for part in page[1].parts]):
        name = printable(f"{path}: {inside}")
        found.pages.append(Page(name, _png(place / inside), None, functools.partial(_read_page, path, index, name)))


def _read_page(path: Path, index: int, name: str) -> Pixels:
    return decode_image(read_entry(path, index, name), name)


def _png(place: PurePosixPath) -> PurePosixPath:
    return place.with_name(f"{place.stem}.png")


def _without_repeats(pages: Sequence[Page]) -> list[Page]:
    """Leave out files that were named twice for the same place, such as with their folder and by themselves."""
    seen: dict[object, Page] = {}
    for number, page in enumerate(pages):
        key = (page.file.resolve(), page.target) if page.file else number
        seen.setdefault(key, page)
    return list(seen.values())


def _check_targets(pages: Sequence[Page], out: Path) -> None:
    """Raise RequestError before anything is computed where a picture would take the place of another, or of its page."""
    taken: dict[str, Page] = {}
    files = {page.file.resolve(): page for page in pages if page.file}
    for page in pages:
        # Some file systems take "Page" and "page", or two ways of writing "é", for the same name.
        other = taken.setdefault(unicodedata.normalize("NFC", str(page.target)).casefold(), page)
        shown = printable(str(page.target))
        if other is not page:
            raise RequestError(
                f"{other.name} and {page.name} would both become {shown}; rename one, or give each an --out of its own"
            )
        if original := files.get((out / page.target).resolve()):
            raise RequestError(f"{shown} would overwrite the page {original.name}; give another --out")
