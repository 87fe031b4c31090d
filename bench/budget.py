"""Training compute: how it is asked for, shared out, turned into steps, and timed.

A budget belongs to a whole experiment and is split equally over its trained cells. Its unit is one of seconds, FLOPs, images
and steps; whatever the unit, every cell ends up with a step count that is fixed before it starts, so that a run can be repeated.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from bench.errors import RequestError

Unit = Literal["seconds", "flops", "images", "steps"]

DEADLINE_FACTOR = 1.5
"""A cell may use 1.5 times its share of useful training time before it is cut and marked (design, section 2)."""

MOST = 1e30
"""Larger amounts are refused in any unit, so that no share of one becomes infinite."""

_SECONDS: dict[str, float] = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_FLOPS: dict[str, float] = {"gflop": 1e9, "tflop": 1e12, "pflop": 1e15, "eflop": 1e18}
_PREFIX: dict[str, float] = {"": 1.0, "k": 1e3, "m": 1e6}
_NUMBER = r"\d+(?:\.\d+)?"
_TIME = re.compile(rf"^(?:{_NUMBER}[dhms])+$")
_COUNT = re.compile(rf"^(?P<number>{_NUMBER})(?P<prefix>[km]?)-(?P<unit>images?|steps?|[gtpe]flops?)$")
_EXAMPLES = "10h, 6m, 1h30m, 2-pflop, 200k-images or 5k-steps"


@dataclass(frozen=True, slots=True)
class Budget:
    """Training compute of a whole experiment: `amount` in `unit` (seconds, FLOPs, images or optimisation steps)."""

    text: str
    amount: float
    unit: Unit

    @classmethod
    def parse(cls, text: str) -> Budget:
        """Return the budget that `text` asks for; raises RequestError for anything that is not a positive amount."""
        cleaned = text.strip().lower()
        amount, unit = _parse_time(cleaned) or _parse_count(cleaned) or (0.0, "seconds")
        if not 0 < amount <= MOST:
            raise RequestError(f"--budget {text!r:.200} is not a budget: give a positive amount such as {_EXAMPLES}")
        return cls(cleaned, amount, unit)

    def share(self, trained_cells: int) -> float:
        """Return the amount that each of `trained_cells` cells gets."""
        return self.amount / trained_cells

    def steps(self, trained_cells: int, *, batch_size: int, seconds_per_step: float, flops_per_step: float) -> int:
        """Return how many steps of a model one cell's share buys; raises RequestError where it buys none."""
        per_step = {"seconds": seconds_per_step, "flops": flops_per_step, "images": float(batch_size), "steps": 1.0}
        steps = int(self.share(trained_cells) / per_step[self.unit] * (1 + 1e-12))
        if steps < 1:
            raise RequestError(
                f"--budget {self.text} is too small: its share for each of the {trained_cells} trained cells is "
                f"{self.share(trained_cells):.3g} {self.unit}, and one step takes {per_step[self.unit]:.3g}; "
                "give a larger budget, fewer seeds or fewer models"
            )
        return steps


def _parse_time(text: str) -> tuple[float, Unit] | None:
    if not _TIME.match(text):
        return None
    parts = re.findall(rf"({_NUMBER})([dhms])", text)
    return sum(float(number) * _SECONDS[unit] for number, unit in parts), "seconds"


def _parse_count(text: str) -> tuple[float, Unit] | None:
    match = _COUNT.match(text)
    if match is None:
        return None
    amount = float(match["number"]) * _PREFIX[match["prefix"]]
    name = match["unit"].removesuffix("s")
    if name in _FLOPS:
        return amount * _FLOPS[name], "flops"
    return amount, "images" if name == "image" else "steps"


def lr_factor(step: int, steps: int, constant_share: float) -> float:
    """Return the factor on every learning rate for `step` (0-based) of `steps`: constant, then linear towards zero.

    Source: the originals' schedule (100 epochs constant, 100 linear) laid over the budget. The progress is taken at the
    beginning of a step, so that the last step still trains; the original's last epoch has a rate of exactly zero, by an
    off-by-one of its scheduler, which is deliberately not repeated.
    """
    progress = step / steps
    if progress <= constant_share:
        return 1.0
    return (1.0 - progress) / (1.0 - constant_share)


class TrainingClock:
    """Counts useful training seconds: paused for validation, checkpoints and everything else that is not training.

    `synchronise` waits for the device, so that queued GPU work is counted where it belongs.
    """

    def __init__(self, synchronise: Callable[[], None], seconds: float = 0.0) -> None:
        self._synchronise = synchronise
        self._before = seconds
        self._started: float | None = None

    @property
    def runs(self) -> bool:
        """Whether it is counting."""
        return self._started is not None

    def start(self) -> None:
        """Let the clock run."""
        self._synchronise()
        self._started = time.perf_counter()

    def pause(self) -> None:
        """Stop counting; `start` goes on from here."""
        self._synchronise()
        self._before = self.seconds
        self._started = None

    @property
    def seconds(self) -> float:
        """Useful training seconds so far, without waiting for the device."""
        running = 0.0 if self._started is None else time.perf_counter() - self._started
        return self._before + running
