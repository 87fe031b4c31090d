"""The words of a report: captions, footnotes, the methods text and the warnings, all as plain text."""

from __future__ import annotations

from typing import Any

from bench.metrics.registry import METRICS
from bench.metrics.weights import ALEXNET, LPIPS_HEADS
from bench.reporting import citing, narrating, sentences
from bench.reporting.naming import MAIN_METRICS, calibrated, counted, listed, metric_title
from bench.reporting.reading import SHUFFLED, Run
from bench.reporting.scores import Scores

COSTS = (
    "Means over the cells of a model. GFLOPs count the textbook training step of all networks, per image, 2 per "
    "multiply-add; training seconds are useful time, without validation and checkpoints; wait: share of it spent waiting "
    "for data; memory: the most of any cell, on a GPU what torch allocated, on a processor what the whole process held; "
    "colouring: median time of one window alone, from pixels to pixels in float32, and windows a second in batches of up to "
    "eight; energy: what the GPU's own counter says of the whole card in that time; failed: cells that failed or diverged. "
    "Columns that nobody measured are left out."
)
"""What the columns of a cost table are."""

STATISTICS = (
    "Scores of windows are averaged to pages, pages to seeds, seeds to the score. The interval adds the variance between seeds "
    f"to that between units of pages that resemble each other (t, Satterthwaite{citing.cite(*citing.DEGREES_OF_FREEDOM)} degrees "
    "of freedom); for scores of the whole set the units of pages are left out in turn (grouped "
    f"jackknife{citing.cite(*citing.JACKKNIFE)}). Differences are paired on pages, their p values adjusted by "
    f"Holm{citing.cite(*citing.ADJUSTMENT)} within a metric; the tables in CSV and results.json also have the probability of "
    f"improvement{citing.cite(*citing.IMPROVEMENT)}."
)
"""How scores, intervals and differences come about, in every report; with marks of citations."""

LPIPS_WEIGHTS = (
    f"LPIPS: extractor AlexNet (weights sha256 {ALEXNET.sha256[:8]}), "
    f"version 0.1 (weights sha256 {LPIPS_HEADS.sha256[:8]})."
)
"""LPIPS is computed with these files alone, whose digests are checked before they are opened."""

RANK_LIMITS = {"fid": 2049, "fd_dinov2": 1025}
"""Fewest windows for a covariance of full rank: in the 2,048 dimensions of Inception's pool layer, the 1,024 of DINOv2 ViT-L."""


def caption(run: Run, scores: Scores) -> str:
    """Return the caption of the main table: what was scored on what, at which compute, and what bold means."""
    return " ".join(
        [
            f"Mean ± half-width of the 95 % interval over {sentences.extent(run)}.",
            intervals_sentence(run, scores),
            bold_sentence(run, scores),
            setting_sentence(run),
        ]
    )


def setting_sentence(run: Run) -> str:
    """Return input recipe, data, resolution and budget."""
    recipe, data, size = run.experiment["recipe"], sentences.source(run), sentences.size(run)
    return f"Input recipe: {recipe}; data: {data}; resolution: {size}. {sentences.budget_sentence(run)}"


def conditions(run: Run) -> list[str]:
    """Return what stands below every table of scores: what the budget bought, models, inference, data, machine, digests."""
    lines = [
        sentences.bought_sentence(run),
        sentences.remarks_sentence(run),
        f"Inference: {sentences.inference_modes(run)}.",
        sentences.split_sentence(run) if run.plan["trained_cells"] else "",
        sentences.licence_sentence(run),
        sentences.hardware_sentence(run),
        sentences.digests_sentence(run),
    ]
    return [line for line in lines if line]


def intervals_sentence(run: Run, scores: Scores) -> str:
    """Return what the intervals cover and which units of pages they are taken over."""
    if all(score.half_width is None for score in scores.intervals.values()):
        return "No intervals: all held-out pages belong to one unit of pages, so nothing can be said of others."
    units = _units(scores)
    if not run.plan["trained_cells"]:
        return f"Intervals cover pages ({units}): nothing was trained here, so there are no seeds."
    if len(run.seeds) == 1:
        return f"n = 1 seed: the interval covers pages only ({units}), and nothing is claimed of other seeds."
    fewer = sorted(
        {run.shown(model) for (model, _), score in scores.intervals.items() if score.seeds == 1 and model in run.ranked}
    )
    caution = f" With one scored seed, {listed(fewer)} covers pages only: too narrow an interval." if fewer else ""
    return f"Intervals (two-way t) cover seeds and pages ({units}); those of rows without seeds cover pages.{caution}"


def _units(scores: Scores) -> str:
    counts = {(score.unit_kind, score.units) for score in scores.intervals.values()}
    most, kind = max((units, kind) for kind, units in counts)
    nouns = {"group": "test group", "page block": "block of neighbouring pages"}
    noun = nouns[kind]
    return counted(most, noun, noun.replace("block of", "blocks of") if kind == "page block" else None)


def bold_sentence(run: Run, scores: Scores) -> str:
    """Return what bold means, and what could not be told apart."""
    return _joined(bold_rule(scores), unclear_sentence(run, scores))


def bold_rule(scores: Scores) -> str:
    """Return what bold means."""
    if not scores.verdicts:
        return "No bold: there are not two competitors to compare."
    return (
        "Bold: the best competitor and all that are not significantly worse (paired, Holm .05); "
        "reference rows are never ranked."
    )


def unclear_sentence(run: Run, scores: Scores) -> str:
    """Return in which metrics the competitors could not be told apart, "" where there are none."""
    unclear = indistinguishable(scores)
    if not unclear:
        return ""
    main = [name for name in MAIN_METRICS if name in scores.verdicts]
    titles = "all metrics" if len(unclear) == len(main) else listed(titles_of(unclear))
    return f"In {titles} the competitors are indistinguishable at n = {fewest_seeds(run, scores)}."


def indistinguishable(scores: Scores) -> list[str]:
    """Return the main metrics in which no competitor can be told from the best."""
    return [name for name in MAIN_METRICS if name in scores.verdicts and scores.verdicts[name].everything]


def fewest_seeds(run: Run, scores: Scores) -> str:
    """Return "2 seeds": the fewest that any competitor was scored with."""
    found = [score.seeds for (model, _), score in scores.intervals.items() if model in run.ranked]
    return counted(min(found, default=0), "seed")


def titles_of(names: list[str]) -> list[str]:
    """Return the metrics' printed names, without units."""
    return [metric_title(METRICS[name], unit=False) for name in names]


def uncalibrated(scores: Scores) -> list[str]:
    """Return the main metrics of the run that rest on random features."""
    return [name for name in MAIN_METRICS if name in scores.metrics and not calibrated(name)]


def footnotes(run: Run, scores: Scores, metrics: list[str]) -> list[str]:
    """Return what stands below a table with `metrics`: what random features are worth, extractors, the rank warning, floors."""
    floors = [sentence for sentence in (halves_sentence(run, metrics), chance_sentence(run)) if sentence]
    return [*set_notes(run, metrics), *floors, *image_notes(run, scores, metrics)]


def set_notes(run: Run, metrics: list[str]) -> list[str]:
    """Return how those of `metrics` were computed that stand on features: what they are worth, on which network, at which n."""
    notes = []
    if loose := [name for name in metrics if not calibrated(name)]:
        titles = listed(titles_of(loose))
        notes.append(f"{titles} — uncalibrated: random features, valid only within this table; not FID, KID or LPIPS.")
    notes += [sentence for name in metrics if (sentence := set_sentence(run, name))]
    if "lpips" in metrics:
        notes.append(LPIPS_WEIGHTS)
    notes += [warning for name in metrics if (warning := rank_warning(run, name))]
    if {"fid", "rfd", "fd_dinov2"} & set(metrics):
        notes.append(
            "Fréchet distances are biased in n: compare them at equal n alone, and read the kernel distance beside them."
        )
    return notes


def image_notes(run: Run, scores: Scores, metrics: list[str]) -> list[str]:
    """Return what is to be said of those of `metrics` that score single pages: thresholds, pages that were left out."""
    notes = [thresholds_sentence(run, scores)] if "line_f1" in metrics else []
    notes += [
        f"{metric_title(METRICS[name], unit=False)}: {counted(scores.excluded[name], 'page')} without a line to keep left out."
        for name in metrics
        if name in scores.excluded
    ]
    return [note for note in notes if note]


def set_sentence(run: Run, metric: str) -> str:
    """Return how a set metric was computed: n, extractor, layer, resize, digest; "" where it was not measured."""
    score = first_set_score(run, metric)
    if score is None:
        return ""
    n, reference = score.get("n_generated", "?"), score.get("n_reference", "?")
    parts = [f"{key} {score.get(key) or 'unknown'}" for key in ("extractor", "layer", "resize")]
    weights = f"weights sha256 {str(score.get('weights_sha256') or 'unknown')[:8]}"
    sizes = f"n = {n} against {reference} ({score.get('pairing', 'pairing not recorded')})"
    if score.get("extractor") == "none":
        return f"{metric_title(METRICS[metric])}: {sizes}, {score.get('layer')}, no network."
    return f"{metric_title(METRICS[metric])}: {', '.join([sizes, *parts, weights])}."


def halves_sentence(run: Run, metrics: list[str]) -> str:
    """Return what one half of the truth scores against the other, for the set metrics among `metrics`; "" where not known."""
    known = [score for score in run.halves if score["metric"] in metrics]
    if not known:
        return ""
    parts = []
    for score in known:
        metric = METRICS[score["metric"]]
        parts.append(f"{metric_title(metric)} {score['value'] * metric.scale:.{metric.decimals}f}")
    sizes = f"n = {known[0]['n_generated']} against {known[0]['n_reference']}"
    return (
        f"One half of the truth against the other: {', '.join(parts)} ({sizes}, no pairs): what sampling alone gives."
    )


def chance_sentence(run: Run) -> str:
    """Return what the rows of shuffled pages are, "" where there are none."""
    rows = [cell for cell in run.cells if cell.model.endswith(SHUFFLED)]
    if not rows:
        return ""
    seed = " of its first seed" if run.plan["trained_cells"] else ""
    if later := [cell for cell in rows if cell.seed not in (None, run.seeds[0])]:
        names = listed([f"seed {cell.seed} of {run.shown(cell.model.removesuffix(SHUFFLED))}" for cell in later])
        seed = f" of its first seed that has any ({names})"
    return f"Pages shuffled: a model's outputs{seed}, each held against the truth of another page: chance."


def thresholds_sentence(run: Run, scores: Scores) -> str:
    """Return whether the competitors' order in LineF1 hangs on the detector's thresholds; "" with fewer than two of them."""
    orders = []
    for metric in ("line_f1", "line_f1_loose", "line_f1_strict"):
        scored = {model: score.value for model in run.ranked if (score := scores.get(model, metric)) is not None}
        orders.append(sorted(scored, key=lambda model: -scored[model]))
    if any(len(order) < 2 or set(order) != set(orders[0]) for order in orders):
        return ""
    changed = [name for name, order in zip(("0.03/0.08", "0.10/0.30"), orders[1:], strict=True) if order != orders[0]]
    verdict = f"changes at {listed(changed)}" if changed else "is the same at 0.03/0.08 and 0.10/0.30"
    return f"LineF1: thresholds 0.05/0.12, fixed before training; the competitors' order {verdict}."


def first_set_score(run: Run, metric: str) -> dict[str, Any] | None:
    """Return the first stored score of a set metric, whose conditions hold for all cells."""
    return next((s for cell in run.cells if cell.scored for s in cell.sets if s["metric"] == metric), None)


def rank_warning(run: Run, metric: str = "fid") -> str:
    """Return the warning that a Fréchet distance carries where there are fewer windows than its limit, else ""."""
    n, limit = len(run.windows), RANK_LIMITS.get(metric, 0)
    if n >= limit:
        return ""
    shown = METRICS[metric].shown
    return f"{shown} at n = {n:,} < {limit:,} windows is rank-deficient: not comparable across n, nor with published {shown}s."


def noise_sentence(scores: Scores) -> str:
    """Return by how much two seeds of one model differ, for each main metric; "" with one seed."""
    floors = [
        f"{metric_title(METRICS[name])} {scores.noise[name] * METRICS[name].scale:.{METRICS[name].decimals}f}"
        for name in MAIN_METRICS
        if name in scores.noise
    ]
    return (
        f"Noise floor (how far apart two seeds of one model lie, root mean square): {', '.join(floors)}."
        if floors
        else ""
    )


def series_caption(run: Run, series: str) -> str:
    """Return the caption of the table by series; `series` says how many are in print."""
    over = "seeds and the pages" if run.plan["trained_cells"] else "the pages"
    parts = [
        f"Exploratory: the main table’s scores of single pages in {series}, of {sentences.extent(run)} in all.",
        f"Mean ± half-width of the 95 % interval over {over} of a series (two-way t, units of pages as in the main table); none "
        "where a series is one unit.",
        "Nothing is bold: no test is made within a series.",
        one_seed_sentence(run),
        setting_sentence(run),
    ]
    return _joined(*parts)


def one_seed_sentence(run: Run) -> str:
    """Return what intervals of one seed leave out, "" where there are more or none."""
    return "n = 1 seed: the intervals cover pages only." if len(run.seeds) == 1 and run.plan["trained_cells"] else ""


def differences_caption(run: Run, scores: Scores) -> str:
    """Return the caption of the table of differences."""
    parts = [
        f"First minus second model, paired by page, ± half-width of the 95 % interval over {sentences.extent(run)}; "
        "bold: Holm-adjusted p below .05."
    ]
    if scores.noise:
        parts.append(
            "Last row: the noise floor, how far apart two seeds of one model lie (root mean square); "
            "a gap of that size says nothing of the models."
        )
    if len(run.seeds) == 1:
        parts.append("n = 1 seed: the intervals cover pages only.")
    return " ".join([*parts, setting_sentence(run)])


def cost_caption(run: Run) -> str:
    """Return the caption of the cost table."""
    parts = [
        COSTS,
        sentences.lost_sentence(run),
        f"Cells of the main table: {sentences.extent(run)}.",
        setting_sentence(run),
        f"Inference: {sentences.inference_modes(run)}.",
        sentences.hardware_sentence(run),
        sentences.digests_sentence(run),
    ]
    return " ".join(part for part in parts if part)


def warnings(run: Run, scores: Scores) -> tuple[str, ...]:
    """Return what a reader must know before using the numbers, one line each."""
    lines = sentences.holes(run) + sentences.collapses(run)
    if loose := titles_of(uncalibrated(scores)):
        lines.append(f"{listed(loose)} are uncalibrated: random features, valid only within this report")
    if len(run.seeds) == 1 and run.plan["trained_cells"]:
        lines.append("n = 1 seed: the intervals cover pages only")
    if "fid" in scores.metrics and (warning := rank_warning(run)):
        lines.append(warning.rstrip("."))
    wished = run.experiment.get("metrics", {}).get("dinov2", "off") != "off"
    if wished and "fd_dinov2" not in scores.metrics:
        lines.append("scores on DINOv2 were asked for, and package or weights were missing: run.log says which")
    if ("oracle", "ssim") not in scores.intervals:
        lines.append("no scores of the oracle: that the truth itself gets the best score was not checked")
    return tuple(lines)


def methods_text(run: Run, scores: Scores) -> list[tuple[str, str]]:
    """Return the methods section as (heading, paragraph) pairs, without citations."""
    return [(heading, citing.plain(_joined(*parts))) for heading, parts in methods_parts(run, scores)]


def methods_parts(run: Run, scores: Scores) -> list[tuple[str, list[str]]]:
    """Return the methods section as (heading, sentences) pairs, with marks of citations; a sentence may be empty."""
    mode = sentences.inference_modes(run)
    main = [name for name in MAIN_METRICS if name in scores.metrics]
    sources = [
        f"{metric_title(METRICS[name])}: {citing.metric_source(name)}.".replace("?.", "?") for name in scores.metrics
    ]
    return [
        ("Models", [
            narrating.competitors_sentence(run), narrating.references_sentence(run), sentences.remarks_sentence(run),
        ]),
        ("Data", [
            narrating.data_sentence(run), sentences.licence_sentence(run), narrating.geometry_sentence(run),
            sentences.split_sentence(run),
        ]),
        ("Training", [
            sentences.seeds_sentence(run), sentences.budget_sentence(run), sentences.bought_sentence(run),
            narrating.schedule_sentence(run), sentences.lost_sentence(run),
        ]),
        ("Inference", [f"{mode[:1].upper()}{mode[1:]}."]),
        ("Metrics", [*sources, *footnotes(run, scores, main)]),
        ("Statistics", [
            STATISTICS, intervals_sentence(run, scores), bold_rule(scores), unclear_sentence(run, scores), noise_sentence(scores),
        ]),
        ("Incomplete cells", [_incomplete(run)]),
        ("Machine and software", [
            sentences.hardware_sentence(run), narrating.software_sentence(run), sentences.digests_sentence(run)
        ]),
    ]  # fmt: skip


def _incomplete(run: Run) -> str:
    holes = "; ".join(sentences.holes(run))
    return f"{holes}." if holes else "None: every cell that was asked for has scores."


def _joined(*parts: str) -> str:
    return " ".join(part for part in parts if part)
