"""The words of a joined report: captions, notes, warnings and the methods text, all as plain text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from bench.metrics.registry import METRICS
from bench.reporting import certainty, citing, methods, sentences
from bench.reporting.joined.across import ALL_PAIRS, UNTRAINED, Across
from bench.reporting.joined.differing import Axis, differing_settings
from bench.reporting.joined.reading import Joined
from bench.reporting.joined.telling import merged, told, told_of
from bench.reporting.naming import MAIN_METRICS, counted, listed, metric_title, short_digest
from bench.reporting.reading import Run
from bench.reporting.scores import Scores


def differ_sentence(joined: Joined) -> str:
    """Return in what the runs differ, with the values."""
    axes = [f"{axis.name} ({_values(axis)})" for axis in joined.axes]
    return f"They differ in {listed(axes)}." if axes else "Nothing that is recorded of them differs but their names."


def _values(axis: Axis) -> str:
    """Return the values, each once; versions and commits are too many words for a caption."""
    return "see the methods text" if axis.name == "software" else "; ".join(axis.distinct)


def equal_sentence(joined: Joined) -> str:
    """Return what the runs share, as it was checked."""
    run = joined.runs[0]
    digest = short_digest(run.split.get("digest"))
    return (
        f"Equal in all, and checked: split {digest}, the {counted(len(run.windows), 'test window')} and the pixels of their "
        f"originals, resolution {sentences.size(run)}, and how each metric is computed."
    )


def main_caption(joined: Joined, across: Across) -> str:
    """Return the caption of the main table: what its blocks are, what intervals and bold hold for."""
    return _text(
        f"{counted(len(joined.runs), 'run')}, a block each. {differ_sentence(joined)}",
        f"Mean ± half-width of the 95 % interval over {extent(joined)}.",
        _by_run(joined, across, partial(certainty.intervals_sentence, metrics=MAIN_METRICS)),
        "Bold and intervals hold within a block: nothing is ranked across blocks, whose conditions differ.",
        told(joined, [certainty.bold_rule(scores) for scores in across.scores]),
        _by_run(joined, across, lambda run, scores: _text(*certainty.undecided_sentences(run, scores, MAIN_METRICS))),
        setting(joined),
    )


def further_caption(joined: Joined, across: Across, metrics: Sequence[str]) -> str:
    """Return the caption of a table of other metrics."""
    return _text(
        f"Exploratory, with the rows and conventions of the main table: {counted(len(joined.runs), 'run')}, a block each.",
        differ_sentence(joined),
        f"Mean ± half-width of the 95 % interval over {extent(joined)}.",
        _by_run(joined, across, partial(certainty.intervals_sentence, metrics=metrics)),
        told(joined, [certainty.bold_rule(scores) for scores in across.scores]),
        _by_run(joined, across, lambda run, scores: _text(*certainty.undecided_sentences(run, scores, metrics))),
        setting(joined),
    )


def extent(joined: Joined) -> str:
    """Return over how many seeds, pages and windows the scores were taken."""
    return told_of(joined, sentences.extent)


def setting(joined: Joined) -> str:
    """Return data, resolution, and recipe and budget where they do not differ: what differs is said beside it."""
    differing = {axis.name for axis in joined.axes}
    return _text(
        "" if "recipe" in differing else f"Input recipe: {joined.runs[0].experiment['recipe']}.",
        f"Data: {told_of(joined, sentences.source)}; resolution: {sentences.size(joined.runs[0])}.",
        "" if "budget" in differing else told_of(joined, sentences.budget_sentence),
    )


def differences_caption(joined: Joined, across: Across) -> str:
    """Return the caption of the table of differences between models, within each block."""
    return _text(
        f"Within each of {counted(len(joined.runs), 'run')}, a block each: first minus second model, paired by page, "
        f"± half-width of the 95 % interval over {extent(joined)}; bold: Holm-adjusted p below .05, within the block.",
        differ_sentence(joined),
        "Last row of a block: the noise floor, how far apart two single trainings of one model lie (root mean square, pooled over "
        "the competitors)."
        if any(scores.noise for scores in across.scores)
        else "",
        told_of(joined, certainty.one_seed_sentence),
        _by_run(joined, across, certainty.lent_sentence),
        setting(joined),
    )


def cost_caption(joined: Joined, columns: str) -> str:
    """Return the caption of the cost table; `columns` says what its columns hold."""
    return _text(
        f"{counted(len(joined.runs), 'run')}, a block each. {differ_sentence(joined)} {columns}",
        told_of(joined, sentences.lost_sentence),
        f"Cells of the main table: {extent(joined)}.",
        setting(joined),
        f"Inference: {told_of(joined, sentences.inference_modes)}.",
        *merged(joined, [[sentences.hardware_sentence(run), sentences.digests_sentence(run)] for run in joined.runs]),
    )


def series_caption(joined: Joined, series: str) -> str:
    """Return the caption of the table of `series`, such as "6 series"."""
    return _text(
        f"Exploratory: the main table’s scores of single pages in {series}, for every model in {counted(len(joined.runs), 'run')}. "
        f"{differ_sentence(joined)}",
        f"Mean ± half-width of the 95 % interval over {extent(joined)} in all (two-way t, units of pages as in the main table); "
        "none where a series is one unit.",
        "Nothing is bold: no test is made within a series.",
        told_of(joined, certainty.one_seed_sentence),
        setting(joined),
    )


def across_caption(joined: Joined, across: Across) -> str:
    """Return the caption of the table with a column a run."""
    return _text(
        f"The scores of the main table side by side, a column a run. {differ_sentence(joined)}",
        f"Mean ± half-width of the 95 % interval over {extent(joined)}. {reading_across(joined)}",
        "Nothing is bold here: the table of differences between runs has the tests.",
        told_of(joined, certainty.one_seed_sentence),
        setting(joined),
    )


def gaps_caption(joined: Joined, across: Across) -> str:
    """Return the caption of the table of differences between runs."""
    runs = len(joined.runs)
    pairs = "every pair of runs" if runs <= ALL_PAIRS else f"every run against the first ({joined.labels[0]})"
    return _text(
        f"Run minus run, of the same model on the same pages: {pairs}. {differ_sentence(joined)}",
        f"Difference ± half-width of the 95 % interval over {extent(joined)}; bold: Holm-adjusted p below .05, adjusted for all "
        "differences between runs in that metric.",
        pairing_sentence(across),
        covering_sentence(joined, across),
        reading_across(joined),
        setting(joined),
    )


def covering_sentence(joined: Joined, across: Across) -> str:
    """Return which differences between runs cover pages only, and which stand on the other run's seeds; "" where none do."""
    only = [gap.model for gap in across.gaps if gap.difference.covers == "pages only"]
    lent = [gap.model for gap in across.gaps if gap.difference.lent]
    named = [listed([joined.shown(model) for model in dict.fromkeys(models)]) for models in (only, lent)]
    return _text(
        f"One seed: differences of {named[0]} cover pages only." if only else "",
        f"With one seed in a run, {named[1]} is lent the variance between the seeds of the other." if lent else "",
    )


def pairing_sentence(across: Across) -> str:
    """Return what is paired."""
    paired = {gap.seeds_paired for gap in across.gaps if gap.difference.covers != "pages"}
    seeds = {
        (True,): ", and by seed",
        (False,): "; the seeds of the runs differ, and are not paired",
        (False, True): ", and by seed where both sides have the same seeds",
    }
    return f"Paired by page{seeds.get(tuple(sorted(paired)), '')}." if across.gaps else ""


def reading_across(joined: Joined) -> str:
    """Return what a difference between runs may and may not be taken for."""
    names = {axis.name for axis in joined.axes}
    parts = []
    if "recipe" in names:
        parts.append(
            "Where the recipe differs, the inputs differ and the originals do not: a gap says how hard the input is for the "
            "model, and line scores refer to the run’s own input."
        )
    if len(names - {"software", "models"}) > 1:
        parts.append("The runs differ in more than one thing: a gap has no single cause.")
    return _text(*parts)


def score_notes(joined: Joined, across: Across, metrics: list[str], *, shuffled: bool = False) -> list[str]:
    """Return what stands below a table of scores: how the metrics were computed, then the conditions of the runs.

    `shuffled`: whether the table has rows of shuffled pages.
    """
    both = list(zip(joined.runs, across.scores, strict=True))
    notes = merged(joined, [methods.footnotes(run, scores, metrics, shuffled=shuffled) for run, scores in both])
    return notes + conditions(joined)


def conditions(joined: Joined) -> list[str]:
    """Return what the budgets bought, models, inference, machines and digests."""
    return merged(joined, [methods.conditions(run) for run in joined.runs])


def warnings(joined: Joined, across: Across) -> tuple[str, ...]:
    """Return what a reader must know before using the numbers, one line each."""
    both = zip(joined.runs, across.scores, strict=True)
    return tuple(merged(joined, [methods.warnings(run, scores) for run, scores in both]))


def answer(joined: Joined, across: Across) -> list[str]:
    """Return how much moves from run to run, in sentences: for every model, the metrics in which runs differ significantly."""
    main = [gap for gap in across.gaps if gap.difference.metric in MAIN_METRICS]
    lines = []
    for model in dict.fromkeys(gap.model for gap in main):
        own = [gap for gap in main if gap.model == model]
        moved = sum(gap.difference.significant for gap in own)
        lines.append(f"{joined.shown(model)}: {moved} of {counted(len(own), 'difference')} between runs significant.")
    if not lines:
        return ["No model was scored in two runs: nothing can be compared across them."]
    caution = covering_sentence(joined, across)
    return [*lines, caution] if caution else lines


def methods_text(joined: Joined, across: Across) -> list[tuple[str, str]]:
    """Return the methods section as (heading, paragraph) pairs, without citations."""
    return [(heading, citing.plain(_text(*parts))) for heading, parts in methods_parts(joined, across)]


def methods_parts(joined: Joined, across: Across) -> list[tuple[str, list[str]]]:
    """Return the methods section as (heading, sentences) pairs, with marks of citations; what differs stands once for each run."""
    both = zip(joined.runs, across.scores, strict=True)
    own = [methods.methods_parts(run, scores) for run, scores in both]
    shared = [(parts[0][0], merged(joined, [sentences for _, sentences in parts])) for parts in zip(*own, strict=True)]
    joining = [
        ("What was joined", [_joined_sentence(joined)]),
        ("Differences between runs", [_statistics(joined, across)]),
    ]
    return joining + shared


def _joined_sentence(joined: Joined) -> str:
    runs = [
        f"{name} (experiment {short_digest(run.plan.get('experiment_digest'))}, shown as “{label}”)"
        for name, label, run in zip(joined.names, joined.labels, joined.runs, strict=True)
    ]
    settings = [f"{key}: {'; '.join(values)}" for key, values in differing_settings(joined.runs)]
    return _text(
        f"{counted(len(runs), 'run')} stand side by side: {listed(runs)}.",
        differ_sentence(joined),
        f"Settings that differ, in the order of the runs: {'. '.join(settings)}." if settings else "",
        equal_sentence(joined),
    )


def _statistics(joined: Joined, across: Across) -> str:
    left_out = {gap.difference.metric: gap.left_out for gap in across.gaps if gap.left_out}
    named = listed([metric_title(METRICS[name], unit=False) for name in METRICS if name in left_out])
    return _text(
        "A difference between runs is that of one model on the same test windows, by page and, where both runs have the same "
        "seeds, by seed: the two-way interval of the paired differences (seeds; units of pages), with set scores by their "
        "paired jackknife. Where seeds differ, pages alone are paired.",
        f"Reference rows that no network makes ({', '.join(UNTRAINED)}), and those of shuffled pages, are not tested. "
        "P values are adjusted by Holm within a metric, over all models and pairs of runs. Nothing is ranked across runs.",
        f"{named}: pages without a score in any run of a model are left out of its differences." if left_out else "",
        reading_across(joined),
    )


def _by_run(joined: Joined, across: Across, sentence: Callable[[Run, Scores], str]) -> str:
    return told(joined, [sentence(run, scores) for run, scores in zip(joined.runs, across.scores, strict=True)])


def _text(*parts: str) -> str:
    return " ".join(part for part in parts if part)
