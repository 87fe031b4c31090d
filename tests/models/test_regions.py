"""Regions of drawn cases whose partition is known."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from models import regions
from models.regions import WIDEST_GAP, region_map, regions_of

SIZES = (256, 512)
BOX = (60, 190)
"""Where the box of most cases begins and ends in both directions, px at short side 256."""


def paper(size):
    return np.full((size, size), 255, dtype=np.uint8)


def frame(page, top, left, bottom, right, stroke=2):
    """Draw a rectangle whose outer edges are given."""
    page[top:bottom, left:right][:stroke] = 0
    page[top:bottom, left:right][-stroke:] = 0
    page[top:bottom, left:right][:, :stroke] = 0
    page[top:bottom, left:right][:, -stroke:] = 0
    return page


def boxed(size, stroke=2):
    """Draw a box; return the page, and where the box is with its outline."""
    start, end = (side * size // 256 for side in BOX)
    inside = np.zeros((size, size), dtype=bool)
    inside[start:end, start:end] = True
    return frame(paper(size), start, start, end, end, stroke), inside


def halftone(size, period, coverage):
    """Draw dots on a lattice at 45 degrees, `period` px along its rows, with exactly that share of ink in a period."""
    at = 2 * np.pi * np.arange(period) / period
    darkness = (np.cos(at)[: period // 2, None] * np.cos(at)).round(9)
    upper = np.zeros(darkness.size, dtype=bool)
    upper[np.argsort(-darkness, axis=None, kind="stable")[: round(coverage * darkness.size)]] = True
    upper = upper.reshape(darkness.shape)
    tile = np.concatenate((upper, np.roll(upper, period // 2, axis=1)))
    return np.tile(tile, (size // period + 1, size // period + 1))[:size, :size]


def test_the_halftone_of_these_tests_has_the_wanted_coverage():
    for coverage in (0.125, 0.25, 0.375, 0.625, 0.75, 0.875):
        assert halftone(256, 4, coverage).mean() == coverage


def partition(found):
    """Renumber in reading order, by another way than the code's."""
    _, first, inverse = np.unique(found, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse].reshape(found.shape) + 1


def is_sound(found, shape):
    """Whether a map has the shape, all ids from 1 to n and reading order."""
    return found.dtype == np.int32 and found.shape == shape and np.array_equal(found, partition(found))


def keeps_apart(found, inside, margin=4):
    """Whether the box is one region and what is around it another, but for the outline's few pixels."""
    rows, columns = np.nonzero(inside)
    top, bottom, left, right = rows.min(), rows.max() + 1, columns.min(), columns.max() + 1
    inner = found[top + margin : bottom - margin, left + margin : right - margin]
    outer = found.copy()
    outer[top - margin : bottom + margin, left - margin : right + margin] = found[0, 0]
    return (inner == inner[0, 0]).all() and (outer == found[0, 0]).all() and inner[0, 0] != found[0, 0]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("stroke", [1, 2, 5])
def test_a_closed_box_is_two_regions_that_meet_inside_the_line(size, stroke):
    page, inside = boxed(size, stroke)
    found = region_map(page)
    assert found.max() == 2
    assert keeps_apart(found, inside, margin=stroke)
    assert (found[~inside] == 1).all()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("gap", range(1, int(WIDEST_GAP) + 1))
def test_gaps_up_to_the_widest_are_closed(size, gap):
    page, inside = boxed(size)
    wide = gap * size // 256
    for at in (size // 3, size // 2):
        page[inside.any(0).argmax() : inside.any(0).argmax() + 2, at : at + wide] = 255
        page[at : at + wide, inside.any(0).argmax() : inside.any(0).argmax() + 2] = 255
    found = region_map(page)
    assert found.max() == 2
    assert keeps_apart(found, inside, margin=wide + 2)


@pytest.mark.parametrize("size", SIZES)
def test_a_gap_in_a_slanting_line_is_closed(size):
    page = paper(size)
    wide = int(WIDEST_GAP) * size // 256
    for at in range(size):
        if not size // 2 <= at < size // 2 + wide // 2:
            page[at, max(0, size - 1 - at - 1) : size - at] = 0
    found = region_map(page)
    assert found.max() == 2
    assert found[0, 0] != found[-1, -1]


@pytest.mark.parametrize("size", SIZES)
def test_a_wide_opening_joins_inside_and_outside(size):
    page, inside = boxed(size)
    start, wide = inside.any(0).argmax(), 4 * int(WIDEST_GAP) * size // 256
    page[start : start + 2, size // 2 : size // 2 + wide] = 255
    assert region_map(page).max() == 1


@pytest.mark.parametrize("size", SIZES)
def test_a_passage_as_wide_as_what_it_leads_to_is_no_gap(size):
    """A gutter between two panels, narrower than the widest gap, stays whole over its length."""
    page = paper(size)
    unit = size // 256
    page[: 120 * unit], page[124 * unit :] = 0, 0
    page[60 * unit : 61 * unit + 60 * unit : 7] = 0
    found = region_map(page)
    assert len(np.unique(found[121 * unit : 123 * unit])) == 1


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("coverage", [0.125, 0.25, 0.375, 0.625, 0.75, 0.875])
def test_screentone_is_no_wall(size, coverage):
    page, inside = boxed(size)
    page[inside & halftone(size, 4 * size // 256, coverage)] = 0
    found = region_map(page)
    assert found.max() == 2
    assert keeps_apart(found, inside)


@pytest.mark.parametrize("period", [6, 8, 12])
@pytest.mark.parametrize("coverage", [0.1, 0.2, 0.3, 0.4])
def test_tones_of_other_periods_are_no_walls(period, coverage):
    page, inside = boxed(512)
    page[inside & halftone(512, period, coverage)] = 0
    assert region_map(page).max() == 2


def test_a_tone_without_outline_belongs_to_the_paper():
    page, inside = paper(256), boxed(256)[1]
    page[inside & halftone(256, 4, 0.25)] = 0
    assert region_map(page).max() == 1


def test_dust_and_letters_are_no_walls():
    page, inside = boxed(256)
    rng = np.random.default_rng(0)
    for top, left in rng.integers(4, 250, (200, 2)):
        page[top, left] = 0
    for left in range(80, 160, 10):
        frame(page, 100, left, 107, left + 6, stroke=1)
    found = region_map(page)
    assert found.max() == 2
    assert keeps_apart(found, inside, margin=6)


def test_nested_boxes_are_numbered_in_reading_order():
    page = paper(256)
    for inset in (20, 50, 80):
        frame(page, inset, inset, 256 - inset, 256 - inset)
    found = region_map(page)
    assert [found[5, 5], found[35, 128], found[65, 128], found[128, 128]] == [1, 2, 3, 4]
    assert found.max() == 4


@pytest.mark.parametrize("stroke", [1, 3])
def test_lines_that_touch_the_border_part_the_page(stroke):
    page = paper(256)
    page[100 : 100 + stroke] = 0
    page[:, 60 : 60 + stroke] = 0
    found = region_map(page)
    assert [found[0, 0], found[0, -1], found[-1, 0], found[-1, -1]] == [1, 2, 3, 4]
    assert found.max() == 4


def test_thin_slanting_lines_are_not_crossed():
    """A line that is connected by corners alone parts the page."""
    page = paper(256)
    np.fill_diagonal(page, 0)
    found = region_map(page)
    assert found.max() == 2
    assert found[0, -1] != found[-1, 0]
    assert len(np.unique(found[np.triu_indices(256, 1)])) == 1


def test_wide_black_is_a_region_and_a_line_is_not():
    page = paper(256)
    page[40:90, 40:120] = 0
    page[150:156] = 0
    found = region_map(page)
    assert found.max() == 3
    assert (found[40:90, 40:120] == found[60, 60]).all()
    assert found[60, 60] != found[0, 0]
    assert set(np.unique(found[150:156])) == {found[0, 0], found[-1, -1]}


def test_grey_is_paper_and_thin_grey_strokes_are_lines():
    """A desaturated colour page: flat greys that meet without a line are one region; a stroke parts each of them."""
    page = np.full((256, 256), 210, dtype=np.uint8)
    page[:, 128:] = 130
    assert region_map(page).max() == 1
    page[100:102, :128], page[100:102, 128:] = 150, 90
    found = region_map(page)
    assert found.max() == 2
    assert found[50, 50] == found[50, 200] != found[200, 50]


def test_small_enclosed_parts_go_to_what_is_around_them():
    page, inside = boxed(256)
    frame(page, 100, 100, 106, 160, stroke=1)
    page[101:105, 104:160:4] = 0
    found = region_map(page)
    assert found.max() == 2
    assert keeps_apart(found, inside)


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (9, 1), (2, 2), (64, 64), (300, 70)])
@pytest.mark.parametrize("luma", [0, 79, 80, 255])
def test_a_page_of_one_luma_is_one_region(shape, luma):
    assert np.array_equal(region_map(np.full(shape, luma, dtype=np.uint8)), np.ones(shape, dtype=np.int32))


@given(arrays.arrays(np.uint8, arrays.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40)))
@settings(max_examples=60, deadline=None)
def test_any_pixels_give_a_sound_map(luma):
    found = region_map(luma)
    assert is_sound(found, luma.shape)
    assert np.array_equal(found, region_map(luma.copy()))


def scribble(seed, size=128):
    """Draw boxes and discs of many sizes over each other."""
    rng = np.random.default_rng(seed)
    page = paper(size)
    y, x = np.mgrid[:size, :size]
    for top, left, extent in rng.integers((0, 0, 12), (size, size, 70), (8, 3)):
        frame(page, top, left, min(size, top + extent), min(size, left + extent), stroke=int(rng.integers(1, 4)))
        away = np.hypot(y - left, x - top)
        page[np.abs(away - extent / 2) < 0.8] = 0
    return page


@given(st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_a_mirrored_page_gives_the_mirrored_map_but_for_ties(seed):
    """Two regions of exactly the same area may part a line's middle otherwise; all other pixels agree."""
    page = scribble(seed)
    found = region_map(page)
    assert is_sound(found, page.shape)
    for axis in (0, 1):
        mirrored = np.flip(region_map(np.flip(page, axis).copy()), axis)
        assert found.max() == mirrored.max()
        pairs, counts = np.unique(np.stack((found.ravel(), mirrored.ravel())), axis=1, return_counts=True)
        matched = np.zeros(found.max() + 1, dtype=int)
        np.maximum.at(matched, pairs[0], counts)
        assert matched.sum() >= 0.99 * found.size


def test_a_mirrored_page_without_ties_gives_exactly_the_mirrored_map():
    page = paper(256)
    frame(page, 20, 20, 120, 90)
    frame(page, 60, 50, 200, 180)
    frame(page, 150, 30, 240, 230)
    found = region_map(page)
    assert found.max() > 4
    assert len(set(np.bincount(found.ravel())[1:])) == found.max()
    for axis in (0, 1):
        assert np.array_equal(partition(np.flip(region_map(np.flip(page, axis).copy()), axis)), found)


def as_tensor(pages):
    return torch.stack([torch.from_numpy(page / 127.5 - 1).float().expand(3, -1, -1) for page in pages])


@pytest.fixture
def cache(monkeypatch):
    """Return an empty cache of 100 kB in place of the module's, and the list of drawings that were looked at."""
    looked_at = []

    def counted(luma):
        looked_at.append(luma.shape)
        return region_map(luma)

    monkeypatch.setattr(regions, "region_map", counted)
    monkeypatch.setattr(regions, "_cache", regions._RegionCache(100_000))
    return looked_at


def test_regions_of_a_batch_are_those_of_each_page(cache):
    pages = [scribble(seed, 64) for seed in range(3)]
    found = regions_of(as_tensor(pages))
    assert found.dtype == torch.int64
    assert found.shape == (3, 1, 64, 64)
    for ids, page in zip(found, pages, strict=True):
        assert np.array_equal(ids[0].numpy(), region_map(page))


def test_the_cache_saves_the_work_and_changes_nothing(cache):
    bw = as_tensor([scribble(1, 64), scribble(2, 64)])
    first = regions_of(bw)
    kept = first.clone()
    first.zero_()
    assert torch.equal(regions_of(bw), kept)
    assert torch.equal(regions_of(bw.flip(0)), kept.flip(0))
    assert len(cache) == 2


def test_the_cache_drops_what_was_not_used_for_longest(cache):
    """A 64x64 map takes 16384 bytes, so six fit into 100 kB."""
    pages = [as_tensor([scribble(seed, 64)]) for seed in range(7)]
    for bw in (*pages[:6], pages[0], pages[6]):
        regions_of(bw)
    assert len(cache) == 7
    regions_of(pages[0])
    assert len(cache) == 7
    regions_of(pages[1])
    assert len(cache) == 8


def test_the_cache_tells_shapes_apart_and_holds_no_more_than_its_bound(cache):
    for shape in ((8, 32), (32, 8), (400, 400), (400, 400)):
        assert regions_of(torch.ones(1, 3, *shape)).shape == (1, 1, *shape)
    assert cache == [(8, 32), (32, 8), (400, 400), (400, 400)]


def test_threads_get_the_same_maps(cache):
    bw = as_tensor([scribble(seed, 64) for seed in range(4)])
    wanted, found = regions_of(bw), []
    regions._cache = regions._RegionCache(40_000)
    threads = [threading.Thread(target=lambda: found.append(regions_of(bw))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all(torch.equal(ids, wanted) for ids in found)


def test_luma_is_rounded_to_what_was_stored():
    page = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert torch.equal(regions_of(as_tensor([page])), regions_of(as_tensor([page]).double() + 1e-4))
    assert np.array_equal(regions_of(as_tensor([page]))[0, 0].numpy(), region_map(page))


def test_no_images_give_no_maps():
    assert regions_of(torch.zeros(0, 3, 8, 8)).shape == (0, 1, 8, 8)
