"""The instance-wise feature encoder of Pix2PixHD, and the clusters of its features that stand in for it when colouring.

Wang et al., CVPR 2018, section 3.4; `Encoder` in NVIDIA's `networks.py` and `encode_features.py`. The encoder sees the
coloured truth, so at test time it may not be used: there, features are drawn from clusters found on training pages.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2
from torch import Tensor, nn

from models.errors import ModelError
from models.instances import pool_by_instance
from models.resnet import ResnetGenerator

AREA_UNITS = 32
LEAST_UNITS = 0.5
"""A region counts for the clusters where it covers more than half of a 32nd of the picture (original:
`encode_features.py`, block_num 32 and `feat[:, -1] > 0.5`)."""


MOST_ITERATIONS = 300
"""Rounds of K-means (original: scikit-learn's default)."""


class FeatureEncoder(nn.Module):
    """Halvings and doublings like a generator without residual blocks; then the mean over each instance.

    `forward` takes the coloured page [N, 3, H, W] and ids [N, 1, H, W]; returns [N, feat_num, H, W] in [-1, 1], constant
    on each instance. Keys of the state are the original's ("model.1.weight").
    """

    def __init__(self, nef: int, n_downsample: int, feat_num: int) -> None:
        super().__init__()
        self.model = ResnetGenerator(nef, n_downsample, 0, out_channels=feat_num).model

    def forward(self, color: Tensor, instances: Tensor) -> Tensor:
        """Return the pooled features [N, feat_num, H, W]."""
        features: Tensor = self.model(color)
        if features.is_meta:
            # Where FLOPs are counted there are no ids to pool over, and pooling is not counted.
            return features
        return pool_by_instance(features, instances)


def large_region_features(features: Tensor, instances: Tensor) -> NDArray[np.float64]:
    """Return the pooled features [K, feat_num] of the K regions of a batch that are large enough to count."""
    rows = []
    for pooled, ids in zip(features, instances, strict=True):
        _, inverse, areas = torch.unique(ids.flatten(), return_inverse=True, return_counts=True)
        # All pixels of a region hold the same features, so any of them speaks for it.
        first = torch.full_like(areas, ids.numel()).scatter_reduce(
            0, inverse, torch.arange(ids.numel(), device=ids.device), reduce="amin"
        )
        large = areas > LEAST_UNITS * (ids.numel() // AREA_UNITS)
        rows.append(pooled.flatten(1)[:, first[large]].T)
    return np.asarray(torch.cat(rows).double().cpu().numpy())


def cluster_centres(features: Iterable[NDArray[np.float64]], count: int, seed: int) -> NDArray[np.float64]:
    """Return K-means centres [count, feat_num]; with no more features than `count`, the features themselves, repeated.

    The original clusters by class label (`KMeans(n_clusters=10)`); a page has no labels, so there is one set.
    """
    points = np.concatenate(list(features))
    if not len(points):
        raise ModelError("no region of the training pages is large enough to find clusters of features on")
    distinct = np.unique(points, axis=0)
    if len(distinct) <= count:
        return np.asarray(distinct[np.arange(count) % len(distinct)])
    centres, _ = kmeans2(points, count, iter=MOST_ITERATIONS, minit="++", rng=np.random.default_rng(seed))
    return np.asarray(centres)


def sampled_features(instances: Tensor, centres: Tensor, seed: int) -> Tensor:
    """Return [N, feat_num, H, W]: each region the centre that was drawn for it, the same for the same ids and seed.

    `instances` holds ids from 1; each image draws for itself, so that it does not matter what else is in the batch.
    """
    if instances.is_meta:
        return centres.new_empty(len(instances), centres.shape[1], *instances.shape[2:])
    drawn = []
    for ids in instances[:, 0]:
        generator = torch.Generator().manual_seed(seed)
        choice = torch.randint(len(centres), (int(ids.max()) + 1,), generator=generator).to(ids.device)
        drawn.append(centres[choice[ids]].permute(2, 0, 1))
    return torch.stack(drawn)
