"""What the files of a run must hold for a report: types and ranges, checked before anything is computed from them.

A run folder may come from somebody else. Keys that a report does not use are let through; every text becomes one printable line.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import pydantic

from bench.errors import RequestError
from bench.sampling import UnitKind
from data.printing import one_line

MOST_LETTERS = 10_000
"""Of one text; longer ones are cut."""

Count = Annotated[int, pydantic.Field(ge=0, le=10**18)]
Amount = Annotated[float, pydantic.Field(ge=0, le=1e30)]
Number = Annotated[float, pydantic.Field(ge=-1e30, le=1e30)]
Name = Annotated[str, pydantic.Field(pattern=r"^[^/\\\x00-\x1f]{1,200}$")]
"""Of a folder: a path would lead out of the run."""


class Stored(pydantic.BaseModel):
    """Base of what is checked: types are not converted, other keys are let through."""

    model_config = pydantic.ConfigDict(strict=True, extra="allow", allow_inf_nan=False)


class _Data(Stored):
    source: str | None = None
    group_by: str | None = None


class _Training(Stored):
    validation_windows: Count | None = None
    batch_size: Count | None = None
    constant_lr_share: Annotated[float, pydantic.Field(ge=0, le=1)] | None = None
    unpaired: str | None = None


class _Recipe(Stored):
    variants: Count = 1


class StoredExperiment(Stored):
    """experiment.toml, of this version or another."""

    models: list[Name]
    references: list[Name]
    seeds: list[Count] = pydantic.Field(min_length=1, max_length=10_000)
    budget: str
    resolution: Annotated[int, pydantic.Field(ge=1, le=100_000)]
    window_aspect: Annotated[int, pydantic.Field(ge=1, le=64)] = 1
    recipe: str
    data: _Data = _Data()
    training: _Training = _Training()
    recipe_settings: _Recipe = _Recipe()

    @pydantic.model_validator(mode="after")
    def _unlike(self) -> StoredExperiment:
        for names in ([*self.models, *self.references], self.seeds):
            if len(set(names)) != len(names) or {".", ".."} & {str(name) for name in names}:
                raise ValueError("a name stands in it twice, or is none")
        return self


class _Planned(Stored):
    shown_name: str | None = None
    ranked: bool = True
    trained: bool = False
    steps: Count = 0
    images: Count = 0
    batch_size: Count = 0
    seconds_per_step: Amount = 0.0
    flops_per_step: Amount = 0.0
    parameters: dict[str, Count] | None = None
    inference_mode: str | None = None
    remarks: list[str] | None = None
    decided: dict[str, Any] | None = None


class StoredPlan(Stored):
    """plan.json."""

    models: dict[Name, _Planned]
    budget: str
    budget_unit: str
    share: Amount
    trained_cells: Count
    experiment_digest: str | None = None
    experiment_sha256: str | None = None
    repeats: str | None = None
    device: str = ""
    precision: str = ""


class StoredSplit(Stored):
    """split.json."""

    train: list[str] | None = None
    validation: list[str] | None = None
    test: list[str] | None = None
    groups: dict[str, str] | None = None
    digest: str | None = None
    group_by: str | None = None
    dropped_near_duplicates: Count | None = None
    dropped_gap: Count | None = None
    unreadable: Count | None = None
    enlarged: dict[str, Count] | None = None


class _Hardware(Stored):
    cpu: str | None = None
    gpu: str | None = None
    cores: Count | None = None
    memory_gib: Amount | None = None


class StoredProvenance(Stored):
    """provenance.json."""

    hardware: _Hardware = _Hardware()
    versions: dict[str, str | None] = {}
    commit: str | None = None
    dirty: bool | None = None
    threads: Count | None = None
    deterministic: bool | None = None
    date: str | None = None


class StoredSetScore(Stored):
    """One score of sets.json or truth-halves.json: what is said of it, and the value."""

    metric: str
    value: Number
    n_generated: Count | str | None = None
    n_reference: Count | str | None = None
    pairing: str | None = None
    extractor: str | None = None
    layer: str | None = None
    resize: str | None = None
    weights_sha256: str | None = None
    calibrated: bool | None = None


class StoredCellScore(StoredSetScore):
    """One score of sets.json, with what its interval is made from."""

    metric_id: str
    jackknife: list[Number]
    jackknife_sizes: list[Annotated[int, pydantic.Field(ge=0, le=10**9)]]
    jackknife_unit: UnitKind
    jackknife_units_sha256: str | None = None
    dimension: Annotated[int, pydantic.Field(ge=0, le=10**9)] | None = None

    @pydantic.model_validator(mode="after")
    def _paired(self) -> StoredCellScore:
        if len(self.jackknife) != len(self.jackknife_sizes):
            raise ValueError("jackknife and jackknife_sizes are not as long as each other")
        return self


class StoredCost(Stored):
    """The numbers of status.json."""

    step: Count
    steps: Count
    seconds: Amount
    data_wait_seconds: Amount
    images: Count
    lost_seconds: Amount
    peak_memory_bytes: Count
    energy_joules: Amount | None = None
    warmup_seconds: Amount = 0.0
    step_kind: str = ""


class StoredInference(Stored):
    """inference.json."""

    seconds_per_window: Amount
    windows_per_second: Amount | None = None
    windows_per_second_bf16: Amount | None = None
    seconds_per_window_bf16: Amount | None = None


def checked(kind: type[Stored], value: object, where: Path | str) -> dict[str, Any]:
    """Return `value` with printable texts; raises RequestError naming `where` and the first key that is not as `kind` says."""
    try:
        kind.model_validate(value)
        cleaned: dict[str, Any] = _printable(value)
        return cleaned
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "the whole"
        raise RequestError(
            one_line(f"{where}: {key}: {first['msg'].lower()}; run the same `bench run` again to rebuild it")
        ) from None
    except RecursionError:
        raise RequestError(f"{where}: brackets in brackets without end") from None


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        return one_line(value, MOST_LETTERS)
    if isinstance(value, dict):
        return {_printable(key): _printable(part) for key, part in value.items()}
    return [_printable(part) for part in value] if isinstance(value, list) else value
