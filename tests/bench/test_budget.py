"""Budgets: what is asked for, how it is shared, the schedule over it, and the clock."""

import contextlib
import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.budget import Budget, TrainingClock, lr_factor
from bench.errors import RequestError


@pytest.mark.parametrize(
    ("text", "amount", "unit"),
    [
        ("10h", 36000, "seconds"),
        ("6m", 360, "seconds"),
        ("90s", 90, "seconds"),
        ("1h30m", 5400, "seconds"),
        ("1.5h", 5400, "seconds"),
        ("2-pflop", 2e15, "flops"),
        ("500-tflops", 5e14, "flops"),
        ("200k-images", 200_000, "images"),
        ("1-image", 1, "images"),
        ("5k-steps", 5000, "steps"),
        ("300-steps", 300, "steps"),
        ("2m-steps", 2_000_000, "steps"),
        (" 6M ", 360, "seconds"),
    ],
)
def test_every_unit_is_read(text: str, amount: float, unit: str) -> None:
    budget = Budget.parse(text)
    assert (budget.amount, budget.unit) == (pytest.approx(amount), unit)


@pytest.mark.parametrize(
    "text",
    ["10x", "-5m", "0h", "0-steps", "", "h", "5", "5-", "1h-steps", "nan-steps", "5 m m", "1e3-steps", "3-pages"],
)
def test_what_is_not_a_budget_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(RequestError, match="--budget") as caught:
        Budget.parse(text)
    assert "\n" not in str(caught.value)


@given(st.text(max_size=20))
def test_any_text_is_a_positive_budget_or_refused(text: str) -> None:
    with contextlib.suppress(RequestError):
        assert Budget.parse(text).amount > 0


@given(st.integers(1, 10**7), st.integers(1, 50))
def test_steps_are_shared_equally_and_never_exceed_the_budget(total: int, cells: int) -> None:
    budget = Budget.parse(f"{total}-steps")
    if total < cells:
        with pytest.raises(RequestError, match="too small"):
            budget.steps(cells, batch_size=1, seconds_per_step=1, flops_per_step=1)
        return
    steps = budget.steps(cells, batch_size=1, seconds_per_step=1, flops_per_step=1)
    assert steps == total // cells


def test_equal_shares_buy_steps_in_inverse_proportion_to_their_cost() -> None:
    cost = {"seconds_per_step": 0.5, "flops_per_step": 4e9}
    assert Budget.parse("6m").steps(8, batch_size=4, **cost) == 90
    assert Budget.parse("8-tflop").steps(8, batch_size=4, **cost) == 250
    assert Budget.parse("320-images").steps(8, batch_size=4, **cost) == 10
    assert Budget.parse("320-steps").steps(8, batch_size=4, **cost) == 40


def test_schedule_is_constant_then_linear_and_the_last_step_still_trains() -> None:
    factors = [lr_factor(step, 200, 0.5) for step in range(200)]
    assert factors[:101] == [1.0] * 101
    assert factors[150] == pytest.approx(0.5)
    assert factors[199] == pytest.approx(0.01)
    assert all(earlier >= later for earlier, later in itertools.pairwise(factors))


@given(st.integers(1, 500), st.floats(0, 0.99))
def test_schedule_stays_positive_for_any_length(steps: int, constant: float) -> None:
    assert all(0 < lr_factor(step, steps, constant) <= 1 for step in range(steps))


def test_clock_counts_only_while_it_runs_and_goes_on_after_a_resume() -> None:
    clock = TrainingClock(lambda: None, seconds=5.0)
    clock.start()
    time.sleep(0.02)
    clock.pause()
    paused = clock.seconds
    time.sleep(0.02)
    assert clock.seconds == paused
    assert 5.02 <= paused < 6.0
