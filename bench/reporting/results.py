"""results.json: the main results for programs, unrounded and unscaled."""

from __future__ import annotations

from typing import Any

from bench.metrics.registry import METRICS
from bench.reporting.methods import first_set_score, methods_text, warnings
from bench.reporting.reading import Run
from bench.reporting.results_schema import (
    FORMAT,
    Cell,
    DifferenceRecord,
    MetricRecord,
    ModelRow,
    Report,
    Score,
    results_json,
)
from bench.reporting.scores import Scores
from bench.statistics import Difference, Interval

_CONDITIONS = ("n_generated", "n_reference", "pairing", "extractor", "layer", "weights_sha256", "resize", "metric_id")


def results(run: Run, scores: Scores) -> Report:
    """Return what results.json holds: conditions, metrics, a row a model with value and interval by metric, differences."""
    return Report(**result_values(run, scores))


def result_values(run: Run, scores: Scores) -> dict[str, Any]:
    """Return the values of results.json by key."""
    return {
        "format": FORMAT,
        "kind": "report",
        "run": run.name,
        "experiment_digest": run.plan.get("experiment_digest"),
        "split_digest": run.split.get("digest"),
        "commit": run.provenance.get("commit"),
        "budget": run.plan["budget"],
        "recipe": run.experiment["recipe"],
        "resolution": run.experiment["resolution"],
        "window_aspect": run.experiment.get("window_aspect", 1),
        "seeds": list(run.seeds),
        "pages": run.pages,
        "windows": len(run.windows),
        "metrics": {name: _metric(run, scores, name) for name in scores.metrics},
        "rows": [_row(run, scores, model) for model in run.rows],
        "differences": [DifferenceRecord(**difference_values(difference)) for difference in scores.differences],
        "warnings": list(warnings(run, scores)),
        "methods": dict(methods_text(run, scores)),
    }


def results_text(run: Run, scores: Scores) -> str:
    """Return results.json as text, the same bytes for the same run."""
    return results_json(results(run, scores))


def _metric(run: Run, scores: Scores, name: str) -> MetricRecord:
    metric = METRICS[name]
    conditions = first_set_score(run, name) or {}
    return MetricRecord(
        shown=metric.shown,
        direction=metric.direction,
        unit=metric.unit,
        source=metric.source,
        calibrated=metric.calibrated,
        best=list(scores.best(name)),
        verdict=scores.verdicts[name].text if name in scores.verdicts else None,
        pages_without_score=scores.excluded.get(name, 0),
        noise_floor=scores.noise.get(name),
        **{key: conditions[key] for key in _CONDITIONS if key in conditions},
    )


def _row(run: Run, scores: Scores, model: str) -> ModelRow:
    found = {name: scores.get(model, name) for name in scores.metrics}
    return ModelRow(
        model=model,
        shown_name=run.shown(model),
        ranked=model in run.ranked,
        cells=[Cell(name=cell.name, state=cell.status.state, hole=cell.hole) for cell in run.cells_of(model)],
        scores={name: _score(score) for name, score in found.items() if score is not None},
    )


def _score(score: Interval) -> Score:
    bounded = score.half_width is not None
    return Score(
        value=score.value,
        half_width=score.half_width,
        low=score.low if bounded else None,
        high=score.high if bounded else None,
        standard_error=score.standard_error,
        covers=score.covers,
        seeds=score.seeds,
        pages=score.pages,
        units=score.units,
        unit_kind=score.unit_kind,
    )


def difference_values(difference: Difference) -> dict[str, Any]:
    """Return one paired difference by key; without an interval there is no p value either."""
    tested = difference.half_width is not None
    return {
        "metric": difference.metric,
        "first": difference.first,
        "second": difference.second,
        "value": difference.value,
        "half_width": difference.half_width,
        "p": difference.p if tested else None,
        "p_holm": difference.p_holm if tested else None,
        "significant": difference.significant,
        "covers": difference.covers,
        "probability_of_improvement": difference.improvement,
    }
