"""The head of a published card: what the Hub reads of a model's README.md, and of a data set's.

Its form: modelcard.md and datasetcard.md of https://github.com/huggingface/hub-docs, written by huggingface_hub's own classes.
Scores on random features keep their own names: rFD and rLPIPS never stand as FID and LPIPS, here neither.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from bench.errors import RequestError
from bench.metrics.registry import METRICS, Metric
from bench.reporting import methods
from bench.reporting.layout import digits
from bench.reporting.naming import MAIN_METRICS
from bench.reporting.reading import Run
from bench.reporting.scores import Scores
from bench.statistics import Interval

WINDOWS = "windows.csv"
"""The scores of all cells by window, in the folder of results: CSV like the tables, since the Hub opens one format a data set."""

DRAWN, DRAWN_LICENCE = "synthetic", "apache-2.0"
"""The project's own pages, and its licence: the only data of which the licence is known here."""

NOT_STATED = "unknown"
"""The Hub's identifier where nobody says which licence holds."""

_IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9.+-]{0,60}")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_HUB_NAME = re.compile(r"\w[\w.-]*/\w[\w.-]*", re.ASCII)
_PLAIN = re.compile(r"[\w.-]{1,80}", re.ASCII)

_CONDITIONS = ("n_generated", "n_reference", "extractor", "layer", "weights_sha256", "resize")
"""What of a set score's conditions goes into the metadata."""


@dataclass(frozen=True, slots=True)
class Names:
    """What repositories are called: the name that was asked for, "owner/name", with the part behind it."""

    repository: str = "OWNER/NAME"

    def of(self, part: str) -> str:
        """Return the repository of a model, or of the results: "owner/name-pix2pix"."""
        return f"{self.repository}-{part}"


def weights_licence(asked: str | None, run: Run) -> str:
    """Return the identifier of the licence; raises RequestError where the one that was asked for is none of the Hub's form."""
    if asked is None:
        return DRAWN_LICENCE if source_spec(run) == DRAWN else NOT_STATED
    if not _IDENTIFIER.fullmatch(asked) or asked == "other":
        raise RequestError(
            f"--license {asked!r:.80}: give an identifier of the Hub's list, such as apache-2.0, cc-by-nc-4.0 or unknown"
        )
    return asked


def source_spec(run: Run) -> str:
    """Return what `--data` was."""
    return str(run.experiment.get("data", {}).get("source") or "unknown")


def hub_dataset(run: Run) -> str | None:
    """Return "owner/name" where the pairs came from the Hub, at a commit that the run recorded; None for data from elsewhere."""
    name = source_spec(run).removeprefix("hf:").partition("@")[0]
    known = _COMMIT.fullmatch(str(_recorded(run, "revision"))) and _HUB_NAME.fullmatch(name)
    return name if known and source_spec(run).startswith("hf:") else None


def is_private(run: Run) -> bool:
    """Whether the pairs lay in a folder or file of the publisher's machine."""
    return source_spec(run) != DRAWN and hub_dataset(run) is None


def shown_source(run: Run) -> str:
    """Return what the data is called; of a folder its name alone, not where it lies on the publisher's machine."""
    if source_spec(run) == DRAWN:
        return "the manga that manga-gan-bench draws itself"
    if name := hub_dataset(run):
        return name
    last = re.split(r"[/\\]", str(_recorded(run, "title") or source_spec(run)).rstrip("/\\"))[-1]
    return last.removeprefix("hf:") or "a folder"


def _recorded(run: Run, key: str) -> Any:
    source = run.split.get("source")
    return source.get(key) if isinstance(source, dict) else None


def is_plain(name: str) -> bool:
    """Whether a model's name can stand in a repository's name, and in code, as it is."""
    return _PLAIN.fullmatch(name) is not None


def model_metadata(run: Run, scores: Scores, model: str, licence: str) -> str:
    """Return the metadata of a model as YAML, with its main scores as `model-index`."""
    from huggingface_hub import ModelCardData

    dataset = hub_dataset(run)
    return ModelCardData(
        license=licence,
        library_name="manga-gan-bench",
        pipeline_tag="image-to-image",
        tags=["manga", "colorization", "line-art", "gan", *([model] if is_plain(model) else [])],
        datasets=[dataset] if dataset else None,
        model_name=run.shown(model),
        eval_results=_eval_results(run, scores, model),
    ).to_yaml()


def results_metadata(run: Run, licence: str) -> str:
    """Return the metadata of the results as YAML: which of its tables the Hub shows."""
    from huggingface_hub import DatasetCardData

    return DatasetCardData(
        license=licence,
        pretty_name=f"Scores of manga colouring: {run.name}",
        task_categories=["image-to-image"],
        tags=["manga", "colorization", "benchmark-results"],
        configs=[
            {"config_name": "main", "data_files": "tables/main.csv", "default": True},
            {"config_name": "windows", "data_files": WINDOWS},
        ],
    ).to_yaml()


def main_scores(scores: Scores, model: str) -> list[tuple[str, Interval]]:
    """Return the model's scores of the main table, by metric, in the table's order."""
    found = ((name, scores.get(model, name)) for name in MAIN_METRICS)
    return [(name, score) for name, score in found if score is not None]


def not_better_than_input(scores: Scores, model: str) -> list[str]:
    """Return the main scores in which the model's mean is no better than that of `copy`, but for lines, which the input has all."""
    names = []
    for name, score in main_scores(scores, model):
        floor, sign = scores.get("copy", name), 1 if METRICS[name].direction == "higher" else -1
        if name != "line_f1" and floor is not None and sign * (score.value - floor.value) <= 0:
            names.append(name)
    return names


def _eval_results(run: Run, scores: Scores, model: str) -> list[Any]:
    """Return the main scores as huggingface_hub's EvalResult, unscaled."""
    from huggingface_hub import EvalResult

    dataset = hub_dataset(run)
    conditions = {
        "recipe": run.experiment["recipe"], "resolution": run.experiment["resolution"], "pages": run.pages,
        "windows": len(run.windows), "split_digest": run.split.get("digest"),
    }  # fmt: skip
    return [
        EvalResult(
            task_type="image-to-image",
            task_name="Manga colouring",
            dataset_type=dataset or ("synthetic" if source_spec(run) == DRAWN else "other"),
            dataset_name=shown_source(run),
            dataset_split="test",
            dataset_revision=_recorded(run, "revision") if dataset else None,
            dataset_args={name: value for name, value in conditions.items() if value is not None},
            metric_type=name,
            metric_name=_metric_name(METRICS[name]),
            metric_value=float(digits(score.value)),
            metric_args=_metric_conditions(run, name, score),
        )
        for name, score in main_scores(scores, model)
    ]


def _metric_name(metric: Metric) -> str:
    name = metric.shown.partition(" x ")[0] + (f" ({metric.unit})" if metric.unit == "dB" else "")
    return name if metric.calibrated else f"{name} (random features: compares models of this run alone)"


def _metric_conditions(run: Run, name: str, score: Interval) -> dict[str, Any]:
    known = score.half_width is not None
    bounds = {"low_95": float(digits(score.low)), "high_95": float(digits(score.high))} if known else {}
    stored = methods.first_set_score(run, name) or {}
    conditions = {key: stored[key] for key in _CONDITIONS if stored.get(key) is not None}
    return {**bounds, "seeds": score.seeds, "calibrated": METRICS[name].calibrated, **conditions}
