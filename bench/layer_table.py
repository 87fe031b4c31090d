"""The layers of a model's networks, in the order in which a training step first calls them, on shapes alone."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

import models


@dataclass(frozen=True)
class Layer:
    """A module that does the work itself: one without parts, or with parameters of its own.

    `output` is the shape of what its first call returns, () where it is not called; `parameters` are its own.
    """

    name: str
    kind: str
    output: tuple[int, ...]
    parameters: int


@dataclass(frozen=True)
class NetworkLayers:
    """The layers of one network. A step that is no module, such as joining a skip connection, is not among them."""

    name: str
    parameters: int
    layers: tuple[Layer, ...]


def network_layers(translator: models.Translator, batch: tuple[Tensor, Tensor]) -> list[NetworkLayers]:
    """Return the layers of every network, found in one training step on `batch` (b/w and colour, [N, 3, R, R]).

    Both are on device "meta"; the step changes the translator. An untrained model colours instead.
    """
    watched = {name: _Watched(network) for name, network in translator.networks().items()}
    with ExitStack() as hooks:
        for network in watched.values():
            network.hook(hooks)
        if translator.trained:
            translator.train_step(*batch)
        else:
            translator.colorize(batch[0])
    return [network.table(name) for name, network in watched.items()]


class _Watched:
    """A network whose layers note when they are first called."""

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        self.parts: dict[nn.Module, Layer] = {}
        self.called: dict[nn.Module, tuple[int, ...]] = {}
        shared: set[nn.Parameter] = set()
        for name, module in network.named_modules():
            own = set(module.parameters(recurse=False)) - shared
            shared |= own
            if own or not list(module.children()):
                self.parts[module] = Layer(name or "-", module._get_name(), (), sum(p.numel() for p in own))

    def hook(self, hooks: ExitStack) -> None:
        """Note calls until `hooks` is left."""
        for module in self.parts:
            hooks.callback(module.register_forward_hook(self._note).remove)

    def _note(self, module: nn.Module, inputs: Any, output: Any) -> None:
        shapes = [tuple(leaf.shape) for leaf in tree_leaves(output) if isinstance(leaf, torch.Tensor)]
        self.called.setdefault(module, shapes[0] if shapes else ())

    def table(self, name: str) -> NetworkLayers:
        """Return the layers as they were called; those with parameters that were not called come last."""
        layers = [replace(self.parts[module], output=shape) for module, shape in self.called.items()]
        idle = [layer for module, layer in self.parts.items() if module not in self.called and layer.parameters]
        return NetworkLayers(name, sum(p.numel() for p in self.network.parameters()), (*layers, *idle))
