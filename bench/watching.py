"""Shows a cell while it trains: the progress bar, and TensorBoard's scalars."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from torch.utils.tensorboard import SummaryWriter

from bench.progress import Bar


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
            self._writer.close()

    def begins(self, step: int) -> None:
        """Open TensorBoard's file; what an interrupted process wrote of steps after `step` is taken back."""
        self._bar.update(step)
        self._writer = SummaryWriter(str(self._tensorboard), purge_step=step + 1 if step else None)

    def losses(self, step: int, values: dict[str, float], images_per_second: float) -> None:
        """Show losses after `step` steps and the rate in images a second."""
        shown = "  ".join(f"{name} {value:.3g}" for name, value in values.items())
        self._bar.update(step, f"{images_per_second:.1f} images/s  {shown}")
        self._write({f"loss/{name}": value for name, value in values.items()}, step)
        self._write({"images_per_second": images_per_second}, step)

    def validation(self, step: int, values: dict[str, float]) -> None:
        """Record quick validation scores after `step` steps."""
        self._write({f"validation/{name}": value for name, value in values.items()}, step)

    def _write(self, values: dict[str, float], step: int) -> None:
        assert self._writer is not None, "`begins` comes first"
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)
