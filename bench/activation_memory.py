"""How much memory a network's features take at their peak, found without computing or allocating any of them."""

from __future__ import annotations

import torch
from torch import nn

from bench.live_memory import LiveBytes


def peak_activations(network: nn.Module, channels: int, height: int, width: int) -> int:
    """Return bytes: the most that is alive at one moment of a forward pass in float32, weights left out.

    The network runs on torch's "meta" device, which knows shapes alone, for one image [1, channels, height, width]. What
    a convolution needs beside its input and output is not in it.
    """
    tensors = {**dict(network.named_parameters()), **dict(network.named_buffers())}
    shapes = {name: torch.empty_like(tensor, device="meta") for name, tensor in tensors.items()}
    with torch.no_grad(), LiveBytes() as memory:
        image = torch.empty(1, channels, height, width, device="meta")
        torch.func.functional_call(network, shapes, (image,))
    return int(memory.peak)
