"""All images below a folder or inside an archive. CBZ and ZIP archives in the folder act as folders of their own."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from data.archives import ARCHIVE_SUFFIXES, is_hidden, list_archive, read_entry
from data.errors import DataError, DiskError, UnreadableImage
from data.images import SUFFIXES, read_bytes
from data.printing import printable
from data.sources.naming import natural_order

TABLE_SUFFIXES = frozenset({".csv", ".parquet"})
"""Files that may be a manifest, or a dataset."""


@dataclass(frozen=True, slots=True)
class StoredImage:
    """One image file, or one entry of an archive.

    Attributes:
        place: its path below the source, where archives count as folders.
        file: the image file, or the archive.
        entry, inside: the number of the archive's entry and its path in there; None and nothing for a file.
    """

    place: PurePosixPath
    file: Path
    entry: int | None = None
    inside: str = ""

    @property
    def name(self) -> str:
        """What messages call it."""
        return printable(str(self.file) if self.entry is None else f"{self.file}: {self.inside}")

    def content(self) -> bytes:
        """The stored bytes; raises UnreadableImage, and DiskError where the file is gone since it was listed."""
        try:
            if self.entry is None:
                return read_bytes(self.file, self.name)
            return read_entry(self.file, self.entry, self.name)
        except UnreadableImage as error:
            if isinstance(error.__cause__, FileNotFoundError):
                raise DiskError(f"{self.name}: was listed, and is gone; bring it back and run again") from error
            raise

    def stamp(self) -> bytes:
        """What changes when the content may have changed: place, size and time of the file; raises UnreadableImage."""
        try:
            status = self.file.stat()
        except OSError as error:
            raise UnreadableImage(f"{self.name}: cannot be read ({error.strerror}); repair or remove it") from error
        text = f"{self.place}\0{status.st_size}\0{status.st_mtime_ns}\n"
        return text.encode("utf-8", "surrogatepass")


@dataclass(frozen=True)
class Listing:
    """What lies below a source, in natural order.

    Attributes:
        images: that can be read, as far as their names and places tell.
        skipped: one line a file or folder that was left out.
        links: places of linked folders, which are not followed.
        tables: names of CSV and parquet files beside the images, at the top.
        archives: how many archives were read as folders.
    """

    images: tuple[StoredImage, ...]
    skipped: tuple[str, ...] = ()
    links: tuple[PurePosixPath, ...] = ()
    tables: tuple[str, ...] = ()
    archives: int = 0


def list_folder(root: Path) -> Listing:
    """List all below `root`, a resolved path; hidden files and folders are ignored.

    Raises:
        DataError: a folder cannot be listed.
    """
    images: list[StoredImage] = []
    skipped: list[str] = []
    links: list[PurePosixPath] = []
    archives: list[Path] = []
    for path in _walk(root):
        place, ending = _place(path, root), path.suffix.lower()
        if path.is_symlink() and (path.is_dir() or not _stays_in(path, root)):
            links.append(place)
            skipped.append(f"{printable(str(place))}: a link that is not followed")
        elif ending not in SUFFIXES | ARCHIVE_SUFFIXES:
            continue
        elif not path.is_file():
            skipped.append(f"{printable(str(place))}: not a file")
        elif ending in SUFFIXES:
            images.append(StoredImage(place, path))
        else:
            archives.append(path)
    images += _of_archives(root, archives, {folder for image in images for folder in image.place.parents}, skipped)
    images.sort(key=lambda image: natural_order(image.place))
    tables = sorted(path.name for path in root.iterdir() if path.suffix.lower() in TABLE_SUFFIXES and path.is_file())
    read = {image.file for image in images if image.entry is not None}
    return Listing(tuple(images), tuple(skipped), tuple(links), tuple(tables), len(read))


def list_one_archive(path: Path) -> Listing:
    """List an archive as if it were a folder.

    Raises:
        DataError: it cannot be used.
    """
    skipped: list[str] = []
    images = sorted(_entries(path, PurePosixPath(), skipped), key=lambda image: natural_order(image.place))
    if not images and skipped:
        raise DataError(skipped[0])
    return Listing(tuple(images), tuple(skipped), archives=1)


def _of_archives(
    root: Path, archives: list[Path], taken: set[PurePosixPath], skipped: list[str]
) -> Iterator[StoredImage]:
    """The images of archives, each below a folder named after the archive's stem, where no folder of that name is."""
    for path in archives:
        place = _place(path, root)
        folder = place.with_suffix("")
        if folder in taken:
            skipped.append(f"{printable(str(place))}: {printable(folder.name)}/ is there too, and is read instead")
            continue
        taken.add(folder)
        yield from _entries(path, folder, skipped)


def _entries(path: Path, folder: PurePosixPath, skipped: list[str]) -> Iterator[StoredImage]:
    """The images of one archive below `folder`; folders that all of them share are left away.

    People pack `chapter 1/001.png` into `chapter 1.cbz` as often as `001.png`, and either should find its partner.
    """
    try:
        listing = list_archive(path)
    except UnreadableImage as error:
        skipped.append(printable(str(error)))
        return
    skipped += listing.unusable
    shared = _shared_folders([inside for _, inside in listing.pages])
    seen: set[PurePosixPath] = set()
    for index, inside in listing.pages:
        place = folder.joinpath(*inside.parts[shared:])
        if place in seen:
            skipped.append(f"{printable(f'{path}: {inside}')}: its name is there twice, the first one is read")
        else:
            seen.add(place)
            yield StoredImage(place, path, index, str(inside))


def _shared_folders(paths: Sequence[PurePosixPath]) -> int:
    """How many folders all paths begin with."""
    if not paths:
        return 0
    first, last = min(path.parent.parts for path in paths), max(path.parent.parts for path in paths)
    return next((at for at, pair in enumerate(zip(first, last, strict=False)) if pair[0] != pair[1]), len(first))


def _place(path: Path, root: Path) -> PurePosixPath:
    return PurePosixPath(path.relative_to(root).as_posix())


def _stays_in(link: Path, root: Path) -> bool:
    try:
        return link.resolve(strict=True).is_relative_to(root)
    # A link to nothing, or to itself: RuntimeError before Python 3.13.
    except (OSError, RuntimeError):
        return False


def _walk(top: Path) -> Iterator[Path]:
    """All visible files and links below `top`; linked folders are named, not entered."""

    def refuse(error: OSError) -> None:
        raise DataError(f"{error.filename}: cannot be listed ({error.strerror}); check its permissions") from error

    for folder, folders, files in os.walk(top, onerror=refuse):
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        linked = [name for name in folders if (Path(folder) / name).is_symlink()]
        for name in [*linked, *sorted(name for name in files if not is_hidden(name))]:
            yield Path(folder) / name
