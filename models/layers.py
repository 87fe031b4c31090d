"""Blocks that two models share: normalisation, the patch discriminator, the GAN loss, weight initialisation.

Written anew after `models/networks.py` of junyanz/pytorch-CycleGAN-and-pix2pix; state-dict keys are the same.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.errors import ModelError
from models.winograd import WinogradConv2d

Norm = Literal["batch", "instance"]
BatchStatistics = Literal["image", "running"]
GanMode = Literal["vanilla", "lsgan"]


class BatchNorm(nn.BatchNorm2d):
    """Batch norm with a choice of statistics for inference: those of each "image" alone, or the "running" ones.

    In training it is torch's own. With "image", evaluation gives what training mode gives for a batch of one, which
    is how the original implementation tests, but for every image of a batch and without touching the running
    statistics.
    """

    def __init__(self, channels: int, statistics: BatchStatistics) -> None:
        super().__init__(channels)
        self.statistics = statistics

    def forward(self, input: Tensor) -> Tensor:
        """Return the normalised [N, C, H, W]."""
        if self.training or self.statistics == "running":
            return super().forward(input)
        return F.instance_norm(input, weight=self.weight, bias=self.bias, eps=self.eps)


class InstanceNorm(nn.InstanceNorm2d):
    """Instance norm without parameters or running statistics, as in the originals.

    Torch's own puts its output into another memory layout than channels-last, in which convolutions are fastest on a GPU. For
    a batch of one, batch norm is the same arithmetic and keeps the layout.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the normalised [N, C, H, W]."""
        if input.is_cuda and len(input) == 1:
            return F.batch_norm(input, None, None, training=True, eps=self.eps)
        return super().forward(input)


def normalisation(norm: Norm, channels: int, statistics: BatchStatistics = "running") -> nn.Module:
    """Return the normalisation layer; instance norm has no parameters or running statistics, as in the originals."""
    return BatchNorm(channels, statistics) if norm == "batch" else InstanceNorm(channels)


class PatchDiscriminator(nn.Module):
    """The n-layer PatchGAN: judges overlapping patches, 70 x 70 pixels with three layers.

    Isola et al., CVPR 2017, section 3.2.2 and appendix 6.1.2; `NLayerDiscriminator` ("basic") in the original. Takes
    [N, C, R, R], returns logits [N, 1, P, P], P = R / 2**n_layers - 2, without a sigmoid.
    """

    def __init__(self, in_channels: int, ndf: int, n_layers: int, norm: Norm) -> None:
        super().__init__()
        bias = norm == "instance"
        widths = [ndf * min(2**level, 8) for level in range(n_layers + 1)]
        layers: list[nn.Module] = [nn.Conv2d(in_channels, ndf, 4, stride=2, padding=1), nn.LeakyReLU(0.2, inplace=True)]
        for level in range(1, n_layers + 1):
            stride = 2 if level < n_layers else 1
            layers += [
                WinogradConv2d(widths[level - 1], widths[level], 4, stride=stride, padding=1, bias=bias),
                normalisation(norm, widths[level]),
                nn.LeakyReLU(0.2, inplace=True),
            ]
        layers.append(nn.Conv2d(widths[-1], 1, 4, stride=1, padding=1))
        self.model = nn.Sequential(*layers)

    def forward(self, image: Tensor) -> Tensor:
        """Return one logit a patch, [N, 1, P, P]."""
        logits: Tensor = self.model(image)
        return logits


class PixelDiscriminator(nn.Module):
    """The 1 x 1 PatchGAN: judges every pixel by itself. Isola et al., section 4.4; `PixelDiscriminator` in the original.

    Takes [N, C, H, W], returns logits [N, 1, H, W].
    """

    def __init__(self, in_channels: int, ndf: int, norm: Norm) -> None:
        super().__init__()
        bias = norm == "instance"
        # Named so that the keys are the original's: net.0.weight and so on.
        self.net = nn.Sequential(
            nn.Conv2d(in_channels, ndf, 1),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(ndf, 2 * ndf, 1, bias=bias),
            normalisation(norm, 2 * ndf),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(2 * ndf, 1, 1, bias=bias),
        )

    def forward(self, image: Tensor) -> Tensor:
        """Return one logit a pixel, [N, 1, H, W]."""
        logits: Tensor = self.net(image)
        return logits


def check_patches(model: str, resolution: int, n_layers: int) -> None:
    """Raise ModelError where `resolution` is too small for a PatchDiscriminator of `n_layers`."""
    if resolution < 4 * 2**n_layers:
        raise ModelError(
            f"{model}: n_layers_D {n_layers} needs a resolution of at least {4 * 2**n_layers}, not {resolution};"
            " lower n_layers_D"
        )


def gan_loss(logits: Tensor, *, real: bool, mode: GanMode) -> Tensor:
    """Return the scalar GAN loss of `logits` against the target 1 (`real`) or 0, without label smoothing.

    "vanilla": binary cross-entropy (Goodfellow et al., NeurIPS 2014; Isola et al., equation 1). "lsgan": mean squared
    error (Mao et al., "Least squares generative adversarial networks", ICCV 2017, equation 9 with a = 0, b = c = 1,
    without its 1/2).
    """
    target = torch.ones_like(logits) if real else torch.zeros_like(logits)
    if mode == "vanilla":
        return F.binary_cross_entropy_with_logits(logits, target)
    return F.mse_loss(logits, target)


def initialise(network: nn.Module, std: float, *, zero_bias: bool) -> None:
    """Draw convolution weights from N(0, std) and batch-norm weights from N(1, std), in place.

    `zero_bias` sets the biases of the convolutions to 0 (Pix2Pix and CycleGAN); without it they keep torch's default,
    as in Pix2PixHD. Isola et al., appendix 6.2.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, 0.0, std)
            if zero_bias and module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, std)
            nn.init.zeros_(module.bias)


def set_trainable(networks: list[nn.Module], trainable: bool) -> None:
    """Let the backward pass compute the gradients of the networks' weights, or spare it the work."""
    for network in networks:
        network.requires_grad_(trainable)
