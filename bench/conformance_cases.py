"""Builds the model that a conformance case describes, fills it with the stated numbers, and says what is compared.

The format and the numbers are those of tests/reference/README.md: settings of the original implementations, closed forms
for weights and images, probes of outputs, and the losses of three optimisation steps.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

import models
from bench.errors import RequestError
from models.instances import boundary_map
from models.pix2pixhd import Pix2PixHD
from models.pix2pixhd_features import FeatureGenerator, Pix2PixHDFeatures

Case = Mapping[str, Any]

_UNET = re.compile(r"^unet_(\d+)$")
_RESNET = re.compile(r"^resnet_(\d+)blocks$")
_GRID = re.compile(r"^row-major (\d+)x\1 grid of ids 0\.\.\d+, each cell size/\1$")


@dataclass(frozen=True)
class BuiltCase:
    """A model filled for a case: its networks by the names of the format, what is probed, and a step of training.

    `probes` gives what the networks compute now, by the quantity's name in the file; `after` the same after training.
    """

    networks: dict[str, nn.Module]
    probes: Callable[[], dict[str, Tensor | list[Tensor]]]
    after: Callable[[], dict[str, Tensor]]
    step: Callable[[], dict[str, Tensor]]


def build_case(case: Case) -> BuiltCase:
    """Return the model of `case` in float64; raises RequestError or models.ModelError for what is not of the format."""
    if "netG" in case:
        return _pix2pixhd(case)
    return _cyclegan(case) if "lambda_A" in case else _pix2pix(case)


def _pix2pix(case: Case) -> BuiltCase:
    settings = _generator_settings(case) | {"lambda_L1": case["lambda_L1"]}
    model: Any = _built("pix2pix", case, settings)
    bw, color = _pages(case)
    _fill(case, model.generator, model.discriminator)
    return BuiltCase(
        networks={"generator": model.generator, "discriminator": model.discriminator},
        probes=lambda: {
            "generator_output_train_mode": model.generator(model.network_input(bw)),
            "discriminator_output_train_mode": model.discriminator(torch.cat((model.network_input(bw), color), dim=1)),
        },
        after=lambda: {"generator_output_after_steps_train_mode": model.generator(model.network_input(bw))},
        step=lambda: model.train_step(bw, color),
    )


def _cyclegan(case: Case) -> BuiltCase:
    copied = ("lambda_A", "lambda_B", "lambda_identity", "pool_size")
    model: Any = _built("cyclegan", case, _generator_settings(case) | {key: case[key] for key in copied})
    bw, color = _pages(case)
    _fill(case, *model.networks().values())
    return BuiltCase(
        networks={"generator": model.generator, "discriminator": model.discriminator},
        probes=lambda: {
            "generator_output": model.generator(model.network_input(bw)),
            "discriminator_output": model.discriminator(color),
        },
        after=lambda: {"generator_output_after_steps": model.generator(model.network_input(bw))},
        step=lambda: model.train_step(bw, color),
    )


def _generator_settings(case: Case) -> dict[str, Any]:
    """Return the settings that Pix2Pix and CycleGAN share in the format."""
    name = str(case["generator"])
    unet, resnet = _UNET.match(name), _RESNET.match(name)
    if unet:
        kind = {"netG": "unet", "depth": int(unet[1]).bit_length() - 1}
    elif resnet:
        kind = {"netG": "resnet", "n_blocks": int(resnet[1])}
    else:
        raise RequestError(f"generator {name!r} is unknown: unet_<size> or resnet_<n>blocks")
    if case.get("dropout"):
        raise RequestError("a case with dropout cannot be compared: its masks are random")
    copied = ("norm", "ngf", "ndf", "gan_mode")
    return kind | {key: case[key] for key in copied} | {"dropout": 0, "n_layers_D": case.get("n_layers_D", 3)}


def _pix2pixhd(case: Case) -> BuiltCase:
    settings = {
        "n_downsample": case["n_downsample_global"], "n_blocks": case["n_blocks_global"],
        "n_enhancers": case["n_local_enhancers"], "fix_global_share": 0, "vgg_loss": "off",
        "instances": "none" if case["no_instance"] else "regions",
    }  # fmt: skip
    settings |= {key: case[key] for key in ("netG", "ngf", "ndf", "n_blocks_local", "num_D", "n_layers_D")}
    settings |= {key: case[key] for key in ("lambda_feat", "pool_size")}
    if case["instance_feat"]:
        settings |= {"feat_num": case["feat_num"], "nef": case["nef"], "n_downsample_E": case["n_downsample_E"]}
    model = _built("pix2pixhd-features" if case["instance_feat"] else "pix2pixhd", case, settings)
    assert isinstance(model, Pix2PixHD)
    generator = model.generator.network if isinstance(model.generator, FeatureGenerator) else model.generator
    networks = {"generator": generator, "discriminator": model.discriminator}
    if isinstance(model, Pix2PixHDFeatures):
        networks["encoder"] = model.encoder
    _fill(case, *networks.values())
    bw, color = _pages(case)
    instances = _instance_map(case)

    def generate() -> Tensor:
        output: Tensor = generator(model.generator_input(model.condition(bw, instances), color, instances))
        return output

    def probes() -> dict[str, Tensor | list[Tensor]]:
        condition = model.condition(bw, instances)
        scales = model.discriminator(torch.cat((condition, color), dim=1))
        found: dict[str, Tensor | list[Tensor]] = {
            "generator_output": generate(), "discriminator_last_outputs": [outputs[-1] for outputs in scales],
        }  # fmt: skip
        if isinstance(model, Pix2PixHDFeatures) and instances is not None:
            found["encoder_output"] = model.encoder(color, instances)
        if not case["no_instance"] and instances is not None:
            found["edge_map"] = boundary_map(instances).to(torch.float64)
        return found

    return BuiltCase(
        networks=networks,
        probes=probes,
        after=lambda: {"generator_output_after_steps": generate()},
        step=lambda: model.train_on_instances(bw, color, instances),
    )


def _built(name: str, case: Case, settings: dict[str, Any]) -> models.Translator:
    # The resolution only bounds the depth here; the networks take images of any fitting size.
    fitting = [size for size in models.RESOLUTIONS if size >= case["size"]]
    resolution = fitting[0] if fitting else models.RESOLUTIONS[-1]
    return models.build(name, models.parse_settings(name, settings), resolution, seed=0, dtype=torch.float64)


def _fill(case: Case, *networks: nn.Module) -> None:
    for offset, network in enumerate(networks):
        fill(network, case["seed"] + offset)


def fill(network: nn.Module, seed: int) -> None:
    """Fill all parameters of `network` in place, in float64, with the closed form of the format."""
    with torch.no_grad():
        for position, (name, parameter) in enumerate(sorted(network.named_parameters())):
            index = torch.arange(parameter.numel(), dtype=torch.float64)
            value = torch.sin(0.7 * index + position + seed).view_as(parameter)
            if parameter.ndim >= 2:
                parameter.copy_(0.05 * value)
            else:
                parameter.copy_(1 + 0.1 * value if name.endswith("weight") else 0.02 * value)


def page(size: int, phase: float) -> Tensor:
    """Return one image [1, 3, size, size] of the format, in float64."""
    j = torch.arange(3, dtype=torch.float64).view(-1, 1, 1)
    y = torch.arange(size, dtype=torch.float64).view(1, -1, 1)
    x = torch.arange(size, dtype=torch.float64).view(1, 1, -1)
    return (torch.sin(0.11 * x * (j + 1) + 0.07 * y + phase + j) * torch.cos(0.05 * y * (j + 1) - phase))[None]


def _pages(case: Case) -> tuple[Tensor, Tensor]:
    def batch(phase: float) -> Tensor:
        return torch.cat([page(case["size"], phase + case["seed"] + n) for n in range(case["batch"])])

    return batch(0.3), batch(1.7)


def _instance_map(case: Case) -> Tensor | None:
    if case["no_instance"] and not case["instance_feat"]:
        return None
    match = _GRID.match(str(case.get("instance_map", "row-major 4x4 grid of ids 0..15, each cell size/4")))
    if match is None:
        raise RequestError(
            f"instance_map {case['instance_map']!r} is unknown: row-major NxN grid of ids 0..M, each cell size/N"
        )
    cells, size = int(match[1]), case["size"]
    ids = torch.arange(cells * cells).view(cells, cells)
    at = torch.arange(size) * cells // size
    return ids[at][:, at].expand(case["batch"], 1, size, size).contiguous()


def default_parameters() -> Iterator[tuple[str, int]]:
    """Yield the parameter counts that our networks have at the original's default sizes, by their name in the format."""
    for name, settings, resolution, network in _DEFAULTS:
        model, _, key = network.partition(".")
        translator = models.build(model, models.parse_settings(model, settings), resolution, seed=0, device="meta")
        found = translator.networks()[key]
        yield name, sum(parameter.numel() for parameter in found.parameters())


_DEFAULTS: tuple[tuple[str, dict[str, Any], int, str], ...] = (
    ("unet_256", {}, 256, "pix2pix.generator"),
    ("unet_128", {}, 128, "pix2pix.generator"),
    ("resnet_9blocks", {}, 256, "cyclegan.generator"),
    ("resnet_6blocks", {"n_blocks": 6}, 256, "cyclegan.generator"),
    ("basic_D_6ch_batch", {}, 256, "pix2pix.discriminator"),
    ("basic_D_3ch_instance", {}, 256, "cyclegan.discriminator"),
    ("global_default", {"vgg_loss": "off"}, 256, "pix2pixhd.generator"),
    ("local_default_ngf32", {"netG": "local", "ngf": 32, "vgg_loss": "off"}, 256, "pix2pixhd.generator"),
    ("multiscale_D_6ch", {"vgg_loss": "off"}, 256, "pix2pixhd.discriminator"),
    ("encoder_default", {"vgg_loss": "off"}, 256, "pix2pixhd-features.encoder"),
)
