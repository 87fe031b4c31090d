"""Which B/W file belongs to which colour file: the same path below their side's folder, but for the ending."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from data.errors import DataError
from data.printing import printable
from data.sources.layouts import Side, Spot
from data.sources.naming import natural_order

PART_ORDER = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class SpotPair:
    """The two files of a page, by the side they are on: (bw, color) or (A, B). `name` is what they share."""

    name: PurePosixPath
    first: Spot
    second: Spot


@dataclass(frozen=True, slots=True)
class Pairing:
    """All pairs in order of part and name; a line each for files and folders that were left out."""

    pairs: tuple[SpotPair, ...]
    skipped: tuple[str, ...]


def paired(root: str, spots: Sequence[Spot]) -> Pairing:
    """Pair the spots of each part.

    In A and B a trailing _A or _B of a name is no part of it, where only that makes it meet its partner (the facades of
    the pix2pix authors: 1_A.jpg and 1_B.jpg).

    Raises:
        DataError: a side is missing, two folders could be the same side, or no names are shared.
    """
    folders: dict[str, dict[Side, list[Spot]]] = defaultdict(lambda: defaultdict(list))
    for spot in spots:
        folders[spot.part_folder][spot.side].append(spot)
    sides: tuple[Side, Side] = ("A", "B") if spots[0].side in ("A", "B") else ("bw", "color")
    _refuse_unusable(root, folders, sides)
    pairs: list[SpotPair] = []
    skipped: list[str] = []
    for part in folders.values():
        if not all(part[side] for side in sides):
            skipped.append(_missing_side(part, sides))
        else:
            pairs += _by_name(part, sides, skipped)
    if not pairs:
        raise DataError(_unpaired(root, spots, sides))
    return Pairing(tuple(sorted(pairs, key=_order)), tuple(skipped))


def _order(pair: SpotPair) -> tuple[object, ...]:
    part = pair.first.part
    return PART_ORDER.index(part) if part else -1, pair.first.part_folder, natural_order(pair.name)


def _refuse_unusable(root: str, folders: dict[str, dict[Side, list[Spot]]], sides: tuple[Side, Side]) -> None:
    for part in folders.values():
        for side in sides:
            tops = sorted({spot.top for spot in part[side]})
            if len(tops) > 1:
                raise DataError(
                    f"{root}: both {tops[0]}/ and {tops[1]}/ could be one side of the pairs; move one of them away"
                )
    if not any(all(part[side] for side in sides) for part in folders.values()):
        # The training part where there is one: it comes to mind first.
        first = min(folders.items(), key=lambda item: item[0].casefold() != "train")[1]
        spot = next(spot for side in sides for spot in first[side])
        raise DataError(
            f"{root}: has {spot.top}/ but no {spot.partner}/ with images; put the partners there under the same file names"
        )


def _missing_side(part: dict[Side, list[Spot]], sides: tuple[Side, Side]) -> str:
    spots = part[sides[0]] or part[sides[1]]
    return printable(f"{spots[0].top}/: no {spots[0].partner}/ with images, so its {len(spots)} images are left out")


def _by_name(part: dict[Side, list[Spot]], sides: tuple[Side, Side], skipped: list[str]) -> list[SpotPair]:
    first, second = (_by_stem(part[side], skipped) for side in sides)
    pairs = [SpotPair(name, first.pop(name), second.pop(name)) for name in list(first) if name in second]
    if sides == ("A", "B"):
        short_first, short_second = _shortened(first, "_a"), _shortened(second, "_b")
        for name in [name for name in short_first if name in short_second]:
            pairs.append(SpotPair(name, first.pop(short_first[name]), second.pop(short_second[name])))
    for rest, other in ((first, part[sides[1]]), (second, part[sides[0]])):
        for spot in sorted(rest.values(), key=lambda spot: natural_order(spot.below)):
            skipped.append(printable(f"{spot.top}/{spot.below}: no partner in {other[0].top}/"))
    return pairs


def _by_stem(spots: Sequence[Spot], skipped: list[str]) -> dict[PurePosixPath, Spot]:
    found: dict[PurePosixPath, list[Spot]] = defaultdict(list)
    for spot in spots:
        found[spot.below.with_suffix("")].append(spot)
    for same in found.values():
        if len(same) > 1:
            others = ", ".join(spot.below.name for spot in same[1:])
            skipped.append(
                printable(f"{same[0].top}/{same[0].below}: the same name but for the ending as {others}; all left out")
            )
    return {stem: same[0] for stem, same in found.items() if len(same) == 1}


def _shortened(spots: dict[PurePosixPath, Spot], ending: str) -> dict[PurePosixPath, PurePosixPath]:
    """Names without the ending -> whole names, of those that have it, where no two become the same."""
    found: dict[PurePosixPath, list[PurePosixPath]] = defaultdict(list)
    for name in spots:
        if name.name.casefold().endswith(ending):
            found[name.with_name(name.name[: -len(ending)] or "_")].append(name)
        else:
            found[name].append(name)
    return {short: names[0] for short, names in found.items() if len(names) == 1}


def _unpaired(root: str, spots: Sequence[Spot], sides: tuple[Side, Side]) -> str:
    first, second = (next(spot.top for spot in spots if spot.side == side) for side in sides)
    return (
        f"{root}: {first}/ and {second}/ have no file names in common, an unpaired set; scoring needs pairs: give both"
        " files of a page the same name"
    )
