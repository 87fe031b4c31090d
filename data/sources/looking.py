"""What only pixels tell about a layout: which of two sides is the B/W one, and whether files hold two halves."""

from collections.abc import Sequence
from statistics import median
from typing import Literal, TypeVar

import numpy as np
from PIL import Image

from data.alignment import alignment
from data.colourfulness import colourfulness
from data.errors import DiskError, UnreadableImage
from data.images import decode_image
from data.pair import Pixels
from data.sources.file_source import Half, halves
from data.sources.listing import StoredImage

LOOKED_AT = 8
"""Pages that are looked at, evenly spaced."""

MOST_CONTRARY = 0.25
"""Files are taken for side-by-side pairs when at most this share of those looked at is something else."""

MOST_COLOUR_OF_BW = 15.0
"""Colourfulness: the upper bound of "not to slightly colourful" of Hasler and Süsstrunk 2003, table 2."""

LARGEST_RATIO = 0.5
"""The B/W side has at most this share of the other's colourfulness."""

_SIDE = 512
"""Pictures are reduced to at most this side, px, before they are compared."""

Item = TypeVar("Item")
Pair = tuple[Pixels, Pixels]


def sample(items: Sequence[Item], count: int = LOOKED_AT) -> list[Item]:
    """At most `count` of the items, evenly spaced."""
    chosen = min(count, len(items))
    return [items[at * len(items) // chosen] for at in range(chosen)]


def bw_side(pairs: Sequence[Pair]) -> int | None:
    """0 where the first pictures of the pairs are the B/W ones, 1 where the second are; None where colour cannot tell."""
    if not pairs:
        return None
    found = [median(colourfulness(_reduced(pair[side])) for pair in pairs) for side in (0, 1)]
    less, more = sorted(found)
    if less > MOST_COLOUR_OF_BW or less > LARGEST_RATIO * more or more < 1.0:
        return None
    return found.index(less)


def read_pairs(pairs: Sequence[tuple[StoredImage, StoredImage]]) -> list[Pair]:
    """The pictures of the pairs that can be read."""
    pictures = []
    for first, second in pairs:
        try:
            pictures.append((_read(first), _read(second)))
        except (UnreadableImage, DiskError):
            continue
    return pictures


def read_halves(images: Sequence[StoredImage]) -> list[Pair]:
    """The halves of the files that can be read and have an even width."""
    pictures = []
    for image in images:
        try:
            whole = _read(image)
        except (UnreadableImage, DiskError):
            continue
        if whole.shape[1] % 2 == 0:
            pictures.append(halves(whole))
    return pictures


def side_by_side(images: Sequence[StoredImage]) -> Half | None:
    """Which half is the B/W one, if the files are pairs side by side; None if they are not.

    A file is one if its width is even, one half is coloured and the other not, and both show the same drawing.
    """
    chosen = sample(images)
    votes: list[Half] = []
    contrary = 0
    for image in chosen:
        verdict = _looked_at(image)
        if verdict == "left" or verdict == "right":
            votes.append(verdict)
        elif verdict == "neither":
            contrary += 1
        # Colour pages, the common case, are not read on when the answer is known.
        if contrary > MOST_CONTRARY * len(chosen):
            return None
    for half in set(votes):
        if votes.count(half) >= (1.0 - MOST_CONTRARY) * (len(votes) + contrary):
            return half
    return None


def _looked_at(image: StoredImage) -> Half | Literal["neither", "unknown"]:
    """What one file is: "left" or "right", its B/W half; "neither"; "unknown": unreadable, or too grey or empty to tell."""
    try:
        whole = _read(image)
    except (UnreadableImage, DiskError):
        return "unknown"
    if whole.shape[1] % 2:
        return "neither"
    left, right = map(_reduced, halves(whole))
    side = bw_side([(left, right)])
    if side is None:
        grey = max(colourfulness(left), colourfulness(right)) < MOST_COLOUR_OF_BW
        return "unknown" if grey else "neither"
    found = alignment(*((left, right) if side == 0 else (right, left))).verdict
    if found == "aligned":
        return "left" if side == 0 else "right"
    return "unknown" if found == "unknown" else "neither"


def _read(image: StoredImage) -> Pixels:
    return decode_image(image.content(), image.name)


def _reduced(picture: Pixels) -> Pixels:
    image = Image.fromarray(picture)
    image.thumbnail((_SIDE, _SIDE), Image.Resampling.BOX)
    return np.asarray(image, dtype=np.uint8)
