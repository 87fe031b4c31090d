"""Any request is valid or refused in one line: budgets, --set, options, and presets that were damaged or made up."""

from __future__ import annotations

import os
import random
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.budget import MOST, Budget
from bench.errors import RequestError
from bench.experiment import Experiment
from bench.preset_files import read_preset
from bench.requesting import build_experiment
from data import DataError
from models import ModelError

FUZZED = settings(
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "60")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
FORESEEN = (RequestError, DataError, ModelError)

BUDGETS = st.one_of(
    st.text(max_size=30),
    st.from_regex(r"[0-9.]{1,12}[dhmsk]?-?(steps?|images?|[gtpe]flops?|)", fullmatch=True),
    st.builds(
        lambda digits, unit: "9" * digits + unit, st.integers(1, 5000), st.sampled_from(["s", "-steps", "m-images"])
    ),
)
ODD_TEXT = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        [
            "1" * 5000, "[" * 3000, "1e400", "nan", "-inf", "2026-01-01", "{a=[1]}", '"\\u001b[31m"', '"\\u0000"', "²", "'x'",
            "999999999999",
        ]
    ),
)  # fmt: skip


def one_line(error: Exception) -> None:
    said = str(error)
    assert said.isprintable(), repr(said)
    assert len(said) < 2500, len(said)


def keys_of(values: dict[str, Any], prefix: str = "") -> list[str]:
    """The dotted keys of a preset, sections included."""
    found = []
    for key, value in values.items():
        found.append(prefix + key)
        if isinstance(value, dict):
            found += keys_of(value, f"{prefix}{key}.")
    return found


KEYS = keys_of(read_preset("demo"))


@FUZZED
@given(BUDGETS, st.integers(1, 100), st.floats(1e-9, 1e6), st.floats(1.0, 1e18))
def test_any_text_is_a_budget_that_buys_steps_or_is_refused(
    text: str, cells: int, seconds: float, flops: float
) -> None:
    try:
        budget = Budget.parse(text)
        assert 0 < budget.amount <= MOST
        assert budget.steps(cells, batch_size=4, seconds_per_step=seconds, flops_per_step=flops) >= 1
    except RequestError as error:
        one_line(error)


def asked_for(preset: str, given_values: dict[str, Any], assignments: list[str]) -> None:
    """Build the experiment; a valid one has a digest and survives its file."""
    try:
        experiment = build_experiment(preset, given_values, assignments, allow_uncalibrated=True)
    except FORESEEN as error:
        one_line(error)
        return
    again = Experiment.parse(tomllib.loads(experiment.to_toml()), "its own file")
    assert again.digest() == experiment.digest()


@FUZZED
@given(st.lists(st.tuples(st.one_of(st.sampled_from(KEYS), st.text(max_size=9)), ODD_TEXT), min_size=1, max_size=3))
def test_any_assignment_is_taken_or_refused(pairs: list[tuple[str, str]]) -> None:
    asked_for("demo", {}, [f"{key}={value}" for key, value in pairs])


@FUZZED
@given(st.dictionaries(st.sampled_from(["models", "budget", "seeds", "recipe", "resolution", "data.source"]), ODD_TEXT))
def test_any_option_is_taken_or_refused(values: dict[str, Any]) -> None:
    asked_for("demo", values, [])


@pytest.mark.parametrize("beside", [{}, {"data.source": "folder", "resolution": "64", "seeds": "2"}])
@FUZZED
@given(chance=st.randoms(use_true_random=False))
def test_a_preset_of_odd_values_is_taken_or_refused(
    tmp_path: Path, mutated_value: Callable[..., Any], beside: dict[str, Any], chance: random.Random
) -> None:
    values = mutated_value(chance, read_preset("demo"))
    path = tmp_path / "odd.toml"
    try:
        path.write_bytes(tomli_w.dumps(values).encode("utf-8", "surrogatepass"))
    except (TypeError, AttributeError):
        # None and numbers beyond its range have no place in TOML.
        return
    asked_for(str(path), beside, [])


@FUZZED
@given(chance=st.randoms(use_true_random=False))
def test_a_damaged_preset_is_taken_or_refused(
    tmp_path: Path, mutated_bytes: Callable[..., bytes], chance: random.Random
) -> None:
    path = tmp_path / "damaged.toml"
    path.write_bytes(mutated_bytes(chance, tomli_w.dumps(read_preset("demo")).encode()))
    asked_for(str(path), {}, [])
    try:
        Experiment.load(path)
    except FORESEEN as error:
        one_line(error)


@pytest.mark.parametrize(
    ("values", "assignment"),
    [
        ({}, "training.batch_size=" + "1" * 5000),
        ({}, "seeds=" + "[" * 3000),
        ({}, "zz\x1b[31m=1"),
        ({}, '"\\u001b[31m".a=1'),
        ({}, "model_settings.pix2pix=3"),
        ({}, "recipe=[1]"),
        ({}, 'preset="a\\u0000b"'),
        ({"seeds": "999999999999"}, "budget='5-steps'"),
        ({}, f"seeds=[{2**40}]"),
        ({"resolution": "²"}, "budget='5-steps'"),
        ({"resolution": "1" * 5000}, "budget='5-steps'"),
        ({"budget": "9" * 300 + "s"}, "preset='x'"),
    ],
)
def test_requests_that_once_broke_it_are_refused_in_one_line(values: dict[str, Any], assignment: str) -> None:
    with pytest.raises(FORESEEN) as raised:
        build_experiment("demo", values, [assignment], allow_uncalibrated=True)
    one_line(raised.value)


def test_a_preset_of_endless_brackets_or_size_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "endless.toml"
    path.write_text("a = " + "[" * 5000)
    with pytest.raises(RequestError, match=r"endless\.toml: cannot be read as TOML"):
        read_preset(str(path))
    with path.open("wb") as file:
        file.truncate(2**31)
    with pytest.raises(RequestError, match="larger than 1,048,576 bytes"):
        read_preset(str(path))
