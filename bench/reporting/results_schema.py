"""What results.json is, as types: every report is built from them, and docs/results.schema.json is their JSON schema.

`python -m bench.reporting.results_schema` prints the schema.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Final, Literal

import pydantic
from pydantic import Field

from bench.metrics.registry import Direction
from bench.sampling import UnitKind
from bench.statistics import Covers

FORMAT: Final = 1
"""Version of results.json; it rises when a key goes or changes its meaning, not when one is added."""

SCHEMA_ID = f"urn:manga-gan-bench:results:{FORMAT}"

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _Part(pydantic.BaseModel):
    """Base of every object: no other keys, no NaN."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Score(_Part):
    """A mean over seeds and pages with its 95 % interval: unrounded, not scaled."""

    value: float
    half_width: float | None = Field(
        description="null where one unit of pages allows no interval, as low, high and the error"
    )
    low: float | None
    high: float | None
    standard_error: float | None
    covers: Covers = Field(description="'pages only': one seed of a trained model, so nothing is said of others")
    seeds: int
    pages: int
    units: int = Field(description="Units of pages that the interval is taken over")
    unit_kind: UnitKind


class Cell(_Part):
    """One model with one seed."""

    name: str
    state: str
    hole: str | None = Field(description="Why it has no scores; null where it has")


class ModelRow(_Part):
    """A row of the tables."""

    model: str
    shown_name: str
    ranked: bool = Field(description="false for reference rows, which are shown and never ranked")
    cells: list[Cell]
    scores: dict[str, Score] = Field(description="By metric")


class MetricRecord(_Part):
    """A metric of this report, and how it was computed. Keys after noise_floor are those of set metrics, where recorded."""

    shown: str
    direction: Direction
    unit: str
    source: str
    calibrated: bool = Field(description="false: random features, valid only within this report")
    best: list[str] = Field(description="The best competitor and all that cannot be told from it")
    verdict: str | None
    pages_without_score: int
    noise_floor: float | None = Field(
        description="Root mean square gap between two seeds of one model; null with one seed"
    )
    n_generated: int | str | None = None
    n_reference: int | str | None = None
    pairing: str | None = None
    extractor: str | None = None
    layer: str | None = None
    weights_sha256: str | None = None
    resize: str | None = None
    metric_id: str | None = None


class DifferenceRecord(_Part):
    """The paired difference first - second, its interval and its test; p values are null where there is no interval."""

    metric: str
    first: str
    second: str
    value: float
    half_width: float | None
    p: float | None = Field(description="Two-sided")
    p_holm: float | None = Field(description="Adjusted for all pairs compared with this metric")
    significant: bool
    covers: Literal["seeds and pages", "pages only", "pages"] = Field(
        description="What interval and test allow for; pages only: a trained model with one seed, so nothing of other seeds"
    )
    probability_of_improvement: float = Field(description="That first is better than second on a page")


class GapRecord(DifferenceRecord):
    """The paired difference of one model between two runs; `first` and `second` name runs."""

    model: str
    seeds_paired: bool
    pages_left_out: int


class Report(_Part):
    """results.json of one run."""

    format: Literal[1]
    kind: Literal["report"]
    run: str
    experiment_digest: str | None
    split_digest: str | None
    commit: str | None
    budget: str
    recipe: str
    resolution: int
    window_aspect: int
    seeds: list[int]
    pages: int
    windows: int
    metrics: dict[str, MetricRecord]
    rows: list[ModelRow]
    differences: list[DifferenceRecord]
    warnings: list[str]
    methods: dict[str, str] = Field(description="The methods section, by heading")


class JoinedRun(Report):
    """One run of a joined report."""

    name: str
    label: str = Field(description="What sets the run apart from the others")


class Shared(_Part):
    """What joined runs have in common, as it was checked."""

    split_digest: str | None
    resolution: int
    window_aspect: int
    pages: int
    windows: int


class JoinedReport(_Part):
    """results.json of several runs side by side."""

    format: Literal[1]
    kind: Literal["joined report"]
    shared: Shared
    differing: dict[str, list[str]] = Field(description="What differs, with its value in each run")
    differing_settings: dict[str, list[str]]
    runs: list[JoinedRun]
    differences_between_runs: list[GapRecord]
    warnings: list[str]
    methods: dict[str, str]


def results_json(results: Report | JoinedReport) -> str:
    """Return results.json as text: sorted keys, no NaN, the same bytes for the same results."""
    value = results.model_dump(mode="json", exclude_unset=True)
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def json_schema() -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of results.json, of single and joined reports."""
    either = pydantic.TypeAdapter(Annotated[Report | JoinedReport, Field(discriminator="kind")])
    about = "results.json of a report of manga-gan-bench: the main results for programs, unrounded and not scaled."
    head = {"$schema": _DIALECT, "$id": SCHEMA_ID, "title": "results.json", "description": about}
    return head | either.json_schema()


if __name__ == "__main__":
    print(json.dumps(json_schema(), indent=1, ensure_ascii=False))
