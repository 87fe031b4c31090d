"""What Pix2PixHD does with an instance map: the boundary map, and the mean of features over each instance.

Wang et al., "High-resolution image synthesis and semantic manipulation with conditional GANs", CVPR 2018: sections 3.3
(boundary map) and 3.4 (instance-wise average pooling). An instance map is a tensor [N, 1, H, W] of any integer type; its
ids mean "the same" or "not the same" within one image, and nothing else.
"""

from __future__ import annotations

import torch
from torch import Tensor


def boundary_map(instances: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    """Return [N, 1, H, W] in `dtype` (torch's default if None): 1 where an id differs from a neighbour's, 0 elsewhere.

    Neighbours are left, right, above and below, so both sides of a boundary are marked; the picture's border is none.
    `get_edges` of NVIDIA/pix2pixHD (`models/pix2pixHD_model.py`).
    """
    edges = torch.zeros_like(instances, dtype=torch.bool)
    across = instances[..., :, 1:] != instances[..., :, :-1]
    edges[..., :, 1:] |= across
    edges[..., :, :-1] |= across
    down = instances[..., 1:, :] != instances[..., :-1, :]
    edges[..., 1:, :] |= down
    edges[..., :-1, :] |= down
    return edges.to(torch.get_default_dtype() if dtype is None else dtype)


def pool_by_instance(features: Tensor, instances: Tensor) -> Tensor:
    """Return `features` [N, C, H, W] with each pixel's values replaced by their mean over its instance in its image.

    `Encoder.forward` of NVIDIA/pix2pixHD (`models/networks.py`), without its loops over images, ids and channels.
    Each image is pooled on its own, so the result does not depend on what else is in the batch. `instances` is
    [N, 1, H, W]. Differentiable in `features`.
    """
    if not len(features):
        return features
    return torch.stack([_pooled(image, ids) for image, ids in zip(features, instances, strict=True)])


def _pooled(features: Tensor, ids: Tensor) -> Tensor:
    """Return features [C, H, W] averaged over the ids [1, H, W]."""
    _, position, areas = torch.unique(ids.flatten(), return_inverse=True, return_counts=True)
    places = position.expand(len(features), -1)
    # In float64: a running sum in float32 over a large region would be off in the fifth digit.
    flat = features.flatten(1).double()
    sums = flat.new_zeros(len(features), len(areas)).scatter_add(1, places, flat)
    means: Tensor = (sums / areas).gather(1, places)
    return means.to(features.dtype).view_as(features)
