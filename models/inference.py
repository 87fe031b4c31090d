"""How a trained generator colours: deterministic, each image on its own, and without a trace in the training state.

The original implementation of Pix2Pix and CycleGAN tests with networks left in training mode: dropout on, and batch
norm with the statistics of the one test image, so that two runs differ (`test.py` without `--eval`; Isola et al.,
CVPR 2017, section 3.3). Here dropout is off by default, and batch norm keeps the statistics of each image
(layers.BatchNorm).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


def colour_images(generator: nn.Module, bw: Tensor, dropout_seed: int | None = None) -> Tensor:
    """Return generator(bw) [N, 3, H, W] in inference mode, without gradients.

    With `dropout_seed`, dropout stays on as in the originals, and every image gets the same masks, drawn from that
    seed.
    """
    with _inference_mode(generator, dropout=dropout_seed is not None):
        if dropout_seed is None:
            colour: Tensor = generator(bw)
            return colour
        return torch.cat([_with_fixed_masks(generator, image, dropout_seed) for image in torch.split(bw, 1)])


@contextmanager
def _inference_mode(network: nn.Module, *, dropout: bool) -> Iterator[None]:
    """Put `network` into evaluation mode without gradients, and every module back into its own mode afterwards."""
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    for module, _ in modes:
        if dropout and isinstance(module, nn.Dropout):
            module.train()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, training in modes:
            module.training = training


def _with_fixed_masks(generator: nn.Module, image: Tensor, seed: int) -> Tensor:
    """Return generator(image) with the device's global random generator at `seed`, which is put back afterwards."""
    source = torch.cuda.default_generators[image.device.index] if image.is_cuda else torch.default_generator
    before = source.get_state()
    source.manual_seed(seed)
    try:
        colour: Tensor = generator(image)
        return colour
    finally:
        source.set_state(before)
