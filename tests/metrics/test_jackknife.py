import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.metrics.jackknife import jackknife_influence, jackknife_standard_error, merged_units, unit_sizes

GROUPS = st.lists(st.lists(st.floats(-5, 5), min_size=1, max_size=6), min_size=2, max_size=8)


def left_out_means(groups):
    return [np.mean(np.concatenate([g for j, g in enumerate(groups) if j != i])) for i in range(len(groups))]


def test_single_images_of_a_mean_give_the_textbook_standard_error():
    values = np.random.default_rng(0).normal(size=25)
    replicates = left_out_means([[value] for value in values])
    expected = values.std(ddof=1) / np.sqrt(25)
    assert jackknife_standard_error(values.mean(), replicates, [1] * 25) == pytest.approx(expected, rel=1e-10)


@given(GROUPS.filter(lambda groups: len({len(group) for group in groups}) == 1))
def test_equal_units_give_tukeys_grouped_jackknife(groups):
    value, replicates = np.mean(np.concatenate(groups)), np.asarray(left_out_means(groups))
    count = len(groups)
    tukey = np.sqrt((count - 1) / count * ((replicates - replicates.mean()) ** 2).sum())
    ours = jackknife_standard_error(value, replicates, [len(group) for group in groups])
    assert ours == pytest.approx(tukey, rel=1e-9, abs=1e-12)


@given(st.lists(st.integers(1, 9), min_size=2, max_size=8), st.floats(0.1, 100))
def test_a_bias_of_one_over_n_is_no_uncertainty(sizes, bias):
    """A score that is the same everywhere but for bias / n, with units of unequal sizes: nothing varies between pages."""
    total = sum(sizes)
    replicates = [3 + bias / (total - size) for size in sizes]
    assert jackknife_standard_error(3 + bias / total, replicates, sizes) == pytest.approx(0, abs=1e-9 * bias)


@given(GROUPS, st.floats(-2, 2))
def test_influence_is_linear(groups, factor):
    sizes, value, replicates = (
        [len(g) for g in groups],
        np.mean(np.concatenate(groups)),
        np.asarray(left_out_means(groups)),
    )
    other = replicates[::-1] ** 2
    joined = jackknife_influence(value + factor * 1.5, replicates + factor * other, sizes)
    apart = jackknife_influence(value, replicates, sizes) + factor * jackknife_influence(1.5, other, sizes)
    np.testing.assert_allclose(joined, apart, rtol=1e-7, atol=1e-7)


def test_one_unit_has_no_standard_error():
    assert jackknife_standard_error(1.0, [], []) is None
    assert jackknife_standard_error(1.0, [2.0], [4]) is None


@given(st.lists(st.integers(1, 30), min_size=1, max_size=60), st.integers(2, 20))
def test_merging_keeps_order_and_images(sizes, most):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    merged = merged_units(labels, most)
    assert len(merged) == len(labels)
    assert len(unit_sizes(merged)) <= most
    assert unit_sizes(merged).min() > 0
    assert (np.diff(merged) >= 0).all()
    assert all(len(set(merged[labels == unit])) == 1 for unit in range(len(sizes)))
