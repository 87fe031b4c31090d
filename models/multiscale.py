"""The discriminators of Pix2PixHD at several scales, with the two losses that are taken from them.

Wang et al., CVPR 2018, section 3.2, equations 3 to 5; written anew after NVIDIA's `networks.py`, with its state-dict keys.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.layers import InstanceNorm, gan_loss
from models.local_enhancer import halved
from models.winograd import WinogradConv2d


class MultiscaleDiscriminator(nn.Module):
    """`num_D` patch discriminators on a pyramid of the image; `MultiscaleDiscriminator` in the original's
    `networks.py`.

    Numbered against the eye: the full resolution goes through `scale{num_D-1}`, the coarsest through `scale0`.
    """

    def __init__(self, in_channels: int, ndf: int, n_layers: int, num_D: int) -> None:  # noqa: N803 - the original's name
        super().__init__()
        self.n_layers, self.num_D = n_layers, num_D
        widths = [in_channels, *(min(ndf * 2**level, 512) for level in range(n_layers + 1))]
        for scale in range(num_D):
            for layer in range(n_layers + 1):
                stride = 2 if layer < n_layers else 1
                block = [WinogradConv2d(widths[layer], widths[layer + 1], 4, stride=stride, padding=2)]
                norm = [InstanceNorm(widths[layer + 1])] if layer > 0 else []
                self.add_module(
                    f"scale{scale}_layer{layer}", nn.Sequential(*block, *norm, nn.LeakyReLU(0.2, inplace=True))
                )
            logits = nn.Conv2d(widths[-1], 1, 4, stride=1, padding=2)
            self.add_module(f"scale{scale}_layer{n_layers + 1}", nn.Sequential(logits))

    def forward(self, image: Tensor) -> list[list[Tensor]]:
        """Return for each scale, full resolution first, the output of every layer; the last one is its logits."""
        outputs: list[list[Tensor]] = []
        for scale in range(self.num_D - 1, -1, -1):
            if outputs:
                image = halved(image)
            outputs.append(self._one_scale(scale, image))
        return outputs

    def _one_scale(self, scale: int, features: Tensor) -> list[Tensor]:
        outputs = []
        for layer in range(self.n_layers + 2):
            features = self.get_submodule(f"scale{scale}_layer{layer}")(features)
            outputs.append(features)
        return outputs


def multiscale_gan_loss(outputs: list[list[Tensor]], *, real: bool) -> Tensor:
    """Return the scalar least-squares GAN loss, summed over the scales (section 3.2, equation 3)."""
    return torch.stack([gan_loss(scale[-1], real=real, mode="lsgan") for scale in outputs]).sum()


def feature_matching_loss(fake: list[list[Tensor]], real: list[list[Tensor]]) -> Tensor:
    """Return the scalar L1 distance of all features but the logits; each layer weighs 4 / layers, each scale 1 /
    scales.

    Equation 4 with the weights of the original implementation (`pix2pixHD_model.py`), without lambda_feat. With
    n_layers_D = 3 a layer weighs 1. The features of the truth are constants.
    """
    weight = 4.0 / (len(fake[0]) - 1) / len(fake)
    pairs = [
        pair
        for of_fake, of_real in zip(fake, real, strict=True)
        for pair in zip(of_fake[:-1], of_real[:-1], strict=True)
    ]
    return torch.stack([F.l1_loss(of_fake, of_real.detach()) for of_fake, of_real in pairs]).sum() * weight
