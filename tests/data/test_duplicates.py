import io

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from data import registration
from data.duplicates import near_duplicates, near_duplicates_within, perceptual_hashes, thumbnail


def stack(pages):
    return np.stack([thumbnail(page) for page in pages])


def jpeg(page, quality):
    stream = io.BytesIO()
    Image.fromarray(page).save(stream, "JPEG", quality=quality)
    return np.asarray(Image.open(io.BytesIO(stream.getvalue())))


def cropped(page, top, left, bottom, right):
    height, width = page.shape[:2]
    rows = slice(round(top * height), height - round(bottom * height))
    return page[rows, round(left * width) : width - round(right * width)]


def resized(page, factor):
    size = (round(page.shape[1] * factor), round(page.shape[0] * factor))
    return np.asarray(Image.fromarray(page).resize(size, Image.Resampling.LANCZOS))


def brightened(page, factor):
    return np.asarray(ImageEnhance.Brightness(Image.fromarray(page)).enhance(factor))


COPIES = {
    "half size": lambda page: resized(page, 0.5),
    "larger": lambda page: resized(page, 1.7),
    "jpeg 15": lambda page: jpeg(page, 15),
    "brighter": lambda page: brightened(page, 1.15),
    "darker": lambda page: brightened(page, 0.75),
    "cropped all round": lambda page: cropped(page, 0.03, 0.03, 0.03, 0.03),
    "cropped left": lambda page: cropped(page, 0, 0.04, 0, 0),
    "cropped below": lambda page: cropped(page, 0, 0, 0.04, 0),
    "all together": lambda page: jpeg(brightened(resized(cropped(page, 0.02, 0.01, 0.02, 0.03), 0.6), 0.9), 50),
}


@pytest.mark.parametrize("kind", COPIES)
def test_planted_copies_are_found_and_nothing_else(draw, kind):
    pages = [draw(seed, 300, 212) for seed in range(24)]
    copies = [COPIES[kind](page) for page in pages[:8]]
    assert near_duplicates(stack(pages), stack(copies)) == [(at, at) for at in range(8)]


def test_different_pages_are_apart(draw):
    assert near_duplicates_within(stack([draw(seed, 200, 150) for seed in range(120)])) == []


def icon(fill="gold", mouth=False, hat=False):
    """A plain face on white."""
    from PIL import ImageDraw

    image = Image.new("RGB", (256, 256), "white")
    draw = ImageDraw.Draw(image)
    draw.ellipse((48, 48, 208, 208), fill=fill, outline="black", width=8)
    for x in (95, 145):
        draw.ellipse((x, 100, x + 16, 122), fill="black")
    if mouth:
        draw.ellipse((92, 145, 164, 195), fill="black")
    if hat:
        draw.rectangle((70, 20, 186, 70), fill="red", outline="black", width=8)
    return np.asarray(image)


def test_plain_icons_that_resemble_each_other_are_apart():
    icons = [icon(), icon(mouth=True), icon(hat=True), icon(fill="deepskyblue"), icon(fill="limegreen", mouth=True)]
    assert near_duplicates_within(stack(icons)) == []
    assert near_duplicates(stack(icons), stack([jpeg(icon(mouth=True), 40)])) == [(1, 0)]


def test_recoloured_page_is_another_page(draw):
    page = draw(3, 200, 150)
    assert near_duplicates(stack([page]), stack([page[..., ::-1]])) == []


def test_recoloured_detail_makes_another_page(draw):
    page = draw(3, 200, 150)
    changed = page.copy()
    # Of the luma 0.299 R + 0.587 G + 0.114 B of (200, 40, 40), so that only the colour tells.
    page[60:80, 60:80], changed[60:80, 60:80] = (200, 40, 40), (40, 121, 40)
    assert near_duplicates(stack([page]), stack([changed])) == []
    assert near_duplicates(stack([page]), stack([jpeg(page, 40)])) == [(0, 0)]


def test_changed_detail_makes_another_page(draw):
    page = draw(3, 200, 150)
    changed = page.copy()
    page[60:78, 60:78], changed[60:78, 60:78] = 0, 255
    measured = registration.differences(stack([page]), stack([changed]))
    assert measured.correlation[0] > 0.9
    assert near_duplicates(stack([page]), stack([changed])) == []


def test_narrower_by_a_tenth_both_ways_is_found(draw):
    pages = [draw(seed, 300, 212) for seed in range(40)]
    copies = [cropped(page, 0.05, 0.05, 0.05, 0.05) for page in pages]
    assert near_duplicates(stack(pages), stack(copies)) == [(at, at) for at in range(40)]


def test_relation_is_not_transitive(draw):
    page = draw(5, 400, 300)
    chain = [cropped(page, at, at, 0, 0) for at in (0.0, 0.05, 0.1, 0.15, 0.2)]
    found = near_duplicates_within(stack(chain))
    assert {(0, 1), (1, 2), (2, 3), (3, 4)} <= set(found)
    assert (0, 4) not in found


def test_blank_pages_equal_blank_pages_of_their_colour(draw):
    white, cream = np.full((90, 60, 3), 255, np.uint8), np.full((90, 60, 3), (255, 240, 210), np.uint8)
    pages = stack([white, cream, draw(1), white - 2])
    assert near_duplicates_within(pages) == [(0, 3)]
    assert near_duplicates(pages[:1], pages[:1]) == [(0, 0)]


def test_empty_sides(draw):
    none, one = np.empty((0, 64, 64, 3), np.uint8), stack([draw(0)])
    assert near_duplicates(none, one) == near_duplicates(one, none) == near_duplicates_within(none) == []


@pytest.mark.parametrize(("down", "across"), [(0, 1), (3, 0), (2, 5), (7, 7)])
def test_hash_of_a_cosine_has_one_certain_bit(down, across):
    # A 2-D cosine of 32 samples is one coefficient of the DCT-II; 63 others are 0 and uncertain.
    at = (2 * np.arange(32) + 1) * np.pi / 64
    wave = 128 + 100 * np.cos(at * down)[:, None] * np.cos(at * across)[None]
    grey = np.repeat(np.repeat(wave, 2, axis=0), 2, axis=1)[None].astype(np.float32)
    bits, certain = perceptual_hashes(grey)
    place = np.uint64(1) << np.uint64(63 - (8 * down + across))
    assert certain[0] == place
    assert bits[0] & certain[0] == place


def test_alignment_recovers_a_known_crop(draw):
    page = draw(7, 640, 640)
    cut = (0.02, 0.05, 0.04, 0.01)  # top, left, bottom, right
    reference, moving = stack([page]), stack([cropped(page, *cut)])
    scale_x, shift_x, scale_y, shift_y = registration.align(registration.grey(reference), registration.grey(moving))[0]
    # The cut page shows position u of the whole at (u - left) / (1 - left - right).
    assert scale_x == pytest.approx(1 / 0.94, abs=0.005)
    assert shift_x == pytest.approx(-0.05 / 0.94, abs=0.005)
    assert scale_y == pytest.approx(1 / 0.94, abs=0.005)
    assert shift_y == pytest.approx(-0.02 / 0.94, abs=0.005)


def test_twelve_thousand_against_two_thousand_four_hundred():
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (14_400, 8, 8, 3), dtype=np.uint8)
    pages = coarse.repeat(8, axis=1).repeat(8, axis=2)
    pages[12_000 + 7] = pages[11_999]
    assert near_duplicates(pages[:12_000], pages[12_000:]) == [(11_999, 7)]
