"""The harness's own share of the training clock: everything in it that is not the training step itself.

    python benchmarks/overhead.py [any options of `bench run`]

Runs `bench run` with these options (by default the demo's models at its sizes, 300 steps each) into a temporary folder, times
every step from inside, waiting for the device, and compares the sum with what the cells' clocks say. Making the batch counts as
overhead.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from torch import Tensor

import bench.training
from bench.cli import main as bench_command
from bench.devices import synchroniser
from bench.files import read_json
from bench.stepping import Losses, Stepper

DEFAULT = (
    "run", "--preset", "demo", "--data", "synthetic", "--seeds", "1", "--budget", "1200-steps",
    "--set", "data.synthetic_pages=80",
)  # fmt: skip


class TimedStepper(Stepper):
    """A stepper that adds up the time of its steps."""

    spent: float = 0.0

    def step(self, bw: Tensor, color: Tensor) -> Losses:
        """Do the step, and wait for it."""
        warm, synchronise = self.warm, synchroniser(self._device)
        began = time.perf_counter()
        losses = super().step(bw, color)
        synchronise()
        if warm:
            TimedStepper.spent += time.perf_counter() - began
        return losses


@contextmanager
def _timed() -> Iterator[None]:
    plain = bench.training.Stepper
    bench.training.Stepper = TimedStepper  # type: ignore[misc]
    try:
        yield
    finally:
        bench.training.Stepper = plain  # type: ignore[misc]


def main() -> None:
    """Run, and print seconds of the clock, of the steps, and the share of the rest."""
    with tempfile.TemporaryDirectory() as place, _timed():
        out = Path(place) / "run"
        options = ["run", *sys.argv[1:]] if sys.argv[1:] else DEFAULT
        try:
            sys.argv = ["bench", *options, "--out", str(out)]
            bench_command()
        except SystemExit as end:
            if end.code:
                raise
        clock = sum(read_json(path)["seconds"] for path in out.glob("cells/*-seed*/status.json"))
        steps = sum(read_json(path)["step"] for path in out.glob("cells/*-seed*/status.json"))
    print(
        f"{steps} steps: clock {clock:.2f} s, steps alone {TimedStepper.spent:.2f} s, overhead {1 - TimedStepper.spent / clock:.1%}"
    )


if __name__ == "__main__":
    main()
