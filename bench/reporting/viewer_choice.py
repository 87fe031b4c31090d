"""Which windows the comparison viewer lists, and which get pictures where there is not room for all: by a rule, not by eye."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice, zip_longest

import pandas as pd

from bench.metrics.registry import METRICS
from bench.reporting.grid import SCORE, chosen_windows
from bench.reporting.naming import MAIN_METRICS
from bench.reporting.ranked import ranked_windows
from bench.reporting.reading import Run
from bench.reporting.viewer_sides import sides

MOST_NUMBERS = 600_000
"""Scores that the page carries: about 4 MB. With 16 sides and 6 metrics it lists 6,250 windows."""

RULE = (
    "first the windows of the figures; then, in turn, one of the ids that spread evenly over all sorted ids, and a window on "
    "which a competitor is worst or best by its mean CIEDE2000 over seeds"
)


def viewer_metrics(run: Run) -> list[str]:
    """Return the metrics of single windows that the main table has and some cell of `run` was scored by."""
    measured = {column for cell in run.cells if cell.images is not None for column in cell.images.columns}
    return [name for name in MAIN_METRICS if METRICS[name].kind == "image" and name in measured]


def listed_windows(run: Run) -> list[int]:
    """Return the places in `run.windows` of the windows that the viewer lists, in the order in which they get pictures."""
    most = MOST_NUMBERS // (len(sides(run)) * max(len(viewer_metrics(run)), 1))
    return list(islice(in_turn(run), most))


def in_turn(run: Run) -> Iterator[int]:
    """Yield the places of all windows in `run.windows`, each once, in the order of `RULE`."""
    places = {str(window): place for place, window in enumerate(run.windows["window"])}
    figures = [*chosen_windows(run), *(each.window for each in (ranked_windows(run) if run.ranked else []))]
    turns = chain.from_iterable(zip_longest(spread(len(places)), _extremes(run)))
    seen = set()
    for place in chain((places[window] for window in figures), turns):
        if place is not None and place not in seen:
            seen.add(place)
            yield place


def spread(count: int) -> Iterator[int]:
    """Yield the places 0 to `count` - 1, the first few of them always spread evenly: the ends, then halves of the gaps."""
    seen = set()
    bits = max(count - 1, 0).bit_length()
    # Van der Corput's sequence in base 2: 0, 1/2, 1/4, 3/4, 1/8, ...; the far end comes second.
    shares = (int(f"{number:0{bits}b}"[::-1], 2) / 2**bits for number in range(1, 2**bits))
    halves = (round(share * (count - 1)) for share in chain((0.0, 1.0), shares))
    for place in chain(halves, range(count)):
        if place not in seen and 0 <= place < count:
            seen.add(place)
            yield place


def _extremes(run: Run) -> Iterator[int]:
    """Yield the worst and the best window of every competitor, then the second worst and best, and so on."""
    orders = [order for model in run.ranked if (order := _best_first(run, model))]
    for rank in range(max(map(len, orders), default=0)):
        for order in orders:
            if rank < len(order):
                yield order[-1 - rank]
                yield order[rank]


def _best_first(run: Run, model: str) -> list[int]:
    scored = [cell.images for cell in run.scored_cells(model) if cell.images is not None]
    columns = [images[SCORE] for images in scored if SCORE in images.columns]
    if not columns:
        return []
    mean = pd.concat(columns, axis=1).mean(axis=1).dropna()
    return [int(place) for place in mean.sort_values(kind="stable").index]
