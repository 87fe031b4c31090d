"""How far something is: a live line on a terminal, plain lines elsewhere and in run.log."""

from __future__ import annotations

import logging
import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from bench.run_log import fields

PLAIN_LINE_SECONDS = 10.0
"""A line of run.log, and of output that is not a terminal, at most this often."""

_log = logging.getLogger("bench")


class Bar:
    """One bar: on a terminal a live line, elsewhere plain lines now and then."""

    def __init__(self, console: Console, title: str, total: int, unit: str = "step") -> None:
        self._live = console.is_terminal
        self._title, self._total, self._unit = title, total, unit
        self._printed = time.monotonic()
        self._progress = Progress(
            TextColumn("{task.description:<18}"),
            BarColumn(bar_width=24),
            TextColumn("{task.completed}/{task.total} " + unit + "s"),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[note]}"),
            console=console,
            transient=True,
            disable=not self._live,
        )
        self._task: TaskID = self._progress.add_task(title, total=total, note="")

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def update(self, done: int, note: str = "", total: int | None = None) -> None:
        """Show that `done` of the total is done, with a short note."""
        self._total = total or self._total
        self._progress.update(self._task, completed=done, note=note, total=self._total)
        now = time.monotonic()
        if now - self._printed > PLAIN_LINE_SECONDS:
            self._printed = now
            values = {"what": self._title, "done": done, "of": self._total, "unit": self._unit}
            _log.info(
                "%s: %d/%d %ss  %s", self._title, done, self._total, self._unit, note,
                extra=fields("progress", values, quiet=self._live),
            )  # fmt: skip
