"""What a person sees while a run works: a live line a cell on a terminal, plain lines elsewhere, and run.log always."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.logging import RichHandler
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

PLAIN_LINE_SECONDS = 10.0
"""Where output is not a terminal, a line at most this often."""

_log = logging.getLogger("bench")


@contextmanager
def logging_to(path: Path | None, console: Console) -> Iterator[None]:
    """Send log lines to the console and, with a time, to the file at `path`, while the context lasts."""
    handlers: list[logging.Handler] = []
    if console.is_terminal:
        handlers.append(RichHandler(console=console, show_path=False, show_level=False, log_time_format="%H:%M:%S"))
    else:
        handlers.append(logging.StreamHandler(sys.stderr))
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        to_file = logging.FileHandler(path, encoding="utf-8")
        to_file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S"))
        handlers.append(to_file)
    _log.setLevel(logging.INFO)
    _log.propagate = False
    for handler in handlers:
        _log.addHandler(handler)
    try:
        yield
    finally:
        for handler in handlers:
            _log.removeHandler(handler)
            handler.close()


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
        if not self._live and (now - self._printed > PLAIN_LINE_SECONDS):
            self._printed = now
            _log.info("%s: %d/%d %ss  %s", self._title, done, self._total, self._unit, note)
