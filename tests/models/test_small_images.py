"""Convolutions of small images: torch's own in value and gradient, and taken where they gain alone."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from models import small_images
from models.small_images import SmallConv2d, SmallConvTranspose2d, convolution_to_one_pixel, transposed_convolution

WIDE = small_images.LEAST_CHANNELS


def gradients(function, *inputs):
    leaves = [value.clone().requires_grad_() for value in inputs]
    output = function(*leaves)
    of_output = torch.rand(output.shape, dtype=output.dtype, generator=torch.Generator().manual_seed(9))
    return output, torch.autograd.grad(output, leaves, of_output)


def assert_same(found, wanted):
    torch.testing.assert_close(found[0], wanted[0], rtol=1e-11, atol=1e-11)
    for ours, theirs in zip(found[1], wanted[1], strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-11, atol=1e-11)


@settings(max_examples=60, deadline=None)
@given(
    batch=st.integers(1, 3),
    channels=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    height=st.integers(1, 5),
    width=st.integers(1, 5),
    kernel=st.integers(2, 4),
    stride=st.integers(1, 3),
    padding=st.integers(0, 1),
    more=st.integers(0, 1),
    seed=st.integers(0, 99),
)
def test_transposed_convolution_is_torchs(batch, channels, height, width, kernel, stride, padding, more, seed):
    more = min(more, stride - 1)
    if min((side - 1) * stride - 2 * padding + kernel + more for side in (height, width)) < 1:
        return
    drawn = torch.Generator().manual_seed(seed)
    image = torch.randn(batch, channels[0], height, width, generator=drawn, dtype=torch.float64)
    weight = torch.randn(*channels, kernel, kernel, generator=drawn, dtype=torch.float64)
    bias = torch.randn(channels[1], generator=drawn, dtype=torch.float64)
    assert_same(
        gradients(lambda *given: transposed_convolution(*given, stride, padding, more), image, weight, bias),
        gradients(lambda *given: F.conv_transpose2d(*given, stride, padding, more), image, weight, bias),
    )


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding"), [(2, 4, 2, 1), (4, 4, 1, 0), (3, 3, 2, 0), (3, 4, 2, 1)]
)
def test_convolution_to_one_pixel_is_torchs(size, kernel, stride, padding):
    drawn = torch.Generator().manual_seed(size)
    image = torch.randn(2, 3, size, size, generator=drawn, dtype=torch.float64)
    weight = torch.randn(5, 3, kernel, kernel, generator=drawn, dtype=torch.float64)
    bias = torch.randn(5, generator=drawn, dtype=torch.float64)
    wanted = gradients(lambda *given: F.conv2d(*given, stride, padding), image, weight, bias)
    assert wanted[0].shape == (2, 5, 1, 1)
    assert_same(gradients(lambda *given: convolution_to_one_pixel(*given, padding), image, weight, bias), wanted)


def test_both_can_be_differentiated_twice():
    """A gradient penalty can do with them."""
    image, weight = (torch.randn(size, 2, 2, 2, dtype=torch.float64, requires_grad=True) for size in (1, 2))
    assert torch.autograd.gradgradcheck(lambda *given: transposed_convolution(*given, None, 2, 0, 0), (image, weight))
    assert torch.autograd.gradgradcheck(lambda *given: convolution_to_one_pixel(*given, None, 0), (image, weight))


@pytest.fixture
def counted(monkeypatch):
    made = []
    for name in ("transposed_convolution", "convolution_to_one_pixel"):
        own = getattr(small_images, name)
        monkeypatch.setattr(small_images, name, lambda *given, own=own, name=name: made.append(name) or own(*given))
    return made


def test_taken_where_it_gains_alone(counted):
    up = SmallConvTranspose2d(WIDE, WIDE, 4, stride=2, padding=1)
    down = SmallConv2d(WIDE, WIDE, 4, stride=2, padding=1)
    up(torch.zeros(1, WIDE, 4, 4))
    down(torch.zeros(1, WIDE, 2, 2))
    assert counted == ["transposed_convolution", "convolution_to_one_pixel"]
    up(torch.zeros(1, WIDE, 4, 5))
    up(torch.zeros(2, WIDE, 4, 4))
    down(torch.zeros(1, WIDE, 4, 4))
    SmallConvTranspose2d(WIDE, WIDE - 1, 4, stride=2, padding=1)(torch.zeros(1, WIDE, 2, 2))
    SmallConvTranspose2d(WIDE, WIDE, 4, stride=2, padding=1, groups=2)(torch.zeros(1, WIDE, 2, 2))
    SmallConvTranspose2d(WIDE, WIDE, (4, 3), stride=2, padding=1)(torch.zeros(1, WIDE, 2, 2))
    with torch.no_grad():
        up(torch.zeros(1, WIDE, 2, 2))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        up(torch.zeros(1, WIDE, 2, 2))
    up.to("meta")(torch.zeros(1, WIDE, 2, 2, device="meta"))
    assert len(counted) == 2


def test_layers_are_torchs_by_name_and_keys():
    for ours, theirs in ((SmallConv2d, nn.Conv2d), (SmallConvTranspose2d, nn.ConvTranspose2d)):
        one, other = ours(3, 4, 4, stride=2, padding=1), theirs(3, 4, 4, stride=2, padding=1)
        assert str(one) == str(other)
        assert one.state_dict().keys() == other.state_dict().keys()
