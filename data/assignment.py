"""Dealing groups, or blocks of rows, to the three parts of a split."""

from collections import Counter
from collections.abc import Sequence

from data.errors import DataError
from data.randomness import random_order

BLOCK_ROWS = 50
"""Rows of a block of a flat source, about two chapters of a manga."""

GAP_ROWS = 10
"""Rows left out where blocks of different parts touch: the pages there would come from one chapter."""

LEAST_BLOCKS = 10
"""Blocks that a source is cut into at least, as far as it has rows: fewer cannot meet shares of 20 and 10 %."""

Shares = tuple[float, float]
"""Of the test part and of the validation part; training gets the rest."""


def assign_validation_groups(labels: Sequence[str], pages: float, seed: int) -> list[str]:
    """Deal groups to validation (about as many pages as asked for) and training, for a source that brings its test part.

    Raises:
        DataError: fewer than two groups.
    """
    sizes = Counter(labels)
    if len(sizes) < 2:
        raise DataError(
            f"the source's training part has {len(sizes)} group: validation is taken from it, so it needs two; add"
            " groups, or mark a validation part"
        )
    names = list(sizes)
    shuffled = [names[at] for at in random_order(len(names), seed, 0, 0)]
    chosen = set(_chosen(shuffled, sizes, pages, len(shuffled) - 1))
    return ["validation" if label in chosen else "train" for label in labels]


def assign_groups(labels: Sequence[str], shares: Shares, seed: int, kind: str) -> list[str]:
    """The part of each page, from its group's label; a group is never divided.

    Args:
        labels: the group of each page.
        shares: of pages, for test and validation.
        seed: of the shuffle.
        kind: what messages call a group.

    Raises:
        DataError: fewer than three groups.
    """
    sizes = Counter(labels)
    if len(sizes) < 3:
        raise DataError(
            f"{len(labels)} pages in {len(sizes)} groups by {kind}: train, validation and test need at least one group each;"
            f" {'use --group-by chapter, ' if kind == 'series' else ''}add groups, lay all pages in one folder, or name parts in"
            " a manifest"
        )
    names = list(sizes)
    part_of = _deal([names[at] for at in random_order(len(names), seed, 0, 0)], sizes, shares)
    return [part_of[label] for label in labels]


def assign_blocks(rows: int, shares: Shares, seed: int) -> tuple[list[str], list[str | None], int, int]:
    """Cut a flat source into blocks and deal them.

    Returns:
        The label of each row, its part (None for rows in a gap), the rows of a block and of a gap.

    Raises:
        DataError: fewer than three rows.
    """
    if rows < 3:
        raise DataError(f"{rows} pages: train, validation and test need at least one page each; add pages")
    labels, block, gap = _cut(rows)
    names = list(dict.fromkeys(labels))
    part_of = _deal([names[at] for at in random_order(len(names), seed, 0, 0)], Counter(labels), shares)
    return labels, _with_gaps([part_of[label] for label in labels], gap), block, gap


def assign_validation_blocks(rows: int, pages: float, seed: int) -> tuple[list[str], list[str | None], int, int]:
    """`assign_blocks` for the training rows of a source that brings its test part: only validation is taken from them."""
    labels, block, gap = _cut(rows)
    return labels, _with_gaps(assign_validation_groups(labels, pages, seed), gap), block, gap


def _cut(rows: int) -> tuple[list[str], int, int]:
    """The block of each row, and the rows of a block and of a gap."""
    block = block_rows(rows)
    gap = min(GAP_ROWS, block // 5) if block >= 5 else (1 if block >= 3 else 0)
    return block_labels(rows, block), block, gap


def _with_gaps(parts: Sequence[str], gap: int) -> list[str | None]:
    gaps = _gap_rows(parts, gap)
    return [None if row in gaps else part for row, part in enumerate(parts)]


def block_rows(rows: int) -> int:
    """Rows of a block of a flat source of so many rows."""
    return max(1, min(BLOCK_ROWS, rows // LEAST_BLOCKS))


def block_labels(rows: int, block: int) -> list[str]:
    """The name of each row's block; the last block takes the rest, so that none is too short to give a gap."""
    if not rows:
        return []
    names = _block_names(rows, block)
    return [names[min(row // block, len(names) - 1)] for row in range(rows)]


def _block_names(rows: int, block: int) -> list[str]:
    starts = range(0, rows - block + 1, block)
    ends = [*(start - 1 for start in starts[1:]), rows - 1]
    return [f"rows-{start}-{end}" for start, end in zip(starts, ends, strict=True)]


def _deal(shuffled: Sequence[str], sizes: Counter[str], shares: Shares) -> dict[str, str]:
    """Test first, then validation, each from what is left but for one group a part still to come."""
    pages = sum(sizes.values())
    left = list(shuffled)
    part_of = {}
    for part, share, still_to_come in (("test", shares[0], 2), ("validation", shares[1], 1)):
        for name in _chosen(left, sizes, share * pages, len(left) - still_to_come):
            part_of[name] = part
            left.remove(name)
    return part_of | dict.fromkeys(left, "train")


def _chosen(candidates: Sequence[str], sizes: Counter[str], target: float, most: int) -> list[str]:
    """Groups in order whose pages come nearest to the target: each is taken if that brings the sum closer."""
    chosen: list[str] = []
    total = 0
    for name in candidates:
        if len(chosen) < most and sizes[name] < 2 * (target - total):
            chosen.append(name)
            total += sizes[name]
    return chosen or [min(candidates, key=lambda name: sizes[name])]


def _gap_rows(parts: Sequence[str], gap: int) -> set[int]:
    """Rows to leave out at every change of part: of the training side, else of the validation side."""
    rows: set[int] = set()
    for row in range(1, len(parts)):
        before, after = parts[row - 1], parts[row]
        if before == after:
            continue
        giver = "train" if "train" in (before, after) else "validation"
        rows.update(range(row - gap, row) if before == giver else range(row, row + gap))
    return {row for row in rows if 0 <= row < len(parts)}
