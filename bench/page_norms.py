"""Norms with the statistics of a whole page while its tiles go through a network one after the other.

Instance norm, and batch norm that takes the statistics of each image, scale features by the mean and the variance of
what they are given: a tile with much ink comes out in another tone than its neighbour. Here they get the mean and the
variance that their input has over the whole page, one norm after the other: all tiles go through the network up to the
first norm, and what they have there is merged (Chan, Golub and LeVeque 1983, "Algorithms for computing the sample
variance"); then they go up to the second norm, the first one applying what was found; and so on. Gathering for all
norms in the same pass, and repeating that, does not come near until there have been as many passes as norms, since a
norm's input depends on all norms before it.

Networks know nothing of this: while the context lasts, the norms' `forward` is replaced from outside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.errors import RequestError
from models.layers import BatchNorm

CHUNK_ELEMENTS = 2**21
"""Features taken into float64 at once, 16 MiB: sums over a page need the digits, a copy of all features is too large."""

_UNKNOWN = (nn.GroupNorm, nn.LayerNorm, nn.LocalResponseNorm, nn.InstanceNorm1d, nn.InstanceNorm3d)


class PageNorms:
    """The norms of a network that look at each image, and what they find on a page."""

    def __init__(self, network: nn.Module) -> None:
        """Find them; raises RequestError for a kind whose statistics cannot be merged here."""
        for module in network.modules():
            if isinstance(module, _UNKNOWN):
                raise RequestError(
                    f"the network has a {type(module).__name__}, which differs from tile to tile;"
                    " give a smaller --short-side, or --tile 0"
                )
        self._norms = [_PageNorm(module) for module in network.modules() if _sees_each_image(module)]

    def __len__(self) -> int:
        return len(self._norms)

    def are_settled(self) -> bool:
        """Whether every norm has the page's statistics."""
        return all(norm.settled is not None for norm in self._norms)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Let these norms take the place of the network's own while the context lasts."""
        for norm in self._norms:
            setattr(norm.module, "forward", norm.forward)  # noqa: B010 -- an attribute of this one module
        try:
            yield
        finally:
            for norm in self._norms:
                delattr(norm.module, "forward")

    def gather(self, run: Callable[[], object], weights: Tensor) -> None:
        """Do `run`, a forward pass of one tile, as far as the first norm that is not settled, which takes in what it sees.

        `weights` [H, W] are those of the tile's pixels; over all tiles they add up to 1 at every pixel of the page.
        """
        for norm in self._norms:
            norm.weights = weights
        try:
            run()
        except _Gathered:
            pass
        finally:
            for norm in self._norms:
                norm.weights = None

    def settle(self) -> bool:
        """Let the norm that has seen all tiles apply their statistics from now on; return False where none has seen any."""
        return any(norm.settle() for norm in self._norms)


class _Gathered(Exception):
    """Ends a forward pass whose rest is of no use."""


class _PageNorm:
    def __init__(self, module: nn.Module) -> None:
        assert isinstance(module, nn.InstanceNorm2d | BatchNorm)
        self.module = module
        self.weights: Tensor | None = None
        self.settled: tuple[Tensor, Tensor] | None = None
        self._own = module.forward
        self._moments = _Moments()

    def forward(self, features: Tensor) -> Tensor:
        """Return the normalised [1, C, H, W]."""
        if self.settled is not None:
            # Never below float32, as norms compute under autocast.
            dtype = torch.promote_types(features.dtype, torch.float32)
            mean, variance = (statistic.to(dtype) for statistic in self.settled)
            return F.batch_norm(features, mean, variance, self.module.weight, self.module.bias, eps=self.module.eps)
        if self.weights is not None:
            self._moments.add(features[0], self.weights)
            raise _Gathered
        normalised: Tensor = self._own(features)
        return normalised

    def settle(self) -> bool:
        if self.settled is not None or self._moments.is_empty():
            return False
        self.settled = self._moments.mean_and_variance()
        return True


class _Moments:
    """Weighted mean and variance by channel, in float64, merged tile by tile."""

    def __init__(self) -> None:
        self._total = 0.0
        self._mean = torch.zeros(())
        self._squares = torch.zeros(())

    def is_empty(self) -> bool:
        return self._total == 0

    def add(self, features: Tensor, pixel_weights: Tensor) -> None:
        """Take in `features` [C, h, w] of a tile whose pixels have the weights [H, W]."""
        height, width = features.shape[-2:]
        weights = F.adaptive_avg_pool2d(pixel_weights[None, None], (height, width)).double().flatten()
        # In pixels of the page, so that a tile weighs the same in every layer.
        total = float(weights.sum()) * pixel_weights.numel() / weights.numel()
        shares = weights / weights.sum()
        channels = max(1, CHUNK_ELEMENTS // shares.numel())
        parts = [_mean_and_variance(chunk.flatten(1).double(), shares) for chunk in torch.split(features, channels)]
        mean, variance = (torch.cat(part) for part in zip(*parts, strict=True))
        together = self._total + total
        difference = mean - self._mean.to(mean)
        self._squares = (
            self._squares.to(mean) + variance * total + difference.square() * (self._total * total / together)
        )
        self._mean = self._mean.to(mean) + difference * (total / together)
        self._total = together

    def mean_and_variance(self) -> tuple[Tensor, Tensor]:
        """Return both [C], float64; the variance is the biased one that norms use."""
        return self._mean, self._squares / self._total


def _mean_and_variance(features: Tensor, shares: Tensor) -> tuple[Tensor, Tensor]:
    """Return both [C] of `features` [C, P] at pixels that have `shares` [P] of the whole; `features` are used up."""
    # Not as matrix products, which torch refuses on a GPU in deterministic mode without settings of the environment.
    mean = (features * shares).sum(dim=1)
    features -= mean[:, None]
    return mean, features.square_().mul_(shares).sum(dim=1)


def _sees_each_image(module: nn.Module) -> bool:
    if isinstance(module, BatchNorm):
        return module.statistics == "image"
    return isinstance(module, nn.InstanceNorm2d) and not module.track_running_stats
