"""Losses are looked at together, and the step at which they went wrong is found."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bench.loss_watch import LossWatch


def watch(*steps: dict[str, float], limit: float = 100.0) -> LossWatch:
    losses = LossWatch(limit)
    for step, values in enumerate(steps, 1):
        losses.add(step, {name: torch.tensor(value) for name, value in values.items()})
    return losses


@pytest.mark.parametrize(("bad", "shown"), [(math.nan, "nan"), (math.inf, "inf"), (-101.0, "-101"), (1e9, "1e+09")])
def test_first_bad_step_is_named_with_the_last_good_losses(bad: float, shown: str) -> None:
    found = watch({"G": 1.5, "D": 0.5}, {"G": 2.5, "D": 0.25}, {"G": bad, "D": 0.1}, {"G": math.nan, "D": 0.1}).look()
    assert found is not None
    assert found.step == 3
    assert found.reason == f"G = {shown} at step 3; last good losses, step 2: G 2.5, D 0.25"


def test_last_good_losses_outlive_a_look() -> None:
    losses = watch({"G": 1.0})
    assert losses.look() is None
    assert losses.latest == {"G": 1.0}
    losses.add(2, {"G": torch.tensor(math.inf)})
    found = losses.look()
    assert found is not None
    assert found.reason == "G = inf at step 2; last good losses, step 1: G 1"


def test_divergence_at_the_first_step_says_so() -> None:
    found = watch({"G": math.nan}).look()
    assert found is not None
    assert found.reason == "G = nan at step 1, the first"


def test_nothing_to_look_at_is_no_divergence() -> None:
    assert LossWatch(1.0).look() is None
    assert LossWatch(1.0).latest == {}


@given(
    values=st.lists(st.floats(-200, 200, width=32), min_size=1, max_size=30),
    looks=st.sets(st.integers(1, 30)),
)
def test_when_it_is_looked_at_changes_nothing(values: list[float], looks: set[int]) -> None:
    losses, found = LossWatch(100.0), None
    for step, value in enumerate(values, 1):
        losses.add(step, {"G": torch.tensor(value)})
        if step in looks and found is None:
            found = losses.look()
    found = found or losses.look()
    bad = [step for step, value in enumerate(values, 1) if abs(value) > 100]
    assert (found.step if found else None) == (bad[0] if bad else None)


def test_losses_keep_no_graph_alive() -> None:
    weight = torch.ones(1, requires_grad=True)
    losses = LossWatch(1.0)
    losses.add(1, {"G": (weight * 0.5).sum()})
    assert not next(iter(losses._unseen[0][1].values())).requires_grad
