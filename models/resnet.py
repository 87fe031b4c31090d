"""The residual generator that CycleGAN and Pix2PixHD share, with its residual block and its reflection padding.

Johnson et al., "Perceptual losses for real-time style transfer and super-resolution", ECCV 2016, as adapted by Zhu et
al. (ICCV 2017, section 4 and appendix 7.2) and Wang et al. (CVPR 2018, appendix A). `ResnetGenerator` in junyanz'
`networks.py` and `GlobalGenerator` in NVIDIA's are the same network but for the number of downsamplings; state-dict
keys are the same too.
"""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.layers import BatchStatistics, Norm, normalisation
from models.winograd import WinogradConv2d


class ReflectionPad(nn.Module):
    """Pads height and width by mirroring without repeating the edge, in deterministic mode too.

    Torch's own kernel is the fastest, but its backward pass on a GPU adds in any order, and raises an error in
    deterministic mode. There the same padding is put together from flipped slices. Nor does it know channels-last, the layout
    of convolutions on a GPU; seen as a volume of height, width and channels, the image is padded where it lies.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def forward(self, image: Tensor) -> Tensor:
        """Return [N, C, H + 2 width, W + 2 width]."""
        if image.is_cuda and torch.are_deterministic_algorithms_enabled():
            return mirror(image, self.width)
        if image.is_cuda and image.is_contiguous(memory_format=torch.channels_last):
            volume = F.pad(image.permute(0, 2, 3, 1), (0, 0, *(self.width,) * 4), mode="reflect")
            return volume.permute(0, 3, 1, 2)
        return F.pad(image, (self.width,) * 4, mode="reflect")


def mirror(image: Tensor, width: int) -> Tensor:
    """Return what reflection padding by `width` gives, from operations with a deterministic backward pass."""
    for axis in (-1, -2):
        size = image.shape[axis]
        before = image.narrow(axis, 1, width).flip(axis)
        after = image.narrow(axis, size - 1 - width, width).flip(axis)
        image = torch.cat((before, image, after), dim=axis)
    return image


class ResidualBlock(nn.Module):
    """x + (pad, 3x3 convolution, norm, ReLU, [dropout], pad, 3x3 convolution, norm)(x); no ReLU after the sum."""

    def __init__(self, channels: int, norm: Norm, dropout: float, statistics: BatchStatistics) -> None:
        super().__init__()
        bias = norm == "instance"
        layers = [
            ReflectionPad(1),
            WinogradConv2d(channels, channels, 3, bias=bias),
            normalisation(norm, channels, statistics),
            nn.ReLU(inplace=True),
            *([nn.Dropout(dropout)] if dropout > 0 else []),
            ReflectionPad(1),
            WinogradConv2d(channels, channels, 3, bias=bias),
            normalisation(norm, channels, statistics),
        ]
        self.conv_block = nn.Sequential(*layers)

    def forward(self, features: Tensor) -> Tensor:
        """Return features of the same shape [N, C, H, W]."""
        summed: Tensor = features + self.conv_block(features)
        return summed


class ResnetGenerator(nn.Module):
    """7x7 convolution, `n_downsample` halvings, `n_blocks` residual blocks, as many doublings, 7x7 convolution, tanh.

    Takes [N, in_channels, H, W], H and W multiples of 2**n_downsample; returns [N, out_channels, H, W] in [-1, 1]. Widths go
    from `ngf` to ngf * 2**n_downsample and back. Convolutions that a batch norm follows have no bias.
    """

    def __init__(
        self,
        ngf: int,
        n_downsample: int,
        n_blocks: int,
        *,
        norm: Norm = "instance",
        dropout: float = 0.0,
        statistics: BatchStatistics = "running",
        in_channels: int = 3,
        out_channels: int = 3,
    ) -> None:
        super().__init__()
        bias = norm == "instance"
        widths = [ngf * 2**level for level in range(n_downsample + 1)]
        layers: list[nn.Module] = [ReflectionPad(3), nn.Conv2d(in_channels, ngf, 7, bias=bias)]
        layers += [normalisation(norm, ngf, statistics), nn.ReLU(inplace=True)]
        for narrow, wide in itertools.pairwise(widths):
            layers += [nn.Conv2d(narrow, wide, 3, stride=2, padding=1, bias=bias)]
            layers += [normalisation(norm, wide, statistics), nn.ReLU(inplace=True)]
        layers += [ResidualBlock(widths[-1], norm, dropout, statistics) for _ in range(n_blocks)]
        for wide, narrow in zip(widths[:0:-1], widths[-2::-1], strict=True):
            layers += [nn.ConvTranspose2d(wide, narrow, 3, stride=2, padding=1, output_padding=1, bias=bias)]
            layers += [normalisation(norm, narrow, statistics), nn.ReLU(inplace=True)]
        layers += [ReflectionPad(3), nn.Conv2d(ngf, out_channels, 7), nn.Tanh()]
        self.model = nn.Sequential(*layers)

    def forward(self, image: Tensor) -> Tensor:
        """Return the translated image in [-1, 1], of the same height and width."""
        colour: Tensor = self.model(image)
        return colour
