"""`bench` in a process whose memory is limited while one function works on pix2pix: the system itself refuses more.

Environment: LITTLE_MODULE and LITTLE_NAME, the function; its second argument is a cell, or the name of a model.
"""

from __future__ import annotations

import importlib
import os
import resource
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.cli import main

MEBIBYTES = 100
"""Beyond what the process has when the function begins."""


def limit(module: str, name: str) -> None:
    """Let the function have little memory."""
    target = importlib.import_module(module)
    real = getattr(target, name)

    def in_little_memory(*given: Any) -> Any:
        if getattr(given[1], "model", given[1]) != "pix2pix":
            return real(*given)
        before = resource.getrlimit(resource.RLIMIT_AS)
        now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (now + MEBIBYTES * 2**20, before[1]))
        try:
            return real(*given)
        finally:
            resource.setrlimit(resource.RLIMIT_AS, before)

    setattr(target, name, in_little_memory)


if __name__ == "__main__":
    limit(os.environ["LITTLE_MODULE"], os.environ["LITTLE_NAME"])
    sys.argv[0] = "bench"
    main()
