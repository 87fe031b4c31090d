"""Decodes pages to the pixels that a prepared split holds, several at a time, always in the same order."""

import hashlib
import json
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from data.cache_files import StoredPicture
from data.duplicates import thumbnail
from data.errors import DataError, UnreadableImage
from data.geometry import resize_pair, short_side, window_origins
from data.pair import PairKey, PairSource, Pixels, shown_name
from data.recipes import Recipe, RecipeSettings, apply_recipe_grey
from data.splits import PARTS, Split

CACHE_VERSION = 1
"""Raised when anything that decides the stored pixels or the dropped pages changes."""


@dataclass(frozen=True)
class Job:
    """What is to be prepared; whatever decides the content of the folder."""

    source: PairSource
    split: Split
    recipe: Recipe
    settings: RecipeSettings
    resolution: int
    aspect: int = 1

    def key(self) -> str:
        """The name of the folder: hex digits of a digest of everything that decides its content."""
        content = {
            "version": CACHE_VERSION,
            "source": self.source.fingerprint(),
            "split": self.split.digest,
            "recipe": self.recipe,
            "settings": self.settings.model_dump(mode="json"),
            "resolution": self.resolution,
            **self.window_shape(),
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]

    def window_shape(self) -> dict[str, int]:
        """What digests hold of the windows' aspect: nothing where they are square, as they were before there were others."""
        return {} if self.aspect == 1 else {"aspect": self.aspect}

    def pages(self) -> list[tuple[str, PairKey]]:
        """(part, key) of every page, in the order of the split."""
        of_id = {key.id: key for key in self.source.keys()}  # noqa: SIM118
        unknown = [page for page in self.split.ids if page not in of_id]
        if unknown:
            raise DataError(f"{self.source.spec}: {len(unknown)} pages of the split are not in it ({unknown[0]}, …)")
        return [(part, of_id[page]) for part in PARTS for page in getattr(self.split, part)]


@dataclass(frozen=True, slots=True)
class DecodedPage:
    """A decoded page, or the reason why there is none."""

    part: str
    key: PairKey
    pictures: tuple[StoredPicture, ...]
    thumbnail: Pixels | None
    unreadable: str = ""


def decoded(job: Job, pages: Sequence[tuple[str, PairKey]], threads: int) -> Iterator[DecodedPage]:
    """Decoded pages in order; a few are decoded ahead, never more, so that memory stays bounded."""
    with ThreadPoolExecutor(threads) as pool:
        ahead: deque[Future[DecodedPage]] = deque()
        waiting = iter(pages)
        try:
            for part, key in waiting:
                ahead.append(pool.submit(_decode, job, part, key))
                if len(ahead) > 2 * threads:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _decode(job: Job, part: str, key: PairKey) -> DecodedPage:
    try:
        raw = job.source.read(key)
        side = short_side(job.resolution, "train" if part == "train" else "test")
        pair = resize_pair(raw, side, shown_name(job.source, key), job.aspect)
    except UnreadableImage as error:
        return DecodedPage(part, key, (), None, str(error))
    grey = apply_recipe_grey(job.recipe, job.settings, pair.bw, pair.color)[:, :, None]
    whole = StoredPicture(grey, pair.color)
    pictures = (whole,) if part == "train" else tuple(_windows(whole, job))
    return DecodedPage(part, key, pictures, thumbnail(raw.color))


def _windows(page: StoredPicture, job: Job) -> Iterator[StoredPicture]:
    side = job.resolution
    height, width = page.color.shape[:2]
    for y, x in window_origins(height, width, job.aspect):
        window = np.s_[y : y + side, x : x + job.aspect * side]
        yield StoredPicture(page.bw[window], page.color[window])
