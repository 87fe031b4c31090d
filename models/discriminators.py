"""The discriminators that Pix2Pix and CycleGAN choose from (original: `--netD basic, n_layers, pixel`)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from torch import nn

from models.layers import Norm, PatchDiscriminator, PixelDiscriminator, check_patches
from models.translator import ModelSettings

DiscriminatorKind = Literal["n_layers", "pixel"]


class DiscriminatorSettings(ModelSettings):
    """Which discriminator, how wide and how deep."""

    netD: DiscriminatorKind = Field(  # noqa: N815 - the original's name
        "n_layers", description="PatchGAN of n_layers_D layers, or of single pixels (original: --netD basic, 3 layers)"
    )
    ndf: int = Field(64, ge=1, le=1024, description="filters of a discriminator's first layer (original: --ndf 64)")
    n_layers_D: int = Field(  # noqa: N815
        3, ge=1, le=6, description="depth of the PatchGAN; 3: patches of 70 pixels (original: --netD basic)"
    )


def make_discriminator(
    model: str, settings: DiscriminatorSettings, norm: Norm, resolution: int, in_channels: int
) -> nn.Module:
    """Return the discriminator that `settings` describe; raises ModelError where the resolution is too small for it."""
    if settings.netD == "pixel":
        return PixelDiscriminator(in_channels, settings.ndf, norm)
    check_patches(model, resolution, settings.n_layers_D)
    return PatchDiscriminator(in_channels, settings.ndf, settings.n_layers_D, norm)
