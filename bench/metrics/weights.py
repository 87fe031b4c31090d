"""The files of trained networks that scores stand on: sizes, digests, and where they are published.

How they are looked for and verified is `models.pretrained`: the same for a loss as for a score.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import ClassVar

from bench.errors import RequestError
from models.pretrained import KnownWeights, PretrainedStore, default_folders

__all__ = ["ALEXNET", "INCEPTION", "KNOWN", "LPIPS_HEADS", "VGG16", "KnownWeights", "WeightStore", "default_folders"]

INCEPTION = KnownWeights(
    "inception",
    ("weights-inception-2015-12-05-6726825d.pth", "pt_inception-2015-12-05-6726825d.pth"),
    95_628_359,
    "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
    "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth",
)
ALEXNET = KnownWeights(
    "alexnet",
    ("alexnet-owt-7be5be79.pth",),
    244_408_911,
    "7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
    "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
)
VGG16 = KnownWeights(
    "vgg16",
    ("vgg16-397923af.pth",),
    553_433_881,
    "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
    "https://download.pytorch.org/models/vgg16-397923af.pth",
)
LPIPS_HEADS = KnownWeights(
    "lpips-alex-heads",
    ("lpips/weights/v0.1/alex.pth",),
    6_009,
    "df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0",
    "inside the lpips package, version 0.1.4",
)

KNOWN: Mapping[str, KnownWeights] = MappingProxyType(
    {known.name: known for known in (INCEPTION, ALEXNET, VGG16, LPIPS_HEADS)}
)
"""The files that scores can use, by name. Sizes and digests: facts published by their authors, agreed on by public records."""


@dataclass(frozen=True)
class WeightStore(PretrainedStore):
    """The weights that scores can use and the folders they may lie in; wrong files raise RequestError."""

    error: ClassVar[type[Exception]] = RequestError

    known: Mapping[str, KnownWeights] = field(default_factory=lambda: KNOWN)
