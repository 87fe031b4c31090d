"""From stored scores to samples: which pages stand or fall together, and how each such unit moves a score.

The page is the unit of measurement: its windows are averaged first. The unit of sampling is the group of pages (chapter or series)
or, with very few groups, a block of neighbouring pages, since neighbours resemble each other.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.metrics.jackknife import jackknife_influence
from bench.metrics.registry import METRICS
from data.sources.naming import natural_key

Values = NDArray[np.float64]

UnitKind = Literal["group", "page block"]

FEWEST_GROUPS = 5
"""With fewer test groups than this an interval over groups is too wide to say anything (t = 3.2 at four, 12.7 at two). Blocks of
pages take their place, and captions say that nothing is claimed of other groups."""

BLOCKS = 20
"""About how many blocks of pages are then formed; none reaches over the border of a group."""


@dataclass(frozen=True, slots=True)
class SamplingUnits:
    """`numbers` int64 [N] gives each row's unit, counted from 0; `kind` says what the units are."""

    numbers: NDArray[np.int64]
    kind: UnitKind

    @property
    def digest(self) -> str:
        """sha256 in hex of which row is in which unit: blocks of equal sizes may hold other pages."""
        return hashlib.sha256(self.numbers.astype("<i8").tobytes()).hexdigest()

    @property
    def count(self) -> int:
        """The number of units."""
        return int(self.numbers.max()) + 1 if len(self.numbers) else 0


def sampling_units(pages: Sequence[str], groups: Sequence[str]) -> SamplingUnits:
    """Return the sampling unit of each row, given the page and the group (chapter or series) that it belongs to.

    Groups are the units where there are at least FEWEST_GROUPS of them; otherwise blocks of neighbouring pages, in the order of
    their ids within a group, which keeps most of the likeness of neighbours inside one block. Rows may come in any order.
    """
    group_of = dict(zip(pages, groups, strict=True))
    members: dict[str, list[str]] = {}
    for page in sorted(group_of, key=natural_key):
        members.setdefault(group_of[page], []).append(page)
    if len(members) >= FEWEST_GROUPS:
        numbers = {group: number for number, group in enumerate(sorted(members))}
        labels = np.asarray([numbers[group] for group in groups], dtype=np.int64)
        return SamplingUnits(labels, "group")
    blocks = [block for group in sorted(members) for block in _blocks(members[group], len(group_of))]
    unit_of = {page: number for number, block in enumerate(blocks) for page in block}
    labels = np.asarray([unit_of[page] for page in pages], dtype=np.int64)
    return SamplingUnits(labels, "page block")


@dataclass(frozen=True)
class Sample:
    """All scores of one metric, ready for statistics.

    `scores[model]` is [seeds, pages] (set metrics: [seeds, 1]); `influence[model]` is [units], by how much each unit of pages moved
    the model's mean, scaled so that the sum of squares is the sampling variance, and that of a difference of two models' vectors
    the sampling variance of their difference. `excluded` pages had no score (no line to keep) and are left out for all models.
    """

    metric: str
    scores: Mapping[str, Values]
    seeded: Mapping[str, bool]
    influence: Mapping[str, Values]
    unit_kind: UnitKind
    excluded: int = 0

    def seed_means(self, model: str) -> Values:
        """Return one mean over pages for each seed of `model`, float64 [seeds]."""
        values = self.scores[model]
        return np.asarray(values.mean(axis=1)) if values.shape[1] else np.full(len(values), np.nan)

    def mean(self, model: str) -> float:
        """Return the mean over seeds and pages; NaN where no page has a score."""
        return float(self.seed_means(model).mean())

    @property
    def models(self) -> tuple[str, ...]:
        """The models that have this score."""
        return tuple(self.scores)

    @property
    def units(self) -> int:
        """The number of sampling units; below two there is no interval."""
        return max((len(vector) for vector in self.influence.values()), default=0)

    @property
    def sign(self) -> int:
        """+1 where higher is better, -1 where lower is."""
        return 1 if METRICS[self.metric].direction == "higher" else -1


def image_sample(frame: pd.DataFrame, metric: str) -> Sample:
    """Return the sample of an image metric from a frame with the columns model, seed, page, group and `metric`.

    One row is one window of one cell; `seed` is missing for rows that depend on no seed. Windows are averaged to pages first,
    NaN windows left out. The order of rows does not matter.
    """
    groups = frame.drop_duplicates("page").set_index("page")["group"].astype(str)
    return page_sample(page_means(frame, metric), groups, metric)


def page_means(frame: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return the mean over windows of `metric`: a row a (model, seed), -1 for none, and a column a page, from such a frame."""
    labelled = frame.assign(seed=frame["seed"].astype("float64").fillna(-1.0))
    return labelled.groupby(["model", "seed", "page"])[metric].mean().unstack("page")


def page_sample(pages: pd.DataFrame, groups: pd.Series[str], metric: str) -> Sample:
    """Return the sample of an image metric from `page_means` and the group of each page."""
    complete = pages.dropna(axis="columns")
    units = _kept_units(pages, complete, groups)
    return _sample(metric, complete, units, excluded=pages.shape[1] - complete.shape[1])


def part_samples(
    pages: pd.DataFrame, groups: pd.Series[str], metric: str, parts: Sequence[Sequence[str]]
) -> list[Sample]:
    """Return the sample of each of `parts`, pages of one series say, in the sampling units that all pages together have."""
    complete = pages.dropna(axis="columns")
    units = _kept_units(pages, complete, groups)
    samples = []
    for part in parts:
        inside = complete.columns.isin(list(part))
        numbers = np.unique(units.numbers[inside], return_inverse=True)[1].astype(np.int64)
        own = SamplingUnits(numbers, units.kind)
        samples.append(_sample(metric, complete.loc[:, inside], own, excluded=len(part) - int(inside.sum())))
    return samples


def _kept_units(pages: pd.DataFrame, complete: pd.DataFrame, groups: pd.Series[str]) -> SamplingUnits:
    """Return the units of the pages that have a score; what a unit is does not hang on which pages those are."""
    units = sampling_units([str(page) for page in pages.columns], list(groups.loc[pages.columns]))
    kept = units.numbers[pages.columns.isin(complete.columns)]
    return SamplingUnits(np.unique(kept, return_inverse=True)[1].astype(np.int64), units.kind)


def _sample(metric: str, complete: pd.DataFrame, units: SamplingUnits, *, excluded: int) -> Sample:
    values, models, seeds = (
        complete.to_numpy(np.float64),
        *(complete.index.get_level_values(name).to_numpy() for name in ("model", "seed")),
    )
    scores = {str(model): values[models == model] for model in dict.fromkeys(models)}
    seeded = {model: bool((seeds[models == model] >= 0).all()) for model in scores}
    influence = {model: _page_influence(own.mean(axis=0), units.numbers) for model, own in scores.items()}
    return Sample(metric, scores, seeded, influence, units.kind, excluded)


def set_sample(records: Sequence[Mapping[str, Any]], metric: str) -> Sample:
    """Return the sample of a set metric from records of `sets.json` with the cell's `model` and `seed` (None: no seed) added.

    Seeds of a model share their pages, so replicates are averaged over seeds before they give a standard error.
    """
    chosen = sorted((r for r in records if r["metric"] == metric), key=lambda r: -1 if r["seed"] is None else r["seed"])
    by_model: dict[str, list[Mapping[str, Any]]] = {}
    for record in chosen:
        by_model.setdefault(str(record["model"]), []).append(record)
    scores = {model: np.asarray([[float(r["value"])] for r in own]) for model, own in sorted(by_model.items())}
    seeded = {model: all(r["seed"] is not None for r in own) for model, own in by_model.items()}
    influence = {
        model: jackknife_influence(
            float(scores[model].mean()), np.mean([r["jackknife"] for r in own], axis=0), own[0]["jackknife_sizes"]
        )
        for model, own in by_model.items()
    }
    kind: UnitKind = chosen[0]["jackknife_unit"] if chosen else "group"
    return Sample(metric, scores, seeded, influence, kind)


def _blocks(pages: list[str], all_pages: int) -> list[list[str]]:
    count = min(len(pages), max(1, round(BLOCKS * len(pages) / all_pages)))
    edges = np.linspace(0, len(pages), count + 1).round().astype(int)
    return [pages[start:stop] for start, stop in itertools.pairwise(edges)]


def _page_influence(page_means: Values, units: NDArray[np.int64]) -> Values:
    """Cluster-robust: a unit's influence is the sum of its pages' deviations over the number of pages."""
    count = int(units.max()) + 1 if len(units) else 0
    if count < 2:
        return np.zeros(count)
    sums = np.bincount(units, weights=page_means - page_means.mean(), minlength=count) / len(page_means)
    return np.asarray(sums * math.sqrt(count / (count - 1)))
