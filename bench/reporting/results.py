"""results.json: the main results for programs, unrounded and unscaled."""

from __future__ import annotations

import json
from typing import Any

from bench.metrics.registry import METRICS
from bench.reporting.methods import first_set_score, methods_text, warnings
from bench.reporting.reading import Run
from bench.reporting.scores import Scores
from bench.statistics import Difference, Interval

FORMAT = 1
"""Version of results.json."""

_CONDITIONS = ("n_generated", "n_reference", "pairing", "extractor", "layer", "weights_sha256", "resize", "metric_id")


def results(run: Run, scores: Scores) -> dict[str, Any]:
    """Return what results.json holds: conditions, metrics, a row a model with value and interval by metric, differences."""
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
        "differences": [difference_record(difference) for difference in scores.differences],
        "warnings": list(warnings(run, scores)),
        "methods": dict(methods_text(run, scores)),
    }


def results_text(run: Run, scores: Scores) -> str:
    """Return results.json as text: sorted keys, no NaN, the same bytes for the same run."""
    return json.dumps(results(run, scores), indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def _metric(run: Run, scores: Scores, name: str) -> dict[str, Any]:
    metric = METRICS[name]
    conditions = first_set_score(run, name) or {}
    return {
        "shown": metric.shown,
        "direction": metric.direction,
        "unit": metric.unit,
        "source": metric.source,
        "calibrated": metric.calibrated,
        "best": list(scores.best(name)),
        "verdict": scores.verdicts[name].text if name in scores.verdicts else None,
        "pages_without_score": scores.excluded.get(name, 0),
        "noise_floor": scores.noise.get(name),
        **{key: conditions[key] for key in _CONDITIONS if key in conditions},
    }


def _row(run: Run, scores: Scores, model: str) -> dict[str, Any]:
    found = {name: scores.get(model, name) for name in scores.metrics}
    return {
        "model": model,
        "shown_name": run.shown(model),
        "ranked": model in run.ranked,
        "cells": [{"name": cell.name, "state": cell.status.state, "hole": cell.hole} for cell in run.cells_of(model)],
        "scores": {name: _score(s) for name, s in found.items() if s is not None},
    }


def _score(score: Interval) -> dict[str, Any]:
    bounded = score.half_width is not None
    return {
        "value": score.value,
        "half_width": score.half_width,
        "low": score.low if bounded else None,
        "high": score.high if bounded else None,
        "standard_error": score.standard_error,
        "covers": score.covers,
        "seeds": score.seeds,
        "pages": score.pages,
        "units": score.units,
        "unit_kind": score.unit_kind,
    }


def difference_record(difference: Difference) -> dict[str, Any]:
    """Return one paired difference; without an interval there is no p value either."""
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
        "probability_of_improvement": difference.improvement,
    }
