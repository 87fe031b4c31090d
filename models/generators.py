"""The generators that Pix2Pix and CycleGAN choose from: U-Nets of any depth, ResNets of any number of blocks.

The original implementation offers the same to both (`--netG unet_128, unet_256, resnet_6blocks, resnet_9blocks`); what
differs between the models is the default.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import pydantic
from pydantic import Field
from torch import Tensor, nn

from models.errors import ModelError
from models.optimisation import NormAndDropoutSettings
from models.resnet import ResnetGenerator
from models.translator import ModelSettings, Translator
from models.unet import UNet

GeneratorKind = Literal["unet", "resnet"]

RESNET_HALVINGS = 2
"""Downsamplings of the ResNet generator (original: fixed in `ResnetGenerator`)."""


class GeneratorSettings(NormAndDropoutSettings):
    """Which generator, how wide and how deep; the defaults are Pix2Pix's."""

    netG: GeneratorKind = Field("unet", description="kind of generator (original: --netG unet_256)")  # noqa: N815
    ngf: int = Field(64, ge=1, le=1024, description="filters of the generator's first layer (original: --ngf 64)")
    depth: int | None = Field(
        None,
        ge=6,
        le=9,
        description="levels of a U-Net; absent: min(8, log2 R) (original: 8, or 7 with --netG unet_128)",
    )
    n_blocks: int = Field(
        9, ge=1, le=64, description="residual blocks of a ResNet (original: resnet_9blocks, resnet_6blocks)"
    )
    input_nc: Literal[1, 3] = Field(
        3, description="channels of the black-and-white page, which are equal (original: --input_nc 3)"
    )


class UNetSettings(GeneratorSettings):
    """A generator and the weight of its L1 loss."""

    lambda_L1: float = Field(  # noqa: N815 - the original's name
        100.0, ge=0, description="weight of the L1 loss (original: --lambda_L1 100)"
    )


class GeneratorChoice(Translator):
    """A translator whose settings choose its generator: what it sees of the page, and what its variants are called."""

    settings: GeneratorSettings

    def network_input(self, bw: Tensor) -> Tensor:
        """Return `bw` with as many of its equal channels as the generator takes."""
        return bw[:, : self.settings.input_nc]

    @classmethod
    def original_size(cls, settings: ModelSettings) -> Mapping[str, int]:
        """Return the original's widths and depths of the chosen kinds of networks."""
        return _original_size(settings)

    @classmethod
    def variant(cls, settings: ModelSettings) -> tuple[str, ...]:
        """Return the kinds of networks that are not the default."""
        return _variant_words(settings)


def make_generator(
    model: str, settings: GeneratorSettings, resolution: int, in_channels: int, out_channels: int
) -> tuple[nn.Module, int]:
    """Return the generator that `settings` describe, and what heights and widths must be multiples of.

    Raises ModelError for a U-Net deeper than the resolution allows.
    """
    if settings.netG == "unet":
        depth = unet_depth(model, settings, resolution)
        return UNet(settings, depth, in_channels, out_channels), 2**depth
    network = ResnetGenerator(
        settings.ngf, RESNET_HALVINGS, settings.n_blocks, norm=settings.norm, dropout=settings.dropout,
        statistics=settings.inference_batch_norm, in_channels=in_channels, out_channels=out_channels,
    )  # fmt: skip
    return network, 2**RESNET_HALVINGS


def unet_depth(model: str, settings: GeneratorSettings, resolution: int) -> int:
    """Return the number of levels for R = `resolution`; raises ModelError for more than log2 R."""
    deepest = int(math.log2(resolution))
    if settings.depth is not None and settings.depth > deepest:
        least = 2**settings.depth
        raise ModelError(
            f"{model}: depth {settings.depth} needs a resolution of at least {least}, not {resolution};"
            f" give depth {deepest} or less"
        )
    return settings.depth or min(8, deepest)


def _original_size(settings: pydantic.BaseModel) -> dict[str, int]:
    """Return the original's width and depth of every network that `settings` describe, by the setting's name."""
    sizes = {"ngf": 64}
    sizes |= {"depth": 8} if getattr(settings, "netG", "unet") == "unet" else {"n_blocks": 9}
    if hasattr(settings, "ndf"):
        sizes |= {"ndf": 64}
        sizes |= {"n_layers_D": 3} if getattr(settings, "netD", "n_layers") == "n_layers" else {}
    return sizes


def _variant_words(settings: pydantic.BaseModel) -> tuple[str, ...]:
    """Return the kinds of network in `settings` that are not their model's default, such as ("resnet", "pixel")."""
    kinds = [(field, getattr(settings, field)) for field in ("netG", "netD") if hasattr(settings, field)]
    return tuple(kind for field, kind in kinds if kind != type(settings).model_fields[field].default)
