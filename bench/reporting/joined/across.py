"""How scores move from run to run: paired differences of the same model on the same pages, by the existing statistics."""

from __future__ import annotations

import dataclasses
import itertools
from dataclasses import dataclass

import numpy as np

from bench.metrics.registry import METRICS
from bench.reporting.joined.reading import Joined
from bench.reporting.reading import SHUFFLED, CellResult
from bench.reporting.scores import Scores, metric_sample, score_run
from bench.sampling import Sample
from bench.statistics import CONFIDENCE, Difference, differences, holm

UNTRAINED = ("oracle", "copy", "mean-chroma")
"""Reference rows that no network makes: shown, never tested."""

ALL_PAIRS = 4
"""Up to as many runs are compared each with each; of more, each with the first one named, or the tests would outnumber the runs."""


@dataclass(frozen=True, slots=True)
class Gap:
    """The difference run `first` - run `second` of one model in one metric; runs are counted from 0.

    `seeds_paired`: the same seeds on both sides, compared seed by seed. `left_out` pages had no score on one side.
    """

    model: str
    first: int
    second: int
    difference: Difference
    seeds_paired: bool
    left_out: int


@dataclass(frozen=True, slots=True)
class Across:
    """The scores of every run, and the differences between runs, Holm-adjusted within each metric."""

    scores: tuple[Scores, ...]
    gaps: tuple[Gap, ...]

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that any run has, in the registry's order."""
        return tuple(name for name in METRICS if any(name in scores.metrics for scores in self.scores))


def score_joined(joined: Joined) -> Across:
    """Return all scores of the joined runs; raises RequestError where the scores of a run contradict each other."""
    scores = tuple(score_run(run) for run in joined.runs)
    models = [m for m in (*joined.ranked, *joined.references) if m not in UNTRAINED and not is_chance(m)]
    gaps: list[Gap] = []
    for metric in (name for name, metric in METRICS.items() if metric.direction != "none"):
        raw = [gap for model in models for gap in _gaps(joined, model, metric)]
        adjusted = holm([gap.difference.p for gap in raw])
        gaps += [_adjusted(gap, p) for gap, p in zip(raw, adjusted, strict=True)]
    return Across(scores, tuple(gaps))


def is_chance(model: str) -> bool:
    """Return whether a row is that of shuffled pages, which says what chance gives and nothing of how runs differ."""
    return model.endswith(SHUFFLED)


def compared_pairs(runs: int) -> list[tuple[int, int]]:
    """Return which of `runs` runs are compared, the later one first: what changed is what the later one has more or less."""
    pairs = itertools.combinations(range(runs), 2) if runs <= ALL_PAIRS else ((0, later) for later in range(1, runs))
    return [(later, earlier) for earlier, later in pairs]


def _gaps(joined: Joined, model: str, metric: str) -> list[Gap]:
    """Return the differences of one model between runs; pages without a score in any of them are left out of all."""
    cells = [(str(index), cell) for index, run in enumerate(joined.runs) for cell in run.cells_of(model)]
    sample = metric_sample(cells, metric)
    if sample is None or not all(values.size for values in sample.scores.values()):
        return []
    seeds = [sorted(str(c.seed) for c in run.cells_of(model) if _has(c, metric)) for run in joined.runs]
    gaps = []
    for first, second in compared_pairs(len(joined.runs)):
        if seeds[first] and seeds[second]:
            paired = seeds[first] == seeds[second]
            difference = (_paired if paired else _unpaired)(sample, str(first), str(second))
            gaps.append(Gap(model, first, second, difference, paired, sample.excluded))
    return gaps


def _has(cell: CellResult, metric: str) -> bool:
    in_images = cell.images is not None and metric in cell.images.columns
    return in_images or any(score["metric"] == metric for score in cell.sets)


def _paired(sample: Sample, first: str, second: str) -> Difference:
    """Return the difference of two runs with the same seeds: first - second by seed and page, against nothing.

    Weights and order of pages follow from the seed, so that part of the noise between seeds is common to both and cancels.
    """
    gap = sample.scores[first] - sample.scores[second]
    influence = sample.influence[first] - sample.influence[second]
    one = Sample(
        metric=sample.metric,
        scores={first: gap, second: np.zeros_like(gap[:1])},
        seeded={first: sample.seeded[first], second: False},
        influence={first: influence, second: np.zeros_like(influence)},
        unit_kind=sample.unit_kind,
    )
    return differences(one, (first, second))[0]


def _unpaired(sample: Sample, first: str, second: str) -> Difference:
    """Return the difference of two runs with other seeds: paired on pages alone."""
    return differences(sample, (first, second))[0]


def _adjusted(gap: Gap, p_holm: float) -> Gap:
    significant = bool(p_holm < 1 - CONFIDENCE)
    return dataclasses.replace(
        gap, difference=dataclasses.replace(gap.difference, p_holm=p_holm, significant=significant)
    )
