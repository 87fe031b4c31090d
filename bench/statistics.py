"""How sure are we? Intervals, paired differences and the noise floor, as pure functions of the stored scores.

A score varies with the seed and with the pages that were held out, so both count: an interval over pages alone covers the truth in
20 to 75 % of cases instead of 95 % as soon as seeds matter. The page is the unit of measurement (its windows are averaged first),
and units of pages that resemble each other, chapters as a rule, are the unit of sampling. Nothing here draws random numbers.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from scipy.special import stdtr, stdtrit

from bench.sampling import Sample, UnitKind, Values

Covers = Literal["seeds and pages", "pages only", "pages"]
"""What an interval allows for. "pages only": a trained model with one seed, so nothing is said of other seeds.
"pages": nothing of the row depends on a seed."""

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over seeds and pages with its two-sided interval; `half_width` is None where one unit of pages allows none."""

    metric: str
    model: str
    value: float
    half_width: float | None
    standard_error: float | None
    degrees: float
    covers: Covers
    seeds: int
    pages: int
    units: int
    unit_kind: UnitKind

    @property
    def low(self) -> float:
        """The lower end, NaN where there is no interval."""
        return math.nan if self.half_width is None else self.value - self.half_width

    @property
    def high(self) -> float:
        """The upper end, NaN where there is no interval."""
        return math.nan if self.half_width is None else self.value + self.half_width


@dataclass(frozen=True, slots=True)
class Difference:
    """The paired difference first - second with its interval (for this pair alone) and its test.

    `p` is two-sided; `p_holm` is adjusted for all pairs compared with this metric; both are NaN where there is no interval.
    `significant` means p_holm below alpha. `improvement` is the probability that `first` is better on a page. `lent` names those of
    the two that have one seed, and were given the variance between seeds of the others that were compared.
    """

    metric: str
    first: str
    second: str
    value: float
    half_width: float | None
    degrees: float
    covers: Covers
    p: float
    p_holm: float
    significant: bool
    improvement: float
    lent: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """The model with the best mean, and every model that cannot be told from it (the best among them), in the given order.

    Without `tested` no pair has an interval, so nothing was told apart and nothing was found alike: `indistinguishable` is empty.
    """

    metric: str
    best: str
    indistinguishable: tuple[str, ...]
    everything: bool
    text: str
    tested: bool = True


def interval(sample: Sample, model: str, confidence: float = CONFIDENCE) -> Interval:
    """Return the mean of `model` with its two-way t interval: variance between seeds plus variance between units of pages.

    Variances are added and degrees of freedom joined by Satterthwaite's rule. With one seed the interval covers pages only. In
    simulations it covers 94 to 98 % with three seeds or more; with two, 89 % where seeds matter more than pages.
    """
    error, degrees = _two_way(sample, (model,), sample.influence[model], None)
    return Interval(
        metric=sample.metric,
        model=model,
        value=sample.mean(model),
        half_width=_half_width(error, degrees, confidence),
        standard_error=error,
        degrees=degrees,
        covers=_covers(sample, (model,)),
        seeds=len(sample.scores[model]),
        pages=sample.scores[model].shape[1],
        units=sample.units,
        unit_kind=sample.unit_kind,
    )


def differences(
    sample: Sample, models: Sequence[str] | None = None, *, confidence: float = CONFIDENCE
) -> tuple[Difference, ...]:
    """Return the paired differences of all pairs of `models` (default: all), Holm-adjusted among themselves.

    Paired on pages: a hard page is hard for both. Seeds are not paired, since the weights that they draw differ between models.
    A model of which one seed is left (others diverged) varies between seeds as well: it is lent the variance between the seeds
    of the others. Where every model has one seed there is none to lend, and the differences cover pages only.
    """
    compared = sample.models if models is None else models
    pairs = list(itertools.combinations(compared, 2))
    pooled = _pooled_seeds(sample, compared)
    errors = [_two_way(sample, pair, sample.influence[pair[0]] - sample.influence[pair[1]], pooled) for pair in pairs]
    values = [sample.mean(first) - sample.mean(second) for first, second in pairs]
    raw = [_p_value(value, *error) for value, error in zip(values, errors, strict=True)]
    return tuple(
        Difference(
            metric=sample.metric,
            first=pair[0],
            second=pair[1],
            value=value,
            half_width=_half_width(*error, confidence),
            degrees=error[1],
            covers="seeds and pages" if lent else _covers(sample, pair),
            p=p,
            p_holm=p_holm,
            significant=bool(p_holm < 1 - confidence),
            improvement=probability_of_improvement(sample, *pair),
            lent=lent,
        )
        for pair, error, value, p, p_holm in zip(pairs, errors, values, raw, holm(raw), strict=True)
        for lent in [tuple(model for model in pair if pooled and _one_of_many(sample, model))]
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the p-values adjusted by Holm's step-down rule (Holm 1979), in the given order; NaN stays NaN and is not counted."""
    known = sorted((p, index) for index, p in enumerate(p_values) if not math.isnan(p))
    adjusted, largest = [math.nan] * len(p_values), 0.0
    for rank, (p, index) in enumerate(known):
        largest = max(largest, min(1.0, (len(known) - rank) * p))
        adjusted[index] = largest
    return adjusted


def probability_of_improvement(sample: Sample, first: str, second: str) -> float:
    """Return the probability in 0 to 1 that `first` scores better than `second` on the same page, over all pairs of seeds.

    Mann-Whitney form, ties count half (Agarwal et al. 2021); for set metrics the whole set stands for the page.
    """
    gaps = sample.sign * (sample.scores[first][:, None] - sample.scores[second][None])
    return float(((gaps > 0) + 0.5 * (gaps == 0)).mean())


def noise_floor(sample: Sample, models: Sequence[str] | None = None) -> float | None:
    """Return by how much two seeds of one model typically differ: the root mean square gap, pooled over `models`.

    That is sqrt(2) times the pooled standard deviation between seeds. None where no model has two seeds.
    """
    chosen = sample.models if models is None else models
    pooled = _pooled_seeds(sample, chosen)
    return None if pooled is None else math.sqrt(2 * pooled[0])


def indistinguishable_from_best(sample: Sample, models: Sequence[str], *, confidence: float = CONFIDENCE) -> Verdict:
    """Return which of `models` cannot be told from the one with the best mean: Holm over all their pairs at 1 - `confidence`."""
    best = max(models, key=lambda model: sample.sign * sample.mean(model))
    pairs = differences(sample, models, confidence=confidence)
    if pairs and all(difference.half_width is None for difference in pairs):
        return Verdict(sample.metric, best, (), False, f"not tested: no interval (best mean: {best})", tested=False)
    beaten = {
        ({difference.first, difference.second} - {best}).pop()
        for difference in pairs
        if difference.significant and best in (difference.first, difference.second)
    }
    alike = tuple(model for model in models if model not in beaten)
    everything = len(models) > 1 and len(alike) == len(models)
    return Verdict(sample.metric, best, alike, everything, _verdict_text(sample, best, alike, everything))


def _verdict_text(sample: Sample, best: str, alike: tuple[str, ...], everything: bool) -> str:
    fewest = min(len(sample.scores[model]) for model in alike)
    seeds = f"n = {fewest} seed{'' if fewest == 1 else 's'}"
    caveat = "; one seed: this covers pages only" if _covers(sample, alike) == "pages only" else ""
    if everything:
        return f"indistinguishable at {seeds}{caveat}"
    others = [model for model in alike if model != best]
    told = f", not told apart from it at {seeds}: {', '.join(others)}" if others else ""
    return f"best: {best}{told}{caveat}"


def _pooled_seeds(sample: Sample, models: Sequence[str]) -> tuple[float, int] | None:
    """Return the variance between seeds, pooled over `models`, and its degrees of freedom; None where no model has two seeds."""
    means = [sample.seed_means(model) for model in models if len(sample.scores[model]) > 1]
    degrees = sum(len(each) - 1 for each in means)
    return (sum(float(((each - each.mean()) ** 2).sum()) for each in means) / degrees, degrees) if degrees else None


def _one_of_many(sample: Sample, model: str) -> bool:
    """Whether `model` depends on a seed and has but one."""
    return sample.seeded[model] and len(sample.scores[model]) == 1


def _two_way(
    sample: Sample, models: Sequence[str], influence: Values, pooled: tuple[float, int] | None
) -> tuple[float | None, float]:
    """Return standard error and degrees of freedom of a mean or of a difference of two, None and 0 where units are too few.

    Where a model has one seed, both take `pooled`, if any, for their variance between seeds.
    """
    if sample.units < 2:
        return None, 0.0
    parts = [(float((influence**2).sum()), sample.units - 1)]
    counts = {model: len(sample.scores[model]) for model in models if sample.seeded[model]}
    if pooled and 1 in counts.values():
        # One estimate for all of them: taken apart it would count its degrees of freedom twice.
        parts.append((pooled[0] * sum(1 / count for count in counts.values()), pooled[1]))
    else:
        means = [sample.seed_means(model) for model in models]
        parts += [(float(each.var(ddof=1)) / len(each), len(each) - 1) for each in means if len(each) > 1]
    variance = sum(part for part, _ in parts)
    joined = sum(part**2 / freedom for part, freedom in parts)
    return math.sqrt(variance), variance**2 / joined if joined > 0 else math.inf


def _half_width(error: float | None, degrees: float, confidence: float) -> float | None:
    return None if error is None else float(stdtrit(degrees, (1 + confidence) / 2)) * error


def _p_value(value: float, error: float | None, degrees: float) -> float:
    if error is None:
        return math.nan
    if error == 0:
        return 1.0 if value == 0 else 0.0
    return float(2 * stdtr(degrees, -abs(value) / error))


def _covers(sample: Sample, models: Sequence[str]) -> Covers:
    if any(_one_of_many(sample, model) for model in models):
        return "pages only"
    return "seeds and pages" if any(sample.seeded[model] for model in models) else "pages"
