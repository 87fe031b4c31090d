"""A folder that this project writes into holds no way out of itself: what is written through a link lands elsewhere."""

from __future__ import annotations

import os
from pathlib import Path

from bench.errors import RequestError
from data.printing import printable


def refuse_links_out(root: Path) -> None:
    """Raise RequestError where a link below `root` leads out of it; `root` itself may be one, and links within it are fine."""
    whole = root.resolve()
    for parent, folders, files in os.walk(root):
        for name in (*folders, *files):
            path = Path(parent) / name
            if path.is_symlink() and not leads_into(path, whole):
                raise RequestError(
                    f"{printable(str(path))}: a link out of {printable(str(root))}, through which files elsewhere would be read or "
                    "overwritten; put the file or folder itself there"
                )


def refuse_link(path: Path) -> None:
    """Raise RequestError where `path` is a link: the folder that it leads to would be replaced."""
    if path.is_symlink():
        raise RequestError(f"{printable(str(path))}: a link; name the folder itself that it leads to")


def leads_into(path: Path, whole: Path) -> bool:
    """Whether `path`, its links followed as far as they go, lies in `whole`, a resolved folder."""
    try:
        return path.resolve().is_relative_to(whole)
    # A link to itself: RuntimeError before Python 3.13.
    except (OSError, RuntimeError):
        return False
