"""Decodes and resizes every page of a split once, and keeps the pixels on disk for all runs that ask for the same.

The folder's name is a digest of all that decides its content. It is built under another name and renamed when it is
complete: an interrupted preparation leaves nothing that could be taken for one, and the next goes on where it stopped.
Of two processes that want the same, one builds and the other waits.
"""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from filelock import FileLock, Timeout

from data.cache_files import PartsWriter, disk_errors, open_pictures, open_windows, read_index
from data.cache_journal import PageRecord
from data.decoding import Job, decoded
from data.duplicates import near_duplicates
from data.errors import DataError, DiskError
from data.pair import PairKey, PairSource, Pixels, skipped_files
from data.prepared import PreparationReport, Prepared, TrainingPages, Windows
from data.recipes import Recipe, RecipeSettings
from data.splits import PARTS, Split

MOST_UNREADABLE = 0.01
"""A larger share of unreadable pages is not bad luck but a wrong source."""

LEAST_RESOLUTION = 16

STALE_SECONDS = 7 * 24 * 3600.0
"""Half-built folders that nobody went on with are removed after this time."""

_WAIT_SECONDS = 0.5
"""How often a process that waits for another one's preparation says that it is still there."""

Progress = Callable[[int, int], None]
"""Called with the pages done and the pages in all."""


def prepare(
    source: PairSource,
    split: Split,
    *,
    recipe: Recipe,
    recipe_settings: RecipeSettings,
    resolution: int,
    cache_root: Path,
    duplicates: Literal["drop", "refuse"] = "drop",
    on_progress: Progress | None = None,
    threads: int | None = None,
    aspect: int = 1,
) -> Prepared:
    """Prepare a split, or open it where it was prepared before; the result does not depend on the number of threads.

    Args:
        source: of the pages; its `read` is called from several threads.
        split: of the source's ids.
        recipe: how the B/W input is made.
        recipe_settings: of the recipe, from `data.recipes.recipe_settings`.
        resolution: R, px.
        cache_root: folder that holds all prepared splits.
        duplicates: what to do about training pages that nearly equal held-out ones; "refuse" is for a given split.
        on_progress: called after each page.
        threads: that decode; as many as there are cores, at most 8, if None.
        aspect: width of a window over its height, which is R.

    Raises:
        DataError: more than 1 % of the pages are unreadable, a part is left without pages, a given split leaks or names
            other pages than the source has, recipe "original" without B/W pages, or the cache cannot be written.
    """
    if resolution < LEAST_RESOLUTION:
        raise DataError(f"resolution {resolution}: it is at least {LEAST_RESOLUTION} px")
    job = Job(source, split, recipe, recipe_settings, resolution, aspect)
    folder = cache_root / job.key()
    index = read_index(folder)
    if index is None:
        index = _build(job, folder, on_progress, threads or min(8, os.cpu_count() or 1))
    if index["near_duplicates"] and duplicates == "refuse":
        first = " and ".join(index["near_duplicates"][0])
        raise DataError(
            f"the split leaks: {len(index['near_duplicates'])} training pages nearly equal held-out ones (pages {first});"
            " take them out of its train part"
        )
    _refuse_other_contents(split, index["contents"])
    return _open(job, folder, index)


def _refuse_other_contents(split: Split, contents: dict[str, str]) -> None:
    """A split that was saved with the pages' digests holds for these pages alone."""
    other = [page for page, content in split.contents.items() if contents.get(page, content) != content]
    if other:
        raise DataError(
            f"the split was made with other pages: {len(other)} of {len(split.contents)} have another content now"
            f" ({', '.join(other[:3])}); give the data that it was made with, or leave --split out"
        )


def _build(job: Job, folder: Path, on_progress: Progress | None, threads: int) -> dict[str, Any]:
    root = folder.parent
    building = root / f".building-{folder.name}"
    with disk_errors(root):
        root.mkdir(parents=True, exist_ok=True)
        _remove_stale(root)
    _refuse_links(root / f".lock-{folder.name}")
    with _alone(root, folder.name, lambda: on_progress and on_progress(0, len(job.split.ids))):
        # The one that was waited for has built it.
        index = read_index(folder)
        if index is not None:
            return index
        with disk_errors(root):
            _refuse_links(building)
            building.mkdir(exist_ok=True)
            _refuse_links(*building.iterdir())
        try:
            _fill(job, building, on_progress, threads)
            with disk_errors(root):
                return _move_into_place(building, folder)
        except DiskError:
            # As with an interruption: what is there is gone on with.
            raise
        except DataError:
            shutil.rmtree(building, ignore_errors=True)
            raise


def _refuse_links(*paths: Path) -> None:
    """Raise DiskError where one is a link: in a folder that others may write into, it would lead pixels over their files."""
    for path in paths:
        if path.is_symlink():
            raise DiskError(
                f"{path}: a link, and nothing is written through one; remove it, or choose another cache folder"
            )


@contextmanager
def _alone(root: Path, name: str, while_waiting: Callable[[], object]) -> Iterator[None]:
    """Hold the right to build; the operating system's lock ends with its process, however that ends.

    The lock's file stays: removed, it could be held twice.
    """
    lock = FileLock(root / f".lock-{name}")
    while not lock.is_locked:
        try:
            with disk_errors(root):
                lock.acquire(timeout=_WAIT_SECONDS)
        except Timeout:
            while_waiting()
    try:
        yield
    finally:
        lock.release()


def _fill(job: Job, building: Path, on_progress: Progress | None, threads: int) -> None:
    pages = job.pages()
    with PartsWriter(building) as writer:
        left = pages[len(writer.records) :]
        for page in decoded(job, left, threads):
            writer.add(page.record, page.pictures, page.thumbnail)
            if page.record.unreadable:
                _refuse_too_many(_unreadable(writer.records), len(pages))
            if on_progress is not None:
                on_progress(len(writer.records), len(pages))
        leaks = _leaks(writer.records, writer.thumbnails())
        enlarged = [record.page for record in writer.records if record.enlarged]
        writer.finish({"unreadable": _unreadable(writer.records), "near_duplicates": leaks, "enlarged": enlarged})


def _unreadable(records: Sequence[PageRecord]) -> list[tuple[str, str]]:
    return [(record.page, record.unreadable) for record in records if record.unreadable]


def _refuse_too_many(unreadable: Sequence[tuple[str, str]], pages: int) -> None:
    if len(unreadable) > MOST_UNREADABLE * pages:
        shown = "; ".join(why for _, why in unreadable[:3])
        raise DataError(f"more than {MOST_UNREADABLE:.0%} of the {pages} pages cannot be read: {shown}")


def _leaks(records: Sequence[PageRecord], thumbnails: dict[str, Pixels]) -> list[tuple[str, str]]:
    """(training id, held-out id) of near-duplicates, one pair for each training page."""
    readable = [record for record in records if not record.unreadable]
    training = [record.page for record in readable if record.part == "train"]
    held_out = [record.page for part in ("validation", "test") for record in readable if record.part == part]
    if not training or not held_out:
        return []
    first, second = (np.stack([thumbnails[page] for page in pages]) for pages in (training, held_out))
    pairs: dict[str, str] = {}
    for at, other in near_duplicates(first, second):
        pairs.setdefault(training[at], held_out[other])
    return list(pairs.items())


def _move_into_place(building: Path, folder: Path) -> dict[str, Any]:
    """Rename to the final name; where another process was first, its folder is as good."""
    if folder.exists() and read_index(folder) is None:
        shutil.rmtree(folder, ignore_errors=True)
    try:
        building.rename(folder)
    except OSError:
        if read_index(folder) is None:
            raise
    index = read_index(folder)
    if index is None:
        raise DataError(f"{folder}: was changed while it was prepared; run again")
    return index


def _remove_stale(root: Path) -> None:
    for path in root.glob(".building-*"):
        try:
            _refuse_links(path, root / path.name.replace(".building-", ".lock-", 1))
            age = time.time() - max(file.stat().st_mtime for file in (path, *path.iterdir()))
            if age > STALE_SECONDS:
                # Not while somebody goes on with it.
                with FileLock(root / path.name.replace(".building-", ".lock-", 1), timeout=0):
                    shutil.rmtree(path, ignore_errors=True)
        except (OSError, Timeout, DiskError):
            continue


def _open(job: Job, folder: Path, index: dict[str, Any]) -> Prepared:
    near = tuple((training, held_out) for training, held_out in index["near_duplicates"])
    unreadable = tuple((page, why) for page, why in index["unreadable"])
    split = replace(job.split, contents=index["contents"]).without(
        near_duplicates=[training for training, _ in near], unreadable=[page for page, _ in unreadable]
    )
    for part in PARTS:
        if not getattr(split, part):
            raise DataError(
                f"no pages are left in the part {part} ({len(near)} near-duplicates were dropped); add pages"
            )
    keys = {key.id: key for _, key in job.pages()}
    windows = partial(_open_windows, folder, index, keys, split, (job.resolution, job.aspect * job.resolution))
    return Prepared(
        folder=folder,
        resolution=job.resolution,
        recipe=job.recipe,
        recipe_settings=job.settings,
        split=split,
        digest=_content_digest(job, split, index["sha256"]),
        report=PreparationReport(
            skipped_files(job.source), unreadable, near, split.dropped_gap, _enlarged(split, index["enlarged"])
        ),
        train=_open_training(folder, index, split),
        validation=windows("validation"),
        test=windows("test"),
    )


def _enlarged(split: Split, pages: Sequence[str]) -> dict[str, int]:
    """How many pages of each part were enlarged, of those that are left in it."""
    found = frozenset(pages)
    counts = {part: len(found.intersection(getattr(split, part))) for part in PARTS}
    return {part: count for part, count in counts.items() if count}


def _content_digest(job: Job, split: Split, sha256: dict[str, str]) -> str:
    content = {
        "resolution": job.resolution,
        **job.window_shape(),
        "recipe": job.recipe,
        "settings": job.settings.model_dump(mode="json"),
        "split": split.assignment,
        "pages": [sha256[page] for page in split.ids],
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _open_training(folder: Path, index: dict[str, Any], split: Split) -> TrainingPages:
    part = index["parts"]["train"]
    wanted = set(split.train)
    rows = [row for row, page in enumerate(part["pages"]) if page in wanted]
    bw, color = (open_pictures(folder, part, "train", kind, rows) for kind in ("bw", "color"))
    ids = [part["pages"][row] for row in rows]
    return TrainingPages(ids, [split.groups[page] for page in ids], bw, color, part["variants"])


def _open_windows(
    folder: Path, index: dict[str, Any], keys: dict[str, PairKey], split: Split, size: tuple[int, int], name: str
) -> Windows:
    part = index["parts"][name]
    pages: list[str] = part["pages"]
    bw, color = (open_windows(folder, name, kind, size) for kind in ("bw", "color"))
    return Windows([keys[page] for page in pages], [split.groups[page] for page in pages], part["numbers"], bw, color)
