"""Sees every write below a folder, whoever does it, and lets one fail: an audit hook on opening for writing and on renaming."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

_WRITING = os.O_WRONLY | os.O_RDWR

Fault = Callable[[str, str], None]
"""Is given the kind of a write and the file's path; what it raises, the write raises."""


class WriteFaults:
    """At the first write of every kind that it has not seen before, does what it was armed with.

    The kind is the event and the path with numbers, window names and temporary names taken out. An audit hook stays for the life of
    the process, so there is one for all tests.
    """

    _only: ClassVar[WriteFaults | None] = None

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self._folder: str | None = None
        self._fault: Fault | None = None
        sys.addaudithook(self._hook)

    @classmethod
    def installed(cls) -> WriteFaults:
        """Return the one that this process has."""
        cls._only = cls._only or cls()
        return cls._only

    def arm(self, folder: Path, seen: set[str], fault: Fault) -> None:
        """From now on do `fault` at every kind of write below `folder` that is not among `seen`, which grows."""
        self._folder, self.seen, self._fault = str(folder.resolve()), seen, fault

    def disarm(self) -> None:
        """Let every write be."""
        self._folder = None

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._folder is None or event not in ("open", "os.rename"):
            return
        path = _written(event, arguments)
        if path is None or not path.startswith(self._folder + os.sep):
            return
        kind = f"{event} {_general(os.path.relpath(path, self._folder))}"
        if kind not in self.seen and self._fault is not None:
            self.seen.add(kind)
            self._fault(kind, path)


def _written(event: str, arguments: tuple[Any, ...]) -> str | None:
    if event == "os.rename":
        return _absolute(arguments[1])
    path, mode, flags = arguments
    writes = any(letter in mode for letter in "wax+") if isinstance(mode, str) else bool(int(flags or 0) & _WRITING)
    return _absolute(path) if writes else None


def _absolute(path: Any) -> str | None:
    # Links are not followed: the hook is called by everything, and must not itself touch the disk.
    return os.path.abspath(os.fsdecode(path)) if isinstance(path, str | bytes | os.PathLike) else None  # noqa: PTH100


def _general(path: str) -> str:
    path = re.sub(r"\.report\.[^/]+", ".report", path)
    path = re.sub(r"(figures|tables|pictures)/.*?(-[a-z]+)?\.(\w+)$", r"\1/ANY\2.\3", path)
    path = re.sub(r"\d+-[0-9a-f]{8}\.tmp$", "N.tmp", path)
    path = re.sub(r"[0-9a-f]{16,}", "DIGEST", path)
    path = re.sub(r"[a-z]+-c\d+-p\d+-\d", "WINDOW", path)
    return re.sub(r"events\.out.*", "events", re.sub(r"\d+", "N", path))
