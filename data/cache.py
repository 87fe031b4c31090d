"""Pages decoded and resized once, as uint8 in one memory-mapped file; a run reads only this.

The folder's name is a digest of everything that shapes the pixels, so that nothing stale is ever used. It is built under
another name and renamed when complete: an interrupted one is built anew, and two runs at once cannot harm each other.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from data.duplicates import near_duplicates, thumbnail
from data.errors import DataError, UnreadableImage
from data.geometry import resize_to_short_side, test_windows, training_side
from data.pair import PairKey, PairSource, Pixels
from data.recipes import Recipe, RecipeSettings, apply_recipe
from data.splits import Split

VERSION = 1
"""Raised whenever the same request would give other pixels or another layout."""

MOST_UNREADABLE = 0.01
"""A source with a larger share of unreadable pages is refused (design, section 7)."""

_DECODED_AHEAD = 32
"""Pages decoded at once at most: bounds the memory, whatever the size of the source."""

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class _Entry:
    """Where a page lies in the file; `channels` is 1 where the B/W page is stored as grey."""

    offset: int
    height: int
    width: int
    channels: int


class Pages:
    """Cached pages as read-only views: uint8 HxWx3 by index, with ids and groups beside."""

    def __init__(self, file: Path, ids: Sequence[str], groups: Sequence[str], entries: Sequence[_Entry]) -> None:
        self.ids, self.groups, self._entries = tuple(ids), tuple(groups), tuple(entries)
        self._bytes = np.memmap(file, dtype=np.uint8, mode="r")

    def __len__(self) -> int:
        """How many pages there are."""
        return len(self._entries)

    def bw(self, index: int) -> Pixels:
        """The B/W page, HxWx3 with R = G = B where it was grey."""
        entry = self._entries[index]
        stored = self._view(entry.offset, entry, entry.channels)
        return np.broadcast_to(stored, (entry.height, entry.width, 3))

    def color(self, index: int) -> Pixels:
        """The coloured page, HxWx3."""
        entry = self._entries[index]
        return self._view(entry.offset + entry.height * entry.width * entry.channels, entry, 3)

    def _view(self, offset: int, entry: _Entry, channels: int) -> Pixels:
        size = entry.height * entry.width * channels
        return self._bytes[offset : offset + size].reshape(entry.height, entry.width, channels)


@dataclass(frozen=True, slots=True)
class WindowPair:
    """A fixed R x R window of a held-out page with its black-and-white input and coloured original, uint8 RxRx3."""

    id: str
    page: str
    group: str
    series: str
    chapter: str
    bw: Pixels
    color: Pixels


@dataclass(frozen=True, slots=True)
class Prepared:
    """Everything that a run reads: training pages, windows of the other parts, and the split as it came out."""

    train: Pages
    validation: tuple[WindowPair, ...]
    test: tuple[WindowPair, ...]
    split: Split
    digest: str


def prepare(
    source: PairSource,
    split: Split,
    *,
    recipe: Recipe,
    recipe_settings: RecipeSettings,
    resolution: int,
    cache_root: Path,
    on_progress: Progress,
) -> Prepared:
    """Decode, resize and store every page of the split, or open what is stored; near-duplicates leave the training part.

    Raises:
        DataError: too many unreadable pages, a recipe that the source cannot have, or a cache that cannot be written.
    """
    digest = _digest(source, split, recipe, recipe_settings, resolution)
    folder = cache_root / digest[:32]
    if not (folder / "index.json").is_file():
        try:
            _build(source, split, recipe, recipe_settings, resolution, folder, on_progress)
        except OSError as error:
            raise DataError(f"{cache_root}: cannot be written ({error.strerror or error}); give another --cache") from error
    return _open(folder, source, resolution, digest)


def _digest(source: PairSource, split: Split, recipe: Recipe, settings: RecipeSettings, resolution: int) -> str:
    parts = [VERSION, source.fingerprint(), split.digest(), recipe, settings.model_dump(mode="json"), resolution]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _Decoded:
    """One page at its working size, or why it could not be read."""

    bw: Pixels
    color: Pixels
    small: Pixels


def _build(
    source: PairSource, split: Split, recipe: Recipe, settings: RecipeSettings, resolution: int, folder: Path, on_progress: Progress
) -> None:  # fmt: skip
    folder.parent.mkdir(parents=True, exist_ok=True)
    stage = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        index = _fill(stage, source, split, recipe, settings, resolution, on_progress)
        with (stage / "index.json").open("w", encoding="utf-8") as file:
            json.dump(index, file)
            file.flush()
            os.fsync(file.fileno())
        _put_in_place(stage, folder)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _put_in_place(stage: Path, folder: Path) -> None:
    try:
        stage.rename(folder)
    except OSError:
        # Another run was faster; the content is the same by construction.
        if not (folder / "index.json").is_file():
            raise


def _fill(
    stage: Path, source: PairSource, split: Split, recipe: Recipe, settings: RecipeSettings, resolution: int, on_progress: Progress
) -> dict[str, Any]:  # fmt: skip
    """Write pages.bin; return the index: entries by id, and the split without near-duplicates and unreadable pages."""
    keys = {key.id: key for key in source.keys()}  # noqa: SIM118 -- not a dictionary
    side_of = dict.fromkeys(split.train, training_side(resolution)) | dict.fromkeys((*split.validation, *split.test), resolution)

    def decode(page: str) -> _Decoded | UnreadableImage:
        return _decode(source, keys[page], recipe, settings, side_of[page])

    entries: dict[str, list[int]] = {}
    small: dict[str, Pixels] = {}
    unreadable: dict[str, str] = {}
    with (stage / "pages.bin").open("wb") as file:
        for done, (page, result) in enumerate(_ordered(list(side_of), decode), start=1):
            if isinstance(result, UnreadableImage):
                unreadable[page] = str(result)
                _refuse_too_many(unreadable, len(side_of))
            else:
                entries[page] = _append(file, result)
                small[page] = result.small
            on_progress(done)
        file.flush()
        os.fsync(file.fileno())
    kept = split.without(_leaks(split, small), unreadable)
    _refuse_empty_parts(kept, source)
    return {"entries": entries, "split": kept.to_json(), "unreadable": unreadable}


def _decode(
    source: PairSource, key: PairKey, recipe: Recipe, settings: RecipeSettings, side: int
) -> _Decoded | UnreadableImage:
    try:
        raw = source.read(key)
    except UnreadableImage as error:
        return error
    color = resize_to_short_side(raw.color, side)
    bw = None if raw.bw is None else resize_to_short_side(raw.bw, side)
    if bw is not None and bw.shape != color.shape:
        return UnreadableImage(f"{key.id}: B/W {raw.bw.shape[:2]} and colour {raw.color.shape[:2]} differ in shape")  # type: ignore[union-attr]
    return _Decoded(apply_recipe(recipe, settings, bw, color), color, thumbnail(raw.color))


def _ordered(
    pages: Sequence[str], decode: Callable[[str], _Decoded | UnreadableImage]
) -> Iterator[tuple[str, _Decoded | UnreadableImage]]:
    """Decode on all cores, in order, a bounded number ahead."""
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for start in range(0, len(pages), _DECODED_AHEAD):
            chunk = pages[start : start + _DECODED_AHEAD]
            yield from zip(chunk, pool.map(decode, chunk), strict=True)


def _append(file: BinaryIO, page: _Decoded) -> list[int]:
    offset = file.tell()
    grey = bool((page.bw[..., :1] == page.bw).all())
    stored = page.bw[..., :1] if grey else page.bw
    file.write(np.ascontiguousarray(stored).tobytes())
    file.write(np.ascontiguousarray(page.color).tobytes())
    return [offset, *page.color.shape[:2], stored.shape[-1]]


def _leaks(split: Split, small: dict[str, Pixels]) -> list[str]:
    """Training pages that nearly equal a held-out page."""
    train = [page for page in split.train if page in small]
    held_out = [page for page in (*split.validation, *split.test) if page in small]
    if not train or not held_out:
        return []
    pairs = near_duplicates(np.stack([small[page] for page in train]), np.stack([small[page] for page in held_out]))
    return sorted({train[index] for index, _ in pairs})


def _refuse_too_many(unreadable: dict[str, str], pages: int) -> None:
    if len(unreadable) > max(1, MOST_UNREADABLE * pages):
        first = next(iter(unreadable.values()))
        raise DataError(f"{len(unreadable)} of {pages} pages cannot be read, the first: {first}; repair or remove them")


def _refuse_empty_parts(split: Split, source: PairSource) -> None:
    for part in ("train", "validation", "test"):
        if not getattr(split, part):
            raise DataError(
                f"{source.spec}: no page is left in the {part} part ({split.dropped_near_duplicates} near-duplicates and "
                f"{len(split.unreadable)} unreadable pages dropped); give more pages or other groups"
            )


def _open(folder: Path, source: PairSource, resolution: int, digest: str) -> Prepared:
    index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    values = {name: value for name, value in index["split"].items() if name != "digest"}
    for name in ("train", "validation", "test", "unreadable"):
        values[name] = tuple(values[name])
    split = Split(**values)
    keys = {key.id: key for key in source.keys()}  # noqa: SIM118 -- not a dictionary

    def pages(ids: Sequence[str]) -> Pages:
        entries = [_Entry(*index["entries"][page]) for page in ids]
        return Pages(folder / "pages.bin", ids, [split.groups[page] for page in ids], entries)

    def windows(ids: Sequence[str]) -> tuple[WindowPair, ...]:
        return tuple(_windows(pages(ids), keys, resolution))

    return Prepared(pages(split.train), windows(split.validation), windows(split.test), split, digest)


def _windows(pages: Pages, keys: dict[str, PairKey], resolution: int) -> Iterator[WindowPair]:
    for index, page in enumerate(pages.ids):
        bw, color = pages.bw(index), pages.color(index)
        for window in test_windows(page, *color.shape[:2], resolution):
            place = np.s_[window.top : window.top + resolution, window.left : window.left + resolution]
            key = keys[page]
            yield WindowPair(window.id, page, pages.groups[index], key.series, key.chapter, bw[place], color[place])
