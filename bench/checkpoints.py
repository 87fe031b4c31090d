"""Checkpoints of a cell: the complete state of training, saved so that a resumed cell equals an uninterrupted one."""

from __future__ import annotations

import logging
import random
from typing import Any

import numpy as np
import torch

from bench.files import atomic_file, sha256_of, write_bytes
from bench.runfolder import FORMAT, CellFolder

KEPT = 2
"""The newest checkpoint, and the one before for the case that the newest is damaged."""

_log = logging.getLogger("bench")


def save(folder: CellFolder, step: int, state: dict[str, Any], device: str) -> None:
    """Save `state` with all random generators as the checkpoint after `step` steps; drop all but the two newest."""
    path = folder.checkpoint(step)
    with atomic_file(path) as file:
        torch.save({"format": FORMAT, "step": step, "random": random_state(device), **state}, file)
    write_bytes(path.with_suffix(".sha256"), sha256_of(path).encode())
    for old in folder.checkpoints()[KEPT:]:
        _delete(folder, old.name)


def load_newest(folder: CellFolder, device: str) -> dict[str, Any] | None:
    """Return the newest sound checkpoint, its tensors on `device`, or None; damaged ones are named in the log and left out."""
    for path in folder.checkpoints():
        digest = path.with_suffix(".sha256")
        if not digest.is_file() or digest.read_bytes() != sha256_of(path).encode():
            _log.warning("%s: %s is damaged or incomplete; using the one before", folder.name, path.name)
            continue
        try:
            state = torch.load(path, map_location=device, weights_only=True)
        except torch.OutOfMemoryError:
            raise
        # Whole, and yet none of ours: code in it is not run, and what torch raises then is not a closed list.
        except Exception:
            _log.warning("%s: %s holds something else than a checkpoint; not read", folder.name, path.name)
            continue
        if isinstance(state, dict) and state.get("format") == FORMAT:
            return state
        _log.warning("%s: %s is no checkpoint of format %s; not read", folder.name, path.name, FORMAT)
    return None


def delete_all(folder: CellFolder) -> None:
    """Delete every checkpoint of a cell that is done."""
    for path in folder.checkpoints():
        _delete(folder, path.name)


def _delete(folder: CellFolder, name: str) -> None:
    path = folder.path / name
    path.unlink(missing_ok=True)
    path.with_suffix(".sha256").unlink(missing_ok=True)


def seed_everything(seed: int) -> None:
    """Seed every random generator that training may draw from."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 -- other people's models may draw from the global generator
    torch.manual_seed(seed)


def random_state(device: str) -> dict[str, Any]:
    """Return the state of every random generator, made of what `torch.load(weights_only=True)` accepts."""
    version, words, gauss = random.getstate()
    name, keys, position, has_gauss, cached = np.random.get_state()  # noqa: NPY002
    state: dict[str, Any] = {
        "python": [version, list(words), gauss],
        "numpy": [str(name), torch.from_numpy(np.asarray(keys).astype(np.int64)), position, has_gauss, cached],
        "torch": torch.get_rng_state(),
    }
    if device.startswith("cuda"):
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def restore_random_state(state: dict[str, Any], device: str) -> None:
    """Put every random generator back to `state`."""
    version, words, gauss = state["python"]
    random.setstate((version, tuple(words), gauss))
    name, keys, position, has_gauss, cached = state["numpy"]
    np.random.set_state((name, keys.cpu().numpy().astype(np.uint32), position, has_gauss, cached))  # noqa: NPY002
    torch.set_rng_state(state["torch"].cpu())
    if device.startswith("cuda"):
        torch.cuda.set_rng_state(state["cuda"].cpu(), device)
