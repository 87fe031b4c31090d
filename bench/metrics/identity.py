"""Identity of scores: two numbers may stand in one column only if their metric ids are equal."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

PAIRING = "same pages"
"""What ids say of scores whose outputs and truths show the same pages."""


@dataclass(frozen=True)
class NetworkIdentity:
    """What a feature metric was computed with: the network, its layer, its weights, and how images were resized for it.

    `weights_sha256` is the digest of the published file, or, for networks drawn from seeds, of the drawn numbers themselves.
    """

    extractor: str
    layer: str
    weights_sha256: str
    resize: str


def metric_id(
    metric: str, identity: NetworkIdentity, *, n_generated: int, n_reference: int, pairing: str = "same pages"
) -> str:
    """Return the id of a score: metric, extractor, layer, weights digest (16 digits), resize, n and pairing, joined by colons."""
    parts = (
        metric,
        identity.extractor,
        identity.layer,
        identity.weights_sha256[:16],
        identity.resize,
        f"{n_generated}x{n_reference}",
        pairing.replace(" ", "-"),
    )
    return ":".join(parts)


def digest_of_arrays(arrays: Iterable[NDArray[np.floating[Any]]]) -> str:
    """Return the sha256 (hex) of the arrays' shapes and values, rounded to little-endian float32, in their order."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(repr(array.shape).encode())
        digest.update(np.ascontiguousarray(array, dtype="<f4").tobytes())
    return digest.hexdigest()
