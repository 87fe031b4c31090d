"""The coarse-to-fine generator of Pix2PixHD: a global generator at reduced size, and enhancers that each double it.

Wang et al., CVPR 2018, section 3.2, "Coarse-to-fine generator"; `LocalEnhancer` in NVIDIA's `networks.py`, with its
state-dict keys.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch.nn.functional as F
from torch import Tensor, nn

from models.layers import InstanceNorm
from models.resnet import ReflectionPad, ResidualBlock, ResnetGenerator

OUTPUT_LAYERS = 3
"""Padding, 7x7 convolution and tanh: what a global generator loses when an enhancer takes over its features."""


def halved(image: Tensor) -> Tensor:
    """Return [N, C, H / 2, W / 2]: 3x3 means that leave the padding out, the pyramid of the original."""
    return F.avg_pool2d(image, 3, stride=2, padding=1, count_include_pad=False)


class LocalEnhancer(nn.Module):
    """`n_enhancers` enhancers around a global generator (G1) of width ngf * 2**n_enhancers that lacks its last layers.

    Takes [N, in_channels, H, W], H and W multiples of 2**(n_downsample + n_enhancers); returns [N, 3, H, W] in
    [-1, 1]. Enhancer n sees the input halved n_enhancers - n times; its first half's features are added to those that
    come from the coarser level (section 3.2). The original's `--netG local --ngf 32` has ngf 32 and one enhancer.
    """

    def __init__(
        self, ngf: int, n_downsample: int, n_blocks: int, n_enhancers: int, n_blocks_local: int, in_channels: int = 3
    ) -> None:
        super().__init__()
        self.n_enhancers = n_enhancers
        whole = ResnetGenerator(ngf * 2**n_enhancers, n_downsample, n_blocks, in_channels=in_channels)
        self.model = whole.model[:-OUTPUT_LAYERS]
        for number in range(1, n_enhancers + 1):
            width = ngf * 2 ** (n_enhancers - number)
            self.add_module(f"model{number}_1", _into_features(in_channels, width))
            self.add_module(f"model{number}_2", _out_of_features(width, n_blocks_local, last=number == n_enhancers))

    def forward(self, image: Tensor) -> Tensor:
        """Return the coloured image [N, 3, H, W] in [-1, 1]."""
        pyramid = [image]
        for _ in range(self.n_enhancers):
            pyramid.append(halved(pyramid[-1]))
        features: Tensor = self.model(pyramid[-1])
        for number in range(1, self.n_enhancers + 1):
            own = self.get_submodule(f"model{number}_1")(pyramid[self.n_enhancers - number])
            features = self.get_submodule(f"model{number}_2")(own + features)
        return features

    def coarse_parameters(self) -> Iterator[nn.Parameter]:
        """Yield the parameters of all but the last enhancer: what stays frozen in the first phase of training.

        `pix2pixHD_model.py`, `niter_fix_global`: parameters whose name starts with "model<n_local_enhancers>" train.
        """
        last = (f"model{self.n_enhancers}_1.", f"model{self.n_enhancers}_2.")
        return (parameter for name, parameter in self.named_parameters() if not name.startswith(last))


def _into_features(in_channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        ReflectionPad(3),
        nn.Conv2d(in_channels, width, 7),
        InstanceNorm(width),
        nn.ReLU(inplace=True),
        nn.Conv2d(width, 2 * width, 3, stride=2, padding=1),
        InstanceNorm(2 * width),
        nn.ReLU(inplace=True),
    )


def _out_of_features(width: int, n_blocks: int, *, last: bool) -> nn.Sequential:
    layers: list[nn.Module] = [ResidualBlock(2 * width, "instance", 0.0, "running") for _ in range(n_blocks)]
    layers += [nn.ConvTranspose2d(2 * width, width, 3, stride=2, padding=1, output_padding=1)]
    layers += [InstanceNorm(width), nn.ReLU(inplace=True)]
    if last:
        layers += [ReflectionPad(3), nn.Conv2d(width, 3, 7), nn.Tanh()]
    return nn.Sequential(*layers)
