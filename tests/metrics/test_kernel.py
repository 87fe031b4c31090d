import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_fidelity.metric_kid import kernel_poly, kid_features_to_metric, mmd2

from bench.errors import RequestError
from bench.metrics.kernel import kernel_distance, kernel_jackknife

THEIRS = {"kid_kernel_poly_degree": 3, "kid_kernel_poly_gamma": None, "kid_kernel_poly_coef0": 1}


def draw(seed, count, dimension=8, shift=0.0):
    return np.random.default_rng(seed).normal(shift, 1, (count, dimension))


@given(st.integers(0, 10**6), st.integers(2, 20))
@settings(max_examples=30)
def test_disjoint_sets_score_as_in_torch_fidelity(seed, count):
    first, second = draw(seed, count), draw(seed + 1, count, shift=0.2)
    theirs = kid_features_to_metric(
        torch.from_numpy(first), torch.from_numpy(second), kid_subsets=1, kid_subset_size=count, verbose=False
    )
    ours = kernel_distance(first, second, "disjoint")
    assert ours == pytest.approx(theirs["kernel_inception_distance_mean"], rel=1e-9, abs=1e-12)


def test_same_pages_score_as_torch_fidelitys_u_statistic():
    first, second = draw(1, 30), draw(2, 30, shift=0.2)
    kernels = [kernel_poly(a, b, **THEIRS) for a, b in ((first, first), (first, second), (second, second))]
    assert kernel_distance(first, second) == pytest.approx(mmd2(*kernels, mmd_est="u-statistic"), rel=1e-12)


def test_a_set_is_at_distance_0_from_itself():
    features = draw(3, 50)
    assert kernel_distance(features, features) == pytest.approx(0, abs=1e-12)


def test_paired_sets_are_unbiased_where_the_common_formula_is_not():
    """Outputs equal to the truth but for a little noise: the true distance of the two distributions is almost 0."""
    drawn, count, repeats = np.random.default_rng(4), 10, 400
    both = []
    for _ in range(repeats):
        first = drawn.normal(size=(count, 8))
        second = np.sqrt(0.9) * first + np.sqrt(0.1) * drawn.normal(size=(count, 8))
        both.append((kernel_distance(first, second), kernel_distance(first, second, "disjoint")))
    paired, common = np.asarray(both).T
    assert abs(paired.mean()) < 3 * paired.std() / np.sqrt(repeats)
    assert common.mean() < -10 * common.std() / np.sqrt(repeats)


def test_replicates_are_distances_without_one_unit():
    first, second = draw(5, 24), draw(6, 24, shift=0.3)
    units = np.repeat([0, 1, 2, 3], (3, 9, 7, 5))
    result = kernel_jackknife(first, second, units)
    left_out = [kernel_distance(first[units != unit], second[units != unit]) for unit in range(4)]
    assert result.value == pytest.approx(kernel_distance(first, second), rel=1e-10)
    np.testing.assert_allclose(result.replicates, left_out, rtol=1e-9)


def test_one_unit_gives_no_standard_error():
    result = kernel_jackknife(draw(7, 6), draw(8, 6), np.zeros(6, np.int64))
    assert result.standard_error is None
    assert result.replicates.size == 0


def test_sets_of_the_same_pages_must_have_equal_numbers():
    with pytest.raises(RequestError, match="equal numbers of images, not 4 and 5"):
        kernel_distance(draw(1, 4), draw(1, 5))
