"""`bench` that dies: at the first write of every kind that is new to the file FAULT_SEEN, the process is killed.

Writes are seen by tests/bench/conftest.py's audit hook; FAULT_FOLDER is the folder whose writes count.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parent)]

from write_faults import WriteFaults  # noqa: E402 -- both lie where Python does not look

from bench.cli import main  # noqa: E402


def die_at_new_kinds(folder: Path, seen: Path) -> None:
    """Install the hook; kinds of writes at which the process has died before are read from `seen`, and the next added."""

    def die(kind: str, path: str) -> None:
        with seen.open("a") as file:
            file.write(kind + "\n")
        os.kill(os.getpid(), signal.SIGKILL)

    faults = WriteFaults.installed()
    known = set(seen.read_text().splitlines()) if seen.exists() else set()
    faults.arm(folder, known, die)


if __name__ == "__main__":
    die_at_new_kinds(Path(os.environ["FAULT_FOLDER"]), Path(os.environ["FAULT_SEEN"]))
    sys.argv[0] = "bench"
    main()
