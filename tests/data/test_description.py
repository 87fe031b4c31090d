import json

import numpy as np
import pytest
from PIL import Image

from data import DataError, contact_sheet, describe, open_pairs


@pytest.fixture
def faulty(tmp_path, draw, save):
    """Ten pairs: 1 has grey colour, 2 and 3 have B/W that is luma, 4 differs in size, 6 and 7 are one page, 9 is damaged."""
    root = tmp_path / "faulty"
    for page in range(10):
        color = draw(6 if page == 7 else page, 90, 70)
        bw = np.asarray(Image.fromarray(draw(100 + page, 90, 70)).convert("L"))
        if page == 1:
            color = np.repeat(color[..., :1], 3, axis=2)
        if page in (2, 3):
            bw = np.asarray(Image.fromarray(color).convert("L"))
        if page == 4:
            bw = bw[:88]
        save(color, root / "color" / f"{page}.png")
        save(bw, root / "bw" / f"{page}.png")
    (root / "color" / "9.png").write_bytes(b"damaged")
    save(draw(50), root / "color" / "alone.png")
    return root


def test_faults_are_counted_and_named(faulty):
    found = describe(open_pairs(str(faulty)))
    assert (found.pages, found.pairs, found.grouped) == (10, 9, False)
    assert found.grey_color == pytest.approx(1 / 9)
    assert found.luminance_bw == pytest.approx(2 / 9)
    assert found.misaligned == ("4.png",)
    assert found.near_duplicate_pairs == (("6.png", "7.png"),)
    assert len(found.unreadable) == 1
    assert "9.png" in found.unreadable[0]
    assert found.skipped == ("color/alone.png: no partner in bw/",)
    assert found.sizes.short == (70, 70, 70)
    assert found.sizes.long == (90, 90, 90)


def test_json_and_text_hold_the_same(faulty):
    found = describe(open_pairs(str(faulty)))
    content = json.loads(json.dumps(found.model_dump(mode="json")))
    assert content["near_duplicate_pairs"] == [["6.png", "7.png"]]
    text = found.text()
    for part in ("10 pages", "11.1%", "22.2%", "6.png = 7.png", "9.png", "alone.png"):
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
