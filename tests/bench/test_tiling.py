"""Tiles against one forward pass of the same network: cuts, weights, page statistics, memory, seams."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import models
from bench.activation_memory import peak_activations
from bench.errors import RequestError
from bench.metrics.seams import seam_score
from bench.page_norms import PageNorms
from bench.prediction import to_pixels
from bench.tiling import (
    PIECE_BYTES,
    Tile,
    colour_in_tiles,
    features_a_pixel,
    overlap_for,
    seams,
    side_for,
    stretches,
)
from models.inference import colour_images
from models.layers import BatchNorm

FAST = settings(deadline=None, max_examples=40)


def silent(_note):
    """Take a heartbeat and go on."""


@FAST
@given(st.integers(1, 40), st.integers(2, 12), st.integers(1, 11), st.sampled_from([1, 4, 32]))
def test_stretches_cover_the_axis_with_weights_that_add_up_to_one(length, tile, overlap, multiple):
    overlap = min(overlap, tile - 1)
    cut = stretches(length * multiple, tile * multiple, overlap * multiple, multiple)
    total = np.zeros(length * multiple)
    for one in cut:
        assert one.start % multiple == 0
        assert (one.weights >= 0).all()
        total[one.start : one.stop] += one.weights
    np.testing.assert_allclose(total, 1, atol=1e-6)
    for before, after in itertools.pairwise(cut):
        assert before.stop - after.start >= overlap * multiple
    assert all(one.stop - one.start == min(length, tile) * multiple for one in cut)


def test_tiles_have_no_weight_at_borders_inside_the_page_and_all_of_it_at_the_pages_own():
    first, last = stretches(96, 64, 32, 1)
    assert first.weights[-1] == last.weights[0] == 0
    assert first.weights[0] == last.weights[-1] == 1
    assert seams((first, last)) == (48,)
    assert first.weights[48] == pytest.approx(0.5, abs=0.05)


def page_tone(side=192):
    """Return a network input of 8 px patches of ink that grow more frequent to the right, so that tiles differ."""
    generator = torch.Generator().manual_seed(0)
    patches = math.ceil(side / 8)
    ink = torch.rand(1, 1, patches, patches, generator=generator) < torch.linspace(0.02, 0.9, patches)
    page = F.interpolate(1 - 2 * ink.float(), scale_factor=8, mode="nearest")[..., :side, :side]
    return page.expand(1, 3, side, side).contiguous()


@pytest.fixture(scope="module", params=["pix2pix", "pix2pixhd", "cyclegan"])
def network(request):
    """Each kind of generator, narrow, with random weights that give outputs of some contrast."""
    narrow = {
        "pix2pix": {"ngf": 8, "depth": 6},
        "pix2pixhd": {"ngf": 4, "n_downsample": 2, "n_blocks": 2, "init_gain": 0.1},
        "cyclegan": {"ngf": 4, "n_blocks": 2, "init_gain": 0.1},
    }[request.param]
    translator = models.build(request.param, models.parse_settings(request.param, narrow), 64, seed=0)
    translator.generator.eval()
    return translator.generator, translator.size_multiple


def naive(network, page, side):
    """Return what tiles give that are coloured by themselves and put side by side."""
    whole = torch.zeros(1, 3, *page.shape[-2:])
    for top in range(0, page.shape[-2], side):
        for left in range(0, page.shape[-1], side):
            part = np.s_[:, :, top : top + side, left : left + side]
            whole[part] = colour_images(network, page[part])
    return whole


def test_tiles_come_near_one_forward_pass_and_naive_tiles_do_not(network):
    generator, multiple = network
    page = page_tone(384)
    whole = to_pixels(colour_images(generator, page))[0].astype(int)
    ours = to_pixels(colour_in_tiles(generator, page, 256, multiple, silent, overlap=128))[0].astype(int)
    apart = to_pixels(naive(generator, page, 192))[0].astype(int)
    assert whole.std() > 5
    assert np.abs(ours - whole).mean() < 0.15 * np.abs(apart - whole).mean()
    assert np.abs(ours - whole).mean() < 0.6


def test_seams_of_naive_tiles_are_visible_and_ours_are_not(network):
    generator, multiple = network
    page = page_tone(384)
    whole = to_pixels(colour_images(generator, page))[0]
    ours = to_pixels(colour_in_tiles(generator, page, 256, multiple, silent, overlap=128))[0]
    apart = to_pixels(naive(generator, page, 192))[0]
    assert seams(stretches(384, 256, 128, multiple)) == (192,)
    for reach in (1, 4):
        assert seam_score(ours, [192], [192], reference=whole, reach=reach) < 1.15
        assert seam_score(apart, [192], [192], reference=whole, reach=reach) > 1.25


def test_statistics_are_those_of_the_page_where_tiles_see_what_the_page_sees():
    # 1 x 1 convolutions have no padding, so that tiles and page must agree to rounding.
    torch.manual_seed(0)
    affine = BatchNorm(8, "image")
    affine.weight.data.uniform_(0.5, 2)
    affine.bias.data.uniform_(-1, 1)
    network = nn.Sequential(
        nn.Conv2d(3, 8, 1), nn.InstanceNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 1), affine, nn.Conv2d(8, 3, 1)
    )
    network.eval()
    page = page_tone(100)
    whole = colour_images(network, page)
    tiled = colour_in_tiles(network, page, 48, 4, silent, overlap=16)
    torch.testing.assert_close(tiled, whole, atol=2e-5, rtol=0)
    assert (naive(network, page, 50) - whole).abs().max() > 0.1


def test_networks_are_as_they_were_afterwards_also_after_a_stop(network):
    generator, multiple = network
    page = page_tone(256)
    before = colour_images(generator, page[..., :128, :128])

    def stop(note):
        if note.startswith("norm 2 "):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        colour_in_tiles(generator, page, 192, multiple, stop, overlap=64)
    assert not [module for module in generator.modules() if "forward" in vars(module)]
    assert torch.equal(colour_images(generator, page[..., :128, :128]), before)


def test_running_statistics_need_no_passes_and_one_tile_none_either():
    notes: list[str] = []
    network = nn.Sequential(nn.Conv2d(3, 3, 1), BatchNorm(3, "running")).eval()
    colour_in_tiles(network, page_tone(64), 32, 4, notes.append, overlap=8)
    assert notes
    assert all(note.startswith("colour") for note in notes)
    notes.clear()
    colour_in_tiles(nn.Sequential(nn.InstanceNorm2d(3)), page_tone(64), 64, 4, notes.append, overlap=8)
    assert notes == ["colour, tile 1 of 1"]


def test_a_norm_that_the_network_never_uses_does_not_hold_things_up():
    network = nn.Sequential(nn.InstanceNorm2d(3))
    network.spare = nn.InstanceNorm2d(3)
    network.forward = lambda image: network[0](image)  # type: ignore[method-assign]
    page = page_tone(64)
    torch.testing.assert_close(
        colour_in_tiles(network, page, 32, 4, silent, overlap=8), network(page), atol=1e-5, rtol=0
    )


def test_norms_that_cannot_be_merged_and_tiles_that_do_not_fit_are_refused():
    with pytest.raises(RequestError, match=r"GroupNorm.*--short-side"):
        PageNorms(nn.Sequential(nn.GroupNorm(1, 3)))
    for side in (8, 30):
        with pytest.raises(RequestError, match="multiple of 4 that is more than 8"):
            colour_in_tiles(nn.Identity(), page_tone(64), side, 4, silent, overlap=8)


def test_tiling_gives_the_same_bits_twice(network):
    generator, multiple = network
    runs = [colour_in_tiles(generator, page_tone(256), 192, multiple, silent, overlap=64) for _ in range(2)]
    assert torch.equal(*runs)


class Chain(nn.Module):
    """Holds its input and two more of the same size at its peak: 3 x [1, 3, H, W] in float32."""

    def forward(self, image):
        doubled = image * 2
        return (doubled + image).mean(dim=(2, 3))


def test_peak_of_features_is_counted_without_allocating_them():
    assert peak_activations(Chain(), 3, 100, 200) == pytest.approx(3 * 3 * 100 * 200 * 4, rel=1e-3)
    in_place = nn.Sequential(nn.Conv2d(3, 8, 1), nn.ReLU(inplace=True), nn.Conv2d(8, 3, 1))
    # The input, the 8 channels, and the output while its input is still there.
    assert peak_activations(in_place, 3, 64, 64) == (3 + 8 + 3) * 64 * 64 * 4
    assert peak_activations(in_place, 3, 100_000, 100_000) == (3 + 8 + 3) * 10**10 * 4


def test_full_width_networks_get_tiles_whose_features_fit():
    for name, multiple in (("pix2pix", 256), ("pix2pixhd", 16), ("cyclegan", 4)):
        with torch.device("meta"):
            generator = models.build(name, models.parse_settings(name, {}), 256, seed=0, device="meta").generator
        side = side_for(generator, 3, multiple)
        assert side % multiple == 0
        assert side > overlap_for(multiple)
        assert peak_activations(generator.eval(), 3, side, side) <= PIECE_BYTES
        assert side >= 1024
        assert features_a_pixel(generator, 3, multiple) > 0


def test_tile_views_the_page_in_place():
    rows, columns = stretches(64, 48, 16, 4)[1], stretches(64, 48, 16, 4)[0]
    page = torch.zeros(1, 3, 64, 64)
    Tile(rows, columns).of(page).add_(1)
    assert page.sum() == 3 * 48 * 48
    assert page[0, 0, 63, 0] == 1
