import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.sampling import BLOCKS, image_sample, page_means, part_samples, sampling_units, set_sample


def book(groups, pages_each):
    pages = [f"g{group:02d}-{page:03d}" for group in range(groups) for page in range(pages_each)]
    return pages, [page.split("-")[0] for page in pages]


def frame(values, metric="ssim"):
    """Return a frame of (model, seed, page, value) rows; the group is the page's first letter."""
    rows = pd.DataFrame(values, columns=["model", "seed", "page", metric])
    return rows.assign(group=rows["page"].str[0])


def test_five_groups_are_the_units():
    pages, groups = book(5, 6)
    units = sampling_units(pages, groups)
    assert units.kind == "group"
    assert list(units.numbers) == [index // 6 for index in range(30)]


def test_with_fewer_groups_blocks_of_neighbours_take_their_place():
    pages, groups = book(4, 22)
    units = sampling_units(pages, groups)
    assert units.kind == "page block"
    assert BLOCKS - 3 <= units.count <= BLOCKS + 3
    assert (np.diff(units.numbers) >= 0).all()


def test_blocks_are_of_neighbours_by_number():
    """As text, page 10 comes before page 2."""
    pages = [f"c1_p{page}" for page in range(40)]
    units = sampling_units(pages, ["c1"] * 40)
    assert list(units.numbers) == [page // 2 for page in range(40)]
    assert units.digest != sampling_units([f"c1_p{page:02d}" for page in range(39)] + ["c0"], ["c1"] * 40).digest


def test_windows_of_one_page_share_its_unit():
    pages, groups = book(2, 30)
    units = sampling_units(pages + pages, groups + groups)
    assert list(units.numbers[:60]) == list(units.numbers[60:])


@given(st.integers(1, 14), st.integers(1, 12), st.randoms(use_true_random=False))
def test_units_are_whole_contiguous_inside_groups_and_independent_of_order(groups, pages_each, drawn):
    pages, group_of = book(groups, pages_each)
    units = sampling_units(pages, group_of)
    assert sorted(set(units.numbers)) == list(range(units.count))
    for unit in range(units.count):
        assert len({group for group, number in zip(group_of, units.numbers, strict=True) if number == unit}) == 1
    order = list(range(len(pages)))
    drawn.shuffle(order)
    shuffled = sampling_units([pages[i] for i in order], [group_of[i] for i in order])
    assert list(shuffled.numbers) == [units.numbers[i] for i in order]


def test_windows_are_averaged_to_pages_first():
    rows = [("m", 0, "a1", 0.0), ("m", 0, "a1", 1.0), ("m", 0, "b1", 2.0)]
    sample = image_sample(frame(rows), "ssim")
    assert sample.scores["m"].tolist() == [[0.5, 2.0]]
    assert sample.mean("m") == 1.25


def test_pages_without_a_score_are_left_out_for_all_and_counted():
    rows = [(m, 0, page, np.nan if page == "b1" else 1.0) for m in "mn" for page in ("a1", "a2", "b1")]
    sample = image_sample(frame(rows), "ssim")
    assert sample.excluded == 1
    assert sample.scores["n"].shape == (1, 2)
    half = image_sample(frame([*rows, ("m", 0, "b1", 3.0), ("n", 0, "b1", 4.0)]), "ssim")
    assert half.excluded == 0
    assert half.scores["m"].tolist() == [[1, 1, 3]]


def test_no_page_with_a_score_gives_nan_and_no_warning(recwarn):
    sample = image_sample(frame([("m", 0, "a1", np.nan), ("m", 1, "a1", np.nan)]), "ssim")
    assert np.isnan(sample.mean("m"))
    assert sample.units == 0
    assert not recwarn


def test_rows_without_a_seed_are_known_as_such():
    sample = image_sample(frame([("m", 0, "a1", 1.0), ("copy", None, "a1", 0.5)]), "ssim")
    assert sample.seeded == {"m": True, "copy": False}
    assert sample.models == ("copy", "m")


def test_order_of_rows_does_not_matter():
    drawn = np.random.default_rng(0)
    rows = frame([(m, s, f"{g}{p}", drawn.normal()) for m in "mn" for s in (0, 1) for g in "abc" for p in range(9)])
    one, two = image_sample(rows, "ssim"), image_sample(rows.sample(frac=1, random_state=1), "ssim")
    assert one.models == two.models
    for model in one.models:
        np.testing.assert_array_equal(one.scores[model], two.scores[model])
        np.testing.assert_array_equal(one.influence[model], two.influence[model])


def test_single_page_units_give_the_textbook_standard_error():
    values = np.random.default_rng(1).normal(size=12)
    rows = frame([("m", 0, f"{'abcdefghijkl'[i]}1", value) for i, value in enumerate(values)])
    influence = image_sample(rows, "ssim").influence["m"]
    assert np.sqrt((influence**2).sum()) == pytest.approx(values.std(ddof=1) / np.sqrt(12), rel=1e-12)


def record(model, seed, value, replicates, metric="rfd"):
    return {
        "model": model, "seed": seed, "metric": metric, "value": value, "jackknife": replicates,
        "jackknife_sizes": [2] * len(replicates), "jackknife_unit": "group",
    }  # fmt: skip


def test_set_records_become_one_value_a_seed_and_the_jackknife_of_their_mean():
    replicates = np.random.default_rng(2).normal(size=(2, 5))
    records = [
        record("m", 1, 3.0, list(replicates[1])),
        record("m", 0, 1.0, list(replicates[0])),
        record("m", 0, 9.0, [], "rkid"),
    ]
    sample = set_sample(records, "rfd")
    assert sample.scores["m"].tolist() == [[1.0], [3.0]]
    mean = replicates.mean(axis=0)
    tukey = 4 / 5 * ((mean - mean.mean()) ** 2).sum()
    assert (sample.influence["m"] ** 2).sum() == pytest.approx(tukey, rel=1e-10)


def test_what_a_unit_is_does_not_hang_on_the_pages_that_have_a_score():
    """Five groups, all of the last one without a line: the other four stay groups and do not become blocks of pages."""
    pages, groups = book(5, 8)
    values = np.random.default_rng(3).normal(size=40)
    values[32:] = np.nan
    rows = pd.DataFrame({"model": "m", "seed": 0, "page": pages, "group": groups, "ssim": values})
    sample = image_sample(rows, "ssim")
    assert (sample.unit_kind, sample.units, sample.excluded) == ("group", 4, 8)


def test_a_part_keeps_the_units_of_the_whole():
    """Twelve chapters are twelve units; three of them are three, and not twenty blocks formed anew."""
    pages, chapters = book(12, 20)
    values = np.random.default_rng(0).normal(size=len(pages)) + np.repeat(np.arange(12), 20)
    rows = pd.DataFrame({"model": "m", "seed": 0, "page": pages, "group": chapters, "ssim": values})
    groups = rows.set_index("page")["group"]
    part = [page for page, chapter in zip(pages, chapters, strict=True) if chapter in ("g03", "g04", "g09")]
    (sample,) = part_samples(page_means(rows, "ssim"), groups, "ssim", [part])
    assert (sample.unit_kind, sample.units, sample.excluded) == ("group", 3, 0)
    own = rows[rows["page"].isin(part)]
    means = own.groupby("group")["ssim"].mean()
    assert sample.mean("m") == pytest.approx(own["ssim"].mean())
    # Equal clusters: the variance of a mean is that of the clusters' means over their number.
    assert (sample.influence["m"] ** 2).sum() == pytest.approx(means.var(ddof=1) / 3)


def test_the_whole_as_its_only_part_is_the_whole():
    pages, chapters = book(4, 9)
    values = np.random.default_rng(1).normal(size=len(pages))
    values[5] = np.nan
    rows = pd.DataFrame({"model": "m", "seed": 0, "page": pages, "group": chapters, "ssim": values})
    (part,) = part_samples(page_means(rows, "ssim"), rows.set_index("page")["group"], "ssim", [pages])
    whole = image_sample(rows, "ssim")
    assert (part.unit_kind, part.units, part.excluded) == (whole.unit_kind, whole.units, 1)
    assert np.array_equal(part.influence["m"], whole.influence["m"])
