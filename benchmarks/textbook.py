"""The textbook step of each model, as the papers' code does it: eager, float32, torch's plain Adam, one pass after the other.

Written once as the yardstick of `nox -s speed`, and then left alone. Networks, losses and their order are the originals'
(junyanz/pytorch-CycleGAN-and-pix2pix, pix2pix_model.py and cycle_gan_model.py; NVIDIA/pix2pixHD, pix2pixHD_model.py and train.py);
the networks begin with the weights of the translator that they are compared with. Every part of a step is timed by itself.
"""

from __future__ import annotations

import copy
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import models

Losses = dict[str, Tensor]


class Parts:
    """Seconds by part of a step, with the device waited for at every seam; off, nothing is timed and nobody waits."""

    def __init__(self, synchronise: Callable[[], None]) -> None:
        self.on = False
        self.seconds: dict[str, float] = {}
        self._synchronise = synchronise

    @contextmanager
    def timed(self, part: str) -> Iterator[None]:
        """Add the time of what happens inside to `part`."""
        if not self.on:
            yield
            return
        self._synchronise()
        began = time.perf_counter()
        yield
        self._synchronise()
        self.seconds[part] = self.seconds.get(part, 0.0) + time.perf_counter() - began


class Textbook:
    """One model's textbook step: `step` takes a batch and returns its losses."""

    def __init__(self, translator: Any, parts: Parts) -> None:
        self.parts = parts
        self.settings = translator.settings
        # As ours holds it: on a GPU that is a float32, also where weights are float64.
        self.lr = float(next(iter(translator.optimisers().values())).param_groups[0]["lr"])
        self.networks = {name: plain(network) for name, network in translator.networks().items()}

    def adam(self, *names: str) -> torch.optim.Adam:
        """Return torch's Adam as people call it, over the networks of these names."""
        weights = [weight for name in names for weight in self.networks[name].parameters()]
        return torch.optim.Adam(weights, lr=self.lr, betas=(self.settings.beta1, self.settings.beta2))

    def update(self, optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
        """Zero the gradients, go back through `loss`, and step."""
        optimiser.zero_grad()
        self.backward(loss)
        with self.parts.timed("optimiser"):
            optimiser.step()

    def backward(self, loss: Tensor) -> None:
        """Go back through `loss`."""
        with self.parts.timed("backward"):
            loss.backward()  # type: ignore[no-untyped-call]

    def generate(self, name: str, image: Tensor) -> Tensor:
        """Pass an image through a generator."""
        with self.parts.timed("generator"):
            return self.networks[name](image)  # type: ignore[no-any-return]

    def judge(self, name: str, image: Tensor) -> Any:
        """Pass an image through a discriminator."""
        with self.parts.timed("discriminator"):
            return self.networks[name](image)


class TextbookPix2Pix(Textbook):
    """`Pix2PixModel.optimize_parameters`."""

    def __init__(self, translator: Any, parts: Parts) -> None:
        super().__init__(translator, parts)
        self.optimiser_g, self.optimiser_d = self.adam("generator"), self.adam("discriminator")

    def step(self, bw: Tensor, color: Tensor) -> Losses:
        """Update D, then G."""
        fake = self.generate("generator", bw)
        _trainable(self.networks["discriminator"], True)
        loss_fake = _cross_entropy(self.judge("discriminator", torch.cat((bw, fake.detach()), 1)), 0.0)
        loss_real = _cross_entropy(self.judge("discriminator", torch.cat((bw, color), 1)), 1.0)
        self.update(self.optimiser_d, (loss_fake + loss_real) * 0.5)
        _trainable(self.networks["discriminator"], False)
        loss_gan = _cross_entropy(self.judge("discriminator", torch.cat((bw, fake), 1)), 1.0)
        loss_l1 = F.l1_loss(fake, color) * self.settings.lambda_L1
        self.update(self.optimiser_g, loss_gan + loss_l1)
        return _detached(G_GAN=loss_gan, G_L1=loss_l1, D_real=loss_real, D_fake=loss_fake)


class TextbookPix2PixHD(Textbook):
    """`Pix2PixHDModel.forward` and the two updates of train.py, without VGG and without an image pool."""

    def __init__(self, translator: Any, parts: Parts) -> None:
        super().__init__(translator, parts)
        self.optimiser_g, self.optimiser_d = self.adam("generator"), self.adam("discriminator")

    def step(self, bw: Tensor, color: Tensor) -> Losses:
        """Compute all losses, update G, then D."""
        fake = self.generate("generator", bw)
        loss_fake = _over_scales(self.judge("discriminator", torch.cat((bw, fake.detach()), 1)), 0.0)
        of_real = self.judge("discriminator", torch.cat((bw, color), 1))
        loss_real = _over_scales(of_real, 1.0)
        of_fake = self.judge("discriminator", torch.cat((bw, fake), 1))
        loss_gan = _over_scales(of_fake, 1.0)
        loss_features = torch.zeros((), device=bw.device, dtype=bw.dtype)
        weight = 4.0 / (self.settings.n_layers_D + 1) / self.settings.num_D * self.settings.lambda_feat
        for scale_fake, scale_real in zip(of_fake, of_real, strict=True):
            for fake_features, real_features in zip(scale_fake[:-1], scale_real[:-1], strict=True):
                loss_features = loss_features + weight * F.l1_loss(fake_features, real_features.detach())
        self.update(self.optimiser_g, loss_gan + loss_features)
        self.update(self.optimiser_d, (loss_fake + loss_real) * 0.5)
        return _detached(G_GAN=loss_gan, G_GAN_Feat=loss_features, D_real=loss_real, D_fake=loss_fake)


class TextbookCycleGAN(Textbook):
    """`CycleGANModel.optimize_parameters`: A is black-and-white, B is colour."""

    def __init__(self, translator: Any, parts: Parts) -> None:
        super().__init__(translator, parts)
        self.optimiser_g = self.adam("generator", "generator_back")
        self.optimiser_d = self.adam("discriminator", "discriminator_back")
        self._pools = (_Pool(self.settings.pool_size), _Pool(self.settings.pool_size))

    def step(self, bw: Tensor, color: Tensor) -> Losses:
        """Update both generators, then both discriminators."""
        weight_a, weight_b, identity = self.settings.lambda_A, self.settings.lambda_B, self.settings.lambda_identity
        fake_color = self.generate("generator", bw)
        back_to_bw = self.generate("generator_back", fake_color)
        fake_bw = self.generate("generator_back", color)
        back_to_color = self.generate("generator", fake_bw)
        for name in ("discriminator", "discriminator_back"):
            _trainable(self.networks[name], False)
        self.optimiser_g.zero_grad()
        losses = {
            "idt_A": F.l1_loss(self.generate("generator", color), color) * weight_b * identity,
            "idt_B": F.l1_loss(self.generate("generator_back", bw), bw) * weight_a * identity,
            "G_A": _squares(self.judge("discriminator", fake_color), 1.0),
            "G_B": _squares(self.judge("discriminator_back", fake_bw), 1.0),
            "cycle_A": F.l1_loss(back_to_bw, bw) * weight_a,
            "cycle_B": F.l1_loss(back_to_color, color) * weight_b,
        }
        self.backward(torch.stack(list(losses.values())).sum())
        with self.parts.timed("optimiser"):
            self.optimiser_g.step()
        for name in ("discriminator", "discriminator_back"):
            _trainable(self.networks[name], True)
        self.optimiser_d.zero_grad()
        losses["D_A"] = self._discriminate("discriminator", color, self._pools[0].query(fake_color.detach()))
        losses["D_B"] = self._discriminate("discriminator_back", bw, self._pools[1].query(fake_bw.detach()))
        with self.parts.timed("optimiser"):
            self.optimiser_d.step()
        return _detached(**losses)

    def _discriminate(self, name: str, real: Tensor, fake: Tensor) -> Tensor:
        loss = (_squares(self.judge(name, real), 1.0) + _squares(self.judge(name, fake), 0.0)) * 0.5
        self.backward(loss)
        return loss


class _Pool:
    """`util/image_pool.py`."""

    def __init__(self, size: int) -> None:
        self._size, self._images = size, list[Tensor]()

    def query(self, images: Tensor) -> Tensor:
        returned = []
        for image in images.split(1):
            if len(self._images) < self._size:
                self._images.append(image)
                returned.append(image)
            elif random.uniform(0, 1) > 0.5:
                place = random.randint(0, self._size - 1)
                returned.append(self._images[place].clone())
                self._images[place] = image
            else:
                returned.append(image)
        return torch.cat(returned)


TEXTBOOK: dict[str, type[TextbookPix2Pix | TextbookPix2PixHD | TextbookCycleGAN]] = {
    "pix2pix": TextbookPix2Pix,
    "pix2pixhd": TextbookPix2PixHD,
    "cyclegan": TextbookCycleGAN,
}


def plain(network: nn.Module) -> nn.Module:
    """Return a copy of `network` in torch's own memory layout, its convolutions and its normalisation torch's own."""
    copied = copy.deepcopy(network).to(memory_format=torch.contiguous_format)
    for module in list(copied.modules()):
        if isinstance(module, nn.Conv2d):
            module.__class__ = nn.Conv2d
        elif isinstance(module, nn.ConvTranspose2d):
            module.__class__ = nn.ConvTranspose2d
        for name, child in module.named_children():
            if isinstance(child, nn.InstanceNorm2d):
                setattr(module, name, nn.InstanceNorm2d(child.num_features))
    return copied


def textbook(
    name: str, translator: models.Translator, parts: Parts
) -> TextbookPix2Pix | TextbookPix2PixHD | TextbookCycleGAN:
    """Return the textbook step of the model `name` with the weights of `translator`, which is left as it is."""
    return TEXTBOOK[name](translator, parts)


def _cross_entropy(logits: Tensor, target: float) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


def _squares(logits: Tensor, target: float) -> Tensor:
    return F.mse_loss(logits, torch.full_like(logits, target))


def _over_scales(outputs: list[list[Tensor]], target: float) -> Tensor:
    return torch.stack([_squares(scale[-1], target) for scale in outputs]).sum()


def _trainable(network: nn.Module, trainable: bool) -> None:
    for weight in network.parameters():
        weight.requires_grad = trainable


def _detached(**losses: Tensor) -> Losses:
    return {name: loss.detach() for name, loss in losses.items()}
