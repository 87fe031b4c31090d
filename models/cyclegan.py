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
cycle_gan`), where 9 blocks serve every resolution. Unlike Pix2Pix, G is updated first, against the D of the step
before.

Where the original is knowingly not followed: one lambda_cycle stands for its --lambda_A and --lambda_B, as in the
paper; the image pools have their own generators and are saved; colouring is deterministic (inference.py); Adam is
fused; padding is deterministic where that is asked for (resnet.py). The learning-rate schedule belongs to the
harness.
"""

from __future__ import annotations

from types import MappingProxyType

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from models.image_pool import ImagePool
from models.layers import GanMode, Norm, PatchDiscriminator, check_patches, gan_loss, initialise, set_trainable
from models.optimisation import NormAndDropoutSettings, adam
from models.resnet import ResnetGenerator
from models.translator import Translator


class CycleGANSettings(NormAndDropoutSettings):
    """CycleGAN at the defaults of the original implementation."""

    norm: Norm = Field("instance", description="normalisation layer of all networks (original: --norm instance)")
    dropout: float = Field(
        0.0, ge=0, lt=1, description="share of features dropped in residual blocks (original: --no_dropout)"
    )
    ngf: int = Field(64, ge=1, le=1024, description="filters of a generator's first layer (original: --ngf 64)")
    n_blocks: int = Field(
        9, ge=1, le=64, description="residual blocks of a generator (original: resnet_9blocks, resnet_6blocks)"
    )
    ndf: int = Field(64, ge=1, le=1024, description="filters of a discriminator's first layer (original: --ndf 64)")
    n_layers_D: int = Field(  # noqa: N815 - as in Pix2PixHD
        3, ge=1, le=6, description="depth of the PatchGANs; 3: patches of 70 pixels (original: --netD basic)"
    )
    gan_mode: GanMode = Field(
        "lsgan", description="least-squares or cross-entropy GAN loss (original: --gan_mode lsgan)"
    )
    lambda_cycle: float = Field(
        10.0, ge=0, description="weight of each cycle loss (original: --lambda_A 10, --lambda_B 10)"
    )
    lambda_identity: float = Field(
        0.5,
        ge=0,
        description="weight of the identity losses, times lambda_cycle; 0: none (original: --lambda_identity 0.5)",
    )
    pool_size: int = Field(
        50, ge=0, le=10_000, description="earlier outputs kept for each discriminator (original: --pool_size 50)"
    )


class CycleGAN(Translator):
    """CycleGAN as a competitor; see the module's docstring."""

    name = "cyclegan"
    settings_type = CycleGANSettings
    pairing = "unpaired"
    full_size = MappingProxyType({"ngf": 64, "n_blocks": 9, "ndf": 64, "n_layers_D": 3})
    size_multiple = 4
    settings: CycleGANSettings

    def __init__(
        self, settings: CycleGANSettings, resolution: int, *, seed: int, device: torch.device, dtype: torch.dtype
    ) -> None:
        super().__init__(settings, resolution, seed=seed, device=device, dtype=dtype)
        check_patches(self.name, resolution, settings.n_layers_D)
        self.generator: nn.Module = self._new_generator()
        self.generator_back: nn.Module = self._new_generator()
        self.discriminator: nn.Module = self._new_discriminator()
        self.discriminator_back: nn.Module = self._new_discriminator()
        for network in self.networks().values():
            initialise(network, settings.init_gain, zero_bias=True)
            network.to(device, dtype)
        self.optimiser_g = adam([self.generator, self.generator_back], settings)
        self.optimiser_d = adam([self.discriminator, self.discriminator_back], settings)
        self.pool_color = ImagePool(settings.pool_size, seed=2 * seed)
        self.pool_bw = ImagePool(settings.pool_size, seed=2 * seed + 1)

    def _new_generator(self) -> nn.Module:
        settings = self.settings
        norm, statistics = settings.norm, settings.inference_batch_norm
        return ResnetGenerator(
            settings.ngf, 2, settings.n_blocks, norm=norm, dropout=settings.dropout, statistics=statistics
        )

    def _new_discriminator(self) -> nn.Module:
        return PatchDiscriminator(3, self.settings.ndf, self.settings.n_layers_D, self.settings.norm)

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

        Returns the original's names: G_A, cycle_A, idt_A and D_A belong to G_A and D_A (cycle_A is black-and-white
        and back, idt_A is G_A on colour), the others to the way back. All with the weights and halves that the
        updates use.
        """
        fake_color, fake_bw = self.generator(bw), self.generator_back(color)
        losses = self._step_generators(bw, color, fake_bw, fake_color)
        set_trainable([self.discriminator, self.discriminator_back], True)
        self.optimiser_d.zero_grad(set_to_none=True)
        losses["D_A"] = self._backward_discriminator(self.discriminator, color, self.pool_color.query(fake_color))
        losses["D_B"] = self._backward_discriminator(self.discriminator_back, bw, self.pool_bw.query(fake_bw))
        self.optimiser_d.step()
        return losses

    def _step_generators(self, bw: Tensor, color: Tensor, fake_bw: Tensor, fake_color: Tensor) -> dict[str, Tensor]:
        mode, cycle = self.settings.gan_mode, self.settings.lambda_cycle
        set_trainable([self.discriminator, self.discriminator_back], False)
        self.optimiser_g.zero_grad(set_to_none=True)
        losses = {
            "G_A": gan_loss(self.discriminator(fake_color), real=True, mode=mode),
            "G_B": gan_loss(self.discriminator_back(fake_bw), real=True, mode=mode),
            "cycle_A": F.l1_loss(self.generator_back(fake_color), bw) * cycle,
            "cycle_B": F.l1_loss(self.generator(fake_bw), color) * cycle,
        }
        identity = self.settings.lambda_identity * cycle
        if identity > 0:
            losses["idt_A"] = F.l1_loss(self.generator(color), color) * identity
            losses["idt_B"] = F.l1_loss(self.generator_back(bw), bw) * identity
        torch.autograd.backward(torch.stack(list(losses.values())).sum())
        self.optimiser_g.step()
        return {name: loss.detach() for name, loss in losses.items()}

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
