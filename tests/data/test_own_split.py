import json
from dataclasses import replace

import pytest

from data.errors import DataError
from data.own_split import has_own_split, own_split
from data.pair import PairKey
from data.split_files import load_split


def pages(sizes, *, chapters=True):
    """Pages of (part, chapter, count), flat where chapters are not known."""
    return [
        PairKey(f"{part}-{chapter}-{page}", "s" if chapters else "", chapter if chapters else "", page + 1, part)
        for part, chapter, count in sizes
        for page in range(count)
    ]


def split_of(keys, *, grouped=True, group_by="chapter", seed=0, validation_share=0.1):
    return own_split(keys, grouped=grouped, group_by=group_by, seed=seed, validation_share=validation_share)


def test_three_parts_are_taken_as_they_are():
    keys = pages([("train", "a", 5), ("test", "b", 3), ("validation", "c", 2), ("train", "d", 1)])
    split = split_of(keys)
    assert split.train == tuple(key.id for key in keys if key.part == "train")
    assert split.test == tuple(key.id for key in keys if key.part == "test")
    assert split.validation == tuple(key.id for key in keys if key.part == "validation")
    assert split.groups["test-b-0"] == "s/b"
    assert (split.origin, split.group_by) == ("source", "chapter")


def test_validation_is_the_test_part_where_there_is_no_other():
    keys = pages([("train", name, 5) for name in "abcdefgh"] + [("validation", "v", 6)])
    split = split_of(keys)
    assert split.test == tuple(key.id for key in keys if key.part == "validation")
    # 0.1 of 46 pages is nearest to one chapter of 5.
    assert len(split.validation) == 5
    assert len({split.groups[page] for page in split.validation}) == 1
    assert set(split.train) | set(split.validation) == {key.id for key in keys if key.part == "train"}


def test_flat_validation_is_a_block_with_a_gap():
    keys = pages([("train", "x", 400), ("test", "y", 90)], chapters=False)
    split = split_of(keys, grouped=False)
    assert split.test == tuple(key.id for key in keys if key.part == "test")
    assert (split.block, split.gap, split.group_by) == (40, 8, "blocks")
    place = {key.id: at for at, key in enumerate(keys)}
    validation = [place[page] for page in split.validation]
    assert min(abs(a - b) for a in validation for b in (place[page] for page in split.train)) > 8
    assert len(split.validation) == 40
    assert not set(split.dropped_gap) & set(split.ids)
    assert len(split.dropped_gap) + len(split.ids) == len(keys)
    assert all(split.groups[page].startswith("test-rows-") for page in split.test)
    assert split_of(keys, grouped=False, seed=1).validation != split.validation


def test_it_comes_back_from_its_file(tmp_path):
    keys = pages([("train", "x", 60), ("test", "y", 20)], chapters=False)
    split = split_of(keys, grouped=False)
    split.save(tmp_path / "split.json")
    assert load_split(tmp_path / "split.json", keys, grouped=False) == split
    assert json.loads((tmp_path / "split.json").read_text())["origin"] == "source"


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (
            pages([("train", "a", 3), ("test", "a", 2), ("train", "b", 2)]),
            "leaks: the group 's/a' is in train and in test",
        ),
        (pages([("train", "a", 3), ("test", "b", 2)]), "training part has 1 group"),
        (pages([("test", "b", 2), ("validation", "c", 2)]), "no training part"),
        ([*pages([("train", "a", 3), ("test", "b", 2)]), PairKey("x", "s", "c", 1)], "1 of 6 pages are in no part"),
    ],
)
def test_unusable_ones_are_one_clear_line_with_the_mend(keys, words):
    with pytest.raises(DataError, match=words) as raised:
        split_of(keys)
    assert "\n" not in str(raised.value)
    if "group" not in words or "leaks" in words:
        assert "own_split=ignore" in str(raised.value)


def test_a_training_part_alone_is_no_split():
    keys = pages([("train", "a", 3)])
    assert not has_own_split(keys)
    assert not has_own_split([replace(key, part=None) for key in keys])
    assert has_own_split(pages([("train", "a", 3), ("validation", "b", 1)]))
