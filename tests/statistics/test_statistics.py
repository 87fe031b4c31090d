import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bench.sampling import Sample, image_sample
from bench.statistics import (
    differences,
    holm,
    indistinguishable_from_best,
    interval,
    noise_floor,
    probability_of_improvement,
)


def frame(scores, metric="ssim", unseeded=()):
    """Return the rows of `scores[model]`, arrays [seeds, pages], every page in a group of its own."""
    rows = [
        (model, None if model in unseeded else seed, f"p{page:03d}", f"g{page:03d}", value)
        for model, values in scores.items()
        for seed, pages in enumerate(values)
        for page, value in enumerate(pages)
    ]
    return pd.DataFrame(rows, columns=["model", "seed", "page", "group", metric])


def sample(scores, metric="ssim", unseeded=()):
    return image_sample(frame(scores, metric, unseeded), metric)


def normal(seed, seeds, pages, mean=0.0):
    return mean + np.random.default_rng(seed).normal(size=(seeds, pages))


def test_without_seeds_the_interval_is_the_one_sample_t_interval_over_pages():
    values = normal(0, 1, 30)
    result = interval(sample({"copy": values}, unseeded=("copy",)), "copy")
    low, high = stats.t.interval(0.95, 29, values.mean(), stats.sem(values[0]))
    assert (result.low, result.high) == pytest.approx((low, high), rel=1e-10)
    assert (result.covers, result.seeds, result.pages, result.units) == ("pages", 1, 30, 30)


def test_one_seed_says_that_it_covers_pages_only():
    assert interval(sample({"m": normal(0, 1, 30)}), "m").covers == "pages only"
    assert interval(sample({"m": normal(0, 2, 30)}), "m").covers == "seeds and pages"


def test_where_pages_do_not_vary_it_is_the_t_interval_over_seeds():
    seeds = np.asarray([1.0, 2.0, 4.0])
    result = interval(sample({"m": np.repeat(seeds[:, None], 12, axis=1)}), "m")
    low, high = stats.t.interval(0.95, 2, seeds.mean(), stats.sem(seeds))
    assert (result.low, result.high) == pytest.approx((low, high), rel=1e-10)
    assert result.degrees == pytest.approx(2)


def test_both_variances_are_added_and_degrees_follow_satterthwaite():
    values = normal(1, 3, 25)
    a, b = values.mean(axis=1).var(ddof=1) / 3, values.mean(axis=0).var(ddof=1) / 25
    result = interval(sample({"m": values}), "m")
    assert result.standard_error == pytest.approx(math.sqrt(a + b), rel=1e-10)
    assert result.degrees == pytest.approx((a + b) ** 2 / (a**2 / 2 + b**2 / 24), rel=1e-10)


def test_differences_without_seeds_are_the_paired_t_test():
    one, two = normal(2, 1, 40), normal(3, 1, 40, 0.3)
    result = differences(sample({"a": one, "b": two}, unseeded=("a", "b")))[0]
    expected = stats.ttest_rel(one[0], two[0])
    assert result.p == pytest.approx(expected.pvalue, rel=1e-9)
    interval_ = expected.confidence_interval()
    assert result.half_width == pytest.approx((interval_.high - interval_.low) / 2, rel=1e-9)
    assert result.p_holm == result.p


def test_differences_where_pages_do_not_vary_are_welchs_test_over_seeds():
    one, two = np.asarray([1.0, 1.4, 1.1]), np.asarray([2.0, 2.9, 2.2])
    result = differences(sample({"a": np.repeat(one[:, None], 11, 1), "b": np.repeat(two[:, None], 11, 1)}))[0]
    expected = stats.ttest_ind(one, two, equal_var=False)
    assert result.p == pytest.approx(expected.pvalue, rel=1e-9)
    assert result.degrees == pytest.approx(expected.df, rel=1e-9)


def test_hard_pages_cancel():
    difficulty = 10 * normal(4, 1, 50)
    scores = sample({"a": difficulty + normal(5, 3, 50), "b": difficulty + normal(6, 3, 50)})
    assert differences(scores)[0].half_width < interval(scores, "a").half_width / 3


@pytest.mark.parametrize(
    ("raw", "adjusted"),
    [
        # R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm")
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
        ([0.5, 0.9], [1.0, 1.0]),
        ([0.02, math.nan, 0.03], [0.04, math.nan, 0.04]),
        ([], []),
    ],
)
def test_holm_gives_rs_values(raw, adjusted):
    assert holm(raw) == pytest.approx(adjusted, nan_ok=True)


@given(st.lists(st.floats(0, 1), max_size=10))
def test_holm_lies_between_the_raw_values_and_bonferroni(raw):
    for p, adjusted in zip(raw, holm(raw), strict=True):
        assert p <= adjusted <= min(1, p * len(raw)) + 1e-15


def test_holm_keeps_the_order_of_the_pairs():
    scores = sample({"a": normal(1, 3, 60), "b": normal(2, 3, 60, 1), "c": normal(3, 3, 60, 1.1)})
    results = differences(scores, ["c", "a", "b"])
    assert [(result.first, result.second) for result in results] == [("c", "a"), ("c", "b"), ("a", "b")]
    assert [result.p_holm for result in results] == holm([result.p for result in results])


def test_equal_models_have_p_1_and_constant_gaps_p_0():
    values = normal(7, 2, 20)
    equal, apart = differences(sample({"a": values, "b": values, "c": values + 1}))[:2]
    assert equal.value == 0
    assert not equal.significant
    assert apart.value == pytest.approx(-1)
    constant = sample({"a": np.ones((1, 20)), "b": np.zeros((1, 20))}, unseeded=("a", "b"))
    assert (differences(constant)[0].p, differences(constant)[0].significant) == (0, True)
    assert differences(sample({"a": np.ones((1, 20)), "b": np.ones((1, 20))}))[0].p == 1


def test_one_page_allows_no_interval_and_no_claim():
    scores = sample({"a": normal(1, 3, 1), "b": normal(2, 3, 1, 9)})
    result, gap = interval(scores, "a"), differences(scores)[0]
    assert result.half_width is None
    assert math.isnan(result.low)
    assert math.isnan(result.high)
    assert math.isnan(gap.p_holm)
    assert not gap.significant


def test_improvement_is_mann_whitneys_in_the_metrics_own_direction():
    one, two = np.asarray([[1.0, 2.0], [3.0, 2.0]]), np.asarray([[2.0, 2.0]])
    # Page 1: 1 against 2 and 3 against 2; page 2: ties.
    assert probability_of_improvement(sample({"a": one, "b": two}), "a", "b") == 0.5
    better = {"a": one + 5, "b": two}
    assert probability_of_improvement(sample(better), "a", "b") == 1
    assert probability_of_improvement(sample(better, "ciede2000"), "a", "b") == 0


def test_noise_floor_is_the_root_mean_square_gap_of_two_seeds():
    pair = sample({"a": np.asarray([[1.0] * 4, [1.5] * 4]), "copy": np.zeros((1, 4))}, unseeded=("copy",))
    assert noise_floor(pair) == pytest.approx(0.5)
    assert noise_floor(pair, ["copy"]) is None
    drawn = np.random.default_rng(8).normal(0, 0.3, (2000, 1)) + np.zeros((1, 2))
    gaps = drawn[:, None, 0] - drawn[None, :, 0]
    expected = np.sqrt((gaps**2).sum() / (2000 * 1999))
    assert noise_floor(sample({"a": drawn})) == pytest.approx(expected, rel=1e-9)


def test_the_best_stands_with_all_that_cannot_be_told_from_it():
    scores = {"a": normal(1, 3, 80, 2), "b": normal(2, 3, 80, 2.02), "c": normal(3, 3, 80)}
    verdict = indistinguishable_from_best(sample(scores), ["a", "b", "c"])
    assert set(verdict.indistinguishable) == {"a", "b"}
    assert not verdict.everything
    assert "not told apart from it at n = 3 seeds" in verdict.text
    lower = indistinguishable_from_best(sample(scores, "ciede2000"), ["a", "b", "c"])
    assert (lower.best, lower.indistinguishable) == ("c", ("c",))


def test_where_nothing_can_be_told_apart_the_text_says_so():
    scores = {name: normal(seed, 2, 30) for seed, name in enumerate("abc")}
    verdict = indistinguishable_from_best(sample(scores), ["a", "b", "c"])
    assert verdict.everything
    assert verdict.indistinguishable == ("a", "b", "c")
    assert verdict.text == "indistinguishable at n = 2 seeds"
    values = normal(5, 1, 30)
    single = indistinguishable_from_best(sample({"a": values, "b": values[:, ::-1]}), ["a", "b"])
    assert single.text == "indistinguishable at n = 1 seed; one seed: this covers pages only"


def test_a_model_alone_is_best_and_nothing_is_indistinguishable():
    verdict = indistinguishable_from_best(sample({"a": normal(1, 3, 20)}), ["a"])
    assert (verdict.best, verdict.indistinguishable, verdict.everything) == ("a", ("a",), False)


def test_set_differences_are_paired_over_the_units_that_were_left_out():
    influence = {"a": np.asarray([0.3, -0.3]), "b": np.asarray([0.3, -0.3])}
    scores = {"a": np.asarray([[1.0]]), "b": np.asarray([[2.0]])}
    paired = Sample("rfd", scores, {"a": False, "b": False}, influence, "group")
    assert differences(paired)[0].half_width == 0
    assert interval(paired, "a").standard_error == pytest.approx(math.sqrt(0.18))


def test_a_model_with_one_seed_left_is_lent_the_variance_between_the_others_seeds():
    """Else it would be the surest of all because its other seeds diverged."""
    drawn = np.random.default_rng(11)
    pages = drawn.normal(size=40) * 0.01
    seeds = np.asarray([0.0, 0.4, -0.5])[:, None]
    scores = {"b": seeds + pages, "a": np.asarray([[0.6]]) + pages, "c": seeds[::-1] + 0.1 + pages}
    found = {(d.first, d.second): d for d in differences(sample(scores))}
    ours = found["a", "b"]
    assert ours.lent == ("a",)
    assert ours.covers == "seeds and pages"
    assert not ours.significant
    # Pages do not vary in the difference: the pooled t test of one value against three, its variance from b and c.
    error = math.sqrt(seeds.var(ddof=1) * (1 + 1 / 3))
    assert ours.degrees == pytest.approx(4)
    assert ours.p == pytest.approx(2 * stats.t.sf(abs(ours.value) / error, 4))
    assert found["b", "c"].lent == ()
    assert interval(sample(scores), "a").covers == "pages only"


def test_nothing_is_lent_where_every_model_has_one_seed_or_depends_on_none():
    scores = {"a": normal(1, 1, 30), "b": normal(2, 1, 30, 1)}
    (one,) = differences(sample(scores))
    assert (one.lent, one.covers) == ((), "pages only")
    copied = {"copy": normal(1, 1, 30), "b": normal(2, 3, 30)}
    assert all(d.lent == () for d in differences(sample(copied, unseeded=("copy",))))


def test_nobody_is_best_or_alike_where_nothing_was_tested():
    """All pages in one unit: there is no interval, so nothing was found alike either."""
    rows = frame({"a": normal(1, 3, 8, 5), "b": normal(2, 3, 8)}).assign(group="g", page="p0")
    verdict = indistinguishable_from_best(image_sample(rows, "ssim"), ["a", "b"])
    assert not verdict.tested
    assert (verdict.best, verdict.indistinguishable, verdict.everything) == ("a", (), False)
    assert verdict.text.startswith("not tested")
