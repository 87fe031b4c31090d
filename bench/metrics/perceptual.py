"""LPIPS with AlexNet, version 0.1, and its uncalibrated stand-in rLPIPS on random AlexNets.

Zhang, Isola, Efros, Shechtman and Wang, "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", CVPR 2018;
original implementation: the `lpips` package, whose learned heads are used and whose numbers this one reproduces. The features of
the truth are computed once and compared with the outputs of many cells.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from bench.errors import RequestError
from bench.metrics.choice import MetricChoice
from bench.metrics.identity import NetworkIdentity, digest_of_arrays
from bench.metrics.weights import WeightStore

Features = list[list[Tensor]]
"""Unit-length features: for every trunk, for each of its 5 layers, [N, C, h, w]."""

LEAST_SIDE = 64
"""px: the smallest image the authors tested; below it AlexNet's last layers have hardly any positions left."""

RANDOM_SEEDS = tuple(range(8))
"""Seeds of the random trunks; one alone varies by 6 to 31 % from another, the mean of eight by a third of that."""

# lpips.ScalingLayer: ImageNet mean and deviation, carried over to images in [-1, 1].
_SHIFT = (-0.030, -0.088, -0.188)
_SCALE = (0.458, 0.448, 0.450)
_EPSILON = 1e-10
# torchvision's names of the five convolutions inside AlexNet.
_CONVOLUTIONS = (0, 3, 6, 8, 10)
_SHAPES = ((64, 3, 11, 11), (192, 64, 5, 5), (384, 192, 3, 3), (256, 384, 3, 3), (256, 256, 3, 3))
# The convolutions that follow a max pooling.
_POOLED = (1, 2)


@dataclass(frozen=True, slots=True)
class AlexNetTrunk:
    """The convolutional part of AlexNet (Krizhevsky 2014, "one weird trick", as in torchvision): five kernels and their biases."""

    kernels: tuple[Tensor, ...]
    biases: tuple[Tensor, ...]

    def to(self, device: torch.device) -> AlexNetTrunk:
        """Return the trunk on `device`, laid out channels last, which is a third faster on CPUs."""
        kernels = tuple(kernel.to(device).contiguous(memory_format=torch.channels_last) for kernel in self.kernels)
        return AlexNetTrunk(kernels, tuple(bias.to(device) for bias in self.biases))

    def layers(self, images: Tensor) -> list[Tensor]:
        """Return the 5 ReLU layers, 64, 192, 384, 256 and 256 channels, of float [N, 3, H, W], H and W at least 64."""
        layers: list[Tensor] = []
        values = images
        for index, (kernel, bias) in enumerate(zip(self.kernels, self.biases, strict=True)):
            if index in _POOLED:
                values = functional.max_pool2d(values, 3, stride=2)
            stride, padding = (4, 2) if index == 0 else (1, kernel.shape[-1] // 2)
            values = torch.relu(functional.conv2d(values, kernel, bias, stride, padding))
            layers.append(values)
        return layers


def trained_trunk(state: dict[str, Tensor]) -> AlexNetTrunk:
    """Return the trunk with the weights of torchvision's AlexNet checkpoint; raises RequestError where they do not fit."""
    kernels = tuple(state.get(f"features.{at}.weight", torch.empty(0)) for at in _CONVOLUTIONS)
    biases = tuple(state.get(f"features.{at}.bias", torch.empty(0)) for at in _CONVOLUTIONS)
    shapes = [tuple(kernel.shape) for kernel in kernels]
    if shapes != list(_SHAPES) or [tuple(bias.shape) for bias in biases] != [shape[:1] for shape in _SHAPES]:
        raise RequestError("weights alexnet: not the layers of torchvision's AlexNet; get the published file")
    return AlexNetTrunk(kernels, biases)


def random_trunk(seed: int) -> AlexNetTrunk:
    """Return the trunk with weights drawn from `seed`: normal with variance 2 / fan-in (He et al. 2015), biases zero.

    PyTorch's own initialisation would make features so small that distances vanish.
    """
    drawn = np.random.Generator(np.random.PCG64(seed))
    arrays = [drawn.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:])) for shape in _SHAPES]
    kernels = tuple(torch.from_numpy(array).float() for array in arrays)
    return AlexNetTrunk(kernels, tuple(torch.zeros(shape[0]) for shape in _SHAPES))


class PerceptualDistance:
    """A distance between pairs of images, as its two halves: features of each image once, then distances of features.

    `name` is "lpips" or "rlpips"; `identity` says what it was computed with. The value is the mean over trunks. On CUDA, use it
    inside `bench.metrics.inference.exact_workers`, which keeps it exact.
    """

    def __init__(
        self,
        name: str,
        trunks: list[AlexNetTrunk],
        heads: list[Tensor] | None,
        identity: NetworkIdentity,
        device: str | torch.device = "cpu",
    ) -> None:
        self.name = name
        self.identity = identity
        self.device = torch.device(device)
        self._trunks = [trunk.to(self.device) for trunk in trunks]
        self._heads = None if heads is None else [head.to(self.device) for head in heads]
        self._shift = torch.tensor(_SHIFT, device=self.device).view(1, 3, 1, 1)
        self._scale = torch.tensor(_SCALE, device=self.device).view(1, 3, 1, 1)

    @classmethod
    def calibrated(cls, store: WeightStore | None = None, device: str | torch.device = "cpu") -> PerceptualDistance:
        """Return LPIPS-alex 0.1 from verified weights; raises RequestError where a file is missing, wrong or does not fit."""
        store = store or WeightStore()
        heads = trained_heads(store.load("lpips-alex-heads"))
        trunk = trained_trunk(store.load("alexnet"))
        digests = f"{store.known['alexnet'].sha256[:8]}{store.known['lpips-alex-heads'].sha256[:8]}"
        return cls("lpips", [trunk], heads, NetworkIdentity("alexnet", "relu1-5", digests, "none"), device)

    @classmethod
    def random(cls, seeds: tuple[int, ...] = RANDOM_SEEDS, device: str | torch.device = "cpu") -> PerceptualDistance:
        """Return rLPIPS: unweighted, the mean over random trunks of `seeds`."""
        trunks = [random_trunk(seed) for seed in seeds]
        digest = digest_of_arrays(kernel.numpy() for trunk in trunks for kernel in trunk.kernels)
        identity = NetworkIdentity(f"random-alexnet-x{len(seeds)}", "relu1-5", digest, "none")
        return cls("rlpips", trunks, None, identity, device)

    def features(self, pixels: Tensor) -> Features:
        """Return the unit-length features of uint8 RGB images [N, 3, H, W], H and W at least 64 px, on the metric's device."""
        if (
            pixels.dtype != torch.uint8
            or pixels.ndim != 4
            or pixels.shape[1] != 3
            or min(pixels.shape[2:]) < LEAST_SIDE
        ):
            raise RequestError(
                f"{self.name} needs uint8 RGB images of at least {LEAST_SIDE} px a side, not {pixels.dtype} {tuple(pixels.shape)}"
            )
        with torch.inference_mode():
            images = (pixels.to(self.device).float() / 127.5 - 1 - self._shift) / self._scale
            images = images.contiguous(memory_format=torch.channels_last)
            return [[_unit_length(layer) for layer in trunk.layers(images)] for trunk in self._trunks]

    def distance(self, first: Features, second: Features) -> NDArray[np.float64]:
        """Return the distances [N] of two batches of features of images of equal size: 0 for identical images."""
        with torch.inference_mode():
            per_trunk = [self._trunk_distance(ours, theirs) for ours, theirs in zip(first, second, strict=True)]
            return np.asarray(torch.stack(per_trunk).mean(dim=0).cpu().numpy(), dtype=np.float64)

    def _trunk_distance(self, first: list[Tensor], second: list[Tensor]) -> Tensor:
        total = torch.zeros(first[0].shape[0], dtype=torch.float64, device=self.device)
        for index, (ours, theirs) in enumerate(zip(first, second, strict=True)):
            squared = (ours - theirs).square_()
            if self._heads is not None:
                squared *= self._heads[index]
            total += squared.sum(dim=1).double().mean(dim=(1, 2))
        return total


def open_perceptual(choice: MetricChoice, device: str | torch.device = "cpu") -> PerceptualDistance:
    """Return the chosen perceptual metric, LPIPS or rLPIPS; raises RequestError where its weights are wrong."""
    if choice.perceptual == "lpips":
        return PerceptualDistance.calibrated(choice.store, device)
    return PerceptualDistance.random(device=device)


def trained_heads(state: dict[str, Tensor]) -> list[Tensor]:
    """Return the 5 learned channel weights of LPIPS [1, C, 1, 1], none negative; raises RequestError where they do not fit."""
    names = [f"lin{index}.model.1.weight" for index in range(len(_CONVOLUTIONS))]
    channels = (64, 192, 384, 256, 256)
    fits = set(names) == set(state) and all(
        state[n].shape == (1, c, 1, 1) for n, c in zip(names, channels, strict=True)
    )
    if not fits:
        raise RequestError("weights lpips-alex-heads: not the five layers of lpips 0.1 for AlexNet")
    return [state[name] for name in names]


def _unit_length(values: Tensor) -> Tensor:
    return values / (values.square().sum(dim=1, keepdim=True).sqrt() + _EPSILON)
