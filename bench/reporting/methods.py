"""The words of a report: captions, footnotes, the methods text and the warnings, all as plain text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.metrics.lineart import DEFAULT, REFERENCE_SIDE
from bench.metrics.registry import METRICS
from bench.metrics.weights import ALEXNET, LPIPS_HEADS
from bench.reporting import certainty, citing, narrating, sentences
from bench.reporting.naming import (
    CALIBRATED_FORM,
    MAIN_METRICS,
    calibrated,
    counted,
    listed,
    metric_title,
    metric_titles,
)
from bench.reporting.reading import SHUFFLED, Run
from bench.reporting.scores import Scores

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

EDGES_TELL = 256
"""Resolution in px from which EdgeF1 tells models from chance: at 128 px shuffled pages scored 0.87 and the truth 0.89 (measured on
drawn pages)."""

EDGES_AT_SMALL_SIZES = "EdgeF1-Canny: below 256 px pages shuffled come near the truth, so it does not rank models."

FRECHET = ("fid", "rfd", "fd_dinov2")
"""The Fréchet distances, which need more windows than their features have dimensions."""


def caption(run: Run, scores: Scores, metrics: Sequence[str]) -> str:
    """Return the caption of a table of `metrics`: what was scored on what, at which compute, and what bold means."""
    return " ".join(
        [
            f"Mean ± half-width of the 95 % interval over {sentences.extent(run)}.",
            certainty.intervals_sentence(run, scores, metrics),
            certainty.bold_sentence(run, scores, metrics),
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
        sentences.calibrated_sentence(run),
        sentences.remarks_sentence(run),
        f"Inference: {sentences.inference_modes(run)}.",
        sentences.split_sentence(run) if run.plan["trained_cells"] else "",
        sentences.licence_sentence(run),
        sentences.hardware_sentence(run),
        sentences.digests_sentence(run),
    ]
    return [line for line in lines if line]


def uncalibrated(scores: Scores) -> list[str]:
    """Return the main metrics of the run that rest on random features."""
    return [name for name in MAIN_METRICS if name in scores.metrics and not calibrated(name)]


def footnotes(run: Run, scores: Scores, metrics: list[str], *, shuffled: bool = True) -> list[str]:
    """Return what stands below a table with `metrics`: what random features are worth, extractors, the rank warning, floors.

    `shuffled`: whether the table has rows of shuffled pages.
    """
    chance = chance_sentence(run) if shuffled else ""
    floors = [sentence for sentence in (halves_sentence(run, metrics), chance) if sentence]
    return [*set_notes(run, metrics), *floors, *image_notes(run, scores, metrics)]


def set_notes(run: Run, metrics: list[str]) -> list[str]:
    """Return how those of `metrics` were computed that stand on features: what they are worth, on which network, at which n."""
    notes = []
    if loose := [name for name in metrics if not calibrated(name)]:
        titles = listed(metric_titles(loose))
        *most, last = (METRICS[CALIBRATED_FORM[name]].shown.partition(" ")[0] for name in loose)
        meant = f"{', '.join(most)} or {last}" if most else last
        notes.append(f"{titles} — uncalibrated: random features, valid only within this table; not {meant}.")
    notes += [sentence for name in metrics if (sentence := set_sentence(run, name))]
    if "lpips" in metrics:
        notes.append(LPIPS_WEIGHTS)
    notes += [warning for name in metrics if (warning := rank_warning(run, name))]
    if set(FRECHET) & set(metrics):
        notes.append(
            "Fréchet distances are biased in n: compare them at equal n alone, and read the kernel distance beside them."
        )
    return notes


def image_notes(run: Run, scores: Scores, metrics: list[str]) -> list[str]:
    """Return what is to be said of those of `metrics` that score single pages: thresholds, pages that were left out."""
    notes = [tolerance_sentence(run), thresholds_sentence(run, scores)] if "line_f1" in metrics else []
    if "edge_f1" in metrics and int(run.experiment["resolution"]) < EDGES_TELL:
        notes.append(EDGES_AT_SMALL_SIZES)
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
        f"One half of the truth against the other: {', '.join(parts)} ({sizes}, no common pages). Models are scored at twice that "
        "n, against the same pages: a Fréchet distance may then lie below this."
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


def tolerance_sentence(run: Run) -> str:
    """Return within how many px lines count as found, "" at the size for which the tolerance is given."""
    resolution = int(run.experiment["resolution"])
    tolerance = DEFAULT.tolerance * resolution / REFERENCE_SIDE
    strict = ", so that their pixels must coincide" if tolerance < 1 else ""
    return (
        ""
        if resolution == REFERENCE_SIDE
        else f"LineF1: at this size lines are found within {tolerance:.2g} px{strict}."
    )


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
    """Return the warning that a Fréchet distance carries where a covariance of n windows has not full rank, else ""."""
    score = first_set_score(run, metric) if metric in FRECHET else None
    n, limit = len(run.windows), int((score or {}).get("dimension") or 0) + 1
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
        certainty.one_seed_sentence(run),
        setting_sentence(run),
    ]
    return _joined(*parts)


def differences_caption(run: Run, scores: Scores) -> str:
    """Return the caption of the table of differences."""
    parts = [
        f"First minus second model, paired by page, ± half-width of the 95 % interval over {sentences.extent(run)}; "
        "bold: Holm-adjusted p below .05."
    ]
    if scores.noise:
        parts.append(
            "Last row: the noise floor, how far apart two single trainings of one model lie (root mean square, pooled over the "
            "competitors): a gap of that size between two checkpoints says nothing of their models."
        )
    return _joined(
        *parts, certainty.lent_sentence(run, scores), certainty.one_seed_sentence(run), setting_sentence(run)
    )


def cost_caption(run: Run, columns: str) -> str:
    """Return the caption of the cost table; `columns` says what its columns hold."""
    parts = [
        columns,
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
    if loose := metric_titles(uncalibrated(scores)):
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
            sentences.calibrated_sentence(run), narrating.schedule_sentence(run), narrating.settings_sentence(run),
            sentences.lost_sentence(run),
        ]),
        ("Inference", [f"{mode[:1].upper()}{mode[1:]}."]),
        ("Metrics", [*sources, *footnotes(run, scores, main)]),
        ("Statistics", [
            STATISTICS, certainty.intervals_sentence(run, scores, main), certainty.bold_rule(scores),
            *certainty.undecided_sentences(run, scores, main), noise_sentence(scores),
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
