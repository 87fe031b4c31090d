"""Which pages are trained on, validated on and held out: by whole groups, reproducible, saved with the run."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Self

from data.assignment import Shares, assign_blocks, assign_groups
from data.errors import DataError
from data.pair import PairKey
from data.randomness import check_seed

GroupBy = Literal["chapter", "series"]
PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Split:
    """The three parts, as ids in the order of the source, and how they came about.

    Attributes:
        groups: the group of each id of the three parts; no group is in two parts.
        group_by: "chapter", "series", or "blocks" where a flat source was cut into blocks of rows.
        seed: of the draw; None for a split that was written by hand.
        block, gap: rows of a block, and rows left out where parts touch; 0 but for "blocks".
        dropped_gap: ids left out between blocks.
        dropped_near_duplicates: training ids left out because they nearly equal a held-out page.
        unreadable: ids left out because they could not be decoded.
        origin: "source" where the test part is the source's own, "drawn" where the seed decided, "file" where it was written by
            hand for a flat source, so that neighbouring rows may lie in different parts.
        contents: sha256 of each page's stored content, in hex, once its pages have been read; empty before.
    """

    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]
    groups: Mapping[str, str] = field(default_factory=dict)
    group_by: Literal["chapter", "series", "blocks"] = "chapter"
    seed: int | None = None
    test_share: float | None = None
    validation_share: float | None = None
    block: int = 0
    gap: int = 0
    dropped_gap: tuple[str, ...] = ()
    dropped_near_duplicates: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    origin: Literal["drawn", "source", "file"] = "drawn"
    contents: Mapping[str, str] = field(default_factory=dict)

    @property
    def ids(self) -> tuple[str, ...]:
        """All ids in use: train, then validation, then test."""
        return self.train + self.validation + self.test

    @property
    def digest(self) -> str:
        """sha256 in hex over the ids, groups and contents of each part; how the split was drawn does not enter."""
        return self._digest(self.contents)

    @property
    def assignment(self) -> str:
        """`digest` without the contents: which page is in which part."""
        return self._digest({})

    def _digest(self, contents: Mapping[str, str]) -> str:
        pages = {
            part: [
                [page, self.groups.get(page, ""), *([contents[page]] if page in contents else [])]
                for page in getattr(self, part)
            ]
            for part in PARTS
        }
        return hashlib.sha256(json.dumps(pages, ensure_ascii=True).encode("ascii")).hexdigest()

    def group_counts(self) -> dict[str, int]:
        """Number of groups in each part."""
        return {part: len({self.groups[page] for page in getattr(self, part)}) for part in PARTS}

    def without(self, *, near_duplicates: Sequence[str] = (), unreadable: Sequence[str] = ()) -> Self:
        """The split that remains when these ids are left out, and says so."""
        gone = {*near_duplicates, *unreadable}
        return replace(
            self,
            train=_kept(self.train, gone),
            validation=_kept(self.validation, gone),
            test=_kept(self.test, gone),
            groups={page: group for page, group in self.groups.items() if page not in gone},
            contents={page: content for page, content in self.contents.items() if page not in gone},
            dropped_near_duplicates=self.dropped_near_duplicates + tuple(near_duplicates),
            unreadable=self.unreadable + tuple(unreadable),
        )

    def as_json(self) -> dict[str, Any]:
        """A mapping for JSON; the counts of what was dropped stand beside the lists."""
        return {
            "format": 1,
            "digest": self.digest,
            "origin": self.origin,
            "group_by": self.group_by,
            "seed": self.seed,
            "test_share": self.test_share,
            "validation_share": self.validation_share,
            "block": self.block,
            "gap": self.gap,
            "pages": {part: len(getattr(self, part)) for part in PARTS},
            "group_counts": self.group_counts(),
            "dropped_near_duplicates": len(self.dropped_near_duplicates),
            "dropped_gap": len(self.dropped_gap),
            "unreadable": len(self.unreadable),
            "dropped": {
                "near_duplicates": list(self.dropped_near_duplicates),
                "gap": list(self.dropped_gap),
                "unreadable": list(self.unreadable),
            },
            **{part: list(getattr(self, part)) for part in PARTS},
            "groups": dict(self.groups),
            "contents": dict(self.contents),
        }

    def save(self, path: Path) -> None:
        """Write `as_json` to a file."""
        path.write_text(json.dumps(self.as_json(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def make_split(
    keys: Sequence[PairKey],
    *,
    grouped: bool,
    group_by: GroupBy = "chapter",
    seed: int = 0,
    test_share: float = 0.2,
    validation_share: float = 0.1,
) -> Split:
    """Draw a split: groups are shuffled by the seed and dealt until the shares of pages are met as nearly as they go.

    A flat source (`grouped` False) is cut into contiguous blocks of 50 rows, fewer for a small source, with rows left
    out where blocks of different parts touch.

    Raises:
        DataError: shares that leave nothing for a part, or too few groups or pages for three parts.
    """
    check_seed(seed)
    if not (test_share > 0 and validation_share > 0 and test_share + validation_share < 1):
        raise DataError(
            f"shares {test_share:g} (test) and {validation_share:g} (validation): both must be above 0 and their sum"
            " below 1"
        )
    if group_by == "series" and not grouped:
        raise DataError("the source has no series to group by: all its pages are in one folder or table")
    labels, part_of, block, gap = _dealt(keys, grouped, group_by, seed, (test_share, validation_share))
    train, validation, test = (
        tuple(key.id for key, to in zip(keys, part_of, strict=True) if to == part) for part in PARTS
    )
    used = {*train, *validation, *test}
    return Split(
        train=train,
        validation=validation,
        test=test,
        groups={key.id: label for key, label in zip(keys, labels, strict=True) if key.id in used},
        group_by=group_by if grouped else "blocks",
        seed=seed,
        test_share=test_share,
        validation_share=validation_share,
        block=block,
        gap=gap,
        dropped_gap=tuple(key.id for key in keys if key.id not in used),
    )


def _dealt(
    keys: Sequence[PairKey], grouped: bool, group_by: GroupBy, seed: int, shares: Shares
) -> tuple[list[str], Sequence[str | None], int, int]:
    """The group and the part of each page, and the rows of a block and of a gap."""
    if not grouped:
        return assign_blocks(len(keys), shares, seed)
    labels = [group_label(key, group_by) for key in keys]
    return labels, assign_groups(labels, shares, seed, group_by), 0, 0


def _kept(ids: Sequence[str], gone: set[str]) -> tuple[str, ...]:
    return tuple(page for page in ids if page not in gone)


def group_label(key: PairKey, group_by: GroupBy) -> str:
    """The name of a page's group: its series, or series and chapter; "." where it has none."""
    if group_by == "series":
        return key.series or "."
    return "/".join(part for part in (key.series, key.chapter) if part) or "."
