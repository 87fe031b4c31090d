"""Folder names that say which side of a pair, and which part of a split, the images below them are. Names alone: nothing
is read here.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Literal

from data.pair import Part
from data.sources.listing import StoredImage

LAYOUTS = ("auto", "pairs", "side-by-side", "color")
"""What `layout` may be. pairs: two files a page; side-by-side: one file, two halves; color: no B/W."""

PART_OF_FOLDER: dict[str, Part] = {
    "train": "train", "val": "validation", "valid": "validation", "validation": "validation", "test": "test",
}  # fmt: skip
"""Folders that hold a part of a split; case is ignored here and below."""

BW_FOLDERS = ("bw", "lineart")
COLOR_FOLDERS = ("color", "colour")

Side = Literal["bw", "color", "A", "B"]

_SIDE_OF_FOLDER: dict[str, Side] = {**dict.fromkeys(BW_FOLDERS, "bw"), **dict.fromkeys(COLOR_FOLDERS, "color")}
_SIDE_OF_LETTER: dict[str, Side] = {"a": "A", "b": "B"}
_OTHER: dict[Side, Side] = {"bw": "color", "color": "bw", "A": "B", "B": "A"}


@dataclass(frozen=True, slots=True)
class Spot:
    """What an image's place says.

    Attributes:
        image: itself.
        top: the folders that say it, such as "trainA" or "train/bw".
        partner: the folders that its partner is looked for in, such as "trainB".
        side: which side of its pair it is.
        part_folder: the folder of its part, such as "val"; "" where there is none.
        below: its path below `top`.
    """

    image: StoredImage
    top: str
    partner: str
    side: Side
    part_folder: str
    below: PurePosixPath

    @property
    def part(self) -> Part | None:
        """The part that its folder means."""
        return part_of(self.part_folder)


Scheme = Callable[[StoredImage], Spot | None]


def part_of(folder: str) -> Part | None:
    """The part of a split that a folder name means."""
    return PART_OF_FOLDER.get(folder.casefold())


def has_part_folders(paths: Sequence[PurePosixPath]) -> bool:
    """Whether every path begins with the folder of a part, and some with train."""
    parts = {part_of(path.parts[0]) if len(path.parts) > 1 else None for path in paths}
    return "train" in parts and None not in parts


def recognised(images: Sequence[StoredImage]) -> list[Spot]:
    """The spots of all images that belong to the first layout of pairs whose folders are there; none if none is.

    A layout of which only one side is there is returned too, if that side's name can mean nothing else.
    """
    for scheme in _SCHEMES:
        spots = [spot for image in images if (spot := scheme(image)) is not None]
        sides = {spot.side for spot in spots}
        if sides in ({"bw", "color"}, {"A", "B"}, {"bw"}) or (sides and scheme in _UNMISTAKABLE):
            return _with_parts_below(spots)
    return []


def _with_parts_below(spots: list[Spot]) -> list[Spot]:
    """bw/train/1.png is of the part train, if all images lie below such folders."""
    if any(spot.part_folder for spot in spots) or not has_part_folders([spot.below for spot in spots]):
        return spots
    return [
        replace(
            spot,
            top=f"{spot.top}/{spot.below.parts[0]}",
            partner=f"{spot.partner}/{spot.below.parts[0]}",
            part_folder=spot.below.parts[0],
            below=PurePosixPath(*spot.below.parts[1:]),
        )
        for spot in spots
    ]


def _side_folders(image: StoredImage) -> Spot | None:
    """bw/ and color/."""
    first, *rest = image.place.parts
    side = _SIDE_OF_FOLDER.get(first.casefold())
    return Spot(image, first, _OTHER[side], side, "", PurePosixPath(*rest)) if side and rest else None


def _letters_joined(image: StoredImage) -> Spot | None:
    """trainA/ and trainB/ (junyanz/pytorch-CycleGAN-and-pix2pix, unaligned data sets)."""
    return _lettered(image, "")


def _letters_underscored(image: StoredImage) -> Spot | None:
    """train_A/ and train_B/ (NVIDIA/pix2pixHD)."""
    return _lettered(image, "_")


def _lettered(image: StoredImage, between: str) -> Spot | None:
    first, *rest = image.place.parts
    found = re.fullmatch(rf"([a-z]+){between}([ab])", first, re.IGNORECASE)
    if not found or not rest or part_of(found[1]) is None:
        return None
    side = _SIDE_OF_LETTER[found[2].casefold()]
    return Spot(image, first, f"{first[:-1]}{_OTHER[side]}", side, found[1], PurePosixPath(*rest))


def _parts_in_sides(image: StoredImage) -> Spot | None:
    """A/train and B/train (the input of combine_A_and_B.py of the same authors)."""
    return _two_folders(image, side_at=0, sides=_SIDE_OF_LETTER)


def _sides_in_parts(image: StoredImage) -> Spot | None:
    """train/bw and train/color."""
    return _two_folders(image, side_at=1, sides=_SIDE_OF_FOLDER)


def _letters_in_parts(image: StoredImage) -> Spot | None:
    """train/A and train/B."""
    return _two_folders(image, side_at=1, sides=_SIDE_OF_LETTER)


def _two_folders(image: StoredImage, side_at: int, sides: dict[str, Side]) -> Spot | None:
    """A folder of a side and one of a part, the side's at `side_at`."""
    folders, rest = image.place.parts[:2], image.place.parts[2:]
    if not rest or folders[side_at].casefold() not in sides or part_of(folders[1 - side_at]) is None:
        return None
    side, part = sides[folders[side_at].casefold()], folders[1 - side_at]
    partner = (_OTHER[side], part) if side_at == 0 else (part, _OTHER[side])
    return Spot(image, "/".join(folders), "/".join(partner), side, part, PurePosixPath(*rest))


_SCHEMES: tuple[Scheme, ...] = (
    _side_folders, _sides_in_parts, _letters_joined, _letters_underscored, _parts_in_sides, _letters_in_parts,
)  # fmt: skip
_UNMISTAKABLE = (_letters_joined, _letters_underscored)
