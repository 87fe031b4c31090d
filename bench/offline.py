"""`--offline`: nothing is asked for over the network, neither by us nor by the libraries that would do so by themselves."""

from __future__ import annotations

import os

_VARIABLES = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE")


def go_offline() -> None:
    """Tell huggingface_hub and datasets, which read these variables when they are imported: call it before that."""
    for name in _VARIABLES:
        os.environ[name] = "1"
