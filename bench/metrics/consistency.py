"""Colour consistency across pages: does a chapter keep the colours of its figures from page to page?

A measure of this project, for what readers complain of most. All that has one true colour in a group of pages (a character's hair,
a uniform) should have one colour in every colouring of them, be it the right one or not. The true colours of a group are cut into
cells of CIELAB; on each page, the mean predicted chroma (a*, b*) of a cell is taken; then the variance of these means is divided
into that between cells and that within them, across pages. The score is the share between cells, a correlation ratio (Fisher 1925)
with one change: the whole is at least the variance between the true colours of the cells, so that a page which is hardly coloured,
whose faint chroma follows its lightness, does not pass for a consistent one. 1: the true colour alone decides what is predicted,
and colours lie as far apart as the true ones; 0: no colour, or colours by chance. Lightness stays out: the input gives it. A wrong
colour that is kept scores as a right one; CIEDE2000 says which it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.metrics.jackknife import Jackknifed, Labels, unit_sizes

CELL = 20.0
"""Side of a cell of CIELAB, in its units: about ten just noticeable differences, so that one flat colour with its JPEG noise or
shading falls into few cells, and two hair colours into two."""

LEAST_SHARE = 0.005
"""A cell counts on a page where it fills at least this share of it: less is a mean over few pixels, most of them borders."""

LEAST_CHROMA = 10.0
"""Cells whose centre is nearer to grey than this are left out: paper, ink and grey are coloured by nobody."""

Lab = NDArray[np.float64]
Indices = NDArray[np.int64]
Chroma = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Cells:
    """Where the true colours of a collection lie: an entry for each (window, cell) that counts.

    `windows`, `pages`, `groups`, `cells`: int64 [entries].
    `pixels`: for each entry, flat pixel indices of its window.
    """

    windows: Indices
    pages: Indices
    groups: Indices
    cells: Indices
    pixels: tuple[Indices, ...]
    truth: Chroma
    """The true mean (a*, b*) of each entry."""

    @classmethod
    def of(cls, truths: Iterable[Lab], pages: Sequence[str], groups: Sequence[str]) -> Cells:
        """Return the cells of true windows in CIELAB [H, W, 3], each with its page and the group that the page belongs to."""
        page_numbers, group_numbers = _numbers(pages), _numbers(groups)
        rows: list[tuple[int, int, int, int]] = []
        pixels: list[Indices] = []
        means: list[Chroma] = []
        for window, (truth, page, group) in enumerate(zip(truths, page_numbers, group_numbers, strict=True)):
            for cell, inside in _cells_of(truth):
                rows.append((window, page, group, cell))
                pixels.append(inside)
                means.append(truth[..., 1:].reshape(-1, 2)[inside].mean(axis=0))
        columns = np.array(rows, dtype=np.int64).reshape(-1, 4).T
        return cls(
            columns[0],
            columns[1],
            columns[2],
            columns[3],
            tuple(pixels),
            np.array(means, dtype=np.float64).reshape(-1, 2),
        )

    def chroma(self, window: int, output: Lab) -> Chroma:
        """Return the mean (a*, b*) [entries of the window, 2] that an output in CIELAB gives to each cell of the window."""
        flat = output[..., 1:].reshape(-1, 2)
        chosen = np.flatnonzero(self.windows == window)
        return np.array([flat[self.pixels[entry]].mean(axis=0) for entry in chosen]).reshape(-1, 2)


def consistency(cells: Cells, chroma: Chroma, keep: NDArray[np.bool_] | None = None) -> float:
    """Return the share of the variance of `chroma` [entries, 2] that lies between a group's cells, 0 to 1; the whole is at least
    the variance between the cells' true chroma.

    `keep` bool [entries] chooses entries; None: all. A page counts once, its windows together. Cells that are on one page alone
    say nothing of consistency and are left out, and so are groups with a single cell. NaN where nothing is left; 0 where the
    predicted colours do not vary.
    """
    chosen = np.arange(len(chroma)) if keep is None else np.flatnonzero(keep)
    weights = np.array([len(cells.pixels[entry]) for entry in chosen], dtype=np.float64)
    keys = np.stack([cells.groups[chosen], cells.cells[chosen], cells.pages[chosen]], axis=1)
    places, entry_place = np.unique(keys, axis=0, return_inverse=True)
    totals, means = _weighted_means(chroma[chosen], weights, entry_place.ravel())
    true_means = _weighted_means(cells.truth[chosen], weights, entry_place.ravel())[1]
    _, cell_of, pages_of = np.unique(places[:, :2], axis=0, return_inverse=True, return_counts=True)
    shared = pages_of[cell_of.ravel()] > 1
    between = within = true_between = 0.0
    for group in np.unique(places[shared, 0]):
        members = np.flatnonzero(shared & (places[:, 0] == group))
        labels = np.unique(places[members, 1], return_inverse=True)[1]
        if labels.max() == 0:
            continue
        parts = _variance(means[members], totals[members], labels)
        between, within = between + parts[0], within + parts[1]
        true_between += _variance(true_means[members], totals[members], labels)[0]
    if true_between == 0:
        return float("nan")
    return between / (max(between, true_between) + within)


def consistency_jackknife(cells: Cells, chroma: Chroma, labels: Labels) -> Jackknifed:
    """Return `consistency` with each unit of pages left out; `labels` int64 [windows] gives the unit of each window."""
    value, sizes = consistency(cells, chroma), unit_sizes(labels)
    of_entry = labels[cells.windows]
    left = np.array([consistency(cells, chroma, of_entry != unit) for unit in range(len(sizes))])
    if len(sizes) < 2 or not np.isfinite(left).all():
        return Jackknifed(value, np.empty(0), sizes[:0])
    return Jackknifed(value, left, sizes)


def _cells_of(truth: Lab) -> list[tuple[int, Indices]]:
    """(cell, pixels) of the colours that fill enough of a window."""
    places = np.floor(truth.reshape(-1, 3) / CELL).astype(np.int64) + 64
    numbers = (places[:, 0] * 128 + places[:, 1]) * 128 + places[:, 2]
    order = np.argsort(numbers, kind="stable")
    names, starts, counts = np.unique(numbers[order], return_index=True, return_counts=True)
    return [
        (int(name), order[start : start + count])
        for name, start, count in zip(names, starts, counts, strict=True)
        if count >= LEAST_SHARE * len(numbers) and _chroma_of(int(name)) >= LEAST_CHROMA
    ]


def _chroma_of(cell: int) -> float:
    """The distance of a cell's centre from grey."""
    a, b = ((place - 64 + 0.5) * CELL for place in (cell // 128 % 128, cell % 128))
    return float(np.hypot(a, b))


def _numbers(names: Sequence[str]) -> list[int]:
    order = {name: number for number, name in enumerate(sorted(set(names)))}
    return [order[name] for name in names]


def _weighted_means(values: Chroma, weights: NDArray[np.float64], labels: NDArray[np.intp]) -> tuple[Chroma, Chroma]:
    """Sum of weights [labels] and weighted mean [labels, 2] of values [entries, 2]."""
    totals = np.bincount(labels, weights).astype(np.float64)
    return totals, np.stack([np.bincount(labels, weights * axis) / totals for axis in values.T], axis=1)


def _variance(values: Chroma, weights: NDArray[np.float64], labels: NDArray[np.intp]) -> tuple[float, float]:
    """Weighted sums of squares of values [entries, 2] between and within labels."""
    totals, means = _weighted_means(values, weights, labels)
    middle = np.average(values, axis=0, weights=weights)
    between = (totals * ((means - middle) ** 2).sum(axis=1)).sum()
    within = (weights * ((values - means[labels]) ** 2).sum(axis=1)).sum()
    return float(between), float(within)
