"""Pix2PixHD: a deep residual generator, discriminators at several scales, and feature matching in place of a pixel
loss.

Wang, Liu, Zhu, Tao, Kautz, Catanzaro: "High-resolution image synthesis and semantic manipulation with conditional
GANs", CVPR 2018, arXiv:1711.11585. This is the global generator (G1), the original's default (`--netG global`), with
the input image as the condition (`--label_nc 0 --no_instance`).

- Coarse-to-fine generator: section 3.2; of it, G1 alone.
- Multi-scale discriminators on an average-pooled pyramid: section 3.2, equation 3. Least-squares GAN loss, summed
  over scales.
- Feature matching, L1 between the discriminators' features of output and truth: section 3.2, equations 4 and 5,
  weight 10.
- Adam 2e-4 (0.5, 0.999), batch 1.

Defaults and details are those of NVIDIA/pix2pixHD: 4 downsamplings, 9 blocks, 64 filters, instance norm, 2
discriminators of 3 layers with padding 2; feature matching leaves the logits out and weighs each layer 4 /
(n_layers_D + 1) and each scale 1 / num_D; convolution biases start at torch's default. One G and three D forward
passes see the same D; G is updated first; and D is not frozen while G's loss goes back through it: its gradients are
computed and thrown away.

Where the original is knowingly not followed: the VGG perceptual loss (weight 10) is missing, which `remarks` says;
there is no local enhancer, instance map or feature encoder; the GAN loss is always least squares (the original's
--no_lsgan does not run); an image pool has its own generator and is saved; Adam is fused; padding is deterministic
where that is asked for (resnet.py). The learning-rate schedule belongs to the harness.
"""

from __future__ import annotations

from types import MappingProxyType

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from models.errors import ModelError
from models.image_pool import ImagePool
from models.layers import gan_loss, initialise
from models.optimisation import TrainedSettings, adam
from models.resnet import ResnetGenerator
from models.translator import Translator


class Pix2PixHDSettings(TrainedSettings):
    """Pix2PixHD at the defaults of the original implementation."""

    ngf: int = Field(64, ge=1, le=1024, description="filters of the generator's first layer (original: --ngf 64)")
    n_downsample: int = Field(
        4, ge=1, le=8, description="halvings in the generator (original: --n_downsample_global 4)"
    )
    n_blocks: int = Field(
        9, ge=1, le=64, description="residual blocks of the generator (original: --n_blocks_global 9)"
    )
    ndf: int = Field(64, ge=1, le=1024, description="filters of a discriminator's first layer (original: --ndf 64)")
    num_D: int = Field(  # noqa: N815 - the original's name
        2, ge=1, le=3, description="discriminators, each at half the scale of the one before (original: --num_D 2)"
    )
    n_layers_D: int = Field(  # noqa: N815
        3, ge=1, le=6, description="depth of a discriminator (original: --n_layers_D 3)"
    )
    lambda_feat: float = Field(
        10.0, ge=0, description="weight of the feature-matching loss (original: --lambda_feat 10)"
    )
    pool_size: int = Field(
        0, ge=0, le=10_000, description="earlier input-output pairs kept for D (original: --pool_size 0)"
    )


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
                block = [nn.Conv2d(widths[layer], widths[layer + 1], 4, stride=stride, padding=2)]
                norm = [nn.InstanceNorm2d(widths[layer + 1])] if layer > 0 else []
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
                image = F.avg_pool2d(image, 3, stride=2, padding=1, count_include_pad=False)
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


class Pix2PixHD(Translator):
    """Pix2PixHD as a competitor; see the module's docstring."""

    name = "pix2pixhd"
    settings_type = Pix2PixHDSettings
    pairing = "paired"
    full_size = MappingProxyType({"ngf": 64, "n_downsample": 4, "n_blocks": 9, "ndf": 64, "num_D": 2, "n_layers_D": 3})
    settings: Pix2PixHDSettings

    def __init__(
        self, settings: Pix2PixHDSettings, resolution: int, *, seed: int, device: torch.device, dtype: torch.dtype
    ) -> None:
        super().__init__(settings, resolution, seed=seed, device=device, dtype=dtype)
        self.size_multiple = 2**settings.n_downsample
        if resolution < 2 * self.size_multiple:
            least = 2 * self.size_multiple
            raise ModelError(
                f"{self.name}: n_downsample {settings.n_downsample} needs a resolution of at least {least},"
                f" not {resolution}; lower n_downsample"
            )
        self.generator: nn.Module = ResnetGenerator(settings.ngf, settings.n_downsample, settings.n_blocks)
        self.discriminator: nn.Module = MultiscaleDiscriminator(6, settings.ndf, settings.n_layers_D, settings.num_D)
        for network in (self.generator, self.discriminator):
            initialise(network, settings.init_gain, zero_bias=False)
            network.to(device, dtype)
        self.optimiser_g = adam([self.generator], settings)
        self.optimiser_d = adam([self.discriminator], settings)
        self.pool = ImagePool(settings.pool_size, seed)

    def networks(self) -> dict[str, nn.Module]:
        """Return the global generator and the multi-scale discriminator."""
        return {"generator": self.generator, "discriminator": self.discriminator}

    def optimisers(self) -> dict[str, torch.optim.Optimizer]:
        """Return one Adam a network."""
        return {"generator": self.optimiser_g, "discriminator": self.optimiser_d}

    def image_pools(self) -> dict[str, ImagePool]:
        """Return the pool of earlier pairs of input and output."""
        return {"pairs": self.pool}

    def train_step(self, bw: Tensor, color: Tensor) -> dict[str, Tensor]:
        """Compute all losses with the networks as they are, then update G, then D.

        Returns G_GAN and D_real, D_fake summed over the scales (the last two without the factor 1/2 that the update
        gives them), and G_GAN_Feat with its weight.
        """
        fake = self.generator(bw)
        pair = torch.cat((bw, fake), dim=1)
        loss_fake = multiscale_gan_loss(self.discriminator(self.pool.query(pair)), real=False)
        of_real = self.discriminator(torch.cat((bw, color), dim=1))
        loss_real = multiscale_gan_loss(of_real, real=True)
        of_fake = self.discriminator(pair)
        loss_gan = multiscale_gan_loss(of_fake, real=True)
        loss_features = feature_matching_loss(of_fake, of_real) * self.settings.lambda_feat

        self.optimiser_g.zero_grad(set_to_none=True)
        torch.autograd.backward(loss_gan + loss_features)
        self.optimiser_g.step()
        self.optimiser_d.zero_grad(set_to_none=True)
        torch.autograd.backward((loss_fake + loss_real) * 0.5)
        self.optimiser_d.step()
        losses = {"G_GAN": loss_gan, "G_GAN_Feat": loss_features, "D_real": loss_real, "D_fake": loss_fake}
        return {name: loss.detach() for name, loss in losses.items()}

    def inference_mode(self) -> str:
        """Return how normalisation behaves when colouring."""
        return "no dropout, instance norm"

    def remarks(self) -> list[str]:
        """Return that the perceptual loss is missing."""
        return ["without VGG loss"]
