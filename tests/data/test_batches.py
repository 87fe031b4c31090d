import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from data import DataError, TrainingBatches
from data.batches import to_unit_range
from data.prepared import FlatImages, TrainingPages

R = 8


def coded_pages(groups, height=13, width=11):
    """Pages whose colour says where it comes from: red is y, green is x, blue is the page; B/W is their sum."""
    y, x = np.mgrid[:height, :width].astype(np.uint8)
    colors = [np.stack([y, x, np.full_like(y, page)], axis=2) for page in range(len(groups))]
    inks = [color.sum(axis=2, keepdims=True, dtype=np.uint8) for color in colors]
    ids = [str(page) for page in range(len(groups))]
    return TrainingPages(ids, groups, FlatImages.of(inks), FlatImages.of(colors))


def decoded(batch):
    return torch.round((batch + 1) * 127.5).to(torch.int64)


def batches(pages, pairing="paired", batch_size=3, seed=0):
    return TrainingBatches(pages, resolution=R, batch_size=batch_size, seed=seed, pairing=pairing)


group_lists = st.lists(st.integers(0, 4).map(str), min_size=2, max_size=12)


@given(group_lists, st.integers(1, 6), st.integers(0, 2**64 - 1), st.integers(0, 10**7), st.booleans())
def test_batch_depends_on_seed_and_step_alone(groups, batch_size, seed, step, paired):
    pages, pairing = coded_pages(groups), "paired" if paired else "unpaired"
    used = batches(pages, pairing, batch_size, seed)
    for other in (step + 1, 0, step // 2):
        used.batch(other)
    fresh = batches(pages, pairing, batch_size, seed)
    for first, second in zip(used.batch(step), fresh.batch(step), strict=True):
        assert torch.equal(first, second)


def test_shapes_and_type():
    for pairing in ("paired", "unpaired"):
        for tensor in batches(coded_pages(["a", "b", "c"]), pairing).batch(0):
            assert tensor.shape == (3, 3, R, R)
            assert tensor.dtype == torch.float32
            assert tensor.is_contiguous()


def test_wide_crops_are_as_high_as_the_resolution():
    for tensor in TrainingBatches(
        coded_pages(["a", "b"]), resolution=5, batch_size=2, seed=0, pairing="paired", aspect=2
    ).batch(0):
        assert tensor.shape == (2, 3, 5, 10)


@given(group_lists, st.integers(0, 99), st.integers(0, 999))
def test_pairs_share_page_crop_and_flip(groups, seed, step):
    bw, color = (decoded(tensor) for tensor in batches(coded_pages(groups), seed=seed).batch(step))
    assert torch.equal(bw, (color.sum(dim=1, keepdim=True) % 256).expand_as(bw))
    for y, x, page in color:
        assert (page == page[0, 0]).all()
        assert torch.equal(y, y[:1, :1] + torch.arange(R)[:, None].expand(R, R))
        steps = x[0, 1:] - x[0, :-1]
        assert (steps == 1).all() or (steps == -1).all()


@given(st.integers(1, 17), st.integers(1, 5), st.integers(0, 9))
def test_every_page_once_an_epoch(count, batch_size, seed):
    maker = batches(coded_pages(["a"] * count), batch_size=batch_size, seed=seed)
    order = np.concatenate([maker.plan(step).bw_pages for step in range(count)])
    for epoch in range(batch_size):
        assert sorted(order[epoch * count : (epoch + 1) * count].tolist()) == list(range(count))


@given(group_lists, st.integers(1, 8), st.integers(0, 99), st.integers(0, 500))
def test_unpaired_never_shows_partners(groups, batch_size, seed, step):
    plan = batches(coded_pages(groups), "unpaired", batch_size, seed).plan(step)
    for bw, color in zip(plan.bw_pages, plan.color_pages, strict=True):
        assert bw != color
        if len(set(groups)) > 1:
            assert groups[bw] != groups[color]
    if {groups[page] for page in plan.bw_pages} != set(groups):
        assert not {groups[page] for page in plan.bw_pages} & {groups[page] for page in plan.color_pages}


def test_unpaired_uses_all_pages_and_the_order_of_the_paired():
    pages = coded_pages([str(page // 3) for page in range(12)])
    unpaired, paired = batches(pages, "unpaired", 2), batches(pages, "paired", 2)
    plans = [unpaired.plan(step) for step in range(120)]
    assert {int(page) for plan in plans for page in plan.color_pages} == set(range(12))
    for step, plan in enumerate(plans):
        np.testing.assert_array_equal(plan.bw_pages, paired.plan(step).bw_pages)
        np.testing.assert_array_equal(plan.bw_views, paired.plan(step).bw_views)
    assert any((plan.bw_views != plan.color_views).any() for plan in plans)


def with_variants(count, variants):
    """Flat pages: colour is the page's number, B/W ten times that plus the variant's."""
    bw = [np.full((R, R, 1), 10 * page + variant, np.uint8) for page in range(count) for variant in range(variants)]
    color = [np.full((R, R, 3), page, np.uint8) for page in range(count)]
    groups = [str(page) for page in range(count)]
    return TrainingPages(groups, groups, FlatImages.of(bw), FlatImages.of(color), variants)


@given(st.integers(1, 5), st.integers(0, 99), st.integers(0, 999))
def test_variants_belong_to_their_page(variants, seed, step):
    pages = with_variants(7, variants)
    bw, color = (decoded(tensor) for tensor in batches(pages, seed=seed).batch(step))
    assert torch.equal(bw // 10, color)
    assert int((bw % 10).max()) < variants
    paired, unpaired = (batches(pages, pairing, seed=seed).plan(step) for pairing in ("paired", "unpaired"))
    np.testing.assert_array_equal(paired.bw_variants, unpaired.bw_variants)


def test_variants_are_drawn_evenly_and_change_nothing_else():
    many, one = batches(with_variants(7, 3)), batches(with_variants(7, 1))
    plans = [(many.plan(step), one.plan(step)) for step in range(1000)]
    counts = np.bincount(np.concatenate([plan.bw_variants for plan, _ in plans]), minlength=3)
    # 3,000 draws: 1,000 each, with 5 standard deviations of room.
    assert np.abs(counts - 1000).max() < 130
    for plan, other in plans:
        np.testing.assert_array_equal(plan.bw_pages, other.bw_pages)
        np.testing.assert_array_equal(plan.bw_views, other.bw_views)


def disjoint(pages, seed=0, batch_size=3, pairing="unpaired"):
    return TrainingBatches(pages, resolution=R, batch_size=batch_size, seed=seed, pairing=pairing, unpaired="disjoint")


@given(group_lists, st.integers(0, 99))
def test_disjoint_sides_share_no_group(groups, seed):
    pages = coded_pages(groups)
    plans = [disjoint(pages, seed).plan(step) for step in range(40)]
    bw = {int(page) for plan in plans for page in plan.bw_pages}
    color = {int(page) for plan in plans for page in plan.color_pages}
    assert not bw & color
    if len(set(groups)) > 1:
        assert not {groups[page] for page in bw} & {groups[page] for page in color}


def test_disjoint_halves_are_even_and_the_same_for_every_seed():
    pages = coded_pages([str(page // 4) for page in range(40)])
    sides = set()
    for seed in range(3):
        plans = [disjoint(pages, seed).plan(step) for step in range(200)]
        bw = frozenset(int(page) for plan in plans for page in plan.bw_pages)
        color = frozenset(int(page) for plan in plans for page in plan.color_pages)
        assert len(bw) == len(color) == 20
        sides.add((bw, color))
    assert len(sides) == 1
    # One group: single pages are dealt.
    plans = [disjoint(coded_pages(["a"] * 9)).plan(step) for step in range(100)]
    assert len({int(page) for plan in plans for page in plan.bw_pages}) in (4, 5)


def test_disjoint_leaves_paired_models_alone():
    pages = coded_pages([str(page // 4) for page in range(40)])
    for step in range(5):
        for first, second in zip(
            disjoint(pages, pairing="paired").batch(step), batches(pages).batch(step), strict=True
        ):
            assert torch.equal(first, second)


def test_crops_and_flips_are_uniform():
    maker = batches(coded_pages(["a"] * 4), batch_size=4)
    views = np.concatenate([maker.plan(step).bw_views for step in range(1000)])
    # 13 - 8 + 1 = 6 rows, 11 - 8 + 1 = 4 columns; expected counts 667, 1000, 2000 with 5 standard deviations of room
    assert np.abs(np.bincount(views[:, 0], minlength=6) - 4000 / 6).max() < 120
    assert np.abs(np.bincount(views[:, 1], minlength=4) - 1000).max() < 140
    assert abs(int(views[:, 2].sum()) - 2000) < 160


def test_streams_of_different_seeds_differ():
    plans = [batches(coded_pages(["a"] * 12), seed=seed).plan(5) for seed in range(6)]
    assert len({(plan.bw_pages.tobytes(), plan.bw_views.tobytes()) for plan in plans}) == 6


def test_bytes_become_exactly_x_over_127_5_minus_1():
    levels = torch.arange(256, dtype=torch.uint8)
    expected = [np.float32(np.float32(level) / np.float32(127.5)) - np.float32(1) for level in range(256)]
    assert to_unit_range(levels).tolist() == [float(value) for value in expected]
    assert to_unit_range(levels)[[0, 255]].tolist() == [-1.0, 1.0]


def test_page_as_small_as_the_crop_is_taken_whole():
    bw, _ = batches(coded_pages(["a"], height=R, width=R), batch_size=1).batch(0)
    assert bw.shape == (1, 3, R, R)


@pytest.mark.parametrize(
    ("groups", "options", "words"),
    [
        (["a"], {"pairing": "unpaired"}, "two pages"),
        ([], {}, "no training pages"),
        (["a", "b"], {"batch_size": 0}, "batch size 0"),
        (["a", "b"], {"seed": -1}, "seed -1"),
        (["a", "b"], {"resolution": 12}, "11 px are smaller"),
    ],
)
def test_impossible_batches_are_one_clear_line(groups, options, words):
    pages = (
        coded_pages(groups) if groups else TrainingPages([], [], FlatImages.of([np.zeros((1, 1, 1), np.uint8)]), None)
    )
    asked = {"resolution": R, "batch_size": 2, "seed": 0, "pairing": "paired"} | options
    with pytest.raises(DataError, match=words):
        TrainingBatches(pages, **asked)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_device_does_not_change_a_bit():
    pages = coded_pages([str(page) for page in range(9)])
    for pairing in ("paired", "unpaired"):
        there = TrainingBatches(pages, resolution=R, batch_size=4, seed=1, pairing=pairing, device="cuda")
        here = batches(pages, pairing, 4, 1)
        for step in range(50):
            for first, second in zip(there.batch(step), here.batch(step), strict=True):
                assert torch.equal(first.cpu(), second)
