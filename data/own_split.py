"""The split that a source brings along: folders trainA and testA, or a manifest's column."""

from collections.abc import Sequence
from dataclasses import replace

from data.assignment import assign_validation_blocks, assign_validation_groups, block_labels, block_rows
from data.errors import DataError
from data.pair import PairKey
from data.randomness import check_seed
from data.split_files import check_split
from data.splits import PARTS, GroupBy, Split, group_label

NAME = "the source's own split"
MEND = "mend the source, or give --set data.own_split=ignore to draw a new split"


def has_own_split(keys: Sequence[PairKey]) -> bool:
    """Whether the source holds pages out: a training part alone is no split."""
    return any(key.part in ("validation", "test") for key in keys)


def own_split(
    keys: Sequence[PairKey], *, grouped: bool, group_by: GroupBy, seed: int, validation_share: float
) -> Split:
    """The source's split, completed: a set with train and validation alone is tested on its validation part, as people
    do with such sets, and validation is then drawn from the training part by whole groups, or blocks of rows.

    Args:
        keys: of the source, all of them.
        grouped: whether the source knows series and chapters.
        group_by: what a group is.
        seed: of the draw.
        validation_share: of all pages.

    Raises:
        DataError: pages without a part beside pages that have one, no training part, a group in two parts, or too few
            groups or pages to draw validation from.
    """
    check_seed(seed)
    _refuse_incomplete(keys)
    pages: dict[str, list[PairKey]] = {part: [key for key in keys if key.part == part] for part in PARTS}
    if not pages["test"]:
        pages["test"], pages["validation"] = pages["validation"], []
    train, validation, test = (tuple(key.id for key in pages[part]) for part in PARTS)
    split = Split(
        train=train,
        validation=validation,
        test=test,
        groups={page: label for part in PARTS for page, label in _labels(pages[part], part, grouped, group_by)},
        group_by=group_by if grouped else "blocks",
        seed=seed,
        validation_share=validation_share,
        block=0 if grouped else block_rows(len(pages["train"])),
        origin="source",
    )
    if not split.validation:
        split = _with_validation(split, validation_share * len(keys), seed)
    return check_split(split, keys, grouped=grouped, name=NAME, mend=MEND)


def _refuse_incomplete(keys: Sequence[PairKey]) -> None:
    without = [key.id for key in keys if key.part is None]
    if without:
        raise DataError(f"{NAME}: {len(without)} of {len(keys)} pages are in no part ({without[0]}, …); {MEND}")
    if not any(key.part == "train" for key in keys):
        raise DataError(f"{NAME}: it has no training part; {MEND}")


def _labels(pages: Sequence[PairKey], part: str, grouped: bool, group_by: GroupBy) -> list[tuple[str, str]]:
    """(page, group): chapters or series where they are known, else blocks of rows of the part."""
    if grouped:
        return [(key.id, group_label(key, group_by)) for key in pages]
    blocks = block_labels(len(pages), block_rows(len(pages)))
    return [(key.id, f"{part}-{block}") for key, block in zip(pages, blocks, strict=True)]


def _with_validation(split: Split, pages: float, seed: int) -> Split:
    """The split with a validation part out of its training part."""
    if split.group_by != "blocks":
        parts: Sequence[str | None] = assign_validation_groups(
            [split.groups[page] for page in split.train], pages, seed
        )
        block = gap = 0
    else:
        _, parts, block, gap = assign_validation_blocks(len(split.train), pages, seed)
    dealt = list(zip(split.train, parts, strict=True))
    dropped = tuple(page for page, part in dealt if part is None)
    return replace(
        split,
        train=tuple(page for page, part in dealt if part == "train"),
        validation=tuple(page for page, part in dealt if part == "validation"),
        groups={page: group for page, group in split.groups.items() if page not in dropped},
        block=block,
        gap=gap,
        dropped_gap=dropped,
    )
