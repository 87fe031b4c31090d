"""How a run is stopped from outside: Ctrl-C and SIGTERM finish the step and save; a second Ctrl-C stops at once."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

EXIT_SIGTERM = 75
"""Exit code after SIGTERM with everything saved (sysexits' EX_TEMPFAIL: try again), as clusters understand it."""

EXIT_INTERRUPTED = 130
"""Exit code after Ctrl-C (128 + SIGINT)."""


SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(Exception):
    """Raised at the next safe point after a stop was asked for; carries the exit code."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(f"stopped with exit code {exit_code}")
        self.exit_code = exit_code


class StopRequest:
    """Remembers that a stop was asked for, until a safe point asks."""

    def __init__(self) -> None:
        self.exit_code: int | None = None

    def __bool__(self) -> bool:
        return self.exit_code is not None

    def check(self) -> None:
        """Raise Stopped where a stop was asked for: call where everything is saved."""
        if self.exit_code is not None:
            raise Stopped(self.exit_code)

    def listen(self) -> None:
        """Take the signals, again where another library has taken them since, as Ray does."""
        for number in SIGNALS:
            signal.signal(number, self._handle)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGINT and self.exit_code is not None:
            raise KeyboardInterrupt
        self.exit_code = EXIT_INTERRUPTED if number == signal.SIGINT else EXIT_SIGTERM
        if number == signal.SIGINT and sys.stderr is not None:
            # Past the buffers, which the interrupted code may be writing to.
            with contextlib.suppress(OSError, ValueError):
                os.write(sys.stderr.fileno(), b"\nbench: stopping at the next safe point; Ctrl-C again stops at once\n")


@contextmanager
def listening() -> Iterator[StopRequest]:
    """Yield a StopRequest that Ctrl-C and SIGTERM set while the context lasts; the handlers before are put back after."""
    request = StopRequest()
    before = {number: signal.getsignal(number) for number in SIGNALS}
    request.listen()
    try:
        yield request
    finally:
        for number, handler in before.items():
            # None: one that was not installed from Python, which cannot be put back.
            if handler is not None:
                signal.signal(number, handler)
