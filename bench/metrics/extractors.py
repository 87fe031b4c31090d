"""Feature extractors for distances of sets: Inception with verified weights, and random networks where there are none.

An extractor gives one or more feature sets per image; a score is the mean over them. Random networks follow Naeem et al. 2020 and
Lee, Kim and Lee 2022 (arXiv 2208.09218): untrained features rank collections sensibly, but their numbers mean something only
within one table, so they carry other names (rFD, rKID).
"""

from __future__ import annotations

import io
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from bench.errors import RequestError
from bench.metrics.choice import MetricChoice
from bench.metrics.identity import NetworkIdentity, digest_of_arrays
from bench.metrics.weights import WeightStore

RANDOM_SEEDS = tuple(range(8))
"""Seeds of the random networks that rFD and rKID average over."""

RANDOM_WIDTHS = (16, 32, 64, 64)
"""Channels of a random network's layers; the last is the feature dimension, small so that a few hundred images give full rank."""

INCEPTION_LAYER = "2048"


class Extractor(Protocol):
    """Turns images into features of `dimension` numbers. `metrics` names the scores that they give: Fréchet and kernel distance,
    precision and recall.

    On CUDA, use it inside `bench.metrics.inference.exact_workers`, which keeps it exact.
    """

    metrics: tuple[str, str, str, str]
    identity: NetworkIdentity
    dimension: int
    device: torch.device

    def features(self, pixels: Tensor) -> Tensor:
        """Return float64 features [networks, N, d] on the CPU, of uint8 RGB images [N, 3, H, W]."""


class RandomExtractor:
    """Random networks without batch normalisation: four 3x3 convolutions of stride 2 with ReLU, averaged over positions.

    Weights are normal with variance 2 / fan-in (He et al. 2015), biases zero: PyTorch's own initialisation shrinks features until
    distances vanish, and a random Inception's batch normalisation does so altogether. Images are taken at their own size, scaled
    to [-1, 1]; everything runs in float64, so that batch size and thread count leave no trace.
    """

    metrics = ("rfd", "rkid", "rprecision", "rrecall")

    def __init__(self, seeds: tuple[int, ...] = RANDOM_SEEDS, device: str | torch.device = "cpu") -> None:
        self.dimension = RANDOM_WIDTHS[-1]
        self.device = torch.device(device)
        drawn = [_random_weights(seed) for seed in seeds]
        self._networks = [[weights.to(self.device) for weights in network] for network in drawn]
        digest = digest_of_arrays(weights.numpy() for network in drawn for weights in network)
        self.identity = NetworkIdentity(f"random-he-x{len(seeds)}", f"mean-of-relu4-{self.dimension}", digest, "none")

    def features(self, pixels: Tensor) -> Tensor:
        """Return float64 features [networks, N, 64] on the CPU, of uint8 RGB images [N, 3, H, W]."""
        _check_pixels(pixels)
        with torch.inference_mode():
            images = pixels.to(self.device).double() / 127.5 - 1
            return torch.stack([_apply(network, images) for network in self._networks]).cpu()


class InceptionExtractor:
    """The Inception of FID: torch-fidelity's "inception-v3-compat", pool layer of 2048, weights converted from TensorFlow 1.

    Images are resized to 299 px by TensorFlow 1's bilinear rule inside the network. The network runs in float32, as in every
    published FID; what follows it is float64. Raises RequestError where the weights are missing, wrong or do not fit.
    """

    metrics = ("fid", "kid", "precision", "recall")

    def __init__(self, store: WeightStore | None = None, device: str | torch.device = "cpu") -> None:
        store = store or WeightStore()
        self.dimension = int(INCEPTION_LAYER)
        self.device = torch.device(device)
        self.identity = NetworkIdentity(
            "inception-v3-compat", INCEPTION_LAYER, store.known["inception"].sha256, "tf1-bilinear-299"
        )
        self._network = _inception(store.load("inception")).to(memory_format=torch.channels_last).to(self.device)

    def features(self, pixels: Tensor) -> Tensor:
        """Return float64 features [1, N, 2048] on the CPU, of uint8 RGB images [N, 3, H, W]."""
        _check_pixels(pixels)
        with torch.inference_mode():
            features: Tensor = self._network(pixels.to(self.device))[0]
            return features.double()[None].cpu()


def open_extractor(choice: MetricChoice, device: str | torch.device = "cpu") -> InceptionExtractor | RandomExtractor:
    """Return the extractor that the chosen set metrics stand on; raises RequestError where its weights are wrong."""
    if choice.sets == InceptionExtractor.metrics:
        return InceptionExtractor(choice.store, device)
    return RandomExtractor(device=device)


def open_second(choice: MetricChoice, device: str | torch.device = "cpu") -> Extractor | None:
    """Return the second extractor where the choice has one; raises RequestError where its file is wrong."""
    if choice.dinov2 is None:
        return None
    # Imported here: it needs a package that is optional.
    from bench.metrics.dinov2 import DinoExtractor

    return DinoExtractor(choice.dinov2, device)


def _random_weights(seed: int) -> list[Tensor]:
    drawn = np.random.Generator(np.random.PCG64(seed))
    layers, channels = [], 3
    for width in RANDOM_WIDTHS:
        weights = drawn.standard_normal((width, channels, 3, 3)) * np.sqrt(2 / (channels * 9))
        layers.append(torch.from_numpy(weights))
        channels = width
    return layers


def _apply(network: list[Tensor], images: Tensor) -> Tensor:
    values = images
    for weights in network:
        values = torch.relu(nn.functional.conv2d(values, weights, stride=2, padding=1))
    return values.mean(dim=(2, 3))


def _inception(state: dict[str, Tensor]) -> nn.Module:
    # Imported here because it imports torchvision, which the random extractor does without.
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    # torch-fidelity unpickles its weights file with any code in it: it gets a copy written from tensors already verified.
    copy = io.BytesIO()
    torch.save(state, copy)
    copy.seek(0)
    try:
        network: nn.Module = FeatureExtractorInceptionV3(
            "inception-v3-compat", [INCEPTION_LAYER], feature_extractor_weights_path=copy
        )
    except RuntimeError as error:
        raise RequestError(f"weights inception: not the layers of Inception ({str(error).splitlines()[0]})") from None
    return network


def _check_pixels(pixels: Tensor) -> None:
    if pixels.dtype != torch.uint8 or pixels.ndim != 4 or pixels.shape[1] != 3:
        raise RequestError(f"features need uint8 RGB images [N, 3, H, W], not {pixels.dtype} {tuple(pixels.shape)}")
