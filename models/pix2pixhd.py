"""Pix2PixHD: a deep residual generator, discriminators at several scales, feature matching in place of a pixel loss.

Wang, Liu, Zhu, Tao, Kautz, Catanzaro: "High-resolution image synthesis and semantic manipulation with conditional
GANs", CVPR 2018, arXiv:1711.11585, with the black-and-white page as the condition (`--label_nc 0`).

- Coarse-to-fine generator: section 3.2. `netG = "global"` is G1 alone (resnet.py), the original's default; "local" adds
  any number of enhancers (local_enhancer.py). All but the last enhancer stay as they are for the first share of the
  budget, then everything trains jointly.
- Multi-scale discriminators on an average-pooled pyramid, least-squares GAN loss summed over scales: section 3.2,
  equation 3. Feature matching, weight 10: equations 4 and 5 (multiscale.py).
- Perceptual loss on VGG19, weight 10: appendix A (perceptual_loss.py). It needs that network's weights; `remarks` says
  whether they were there.
- Instance boundary map: section 3.3. Pages have no instance maps, so they are made from the drawing, as the regions that
  its lines enclose (regions.py): `instances = "regions"`. The map goes to the generator and to the discriminators. Off
  by default: it holds nothing that the page does not show, so it is an ablation.
- Instance-wise feature encoder: section 3.4; a model of its own (pix2pixhd_features.py).
- Adam 2e-4 (0.5, 0.999), batch 1.

Defaults and details are those of NVIDIA/pix2pixHD: 4 downsamplings, 9 blocks, 64 filters (32 with enhancers), instance
norm, 2 discriminators of 3 layers with padding 2; convolution biases start at torch's default. All losses see the same D,
and G is updated first. The original passes the output through D twice, once for each of its losses, and computes D's
gradients of G's loss only to throw them away; here both losses share one pass where there is no image pool, and what is
thrown away is not computed. Losses and updates are the same; `textbook` does it as the original does.

Where the original is knowingly not followed: the part that is frozen at first does train afterwards (the original makes
a new optimiser for it that it never steps); the GAN loss is always least squares (its --no_lsgan does not run); the
boundary map is made after cropping, from the pixels that the generator sees (the original resizes and normalises the
ids like a picture); an image pool has its own generator and is saved; Adam is fused; padding is deterministic where that
is asked for (resnet.py). The learning-rate schedule belongs to the harness.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from models import perceptual_loss
from models.errors import ModelError
from models.image_pool import ImagePool
from models.instances import boundary_map
from models.layers import initialise
from models.local_enhancer import LocalEnhancer
from models.multiscale import MultiscaleDiscriminator, feature_matching_loss, multiscale_gan_loss
from models.optimisation import TrainedSettings, adam
from models.perceptual_loss import PerceptualLoss
from models.regions import regions_of
from models.resnet import ResnetGenerator
from models.translator import ModelSettings, Phase, Translator

PAGE_CHANNELS = 3


class Pix2PixHDSettings(TrainedSettings):
    """Pix2PixHD at the defaults of the original implementation."""

    netG: Literal["global", "local"] = Field(  # noqa: N815 - the original's name
        "global", description="G1 alone, or with local enhancers around it (original: --netG global)"
    )
    ngf: int = Field(
        64, ge=1, le=1024, description="filters of the generator's first layer (original: --ngf 64, 32 with enhancers)"
    )
    n_downsample: int = Field(
        4, ge=1, le=8, description="halvings in the global generator (original: --n_downsample_global 4)"
    )
    n_blocks: int = Field(
        9, ge=1, le=64, description="residual blocks of the global generator (original: --n_blocks_global 9)"
    )
    n_enhancers: int = Field(
        1, ge=1, le=4, description="local enhancers, each doubling the size (original: --n_local_enhancers 1)"
    )
    n_blocks_local: int = Field(
        3, ge=1, le=64, description="residual blocks of a local enhancer (original: --n_blocks_local 3)"
    )
    fix_global_share: float = Field(
        0.1,
        ge=0,
        lt=1,
        description="share of the steps in which only the last enhancer trains (original: --niter_fix_global, 10 of 100 epochs)",
    )
    instances: Literal["none", "regions"] = Field(
        "none",
        description="boundary map of the regions that lines enclose, as a further input (original: --no_instance)",
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
    vgg_loss: Literal["auto", "on", "off"] = Field(
        "auto", description="perceptual loss: auto where VGG19's weights are there (original: on, or --no_vgg_loss)"
    )
    lambda_vgg: float = Field(10.0, ge=0, description="weight of the perceptual loss (original: --lambda_feat 10)")
    pool_size: int = Field(
        0, ge=0, le=10_000, description="earlier input-output pairs kept for D (original: --pool_size 0)"
    )


class Pix2PixHD(Translator):
    """Pix2PixHD as a competitor; see the module's docstring."""

    name = "pix2pixhd"
    settings_type: ClassVar[type[Pix2PixHDSettings]] = Pix2PixHDSettings
    pairing = "paired"
    settings: Pix2PixHDSettings

    def __init__(
        self, settings: Pix2PixHDSettings, resolution: int, *, seed: int, device: torch.device, dtype: torch.dtype
    ) -> None:
        super().__init__(settings, resolution, seed=seed, device=device, dtype=dtype)
        self.size_multiple = self._least_multiple()
        self._check_size()
        condition = PAGE_CHANNELS + (settings.instances == "regions")
        self.generator: nn.Module = self._new_generator(condition)
        self.discriminator: nn.Module = MultiscaleDiscriminator(
            condition + PAGE_CHANNELS, settings.ndf, settings.n_layers_D, settings.num_D
        )
        for network in self.networks().values():
            initialise(network, settings.init_gain, zero_bias=False)
            network.to(device, dtype)
        self.optimiser_g = adam(self._generating_networks(), settings)
        self.optimiser_d = adam([self.discriminator], settings)
        self.pool = ImagePool(settings.pool_size, seed)
        wanted = settings.vgg_loss == "on" or (settings.vgg_loss == "auto" and perceptual_loss.available())
        # Regions of a page are found on the CPU.
        self.recordable = settings.instances == "none"
        self.perceptual = PerceptualLoss(device, dtype) if wanted and settings.lambda_vgg > 0 else None

    def _new_generator(self, condition_channels: int) -> nn.Module:
        return make_hd_generator(self.settings, condition_channels)

    def _least_multiple(self) -> int:
        """Return what heights and widths must be multiples of."""
        enhancers = self.settings.n_enhancers if self.settings.netG == "local" else 0
        return int(2 ** (self.settings.n_downsample + enhancers))

    def _check_size(self) -> None:
        least = 2 * self.size_multiple
        if self.resolution < least:
            raise ModelError(
                f"{self.name}: n_downsample {self.settings.n_downsample} needs a resolution of at least {least},"
                f" not {self.resolution}; raise the resolution, or lower {self._halving_settings()}"
            )

    def _halving_settings(self) -> str:
        return "n_downsample or n_enhancers" if self.settings.netG == "local" else "n_downsample"

    def _generating_networks(self) -> list[nn.Module]:
        """Return the networks that the generator's losses train."""
        return [self.generator]

    def networks(self) -> dict[str, nn.Module]:
        """Return the generator and the multi-scale discriminator."""
        return {"generator": self.generator, "discriminator": self.discriminator}

    def optimisers(self) -> dict[str, torch.optim.Optimizer]:
        """Return one Adam for what the generator's losses train, and one for the discriminator."""
        return {"generator": self.optimiser_g, "discriminator": self.optimiser_d}

    def image_pools(self) -> dict[str, ImagePool]:
        """Return the pool of earlier pairs of input and output."""
        return {"pairs": self.pool}

    def phases(self) -> tuple[Phase, ...]:
        """Return one phase, or two with enhancers: the last enhancer alone, then all networks jointly."""
        share = self.settings.fix_global_share
        if self.settings.netG == "local" and share > 0:
            return (Phase("last enhancer alone", 0.0), Phase("joint", share))
        return super().phases()

    def set_progress(self, progress: float) -> None:
        """Freeze all but the last enhancer, or let everything train."""
        # The original keeps the gradients that it has computed from the optimiser.
        joint = self.textbook or progress >= self.settings.fix_global_share
        for network in self.generator.modules():
            if isinstance(network, LocalEnhancer):
                for parameter in network.coarse_parameters():
                    parameter.requires_grad_(joint)

    def instances_of(self, bw: Tensor) -> Tensor | None:
        """Return the ids [N, 1, H, W] of the regions of `bw`, or None where they are not asked for."""
        return region_ids(bw) if self.settings.instances == "regions" else None

    def condition(self, bw: Tensor, instances: Tensor | None) -> Tensor:
        """Return what generator and discriminators are told: the page, and the boundary map where there is one."""
        if self.settings.instances == "none" or instances is None:
            return bw
        return torch.cat((bw, boundary_map(instances).to(bw.dtype)), dim=1)

    def generator_input(self, condition: Tensor, color: Tensor, instances: Tensor | None) -> Tensor:
        """Return what the generator takes in training: the condition alone."""
        return condition

    def network_input(self, bw: Tensor) -> Tensor:
        """Return the page, with the boundary map where it is asked for."""
        return self.condition(bw, self.instances_of(bw))

    def train_step(self, bw: Tensor, color: Tensor) -> dict[str, Tensor]:
        """Compute all losses with the networks as they are, then update G, then D.

        Returns G_GAN and D_real, D_fake summed over the scales (the last two without the factor 1/2 that the update
        gives them), G_GAN_Feat and, where it is on, G_VGG with their weights.
        """
        return self.train_on_instances(bw, color, self.instances_of(bw))

    def train_on_instances(self, bw: Tensor, color: Tensor, instances: Tensor | None) -> dict[str, Tensor]:
        """Do `train_step` with given instance ids [N, 1, H, W]."""
        condition = self.condition(bw, instances)
        fake = self.generator(self.generator_input(condition, color, instances))
        pair = torch.cat((condition, fake), dim=1)
        of_fake = self.discriminator(pair)
        shared = self.settings.pool_size == 0 and not self.textbook
        judged = of_fake if shared else self.discriminator(self.pool.query(pair))
        of_real = self.discriminator(torch.cat((condition, color), dim=1))
        loss_fake = multiscale_gan_loss(judged, real=False)
        loss_real = multiscale_gan_loss(of_real, real=True)
        losses_g = {
            "G_GAN": multiscale_gan_loss(of_fake, real=True),
            "G_GAN_Feat": feature_matching_loss(of_fake, of_real) * self.settings.lambda_feat,
        }
        if self.perceptual is not None:
            losses_g["G_VGG"] = self.perceptual(fake, color) * self.settings.lambda_vgg
        self._update(self.optimiser_g, torch.stack(list(losses_g.values())).sum(), keep_graph=shared)
        self._update(self.optimiser_d, (loss_fake + loss_real) * 0.5)
        losses = losses_g | {"D_real": loss_real, "D_fake": loss_fake}
        return {name: loss.detach() for name, loss in losses.items()}

    def _update(self, optimiser: torch.optim.Optimizer, loss: Tensor, *, keep_graph: bool = False) -> None:
        optimiser.zero_grad(set_to_none=True)
        own = [weight for group in optimiser.param_groups for weight in group["params"] if weight.requires_grad]
        torch.autograd.backward(loss, inputs=None if self.textbook else own, retain_graph=keep_graph)
        optimiser.step()

    def complete(self, examples: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Leave nothing frozen, whatever phase training ended in."""
        self.generator.requires_grad_(True)

    def state(self) -> dict[str, Any]:
        """Return the complete state, with whether the perceptual loss was part of it."""
        return super().state() | {"perceptual_loss": self.perceptual is not None}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from `state`; raises ModelError also where it was trained with other losses than can be had now."""
        if state.get("perceptual_loss") != (self.perceptual is not None):
            had, has = ("without", "with") if self.perceptual else ("with", "without")
            raise ModelError(
                f"{self.name}: trained so far {had} the VGG loss, now {has} it; restore VGG19's weights or start afresh"
            )
        super().load_state(state)

    def inference_mode(self) -> str:
        """Return how normalisation behaves when colouring."""
        return "no dropout, instance norm"

    @classmethod
    def decide(cls, settings: ModelSettings) -> ModelSettings:
        """Return `settings` with the perceptual loss on or off: "auto" is on where VGG19's weights are."""
        assert isinstance(settings, Pix2PixHDSettings)
        if settings.vgg_loss == "auto":
            return settings.model_copy(update={"vgg_loss": "on" if perceptual_loss.available() else "off"})
        if settings.vgg_loss == "on" and settings.lambda_vgg > 0:
            perceptual_loss.require()
        return settings

    @classmethod
    def for_colouring(cls, settings: ModelSettings) -> ModelSettings:
        """Return `settings` without the perceptual loss, whose weights are larger than most generators."""
        return settings.model_copy(update={"vgg_loss": "off"})

    def remarks(self) -> list[str]:
        """Return whether the perceptual loss is there."""
        if self.perceptual is not None:
            return [f"with VGG loss (weights sha256 {perceptual_loss.digest()[:8]})"]
        why = (
            "weights of VGG19 not found"
            if self.settings.vgg_loss == "auto" and self.settings.lambda_vgg > 0
            else "switched off"
        )
        return [f"without VGG loss ({why})"]

    @classmethod
    def original_size(cls, settings: ModelSettings) -> Mapping[str, int]:
        """Return the original's widths and depths of the chosen generator and of the discriminators."""
        assert isinstance(settings, Pix2PixHDSettings)
        local = {"n_enhancers": 1, "n_blocks_local": 3} if settings.netG == "local" else {}
        ngf = 32 if settings.netG == "local" else 64
        return {"ngf": ngf, "n_downsample": 4, "n_blocks": 9, **local, "ndf": 64, "num_D": 2, "n_layers_D": 3}

    @classmethod
    def variant(cls, settings: ModelSettings) -> tuple[str, ...]:
        """Return "local" with enhancers and "regions" with the boundary map: what is not the model's default."""
        kinds = ((field, getattr(settings, field)) for field in ("netG", "instances"))
        return tuple(kind for field, kind in kinds if kind != type(settings).model_fields[field].default)


def region_ids(bw: Tensor) -> Tensor:
    """Return the ids [N, 1, H, W] of the regions of `bw`; on device "meta", where there are no pixels, their shape."""
    return torch.empty_like(bw[:, :1], dtype=torch.int64) if bw.is_meta else regions_of(bw)


def make_hd_generator(settings: Pix2PixHDSettings, in_channels: int) -> nn.Module:
    """Return the global generator or the one with local enhancers, taking [N, in_channels, H, W]."""
    if settings.netG == "global":
        return ResnetGenerator(settings.ngf, settings.n_downsample, settings.n_blocks, in_channels=in_channels)
    return LocalEnhancer(
        settings.ngf, settings.n_downsample, settings.n_blocks, settings.n_enhancers, settings.n_blocks_local,
        in_channels=in_channels,
    )  # fmt: skip
