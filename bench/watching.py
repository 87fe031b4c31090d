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
        self._writer = SummaryWriter(str(tensorboard))

    def __enter__(self) -> CellWatcher:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()

    def losses(self, step: int, values: dict[str, float], images_per_second: float) -> None:
        """Show losses after `step` steps and the rate in images a second."""
        shown = "  ".join(f"{name} {value:.3g}" for name, value in values.items())
        self._bar.update(step, f"{images_per_second:.1f} images/s  {shown}")
        for name, value in values.items():
            self._writer.add_scalar(f"loss/{name}", value, step)
        self._writer.add_scalar("images_per_second", images_per_second, step)

    def validation(self, step: int, values: dict[str, float]) -> None:
        """Record quick validation scores after `step` steps."""
        for name, value in values.items():
            self._writer.add_scalar(f"validation/{name}", value, step)
