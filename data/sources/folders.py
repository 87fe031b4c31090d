"""A folder of pages: pairs in bw/ and color/ under the same names, or colour pages alone anywhere below the folder."""

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from data.errors import DataError, UnreadableImage
from data.images import SUFFIXES, read_image
from data.pair import PairKey, RawPair
from data.sources.naming import natural_key, safe_ids

BW, COLOR = "bw", "color"


@dataclass(frozen=True, slots=True)
class _Page:
    """One page: the path of its colour file below the folder (or below color/), and the two files."""

    name: PurePosixPath
    color: Path
    bw: Path | None


class FolderSource:
    """Pages of a folder, in natural order of their paths.

    The folder that holds a page is its chapter, the folders above that one (below the source) are its series. Where
    all pages lie in one folder the source is flat. Hidden files are ignored; links that leave the folder, pages without
    a partner and names that two files share are left out and listed in `skipped`.
    """

    def __init__(self, folder: Path, spec: str | None = None) -> None:
        """List the folder.

        Raises:
            DataError: it is missing, is not a folder, cannot be listed, or holds no usable image.
        """
        self.spec = spec or str(folder)
        self.licence_note: str | None = None
        root = _existing_folder(folder)
        self.title = root.name or str(root)
        self._skipped: list[str] = []
        pages = self._pairs(root) if self._is_paired(root) else self._color_only(root)
        if not pages:
            raise DataError(_nothing_found(folder, root, self._skipped))
        self.grouped = len({page.name.parent for page in pages}) > 1
        self.skipped = tuple(self._skipped)
        self._pages = dict(zip(safe_ids([str(page.name.with_suffix("")) for page in pages]), pages, strict=True))
        self._keys = _page_keys(self._pages)

    def keys(self) -> Sequence[PairKey]:
        """All pages in natural order of their paths."""
        return self._keys

    def read(self, key: PairKey) -> RawPair:
        """Decode one page; `bw` is None in a folder of colour pages alone.

        Raises:
            UnreadableImage: naming the file.
        """
        page = self._page(key)
        color = read_image(page.color, str(page.color))
        return RawPair(None if page.bw is None else read_image(page.bw, str(page.bw)), color)

    def file_name(self, key: PairKey) -> str:
        """The path of the colour file below the folder, or below color/."""
        return str(self._page(key).name)

    def fingerprint(self) -> str:
        """sha256 over relative names, sizes and modification times of all files in use."""
        digest = hashlib.sha256(b"folder")
        for page in self._pages.values():
            for file in (page.color, page.bw):
                if file is not None:
                    digest.update(_file_line(page.name, file))
        return digest.hexdigest()

    def _page(self, key: PairKey) -> _Page:
        try:
            return self._pages[key.id]
        except KeyError:
            raise DataError(f"{self.spec}: no page has the id {key.id!r}") from None

    def _is_paired(self, root: Path) -> bool:
        has_bw, has_color = (root / BW).is_dir(), (root / COLOR).is_dir()
        if has_bw and not has_color:
            raise DataError(f"{root}: has {BW}/ but no {COLOR}/; put the colour pages there under the same file names")
        for name in (BW, COLOR):
            if has_bw and not (root / name).resolve().is_relative_to(root):
                raise DataError(f"{root / name}: a link out of the folder; put the images themselves into the folder")
        return has_bw and has_color

    def _color_only(self, root: Path) -> list[_Page]:
        return [_Page(name, root / name, None) for name in self._images(root, root)]

    def _pairs(self, root: Path) -> list[_Page]:
        bw, color = self._by_stem(root, BW), self._by_stem(root, COLOR)
        for stem in sorted(bw.keys() ^ color.keys(), key=lambda path: natural_key(str(path))):
            present, missing = (BW, COLOR) if stem in bw else (COLOR, BW)
            name = bw[stem] if stem in bw else color[stem]
            self._skipped.append(f"{present}/{name}: no partner in {missing}/")
        return [_Page(name, root / COLOR / name, root / BW / bw[stem]) for stem, name in color.items() if stem in bw]

    def _by_stem(self, root: Path, side: str) -> dict[PurePosixPath, PurePosixPath]:
        found: dict[PurePosixPath, list[PurePosixPath]] = defaultdict(list)
        for name in self._images(root / side, root):
            found[name.with_suffix("")].append(name)
        for names in found.values():
            if len(names) > 1:
                others = ", ".join(name.name for name in names[1:])
                self._skipped.append(f"{side}/{names[0]}: the same name but for the ending as {others}")
        return {stem: names[0] for stem, names in found.items() if len(names) == 1}

    def _images(self, top: Path, root: Path) -> list[PurePosixPath]:
        """Image files below `top`, relative to it, in natural order; links that leave `root` are left out."""
        names = []
        for path in _walk(top):
            name = PurePosixPath(path.relative_to(top).as_posix())
            if path.is_symlink() and (path.is_dir() or not path.resolve().is_relative_to(root)):
                self._skipped.append(f"{name}: a link that is not followed")
            elif path.suffix.lower() in SUFFIXES:
                names.append(name)
        return sorted(names, key=lambda name: [natural_key(part) for part in name.parts])


def _existing_folder(folder: Path) -> Path:
    if not folder.exists():
        raise DataError(f"{folder}: no such folder; give an existing one, or `synthetic`, or `hf:owner/name`")
    if not folder.is_dir():
        raise DataError(f"{folder}: a file, not a folder; give the folder that holds the images")
    return folder.resolve()


def _nothing_found(folder: Path, root: Path, skipped: Sequence[str]) -> str:
    if any(root.glob("*.parquet")):
        return f"{folder}: holds parquet files, not images; give it as hf:{folder}"
    left_out = f" ({len(skipped)} files left out, for instance {skipped[0]})" if skipped else ""
    return (
        f"{folder}: no usable images{left_out}; expected {BW}/ and {COLOR}/ with the same file names, or colour images"
        f" below the folder ({', '.join(sorted(SUFFIXES))})"
    )


def _walk(top: Path) -> Iterator[Path]:
    """All visible files and links below `top`; linked folders are named, not entered."""

    def refuse(error: OSError) -> None:
        raise DataError(f"{error.filename}: cannot be listed ({error.strerror}); check its permissions") from error

    for folder, folders, files in os.walk(top, onerror=refuse):
        folders[:] = sorted(name for name in folders if not _hidden(name))
        linked = [name for name in folders if (Path(folder) / name).is_symlink()]
        for name in [*linked, *sorted(name for name in files if not _hidden(name))]:
            yield Path(folder) / name


def _hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _page_keys(pages: dict[str, _Page]) -> list[PairKey]:
    """Keys in order; pages are counted from 1 within their folder."""
    counted: dict[PurePosixPath, int] = defaultdict(int)
    keys = []
    for page_id, page in pages.items():
        folder = page.name.parent
        counted[folder] += 1
        parts = folder.parts
        keys.append(PairKey(page_id, "/".join(parts[:-1]), parts[-1] if parts else "", counted[folder]))
    return keys


def _file_line(name: PurePosixPath, file: Path) -> bytes:
    try:
        status = file.stat()
    except OSError as error:
        raise UnreadableImage(f"{file}: cannot be read ({error.strerror}); repair or remove it") from error
    return f"{name}\0{file.name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode("utf-8", "surrogatepass")
