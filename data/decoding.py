"""Decodes pages to the pixels that a prepared split holds, several at a time, always in the same order."""

import hashlib
import json
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from data.cache_files import page_record
from data.cache_journal import PageRecord
from data.duplicates import thumbnail
from data.errors import DataError, UnreadableImage
from data.geometry import resize_pair, short_side, target_size, window_origins
from data.pair import PairKey, PairSource, Pixels, RawPair, fault_of, shown_name
from data.prepared import StoredPicture
from data.recipes import Recipe, RecipeSettings, apply_recipe_grey
from data.splits import PARTS, Split

CACHE_VERSION = 3
"""Raised when anything that decides the stored pixels or the dropped pages changes, or what is recorded of them."""


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
            "split": self.split.assignment,
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
    """A decoded page; one that cannot be used has a record that says why, and nothing else."""

    record: PageRecord
    pictures: tuple[StoredPicture, ...]
    thumbnail: Pixels | None


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
        return DecodedPage(PageRecord(part, key.id, "", (), (), 0, unreadable=fault_of(job.source, error)), (), None)
    if part == "train":
        pictures: tuple[StoredPicture, ...] = (_drawn(job, pair, job.settings.training_variants(key.id)),)
    else:
        pictures = tuple(_windows(_drawn(job, pair, (job.settings,)), job))
    height = target_size(raw.color.shape[0], raw.color.shape[1], job.resolution, job.aspect)[0]
    record = replace(page_record(part, key.id, _content(raw), pictures), enlarged=height > raw.color.shape[0])
    return DecodedPage(record, pictures, thumbnail(raw.color))


def _drawn(job: Job, pair: RawPair, variants: Sequence[RecipeSettings]) -> StoredPicture:
    """The whole page with its B/W picture in each of the recipe's variants."""
    bw = (apply_recipe_grey(job.recipe, settings, pair.bw, pair.color)[:, :, None] for settings in variants)
    return StoredPicture(tuple(bw), pair.color)


def _content(raw: RawPair) -> str:
    """The digest that the source gives, else that of the pixels."""
    if raw.digest:
        return raw.digest
    digest = hashlib.sha256()
    for picture in (raw.color, raw.bw):
        if picture is not None:
            digest.update(f"{picture.shape}\n".encode() + picture.tobytes())
    return digest.hexdigest()


def _windows(page: StoredPicture, job: Job) -> Iterator[StoredPicture]:
    side = job.resolution
    height, width = page.color.shape[:2]
    for y, x in window_origins(height, width, job.aspect):
        window = np.s_[y : y + side, x : x + job.aspect * side]
        yield StoredPicture(tuple(bw[window] for bw in page.bw), page.color[window])
