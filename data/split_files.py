"""Reads a split that was saved by a run or written by hand, and holds it against the source."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pydantic

from data.assignment import block_labels, block_rows
from data.errors import DataError
from data.pair import PairKey
from data.splits import PARTS, GroupBy, Split, group_label

_MEND = "take a split that was made for this source, or leave --split out"


class _Dropped(pydantic.BaseModel):
    near_duplicates: tuple[str, ...] = ()
    gap: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()


class _SplitFile(pydantic.BaseModel):
    """What is read from a file; the counts in it are there for people."""

    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]
    groups: dict[str, str] = {}
    group_by: Literal["chapter", "series", "blocks"] | None = None
    seed: int | None = None
    test_share: float | None = None
    validation_share: float | None = None
    block: int = 0
    gap: int = 0
    dropped: _Dropped = _Dropped()
    origin: Literal["drawn", "source", "file"] = "drawn"
    contents: dict[str, str] = {}
    digest: str | None = None


def load_split(path: Path, keys: Sequence[PairKey], *, grouped: bool, group_by: GroupBy = "chapter") -> Split:
    """Read split.json and check it against the source's keys.

    A file needs "train", "validation" and "test" alone; groups come from the source where it has them, else from the
    file, else they are blocks of neighbouring rows within a part: such a file says nothing of what resembles what.

    Args:
        path: the file.
        keys: of the source, all of them.
        grouped: whether the source knows series and chapters.
        group_by: of a file that does not say.

    Raises:
        DataError: not a split; ids that the source does not have; an id or a group in two parts; an empty part; or a
            digest that is not that of the ids and groups (the file was changed).
    """
    content = _read(path)
    stored = _stored(content, group_by)
    if content.digest not in (None, stored.digest):
        raise DataError(f"{path}: changed since it was saved (digest); take out its digest line if that was on purpose")
    return check_split(stored, keys, grouped=grouped, name=str(path))


def stored_digest(path: Path) -> str:
    """The digest (`Split.digest`) that the ids, groups and contents in split.json have, whatever the file says that it is.

    Raises:
        DataError: not a split.
    """
    return _stored(_read(path), "chapter").digest


def _stored(content: _SplitFile, group_by: GroupBy) -> Split:
    return Split(
        **content.model_dump(exclude={"digest", "dropped", "group_by"}),
        group_by=content.group_by or group_by,
        dropped_near_duplicates=content.dropped.near_duplicates,
        dropped_gap=content.dropped.gap,
        unreadable=content.dropped.unreadable,
    )


def check_split(split: Split, keys: Sequence[PairKey], *, grouped: bool, name: str, mend: str = _MEND) -> Split:
    """The split with each part in the source's order and groups for all its pages.

    Args:
        split: to be checked.
        keys: of the source, all of them.
        grouped: whether the source knows series and chapters.
        name: what messages call the split.
        mend: what messages advise.

    Raises:
        DataError: ids that the source does not have, an empty part, or an id or a group in two parts.
    """
    place = {key.id: at for at, key in enumerate(keys)}
    unknown = [page for page in split.ids if page not in place]
    if unknown:
        raise DataError(
            f"{name}: {len(unknown)} of its {len(split.ids)} pages are not in the source ({_some(unknown)}); {mend}"
        )
    for part in PARTS:
        if not getattr(split, part):
            raise DataError(f"{name}: its part {part} is empty; every part needs a page")
    _refuse_twice(split.ids, name, mend)
    if not grouped and not split.groups:
        split = replace(split, groups=_neighbours(split, place), group_by="blocks", origin="file")
    groups = _completed_groups(split, {key.id: key for key in keys}, grouped)
    _refuse_divided_groups(split, groups, name, mend)
    train, validation, test = (tuple(sorted(getattr(split, part), key=place.__getitem__)) for part in PARTS)
    return replace(split, train=train, validation=validation, test=test, groups=groups)


def _completed_groups(split: Split, keys: Mapping[str, PairKey], grouped: bool) -> dict[str, str]:
    if grouped and split.group_by != "blocks":
        by: GroupBy = "series" if split.group_by == "series" else "chapter"
        return {page: group_label(keys[page], by) for page in split.ids}
    return {page: split.groups.get(page, page) for page in split.ids}


def _neighbours(split: Split, place: Mapping[str, int]) -> dict[str, str]:
    """The block of rows, within its part, that each page lies in."""
    labels = block_labels(len(place), block_rows(len(place)))
    return {page: f"{part}-{labels[place[page]]}" for part in PARTS for page in getattr(split, part)}


def _refuse_twice(ids: Sequence[str], name: str, mend: str) -> None:
    twice = [page for page, times in Counter(ids).items() if times > 1]
    if twice:
        raise DataError(f"{name}: leaks: {len(twice)} pages stand in it twice ({_some(twice)}); {mend}")


def _refuse_divided_groups(split: Split, groups: Mapping[str, str], name: str, mend: str) -> None:
    part_of: dict[str, str] = {}
    for part in PARTS:
        for page in getattr(split, part):
            first = part_of.setdefault(groups[page], part)
            if first != part:
                raise DataError(
                    f"{name}: leaks: the group {groups[page]!r} is in {first} and in {part} (page {page}); {mend}"
                )


def _read(path: Path) -> _SplitFile:
    try:
        return _SplitFile.model_validate_json(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); give the split.json of a run") from error
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise DataError(
            f"{path}: not a split: {where or 'file'}: {first['msg']}; give the split.json of a run"
        ) from error


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
