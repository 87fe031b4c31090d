"""Where the weights of DINOv2 are looked for, and what is missing to use them. Imports neither torch nor timm."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from bench.errors import RequestError

Wish = Literal["off", "auto", "require"]
"""Whether a run has scores on DINOv2: never, where it can be had, or not without it."""

ARCHITECTURE = "vit_large_patch14_dinov2.lvd142m"
"""timm's name of the network and of its weights."""

REPOSITORY = f"timm/{ARCHITECTURE}"
"""Of the Hub, which publishes the weights as one safetensors file."""

HUB_FILE = "model.safetensors"
FILE_NAME = f"{ARCHITECTURE}.safetensors"
"""What the file is called where it was put by hand, beside the other weights."""

SIZE_MIB = 1161
"""About what the file takes."""

PACKAGE_MEND = "pip install -e '.[dinov2]' in the project's folder"


def find_dinov2(folders: Sequence[Path]) -> Path | None:
    """Return the weights of DINOv2: in one of `folders` under FILE_NAME, or in the Hub's cache; None where there are none."""
    by_hand = (folder / FILE_NAME for folder in folders)
    if (found := next((path for path in by_hand if path.is_file()), None)) is not None:
        return found
    from huggingface_hub import try_to_load_from_cache

    cached = try_to_load_from_cache(REPOSITORY, HUB_FILE)
    return Path(cached) if isinstance(cached, str) else None


def has_package() -> bool:
    """Return whether timm, which has the network, is installed."""
    return importlib.util.find_spec("timm") is not None


def missing_for_dinov2(folders: Sequence[Path]) -> str | None:
    """Return what keeps DINOv2 from being used, with the mend; None where nothing does."""
    if not has_package():
        return f"the package timm is not installed: {PACKAGE_MEND}"
    if find_dinov2(folders) is None:
        return (
            f"no {FILE_NAME} in {folders[0]} and no {REPOSITORY} in the Hub's cache: "
            "`bench data prepare --weights-only --set metrics.dinov2=auto` fetches it"
        )
    return None


def fetch_dinov2() -> Path:
    """Download the weights into the Hub's cache and return their path; an interrupted download is gone on with.

    Raises RequestError, one line, where the Hub does not give them.
    """
    from huggingface_hub import hf_hub_download

    try:
        return Path(hf_hub_download(REPOSITORY, HUB_FILE))
    # The client raises errors of its own, of its transport and of the disk.
    except Exception as error:
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise RequestError(
            f"weights dinov2: {REPOSITORY} cannot be fetched ({reason}); check the connection, or put its {HUB_FILE} as "
            f"{FILE_NAME} beside the other weights"
        ) from None
