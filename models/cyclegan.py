"""CycleGAN: two generators, from black-and-white to colour (G_A) and back (G_B), trained without pairs.

Zhu, Park, Isola, Efros: "Unpaired image-to-image translation using cycle-consistent adversarial networks", ICCV 2017,
arXiv:1703.10593. Domain A is black-and-white, domain B colour.

- Adversarial loss: section 3.1, equation 1, as least squares (section 4). D_A judges domain B, D_B judges domain A;
  each discriminator's loss is halved and sees a pool of 50 earlier outputs (section 4; image_pool.py).
- Cycle consistency, L1, weight 10 each way: section 3.2, equation 2; section 4.
- Identity, L1 of G_A(colour) to colour and of G_B(b/w) to b/w, weight 0.5 x 10: section 5.2. On by default.
- Generators of 9 residual blocks with instance norm, 70 x 70 PatchGANs: section 4 and appendix 7.2.
- Adam 2e-4 (0.5, 0.999), batch 1: section 4.

Defaults and details are those of the authors' PyTorch code (junyanz/pytorch-CycleGAN-and-pix2pix, `--model
cycle_gan`), where 9 blocks serve every resolution, and U-Nets can take the ResNets' place (generators.py). Unlike
Pix2Pix, G is updated first, against the D of the step before.

Where the original is knowingly not followed: the image pools have their own generators and are saved; colouring is
deterministic (inference.py); Adam is fused; padding is deterministic where that is asked for (resnet.py). The
learning-rate schedule belongs to the harness.
"""

from __future__ import annotations

from typing import Literal

import pydantic
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from models.discriminators import DiscriminatorSettings, make_discriminator
from models.generators import GeneratorChoice, GeneratorKind, GeneratorSettings, make_generator
from models.image_pool import ImagePool
from models.layers import GanMode, Norm, gan_loss, initialise, set_trainable
from models.optimisation import adam

COLOUR_CHANNELS = 3


class CycleGANSettings(DiscriminatorSettings, GeneratorSettings):
    """CycleGAN at the defaults of the original implementation."""

    netG: GeneratorKind = Field(  # noqa: N815 - the original's name
        "resnet", description="kind of both generators (original: --netG resnet_9blocks)"
    )
    norm: Norm = Field("instance", description="normalisation layer of all networks (original: --norm instance)")
    dropout: float = Field(
        0.0, ge=0, lt=1, description="share of features dropped in residual blocks (original: --no_dropout)"
    )
    gan_mode: GanMode = Field(
        "lsgan", description="least-squares or cross-entropy GAN loss (original: --gan_mode lsgan)"
    )
    lambda_A: float = Field(  # noqa: N815 - the original's name
        10.0, ge=0, description="weight of the cycle A to B and back (original: --lambda_A 10)"
    )
    lambda_B: float = Field(  # noqa: N815
        10.0, ge=0, description="weight of the cycle B to A and back (original: --lambda_B 10)"
    )
    lambda_identity: float = Field(
        0.5,
        ge=0,
        description="weight of the identity losses, times the other domain's; 0: none (original: --lambda_identity 0.5)",
    )
    pool_size: int = Field(
        50, ge=0, le=10_000, description="earlier outputs kept for each discriminator (original: --pool_size 50)"
    )
    direction: Literal["AtoB", "BtoA"] = Field(
        "AtoB",
        description="AtoB: domain A is black-and-white, G_A colours; BtoA: A is colour, G_B colours (original: --direction)",
    )

    @pydantic.model_validator(mode="after")
    def _identity_needs_equal_channels(self) -> CycleGANSettings:
        if self.input_nc != COLOUR_CHANNELS and self.lambda_identity > 0:
            raise ValueError(
                "input_nc 1 has no identity loss, since a page of one channel is no colour page: give lambda_identity 0"
            )
        return self


class CycleGAN(GeneratorChoice):
    """CycleGAN as a competitor; see the module's docstring."""

    name = "cyclegan"
    recordable = True
    settings_type = CycleGANSettings
    pairing = "unpaired"
    settings: CycleGANSettings

    def __init__(
        self, settings: CycleGANSettings, resolution: int, *, seed: int, device: torch.device, dtype: torch.dtype
    ) -> None:
        super().__init__(settings, resolution, seed=seed, device=device, dtype=dtype)
        channels, norm = settings.input_nc, settings.norm
        self.generator: nn.Module
        self.generator_back: nn.Module
        self.generator, self.size_multiple = make_generator(self.name, settings, resolution, channels, COLOUR_CHANNELS)
        self.generator_back, _ = make_generator(self.name, settings, resolution, COLOUR_CHANNELS, channels)
        self.discriminator = make_discriminator(self.name, settings, norm, resolution, COLOUR_CHANNELS)
        self.discriminator_back = make_discriminator(self.name, settings, norm, resolution, channels)
        for network in self.networks().values():
            initialise(network, settings.init_gain, zero_bias=True)
            network.to(device, dtype)
        self.optimiser_g = adam([self.generator, self.generator_back], settings)
        self.optimiser_d = adam([self.discriminator, self.discriminator_back], settings)
        self.pool_color = ImagePool(settings.pool_size, seed=2 * seed)
        self.pool_bw = ImagePool(settings.pool_size, seed=2 * seed + 1)

    def networks(self) -> dict[str, nn.Module]:
        """Return G_A, G_B, D_A (judges colour) and D_B (judges black-and-white)."""
        return {
            "generator": self.generator,
            "generator_back": self.generator_back,
            "discriminator": self.discriminator,
            "discriminator_back": self.discriminator_back,
        }

    def optimisers(self) -> dict[str, torch.optim.Optimizer]:
        """Return one Adam for both generators and one for both discriminators."""
        return {"generators": self.optimiser_g, "discriminators": self.optimiser_d}

    def image_pools(self) -> dict[str, ImagePool]:
        """Return the pools of earlier coloured and of earlier black-and-white outputs."""
        return {"color": self.pool_color, "bw": self.pool_bw}

    def train_step(self, bw: Tensor, color: Tensor) -> dict[str, Tensor]:
        """Update both generators, then both discriminators; `bw` and `color` are different pages.

        Returns the original's names: with direction AtoB, G_A, cycle_A, idt_A and D_A belong to the way to colour
        (cycle_A is black-and-white and back, idt_A is G_A on colour), the others to the way back; with BtoA the other
        way round. All with the weights and halves that the updates use.
        """
        bw = self.network_input(bw)
        fake_color, fake_bw = self.generator(bw), self.generator_back(color)
        losses = self._step_generators(bw, color, fake_bw, fake_color)
        set_trainable([self.discriminator, self.discriminator_back], True)
        self.optimiser_d.zero_grad(set_to_none=True)
        losses["D_A"] = self._backward_discriminator(self.discriminator, color, self.pool_color.query(fake_color))
        losses["D_B"] = self._backward_discriminator(self.discriminator_back, bw, self.pool_bw.query(fake_bw))
        self.optimiser_d.step()
        return (
            losses
            if self.settings.direction == "AtoB"
            else {_other_domain(name): loss for name, loss in losses.items()}
        )

    def _step_generators(self, bw: Tensor, color: Tensor, fake_bw: Tensor, fake_color: Tensor) -> dict[str, Tensor]:
        mode, identity = self.settings.gan_mode, self.settings.lambda_identity
        weight_bw, weight_color = self._cycle_weights()
        set_trainable([self.discriminator, self.discriminator_back], False)
        self.optimiser_g.zero_grad(set_to_none=True)
        losses = {
            "G_A": gan_loss(self.discriminator(fake_color), real=True, mode=mode),
            "G_B": gan_loss(self.discriminator_back(fake_bw), real=True, mode=mode),
            "cycle_A": F.l1_loss(self.generator_back(fake_color), bw) * weight_bw,
            "cycle_B": F.l1_loss(self.generator(fake_bw), color) * weight_color,
        }
        if identity > 0:
            losses["idt_A"] = F.l1_loss(self.generator(color), color) * (weight_color * identity)
            losses["idt_B"] = F.l1_loss(self.generator_back(bw), bw) * (weight_bw * identity)
        torch.autograd.backward(torch.stack(list(losses.values())).sum())
        self.optimiser_g.step()
        return {name: loss.detach() for name, loss in losses.items()}

    def _cycle_weights(self) -> tuple[float, float]:
        """Return the weights of the cycles that start from black-and-white and from colour."""
        weights = (self.settings.lambda_A, self.settings.lambda_B)
        return weights if self.settings.direction == "AtoB" else weights[::-1]

    def _backward_discriminator(self, discriminator: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
        loss_real = gan_loss(discriminator(real), real=True, mode=self.settings.gan_mode)
        loss_fake = gan_loss(discriminator(fake), real=False, mode=self.settings.gan_mode)
        loss = (loss_real + loss_fake) * 0.5
        torch.autograd.backward(loss)
        return loss.detach()

    def inference_mode(self) -> str:
        """Return how dropout and normalisation behave when colouring."""
        return self.settings.inference_mode()

    def inference_dropout_seed(self) -> int | None:
        """Return the seed of the dropout masks when colouring; None: dropout is off."""
        return self.settings.inference_dropout_seed


def _other_domain(name: str) -> str:
    """Return "cycle_B" for "cycle_A" and the other way round."""
    return name[:-1] + {"A": "B", "B": "A"}[name[-1]]
