"""The interface between a model and the harness: what a competitor knows of itself, and how it is driven.

A model of another package subclasses Translator (examples/fourth_model is one):

- `name` (that of the entry point), `settings_type`, `pairing` and `generator` must be there; the abstract methods below
  too. `phases`, `set_progress`, `complete`, `network_input` and the rest have defaults.
- The constructor takes the arguments of `Translator.__init__`, draws its weights from torch's global CPU generator
  (seeded by `models.build`) and leaves every network in training mode.
- `train_step` also runs on device "meta", where FLOPs and memory are counted: no `.item()`, no branch on values. With
  precision bf16 it runs under autocast.
- The generator gives [-1, 1], and its state dictionary holds all that colouring needs: it alone is saved as the result.
- On a GPU a model that says `recordable` has its step recorded once as a CUDA graph, which is then replayed: what `train_step`
  decides in Python is decided once. Only say so where that is right; image pools and dropout are taken care of. Where the
  experiment asks for it, calls of its networks go to what TorchInductor made of them, which can be differentiated once.
- What training changes beyond networks, optimisers and image pools belongs into `state` and `load_state`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Literal

import pydantic
import torch
from torch import Tensor, nn

from models.errors import ModelError
from models.image_pool import ImagePool
from models.inference import colour_images


class ModelSettings(pydantic.BaseModel):
    """Every number of a model and of its training; each field of a subclass has the original's default."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True)
class Phase:
    """A part of training in which a step costs the same: its name, and the share of all steps at which it begins."""

    name: str
    begins: float


class Translator(ABC):
    """One competitor: networks, losses, optimisers, and how it colours.

    All image tensors are [N, 3, R, R] in [-1, 1]; black-and-white input is grey in three equal channels.
    """

    name: ClassVar[str]
    settings_type: ClassVar[type[ModelSettings]]
    pairing: ClassVar[Literal["paired", "unpaired"]]
    trained: ClassVar[bool] = True
    ranked: ClassVar[bool] = True
    recordable: bool = False
    """Whether `train_step` does the same operations at every step of a phase and never waits for the device."""
    textbook: bool = False
    """Whether `train_step` also does what the original implementation does in vain: FLOPs are counted so."""
    full_size: ClassVar[Mapping[str, int]] = MappingProxyType({})
    """The settings that say how wide and deep the networks are, with the original's defaults."""

    settings: ModelSettings
    resolution: int
    generator: nn.Module
    size_multiple: int = 1
    """Height and width of what is coloured must be multiples of this."""

    def __init__(
        self, settings: ModelSettings, resolution: int, *, seed: int, device: torch.device, dtype: torch.dtype
    ) -> None:
        """Build the model; `seed` is for random choices but the weights, which come from the global generator."""
        self.settings = settings
        self.resolution = resolution

    @classmethod
    def decide(cls, settings: ModelSettings) -> ModelSettings:
        """Return `settings` with everything decided that hangs on what this machine has, such as files of weights.

        A plan keeps the answers, so that training goes on, and is repeated, with the same ones. Raises ModelError where
        something is missing that the settings ask for.
        """
        return settings

    @classmethod
    def for_colouring(cls, settings: ModelSettings) -> ModelSettings:
        """Return `settings` without what training alone needs: a generator colours where its losses cannot be computed."""
        return settings

    @abstractmethod
    def networks(self) -> dict[str, nn.Module]:
        """Return all networks by name, `generator` first: for the state and for parameter counts."""

    @abstractmethod
    def optimisers(self) -> dict[str, torch.optim.Optimizer]:
        """Return all optimisers by name; empty for a model that is not trained."""

    @abstractmethod
    def train_step(self, bw: Tensor, color: Tensor) -> dict[str, Tensor]:
        """Do one complete optimisation step in the original's order; return its losses as detached scalars.

        The losses are those that the updates used, weights included. The device is never waited for. With `pairing`
        "unpaired", `bw` and `color` are different pages.
        """

    @abstractmethod
    def inference_mode(self) -> str:
        """Return how `colorize` treats dropout and normalisation, in words for a caption."""

    def remarks(self) -> list[str]:
        """Return what a caption must say about this model beside its name, such as a missing loss term."""
        return []

    def phases(self) -> tuple[Phase, ...]:
        """Return the phases of training in order, the first one beginning at 0; each is calibrated by itself."""
        return (Phase("all", 0.0),)

    def set_progress(self, progress: float) -> None:  # noqa: B027 -- most models have one phase
        """Get ready for a step at `progress` (0 to below 1, steps done over all steps); called before every step.

        What it changes depends on `progress` alone, so that a resumed model is where an uninterrupted one would be.
        """

    def complete(self, examples: Iterable[tuple[Tensor, Tensor]]) -> None:  # noqa: B027 -- most models need nothing
        """Do what is left after the last step, before the generator is saved.

        `examples` are the batches of training from its first step on, without an end, made as they are asked for. What
        is done depends on them and on the state alone, so that a resumed model does the same.
        """

    def network_input(self, bw: Tensor) -> Tensor:
        """Return what the generator sees of `bw` [N, 3, H, W] when colouring: by default `bw` itself."""
        return bw

    def image_pools(self) -> dict[str, ImagePool]:
        """Return the pools of earlier outputs that training draws from; they belong to the state."""
        return {}

    def inference_dropout_seed(self) -> int | None:
        """Return the seed of the dropout masks that `colorize` uses; None: dropout is off."""
        return None

    def scale_lr(self, factor: float) -> None:
        """Set the learning rate of every optimiser to the one it was made with, times `factor`."""
        for optimiser in self.optimisers().values():
            for group in optimiser.param_groups:
                if "initial_lr" not in group:
                    # Once: on a GPU, reading a rate that lies there waits for every step before.
                    group["initial_lr"] = float(group["lr"])
                rate = group["initial_lr"] * factor
                if isinstance(group["lr"], Tensor):
                    # In its place, where a recorded step reads it.
                    group["lr"].fill_(rate)
                else:
                    group["lr"] = rate

    def colorize(self, bw: Tensor) -> Tensor:
        """Return colour [N, 3, H, W] in [-1, 1] for `bw` of the same shape, the same at every call, without gradients.

        Each image is coloured as if it were alone in the batch. Nothing of the training state changes: not the running
        statistics, the modes of the modules or the global random generators. Raises ModelError for a wrong shape.
        """
        multiple = self.size_multiple
        if bw.ndim != 4 or bw.shape[1] != 3 or bw.shape[2] % multiple or bw.shape[3] % multiple:
            wanted = f"[N, 3, H, W] with H and W multiples of {multiple}"
            raise ModelError(f"{self.name}: colorize got a tensor of shape {list(bw.shape)}; give {wanted}")
        return colour_images(self.generator, self.network_input(bw), self.inference_dropout_seed())

    @classmethod
    def original_size(cls, settings: ModelSettings) -> Mapping[str, int]:
        """Return the settings that say how wide and deep the networks are, with the original's values."""
        return cls.full_size

    @classmethod
    def variant(cls, settings: ModelSettings) -> tuple[str, ...]:
        """Return the words that set a variant of the model apart from its default, such as "local"; () for the default."""
        return ()

    @classmethod
    def shown_name(cls, settings: ModelSettings) -> str:
        """Return the name for tables: variant words, and "small" where a network is narrower or shallower than the original's."""
        original = cls.original_size(settings)
        sizes = {field: getattr(settings, field) for field in original}
        small = any(size is not None and size < original[field] for field, size in sizes.items())
        return "-".join((cls.name, *cls.variant(settings), *(("small",) if small else ())))

    def state(self) -> dict[str, Any]:
        """Return everything that training changes, for torch.save and torch.load(weights_only=True).

        Tensors are the live ones, as in torch's own state dictionaries: save or copy them before the next step.
        Torch's global generator, which dropout draws from, is not the model's: whoever resumes exactly saves it too.
        """
        return {
            "model": self.name,
            "resolution": self.resolution,
            "settings": self.settings.model_dump(mode="json"),
            "networks": {name: network.state_dict() for name, network in self.networks().items()},
            "optimisers": {name: optimiser.state_dict() for name, optimiser in self.optimisers().items()},
            "image_pools": {name: pool.state() for name, pool in self.image_pools().items()},
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from `state`; raises ModelError if it is of another model, resolution or settings, or damaged."""
        here = {"model": self.name, "resolution": self.resolution, "settings": self.settings.model_dump(mode="json")}
        for key, value in here.items():
            if state.get(key) != value:
                found = state.get(key)
                raise ModelError(
                    f"{self.name}: the state was saved with {key} {found}, not {value}; build the model like it"
                )
        try:
            for name, network in self.networks().items():
                network.load_state_dict(state["networks"][name])
            for name, optimiser in self.optimisers().items():
                optimiser.load_state_dict(state["optimisers"][name])
            for name, pool in self.image_pools().items():
                pool.load_state(state["image_pools"][name], next(self.generator.parameters()).device)
        except (KeyError, RuntimeError, TypeError, ValueError) as error:
            reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
            raise ModelError(
                f"{self.name}: the state is damaged or of another version ({reason}); start afresh"
            ) from error
