"""Losses against closed forms; normalisation, padding and image pool against torch and against their invariants."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.image_pool import ImagePool
from models.layers import BatchNorm, gan_loss
from models.multiscale import feature_matching_loss, multiscale_gan_loss
from models.resnet import mirror


@given(st.floats(-20, 20), st.booleans())
def test_gan_loss_closed_forms(logit, real):
    logits = torch.full((2, 1, 3, 3), logit, dtype=torch.float64)
    sign = -1 if real else 1
    assert gan_loss(logits, real=real, mode="vanilla").item() == pytest.approx(math.log1p(math.exp(sign * logit)))
    assert gan_loss(logits, real=real, mode="lsgan").item() == pytest.approx((logit - real) ** 2)


def test_multiscale_loss_sums_over_scales_and_sees_the_logits_alone():
    full = [torch.full((1, 4, 9, 9), 7.0), torch.full((1, 1, 5, 5), 3.0)]
    half = [torch.zeros(1, 4, 5, 5), torch.zeros(1, 1, 3, 3)]
    assert multiscale_gan_loss([full, half], real=True).item() == pytest.approx((3 - 1) ** 2 + (0 - 1) ** 2)


@pytest.mark.parametrize(("scales", "layers"), [(1, 3), (2, 3), (3, 2)])
def test_feature_matching_weights(scales, layers):
    # Features one apart, logits far apart: (1 / scales) (4 / (layers + 1)) summed over scales and features is 4.
    real = [[torch.zeros(1, 2, 4, 4)] * (layers + 2) for _ in range(scales)]
    fake = [[*[torch.ones(1, 2, 4, 4)] * (layers + 1), torch.full((1, 2, 4, 4), 1e6)] for _ in range(scales)]
    assert feature_matching_loss(fake, real).item() == pytest.approx(4.0)


def test_feature_matching_has_no_gradient_through_the_truth():
    real, fake = (torch.randn(1, 2, 4, 4, requires_grad=True) for _ in range(2))
    feature_matching_loss([[fake * 2, fake]], [[real * 2, real]]).backward()
    assert fake.grad is not None
    assert real.grad is None


@given(st.integers(1, 3), st.integers(4, 9), st.integers(4, 9), st.integers(0, 2**31))
@settings(max_examples=30, deadline=None)
def test_mirror_is_reflection_padding(width, height, length, seed):
    random = torch.Generator().manual_seed(seed)
    ours = torch.randn(2, 3, height, length, generator=random, dtype=torch.float64, requires_grad=True)
    torchs = ours.detach().clone().requires_grad_()
    padded = torch.nn.functional.pad(torchs, (width,) * 4, mode="reflect")
    weights = torch.randn(padded.shape, generator=random, dtype=torch.float64)
    assert torch.equal(mirror(ours, width), padded)
    (mirror(ours, width) * weights).sum().backward()
    (padded * weights).sum().backward()
    assert torch.allclose(ours.grad, torchs.grad, rtol=1e-12, atol=1e-12)


def norms(statistics):
    torch.manual_seed(0)
    ours, torchs = BatchNorm(5, statistics).double(), torch.nn.BatchNorm2d(5).double()
    with torch.no_grad():
        for values in (ours.weight, ours.bias, ours.running_mean):
            values.normal_()
        ours.running_var.uniform_(0.5, 2)
    torchs.load_state_dict(ours.state_dict())
    return ours, torchs, torch.randn(3, 5, 4, 6, dtype=torch.float64) * 2 + 1


def test_batch_norm_of_each_image_is_training_mode_alone():
    ours, torchs, batch = norms("image")
    before = {name: value.clone() for name, value in ours.state_dict().items()}
    alone = torch.cat([torchs(image) for image in batch.split(1)])
    assert torch.allclose(ours.eval()(batch), alone, rtol=1e-12, atol=1e-12)
    assert all(torch.equal(value, before[name]) for name, value in ours.state_dict().items())


def test_batch_norm_with_running_statistics_is_torchs():
    ours, torchs, batch = norms("running")
    assert torch.equal(ours.eval()(batch), torchs.eval()(batch))


@pytest.mark.parametrize("statistics", ["image", "running"])
def test_batch_norm_trains_as_torchs(statistics):
    ours, torchs, batch = norms(statistics)
    assert torch.equal(ours(batch), torchs(batch))
    assert all(torch.equal(value, torchs.state_dict()[name]) for name, value in ours.state_dict().items())


def numbered(first, count):
    return torch.arange(first, first + count, dtype=torch.float32).view(-1, 1, 1, 1)


def test_pool_of_size_zero_passes_everything_detached():
    images = numbered(0, 3).requires_grad_()
    returned = ImagePool(0, seed=0).query(images)
    assert torch.equal(returned, images)
    assert not returned.requires_grad


def test_pool_returns_the_first_fifty_unchanged():
    pool = ImagePool(50, seed=0)
    assert torch.equal(torch.cat([pool.query(numbered(5 * i, 5)) for i in range(10)]), numbered(0, 50))
    assert len(pool) == 50


def test_full_pool_swaps_half_of_the_images_and_spreads_over_all_slots():
    pool = ImagePool(50, seed=1)
    returned = pool.query(numbered(0, 4050)).flatten()
    swapped = (returned != numbered(0, 4050).flatten())[50:]
    # 4000 fair coins: 5 standard deviations are 158.
    assert swapped.sum().item() == pytest.approx(2000, abs=158)
    assert set(range(50)) <= set(returned[50:].int().tolist())


@given(st.integers(1, 6), st.lists(st.integers(1, 4), max_size=12), st.integers(0, 2**40))
@settings(deadline=None)
def test_pool_neither_loses_nor_invents_images(size, batches, seed):
    pool, given_images, returned = ImagePool(size, seed), [], []
    for count in batches:
        batch = numbered(len(given_images), count)
        given_images += batch.flatten().tolist()
        returned += pool.query(batch).flatten().tolist()
    stored = [image.item() for image in pool.state()["images"]]
    # While it fills, an image is both stored and returned; afterwards one of the two.
    assert sorted(returned + stored) == sorted(given_images + given_images[:size])


def test_pool_resumes_exactly_and_is_seeded():
    pool, other = ImagePool(4, seed=7), ImagePool(4, seed=7)
    first = [pool.query(numbered(i, 1)).item() for i in range(20)]
    assert first == [other.query(numbered(i, 1)).item() for i in range(20)]
    resumed = ImagePool(4, seed=99)
    resumed.load_state(pool.state(), torch.device("cpu"))
    rest = [pool.query(numbered(i, 1)).item() for i in range(20, 60)]
    assert rest == [resumed.query(numbered(i, 1)).item() for i in range(20, 60)]
    fresh = ImagePool(4, seed=8)
    assert first + rest != [fresh.query(numbered(i, 1)).item() for i in range(60)]
