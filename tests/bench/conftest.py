"""A tiny experiment, small enough to train in a test."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from bench.experiment import Experiment
from bench.preset_files import read_preset

TINY: dict[str, dict[str, Any]] = {
    "pix2pix": {"ngf": 4, "ndf": 4},
    "pix2pixhd": {"ngf": 4, "ndf": 4, "n_downsample": 2, "n_blocks": 1},
    "cyclegan": {"ngf": 4, "ndf": 4, "n_blocks": 6, "pool_size": 2},
    "unet-l1": {"ngf": 4},
}


@pytest.fixture(autouse=True)
def _no_metric_weights(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The weights that a developer happens to have must not change what the tests see."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path_factory.getbasetemp() / "no-weights"))


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny_values() -> dict[str, Any]:
    """The values of a tiny preset: 24 pages, 64 px, one seed."""
    values = read_preset("demo") | {"preset": "tiny", "resolution": 64, "seeds": [0], "budget": "24-steps"}
    values["model_settings"] = TINY
    values["data"] |= {"synthetic_pages": 24, "synthetic_size": 64}
    values["training"] |= {
        "batch_size": 1,
        "validation_windows": 2,
        "validation_snapshots": 2,
        "checkpoint_seconds": 1000.0,
    }
    return values


@pytest.fixture
def tiny_experiment(tiny_values: dict[str, Any]) -> Experiment:
    return Experiment.parse(tiny_values, "tiny")
