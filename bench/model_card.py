"""A model's card: what it is, its settings, layers, parameters, compute and memory, found without training it."""

from __future__ import annotations

import dataclasses
import inspect
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from pydantic_core import to_jsonable_python
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import models
from bench.errors import RequestError
from bench.layer_table import NetworkLayers, network_layers
from bench.planning import flops_per_step
from bench.preset_files import set_value
from bench.training_memory import TrainingMemory, training_memory

BATCH_SIZE = 1
"""The originals' batch size, at which a card counts."""


@dataclass(frozen=True)
class Setting:
    """One setting of a model, with its value in this card and the one that it has by itself."""

    name: str
    value: Any
    default: Any
    description: str


@dataclass(frozen=True)
class ModelCard:
    """What is known of a model at one resolution, in pixels. `flops_*` count 2 per multiply-add, for one image.

    `flops_training_step` and `memory` (bytes) are None where nothing is trained.
    """

    name: str
    shown_name: str
    resolution: int
    width: int
    ranked: bool
    pairing: str
    inference_mode: str
    remarks: tuple[str, ...]
    description: str
    settings: tuple[Setting, ...]
    networks: tuple[NetworkLayers, ...]
    flops_generator: float
    flops_training_step: float | None
    memory: TrainingMemory | None

    def to_json(self) -> dict[str, Any]:
        """Return the card as JSON values."""
        values = dataclasses.asdict(self)
        if self.memory is not None:
            values["memory"]["activations"] = self.memory.activations
        return values


def model_card(name: str, resolution: int, assignments: Sequence[str] = (), aspect: int = 1) -> ModelCard:
    """Return the card of model `name`, built in or of another package, with `assignments` (`key=value`) set.

    Images are `resolution` px high and `aspect` times as wide.

    Raises models.ModelError for a wrong name, resolution or setting, RequestError for what is no assignment.
    """
    settings = models.parse_settings(name, _assigned(assignments))
    translator = models.build(name, settings, resolution, seed=0, device="meta")
    batch = torch.empty(2, BATCH_SIZE, 3, resolution, aspect * resolution, device="meta").unbind()
    with _inputs_of(translator.generator) as inputs:
        networks = network_layers(translator, (batch[0], batch[1]))
    step = flops_per_step(name, settings, resolution, BATCH_SIZE, aspect * resolution) if translator.trained else None
    return ModelCard(
        name=name,
        shown_name=translator.shown_name(settings),
        resolution=resolution,
        width=aspect * resolution,
        ranked=translator.ranked,
        pairing=translator.pairing if translator.trained else "none",
        inference_mode=translator.inference_mode(),
        remarks=tuple(translator.remarks()),
        description=_description(type(translator)),
        settings=_settings(settings),
        networks=tuple(networks),
        flops_generator=_flops_of_a_call(translator.generator, inputs),
        flops_training_step=step,
        memory=training_memory(translator, (batch[0].clone(), batch[1].clone())) if translator.trained else None,
    )


def _assigned(assignments: Sequence[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for assignment in assignments:
        if "=" not in assignment:
            raise RequestError(f"--set {assignment!r}: write it as key=value, such as ngf=32")
        set_value(values, assignment)
    return values


def _description(kind: type[models.Translator]) -> str:
    """Return the docstring of the model's module, or the class's own where that has none."""
    text = sys.modules[kind.__module__].__doc__ or kind.__dict__.get("__doc__")
    return inspect.cleandoc(text) if text else "Its package does not describe it."


def _settings(settings: models.ModelSettings) -> tuple[Setting, ...]:
    fields, values = type(settings).model_fields, settings.model_dump(mode="json")
    # As JSON values, like the dumped ones: a tuple equals its default only as the same kind of list.
    defaults = {
        name: None if field.is_required() else to_jsonable_python(field.get_default(call_default_factory=True))
        for name, field in fields.items()
    }
    return tuple(Setting(name, values[name], defaults[name], field.description or "") for name, field in fields.items())


@contextmanager
def _inputs_of(network: nn.Module) -> Iterator[list[tuple[Any, Any]]]:
    """Yield a list that gets the arguments of every call of `network`."""
    calls: list[tuple[Any, Any]] = []
    hook = network.register_forward_pre_hook(
        lambda module, arguments, named: calls.append((arguments, named)), with_kwargs=True
    )
    try:
        yield calls
    finally:
        hook.remove()


def _flops_of_a_call(network: nn.Module, calls: list[tuple[Any, Any]]) -> float:
    """Return FLOPs of a forward pass of `network`, called as it was the first time."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        for arguments, named in calls[:1]:
            network(*arguments, **named)
    return float(counter.get_total_flops())
