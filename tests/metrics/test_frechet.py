import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

from bench.errors import RequestError
from bench.metrics import frechet
from bench.metrics.frechet import frechet_distance, frechet_jackknife


def draw(seed, count, dimension, scale=1.0):
    spectrum = scale / np.sqrt(np.arange(1, dimension + 1))
    return np.random.default_rng(seed).normal(size=(count, dimension)) * spectrum


def by_torch_fidelity(first, second):
    statistics = [fid_features_to_statistics(torch.from_numpy(features)) for features in (first, second)]
    return fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]


def whitened(features):
    """Return features moved so that their sample mean is 0 and their sample covariance the identity."""
    centred = features - features.mean(axis=0)
    return centred @ np.linalg.inv(np.linalg.cholesky(np.cov(centred, rowvar=False))).T


@given(st.integers(0, 10**6))
@settings(max_examples=20)
def test_equal_covariances_leave_the_distance_of_the_means(seed):
    features = draw(seed, 60, 5)
    shift = np.random.default_rng(seed + 1).normal(size=5)
    assert frechet_distance(features, features + shift) == pytest.approx(shift @ shift, rel=1e-9)


@given(st.integers(0, 10**6))
@settings(max_examples=20)
def test_diagonal_gaussians_have_the_closed_form(seed):
    drawn = np.random.default_rng(seed)
    base, shift = whitened(drawn.normal(size=(40, 6))), drawn.normal(size=6)
    a, b = drawn.uniform(0.1, 3, (2, 6))
    expected = shift @ shift + ((a - b) ** 2).sum()
    assert frechet_distance(base * a, base[::-1] * b + shift) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("count", "dimension"), [(30, 300), (300, 30), (50, 50)])
def test_a_set_is_at_distance_0_from_itself(count, dimension):
    features = 5 + draw(3, count, dimension)
    assert frechet_distance(features, features) <= 1e-9 * features.var(axis=0).sum()


@pytest.mark.parametrize(
    ("counts", "dimension", "tolerance"), [((200, 150), 16, 1e-9), ((80, 300), 64, 1e-9), ((60, 50), 128, 1e-5)]
)
def test_equals_torch_fidelity(counts, dimension, tolerance):
    first, second = draw(1, counts[0], dimension), 0.3 + draw(2, counts[1], dimension, 1.3)
    assert frechet_distance(first, second) == pytest.approx(by_torch_fidelity(first, second), rel=tolerance)


def test_replicates_are_distances_without_one_unit():
    first, second = draw(4, 40, 12), draw(5, 40, 12, 1.5)
    units = np.repeat([0, 1, 2, 3], (4, 16, 12, 8))
    result = frechet_jackknife(first, second, units)
    left_out = [frechet_distance(first[units != unit], second[units != unit]) for unit in range(4)]
    assert result.value == pytest.approx(frechet_distance(first, second), rel=1e-12)
    np.testing.assert_allclose(result.replicates, left_out, rtol=1e-10)
    assert list(result.sizes) == [4, 16, 12, 8]


def test_large_problems_merge_their_units(monkeypatch):
    monkeypatch.setattr(frechet, "LARGE", 10)
    result = frechet_jackknife(draw(6, 90, 12), draw(7, 90, 12), np.arange(90) // 2)
    assert len(result.sizes) == frechet.MOST_UNITS_WHEN_LARGE
    assert result.sizes.sum() == 90


def test_jackknife_covers_and_a_percentile_bootstrap_does_not():
    """Truth: the expectation at this n, since the distance is biased in n and no interval at one n covers its limit."""
    count, dimension, repeats, drawn = 60, 32, 60, np.random.default_rng(8)
    spectrum = 1 / np.sqrt(np.arange(1, dimension + 1))
    units, covered, bootstrap_covered, values = np.arange(count) // 4, 0, 0, []
    samples = [drawn.normal(size=(2, count, dimension)) * spectrum * [[[1.0]], [[1.2]]] for _ in range(repeats)]
    expected = np.mean([frechet_distance(*sample) for sample in samples])
    for first, second in samples:
        result = frechet_jackknife(first, second, units)
        covered += abs(result.value - expected) <= 2.145 * result.standard_error
        rows = drawn.integers(0, count, (100, count))
        replicates = [frechet_distance(first[chosen], second[chosen]) for chosen in rows]
        low, high = np.percentile(replicates, [2.5, 97.5])
        bootstrap_covered += low <= expected <= high
        values.append(result.value)
    assert covered / repeats >= 0.9
    assert bootstrap_covered / repeats < 0.1


def test_small_samples_can_reverse_a_ranking():
    """A: right spread, shifted a little. B: collapsed variance. A is nearer to the truth; at small n the distance prefers B."""
    dimension, drawn = 128, np.random.default_rng(9)
    spectrum = 1 / np.sqrt(np.arange(1, dimension + 1))
    shift = np.zeros(dimension)
    shift[0] = 0.35

    def gaps(count):
        reference, a, b = drawn.normal(size=(3, count, dimension)) * spectrum
        return frechet_distance(a + shift, reference), frechet_distance(0.7 * b, reference)

    true_a, true_b = shift @ shift, (0.3**2 * spectrum**2).sum()
    assert true_a < true_b
    small_a, small_b = np.mean([gaps(40) for _ in range(5)], axis=0)
    large_a, large_b = gaps(4000)
    assert small_b < small_a
    assert large_a < large_b


@pytest.mark.parametrize("shapes", [((1, 4), (9, 4)), ((9, 4), (9, 5)), ((9,), (9,))])
def test_what_cannot_be_compared_is_refused(shapes):
    with pytest.raises(RequestError, match=r"hold out more pages|cannot be compared"):
        frechet_distance(*(np.zeros(shape) for shape in shapes))


def test_units_must_fit():
    with pytest.raises(RequestError, match="one unit an image"):
        frechet_jackknife(np.zeros((4, 2)), np.zeros((4, 2)), np.zeros(3, np.int64))
