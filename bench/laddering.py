"""`bench metrics ladder`: pages of a source, damaged and scored, written as a table, a figure and a page of text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console

import data
from bench.files import write_bytes
from bench.ladder import Pages, climb
from bench.metrics.choice import choose_metrics
from bench.metrics.registry import METRICS
from bench.progress import Bar
from bench.reporting.ladder import ladder_figure, ladder_markdown
from bench.reporting.naming import counted
from bench.reporting.style import figure_style, save
from data.geometry import resize_pair, window_origins
from data.recipes import apply_recipe
from data.splits import group_label


@dataclass(frozen=True)
class LadderRequest:
    """What was asked for: the source of pages, how many (at least 2), their size in px (at least 64, which the feature networks
    need), the recipe of the input, and where results go."""

    source: str
    out: Path
    pages: int
    resolution: int
    recipe: data.Recipe
    seed: int
    device: str


def ladder(request: LadderRequest, console: Console) -> str:
    """Write ladder.csv, ladder.md and ladder.pdf/.png into the folder asked for; return the Markdown.

    Raises data.DataError for a source that is not there or has too few readable pages.
    """
    choice = choose_metrics()
    pages = _pages(request)
    with Bar(console, "damaging", 1, "axis") as bar:
        table = climb(
            pages,
            choice,
            device=request.device,
            seed=request.seed,
            on_progress=lambda axis, done, total: bar.update(done, axis, total=total),
        )
    markdown = f"{_sentence(request, pages, list(table['metric'].unique()))}\n\n{ladder_markdown(table)}"
    write_bytes(request.out / "ladder.csv", table.to_csv(index=False, float_format="%.10g").encode())
    write_bytes(request.out / "ladder.md", markdown.encode())
    with figure_style():
        save(ladder_figure(table), request.out, "ladder")
    return markdown


def _sentence(request: LadderRequest, pages: Pages, metrics: Sequence[str]) -> str:
    loose = [METRICS[name].shown.split(" ")[0] for name in metrics if not METRICS[name].calibrated]
    stand_ins = f"; {', '.join(loose)} rest on random networks" if loose else ""
    return (
        f"{len(pages.truths)} pages of {request.source}, {request.resolution} px, input recipe {request.recipe}, seed "
        f"{request.seed}{stand_ins}. Each page's true colouring is damaged and scored against itself."
    )


def _pages(request: LadderRequest) -> Pages:
    """The first window of pages, two neighbours at a time, evenly spaced through the source; unreadable ones are passed over.

    Neighbours, since colours that are kept from page to page are looked for within a chapter.
    """
    source = data.open_pairs(request.source, synthetic_pages=4 * request.pages, synthetic_size=request.resolution)
    keys = source.keys()
    starts = np.linspace(0, max(0, len(keys) - 2), -(-request.pages // 2)).round().astype(int)
    places = sorted({min(int(start) + step, len(keys) - 1) for start in starts for step in (0, 1)})[: request.pages]
    chosen = [keys[place] for place in places]
    windows = [(key, window) for key in chosen if (window := _window(source, key, request)) is not None]
    if len(windows) < 2:
        raise data.DataError(f"{request.source}: {counted(len(windows), 'readable page')}; a ladder needs at least 2")
    inputs, truths = (np.stack([pair[side] for _, pair in windows]) for side in (0, 1))
    return Pages(inputs, truths, [key.id for key, _ in windows], _groups([key for key, _ in windows], source.grouped))


def _groups(keys: Sequence[data.PairKey], grouped: bool) -> list[str]:
    return [group_label(key, "chapter") if grouped else "pages" for key in keys]


def _window(
    source: data.PairSource, key: data.PairKey, request: LadderRequest
) -> tuple[data.Pixels, data.Pixels] | None:
    try:
        pair = resize_pair(source.read(key), request.resolution, key.id)
    except data.UnreadableImage:
        return None
    settings = data.recipe_settings(request.recipe)
    bw = apply_recipe(request.recipe, settings, pair.bw, pair.color)
    y, x = window_origins(*pair.color.shape[:2])[0]
    window = np.s_[y : y + request.resolution, x : x + request.resolution]
    return bw[window], pair.color[window]
