"""Links planted in a cache that others may write into: refused, and what they lead to stays as it is."""

import pytest

from data import DataError, make_split, open_pairs, prepare, recipe_settings
from data.decoding import Job


@pytest.fixture
def asked(chapters):
    source = open_pairs(str(chapters))
    split = make_split(source.keys(), grouped=True, group_by="chapter", seed=0, test_share=0.25, validation_share=0.25)
    return source, split


def prepared(asked, root):
    source, split = asked
    return prepare(
        source,
        split,
        recipe="lines",
        recipe_settings=recipe_settings("lines"),
        resolution=32,
        cache_root=root,
        threads=1,
    )


@pytest.mark.parametrize(
    "place", [".lock-{}", ".building-{}", ".building-{}/train-color.bin", ".building-{}/index.json"]
)
def test_a_link_in_the_cache_is_refused(asked, tmp_path, place):
    root, outside = tmp_path / "cache", tmp_path / "outside"
    key = Job(*asked, "lines", recipe_settings("lines"), 32).key()
    link = root / place.format(key)
    link.parent.mkdir(parents=True)
    outside.mkdir()
    (outside / "diary.txt").write_text("mine")
    link.symlink_to(outside if place == ".building-{}" else outside / "diary.txt")
    with pytest.raises(DataError, match="a link, and nothing is written through one; remove it") as raised:
        prepared(asked, root)
    assert "\n" not in str(raised.value)
    assert [path.name for path in outside.iterdir()] == ["diary.txt"]
    assert (outside / "diary.txt").read_text() == "mine"
    link.unlink()
    assert len(prepared(asked, root).train) > 0


def test_old_links_of_others_are_left_alone(asked, tmp_path):
    root, outside = tmp_path / "cache", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (outside / "diary.txt").write_text("mine")
    (root / ".building-0").symlink_to(outside)
    (root / ".lock-1").symlink_to(outside / "diary.txt")
    (root / ".building-1").mkdir()
    prepared(asked, root)
    assert (outside / "diary.txt").read_text() == "mine"
