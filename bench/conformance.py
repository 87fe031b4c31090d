"""`bench models conform`: do the models compute what the original implementations compute?

Reads files of the format in tests/reference/README.md and compares every quantity in float64, where numbers are portable.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

import models
from bench.conformance_cases import Case, build_case, default_parameters
from bench.errors import RequestError

LIMIT = 1e-9
"""Largest deviation that passes: an independent implementation agrees to 7e-13 in every quantity."""

SAMPLES = 17
"""Samples of a tensor in a probe, at flat indices numel * q // 17."""

_COUNTS = "parameter_counts_default"


@dataclass(frozen=True)
class Check:
    """One compared quantity of a case: its largest deviation, and in words what is wrong where numbers cannot say it."""

    case: str
    quantity: str
    deviation: float
    problem: str = ""

    @property
    def passed(self) -> bool:
        """Whether the quantity is the original's; a deviation that is not a number is none."""
        return not self.problem and self.deviation < LIMIT


def conform(files: Sequence[Path], console: Console) -> bool:
    """Print every quantity of `files` with its largest deviation and pass or fail; returns whether all passed.

    Raises RequestError where a file is not of the format.
    """
    every: list[Check] = []
    for file in files:
        checks = list(check_file(file))
        if not checks:
            raise RequestError(f"{file}: holds no case to check; the format is that of tests/reference/README.md")
        console.print(_table(file, checks))
        every += checks
    failed = sum(not check.passed for check in every)
    worst = max((check.deviation for check in every if not math.isnan(check.deviation)), default=0.0)
    console.print(f"{len(every) - failed} passed, {failed} failed; largest deviation {worst:.1e}, limit {LIMIT:.0e}")
    return not failed


def check_file(path: Path) -> Iterator[Check]:
    """Yield one Check a quantity of every case in the file at `path`; raises RequestError where it is not of the format."""
    cases = _read(path)
    if not isinstance(cases, dict) or not all(isinstance(case, dict) for case in cases.values()):
        raise RequestError(f"{path}: not a conformance file: an object of cases by name is expected")
    for name, case in cases.items():
        try:
            yield from _check_counts(name, case) if name.startswith(_COUNTS) else _check_case(name, case)
        except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            what = f"no {error}" if isinstance(error, KeyError) else " ".join(str(error).split())[:200]
            raise RequestError(f"{path}: case {name!r} is not of the format ({what})") from None
        except (RequestError, models.ModelError) as error:
            raise RequestError(f"{path}: case {name!r}: {error}") from None


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise RequestError(
            f"{path}: not a conformance file ({error}); give JSON of the format of tests/reference"
        ) from None


def _check_counts(name: str, wanted: dict[str, Any]) -> Iterator[Check]:
    found = dict(default_parameters())
    for network, count in wanted.items():
        here = found.get(network)
        problem = "" if here == count else f"{here:,} parameters, not {count:,}" if here else "no such network here"
        yield Check(name, network, abs((here or 0) - count) / max(count, 1), problem)


def _check_case(name: str, case: Case) -> Iterator[Check]:
    built = build_case(case)
    for network, module in built.networks.items():
        if f"{network}_keys" in case:
            problem = _first_difference(module, case[f"{network}_keys"])
            yield Check(name, f"{network} keys and shapes", 0.0, problem)
            if problem:
                return
    probes, last = built.probes(), built.after()
    compared = {*probes, *last, "losses_by_step", *(f"{network}_keys" for network in built.networks)}
    for quantity in case:
        if isinstance(case[quantity], dict | list) and quantity not in compared:
            yield Check(name, quantity, math.nan, "not computed here")
    for quantity, found in probes.items():
        if quantity in case:
            yield _check_probes(name, quantity, found, case[quantity])
    for number, wanted in enumerate(case.get("losses_by_step", ()), start=1):
        yield from _check_losses(name, f"step {number}", built.step(), wanted)
    for quantity, found in built.after().items():
        if quantity in case:
            yield _check_probes(name, quantity, found, case[quantity])


def _first_difference(network: nn.Module, wanted: dict[str, list[int]]) -> str:
    """Return the first key whose shape differs, in words; "" where all keys and shapes agree."""
    found = {key: list(value.shape) for key, value in network.state_dict().items()}
    for key in [*wanted, *found]:
        if found.get(key) != wanted.get(key):
            return f"{key}: {found.get(key, 'missing')} here, {wanted.get(key, 'missing')} in the file"
    return ""


def _check_probes(name: str, quantity: str, found: Tensor | list[Tensor], wanted: Any) -> Check:
    tensors, probes = (found, wanted) if isinstance(found, list) else ([found], [wanted])
    if len(tensors) != len(probes):
        return Check(name, quantity, math.nan, f"{len(tensors)} outputs here, {len(probes)} in the file")
    for tensor, probe in zip(tensors, probes, strict=True):
        if list(tensor.shape) != probe["shape"]:
            return Check(name, quantity, math.nan, f"shape {list(tensor.shape)} here, {probe['shape']} in the file")
    # Not max(): it passes over a NaN.
    deviations = [deviation(tensor, probe) for tensor, probe in zip(tensors, probes, strict=True)]
    return Check(name, quantity, math.nan if any(map(math.isnan, deviations)) else max(deviations))


def deviation(tensor: Tensor, probe: dict[str, Any]) -> float:
    """Return the largest deviation of `tensor` from its probe, relative to max(mean of absolute values, deviation)."""
    flat = tensor.detach().double().flatten()
    found = [flat.mean().item(), flat.abs().mean().item(), flat.std().item()]
    found += [flat[flat.numel() * q // SAMPLES].item() for q in range(SAMPLES)]
    wanted = [probe["mean"], probe["abs_mean"], probe["std"], *probe["samples"]]
    differences: list[float] = [abs(ours - theirs) for ours, theirs in zip(found, wanted, strict=True)]
    if any(map(math.isnan, differences)):
        return math.nan
    scale = float(max(probe["abs_mean"], probe["std"]))
    return max(differences) / scale if scale else max(differences)


def _check_losses(name: str, step: str, found: dict[str, Tensor], wanted: dict[str, float]) -> Iterator[Check]:
    for loss in dict.fromkeys([*wanted, *found]):
        if loss not in found or loss not in wanted:
            yield Check(
                name, f"{step} {loss}", math.nan, "not computed here" if loss not in found else "not in the file"
            )
            continue
        difference = abs(found[loss].item() - wanted[loss])
        yield Check(name, f"{step} {loss}", difference / abs(wanted[loss]) if wanted[loss] else difference)


def _table(file: Path, checks: list[Check]) -> Table:
    table = Table(title=str(file))
    for heading in ("case", "quantity", "deviation", ""):
        table.add_column(heading, justify="right" if heading == "deviation" else "left", overflow="fold")
    for check in checks:
        verdict = "pass" if check.passed else f"FAIL {check.problem}".rstrip()
        table.add_row(
            check.case, check.quantity, f"{check.deviation:.1e}", verdict, style=None if check.passed else "red"
        )
    return table
