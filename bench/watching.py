"""Shows a cell while it trains: the progress bar, and TensorBoard's scalars."""

from __future__ import annotations

import logging
from pathlib import Path
from types import TracebackType

from torch.utils.tensorboard import SummaryWriter

from bench.progress import Bar

_log = logging.getLogger("bench")


class CellWatcher:
    """Passes losses and validation scores of one cell to its bar and to TensorBoard."""

    def __init__(self, bar: Bar, tensorboard: Path) -> None:
        self._bar = bar
        self._tensorboard = tensorboard
        self._writer: SummaryWriter | None = None

    def __enter__(self) -> CellWatcher:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None:
            try:
                self._writer.close()
            except OSError as failure:
                self._give_up(failure)

    def begins(self, step: int) -> None:
        """Open TensorBoard's file; what an interrupted process wrote of steps after `step` is taken back."""
        self._bar.update(step)
        try:
            self._writer = SummaryWriter(str(self._tensorboard), purge_step=step + 1 if step else None)
        except OSError as error:
            self._give_up(error)

    def losses(self, step: int, values: dict[str, float], images_per_second: float) -> None:
        """Show losses after `step` steps and the rate in images a second, 0 where nothing was timed yet."""
        shown = "  ".join(f"{name} {value:.3g}" for name, value in values.items())
        self._bar.update(step, f"{images_per_second:.1f} images/s  {shown}" if images_per_second else shown)
        self._write({f"loss/{name}": value for name, value in values.items()}, step)
        if images_per_second:
            self._write({"images_per_second": images_per_second}, step)

    def validation(self, step: int, values: dict[str, float]) -> None:
        """Record quick validation scores after `step` steps."""
        self._write({f"validation/{name}": value for name, value in values.items()}, step)

    def _write(self, values: dict[str, float], step: int) -> None:
        if self._writer is None:
            return
        try:
            for name, value in values.items():
                self._writer.add_scalar(name, value, step)
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        """Go on without TensorBoard: nothing depends on it, and its thread has ended with the error."""
        _log.warning(
            "%s: %s; the cell goes on without TensorBoard's curves", self._tensorboard, error.strerror or error
        )
        self._writer = None
