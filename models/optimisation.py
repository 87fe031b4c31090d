"""What the trained models have in common: Adam and its numbers, and the settings of normalisation and dropout."""

from __future__ import annotations

from collections.abc import Iterable

import pydantic
import torch
from pydantic import Field
from torch import nn

from models.layers import BatchStatistics, Norm
from models.translator import ModelSettings

_FUSED_DEVICES = ("cpu", "cuda")


class TrainedSettings(ModelSettings):
    """Adam and initial weights; the three originals agree on these numbers."""

    lr: float = Field(2e-4, gt=0, le=1, description="Adam's learning rate at the start (originals: --lr 0.0002)")
    beta1: float = Field(0.5, ge=0, lt=1, description="Adam's first-moment decay (originals: --beta1 0.5)")
    beta2: float = Field(0.999, ge=0, lt=1, description="Adam's second-moment decay (originals: fixed at 0.999)")
    epsilon: float = Field(1e-8, gt=0, le=1, description="Adam's epsilon (originals: torch's default)")
    init_gain: float = Field(0.02, gt=0, le=10, description="standard deviation of initial weights (originals: 0.02)")


class NormAndDropoutSettings(TrainedSettings):
    """Normalisation and dropout of the generator, in training and when colouring (original: networks.py, test.py)."""

    norm: Norm = Field("batch", description="normalisation layer of all networks (original: --norm)")
    dropout: float = Field(
        0.5, ge=0, lt=1, description="share of features dropped in training; 0: none (original: 0.5 or --no_dropout)"
    )
    inference_batch_norm: BatchStatistics = Field(
        "image", description="batch-norm statistics when colouring (original: image at batch 1, running with --eval)"
    )
    inference_dropout_seed: int | None = Field(
        None,
        ge=0,
        lt=2**63,
        description="seed of dropout when colouring; absent: off (original: on, unseeded; off with --eval)",
    )

    @pydantic.model_validator(mode="after")
    def _dropout_exists(self) -> NormAndDropoutSettings:
        if self.inference_dropout_seed is not None and self.dropout == 0:
            raise ValueError(
                "inference_dropout_seed asks for dropout, but dropout is 0: drop the one or raise the other"
            )
        return self

    def inference_mode(self) -> str:
        """Return how dropout and normalisation behave when colouring, in words for a caption."""
        seed = self.inference_dropout_seed
        dropout = (
            "no dropout" if self.dropout == 0 else "dropout off" if seed is None else f"dropout on with seed {seed}"
        )
        batch_norm = {"image": "batch-norm statistics of each image", "running": "running batch-norm statistics"}
        return f"{dropout}, {'instance norm' if self.norm == 'instance' else batch_norm[self.inference_batch_norm]}"


def adam(networks: Iterable[nn.Module], settings: TrainedSettings) -> torch.optim.Adam:
    """Return one Adam over all parameters of `networks`, fused where torch has such a kernel.

    A fused step is the same update up to rounding. On a GPU the learning rate is a tensor there, and so is the count of steps:
    then a step can be recorded and replayed. Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015.
    """
    parameters = [parameter for network in networks for parameter in network.parameters()]
    fused = all(parameter.device.type in _FUSED_DEVICES for parameter in parameters)
    betas = (settings.beta1, settings.beta2)
    if not all(parameter.is_cuda for parameter in parameters):
        return torch.optim.Adam(parameters, settings.lr, betas, settings.epsilon, fused=fused or None)
    lr = torch.tensor(settings.lr, device=parameters[0].device)
    optimiser = torch.optim.Adam(parameters, lr, betas, settings.epsilon, fused=True, capturable=True)
    for group in optimiser.param_groups:
        group["initial_lr"] = settings.lr
    return optimiser
