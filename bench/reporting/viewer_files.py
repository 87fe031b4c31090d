"""Which pictures a report holds for its comparison viewer, and what they are called.

Their names are numbers: pictures/<window>/<side>.webp and <side>-lines.png, pictures/thumbnails/<window>.webp, with the window's
place among the sorted windows of the run and the side's place in `viewer_sides.sides`. Nothing in them comes from the run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

PICTURES = "pictures"
_THUMBNAILS = "thumbnails"
_NAME = re.compile(rf"(?:{_THUMBNAILS}/([0-9]{{1,9}})\.webp|([0-9]{{1,9}})/([0-9]{{1,3}})(\.webp|-lines\.png))")


def thumbnail_name(window: int) -> str:
    """Return where the thumbnail of a window lies in the folder of pictures."""
    return f"{_THUMBNAILS}/{window}.webp"


def picture_name(window: int, side: int) -> str:
    """Return where one side of a window lies in the folder of pictures."""
    return f"{window}/{side}.webp"


def lines_name(window: int, side: int) -> str:
    """Return where the lines of one side of a window lie in the folder of pictures."""
    return f"{window}/{side}-lines.png"


@dataclass(slots=True)
class HeldPictures:
    """What lies in a report: windows with a thumbnail; by window, the sides with a picture, and those with lines."""

    thumbnails: set[int] = field(default_factory=set)
    pictures: dict[int, set[int]] = field(default_factory=dict)
    lines: dict[int, set[int]] = field(default_factory=dict)
    size: int = 0
    """Bytes of all of them."""


def held_pictures(report: Path) -> HeldPictures:
    """Return which pictures lie in `report`; files of other names are passed over."""
    held, folder = HeldPictures(), report / PICTURES
    for path in folder.rglob("*"):
        name = _NAME.fullmatch(path.relative_to(folder).as_posix())
        if name is None:
            continue
        held.size += path.stat().st_size
        thumbnail, window, side, kind = name.groups()
        if thumbnail is not None:
            held.thumbnails.add(int(thumbnail))
        else:
            kept = held.pictures if kind == ".webp" else held.lines
            kept.setdefault(int(window), set()).add(int(side))
    return held
