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
U-Net of 8 levels, batch norm, 64 filters; unet.py). As there, the generator can be a ResNet (generators.py) and the
discriminator one of single pixels (discriminators.py).

Where the original is knowingly not followed: the depth is min(8, log2 R), so that 64 and 128 pixels work; colouring is
deterministic (inference.py); Adam is fused. The learning-rate schedule belongs to the harness.
"""

from __future__ import annotations

from typing import Literal

import pydantic
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from models.discriminators import DiscriminatorSettings, make_discriminator
from models.generators import GeneratorChoice, UNetSettings, make_generator
from models.layers import GanMode, gan_loss, initialise, set_trainable
from models.optimisation import adam


class Pix2PixSettings(DiscriminatorSettings, UNetSettings):
    """Pix2Pix at the defaults of the original implementation."""

    gan_mode: GanMode = Field("vanilla", description="cross-entropy or least-squares GAN loss (original: vanilla)")
    direction: Literal["AtoB", "BtoA"] = Field(
        "AtoB", description="A is black-and-white, B colour: AtoB alone colours (original: --direction AtoB)"
    )

    @pydantic.field_validator("direction")
    @classmethod
    def _colours(cls, value: str) -> str:
        if value != "AtoB":
            raise ValueError(
                "BtoA would learn to take colour out, which is not scored here; give AtoB, or use cyclegan"
            )
        return value


class Pix2Pix(GeneratorChoice):
    """Pix2Pix as a competitor; see the module's docstring."""

    name = "pix2pix"
    recordable = True
    settings_type = Pix2PixSettings
    pairing = "paired"
    settings: Pix2PixSettings

    def __init__(
        self, settings: Pix2PixSettings, resolution: int, *, seed: int, device: torch.device, dtype: torch.dtype
    ) -> None:
        super().__init__(settings, resolution, seed=seed, device=device, dtype=dtype)
        channels = settings.input_nc
        self.generator: nn.Module
        self.generator, self.size_multiple = make_generator(self.name, settings, resolution, channels, 3)
        self.discriminator = make_discriminator(self.name, settings, settings.norm, resolution, channels + 3)
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
        bw = self.network_input(bw)
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
