"""Features on disk: kept with the pixels' digest and the network's identity, and taken again only where both are the same."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.errors import RequestError
from bench.files import read_array, read_json, sha256_of, write_array, write_json
from bench.metrics.features import Features
from bench.metrics.set_scores import FeatureReader

_log = logging.getLogger("bench")


def kept_features(folder: Path, windows: NDArray[np.uint8], reader: FeatureReader) -> Features:
    """Return the reader's float64 features [networks, N, d] of windows [N, H, W, 3], from `folder` or computed and kept there.

    The key is the content: sha256 of the pixels, network, layer, weights and resizing; a file's name decides nothing. Features
    that are not those that were written, by their sha256, are computed again.
    """
    path = folder / f"{reader.identity.extractor}.npy"
    card = path.with_suffix(".json")
    wanted = _card(windows, reader)
    if card.exists() and path.exists():
        try:
            stored = read_json(card)
            if stored == wanted | {"features_sha256": sha256_of(path)}:
                return read_array(path)
        except RequestError as error:
            _log.warning("%s; computed again", str(error).partition(";")[0])
    features = reader.features(windows)
    # A card never stands beside features that are not its own.
    card.unlink(missing_ok=True)
    write_array(path, features)
    write_json(card, wanted | {"features_sha256": sha256_of(path)})
    return features


def _card(windows: NDArray[np.uint8], reader: FeatureReader) -> dict[str, Any]:
    pixels = hashlib.sha256(repr(windows.shape).encode())
    pixels.update(np.ascontiguousarray(windows).data)
    return {"pixels_sha256": pixels.hexdigest(), "dtype": "float64", **asdict(reader.identity)}
