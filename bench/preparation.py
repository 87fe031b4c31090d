"""Data made ready for a run: pairs decoded and split once into the cache, held-out windows written into the run."""

from __future__ import annotations

import logging
from pathlib import Path

import pandas as pd
from rich.console import Console

import data
from bench.errors import RequestError
from bench.experiment import Experiment
from bench.progress import Bar
from bench.references import mean_chroma
from bench.runfolder import RunFolder, read_json, write_json, write_parquet, write_png

_log = logging.getLogger("bench")


def open_source(experiment: Experiment) -> data.PairSource:
    """Return the experiment's source of pairs; raises data.DataError where it is unusable."""
    settings = experiment.data
    return data.open_pairs(
        settings.source,
        bw_column=settings.bw_column,
        color_column=settings.color_column,
        synthetic_pages=settings.synthetic_pages,
        synthetic_size=settings.synthetic_size,
    )


def split_source(source: data.PairSource, experiment: Experiment) -> data.Split:
    """Return the split of `source` that the experiment asks for."""
    settings = experiment.data
    return data.make_split(
        source.keys(),
        grouped=source.grouped,
        group_by=settings.group_by,
        seed=settings.split_seed,
        test_share=settings.test_share,
        validation_share=settings.validation_share,
    )


def prepare_data(experiment: Experiment, cache: Path, console: Console) -> data.Prepared:
    """Return the pages of every part at the experiment's size, decoded once into `cache`; raises data.DataError."""
    source = open_source(experiment)
    if source.licence_note:
        _log.warning("%s", source.licence_note)
    split = split_source(source, experiment)
    with Bar(console, "preparing pages", len(source.keys()), "page") as bar:
        prepared = data.prepare(
            source,
            split,
            recipe=experiment.recipe,
            recipe_settings=data.recipe_settings(experiment.recipe, experiment.recipe_settings),
            resolution=experiment.resolution,
            cache_root=cache,
            on_progress=bar.update,
        )
    kept = prepared.split
    _log.info(
        "data: %s, %d training, %d validation, %d test pages; dropped: %d near-duplicates, %d gap rows, %d unreadable",
        source.title, len(kept.train), len(kept.validation), len(kept.test), kept.dropped_near_duplicates,
        kept.dropped_gap, len(kept.unreadable),
    )  # fmt: skip
    return prepared


def write_test_set(folder: RunFolder, prepared: data.Prepared) -> None:
    """Write the split, the held-out windows and the training pages' mean chroma into the run, once.

    Raises RequestError where the run was made with other pages than the source gives now.
    """
    digest = prepared.split.digest()
    if folder.test_windows.exists():
        stored = read_json(folder.split)["digest"]
        if stored != digest:
            raise RequestError(f"{folder.path}: the data has changed since this run began (its split differs): give another --out")
        return
    rows = []
    for window in prepared.test:
        write_png(folder.test_inputs / f"{window.id}.png", window.bw)
        write_png(folder.test_truths / f"{window.id}.png", window.color)
        rows.append((window.id, window.page, window.group, window.series, window.chapter))
    pages = [prepared.train.color(index) for index in range(len(prepared.train))]
    write_json(folder.mean_chroma, mean_chroma(pages))
    write_json(folder.split, prepared.split.to_json())
    write_parquet(folder.test_windows, pd.DataFrame(rows, columns=["window", "page", "group", "series", "chapter"]))


def test_windows(folder: RunFolder) -> pd.DataFrame:
    """Return the held-out windows of the run: window, page, group, series, chapter."""
    return pd.read_parquet(folder.test_windows)


def read_mean_chroma(folder: RunFolder) -> tuple[float, float]:
    """Return mean a* and b* of the training pages."""
    a, b = read_json(folder.mean_chroma)
    return float(a), float(b)
