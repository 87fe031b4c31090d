"""Folders and archives as people have them: what is recognised, what it becomes, and what is refused in one line."""

import hashlib
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from data import DataError, UnreadableImage, has_own_split, open_pairs
from data.pair import shown_name, skipped_files
from data.sources.layouts import has_part_folders, recognised
from data.sources.listing import StoredImage

HEIGHT, WIDTH = 90, 70


def ink_of(color):
    return np.repeat(np.where(color.min(axis=2, keepdims=True) < 60, 0, 255).astype(np.uint8), 3, axis=2)


def side_by_side(left, right):
    return np.concatenate([left, right], axis=1)


@pytest.fixture
def pair(draw):
    """(B/W, colour) of a page."""

    def drawn(seed):
        color = draw(seed, HEIGHT, WIDTH)
        return ink_of(color), color

    return drawn


@pytest.fixture
def lay(tmp_path, pair, save):
    """Save page 0 to n - 1 as pairs; a template such as "train{side}/{page}.png" gets the names of the two sides."""

    def write(template, sides, pages, seed=0, root=tmp_path / "set"):
        for page in range(pages):
            for side, picture in zip(sides, pair(seed + page), strict=True):
                save(picture, root / template.format(side=side, page=page))
        return root

    return write


def opened(root, **options):
    source = open_pairs(str(root), **options)
    keys = source.keys()
    return source, keys


def is_pair(raw, wanted):
    return np.array_equal(raw.bw, wanted[0]) and np.array_equal(raw.color, wanted[1])


def said(error):
    text = str(error.value)
    assert "\n" not in text
    return text


# Two files a page


@pytest.mark.parametrize(
    ("template", "sides", "layout"),
    [
        ("train{side}/{page}.png", ("A", "B"), "pairs in trainA/ and trainB/, likewise test (B/W is A)"),
        ("train{side}/{page}.png", ("B", "A"), "pairs in trainA/ and trainB/, likewise test (B/W is B)"),
        ("train_{side}/{page}.png", ("A", "B"), "pairs in train_A/ and train_B/, likewise test (B/W is A)"),
        ("{side}/train/{page}.png", ("A", "B"), "pairs in A/train/ and B/train/, likewise test (B/W is A)"),
        ("train/{side}/{page}.png", ("A", "B"), "pairs in train/A/ and train/B/, likewise test (B/W is A)"),
        ("train/{side}/{page}.png", ("bw", "color"), "pairs in train/bw/ and train/color/, likewise test"),
        ("train/{side}/{page}.png", ("lineart", "color"), "pairs in train/lineart/ and train/color/, likewise test"),
        ("{side}/train/{page}.png", ("bw", "Color"), "pairs in bw/train/ and Color/train/, likewise test"),
    ],
)
def test_pairs_in_parts_are_recognised(lay, pair, template, sides, layout):
    root = lay(template, sides, 6)
    lay(template.replace("train", "test"), sides, 3, seed=100)
    source, keys = opened(root)
    assert source.layout == layout
    assert [key.part for key in keys] == ["train"] * 6 + ["test"] * 3
    assert [key.page for key in keys] == [1, 2, 3, 4, 5, 6, 1, 2, 3]
    assert (keys[0].id, keys[6].id) == ("train_0", "test_0")
    assert not source.grouped
    assert has_own_split(keys)
    for key, seed in zip(keys, [0, 1, 2, 3, 4, 5, 100, 101, 102], strict=True):
        assert is_pair(source.read(key), pair(seed))
    assert len({shown_name(source, key) for key in keys}) == 9


@pytest.mark.parametrize(("folder", "part"), [("val", "validation"), ("valid", "validation"), ("Test", "test")])
def test_words_for_parts(lay, folder, part):
    lay("train/{side}/{page}.png", ("bw", "color"), 1)
    root = lay(folder + "/{side}/{page}.png", ("bw", "color"), 1, seed=5)
    assert [key.part for key in opened(root)[1]] == ["train", part]


def test_test_part_may_be_missing(lay):
    source, keys = opened(lay("train_{side}/{page}.png", ("A", "B"), 3))
    assert {key.part for key in keys} == {"train"}
    assert not has_own_split(keys)
    assert source.skipped == ()


def test_part_with_one_side_is_left_out_in_one_line(lay, pair, save):
    root = lay("train_{side}/{page}.png", ("A", "B"), 3)
    for page in range(4):
        save(pair(page)[0], root / "test_A" / f"{page}.png")
    source, keys = opened(root)
    assert len(keys) == 3
    assert source.skipped == ("test_A/: no test_B/ with images, so its 4 images are left out",)


def test_chapters_lie_below_the_side(lay):
    lay("train{side}/one/ch1/{page}.png", ("A", "B"), 2)
    lay("train{side}/two/ch1/{page}.png", ("A", "B"), 2, seed=10)
    root = lay("test{side}/one/ch2/{page}.png", ("A", "B"), 2, seed=20)
    source, keys = opened(root)
    assert source.grouped
    assert [(key.part, key.series, key.chapter, key.page) for key in keys[::2]] == [
        ("train", "one", "ch1", 1), ("train", "two", "ch1", 1), ("test", "one", "ch2", 1),
    ]  # fmt: skip


def test_one_chapter_is_no_group(lay):
    source, keys = opened(lay("{side}/only/{page}.png", ("bw", "color"), 3))
    assert (source.grouped, keys[0].chapter) == (False, "only")


def test_endings_a_and_b_are_no_part_of_the_name(tmp_path, pair, save):
    for page in (1, 2, 10):
        bw, color = pair(page)
        save(bw, tmp_path / "trainA" / f"{page}_A.png")
        save(color, tmp_path / "trainB" / f"{page}_B.jpg")
    # Equal names are partners as they are, whatever they end in.
    for side in "AB":
        save(pair(3)["AB".index(side)], tmp_path / f"train{side}" / "plan_A.png")
    source, keys = opened(tmp_path)
    assert [key.id for key in keys] == ["train_1", "train_2", "train_10", "train_plan_A"]
    assert shown_name(source, keys[2]) == "trainB/10_B.jpg"
    assert source.skipped == ()


def test_unpaired_set_is_refused(tmp_path, pair, save):
    for page in range(3):
        save(pair(page)[0], tmp_path / "trainA" / f"a{page}.png")
        save(pair(page)[1], tmp_path / "trainB" / f"b{page}.png")
    with pytest.raises(
        DataError, match=r"trainA/ and trainB/ have no file names in common.*scoring needs pairs"
    ) as error:
        opened(tmp_path)
    assert str(tmp_path) in said(error)


def test_missing_side_is_refused(lay):
    root = lay("train{side}/{page}.png", ("A", "B"), 2)
    shutil.rmtree(root / "trainB")
    with pytest.raises(DataError, match=r"has trainA/ but no trainB/"):
        opened(root)


def test_folders_beside_the_pairs_are_named(lay, pair, save):
    root = lay("{side}/{page}.png", ("bw", "color"), 2)
    save(pair(7)[0], root / "real_manga" / "1.png")
    (root / "notes.csv").write_text("a,b\n")
    skipped = opened(root)[0].skipped
    assert skipped[0] == "real_manga: beside the folders of pairs; 1 images are not read"
    assert skipped[1].startswith("notes.csv: a table, not read")


def test_two_folders_for_one_side_are_refused(lay, pair, save):
    root = lay("{side}/{page}.png", ("bw", "color"), 2)
    save(pair(0)[0], root / "lineart" / "0.png")
    with pytest.raises(DataError, match=r"both bw/ and lineart/"):
        opened(root)


def test_folders_of_pairs_one_deeper_are_pointed_at(lay, tmp_path):
    root = lay("manga/{side}/{page}.png", ("bw", "color"), 2)
    with pytest.raises(DataError, match=r"one deeper") as error:
        opened(root)
    assert str(root / "manga") in said(error)
    with zipfile.ZipFile(tmp_path / "set" / "packed.zip", "w") as archive:
        for side in ("bw", "color"):
            archive.write(root / "manga" / side / "0.png", f"{side}/0.png")
    shutil.rmtree(root / "manga")
    with pytest.raises(DataError, match=r"one deeper.*packed\.zip"):
        opened(root)
    assert len(opened(root / "packed.zip")[1]) == 1


# Which side is the B/W one


def test_side_is_found_by_colour_though_some_pages_are_grey(lay, pair, save):
    root = lay("train{side}/{page}.png", ("A", "B"), 8)
    for page in (0, 1):
        save(pair(page)[0], root / "trainB" / f"{page}.png")
    assert opened(root)[0].layout.endswith("(B/W is A)")


def test_side_that_colour_does_not_tell_must_be_named(lay, draw, save):
    root = lay("train{side}/{page}.png", ("A", "B"), 3)
    for page in range(3):
        save(draw(50 + page, HEIGHT, WIDTH), root / "trainA" / f"{page}.png")
    with pytest.raises(DataError, match=r"--bw-side A or --bw-side B") as error:
        opened(root)
    assert "data.bw_side=A" in said(error)
    source, keys = opened(root, bw_side="B")
    assert source.layout == "pairs in trainA/ and trainB/ (B/W is B)"
    np.testing.assert_array_equal(source.read(keys[0]).color, draw(50, HEIGHT, WIDTH))


def test_named_side_wins_over_colour(lay, pair):
    source, keys = opened(lay("train{side}/{page}.png", ("A", "B"), 2), bw_side="B")
    assert is_pair(source.read(keys[0]), pair(0)[::-1])


@pytest.mark.parametrize("options", [{"layout": "stacked"}, {"bw_side": "left"}, {"bw_side": "A"}])
def test_wrong_words_and_needless_sides_are_refused(lay, options):
    with pytest.raises(DataError, match=r"^(.*: )?(bw_side|layout) "):
        opened(lay("{side}/{page}.png", ("bw", "color"), 2), **options)


@pytest.mark.parametrize("spec", ["synthetic", "hf:owner/name", "pages.csv"])
def test_layouts_are_for_folders(spec):
    with pytest.raises(DataError, match="for folders and archives"):
        open_pairs(spec, layout="color")


# One file a page


@pytest.fixture
def halves(tmp_path, pair, save):
    """Side-by-side files in train/ and test/, colour on the left."""
    for page in range(5):
        bw, color = pair(page)
        save(side_by_side(color, bw), tmp_path / "ab" / "train" / f"{page}.png")
    save(side_by_side(*pair(9)[::-1]), tmp_path / "ab" / "test" / "0.png")
    return tmp_path / "ab"


def test_side_by_side_files_are_recognised(halves, pair):
    source, keys = opened(halves)
    assert source.layout == "side-by-side pairs in train/ and test/ (B/W is B, the right half)"
    assert [key.part for key in keys] == ["train"] * 5 + ["test"]
    assert [key.id for key in keys][-2:] == ["train_4", "test_0"]
    assert is_pair(source.read(keys[2]), pair(2))
    assert is_pair(source.read(keys[5]), pair(9))


def test_side_by_side_may_be_named(halves, pair):
    source, keys = opened(halves, layout="side-by-side")
    assert is_pair(source.read(keys[0]), pair(0))
    source, keys = opened(halves, layout="side-by-side", bw_side="A")
    assert is_pair(source.read(keys[0]), pair(0)[::-1])
    source, keys = opened(halves, layout="color")
    assert source.read(keys[0]).bw is None
    assert source.read(keys[0]).color.shape == (HEIGHT, 2 * WIDTH, 3)


def test_one_page_of_odd_width_is_unreadable(halves, pair, save):
    save(side_by_side(*pair(3))[:, 1:], halves / "train" / "3.png")
    source, keys = opened(halves)
    with pytest.raises(UnreadableImage, match=r"3\.png: 139 px wide.*odd"):
        source.read(keys[3])
    assert source.read(keys[2]).bw is not None


def test_grey_and_damaged_pages_do_not_hide_the_halves(halves, pair, save):
    save(side_by_side(pair(1)[0], pair(1)[0]), halves / "train" / "1.png")
    (halves / "train" / "2.png").write_bytes(b"damaged")
    assert opened(halves)[0].layout.startswith("side-by-side")


@pytest.mark.parametrize(
    "double",
    [
        pytest.param(lambda pair, at: side_by_side(pair(at)[1], pair(at + 50)[1]), id="two colour pages"),
        pytest.param(lambda pair, at: side_by_side(pair(at)[0], pair(at + 50)[1]), id="a B/W and a colour page"),
        pytest.param(lambda pair, at: side_by_side(pair(at)[0], pair(at + 50)[0]), id="two B/W pages"),
        pytest.param(lambda pair, at: side_by_side(pair(at)[1], pair(at)[1]), id="one colour page twice"),
        pytest.param(lambda pair, at: side_by_side(*pair(at))[:, 1:], id="halves of an odd width"),
        pytest.param(lambda pair, at: pair(at)[1], id="single colour pages"),
    ],
)
def test_double_pages_are_not_taken_for_halves(tmp_path, pair, save, double):
    for page in range(12):
        save(double(pair, page), tmp_path / "color" / f"{page}.png")
    source, keys = opened(tmp_path / "color")
    assert source.layout == "colour pages alone"
    assert source.read(keys[0]).bw is None


def test_few_halves_among_colour_pages_are_colour_pages(halves, draw, save):
    for page in range(10):
        save(draw(page, HEIGHT, 2 * WIDTH), halves / "train" / f"c{page}.png")
    assert opened(halves)[0].layout == "colour pages alone in train/ and test/"


def test_halves_that_colour_does_not_tell_apart_must_be_named(tmp_path, draw, save):
    save(draw(0, HEIGHT, 2 * WIDTH), tmp_path / "ab" / "0.png")
    with pytest.raises(DataError, match=r"which half is the B/W one.*--bw-side"):
        opened(tmp_path / "ab", layout="side-by-side")
    with pytest.raises(DataError, match=r"colour pages alone"):
        opened(tmp_path / "ab", bw_side="A")


def test_colour_pages_in_parts(tmp_path, draw, save):
    for folder, page in (("train/ch1", 0), ("train/ch2", 1), ("val/ch3", 2)):
        save(draw(page, HEIGHT, WIDTH), tmp_path / folder / "1.png")
    source, keys = opened(tmp_path)
    assert source.layout == "colour pages alone in train/ and val/"
    assert [(key.part, key.chapter, key.id) for key in keys] == [
        ("train", "ch1", "train_ch1_1"), ("train", "ch2", "train_ch2_1"), ("validation", "ch3", "val_ch3_1"),
    ]  # fmt: skip


def test_a_folder_called_test_is_a_chapter_where_nothing_trains(tmp_path, draw, save):
    for chapter in ("test", "flight"):
        save(draw(0), tmp_path / chapter / "1.png")
    assert {(key.chapter, key.part) for key in opened(tmp_path)[1]} == {("test", None), ("flight", None)}


def test_files_of_one_name_are_all_pages_where_there_is_only_colour(tmp_path, draw, save):
    for ending in ("png", "jpg", "bmp"):
        save(draw(1), tmp_path / f"a.{ending}")
    assert {key.id for key in opened(tmp_path)[1]} == {"a.png", "a.jpg", "a.bmp"}


# Archives


def packed(path: Path, files: dict[str, Path]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, file in files.items():
            archive.write(file, name)
    return path


def test_archives_are_chapters_and_pair_like_folders(lay, pair):
    loose = lay("loose/{side}/{page}.png", ("bw", "color"), 6) / "loose"
    root = loose.parent / "packed"
    for side in ("bw", "color"):
        files = [loose / side / f"{page}.png" for page in range(6)]
        # A folder that all pages of an archive share is no part of their names.
        inner = "Chapter 1/" if side == "bw" else ""
        packed(root / side / "ch1.cbz", {f"{inner}{page}.png": files[page] for page in range(3)})
        packed(root / side / "ch2.zip", {f"{page}.png": files[3 + page] for page in range(3)})
    source, keys = opened(root)
    assert source.layout == "pairs in bw/ and color/; 4 archives read as folders"
    assert source.grouped
    assert [(key.chapter, key.page, key.id) for key in keys[2:4]] == [("ch1", 3, "ch1_2"), ("ch2", 1, "ch2_0")]
    assert all(is_pair(source.read(key), pair(at)) for at, key in enumerate(keys))
    assert shown_name(source, keys[0]) == "ch1/0.png"


def test_one_archive_is_a_source(lay):
    root = lay("{side}/{page}.png", ("bw", "color"), 2)
    pages = {f"{page}.png": root / "color" / f"{page}.png" for page in range(2)}
    source, keys = opened(packed(root.parent / "vol 1.cbz", pages))
    assert (source.title, source.layout) == ("vol 1", "colour pages alone; 1 archive read as folders")
    assert [key.id for key in keys] == ["0", "1"]
    whole = {f"set/{side}/{page}.png": root / side / f"{page}.png" for side in ("bw", "color") for page in range(2)}
    assert opened(packed(root.parent / "set.zip", whole))[0].layout.startswith("pairs in bw/ and color/")


def test_damaged_archives_and_bad_entries_are_named(tmp_path, draw, save):
    page = save(draw(1), tmp_path / "page.png")
    root = tmp_path / "chapters"
    packed(root / "good.cbz", {"1.png": page, "../out.png": page})
    (root / "bad.cbz").write_bytes(b"PK\3\4 cut off")
    save(draw(2), root / "taken" / "1.png")
    packed(root / "taken.cbz", {"1.png": page})
    source, keys = opened(root)
    assert {key.chapter for key in keys} == {"good", "taken"}
    text = "\n".join(source.skipped)
    assert len(source.skipped) == 3
    assert "bad.cbz: the ZIP archive is damaged" in text
    assert "../out.png: its name leads out" in text
    assert "taken.cbz: taken/ is there too" in text
    with pytest.raises(DataError, match=r"bad\.cbz: the ZIP archive is damaged"):
        opened(root / "bad.cbz")


def test_page_that_an_archive_holds_twice_is_read_once(tmp_path, draw, save):
    page = save(draw(1), tmp_path / "page.png")
    path = tmp_path / "x.cbz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(page, "1.png")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.write(page, "1.png")
    source, keys = opened(path)
    assert len(keys) == 1
    assert "there twice" in source.skipped[0]


def test_damaged_page_in_an_archive_is_named(tmp_path, draw, save):
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no image")
    source, keys = opened(packed(tmp_path / "x.cbz", {"1.png": save(draw(1), tmp_path / "a.png"), "2.png": bad}))
    with pytest.raises(UnreadableImage, match=r"x\.cbz: 2\.png: not a PNG"):
        source.read(keys[1])


# What a page carries


def digest_of(*files: Path) -> str:
    content = [file.read_bytes() for file in files]
    return hashlib.sha256(b"".join(len(part).to_bytes(8, "big") + part for part in content)).hexdigest()


def test_digests_are_of_the_stored_bytes(lay, halves):
    root = lay("{side}/{page}.png", ("bw", "color"), 1)
    source, keys = opened(root)
    color, bw = root / "color" / "0.png", root / "bw" / "0.png"
    assert source.read(keys[0]).digest == digest_of(color, bw)
    source, keys = opened(root / "color")
    assert source.read(keys[0]).digest == digest_of(color)
    source, keys = opened(packed(root / "x.cbz", {"0.png": color}))
    assert source.read(keys[0]).digest == digest_of(color)
    source, keys = opened(halves)
    assert source.read(keys[0]).digest == digest_of(halves / "train" / "0.png")


def test_modes_are_those_stored(tmp_path, pair):
    bw, color = pair(0)
    for side in ("bw", "color"):
        (tmp_path / side).mkdir()
    Image.fromarray(bw).convert("1").save(tmp_path / "bw" / "0.png")
    Image.fromarray(color).convert("P").save(tmp_path / "color" / "0.png")
    source, keys = opened(tmp_path)
    raw = source.read(keys[0])
    assert (raw.bw_mode, raw.color_mode) == ("1", "P")


def test_fingerprint_follows_layout_side_part_and_place(lay, halves):
    root = lay("train{side}/{page}.png", ("A", "B"), 2)
    prints = [
        opened(root)[0].fingerprint(),
        opened(root, bw_side="B")[0].fingerprint(),
        *(opened(halves, layout=layout)[0].fingerprint() for layout in ("side-by-side", "color")),
        opened(halves, layout="side-by-side", bw_side="A")[0].fingerprint(),
    ]
    for side in "AB":
        (root / f"train{side}").rename(root / f"test{side}")
    prints.append(opened(root)[0].fingerprint())
    assert len(set(prints)) == len(prints)
    assert opened(root, bw_side="A")[0].fingerprint() == prints[-1]


# Bad input


def test_images_beside_a_parquet_file_say_what_to_do(tmp_path, draw, save):
    save(draw(1), tmp_path / "a.png")
    (tmp_path / "train.parquet").write_bytes(b"")
    with pytest.raises(DataError, match=r"holds images and train\.parquet; give .*train\.parquet if.*hf:.*color\)"):
        opened(tmp_path)
    assert len(opened(tmp_path, layout="color")[1]) == 1


def test_images_beside_a_manifest_say_what_to_do(tmp_path, draw, save):
    save(draw(1), tmp_path / "a.png")
    (tmp_path / "notes.csv").write_text("a,b\n")
    assert "notes.csv: a table, not read" in opened(tmp_path)[0].skipped[0]
    (tmp_path / "pages.csv").write_text("\ufeffcolor,page\na.png,1\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"holds images and pages\.csv; give .*pages\.csv if it is a manifest"):
        opened(tmp_path)


def test_links_in_circles_and_special_files_are_left_out(tmp_path, draw, save):
    import os

    save(draw(1), tmp_path / "a.png")
    (tmp_path / "self.png").symlink_to(tmp_path / "self.png")
    (tmp_path / "lost.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / "up").symlink_to(tmp_path)
    (tmp_path / "same.png").symlink_to(tmp_path / "a.png")
    os.mkfifo(tmp_path / "pipe.png")
    source, keys = opened(tmp_path)
    assert [key.id for key in keys] == ["a", "same"]
    assert len(skipped_files(source)) == 4


@pytest.mark.parametrize("name", ["trainB", "color"])
def test_linked_side_is_refused(tmp_path, lay, name):
    sides = ("A", "B") if name == "trainB" else ("bw", "color")
    root = lay("train{side}/{page}.png" if name == "trainB" else "{side}/{page}.png", sides, 2)
    shutil.move(root / name, tmp_path / "elsewhere")
    (root / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataError, match=f"{name}: a link out of the folder is not followed"):
        opened(root)


def test_names_that_a_terminal_would_obey_are_not_repeated(tmp_path, draw, save):
    save(draw(1), tmp_path / "bw" / "a\x1b[31m.png")
    save(draw(1), tmp_path / "bw" / "b.png")
    save(draw(1), tmp_path / "color" / "b.png")
    save(draw(2), tmp_path / "bw" / "c\x1b.png")
    save(draw(2), tmp_path / "color" / "c\x1b.png")
    source, keys = opened(tmp_path)
    shown = [*skipped_files(source), *(shown_name(source, key) for key in keys), *(key.id for key in keys)]
    assert not any("\x1b" in text for text in shown)


NAMES = st.sampled_from(["train", "test", "val", "A", "B", "bw", "color", "trainA", "testB", "train_A", "ch1", "x"])


@given(st.lists(st.lists(NAMES, min_size=1, max_size=4), min_size=1, max_size=8))
def test_every_place_has_at_most_one_spot_and_keeps_its_path(folders):
    images = [StoredImage(Path(*parts, f"{at}.png"), Path("/nowhere")) for at, parts in enumerate(folders)]
    for spot in recognised(images):
        assert Path(spot.top, spot.below) == spot.image.place
        assert (spot.part is None) == (spot.part_folder == "")
    has_part_folders([image.place for image in images])
