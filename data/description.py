"""What is in a source: counts, sizes, and the faults that spoil a comparison without stopping it."""

import statistics
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pydantic

from data import registration
from data.duplicates import near_duplicates_within
from data.inspection import Fault, PageLook, look_at
from data.pair import PairKey, PairSource, skipped_files

_LARGEST_CHAPTERS = 5
NO_PART = "none"
"""What `parts` calls pages that are in no part of the source's own split."""


class _Found(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(frozen=True)


class Sizes(_Found):
    """Smallest, median and largest short side and long side of the colour pages, px."""

    short: tuple[int, int, int]
    long: tuple[int, int, int]


class Modes(_Found):
    """How many pictures are stored in which mode, in Pillow's words, the most frequent first."""

    color: dict[str, int]
    bw: dict[str, int]


class MisalignedPair(_Found):
    """A pair whose two pictures do not lie on each other, by its file, and why: the kind of fault, and words."""

    page: str
    fault: Fault
    words: str


class Description(_Found):
    """What `describe` found.

    Attributes:
        spec, title, licence_note: of the source.
        layout: how its files were found to lie, in words; "" where there are no files.
        revision: of a hub dataset, where known.
        pages: that the source lists; unreadable ones are among them.
        grouped: whether series and chapters are known.
        series, chapters: how many there are; 0 in a flat source.
        largest_chapters: up to five names with their pages.
        parts: pages in each part of the source's own split; empty where it has none.
        pairs: readable pages that have a B/W partner.
        sizes: of readable colour pages; None where there is none.
        modes: of readable pages.
        grey_color: share of readable pages whose "colour" is grey.
        coloured_bw: share of pairs whose "B/W" holds colour.
        luminance_bw: share of pairs whose B/W is the luma of the colour page, so that recipe "original" leaks it.
        exact_luminance_bw: share of pairs whose B/W is that luma pixel by pixel; they count in `luminance_bw` too.
        misaligned: pairs whose two pictures do not lie on each other, by file name.
        misalignments: the same with the reason.
        near_duplicate_pairs: pairs of file names of pages that nearly equal each other.
        near_duplicates_across_parts: how many of them are in two parts of the source's own split.
        unreadable: one line a page that cannot be decoded.
        skipped: one line a file that was left out when listing.
    """

    spec: str
    title: str
    layout: str
    licence_note: str | None
    revision: str | None
    pages: int
    grouped: bool
    series: int
    chapters: int
    largest_chapters: tuple[tuple[str, int], ...]
    parts: dict[str, int]
    pairs: int
    sizes: Sizes | None
    modes: Modes
    grey_color: float
    coloured_bw: float
    luminance_bw: float
    exact_luminance_bw: float
    misaligned: tuple[str, ...]
    misalignments: tuple[MisalignedPair, ...]
    near_duplicate_pairs: tuple[tuple[str, str], ...]
    near_duplicates_across_parts: int
    unreadable: tuple[str, ...]
    skipped: tuple[str, ...]

    def text(self) -> str:
        """The same for people, a few lines; lists are shortened to five entries."""
        from data.description_text import description_text

        return description_text(self)


def describe(
    source: PairSource, *, on_progress: Callable[[int, int], None] | None = None, threads: int = 2
) -> Description:
    """Read every page once and report. Of each page a thumbnail of 12 KiB is kept, no more.

    Args:
        source: any source.
        on_progress: called with the pages done and the pages in all.
        threads: that decode.
    """
    keys = source.keys()
    side = registration.SIDE
    thumbnails = np.empty((len(keys), side, side, 3), dtype=np.uint8)
    looks: list[PageLook] = []
    problems: list[str] = []
    for done, look in enumerate(_looks(source, keys, threads), start=1):
        if look.thumbnail is None:
            problems.append(look.problem)
        else:
            thumbnails[len(looks)] = look.thumbnail
            looks.append(replace(look, thumbnail=None))
        if on_progress is not None:
            on_progress(done, len(keys))
    duplicates = near_duplicates_within(thumbnails[: len(looks)]) if looks else []
    return _description(source, looks, problems, duplicates)


def _description(
    source: PairSource, looks: Sequence[PageLook], problems: Sequence[str], duplicates: Sequence[tuple[int, int]]
) -> Description:
    keys = source.keys()
    pairs = [look for look in looks if look.bw_mode is not None]
    chapters = Counter("/".join(part for part in (key.series, key.chapter) if part) for key in keys)
    misalignments = [
        MisalignedPair(page=look.name, fault=look.misalignment.fault, words=look.misalignment.words)
        for look in pairs
        if look.misalignment is not None
    ]
    return Description(
        spec=source.spec,
        title=source.title,
        layout=getattr(source, "layout", ""),
        licence_note=source.licence_note,
        revision=getattr(source, "revision", None),
        pages=len(keys),
        grouped=source.grouped,
        series=len({key.series for key in keys} - {""}) if source.grouped else 0,
        chapters=len(chapters) if source.grouped else 0,
        largest_chapters=tuple(chapters.most_common(_LARGEST_CHAPTERS)) if source.grouped else (),
        parts=_parts(keys),
        pairs=len(pairs),
        sizes=_sizes(looks),
        modes=Modes(
            color=_counted(look.color_mode for look in looks), bw=_counted(look.bw_mode or "" for look in pairs)
        ),
        grey_color=_share(look.grey_color for look in looks),
        coloured_bw=_share(look.coloured_bw for look in pairs),
        luminance_bw=_share(look.luminance != "no" for look in pairs),
        exact_luminance_bw=_share(look.luminance == "exactly" for look in pairs),
        misaligned=tuple(pair.page for pair in misalignments),
        misalignments=tuple(misalignments),
        near_duplicate_pairs=tuple((looks[first].name, looks[second].name) for first, second in duplicates),
        near_duplicates_across_parts=sum(looks[first].part != looks[second].part for first, second in duplicates),
        unreadable=tuple(problems),
        skipped=skipped_files(source),
    )


def _looks(source: PairSource, keys: Sequence[PairKey], threads: int) -> Iterator[PageLook]:
    """Looks in order; a few pages are read ahead, never more, so that memory stays bounded."""
    with ThreadPoolExecutor(threads) as pool:
        ahead: deque[Future[PageLook]] = deque()
        try:
            for key in keys:
                ahead.append(pool.submit(look_at, source, key))
                if len(ahead) > 2 * threads:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _parts(keys: Sequence[PairKey]) -> dict[str, int]:
    counted = Counter(key.part for key in keys)
    if set(counted) == {None}:
        return {}
    return {part or NO_PART: counted[part] for part in ("train", "validation", "test", None) if counted[part]}


def _counted(modes: Iterable[str]) -> dict[str, int]:
    return dict(Counter(modes).most_common())


def _sizes(looks: Sequence[PageLook]) -> Sizes | None:
    if not looks:
        return None
    short = sorted(min(look.height, look.width) for look in looks)
    long = sorted(max(look.height, look.width) for look in looks)
    return Sizes(
        short=(short[0], statistics.median_low(short), short[-1]),
        long=(long[0], statistics.median_low(long), long[-1]),
    )


def _share(found: Iterable[bool]) -> float:
    values = list(found)
    return sum(values) / len(values) if values else 0.0
