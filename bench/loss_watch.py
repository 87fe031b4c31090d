"""Watches the losses of a cell: keeps those since the last look and finds the step at which training diverged."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Divergence:
    """The step at which a loss was no number or too large, its losses, and the last ones before that were sound."""

    step: int
    losses: Mapping[str, float]
    limit: float
    last_good: tuple[int, Mapping[str, float]] | None

    @property
    def reason(self) -> str:
        """One line: which losses went wrong at which step, and the last good ones."""
        bad = ", ".join(f"{name} = {value:.4g}" for name, value in self.losses.items() if not _sound(value, self.limit))
        if self.last_good is None:
            return f"{bad} at step {self.step}, the first"
        step, losses = self.last_good
        return f"{bad} at step {self.step}; last good losses, step {step}: {_shown(losses)}"


class LossWatch:
    """Takes every step's losses without waiting for the device; `look` waits once for all of them."""

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._unseen: list[tuple[int, dict[str, torch.Tensor]]] = []
        self._last_good: tuple[int, dict[str, float]] | None = None

    def add(self, step: int, losses: Mapping[str, torch.Tensor]) -> None:
        """Keep the losses (one number each) of a step until they are looked at."""
        self._unseen.append((step, {name: value.detach().reshape(()) for name, value in losses.items()}))

    def look(self) -> Divergence | None:
        """Return the first step since the last look that diverged, or None; `latest` then holds the newest losses."""
        unseen, self._unseen = self._unseen, []
        tensors = [value.float() for _, losses in unseen for value in losses.values()]
        numbers = iter(torch.stack(tensors).tolist()) if tensors else iter(())
        for step, losses in unseen:
            values = {name: next(numbers) for name in losses}
            if not all(_sound(value, self._limit) for value in values.values()):
                return Divergence(step, values, self._limit, self._last_good)
            self._last_good = (step, values)
        return None

    @property
    def latest(self) -> dict[str, float]:
        """The newest losses that were looked at and found sound."""
        return dict(self._last_good[1]) if self._last_good else {}


def _sound(value: float, limit: float) -> bool:
    return math.isfinite(value) and abs(value) <= limit


def _shown(losses: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in losses.items())
