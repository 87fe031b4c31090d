"""The scores of a run: every table, figure and sentence of a report takes its numbers from here, and they come from statistics."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from bench.errors import RequestError
from bench.metrics.registry import METRICS
from bench.reporting.reading import CellResult, Run
from bench.sampling import Sample, image_sample, set_sample
from bench.statistics import (
    Difference,
    Interval,
    Verdict,
    differences,
    indistinguishable_from_best,
    interval,
    noise_floor,
)

OPTIMUM = {
    "psnr": 100.0, "ssim": 1.0, "ciede2000": 0.0, "ciede2000_median": 0.0, "line_f1": 1.0, "line_precision": 1.0,
    "line_recall": 1.0, "lpips": 0.0, "rlpips": 0.0, "colourfulness_difference": 0.0, "chroma_error": 0.0, "fid": 0.0, "rfd": 0.0,
    "gmsd": 0.0, "line_f1_loose": 1.0, "line_f1_strict": 1.0, "precision": 1.0, "recall": 1.0, "rprecision": 1.0, "rrecall": 1.0,
    "fd_dinov2": 0.0, "precision_dinov2": 1.0, "recall_dinov2": 1.0,
}  # fmt: skip
"""What a metric gives the truth itself. KID and its like are missing: an unbiased estimate may fall below that of the truth."""

TOLERANCE = 1e-5
"""How far the oracle may be from an optimum, relative to 1 + its size: LPIPS is computed in single precision."""

FRECHET_TOLERANCE = 1e-3
"""The same for Fréchet distances: a difference of large traces."""


@dataclass(frozen=True, slots=True)
class Scores:
    """All scores of a run by (model, metric), who is best by metric, paired differences of competitors, and noise between seeds."""

    metrics: tuple[str, ...]
    intervals: Mapping[tuple[str, str], Interval]
    verdicts: Mapping[str, Verdict]
    differences: tuple[Difference, ...]
    noise: Mapping[str, float]
    excluded: Mapping[str, int]

    def get(self, model: str, metric: str) -> Interval | None:
        """Return the score of `model`, None where it has none."""
        return self.intervals.get((model, metric))

    def best(self, metric: str) -> tuple[str, ...]:
        """Return the best competitor and all that cannot be told from it; empty where there are not two to compare."""
        verdict = self.verdicts.get(metric)
        return verdict.indistinguishable if verdict else ()


def score_run(run: Run) -> Scores:
    """Return the scores of `run`; raises RequestError where the stored scores contradict each other."""
    for name in METRICS:
        _check_identity(run, name)
    cells = [(cell.model, cell) for cell in run.cells]
    samples = [sample for name in METRICS if (sample := metric_sample(cells, name)) is not None]
    intervals = {
        (model, s.metric): score
        for s in samples
        for model in s.models
        if math.isfinite((score := interval(s, model)).value)
    }
    check_oracle(intervals)
    ranked = {s.metric: [m for m in run.ranked if (m, s.metric) in intervals] for s in samples}
    compared = [s for s in samples if len(ranked[s.metric]) > 1 and METRICS[s.metric].direction != "none"]
    floors = {s.metric: noise_floor(s, ranked[s.metric]) for s in samples}
    return Scores(
        metrics=tuple(s.metric for s in samples if any(name == s.metric for _, name in intervals)),
        intervals=intervals,
        verdicts={s.metric: indistinguishable_from_best(s, ranked[s.metric]) for s in compared},
        differences=tuple(d for s in compared for d in differences(s, ranked[s.metric])),
        noise={metric: floor for metric, floor in floors.items() if floor is not None},
        excluded={s.metric: s.excluded for s in samples if s.excluded},
    )


def metric_sample(cells: Sequence[tuple[str, CellResult]], metric: str) -> Sample | None:
    """Return all scores of one metric in `cells`, each with the name of its row; None where no cell has any."""
    if METRICS[metric].kind == "image":
        frame = image_frame(cells, metric)
        return None if frame is None else image_sample(frame, metric)
    records = [
        score | {"model": row, "seed": cell.seed}
        for row, cell in cells
        for score in cell.sets
        if score["metric"] == metric
    ]
    return set_sample(records, metric) if records else None


def image_frame(cells: Sequence[tuple[str, CellResult]], metric: str) -> pd.DataFrame | None:
    """Return the scores of every window in one metric, of cells each with the name of its row; None where no cell has any."""
    frames = [
        cell.images[["window", "page", "group", metric]].assign(
            model=row, seed=math.nan if cell.seed is None else cell.seed
        )
        for row, cell in cells
        if cell.images is not None and metric in cell.images.columns
    ]
    return pd.concat(frames, ignore_index=True) if frames else None


def _check_identity(run: Run, metric: str) -> None:
    """Raise RequestError where cells were scored with different networks, resizing or n: such numbers share no column."""
    identities = sorted({str(s.get("metric_id")) for cell in run.cells for s in cell.sets if s["metric"] == metric})
    if len(identities) > 1:
        raise RequestError(
            f"{run.folder.path}: {metric} was computed in two ways ({identities[0]} and {identities[1]}); "
            "delete every cells/*/sets.json and run the same `bench run` again"
        )


def check_oracle(intervals: Mapping[tuple[str, str], Interval]) -> None:
    """Raise RequestError where the truth as output misses an optimum, or where a model scores better than the truth itself."""
    for (model, metric), score in intervals.items():
        optimum, oracle = OPTIMUM.get(metric), intervals.get(("oracle", metric))
        if optimum is None or oracle is None:
            continue
        sign = 1 if METRICS[metric].direction == "higher" else -1
        least = FRECHET_TOLERANCE if metric in ("fid", "rfd", "fd_dinov2") else TOLERANCE * (1 + abs(optimum))
        mend = "delete images.parquet and sets.json of all cells and run the same `bench run` again"
        if model == "oracle" and abs(score.value - optimum) > least:
            raise RequestError(f"the oracle has {metric} {score.value:.6g}, but the truth must get {optimum:g}; {mend}")
        if sign * (score.value - oracle.value) > least:
            raise RequestError(
                f"{model} has {metric} {score.value:.6g}, better than the truth itself ({oracle.value:.6g}): "
                f"its scores or the truth's are wrong; {mend}"
            )
