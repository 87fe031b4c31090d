"""The U-Net generator of Pix2Pix: Isola et al., CVPR 2017, section 3.2.1; `UnetGenerator` in junyanz' `networks.py`.

Where the PyTorch code differs from the authors' first Lua code it is the PyTorch code that is followed: dropout sits at
decoder outputs 4, 8 and 16 pixels wide, the 1 x 1 bottleneck has no norm, and convolutions followed by a batch norm have
no bias.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from models.layers import normalisation
from models.small_images import SmallConv2d, SmallConvTranspose2d

if TYPE_CHECKING:
    from models.generators import GeneratorSettings


class UNetLevel(nn.Module):
    """One level of the U-Net: halve, go through the levels inside, double, join the input: C channels become 2 C."""

    def __init__(
        self, outer: int, inner: int, inside: UNetLevel | None, settings: GeneratorSettings, *, dropout: float
    ) -> None:
        """Make a level with `outer` channels outside and `inner` inside; the innermost has no norm there."""
        super().__init__()
        bias, statistics = settings.norm == "instance", settings.inference_batch_norm
        layers = [nn.LeakyReLU(0.2, inplace=True), SmallConv2d(outer, inner, 4, stride=2, padding=1, bias=bias)]
        if inside is not None:
            layers += [normalisation(settings.norm, inner, statistics), inside]
        joined = inner if inside is None else 2 * inner
        layers += [nn.ReLU(inplace=True), SmallConvTranspose2d(joined, outer, 4, stride=2, padding=1, bias=bias)]
        layers += [normalisation(settings.norm, outer, statistics)]
        if dropout > 0:
            layers.append(nn.Dropout(dropout))
        self.model = nn.Sequential(*layers)

    def forward(self, features: Tensor) -> Tensor:
        """Return the input and what the level makes of it, joined along the channels."""
        # The in-place LeakyReLU at the start changes `features` before they are joined. That is harmless, since a
        # ReLU comes next outside: ReLU(LeakyReLU(x)) = ReLU(x).
        return torch.cat((features, self.model(features)), dim=1)


class UNet(nn.Module):
    """The U-Net: [N, in_channels, H, W], H and W multiples of 2**depth, -> [N, out_channels, H, W] in [-1, 1]."""

    def __init__(self, settings: GeneratorSettings, depth: int, in_channels: int = 3, out_channels: int = 3) -> None:
        super().__init__()
        widths = [settings.ngf * min(2**level, 8) for level in range(depth)]
        inside: UNetLevel | None = None
        for level in range(depth, 1, -1):
            dropout = settings.dropout if 5 <= level < depth else 0.0
            inside = UNetLevel(widths[level - 2], widths[level - 1], inside, settings, dropout=dropout)
        assert inside is not None, "a U-Net has at least two levels"
        first = nn.Conv2d(in_channels, widths[0], 4, stride=2, padding=1, bias=settings.norm == "instance")
        last = nn.ConvTranspose2d(2 * widths[0], out_channels, 4, stride=2, padding=1)
        outermost = nn.Sequential(first, inside, nn.ReLU(inplace=True), last, nn.Tanh())
        # Named so that the keys are the original's: model.model.0.weight and so on.
        self.model = nn.Sequential(OrderedDict(model=outermost))

    def forward(self, image: Tensor) -> Tensor:
        """Return the translated image in [-1, 1], of the same height and width."""
        colour: Tensor = self.model(image)
        return colour
