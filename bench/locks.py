"""Locks on the files of a run: the operating system's own, so that a lock ends with its process, however that ends."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from bench.errors import RequestError

POLL_SECONDS = 0.5
"""How often a process that waits for a lock tries again."""

TRIES = 5
PAUSE_SECONDS = 0.1


@contextmanager
def held(path: Path, *, shared: bool = False, mend: str) -> Iterator[None]:
    """Hold the lock file at `path` while the context lasts; raises RequestError naming the holder where it is taken.

    `shared`: together with others who share it, but with nobody who does not. `mend` ends the error's line.
    """
    with _opened(path) as file:
        if not _taken_soon(file, path, shared=shared):
            raise RequestError(f"{path.parent}: in use by {_name(file)}; {mend}")
        _sign(file)
        yield


@contextmanager
def waited_for(path: Path, on_wait: Callable[[str], None], safe_point: Callable[[], None]) -> Iterator[None]:
    """Hold the lock file at `path`, waiting until it is free.

    `on_wait` is told once who has it; `safe_point` is called while waiting and may raise to stop.
    """
    with _opened(path) as file:
        told = False
        while not _taken(file, path, shared=False):
            if not told:
                on_wait(_name(file))
                told = True
            safe_point()
            time.sleep(POLL_SECONDS)
        _sign(file)
        yield


def holder(path: Path) -> str | None:
    """Return who holds the lock file at `path`, such as "process 12 on host"; None where nobody does."""
    try:
        with path.open("r") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return _name(file)
    except OSError:
        return None
    return None


@contextmanager
def _opened(path: Path) -> Iterator[IO[str]]:
    path.parent.mkdir(parents=True, exist_ok=True)
    # A lock that somebody made into a link would have its target overwritten.
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    with os.fdopen(descriptor, "r+", encoding="utf-8", errors="replace") as file:
        yield file


def _taken_soon(file: IO[str], path: Path, *, shared: bool) -> bool:
    # Who only looks whether it is taken (`holder`) has it for an instant.
    for _ in range(TRIES):
        if _taken(file, path, shared=shared):
            return True
        time.sleep(PAUSE_SECONDS)
    return False


def _taken(file: IO[str], path: Path, *, shared: bool) -> bool:
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP):
            raise
        raise RequestError(
            f"{path.parent}: its file system has no locks ({error.strerror}), so two processes could spoil a run there; put the "
            "run on another file system (on Lustre: mount with -o flock)"
        ) from None
    return True


def _name(file: IO[str]) -> str:
    file.seek(0)
    shown = "".join(letter for letter in file.read(200) if letter.isprintable()).strip()
    return shown or "another process"


def _sign(file: IO[str]) -> None:
    file.seek(0)
    file.truncate(0)
    file.write(f"process {os.getpid()} on {os.uname().nodename}")
    file.flush()
