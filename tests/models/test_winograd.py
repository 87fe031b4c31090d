"""Winograd's convolution is torch's own up to rounding: values, gradients, and the layers that choose it."""

import copy

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from models import winograd
from models.winograd import WinogradConv2d, winograd_convolution

WIDE = winograd.LEAST_CHANNELS


def gradients(convolution, image, weight, of_output):
    image, weight = (each.clone().requires_grad_() for each in (image, weight))
    output = convolution(image, weight)
    return output.detach(), *torch.autograd.grad(output, (image, weight), of_output)


@given(
    kernel=st.sampled_from(winograd.KERNELS),
    size=st.tuples(st.integers(1, 3), st.integers(1, 5), st.integers(1, 5)),
    outputs=st.tuples(st.integers(1, 14), st.integers(1, 14)),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=60, deadline=None)
def test_values_and_gradients_are_those_of_torch(kernel, size, outputs, seed):
    count, channels_in, channels_out = size
    random = torch.Generator().manual_seed(seed)

    def drawn(*shape):
        return torch.randn(*shape, generator=random, dtype=torch.float64)

    image = drawn(count, channels_in, outputs[0] + kernel - 1, outputs[1] + kernel - 1)
    weight, of_output = drawn(channels_out, channels_in, kernel, kernel), drawn(count, channels_out, *outputs)
    found = gradients(winograd_convolution, image, weight, of_output)
    for ours, wanted in zip(found, gradients(F.conv2d, image, weight, of_output), strict=True):
        assert ours.shape == wanted.shape
        torch.testing.assert_close(ours, wanted, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("kernel", winograd.KERNELS)
def test_in_float32_it_is_near(kernel):
    random = torch.Generator().manual_seed(0)
    image = torch.randn(1, 256, 33, 33, generator=random)
    weight = torch.randn(256, 256, kernel, kernel, generator=random) * 0.02
    exact = F.conv2d(image.double(), weight.double())
    error = (winograd_convolution(image, weight).double() - exact).abs().max() / exact.abs().max()
    assert error < 2e-5


@pytest.mark.parametrize("kernel", winograd.KERNELS)
def test_gradients_are_the_numerical_ones(kernel):
    random = torch.Generator().manual_seed(1)
    image = torch.randn(2, 2, 8, 7, generator=random, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(3, 2, kernel, kernel, generator=random, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(winograd_convolution, (image, weight))


def layer(channels=WIDE, kernel=3, **options):
    torch.manual_seed(0)
    return WinogradConv2d(channels, WIDE, kernel, **options)


def own(convolution):
    plain = copy.deepcopy(convolution)
    plain.__class__ = nn.Conv2d
    return plain


@pytest.fixture
def calls(monkeypatch):
    made = []

    def counted(image, weight):
        made.append(image.shape)
        return winograd_convolution(image, weight)

    monkeypatch.setattr(winograd, "winograd_convolution", counted)
    return made


@pytest.mark.parametrize(("kernel", "padding"), [(3, 0), (3, 1), (4, 1), (4, 2)])
@pytest.mark.parametrize("bias", [True, False])
def test_a_layer_is_torchs_own_in_training(kernel, padding, bias, calls):
    convolution = layer(kernel=kernel, padding=padding, bias=bias)
    image = torch.randn(1, WIDE, 34, 34, generator=torch.Generator().manual_seed(1), requires_grad=True)
    found, wanted = convolution(image), own(convolution)(image)
    assert len(calls) == 1
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)
    assert convolution.state_dict().keys() == own(convolution).state_dict().keys()


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({"channels": WIDE - 1}, 64),
        ({"kernel": 5}, 64),
        ({"stride": 2}, 128),
        ({"dilation": 2}, 64),
        ({"groups": 2}, 64),
        ({"padding": "same"}, 64),
        ({"padding": (0, 1)}, 64),
        ({"padding_mode": "reflect", "padding": 1}, 64),
        ({}, 16),
    ],
)
def test_other_layers_go_to_torch_bit_for_bit(options, size, calls):
    convolution = layer(**options)
    image = torch.randn(1, convolution.in_channels, size, size, requires_grad=True)
    assert torch.equal(convolution(image), own(convolution)(image))
    assert not calls


def test_colouring_goes_to_torch_bit_for_bit(calls):
    """So that a generator colours the same wherever it was trained, and pages alone as in a batch."""
    convolution = layer()
    image = torch.randn(1, WIDE, 66, 66)
    with torch.no_grad():
        assert torch.equal(convolution(image), own(convolution)(image))
    assert not calls


def test_neither_flops_nor_other_precisions_see_it(calls):
    image = torch.randn(1, WIDE, 66, 66, requires_grad=True)
    layer().to("meta")(image.to("meta"))
    with torch.autocast("cpu", torch.bfloat16):
        layer()(image)
    assert not calls


def test_frozen_weights_get_no_gradient(calls):
    convolution = layer().requires_grad_(False)
    image = torch.randn(1, WIDE, 34, 34, requires_grad=True)
    convolution(image).sum().backward()
    assert len(calls) == 1
    assert image.grad is not None
    assert convolution.weight.grad is None


@pytest.mark.parametrize("size", [34, 35])
def test_an_activation_may_change_the_output_in_place(size, calls):
    """Also where tiles fill the image, and nothing is cut off."""
    convolution = layer(bias=False)
    image = torch.randn(1, WIDE, size, size, requires_grad=True)
    F.relu(convolution(image), inplace=True).sum().backward()
    assert len(calls) == 1


def test_an_image_without_a_batch_goes_to_torch(calls):
    convolution = layer()
    image = torch.randn(WIDE, 66, 66, requires_grad=True)
    assert torch.equal(convolution(image), own(convolution)(image))
    assert not calls


def test_a_layer_is_shown_as_what_it_is():
    assert str(layer()).startswith("Conv2d(128, 128")


def test_transforms_do_not_follow_the_default_device():
    winograd._transforms.cache_clear()
    with torch.device("meta"):
        assert not any(each.is_meta for each in winograd._transforms(3, torch.float32))
    winograd._transforms.cache_clear()
