"""Reference models that a GAN must beat to be worth its training; shown beside the competitors, never ranked.

- copy: the black-and-white input passed through. What a metric gives it is what the metric gives for doing nothing.
- unet-l1: the generator of Pix2Pix trained with its L1 loss alone, no discriminator: "L1" in Isola et al., CVPR 2017,
  section 4.2, table 1. What Pix2Pix does better than it, the GAN does. The weight of 100 is kept; Adam's steps hardly
  depend on it.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.errors import ModelError
from models.generators import GeneratorChoice, UNetSettings, make_generator
from models.layers import initialise
from models.optimisation import adam
from models.translator import ModelSettings, Translator


class CopySettings(ModelSettings):
    """Nothing to set."""


class PassThrough(nn.Module):
    """Returns a copy of its input."""

    def forward(self, image: Tensor) -> Tensor:
        """Return `image` [N, 3, H, W], copied."""
        return image.clone()


class Copy(Translator):
    """The input as the output."""

    name = "copy"
    settings_type = CopySettings
    pairing = "paired"
    trained = False
    ranked = False

    def __init__(
        self, settings: CopySettings, resolution: int, *, seed: int, device: torch.device, dtype: torch.dtype
    ) -> None:
        super().__init__(settings, resolution, seed=seed, device=device, dtype=dtype)
        self.generator: nn.Module = PassThrough()

    def networks(self) -> dict[str, nn.Module]:
        """Return the generator, which has no parameters."""
        return {"generator": self.generator}

    def optimisers(self) -> dict[str, torch.optim.Optimizer]:
        """Return none."""
        return {}

    def train_step(self, bw: Tensor, color: Tensor) -> dict[str, Tensor]:
        """Raise ModelError: there is nothing to train."""
        raise ModelError(f"{self.name} is not trained; use colorize alone")

    def inference_mode(self) -> str:
        """Return that nothing is done."""
        return "input passed through"


class UNetL1(GeneratorChoice):
    """Pix2Pix's generator without a GAN."""

    name = "unet-l1"
    recordable = True
    settings_type = UNetSettings
    pairing = "paired"
    ranked = False
    settings: UNetSettings

    def __init__(
        self, settings: UNetSettings, resolution: int, *, seed: int, device: torch.device, dtype: torch.dtype
    ) -> None:
        super().__init__(settings, resolution, seed=seed, device=device, dtype=dtype)
        self.generator: nn.Module
        self.generator, self.size_multiple = make_generator(self.name, settings, resolution, settings.input_nc, 3)
        initialise(self.generator, settings.init_gain, zero_bias=True)
        self.generator.to(device, dtype)
        self.optimiser = adam([self.generator], settings)

    def networks(self) -> dict[str, nn.Module]:
        """Return the U-Net."""
        return {"generator": self.generator}

    def optimisers(self) -> dict[str, torch.optim.Optimizer]:
        """Return its Adam."""
        return {"generator": self.optimiser}

    def train_step(self, bw: Tensor, color: Tensor) -> dict[str, Tensor]:
        """Update the generator on the L1 loss; returns G_L1 with its weight."""
        self.optimiser.zero_grad(set_to_none=True)
        loss = F.l1_loss(self.generator(self.network_input(bw)), color) * self.settings.lambda_L1
        torch.autograd.backward(loss)
        self.optimiser.step()
        return {"G_L1": loss.detach()}

    def inference_mode(self) -> str:
        """Return how dropout and normalisation behave when colouring."""
        return self.settings.inference_mode()

    def inference_dropout_seed(self) -> int | None:
        """Return the seed of the dropout masks when colouring; None: dropout is off."""
        return self.settings.inference_dropout_seed

    def remarks(self) -> list[str]:
        """Return that there is no GAN."""
        return ["L1 loss alone, no GAN"]
