"""What is in a source: counts, sizes, and the faults that spoil a comparison without stopping it."""

import statistics
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pydantic
from PIL import Image

from data.duplicates import near_duplicates_within, thumbnail
from data.errors import UnreadableImage
from data.geometry import same_shape
from data.pair import PairKey, PairSource, Pixels, shown_name, skipped_files

COLOURLESS_LEVELS = 8
"""A pixel whose channels differ by at most this many levels of 255 has no colour: JPEG leaves that much on grey."""

COLOURLESS_SHARE = 0.999
"""A page is grey when this share of its pixels has no colour."""

LUMINANCE_ERROR = 3.0
"""B/W that differs from the luma of its colour page by less (mean absolute levels of 255) is that luma re-encoded."""

_SHOWN = 5

_CHECK_SIDE = 512
"""Greyness and luma are judged on pages reduced to at most this side, px."""


class Sizes(pydantic.BaseModel):
    """Smallest, median and largest short side and long side of the colour pages, px."""

    model_config = pydantic.ConfigDict(frozen=True)

    short: tuple[int, int, int]
    long: tuple[int, int, int]


class Description(pydantic.BaseModel):
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

    model_config = pydantic.ConfigDict(frozen=True)

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

    def text(self) -> str:
        """The same for people, a few lines; lists are shortened to five entries."""
        lines = [f"{self.title}: {self.pages} pages, {self.pairs} with a B/W page", self._groups_line()]
        if self.sizes is not None:
            short, long = (" / ".join(str(px) for px in side) for side in (self.sizes.short, self.sizes.long))
            lines.append(f"sizes in px (smallest / median / largest): short side {short}, long side {long}")
        lines.append(f'{self.grey_color:.1%} of the "colour" pages are grey')
        if self.pairs:
            lines.append(f"{self.luminance_bw:.1%} of the B/W pages are the luminance of their colour page")
        for what, names in (
            ("pairs whose two pictures differ in size", self.misaligned),
            ("pairs of near-duplicate pages", [" = ".join(pair) for pair in self.near_duplicate_pairs]),
            ("unreadable pages", self.unreadable),
            ("files left out", self.skipped),
        ):
            lines += _listed(what, names)
        notes = [f"revision {self.revision}" if self.revision else None, self.licence_note]
        return "\n".join([*lines, *(note for note in notes if note)])

    def _groups_line(self) -> str:
        if not self.grouped:
            return "no series or chapters: it is split in blocks of rows"
        largest = ", ".join(f"{name or '.'} ({pages})" for name, pages in self.largest_chapters)
        return f"{self.series} series, {self.chapters} chapters; the largest: {largest}"


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
        series=len({key.series for key in keys} - {""}) if source.grouped else 0,
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
    return Sizes(
        short=(short[0], statistics.median_low(short), short[-1]),
        long=(long[0], statistics.median_low(long), long[-1]),
    )


def _share(found: Iterator[bool]) -> float:
    values = list(found)
    return sum(values) / len(values) if values else 0.0


def _near_duplicate_names(looks: Sequence[_Look]) -> tuple[tuple[str, str], ...]:
    thumbnails = [look.thumbnail for look in looks if look.thumbnail is not None]
    if not thumbnails:
        return ()
    return tuple((looks[i].name, looks[j].name) for i, j in near_duplicates_within(np.stack(thumbnails)))


def _listed(what: str, names: Sequence[str]) -> list[str]:
    if not names:
        return [f"no {what}"]
    more = [f"  … and {len(names) - _SHOWN} more"] if len(names) > _SHOWN else []
    return [f"{len(names)} {what}:", *(f"  {name}" for name in names[:_SHOWN]), *more]
