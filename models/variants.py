"""Variants of Pix2PixHD under names of their own, so that one table can show what each part is worth.

`bench run --models pix2pixhd,pix2pixhd-regions,pix2pixhd-local` compares them at equal compute; what differs from
pix2pixhd is the setting that the name says, and for enhancers the width that the original gives them. The presets have sections
for them, so that this holds at narrow widths too.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from models.pix2pixhd import Pix2PixHD, Pix2PixHDSettings


class RegionsSettings(Pix2PixHDSettings):
    """Pix2PixHD with the boundary map on."""

    instances: Literal["none", "regions"] = Field(
        "regions", description="boundary map of the regions that lines enclose (original: on, without --no_instance)"
    )


class Pix2PixHDRegions(Pix2PixHD):
    """Pix2PixHD that also sees the boundaries of the regions that lines enclose: section 3.3 of the paper."""

    name = "pix2pixhd-regions"
    settings_type: ClassVar[type[Pix2PixHDSettings]] = RegionsSettings


class LocalSettings(Pix2PixHDSettings):
    """Pix2PixHD with local enhancers, at the original's width for them."""

    netG: Literal["global", "local"] = Field(  # noqa: N815 - the original's name
        "local", description="local enhancers around G1 (original: --netG local)"
    )
    ngf: int = Field(32, ge=1, le=1024, description="filters of the last enhancer (original: --netG local --ngf 32)")


class Pix2PixHDLocal(Pix2PixHD):
    """Pix2PixHD with its coarse-to-fine generator: section 3.2 of the paper."""

    name = "pix2pixhd-local"
    settings_type: ClassVar[type[Pix2PixHDSettings]] = LocalSettings
