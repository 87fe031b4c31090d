"""The embedded data set: drawn pages of several series as a source of pairs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from data.errors import DataError
from data.pair import PairKey, RawPair
from data.synthetic.page import DrawnPage, draw_page
from data.synthetic.series import SERIES, Series
from data.synthetic.shots import Scene

VERSION = 1
"""Raised whenever the same arguments would draw other pages."""
_FEWEST_CHAPTERS, _MOST_CHAPTERS, _PAGES_A_CHAPTER = 4, 10, 5


class SyntheticSource:
    """Drawn manga: `pages` pages spread evenly over the first `series` series, each in several chapters.

    What a page shows follows from (version, seed, series, chapter, page) alone: a page of the same id is the same
    however many pages are asked for. `size` is the short side in pixels and changes nothing but the resolution.

    Raises:
        DataError: no pages, a size below 16 px, or a negative seed.
    """

    spec = "synthetic"
    title = "synthetic manga"
    grouped = True
    licence_note: str | None = None

    def __init__(self, pages: int = 600, size: int = 256, seed: int = 0, series: int = len(SERIES)) -> None:
        if not 1 <= series <= len(SERIES):
            raise DataError(f"synthetic manga has {len(SERIES)} series, not {series}: ask for 1 to {len(SERIES)}")
        if pages < 1 or size < 16 or seed < 0:
            raise DataError(f"synthetic manga needs pages >= 1, size >= 16 and seed >= 0, not {pages}, {size}, {seed}")
        self.pages, self.size, self.seed, self.series = pages, size, seed, series

    @cached_property
    def _keys(self) -> tuple[PairKey, ...]:
        whole, more = divmod(self.pages, self.series)
        return tuple(
            key
            for index, series in enumerate(SERIES[: self.series])
            for key in _series_keys(series, whole + (1 if index < more else 0))
        )

    @cached_property
    def _places(self) -> dict[str, int]:
        return {key.id: index for index, key in enumerate(self._keys)}

    def keys(self) -> Sequence[PairKey]:
        """Return the keys of all pages, series by series, chapter by chapter."""
        return self._keys

    def read(self, key: PairKey) -> RawPair:
        """Return the B/W page, with ink and screentone, and the colour page; uint8 [h, w, 3]. The digest is of pixels.

        Raises:
            KeyError: the key is none of this source's keys.
        """
        page = self.draw(self._places[key.id])
        digest = hashlib.sha256()
        for picture in (page.color, page.bw):
            digest.update(f"{picture.shape}\n".encode() + picture.tobytes())
        return RawPair(page.bw, page.color, digest.hexdigest(), "RGB", "RGB")

    def fingerprint(self) -> str:
        """Return the SHA-256 of version, numbers of pages and series, size and seed."""
        text = f"synthetic manga, version {VERSION}, {self.pages} pages, {self.series} series, {self.size} px, seed {self.seed}"
        return hashlib.sha256(text.encode()).hexdigest()

    def draw(self, index: int) -> DrawnPage:
        """Return page `index` of `keys()` with the truth about its ink and palette."""
        key = self._keys[index]
        number = next(i for i, series in enumerate(SERIES) if series.name == key.series)
        chapter = int(key.chapter.rpartition("-c")[2])
        scene = _scene(SERIES[number], np.random.default_rng([VERSION, self.seed, number, chapter]))
        return draw_page(np.random.default_rng([VERSION, self.seed, number, chapter, key.page]), scene, self.size)


def _series_keys(series: Series, pages: int) -> list[PairKey]:
    """Chapters of about equal length: at least four of them where there are as many pages."""
    chapters = min(max(_FEWEST_CHAPTERS, min(_MOST_CHAPTERS, pages // _PAGES_A_CHAPTER)), pages)
    keys = []
    for chapter in range(1, chapters + 1):
        name = f"{series.name}-c{chapter:02d}"
        for page in range(1, pages // chapters + (1 if chapter <= pages % chapters else 0) + 1):
            keys.append(PairKey(id=f"{name}-p{page:02d}", series=series.name, chapter=name, page=page))
    return keys


def _scene(series: Series, rng: np.random.Generator) -> Scene:
    """A chapter has the whole cast and three of the series' places."""
    chosen = sorted(int(i) for i in rng.permutation(len(series.places))[:3])
    places = [series.places[i] for i in chosen]
    return Scene(series.characters, places, series.mascot, series.prop, series.style)
