"""Data made ready for a run: pairs decoded and split once into the cache, held-out windows written into the run."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console

import data
from bench.errors import RequestError
from bench.experiment import Experiment
from bench.files import read_json, read_table, write_json, write_parquet, write_png
from bench.progress import Bar
from bench.references import mean_chroma
from bench.runfolder import RunFolder

_log = logging.getLogger("bench")


def open_source(experiment: Experiment, *, offline: bool = False, revision: str | None = None) -> data.PairSource:
    """Return the experiment's source of pairs.

    `offline`: nothing is fetched. `revision`: the one of a Hub dataset that is to be opened, in place of the newest or named
    one. Raises data.DataError where the source is unusable.
    """
    settings = experiment.data
    source = data.open_pairs(
        _pinned(settings.source, revision) if revision else settings.source,
        layout=settings.layout,
        bw_side=settings.bw_side,
        offline=offline,
        bw_column=settings.bw_column,
        color_column=settings.color_column,
        synthetic_pages=settings.synthetic_pages,
        synthetic_size=settings.synthetic_size,
        synthetic_series=settings.synthetic_series,
    )
    if warning := getattr(source, "warning", None):
        _log.warning("%s", warning)
    return source


def recorded_revision(folder: RunFolder, experiment: Experiment) -> str | None:
    """Return the dataset's revision that the run was begun with; None where it has none, or is of another source."""
    recorded = _recorded_split(folder).get("source", {}) if folder.split.exists() else {}
    revision = recorded.get("revision") if recorded.get("spec") == experiment.data.source else None
    return str(revision) if revision else None


def _recorded_split(folder: RunFolder) -> dict[str, Any]:
    split = read_json(
        folder.split, "bring it back from a copy (it says with what data the run was begun), or give another --out"
    )
    return split if isinstance(split, dict) else {}


def _has_mean_chroma(folder: RunFolder) -> bool:
    try:
        return len(read_mean_chroma(folder)) == 2
    except (RequestError, TypeError, ValueError):
        return False


def _pinned(spec: str, revision: str) -> str:
    return f"{spec.partition('@')[0]}@{revision}"


def split_source(source: data.PairSource, experiment: Experiment) -> data.Split:
    """Return the split of `source` that the experiment asks for: the given file's, the source's own, or one drawn."""
    settings = experiment.data
    if settings.split_file:
        path = Path(settings.split_file)
        return data.load_split(path, source.keys(), grouped=source.grouped, group_by=settings.group_by)
    if settings.own_split == "use" and data.has_own_split(source.keys()):
        return data.own_split(
            source.keys(),
            grouped=source.grouped,
            group_by=settings.group_by,
            seed=settings.split_seed,
            validation_share=settings.validation_share,
        )
    return data.make_split(
        source.keys(),
        grouped=source.grouped,
        group_by=settings.group_by,
        seed=settings.split_seed,
        test_share=settings.test_share,
        validation_share=settings.validation_share,
    )


def prepare_data(
    experiment: Experiment, source: data.PairSource, cache: Path, console: Console, safe_point: Callable[[], None]
) -> data.Prepared:
    """Return the pages of every part at the experiment's size, decoded once into `cache`; raises data.DataError.

    `safe_point` is called after each page and may raise to stop.
    """
    if source.licence_note:
        _log.warning("%s: %s", source.title, source.licence_note)
    split = split_source(source, experiment)
    with Bar(console, "preparing pages", len(split.ids), "page") as bar:

        def show(done: int, total: int) -> None:
            bar.update(done, total=total)
            safe_point()

        prepared = data.prepare(
            source,
            split,
            recipe=experiment.recipe,
            recipe_settings=data.recipe_settings(experiment.recipe, experiment.recipe_settings),
            resolution=experiment.resolution,
            aspect=experiment.window_aspect,
            cache_root=cache,
            duplicates="refuse" if experiment.data.split_file else "drop",
            on_progress=show,
        )
    kept = prepared.split
    for line in _unlike_shares(kept):
        _log.warning("data: %s", line)
    _log.info(
        "data: %s: %d training, %d validation, %d test pages (%d test windows)",
        source.title, len(kept.train), len(kept.validation), len(kept.test), len(prepared.test),
    )  # fmt: skip
    for line in prepared.report.lines():
        _log.warning("data: %s", line)
    return prepared


FAR_FROM_SHARE = 2.0
"""A part that has less than its share by this factor, or more, is worth a warning: groups may be too large to be dealt."""


def _unlike_shares(split: data.Split) -> list[str]:
    """Return a line for each part of a drawn split that is far from the share that was asked for."""
    if split.origin != "drawn" or not split.test_share or not split.validation_share:
        return []
    lines, pages = [], len(split.ids)
    for name, part, share in (
        ("test", split.test, split.test_share),
        ("validation", split.validation, split.validation_share),
    ):
        if not 1 / FAR_FROM_SHARE <= len(part) / (share * pages) <= FAR_FROM_SHARE:
            lines.append(
                f"the {name} part has {len(part)} of {pages} pages where a share of {share:g} was asked for, since whole groups "
                "are dealt: give another --set data.split_seed, or name the parts in a manifest"
            )
    return lines


def write_test_set(folder: RunFolder, experiment: Experiment, source: data.PairSource, prepared: data.Prepared) -> None:
    """Write the split and its source, the held-out windows and the training pages' mean chroma into the run, once.

    Raises RequestError where the run was made with other pages than the source gives now.
    """
    if folder.test_windows.exists():
        if _recorded_split(folder).get("pixels") != prepared.digest:
            raise RequestError(
                f"{folder.path}: the data has changed since this run began, or another version split it: give another --out"
            )
        if not _has_mean_chroma(folder):
            write_json(folder.mean_chroma, mean_chroma(prepared.train))
        return
    rows = []
    for window in prepared.test:
        write_png(folder.test_inputs / f"{window.id}.png", window.bw)
        write_png(folder.test_truths / f"{window.id}.png", window.color)
        rows.append((window.id, window.page_id, window.group, window.series, window.chapter))
    write_json(folder.mean_chroma, mean_chroma(prepared.train))
    record = {"pixels": prepared.digest, "source": _source_record(experiment, source)}
    if prepared.report.enlarged:
        record["enlarged"] = dict(prepared.report.enlarged)
    write_json(folder.split, prepared.split.as_json() | record)
    write_parquet(folder.test_windows, pd.DataFrame(rows, columns=["window", "page", "group", "series", "chapter"]))


def _source_record(experiment: Experiment, source: data.PairSource) -> dict[str, Any]:
    """What names the data: as it was asked for, and the very content that was found there."""
    return {
        "spec": experiment.data.source,
        "title": source.title,
        "revision": getattr(source, "revision", None),
        "licence_note": source.licence_note,
        "rows": len(source.keys()),
        "fingerprint": source.fingerprint(),
    }


def test_windows(folder: RunFolder) -> pd.DataFrame:
    """Return the held-out windows of the run: window, page, group, series, chapter."""
    return read_table(folder.test_windows)


def read_mean_chroma(folder: RunFolder) -> tuple[float, float]:
    """Return mean a* and b* of the training pages."""
    a, b = read_json(folder.mean_chroma)
    return float(a), float(b)
