"""Boundary map and instance pooling against hand-made cases, the original's numbers and a plain loop."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.instances import boundary_map, pool_by_instance


def naive(features, instances):
    """Pool as the original does: for each image, id and channel on its own."""
    pooled = features.clone()
    for image, ids, out in zip(features, instances[:, 0], pooled, strict=True):
        for one in ids.unique():
            for channel in range(len(image)):
                out[channel][ids == one] = image[channel][ids == one].mean()
    return pooled


def test_boundary_map_by_hand():
    ids = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 7, 7], [1, 1, 7, 7]])[None, None]
    marked = torch.tensor([[0, 0, 0, 0], [0, 0, 1, 1], [0, 1, 1, 1], [0, 1, 1, 0]])[None, None]
    assert torch.equal(boundary_map(ids), marked.float())


def test_boundary_map_of_one_pixel_in_the_corner():
    ids = torch.tensor([[5, 2, 2], [2, 2, 2]])[None, None]
    assert boundary_map(ids).tolist() == [[[[1, 1, 0], [1, 0, 0]]]]


def test_boundary_map_equals_the_originals_numbers(reference, conformance):
    cell = torch.arange(64) // 16
    edges = boundary_map((4 * cell[:, None] + cell)[None, None], torch.float64)
    assert edges.mean().item() == 0.1787109375
    assert conformance.probe_deviation(edges, reference["pix2pixhd_instance_features"]["edge_map"]) < 1e-9


def test_boundary_map_does_not_cross_images_or_the_border():
    ids = torch.stack([torch.full((1, 5, 3), number) for number in (1, 2, 2**62)])
    assert boundary_map(ids).eq(0).all()
    assert boundary_map(torch.ones(1, 1, 1, 1, dtype=torch.uint8)).tolist() == [[[[0.0]]]]


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.int64])
def test_boundary_map_takes_any_integers_and_gives_the_wanted_type(dtype):
    ids = torch.tensor([[0, 200], [0, 200]], dtype=torch.uint8).to(dtype)[None, None]
    assert boundary_map(ids).dtype == torch.get_default_dtype()
    assert boundary_map(ids, torch.bfloat16).dtype == torch.bfloat16
    assert boundary_map(ids).eq(1).all()


@given(st.integers(0, 10_000), st.integers(1, 3), st.integers(1, 4), st.integers(1, 12), st.integers(1, 12))
@settings(max_examples=40, deadline=None)
def test_pooling_agrees_with_a_loop(seed, batch, channels, height, width):
    random = torch.Generator().manual_seed(seed)
    features = torch.randn(batch, channels, height, width, generator=random, dtype=torch.float64)
    ids = torch.tensor([-(2**62), -1, 0, 3, 2**62 + 1])
    instances = ids[torch.randint(5, (batch, 1, height, width), generator=random)]
    assert (pool_by_instance(features, instances) - naive(features, instances)).abs().max() < 1e-12
    single = pool_by_instance(features.float(), instances)
    assert single.dtype == torch.float32
    assert (single - naive(features, instances)).abs().max() < 1e-6


def test_a_large_region_keeps_float32_exact():
    """A running sum in float32 would be off by about 1e-5 here."""
    features = 1 + torch.rand(1, 1, 512, 512, generator=torch.Generator().manual_seed(0))
    pooled = pool_by_instance(features, torch.zeros(1, 1, 512, 512, dtype=torch.int64))
    assert abs(pooled[0, 0, 0, 0].item() - features.double().mean().item()) < 1e-6


def test_images_of_a_batch_are_kept_apart():
    features = torch.tensor([1.0, 3.0, 10.0, 30.0]).view(2, 1, 1, 2)
    same = torch.zeros(2, 1, 1, 2, dtype=torch.int64)
    assert pool_by_instance(features, same).flatten().tolist() == [2, 2, 20, 20]


def test_the_gradient_is_pooled_as_the_values_are():
    """Pooling is a symmetric linear map, so the gradient of its product with weights is those weights, pooled."""
    random = torch.Generator().manual_seed(0)
    features, weights = torch.randn(2, 2, 3, 5, 7, generator=random, dtype=torch.float64)
    instances = torch.randint(4, (2, 1, 5, 7), generator=random)
    features.requires_grad_()
    (pool_by_instance(features, instances) * weights).sum().backward()
    assert (features.grad - naive(weights, instances)).abs().max() < 1e-12


def test_pooling_repeats_bit_for_bit_forwards_and_backwards():
    random = torch.Generator().manual_seed(0)
    instances = torch.randint(9, (1, 1, 128, 128), generator=random)
    values, weight = torch.randn(2, 1, 3, 128, 128, generator=random)
    results = []
    for threads in (1, 2):
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            features = values.clone().requires_grad_()
            pooled = pool_by_instance(features, instances)
            (pooled * weight).sum().backward()
        finally:
            torch.set_num_threads(before)
        results.append((pooled.detach(), features.grad))
    assert torch.equal(results[0][0], results[1][0])
    assert torch.equal(results[0][1], results[1][1])


def test_no_images_pool_to_none():
    assert pool_by_instance(torch.zeros(0, 3, 4, 4), torch.zeros(0, 1, 4, 4, dtype=torch.int64)).shape == (0, 3, 4, 4)
