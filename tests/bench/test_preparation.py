"""What is said of data before anything is trained on it."""

from __future__ import annotations

import pytest

from bench import preparation
from data.pair import PairKey
from data.splits import make_split


def keys(sizes: list[int]) -> list[PairKey]:
    return [PairKey(f"c{c}-p{p}", "", f"c{c}", p) for c, size in enumerate(sizes) for p in range(size)]


@pytest.mark.parametrize(("sizes", "warned"), [([10] * 10, []), ([60, 60, 5], ["test", "validation"])])
def test_parts_far_from_their_shares_are_warned_of(sizes: list[int], warned: list[str]) -> None:
    """Whole chapters are dealt: of two long ones and a short one, the short one becomes the test part."""
    lines = preparation._unlike_shares(make_split(keys(sizes), grouped=True, seed=0))
    assert [line.split()[1] for line in lines] == warned
