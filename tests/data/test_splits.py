import hashlib
import json
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import DataError
from data.pair import PairKey
from data.split_files import load_split
from data.splits import make_split


def keys_of(sizes):
    """Pages in chapters of the given sizes, two chapters a series."""
    return [
        PairKey(f"c{chapter}-p{page}", f"s{chapter // 2}", f"c{chapter}", page)
        for chapter, size in enumerate(sizes)
        for page in range(size)
    ]


def rows_of(count):
    return [PairKey(f"row-{row}", "", "", row + 1) for row in range(count)]


def parts(split):
    return {"train": split.train, "validation": split.validation, "test": split.test}


@given(st.lists(st.integers(1, 30), min_size=3, max_size=40), st.integers(0, 2**40), st.booleans())
def test_groups_are_never_divided(sizes, seed, by_series):
    group_by = "series" if by_series and len(sizes) >= 5 else "chapter"
    keys = keys_of(sizes)
    split = make_split(keys, grouped=True, group_by=group_by, seed=seed)
    assert sorted(split.ids) == sorted(key.id for key in keys)
    assert all(parts(split).values())
    group = {key.id: key.series if group_by == "series" else f"{key.series}/{key.chapter}" for key in keys}
    seen = [{group[page] for page in ids} for ids in parts(split).values()]
    assert sum(len(groups) for groups in seen) == len(set.union(*seen))
    assert split == make_split(keys, grouped=True, group_by=group_by, seed=seed)


@given(st.lists(st.integers(1, 30), min_size=20, max_size=60), st.integers(0, 99))
def test_shares_of_pages_are_met_to_half_a_group(sizes, seed):
    split = make_split(keys_of(sizes), grouped=True, seed=seed, test_share=0.2, validation_share=0.1)
    for ids, share in ((split.test, 0.2), (split.validation, 0.1)):
        assert abs(len(ids) - share * sum(sizes)) <= max(sizes) / 2


@given(st.integers(3, 1200), st.integers(0, 99))
def test_flat_parts_keep_their_distance(count, seed):
    keys = rows_of(count)
    split = make_split(keys, grouped=False, seed=seed)
    assert all(parts(split).values())
    assert sorted(split.ids + split.dropped_gap) == sorted(key.id for key in keys)
    part_of = {page: part for part, ids in parts(split).items() for page in ids}
    used = [(row, part_of[key.id]) for row, key in enumerate(keys) if key.id in part_of]
    for (row, part), (later, other) in pairwise(used):
        assert part == other or later - row > split.gap
    blocks = Counter(split.groups.values())
    assert set(blocks) == {split.groups[page] for page in split.ids}


def test_large_flat_source_has_blocks_of_fifty_and_gaps_of_ten():
    split = make_split(rows_of(11_920), grouped=False, seed=0)
    assert (split.block, split.gap, split.group_by) == (50, 10, "blocks")
    assert len(split.test) == pytest.approx(0.2 * 11_920, rel=0.05)
    assert len(split.dropped_gap) < 0.12 * 11_920


def test_seed_decides():
    keys = keys_of([5] * 30)
    assert len({make_split(keys, grouped=True, seed=seed).test for seed in range(10)}) == 10


def test_parts_keep_the_order_of_the_source():
    keys = keys_of([5] * 10)
    place = {key.id: at for at, key in enumerate(keys)}
    for ids in parts(make_split(keys, grouped=True, seed=3)).values():
        assert [place[page] for page in ids] == sorted(place[page] for page in ids)


def test_digest_is_sha256_over_ids_and_groups():
    split = make_split(keys_of([1, 1, 1]), grouped=True, seed=0)
    content = {part: [[page, split.groups[page]] for page in ids] for part, ids in parts(split).items()}
    assert split.digest == hashlib.sha256(json.dumps(content).encode()).hexdigest()


@pytest.mark.parametrize(
    ("keys", "grouped", "options", "words"),
    [
        (keys_of([9, 9]), True, {}, "2 groups by chapter"),
        (keys_of([9] * 4), True, {"group_by": "series"}, "--group-by chapter"),
        (rows_of(2), False, {}, "2 pages"),
        (rows_of(50), False, {"group_by": "series"}, "no series"),
        (keys_of([9] * 9), True, {"test_share": 0.0}, "above 0"),
        (keys_of([9] * 9), True, {"test_share": 0.6, "validation_share": 0.4}, "below 1"),
        (keys_of([9] * 9), True, {"seed": -1}, "seed -1"),
    ],
)
def test_impossible_splits_are_one_clear_line(keys, grouped, options, words):
    with pytest.raises(DataError, match=words) as raised:
        make_split(keys, grouped=grouped, **options)
    assert "\n" not in str(raised.value)


@given(st.lists(st.integers(1, 9), min_size=3, max_size=12), st.integers(0, 9))
def test_saved_split_is_loaded_again(tmp_path_factory, sizes, seed):
    keys = keys_of(sizes)
    split = make_split(keys, grouped=True, seed=seed)
    path = tmp_path_factory.mktemp("split") / "split.json"
    split.save(path)
    assert load_split(path, keys, grouped=True) == split


def test_flat_split_is_loaded_again(tmp_path):
    keys = rows_of(300)
    split = make_split(keys, grouped=False, seed=1)
    split.save(tmp_path / "split.json")
    assert load_split(tmp_path / "split.json", keys, grouped=False) == split


def test_split_by_hand_of_a_flat_source_has_neighbours_for_groups(tmp_path):
    """Every page a group of its own would be told as a split by chapter, and make intervals too narrow."""
    keys = rows_of(300)
    parts = {"train": [], "validation": [], "test": []}
    for row, key in enumerate(keys):
        parts["test" if row % 5 == 0 else "validation" if row % 5 == 1 else "train"].append(key.id)
    path = tmp_path / "split.json"
    path.write_text(json.dumps(parts))
    split = load_split(path, keys, grouped=False)
    assert (split.origin, split.group_by) == ("file", "blocks")
    groups = [split.groups[page] for page in split.test]
    assert len(set(groups)) < len(groups) / 3
    assert groups == sorted(groups, key=groups.index)
    split.save(path)
    assert load_split(path, keys, grouped=False) == split


def test_dropped_pages_are_counted_and_named(tmp_path):
    split = make_split(keys_of([4] * 6), grouped=True, seed=0)
    gone = split.train[:2]
    smaller = split.without(near_duplicates=gone[:1], unreadable=gone[1:])
    assert smaller.train == split.train[2:]
    assert smaller.digest != split.digest
    content = smaller.as_json()
    assert (content["dropped_near_duplicates"], content["unreadable"], content["dropped_gap"]) == (1, 1, 0)
    assert content["dropped"]["near_duplicates"] == list(gone[:1])
    assert content["digest"] == smaller.digest
    assert not set(gone) & set(content["groups"])


def test_split_by_hand_needs_only_its_parts(tmp_path):
    keys = keys_of([2, 2, 2])
    path = tmp_path / "split.json"
    path.write_text(json.dumps({"train": ["c0-p1", "c0-p0"], "validation": ["c2-p0"], "test": ["c1-p0"]}))
    split = load_split(path, keys, grouped=True)
    assert split.train == ("c0-p0", "c0-p1")
    assert split.groups["c1-p0"] == "s0/c1"
    assert split.seed is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "not a split"),
        ("[]", "not a split"),
        ('{"train": ["c0-p0"], "validation": ["c1-p0"]}', "test"),
        ('{"train": "c0-p0", "validation": [], "test": []}', "train"),
        ('{"train": ["c0-p0"], "validation": [], "test": ["c1-p0"]}', "validation is empty"),
        ('{"train": ["c0-p0"], "validation": ["other"], "test": ["c1-p0"]}', r"1 of its 3 pages.*\(other\)"),
        ('{"train": ["c0-p0"], "validation": ["c1-p0"], "test": ["c0-p0"]}', r"leaks.*twice \(c0-p0\)"),
        ('{"train": ["c0-p0"], "validation": ["c2-p0"], "test": ["c0-p1"]}', "leaks: the group 's0/c0'"),
        ('{"train": ["c0-p0"], "validation": ["c2-p0"], "test": ["c1-p0"], "digest": "00"}', "changed since"),
        ('{"train": ["c0-p0"], "validation": ["c2-p0"], "test": ["c1-p0"], "group_by": "series"}', "group 's0'"),
        ('{"train": ["c0-p0"], "validation": ["c2-p0"], "test": ["c1-p0"], "group_by": "x"}', "group_by"),
    ],
)
def test_unusable_split_files_are_one_clear_line(tmp_path, content, words):
    path = tmp_path / "split.json"
    path.write_text(content)
    with pytest.raises(DataError, match=words) as raised:
        load_split(path, keys_of([2, 2, 2]), grouped=True)
    assert "\n" not in str(raised.value)
    assert "split.json" in str(raised.value)


def test_missing_split_file(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        load_split(tmp_path / "none.json", rows_of(9), grouped=False)
