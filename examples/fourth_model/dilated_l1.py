"""Dilated L1: a small network of dilated convolutions that predicts colour; an example, not a published method.

Dilated convolutions at half the size: after Yu and Koltun, ICLR 2016, section 3. Sub-pixel upsampling: Shi et al., CVPR
2016. Loss: mean absolute difference to the truth, no GAN. Adam 2e-4 (0.5, 0.999) as in Pix2Pix; nothing else is tuned.
"""

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from models.translator import ModelSettings, Translator


class DilatedL1Settings(ModelSettings):
    """What can be set, in a preset or with `--set model_settings.dilated-l1.width=16`."""

    width: int = Field(64, ge=1, le=1024, description="filters of every layer but the last (the example's own choice)")
    lr: float = Field(2e-4, gt=0, le=1, description="Adam's learning rate at the start (as in Pix2Pix)")


class DilatedL1(Translator):
    """Dilated L1 as a competitor."""

    name = "dilated-l1"
    settings_type = DilatedL1Settings
    pairing = "paired"
    size_multiple = 2

    def __init__(
        self, settings: DilatedL1Settings, resolution: int, *, seed: int, device: torch.device, dtype: torch.dtype
    ) -> None:
        super().__init__(settings, resolution, seed=seed, device=device, dtype=dtype)
        width, layers = settings.width, list[nn.Module]()
        for gap in (1, 2, 4, 8, 16, 1):
            layers += [nn.Conv2d(width, width, 3, padding=gap, dilation=gap), nn.InstanceNorm2d(width), nn.ReLU()]
        first, last = nn.Conv2d(3, width, 4, stride=2, padding=1), nn.Conv2d(width, 12, 3, padding=1)
        self.generator = nn.Sequential(first, nn.ReLU(), *layers, last, nn.PixelShuffle(2), nn.Tanh()).to(device, dtype)
        self.adam = torch.optim.Adam(self.generator.parameters(), settings.lr, betas=(0.5, 0.999))

    def networks(self) -> dict[str, nn.Module]:
        """Return the one network."""
        return {"generator": self.generator}

    def optimisers(self) -> dict[str, torch.optim.Optimizer]:
        """Return its Adam."""
        return {"adam": self.adam}

    def train_step(self, bw: Tensor, color: Tensor) -> dict[str, Tensor]:
        """Update the network; returns its loss."""
        self.adam.zero_grad()
        loss = F.l1_loss(self.generator(bw), color)
        torch.autograd.backward(loss)
        self.adam.step()
        return {"G_L1": loss.detach()}

    def inference_mode(self) -> str:
        """Return how it colours, for the caption."""
        return "no dropout, instance norm"
