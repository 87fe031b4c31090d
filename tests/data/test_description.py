import errno
import json
import weakref
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data import DataError, contact_sheet, describe, open_pairs, recipe_settings, recipe_sheet
from data.geometry import resize_pair
from data.recipes import apply_recipe


def ink_of(color):
    return np.where(color.min(axis=2) < 60, 0, 255).astype(np.uint8)


def luma_of(color):
    return np.asarray(Image.fromarray(color).convert("L"))


@pytest.fixture
def faulty(tmp_path, draw, save):
    """Ten pairs: 1 has grey colour, 2 has B/W that is luma and 3 almost so, 4 differs in size, 5 is shifted, 6 and 7 are
    one page, 8 has the B/W page of another, 9 is damaged."""
    root = tmp_path / "faulty"
    for page in range(10):
        color = draw(6 if page == 7 else page, 150, 110)
        bw = ink_of(draw(108, 150, 110) if page == 8 else color)
        if page == 1:
            color = np.repeat(color[..., :1], 3, axis=2)
        if page == 2:
            bw = luma_of(color)
        if page == 3:
            bw = (luma_of(color).astype(int) + 2).clip(0, 255).astype(np.uint8)
        if page == 4:
            bw = bw[:148]
        if page == 5:
            bw = np.roll(bw, (0, 5), axis=(0, 1))
        save(color, root / "color" / f"{page}.png")
        save(bw, root / "bw" / f"{page}.png")
    (root / "color" / "9.png").write_bytes(b"damaged")
    save(draw(50), root / "color" / "alone.png")
    return root


def test_faults_are_counted_and_named(faulty):
    found = describe(open_pairs(str(faulty)))
    assert (found.pages, found.pairs, found.grouped) == (10, 9, False)
    assert found.layout == "pairs in bw/ and color/"
    assert found.grey_color == pytest.approx(1 / 9)
    assert found.luminance_bw == pytest.approx(2 / 9)
    assert found.exact_luminance_bw == pytest.approx(1 / 9)
    assert found.coloured_bw == 0
    assert found.misaligned == ("4.png", "5.png", "8.png")
    assert [(pair.page, pair.fault) for pair in found.misalignments] == [
        ("4.png", "size"), ("5.png", "shifted"), ("8.png", "different"),
    ]  # fmt: skip
    assert "110x148 px, colour 110x150" in found.misalignments[0].words
    assert "moved by -5 px right and +0 px down" in found.misalignments[1].words
    assert found.near_duplicate_pairs == (("6.png", "7.png"),)
    assert found.near_duplicates_across_parts == 0
    assert len(found.unreadable) == 1
    assert found.unreadable[0].startswith("color/9.png: ")
    assert found.skipped == ("color/alone.png: no partner in bw/",)
    assert found.sizes.short == (110, 110, 110)
    assert found.sizes.long == (150, 150, 150)
    assert (found.modes.color, found.modes.bw) == ({"RGB": 9}, {"L": 9})


@pytest.fixture
def split(tmp_path, draw, save):
    """Three training and two test pages in trainA and so on; one test page is a training page."""
    for folder, seeds in (("train", (0, 1, 2)), ("test", (2, 3))):
        for page, seed in enumerate(seeds):
            color = draw(seed, 90, 70)
            save(ink_of(color), tmp_path / "set" / f"{folder}A" / f"{page}.png")
            save(color, tmp_path / "set" / f"{folder}B" / f"{page}.png")
    return tmp_path / "set"


def test_own_split_is_counted_and_its_leaks_too(split):
    found = describe(open_pairs(str(split)))
    assert found.parts == {"train": 3, "test": 2}
    assert found.near_duplicate_pairs == (("trainB/2.png", "testB/0.png"),)
    assert found.near_duplicates_across_parts == 1
    text = found.text()
    assert "no series or chapters\nits own split: 3 in train, 2 in test\n" in text
    assert "1 pairs of near-duplicate pages, 1 of them across its own parts" in text
    assert "layout: pairs in trainA/ and trainB/, likewise test (B/W is A)" in text


def test_modes_and_coloured_bw_are_counted(split):
    Image.open(split / "trainA" / "0.png").convert("1").save(split / "trainA" / "0.png")
    Image.open(split / "trainB" / "1.png").quantize().save(split / "trainB" / "1.png")
    Image.open(split / "trainB" / "2.png").save(split / "trainA" / "2.png")
    found = describe(open_pairs(str(split), bw_side="A"))
    assert found.modes.bw == {"L": 3, "1": 1, "RGB": 1}
    assert found.modes.color == {"RGB": 4, "P": 1}
    assert found.coloured_bw == pytest.approx(1 / 5)
    assert "stored as: colour RGB (4), P (1); B/W L (3), 1 (1), RGB (1)" in found.text()


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_every_bad_file_gets_a_line_and_odd_ones_are_read(tmp_path, draw, save):
    root = tmp_path / "set"
    page = Image.fromarray(draw(1, 60, 50))
    for side in ("bw", "color"):
        (root / side).mkdir(parents=True)
        page.save(root / side / "good.png")
        Image.new("RGB", (1, 1)).save(root / side / "one_pixel.png")
        Image.new("RGB", (2, 120)).save(root / side / "strip.png")
        page.convert("CMYK").save(root / side / "cmyk.tif")
        page.quantize().save(root / side / "palette.gif", save_all=True, append_images=[page.quantize()])
        Image.fromarray(np.arange(3000, dtype=np.uint16).reshape(60, 50)).save(root / side / "sixteen.png")
        (root / side / "empty.png").write_bytes(b"")
        (root / side / "text.png").write_text("no image")
        (root / side / "cut.png").write_bytes((root / side / "good.png").read_bytes()[:100])
        Image.new("1", (11_000, 10_000)).save(root / side / "huge.png")
        Image.new("L", (2, 200)).save(root / side / "endless.png")
    found = describe(open_pairs(str(root)))
    assert (found.pages, found.pairs, found.misaligned) == (11, 6, ())
    assert sorted(Path(line.split(":")[0]).name for line in found.unreadable) == [
        "cut.png", "empty.png", "endless.png", "huge.png", "text.png",
    ]  # fmt: skip
    assert found.modes.color == {"RGB": 3, "CMYK": 1, "P": 1, "I;16": 1}
    # Alone, the same files are looked at for two halves, and described.
    assert describe(open_pairs(str(root / "color"))).pages == 11


class Watched:
    """A source that counts how many of the pages it gave are still in memory."""

    def __init__(self, source):
        self.source, self.alive, self.most = source, 0, 0

    def __getattr__(self, name):
        return getattr(self.source, name)

    def read(self, key):
        raw = self.source.read(key)
        self.alive += 1
        self.most = max(self.most, self.alive)
        weakref.finalize(raw.color, self.gone)
        return raw

    def gone(self):
        self.alive -= 1


def test_few_pages_are_in_memory_at_once(chapters):
    watched = Watched(open_pairs(str(chapters)))
    assert describe(watched, threads=2).pages == 32
    assert 1 <= watched.most <= 4
    assert watched.alive == 0


def test_json_and_text_hold_the_same(faulty):
    found = describe(open_pairs(str(faulty)))
    content = json.loads(json.dumps(found.model_dump(mode="json")))
    assert content["near_duplicate_pairs"] == [["6.png", "7.png"]]
    assert content["misaligned"] == [pair["page"] for pair in content["misalignments"]]
    text = found.text()
    for part in ("10 pages", "11.1%", "22.2%", "6.png = 7.png", "9.png", "alone.png", "5.png: B/W fits"):
        assert part in text


def test_noise_is_no_colour(tmp_path, draw, save):
    grey = np.asarray(Image.fromarray(draw(1, 120, 90)).convert("L")).astype(int)[..., None]
    noisy = grey + np.random.default_rng(0).integers(-3, 4, (120, 90, 3))
    save(noisy.clip(0, 255).astype(np.uint8), tmp_path / "pages" / "grey.png")
    save(draw(2, 120, 90), tmp_path / "pages" / "color.png")
    assert describe(open_pairs(str(tmp_path / "pages"))).grey_color == 0.5


def test_groups_are_counted(chapters):
    calls = []
    found = describe(open_pairs(str(chapters)), on_progress=lambda done, total: calls.append((done, total)))
    assert (found.series, found.chapters, found.pairs) == (2, 8, 0)
    assert found.largest_chapters[0] == ("series0/chapter0", 4)
    assert calls[-1] == (32, 32)


def test_contact_sheet_shows_pairs_side_by_side(pairs, tmp_path):
    contact_sheet(open_pairs(str(pairs)), tmp_path / "sheet.png", pages=6, height=60)
    sheet = Image.open(tmp_path / "sheet.png")
    # 44 x 60 px pages, two a tile, four tiles a row with 8 px between
    assert sheet.size == (4 * (88 + 8) + 8, 2 * (60 + 8) + 8)
    np.testing.assert_array_equal(
        np.asarray(sheet)[8:68, 8 + 44 : 8 + 88], np.asarray(Image.open(pairs / "color" / "0.png"))
    )


def test_contact_sheet_that_cannot_be_made(pairs, tmp_path):
    with pytest.raises(DataError, match="cannot be written"):
        contact_sheet(open_pairs(str(pairs)), tmp_path / "nowhere" / "sheet.png")
    source = open_pairs(str(pairs))
    for page in range(12):
        (pairs / "color" / f"{page}.png").write_bytes(b"")
    with pytest.raises(DataError, match="none of the 12 pages"):
        contact_sheet(source, tmp_path / "sheet.png")


def test_recipe_sheet_shows_what_networks_are_tested_on(pairs, tmp_path):
    source = open_pairs(str(pairs))
    recipe_sheet(source, tmp_path / "sheet.png", ["original", "lines"], resolution=64, pages=3)
    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
    # Pages of 44x60 px become 64x87 px; four columns, a line of headings, 8 px between.
    assert sheet.shape == (28 + 3 * (87 + 8), 4 * (64 + 8) + 8, 3)
    pair = resize_pair(source.read(source.keys()[4]), 64, "page")
    cells = [sheet[28 + 95 : 28 + 95 + 87, 8 + column * 72 : 8 + column * 72 + 64] for column in range(4)]
    np.testing.assert_array_equal(cells[0], pair.bw)
    np.testing.assert_array_equal(cells[1], pair.color)
    np.testing.assert_array_equal(cells[3], apply_recipe("lines", recipe_settings("lines"), None, pair.color))
    assert all((sheet[:28, column * 72 : (column + 1) * 72] < 128).any() for column in range(4))


def test_recipe_sheet_that_cannot_be_made(chapters, tmp_path):
    source = open_pairs(str(chapters))
    with pytest.raises(DataError, match="recipe original: the source has colour pages only"):
        recipe_sheet(source, tmp_path / "sheet.png", ["original"], resolution=64)
    for file in chapters.rglob("*.png"):
        file.write_bytes(b"")
    with pytest.raises(DataError, match="none of the 6 pages"):
        recipe_sheet(source, tmp_path / "sheet.png", ["gray"], resolution=64)


def test_recipe_sheet_cuts_strips(tmp_path, draw, save):
    save(draw(1, 1000, 50), tmp_path / "set" / "strip.png")
    recipe_sheet(open_pairs(str(tmp_path / "set")), tmp_path / "sheet.png", ["gray"], resolution=64)
    assert Image.open(tmp_path / "sheet.png").size == (2 * 72 + 8, 28 + 128 + 8)


def test_a_file_that_may_not_be_read_is_listed_and_not_the_end_of_the_look(pairs, monkeypatch):
    """`data info` is the command that finds such files; a run stops at them."""
    read = Path.read_bytes

    def denied(path):
        if path.name == "3.png":
            raise PermissionError(errno.EACCES, "Permission denied")
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", denied)
    found = describe(open_pairs(str(pairs)))
    assert any("Permission denied" in line for line in found.unreadable)
