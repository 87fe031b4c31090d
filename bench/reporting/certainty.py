"""How sure a table is: what its intervals cover, what bold means in it, and what could not be told apart, as plain text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from bench.metrics.registry import METRICS
from bench.reporting.naming import counted, listed, metric_titles
from bench.reporting.reading import SHUFFLED, Run
from bench.reporting.scores import Scores
from bench.sampling import UnitKind
from bench.statistics import Interval

_NOUNS: dict[UnitKind, tuple[str, str]] = {
    "group": ("test group", "test groups"),
    "page block": ("block of neighbouring pages", "blocks of neighbouring pages"),
}


def intervals_sentence(run: Run, scores: Scores, metrics: Sequence[str]) -> str:
    """Return what the intervals of `metrics` cover and over which units of pages; "" where there are no scores."""
    found = {place: score for place, score in scores.intervals.items() if place[1] in metrics}
    if not found:
        return ""
    if all(score.half_width is None for score in found.values()):
        return "No intervals: all held-out pages belong to one unit of pages, so nothing can be said of others."
    units = _units(found)
    beyond = _other_groups(run, found)
    if not run.plan["trained_cells"]:
        return f"Intervals cover pages ({units}): nothing was trained here, so there are no seeds.{beyond}"
    if len(run.seeds) == 1:
        return f"n = 1 seed: the interval covers pages only ({units}), and nothing is claimed of other seeds.{beyond}"
    rows = "rows without seeds"
    if any(model.endswith(SHUFFLED) for model, _ in found):
        rows += " and of shuffled pages, which are one seed’s,"
    return f"Intervals (two-way t) cover seeds and pages ({units}); those of {rows} cover pages.{_few(run, scores, found)}{beyond}"


def _few(run: Run, scores: Scores, found: dict[tuple[str, str], Interval]) -> str:
    """Return a caution about models of which one seed was scored where others have more, "" where there are none."""
    fewer = {model for (model, _), score in found.items() if score.covers == "pages only"}
    named = [model for model in run.rows if model in fewer and not model.endswith(SHUFFLED)]
    if not named:
        return ""
    shown, many = listed([run.shown(model) for model in named]), len(named) > 1
    told = f" With one scored seed, {shown} {'cover' if many else 'covers'} pages only: too narrow an interval."
    return f"{told} {lent_sentence(run, scores)}".rstrip()


def lent_sentence(run: Run, scores: Scores) -> str:
    """Return which models' tests stand on the variance between the others' seeds, "" where none do."""
    lent = {model for difference in scores.differences for model in difference.lent}
    shown = [run.shown(model) for model in run.rows if model in lent]
    are = "are" if len(shown) > 1 else "is"
    return (
        f"In tests {listed(shown)}, with one scored seed, {are} lent the variance between the others’ seeds."
        if shown
        else ""
    )


def _units(found: dict[tuple[str, str], Interval]) -> str:
    """Return "12 test groups", and the metrics that have fewer units: "12 test groups; FID: 10"."""
    of_metric: dict[str, tuple[int, UnitKind]] = {}
    for (_, metric), score in found.items():
        of_metric[metric] = max(of_metric.get(metric, (0, score.unit_kind)), (score.units, score.unit_kind))
    counts = Counter(of_metric.values())
    usual = max(counts, key=lambda units: (counts[units], units))
    others: dict[tuple[int, UnitKind], list[str]] = {}
    for metric, units in of_metric.items():
        if units != usual:
            others.setdefault(units, []).append(metric)
    parts = [counted(usual[0], *_NOUNS[usual[1]])]
    for (count, kind), metrics in others.items():
        amount = f"{count:,}" if kind == usual[1] else counted(count, *_NOUNS[kind])
        parts.append(f"{listed(metric_titles(metrics))}: {amount}")
    return "; ".join(parts)


def _other_groups(run: Run, found: dict[tuple[str, str], Interval]) -> str:
    """Return that nothing is claimed of other groups, "" where groups are the units."""
    blocks = list(dict.fromkeys(metric for (_, metric), score in found.items() if score.unit_kind == "page block"))
    if not blocks:
        return ""
    groups = counted(run.windows["group"].nunique(), "test group")
    all_of_them = len(blocks) == len({metric for _, metric in found})
    which = "the intervals" if all_of_them else f"the intervals of {listed(metric_titles(blocks))}"
    return f" These pages are of {groups} alone: {which} do not cover the pages of others, which may differ by more."


def bold_sentence(run: Run, scores: Scores, metrics: Sequence[str]) -> str:
    """Return what bold means, where it means undecided, and what could not be told apart or was not tested."""
    return _joined(bold_rule(scores), *undecided_sentences(run, scores, metrics))


def bold_rule(scores: Scores) -> str:
    """Return what bold means."""
    if not scores.verdicts:
        return "No bold: there are not two competitors to compare."
    return (
        "Bold: the best competitor and all that are not significantly worse (paired, Holm .05); "
        "reference rows are never ranked."
    )


def undecided_sentences(run: Run, scores: Scores, metrics: Sequence[str]) -> tuple[str, str, str]:
    """Return, each "" where there are none: who is bold for want of certainty, what is undecided, what was not tested."""
    return (
        wide_sentence(run, scores, metrics),
        unclear_sentence(run, scores, metrics),
        untested_sentence(scores, metrics),
    )


def wide_sentence(run: Run, scores: Scores, metrics: Sequence[str]) -> str:
    """Return which rows are bold though others that are not bold have better means: wide intervals make that."""
    rows: dict[str, list[str]] = {}
    for metric in metrics:
        best = scores.best(metric)
        values = {model: score.value for model in run.ranked if (score := scores.get(model, metric)) is not None}
        sign = 1 if METRICS[metric].direction == "higher" else -1
        beaten = [sign * value for model, value in values.items() if model not in best]
        for model in best:
            if beaten and model in values and sign * values[model] < max(beaten):
                rows.setdefault(model, []).append(metric)
    named = [f"{run.shown(model)} ({listed(metric_titles(names))})" for model, names in rows.items()]
    if not named:
        return ""
    return f"Bold for a wide interval, with a worse mean than rows that are not bold: {listed(named)}; that is undecided, not good."


def unclear_sentence(run: Run, scores: Scores, metrics: Sequence[str]) -> str:
    """Return in which of `metrics` the competitors could not be told apart, "" where there are none."""
    unclear = indistinguishable(scores, metrics)
    if not unclear:
        return ""
    compared = [name for name in metrics if name in scores.verdicts]
    titles = "all metrics" if len(unclear) == len(compared) else listed(metric_titles(unclear))
    return f"In {titles} the competitors are indistinguishable at n = {fewest_seeds(run, scores)}."


def untested_sentence(scores: Scores, metrics: Sequence[str]) -> str:
    """Return in which of `metrics` no pair of competitors has an interval, so that nothing is bold; "" where there are none."""
    untested = [name for name in metrics if name in scores.verdicts and not scores.verdicts[name].tested]
    return (
        f"Not tested, for want of intervals, and so without bold: {listed(metric_titles(untested))}."
        if untested
        else ""
    )


def indistinguishable(scores: Scores, metrics: Sequence[str]) -> list[str]:
    """Return those of `metrics` in which no competitor can be told from the best."""
    return [name for name in metrics if name in scores.verdicts and scores.verdicts[name].everything]


def fewest_seeds(run: Run, scores: Scores) -> str:
    """Return "2 seeds": the fewest that any competitor was scored with."""
    found = [score.seeds for (model, _), score in scores.intervals.items() if model in run.ranked]
    return counted(min(found, default=0), "seed")


def one_seed_sentence(run: Run) -> str:
    """Return what intervals of one seed leave out, "" where there are more or none."""
    return "n = 1 seed: the intervals cover pages only." if len(run.seeds) == 1 and run.plan["trained_cells"] else ""


def _joined(*parts: str) -> str:
    return " ".join(part for part in parts if part)
