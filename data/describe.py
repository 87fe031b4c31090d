"""What is in a source: counts, sizes, and the faults that spoil a comparison without stopping it."""

import statistics
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from data.duplicates import near_duplicates_within, thumbnail
from data.errors import DataError, UnreadableImage
from data.geometry import same_shape
from data.pair import PairKey, PairSource, Pixels, RawPair, shown_name, skipped_files

COLOURLESS_LEVELS = 8
"""A pixel whose channels differ by at most this many levels of 255 has no colour: JPEG leaves that much on grey."""

COLOURLESS_SHARE = 0.999
"""A page is grey when this share of its pixels has no colour."""

LUMINANCE_ERROR = 3.0
"""B/W that differs from the luma of its colour page by less (mean absolute levels of 255) is that luma re-encoded."""

_CHECK_SIDE = 512
"""Greyness and luma are judged on pages reduced to at most this side, px."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """Smallest, median and largest short side and long side of the colour pages, px."""

    short: tuple[int, int, int]
    long: tuple[int, int, int]


@dataclass(frozen=True)
class Description:
    """What `describe` found.

    Attributes:
        spec, title, licence_note: of the source.
        revision: of a hub dataset, where known.
        pages: that the source lists; unreadable ones are among them.
        grouped: whether series and chapters are known.
        series, chapters: how many there are; 0 in a flat source.
        largest_chapters: up to five names with their pages.
        pairs: readable pages that have a B/W partner.
        sizes: of readable colour pages; None where there is none.
        grey_color: share of readable pages whose "colour" is grey.
        luminance_bw: share of pairs whose B/W is the luma of the colour page, so that recipe "original" leaks it.
        misaligned: pairs whose two pictures differ in size, by file name.
        near_duplicate_pairs: pairs of file names of pages that nearly equal each other.
        unreadable: one line a page that cannot be decoded.
        skipped: one line a file that was left out when listing.
    """

    spec: str
    title: str
    licence_note: str | None
    revision: str | None
    pages: int
    grouped: bool
    series: int
    chapters: int
    largest_chapters: tuple[tuple[str, int], ...]
    pairs: int
    sizes: Sizes | None
    grey_color: float
    luminance_bw: float
    misaligned: tuple[str, ...]
    near_duplicate_pairs: tuple[tuple[str, str], ...]
    unreadable: tuple[str, ...]
    skipped: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """A mapping for JSON; tuples become lists."""
        content: dict[str, Any] = _lists(asdict(self))
        return content


@dataclass(frozen=True, slots=True)
class _Look:
    """What one page shows; `problem` where it cannot be read."""

    name: str
    problem: str = ""
    height: int = 0
    width: int = 0
    has_bw: bool = False
    grey_color: bool = False
    luminance_bw: bool = False
    misaligned: bool = False
    thumbnail: Pixels | None = None


def describe(
    source: PairSource, *, on_progress: Callable[[int, int], None] | None = None, threads: int = 2
) -> Description:
    """Read every page once and report.

    Args:
        source: any source.
        on_progress: called with the pages done and the pages in all.
        threads: that decode.
    """
    keys = source.keys()
    looks = []
    for done, look in enumerate(_looks(source, keys, threads), start=1):
        looks.append(look)
        if on_progress is not None:
            on_progress(done, len(keys))
    readable = [look for look in looks if not look.problem]
    pairs = [look for look in readable if look.has_bw]
    chapters = Counter("/".join(part for part in (key.series, key.chapter) if part) for key in keys)
    return Description(
        spec=source.spec,
        title=source.title,
        licence_note=source.licence_note,
        revision=getattr(source, "revision", None),
        pages=len(keys),
        grouped=source.grouped,
        series=len({key.series for key in keys}) if source.grouped else 0,
        chapters=len(chapters) if source.grouped else 0,
        largest_chapters=tuple(chapters.most_common(5)) if source.grouped else (),
        pairs=len(pairs),
        sizes=_sizes(readable),
        grey_color=_share(look.grey_color for look in readable),
        luminance_bw=_share(look.luminance_bw for look in pairs),
        misaligned=tuple(look.name for look in pairs if look.misaligned),
        near_duplicate_pairs=_near_duplicate_names(readable),
        unreadable=tuple(look.problem for look in looks if look.problem),
        skipped=skipped_files(source),
    )


def contact_sheet(source: PairSource, path: Path, *, pages: int = 12, height: int = 240) -> None:
    """Write a PNG of pages evenly spaced through the source, B/W beside colour, `height` px each.

    Raises:
        DataError: none of them can be read, or the file cannot be written.
    """
    keys = source.keys()
    chosen = [keys[at * len(keys) // min(pages, len(keys))] for at in range(min(pages, len(keys)))]
    tiles = []
    for key in chosen:
        try:
            tiles.append(_tile(source.read(key), height))
        except UnreadableImage:
            continue
    if not tiles:
        raise DataError(f"{source.spec}: none of the {len(chosen)} pages for the contact sheet can be read")
    try:
        _grid(tiles).save(path, format="PNG")
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error.strerror or error}); give another file") from error


def _looks(source: PairSource, keys: Sequence[PairKey], threads: int) -> Iterator[_Look]:
    with ThreadPoolExecutor(threads) as pool:
        ahead: deque[Future[_Look]] = deque()
        for key in keys:
            ahead.append(pool.submit(_look, source, key))
            if len(ahead) > 2 * threads:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def _look(source: PairSource, key: PairKey) -> _Look:
    name = shown_name(source, key)
    try:
        raw = source.read(key)
    except UnreadableImage as error:
        return _Look(name, problem=str(error))
    color = _reduced(raw.color)
    return _Look(
        name,
        height=raw.color.shape[0],
        width=raw.color.shape[1],
        has_bw=raw.bw is not None,
        grey_color=_is_grey(color),
        luminance_bw=raw.bw is not None and same_shape(raw.bw, raw.color) and _is_luminance(raw.bw, color),
        misaligned=raw.bw is not None and raw.bw.shape != raw.color.shape,
        thumbnail=thumbnail(raw.color),
    )


def _reduced(picture: Pixels) -> Pixels:
    image = Image.fromarray(picture)
    image.thumbnail((_CHECK_SIDE, _CHECK_SIDE), Image.Resampling.BOX)
    return np.asarray(image, dtype=np.uint8)


def _is_grey(color: Pixels) -> bool:
    span = color.max(axis=2).astype(np.int16) - color.min(axis=2)
    return bool((span <= COLOURLESS_LEVELS).mean() >= COLOURLESS_SHARE)


def _is_luminance(bw: Pixels, color: Pixels) -> bool:
    height, width = color.shape[:2]
    luma = Image.fromarray(color).convert("L")
    grey = Image.fromarray(bw).resize((width, height), Image.Resampling.BOX).convert("L")
    difference = np.asarray(grey, dtype=np.int16) - np.asarray(luma, dtype=np.int16)
    return bool(np.abs(difference).mean() < LUMINANCE_ERROR)


def _sizes(looks: Sequence[_Look]) -> Sizes | None:
    if not looks:
        return None
    short = sorted(min(look.height, look.width) for look in looks)
    long = sorted(max(look.height, look.width) for look in looks)
    return Sizes((short[0], statistics.median_low(short), short[-1]), (long[0], statistics.median_low(long), long[-1]))


def _share(found: Iterator[bool]) -> float:
    values = list(found)
    return sum(values) / len(values) if values else 0.0


def _near_duplicate_names(looks: Sequence[_Look]) -> tuple[tuple[str, str], ...]:
    thumbnails = [look.thumbnail for look in looks if look.thumbnail is not None]
    if not thumbnails:
        return ()
    return tuple((looks[i].name, looks[j].name) for i, j in near_duplicates_within(np.stack(thumbnails)))


def _tile(raw: RawPair, height: int) -> Image.Image:
    pictures = []
    for picture in (raw.bw, raw.color):
        if picture is not None:
            image = Image.fromarray(picture)
            # Strips are cut to two heights, so that one page cannot make the sheet endless.
            width = min(2 * height, max(1, round(image.width * height / image.height)))
            pictures.append(image.resize((width, height), Image.Resampling.BICUBIC))
    tile = Image.new("RGB", (sum(image.width for image in pictures), height), "white")
    left = 0
    for image in pictures:
        tile.paste(image, (left, 0))
        left += image.width
    return tile


def _grid(tiles: Sequence[Image.Image], columns: int = 4, margin: int = 8) -> Image.Image:
    width, height = max(tile.width for tile in tiles) + margin, tiles[0].height + margin
    rows = -(-len(tiles) // columns)
    sheet = Image.new("RGB", (min(columns, len(tiles)) * width + margin, rows * height + margin), "white")
    for at, tile in enumerate(tiles):
        sheet.paste(tile, (margin + at % columns * width, margin + at // columns * height))
    return sheet


def _lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _lists(entry) for name, entry in value.items()}
    return [_lists(entry) for entry in value] if isinstance(value, list | tuple) else value
