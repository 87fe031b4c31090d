"""Names of pages and parts: natural order, ids that are safe as file names and unique, words for parts."""

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath

from data.pair import Part

PART_OF_WORD: dict[str, Part] = {
    "train": "train", "val": "validation", "validation": "validation", "dev": "validation", "test": "test",
}  # fmt: skip
"""Words for parts, of a manifest's column `split` and of the splits of a dataset; case is ignored."""

MAX_ID = 120
"""Longer ids are shortened: file systems end at 255 bytes, and prefixes and suffixes are added."""

NaturalKey = tuple[tuple[int, int, str], ...]


def natural_key(text: str) -> NaturalKey:
    """A sort key under which page10 comes after page9."""
    pieces = re.split(r"(\d+)", text)
    return tuple((0, int(piece), "") if piece.isdecimal() else (1, 0, piece.casefold()) for piece in pieces if piece)


def natural_order(path: PurePosixPath) -> list[NaturalKey]:
    """A sort key of paths: `natural_key` folder by folder."""
    return [natural_key(part) for part in path.parts]


def id_texts(paths: Sequence[PurePosixPath]) -> list[str]:
    """The paths without their endings where that tells them apart (a.png and a.jpg do not), all different."""
    stems = [str(path.with_suffix("")) for path in paths]
    times, whole = Counter(stems), {str(path) for path in paths}
    return [
        stem if times[stem] == 1 and stem not in whole else str(path) for path, stem in zip(paths, stems, strict=True)
    ]


def safe_ids(paths: Sequence[str]) -> list[str]:
    """One id of [A-Za-z0-9._-] for each relative path (without its ending), all different even where case is ignored.

    A path of safe characters keeps its text, "/" becomes "_". Where characters had to be replaced, or two paths would
    meet in one id, eight hex digits of the path's sha256 follow, so that an id never depends on the files around it
    unless they collide.
    """
    plain = [_plain(path) for path in paths]
    times = Counter(text.casefold() for text in plain)
    return [
        text if times[text.casefold()] == 1 and _faithful(path, text) else _marked(path, text)
        for path, text in zip(paths, plain, strict=True)
    ]


def _plain(path: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "_", path)


def _faithful(path: str, text: str) -> bool:
    return path.replace("/", "_") == text and len(text) <= MAX_ID and text[0] not in ".-"


def _marked(path: str, text: str) -> str:
    digest = hashlib.sha256(path.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{text.lstrip('.-')[: MAX_ID - 9]}-{digest}".lstrip("-")
