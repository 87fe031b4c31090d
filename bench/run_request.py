"""What one `bench run` was asked to do, beside the experiment: where, on what, and how to go about it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench.experiment import Experiment


@dataclass(frozen=True)
class Request:
    """One `bench run`: the experiment, where it goes, and how this machine is to work on it.

    `retry_failed`: cells that failed, out of memory for instance, are taken up again where they were.
    """

    experiment: Experiment
    out: Path
    device: str
    cache: Path
    plan: Path | None
    deterministic: bool
    offline: bool = False
    retry_failed: bool = False
