import numpy as np
import pytest
import torch

from bench.errors import RequestError
from bench.metrics.manifold import precision_recall, precision_recall_jackknife


def drawn(seed, count=120, size=16, shift=0.0, spread=1.0):
    return np.random.default_rng(seed).normal(shift, spread, (count, size))


def test_torch_fidelity_gives_the_same():
    from torch_fidelity.metric_prc import prc_features_to_metric

    for outputs, truths in (
        (drawn(0), drawn(1)),
        (drawn(0, shift=0.7), drawn(1, count=90)),
        (drawn(2, spread=0.3), drawn(3)),
    ):
        peer = prc_features_to_metric(
            torch.from_numpy(outputs), torch.from_numpy(truths), verbose=False, prc_neighborhood=3, prc_batch_size=1000
        )
        assert precision_recall(outputs, truths) == pytest.approx((peer["precision"], peer["recall"]), abs=1e-7)


def test_a_set_is_inside_itself_and_nothing_is_inside_a_far_one():
    truths = drawn(0)
    assert precision_recall(truths, truths) == (1.0, 1.0)
    assert precision_recall(truths + 100.0, truths) == (0.0, 0.0)


def test_collapsed_outputs_are_precise_and_reach_little():
    truths = drawn(0, size=4)
    collapsed = truths[:1] + drawn(1, size=4, spread=0.01)
    precision, recall = precision_recall(collapsed, truths)
    assert precision > 0.95
    assert recall < 0.1


def test_jackknife_leaves_units_out_of_both_sets():
    # The second unit is larger than the list of neighbours that is kept: its points are found the slow way.
    outputs, truths, labels = drawn(0, 200), drawn(1, 200), np.repeat(np.arange(4), [20, 120, 30, 30])
    outputs[labels == 1] *= 0.1
    truths[labels == 1] *= 0.1
    for at, result in enumerate(precision_recall_jackknife(outputs, truths, labels)):
        assert result.value == precision_recall(outputs, truths)[at]
        expected = [precision_recall(outputs[labels != unit], truths[labels != unit])[at] for unit in range(4)]
        np.testing.assert_allclose(result.replicates, expected, atol=1e-12)


def test_features_that_do_not_fit_are_refused():
    with pytest.raises(RequestError, match="more than 3 images, not 3"):
        precision_recall(drawn(0, 3), drawn(1))
    with pytest.raises(RequestError, match="cannot be compared"):
        precision_recall(drawn(0), drawn(0, size=8))


def test_points_that_occur_twice():
    truths = np.repeat(drawn(0, 30), 2, axis=0)
    assert precision_recall(truths, truths) == (1.0, 1.0)
