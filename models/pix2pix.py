"""Pix2Pix: a U-Net that colours, trained against a discriminator that sees the input and judges patches of the output.

Isola, Zhu, Zhou, Efros: "Image-to-image translation with conditional adversarial networks", CVPR 2017,
arXiv:1611.07004.

- Conditional GAN loss: section 3.1, equation 1, in the non-saturating form of section 3.3; the discriminator's is
  halved.
- L1 to the truth, weight 100: section 3.1, equations 3 and 4.
- U-Net with skip connections: section 3.2.1. 70 x 70 PatchGAN: section 3.2.2. Dropout in place of a noise input:
  section 3.1.
- Adam 2e-4 (0.5, 0.999), batch 1, weights from N(0, 0.02): section 3.3 and appendix 6.2.

Defaults and details are those of the authors' PyTorch code (junyanz/pytorch-CycleGAN-and-pix2pix, `--model pix2pix`:
U-Net of 8 levels, batch norm, 64 filters), which differs from their first Lua code: dropout sits at decoder outputs
4, 8 and 16 pixels wide, the 1 x 1 bottleneck has no norm, and convolutions followed by a batch norm have no bias.

Where the original is knowingly not followed: the depth is min(8, log2 R), so that 64 and 128 pixels work; colouring is
deterministic (inference.py); Adam is fused. The learning-rate schedule belongs to the harness.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from types import MappingProxyType

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from models.errors import ModelError
from models.layers import GanMode, PatchDiscriminator, check_patches, gan_loss, initialise, normalisation, set_trainable
from models.optimisation import NormAndDropoutSettings, adam
from models.translator import Translator


class UNetSettings(NormAndDropoutSettings):
    """The generator of Pix2Pix and the weight of its L1 loss."""

    ngf: int = Field(64, ge=1, le=1024, description="filters of the generator's first layer (original: --ngf 64)")
    depth: int | None = Field(
        None,
        ge=6,
        le=9,
        description="levels of the U-Net; absent: min(8, log2 R) (original: 8, or 7 with --netG unet_128)",
    )
    lambda_L1: float = Field(  # noqa: N815 - the original's name
        100.0, ge=0, description="weight of the L1 loss (original: --lambda_L1 100)"
    )


class Pix2PixSettings(UNetSettings):
    """Pix2Pix at the defaults of the original implementation."""

    ndf: int = Field(64, ge=1, le=1024, description="filters of the discriminator's first layer (original: --ndf 64)")
    n_layers_D: int = Field(  # noqa: N815
        3, ge=1, le=6, description="depth of the PatchGAN; 3: patches of 70 pixels (original: --netD basic)"
    )
    gan_mode: GanMode = Field("vanilla", description="cross-entropy or least-squares GAN loss (original: vanilla)")


class UNetLevel(nn.Module):
    """One level of the U-Net: halve, go through the levels inside, double, join the input: C channels become 2 C."""

    def __init__(
        self, outer: int, inner: int, inside: UNetLevel | None, settings: UNetSettings, *, dropout: float
    ) -> None:
        """Make a level with `outer` channels outside and `inner` inside; the innermost has no norm there."""
        super().__init__()
        bias, statistics = settings.norm == "instance", settings.inference_batch_norm
        layers = [nn.LeakyReLU(0.2, inplace=True), nn.Conv2d(outer, inner, 4, stride=2, padding=1, bias=bias)]
        if inside is not None:
            layers += [normalisation(settings.norm, inner, statistics), inside]
        joined = inner if inside is None else 2 * inner
        layers += [nn.ReLU(inplace=True), nn.ConvTranspose2d(joined, outer, 4, stride=2, padding=1, bias=bias)]
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
    """The U-Net: [N, in_channels, H, W], H and W multiples of 2**depth, -> [N, 3, H, W] in [-1, 1]."""

    def __init__(self, settings: UNetSettings, depth: int, in_channels: int = 3) -> None:
        super().__init__()
        widths = [settings.ngf * min(2**level, 8) for level in range(depth)]
        inside: UNetLevel | None = None
        for level in range(depth, 1, -1):
            dropout = settings.dropout if 5 <= level < depth else 0.0
            inside = UNetLevel(widths[level - 2], widths[level - 1], inside, settings, dropout=dropout)
        assert inside is not None, "a U-Net has at least two levels"
        first = nn.Conv2d(in_channels, widths[0], 4, stride=2, padding=1, bias=settings.norm == "instance")
        last = nn.ConvTranspose2d(2 * widths[0], 3, 4, stride=2, padding=1)
        outermost = nn.Sequential(first, inside, nn.ReLU(inplace=True), last, nn.Tanh())
        # Named so that the keys are the original's: model.model.0.weight and so on.
        self.model = nn.Sequential(OrderedDict(model=outermost))

    def forward(self, image: Tensor) -> Tensor:
        """Return the coloured image [N, 3, H, W] in [-1, 1]."""
        colour: Tensor = self.model(image)
        return colour


def unet_depth(model: str, settings: UNetSettings, resolution: int) -> int:
    """Return the number of levels for R = `resolution`; raises ModelError for more than log2 R."""
    deepest = int(math.log2(resolution))
    if settings.depth is not None and settings.depth > deepest:
        least = 2**settings.depth
        raise ModelError(
            f"{model}: depth {settings.depth} needs a resolution of at least {least}, not {resolution};"
            f" give depth {deepest} or less"
        )
    return settings.depth or min(8, deepest)


class Pix2Pix(Translator):
    """Pix2Pix as a competitor; see the module's docstring."""

    name = "pix2pix"
    settings_type = Pix2PixSettings
    pairing = "paired"
    full_size = MappingProxyType({"ngf": 64, "depth": 8, "ndf": 64, "n_layers_D": 3})
    settings: Pix2PixSettings

    def __init__(
        self, settings: Pix2PixSettings, resolution: int, *, seed: int, device: torch.device, dtype: torch.dtype
    ) -> None:
        super().__init__(settings, resolution, seed=seed, device=device, dtype=dtype)
        check_patches(self.name, resolution, settings.n_layers_D)
        depth = unet_depth(self.name, settings, resolution)
        self.size_multiple = 2**depth
        self.generator: nn.Module = UNet(settings, depth)
        self.discriminator: nn.Module = PatchDiscriminator(6, settings.ndf, settings.n_layers_D, settings.norm)
        for network in (self.generator, self.discriminator):
            initialise(network, settings.init_gain, zero_bias=True)
            network.to(device, dtype)
        self.optimiser_g = adam([self.generator], settings)
        self.optimiser_d = adam([self.discriminator], settings)

    def networks(self) -> dict[str, nn.Module]:
        """Return the U-Net and the PatchGAN."""
        return {"generator": self.generator, "discriminator": self.discriminator}

    def optimisers(self) -> dict[str, torch.optim.Optimizer]:
        """Return one Adam a network."""
        return {"generator": self.optimiser_g, "discriminator": self.optimiser_d}

    def train_step(self, bw: Tensor, color: Tensor) -> dict[str, Tensor]:
        """Update D, then G against the D just updated; the same output, with one set of dropout masks, serves both.

        Returns D_fake and D_real (each without the factor 1/2 that the update gives it), G_GAN, and G_L1 with its
        weight.
        """
        fake = self.generator(bw)
        losses_d = self._step_discriminator(bw, color, fake.detach())
        losses_g = self._step_generator(bw, color, fake)
        return losses_g | losses_d

    def _step_discriminator(self, bw: Tensor, color: Tensor, fake: Tensor) -> dict[str, Tensor]:
        mode = self.settings.gan_mode
        set_trainable([self.discriminator], True)
        self.optimiser_d.zero_grad(set_to_none=True)
        # The fake goes first, as in the original: the order shows in the running statistics of the batch norm.
        loss_fake = gan_loss(self.discriminator(torch.cat((bw, fake), dim=1)), real=False, mode=mode)
        loss_real = gan_loss(self.discriminator(torch.cat((bw, color), dim=1)), real=True, mode=mode)
        torch.autograd.backward((loss_fake + loss_real) * 0.5)
        self.optimiser_d.step()
        return {"D_real": loss_real.detach(), "D_fake": loss_fake.detach()}

    def _step_generator(self, bw: Tensor, color: Tensor, fake: Tensor) -> dict[str, Tensor]:
        set_trainable([self.discriminator], False)
        self.optimiser_g.zero_grad(set_to_none=True)
        logits = self.discriminator(torch.cat((bw, fake), dim=1))
        loss_gan = gan_loss(logits, real=True, mode=self.settings.gan_mode)
        loss_l1 = F.l1_loss(fake, color) * self.settings.lambda_L1
        torch.autograd.backward(loss_gan + loss_l1)
        self.optimiser_g.step()
        return {"G_GAN": loss_gan.detach(), "G_L1": loss_l1.detach()}

    def inference_mode(self) -> str:
        """Return how dropout and normalisation behave when colouring."""
        return self.settings.inference_mode()

    def inference_dropout_seed(self) -> int | None:
        """Return the seed of the dropout masks when colouring; None: dropout is off."""
        return self.settings.inference_dropout_seed
