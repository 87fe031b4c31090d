"""Sizes, names, initial weights and compute of the networks, against numbers of the original implementations."""

import re
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

import models
from models.feature_encoder import FeatureEncoder
from models.generators import UNetSettings
from models.layers import PatchDiscriminator, PixelDiscriminator
from models.local_enhancer import LocalEnhancer
from models.multiscale import MultiscaleDiscriminator
from models.resnet import ResnetGenerator
from models.unet import UNet

BATCH, INSTANCE = UNetSettings(), UNetSettings(norm="instance")

# Parameters, state-dict keys and buffer elements, measured on the original implementations.
SIZES = {
    "unet_256 batch": (lambda: UNet(BATCH, 8), 54_413_955, 82, 9_869),
    "unet_256 batch, one channel": (lambda: UNet(BATCH, 8, in_channels=1), 54_411_907, 82, 9_869),
    "unet_256 instance": (lambda: UNet(INSTANCE, 8), 54_409_603, 32, 0),
    "unet_128 batch": (lambda: UNet(BATCH, 7), 41_828_995, 70, 7_819),
    "resnet_9 instance": (lambda: ResnetGenerator(64, 2, 9), 11_378_179, 48, 0),
    "resnet_9 batch": (lambda: ResnetGenerator(64, 2, 9, norm="batch"), 11_383_427, 140, 10_519),
    "resnet_9 instance, one channel": (lambda: ResnetGenerator(64, 2, 9, in_channels=1), 11_371_907, 48, 0),
    "resnet_6 instance": (lambda: ResnetGenerator(64, 2, 6), 7_837_699, 36, 0),
    "D batch 6": (lambda: PatchDiscriminator(6, 64, 3, "batch"), 2_768_705, 22, 1_795),
    "D instance 3": (lambda: PatchDiscriminator(3, 64, 3, "instance"), 2_764_737, 10, 0),
    "D instance 6": (lambda: PatchDiscriminator(6, 64, 3, "instance"), 2_767_809, 10, 0),
    "D instance 4": (lambda: PatchDiscriminator(4, 64, 3, "instance"), 2_765_761, 10, 0),
    "D instance 1": (lambda: PatchDiscriminator(1, 64, 3, "instance"), 2_762_689, 10, 0),
    "HD global": (lambda: ResnetGenerator(64, 4, 9), 182_443_267, 56, 0),
    "HD global 36": (lambda: ResnetGenerator(64, 4, 9, in_channels=36), 182_546_755, 56, 0),
    "HD global 4": (lambda: ResnetGenerator(64, 4, 9, in_channels=4), 182_446_403, 56, 0),
    "HD global 1": (lambda: ResnetGenerator(64, 4, 9, in_channels=1), 182_436_995, 56, 0),
    "HD global 64/3": (lambda: ResnetGenerator(64, 3, 9), 45_593_347, 52, 0),
    "HD global 32/4": (lambda: ResnetGenerator(32, 4, 9), 45_620_867, 56, 0),
    "HD global 32/3": (lambda: ResnetGenerator(32, 3, 9), 11_405_699, 52, 0),
    "HD local 32": (lambda: LocalEnhancer(32, 4, 9, 1, 3), 182_701_827, 74, 0),
    "HD encoder": (lambda: FeatureEncoder(16, 4, 3), 788_803, 20, 0),
    "D pixel 6": (lambda: PixelDiscriminator(6, 64, "instance"), 8_897, 6, 0),
    "D pixel 3": (lambda: PixelDiscriminator(3, 64, "instance"), 8_705, 6, 0),
    "HD D 1": (lambda: MultiscaleDiscriminator(6, 64, 3, 1), 2_767_809, 10, 0),
    "HD D 2": (lambda: MultiscaleDiscriminator(6, 64, 3, 2), 5_535_618, 20, 0),
    "HD D 3": (lambda: MultiscaleDiscriminator(6, 64, 3, 3), 8_303_427, 30, 0),
    "HD D 2 in 7": (lambda: MultiscaleDiscriminator(7, 64, 3, 2), 5_537_666, 20, 0),
}


@pytest.mark.parametrize("case", SIZES)
def test_parameters_keys_and_buffers(case):
    make, parameters, keys, buffers = SIZES[case]
    with torch.device("meta"):
        network = make()
    assert sum(value.numel() for value in network.parameters()) == parameters
    assert len(network.state_dict()) == keys
    assert sum(value.numel() for value in network.buffers()) == buffers


def original_keys():
    """Return {network: {key: shape}} of the original implementations at full width."""
    sections = {}
    text = (Path(__file__).parent.parent / "reference" / "state_dict_keys.txt").read_text()
    for line in text.splitlines():
        if line.startswith("## "):
            current = sections.setdefault(line[3:], {})
        elif line.strip():
            key, shape = line.split(maxsplit=1)
            current[key] = [int(size) for size in re.findall(r"\d+", shape)]
    return sections


@pytest.mark.parametrize(
    ("section", "make"),
    [
        ("unet_256 batch", lambda: UNet(BATCH, 8)),
        ("resnet9 inst", lambda: ResnetGenerator(64, 2, 9)),
        ("resnet9 inst dropout", lambda: ResnetGenerator(64, 2, 9, dropout=0.5)),
        ("D batch", lambda: PatchDiscriminator(6, 64, 3, "batch")),
        ("D inst", lambda: PatchDiscriminator(3, 64, 3, "instance")),
        ("HD global", lambda: ResnetGenerator(64, 4, 9)),
    ],
)
def test_state_dict_of_the_original(section, make):
    with torch.device("meta"):
        network = make()
    assert {key: list(value.shape) for key, value in network.state_dict().items()} == original_keys()[section]


def test_unet_has_the_originals_norms_and_dropouts():
    with torch.device("meta"):
        unet = UNet(BATCH, 8)
    kinds = [type(module).__name__ for module in unet.modules()]
    assert kinds.count("BatchNorm") == 13
    assert kinds.count("Dropout") == 3


@pytest.mark.parametrize(("size", "patches"), [(128, 14), (256, 30), (512, 62), (1024, 126)])
def test_patchgan_output_size(size, patches):
    with torch.device("meta"):
        discriminator = PatchDiscriminator(6, 4, 3, "batch")
    assert list(discriminator(torch.empty(1, 6, size, size, device="meta")).shape) == [1, 1, patches, patches]


def test_pix2pixhd_discriminator_layer_sizes():
    with torch.device("meta"):
        scales = MultiscaleDiscriminator(6, 4, 3, 2)(torch.empty(1, 6, 256, 256))
    assert [[output.shape[-1] for output in scale] for scale in scales] == [[129, 65, 33, 34, 35], [65, 33, 17, 18, 19]]


@pytest.mark.parametrize(
    ("name", "settings", "resolution", "gigaflops"),
    [
        ("pix2pix", {}, 256, 86.9),
        ("pix2pixhd", {}, 256, 408.5),
        ("pix2pixhd", {}, 512, 1615.7),
        ("pix2pixhd", {"n_downsample": 3}, 256, 394.0),
        ("pix2pixhd", {"ngf": 32}, 256, 166.2),
        ("cyclegan", {}, 256, 1879.2),
    ],
)
def test_flops_of_a_training_step(name, settings, resolution, gigaflops):
    translator = models.build(name, models.parse_settings(name, settings), resolution, seed=0, device="meta")
    # As the originals compute it; ours leaves out what they throw away.
    translator.textbook = True
    batch = torch.empty(1, 3, resolution, resolution, device="meta")
    with FlopCounterMode(display=False) as counter:
        translator.train_step(batch, batch)
    assert counter.get_total_flops() / 1e9 == pytest.approx(gigaflops, rel=0.001)


SMALL = {
    "pix2pix": {"ngf": 2, "ndf": 2},
    "pix2pixhd": {"ngf": 2, "ndf": 2, "n_blocks": 1, "num_D": 3},
    "cyclegan": {"ngf": 2, "ndf": 2, "n_blocks": 1},
    "unet-l1": {"ngf": 2},
}


@pytest.mark.parametrize("resolution", models.RESOLUTIONS)
@pytest.mark.parametrize("name", SMALL)
def test_every_model_trains_and_colours_at_every_resolution(name, resolution):
    translator = models.build(name, models.parse_settings(name, SMALL[name]), resolution, seed=0, device="meta")
    batch = torch.empty(1, 3, resolution, resolution, device="meta")
    assert all(loss.shape == () for loss in translator.train_step(batch, batch).values())
    assert translator.colorize(batch).shape == batch.shape
    assert resolution % translator.size_multiple == 0


@pytest.mark.parametrize(("resolution", "depth"), [(64, 6), (128, 7), (256, 8), (512, 8)])
def test_unet_depth_follows_the_resolution(resolution, depth):
    translator = models.build("pix2pix", models.parse_settings("pix2pix", SMALL["pix2pix"]), resolution, 0, "meta")
    assert translator.size_multiple == 2**depth
    assert sum(isinstance(module, torch.nn.ConvTranspose2d) for module in translator.generator.modules()) == depth


def convolutions(network):
    kinds = (torch.nn.Conv2d, torch.nn.ConvTranspose2d)
    return [module for module in network.modules() if isinstance(module, kinds)]


@pytest.mark.parametrize("name", ["pix2pix", "pix2pixhd", "cyclegan", "unet-l1"])
def test_initial_weights(name):
    wide = {"ngf": 16, "n_blocks": 2} if "hd" in name or "cycle" in name else {"ngf": 16}
    translator = models.build(name, models.parse_settings(name, wide), 64, seed=3)
    for network in translator.networks().values():
        weights = torch.cat([layer.weight.detach().flatten() for layer in convolutions(network)])
        # Standard errors of the mean and the deviation of n normal draws: s / sqrt(n) and s / sqrt(2 n); five of each.
        allowed = 5 * 0.02 / len(weights) ** 0.5
        assert weights.mean().item() == pytest.approx(0, abs=allowed)
        assert weights.std().item() == pytest.approx(0.02, abs=allowed)
        for layer in convolutions(network):
            if layer.bias is None:
                continue
            if name != "pix2pixhd":
                assert not layer.bias.any()
            elif isinstance(layer, torch.nn.Conv2d):
                bound = (layer.in_channels * layer.kernel_size[0] ** 2) ** -0.5
                assert 0 < layer.bias.abs().max().item() <= bound


def test_initial_batch_norm():
    unet = models.build("pix2pix", models.parse_settings("pix2pix", {}), 64, seed=3).generator
    norms = [module for module in unet.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    weights = torch.cat([norm.weight.detach() for norm in norms])
    assert weights.mean().item() == pytest.approx(1, abs=5 * 0.02 / len(weights) ** 0.5)
    assert weights.std().item() == pytest.approx(0.02, abs=5 * 0.02 / (2 * len(weights)) ** 0.5)
    assert not any(norm.bias.any() for norm in norms)
