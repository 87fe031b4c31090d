"""run.log, in lines that a person reads and a program parses; and the warnings of a run, gathered for its end.

A line has four columns with tabs between them: time (UTC, ISO 8601), level, what happened in words, and the same in fields as
JSON ("{}" where there are none). A line is never broken: what comes from outside has its control characters taken out.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.logging import RichHandler

_log = logging.getLogger("bench")

QUIET = "quiet"
"""Attribute of a record that is for the file alone, since the terminal shows the same in another way."""

PASSING = "passing doubt"
"""The event of warnings that belong to a moment of training: the report repeats those that hold at its end."""


def fields(event: str, values: Mapping[str, Any], *, quiet: bool = False) -> dict[str, Any]:
    """Return the `extra` of a log call: what happened, by a fixed name, with its values. `quiet`: not for the terminal."""
    return {"fields": {"event": event} | dict(values), QUIET: quiet}


@dataclass(frozen=True)
class Line:
    """One line of a run.log."""

    time: datetime
    level: str
    text: str
    fields: Mapping[str, Any]


def read_log(path: Path) -> list[Line]:
    """Return the lines of the run.log at `path`; what a crash or another program left there broken is passed over."""
    lines = []
    for written in path.read_text(encoding="utf-8", errors="replace").splitlines():
        parts = written.split("\t")
        try:
            time, level, text, values = parts
            lines.append(Line(datetime.fromisoformat(time), level, text, json.loads(values)))
        except ValueError:
            continue
    return lines


class _LineFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        values = json.dumps(getattr(record, "fields", {}), default=str)
        return "\t".join((time, record.levelname, one_line(record.getMessage()), values))


class _TextFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return one_line(record.getMessage())


class Warnings(logging.Handler):
    """Keeps every warning once, in the order in which they came."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the record's text."""
        if getattr(record, "fields", {}).get("event") == PASSING:
            return
        text = one_line(record.getMessage())
        if text not in self.texts:
            self.texts.append(text)


class _Loud(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return not getattr(record, QUIET, False)


class _LogFile(logging.FileHandler):
    """A log that cannot be written, on a full disk say, is said once; what it tells of goes on, or stops in its own way."""

    _told = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 -- logging calls it so
        """Say on the terminal that lines are missing."""
        self._tell(sys.exc_info()[1])

    def close(self) -> None:
        """Close the file; what could not be written is lost."""
        try:
            super().close()
        except OSError as error:
            self._tell(error)

    def _tell(self, error: BaseException | None) -> None:
        if not self._told:
            self._told = True
            print(f"bench: {self.baseFilename}: lines are missing ({error})", file=sys.stderr)


@contextmanager
def logging_to(path: Path | None, console: Console | None) -> Iterator[Warnings]:
    """Send log lines to the console and the file at `path`, each where there is one; yields the warnings as they come."""
    warnings = Warnings()
    handlers: list[logging.Handler] = [warnings]
    if console is not None:
        handlers.append(_to_console(console))
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        to_file = _LogFile(path, encoding="utf-8", errors="backslashreplace")
        to_file.setFormatter(_LineFormatter())
        handlers.append(to_file)
    _log.setLevel(logging.INFO)
    _log.propagate = False
    for handler in handlers:
        _log.addHandler(handler)
    try:
        yield warnings
    finally:
        for handler in handlers:
            _log.removeHandler(handler)
            handler.close()


def _to_console(console: Console) -> logging.Handler:
    handler: logging.Handler
    if console.is_terminal:
        handler = RichHandler(console=console, show_path=False, show_level=False, log_time_format="%H:%M:%S")
    else:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(_TextFormatter())
    handler.addFilter(_Loud())
    return handler


def one_line(text: str) -> str:
    """Return `text` without line breaks and without characters that a terminal would obey."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
