"""Where and with what a run was made: hardware, versions, commit, and which checkout the packages come from."""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

from bench.errors import RequestError

_ROOT = Path(__file__).resolve().parent.parent
_PACKAGES = (
    "manga-gan-bench",
    "torch",
    "torchvision",
    "numpy",
    "scikit-image",
    "scipy",
    "lpips",
    "torch-fidelity",
    "pandas",
    "pillow",
)


def check_packages() -> None:
    """Raise RequestError where `models` or `data` come from another checkout than `bench`."""
    for name in ("models", "data"):
        # Found, not imported: another checkout's code must not run before its name is known.
        origin = importlib.util.find_spec(name)
        found = Path((origin and origin.origin) or "nowhere").resolve().parent
        if found != _ROOT / name:
            raise RequestError(
                f"the package {name!r} is taken from {found}, which shadows ours in {_ROOT / name}: "
                "run from another folder, or take that one off PYTHONPATH"
            )


def collect(device: str) -> dict[str, Any]:
    """Return what a reader needs to judge, repeat and cite the run: date (UTC), hardware, versions, commit, threads."""
    import torch

    return {
        "date": datetime.now(UTC).date().isoformat(),
        "hardware": {
            "cpu": _processor(),
            "cores": os.cpu_count(),
            "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
            "gpu": torch.cuda.get_device_name(device) if device.startswith("cuda") else None,
        },
        "platform": platform.platform(),
        "threads": torch.get_num_threads(),
        "versions": {"python": platform.python_version()} | {name: _version(name) for name in _PACKAGES},
        **_commit(),
    }


@functools.cache
def machine(device: str) -> str:
    """Return what computes, in a few words: the GPU's name, or the processor's with the number of cores."""
    import torch

    if device.startswith("cuda"):
        return torch.cuda.get_device_name(device)
    return f"{_processor()}, {os.cpu_count()} cores"


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    """Return the processor's name as the system shows it to people, where it does."""
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _commit() -> dict[str, Any]:
    """Return the commit of the checkout, and whether files differ from it; None outside a checkout."""
    top = _git("rev-parse", "--show-toplevel")
    if top is None or Path(top).resolve() != _ROOT:
        # Installed into some folder of another repository, whose commits say nothing of this code.
        commit = _installed_commit()
        return {"commit": commit, "dirty": None if commit is None else False}
    commit = _git("rev-parse", "HEAD")
    changes = _git("status", "--porcelain")
    return {"commit": commit or None, "dirty": bool(changes) if changes is not None else None}


def _installed_commit() -> str | None:
    """Return the commit that pip recorded where it installed the project from a repository, "pip install git+https://…"."""
    try:
        text = metadata.distribution(_PACKAGES[0]).read_text("direct_url.json")
        record = json.loads(text or "{}").get("vcs_info", {})
    except (metadata.PackageNotFoundError, ValueError, AttributeError):
        return None
    commit = record.get("commit_id") if isinstance(record, dict) else None
    return str(commit) if commit else None


def _git(*arguments: str) -> str | None:
    try:
        result = subprocess.run(
            ["git", "-C", str(_ROOT), *arguments], capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return result.stdout.strip()
