import os
import re
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from data import DataError, UnreadableImage, open_pairs
from data.errors import DiskError
from data.pair import shown_name, skipped_files
from data.sources.naming import natural_key, safe_ids


def names(source):
    return [shown_name(source, key) for key in source.keys()]  # noqa: SIM118


def test_pairs_are_found_by_stem(pairs):
    source = open_pairs(str(pairs))
    assert names(source) == [f"{page}.png" for page in range(12)]
    raw = source.read(source.keys()[10])
    np.testing.assert_array_equal(raw.color, np.asarray(Image.open(pairs / "color" / "10.png")))
    np.testing.assert_array_equal(raw.bw[..., 0], np.asarray(Image.open(pairs / "bw" / "10.png")))
    assert not source.grouped


def test_partner_may_have_another_ending(pairs):
    Image.open(pairs / "bw" / "3.png").save(pairs / "bw" / "3.bmp")
    (pairs / "bw" / "3.png").unlink()
    assert len(open_pairs(str(pairs)).keys()) == 12


def test_missing_partners_and_doubled_names_are_left_out_and_named(pairs, draw, save):
    (pairs / "bw" / "4.png").unlink()
    (pairs / "color" / "5.png").unlink()
    save(draw(1), pairs / "color" / "6.jpg")
    source = open_pairs(str(pairs))
    assert len(source.keys()) == 9
    skipped = skipped_files(source)
    assert any("color/4.png: no partner in bw/" in line for line in skipped)
    assert any("bw/5.png: no partner in color/" in line for line in skipped)
    assert any("color/6.jpg" in line and "6.png" in line for line in skipped)


def test_chapter_and_series_come_from_the_folders(chapters):
    source = open_pairs(str(chapters))
    assert source.grouped
    key = source.keys()[0]
    assert (key.series, key.chapter, key.page, key.id) == ("series0", "chapter0", 1, "series0_chapter0_page0")
    assert source.read(key).bw is None


def test_volumes_of_one_series_are_no_series_of_their_own(tmp_path, draw, save):
    """Else a split by series would put volumes of one on both sides."""
    for series in ("a", "b"):
        for volume in ("v1", "v2"):
            save(draw(1), tmp_path / series / volume / "c1" / "p.png")
    keys = open_pairs(str(tmp_path)).keys()
    assert {(key.series, key.chapter) for key in keys} == {
        ("a", "v1/c1"), ("a", "v2/c1"), ("b", "v1/c1"), ("b", "v2/c1"),
    }  # fmt: skip


def test_natural_order(tmp_path, draw, save):
    for page in (1, 2, 9, 10, 100):
        save(draw(page), tmp_path / f"page{page}.png")
    source = open_pairs(str(tmp_path))
    assert names(source) == ["page1.png", "page2.png", "page9.png", "page10.png", "page100.png"]
    assert [key.page for key in source.keys()] == [1, 2, 3, 4, 5]  # noqa: SIM118


def test_hidden_files_and_other_files_are_ignored(pairs, draw, save):
    save(draw(1), pairs / "color" / ".thumb.png")
    save(draw(1), pairs / "bw" / ".thumb.png")
    (pairs / "color" / "notes.txt").write_text("no image")
    source = open_pairs(str(pairs))
    assert len(source.keys()) == 12
    assert skipped_files(source) == ()


def test_links_out_of_the_folder_are_not_followed(tmp_path, draw, save):
    outside = save(draw(1), tmp_path / "outside" / "secret.png")
    inside = tmp_path / "pages"
    save(draw(2), inside / "a.png")
    (inside / "link.png").symlink_to(outside)
    (inside / "folder").symlink_to(outside.parent)
    source = open_pairs(str(inside))
    assert names(source) == ["a.png"]
    assert len(skipped_files(source)) == 2


def test_side_that_is_a_link_out_is_refused(tmp_path, pairs):
    moved = tmp_path / "elsewhere"
    shutil.move(pairs / "color", moved)
    (pairs / "color").symlink_to(moved)
    with pytest.raises(DataError, match="link out of the folder"):
        open_pairs(str(pairs))


def test_page_that_is_gone_since_it_was_listed_is_no_damaged_page(pairs):
    """A disk that was unmounted: left out, it would be left out for good."""
    source = open_pairs(str(pairs))
    (pairs / "color" / "3.png").unlink()
    with pytest.raises(DiskError, match=r"3\.png.*is gone"):
        source.read(source.keys()[3])


def test_damaged_page_is_named(pairs):
    (pairs / "color" / "7.png").write_bytes(b"")
    source = open_pairs(str(pairs))
    with pytest.raises(UnreadableImage, match=re.escape(str(pairs / "color" / "7.png"))):
        source.read(source.keys()[7])


def test_unusable_folders_are_one_clear_line(tmp_path, pairs, draw, save):
    (tmp_path / "empty").mkdir()
    file = save(draw(1), tmp_path / "file.png")
    shutil.rmtree(pairs / "color")
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "a.parquet").write_bytes(b"")
    cases = {
        tmp_path / "nowhere": "no such folder",
        tmp_path / "empty": "no usable images",
        file: "a file, not a folder",
        pairs: "no color/",
        tmp_path / "tables": "hf:",
    }
    for spec, words in cases.items():
        with pytest.raises(DataError, match=words) as raised:
            open_pairs(str(spec))
        assert "\n" not in str(raised.value)
        assert str(spec) in str(raised.value)


@pytest.mark.parametrize("spec", ["", "   "])
def test_no_source_named(spec):
    with pytest.raises(DataError, match="no data source"):
        open_pairs(spec)


def test_fingerprint_follows_the_content_not_the_place(pairs, tmp_path):
    before = open_pairs(str(pairs)).fingerprint()
    assert open_pairs(str(pairs)).fingerprint() == before
    shutil.copytree(pairs, tmp_path / "copy")
    assert open_pairs(str(tmp_path / "copy")).fingerprint() == before
    os.utime(pairs / "bw" / "2.png", (1, 1))
    assert open_pairs(str(pairs)).fingerprint() != before


SAFE = re.compile(r"[A-Za-z0-9._-]+")


@given(
    st.lists(
        st.lists(st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=200), min_size=1, max_size=3)
        .map("/".join),
        unique=True,
        max_size=20,
    )
)  # fmt: skip
def test_ids_are_safe_file_names_and_unique(paths):
    ids = safe_ids(paths)
    assert all(SAFE.fullmatch(page) and len(page) <= 120 and page[0] not in ".-" for page in ids)
    assert len({page.casefold() for page in ids}) == len(paths)


def test_ids_do_not_depend_on_other_files_but_when_they_collide():
    assert safe_ids(["a/b", "第1話/1"])[0] == safe_ids(["a/b"])[0] == "a_b"
    assert safe_ids(["第1話/1", "x"])[0] == safe_ids(["第1話/1"])[0]
    first, second = safe_ids(["a_b", "a/b"])
    assert first != second


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_numbers_sort_as_numbers(first, second):
    assert (natural_key(f"p{first}") < natural_key(f"p{second}")) == (first < second)


CARD = "---\nlicense: cc-by-4.0\nattribution: >\n  David Revoy,\n  Pepper&Carrot\n---\n# Pages\n"
RIGHTS = "licence of the dataset: cc-by-4.0; attribution: David Revoy, Pepper&Carrot"


@pytest.mark.parametrize(
    ("card", "said"),
    [
        (CARD, RIGHTS),
        ("---\nlicense: mit\n---\n", "licence of the dataset: mit"),
        ("---\nattribution: [A, B]\n---\n", "attribution: A, B"),
        ("# My pages\nlicense: mit\n", None),
        ("---\nlicense: [\n---\n", None),
        ("", None),
    ],
)
def test_rights_are_what_the_folders_card_says(pairs, card, said):
    listed, digest = names(open_pairs(str(pairs))), open_pairs(str(pairs)).fingerprint()
    (pairs / "README.md").write_text(card)
    source = open_pairs(str(pairs))
    assert source.licence_note == said
    assert (names(source), source.fingerprint()) == (listed, digest)


def test_rights_stand_beside_a_manifest(pairs):
    rows = "color\n" + "\n".join(f"color/{page}.png" for page in range(12))
    (pairs / "pages.csv").write_text(rows)
    assert open_pairs(str(pairs / "pages.csv")).licence_note is None
    (pairs / "README.md").write_text(CARD)
    assert open_pairs(str(pairs / "pages.csv")).licence_note == RIGHTS


def test_huge_card_says_nothing(pairs):
    (pairs / "README.md").write_text(CARD + "x" * 2**24)
    assert open_pairs(str(pairs)).licence_note is None
