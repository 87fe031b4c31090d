"""What training needs in memory: the bytes of all tensors that are alive at once in a step, counted on shapes alone.

The step runs on torch's "meta" device, where tensors have shapes but no numbers, and every operation of its forward and
backward passes is watched. A tensor counts from the operation that makes it until nothing refers to it any more: what is
kept for the backward pass counts for as long as the step keeps it. What no tensor holds is not counted: the workspace
of convolution libraries, the allocator's rounding, Python, torch and a GPU's context.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

import models
from bench.live_memory import LiveBytes


@dataclass(frozen=True)
class TrainingMemory:
    """Bytes by what holds them; `total` is the peak of a step, everything included, once the image pools are full.

    `weights` has the networks' buffers and frozen networks of losses in it; `moments` is the optimisers' state, all of it.
    """

    weights: int
    moments: int
    gradients: int
    image_pools: int
    total: int

    @property
    def activations(self) -> int:
        """What the peak holds besides: the batch, activations kept for the backward pass, and their gradients."""
        return self.total - self.weights - self.moments - self.gradients - self.image_pools


def training_memory(translator: models.Translator, batch: tuple[Tensor, Tensor]) -> TrainingMemory:
    """Return what a step of `translator` on `batch` (b/w and colour, [N, 3, R, R]) needs: the most of all phases.

    Both are on device "meta"; steps change the translator, as training does. Raises ModelError for an untrained model.
    """
    phases: list[TrainingMemory] = []
    for phase in translator.phases():
        translator.set_progress(phase.begins)
        if phases or not _moments(translator):
            # The first step makes the optimisers' state; from the second one on, all steps are alike.
            translator.train_step(*batch)
        phases.append(_of_a_step(translator, batch))
    return max(phases, key=lambda phase: phase.total)


def _of_a_step(translator: models.Translator, batch: tuple[Tensor, Tensor]) -> TrainingMemory:
    held = TrainingMemory(
        weights=_bytes(_weights(translator)),
        moments=_bytes(_moments(translator)),
        gradients=_bytes(_gradients(translator)),
        image_pools=_bytes(_pooled(translator)),
        total=0,
    )
    live = LiveBytes()
    # No list of these is kept, since it would keep the gradients that the step frees.
    live.count([*batch, *_weights(translator), *_moments(translator), *_gradients(translator), *_pooled(translator)])
    with live, live.paused_in(translator.optimisers().values()):
        translator.train_step(*batch)
    return replace(held, total=live.peak)


def _weights(translator: models.Translator) -> list[Tensor]:
    """Return parameters and buffers of the networks, and of networks that the translator holds besides, such as VGG19."""
    others = [value for value in vars(translator).values() if isinstance(value, nn.Module)]
    modules = nn.ModuleList([*translator.networks().values(), *others])
    return [*modules.parameters(), *modules.buffers()]


def _moments(translator: models.Translator) -> list[Tensor]:
    states = [state for optimiser in translator.optimisers().values() for state in optimiser.state.values()]
    return [leaf for leaf in tree_leaves([dict(state) for state in states]) if isinstance(leaf, Tensor)]


def _gradients(translator: models.Translator) -> list[Tensor]:
    return [weight.grad for weight in _weights(translator) if weight.grad is not None]


def _pooled(translator: models.Translator) -> list[Tensor]:
    return [tensor for pool in translator.image_pools().values() for tensor in pool.tensors()]


def _bytes(tensors: list[Tensor]) -> int:
    return sum(tensor.untyped_storage().nbytes() for tensor in tensors)
