"""Reads the conformance numbers of the original implementations; the format is that of tests/reference/README.md."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

REFERENCE = Path(__file__).parent.parent / "reference"


def filled(network, seed):
    """Fill all parameters with the closed form of the reference numbers, in float64."""
    with torch.no_grad():
        for position, (name, parameter) in enumerate(sorted(network.named_parameters())):
            index = torch.arange(parameter.numel(), dtype=torch.float64)
            value = torch.sin(0.7 * index + position + seed).view_as(parameter)
            if parameter.ndim >= 2:
                value = 0.05 * value
            elif name.endswith("weight"):
                value = 1 + 0.1 * value
            else:
                value = 0.02 * value
            parameter.copy_(value)
    return network


def image(size, phase, channels=3):
    """Return one float64 image [1, channels, size, size] of the reference inputs."""
    j = torch.arange(channels, dtype=torch.float64).view(-1, 1, 1)
    y = torch.arange(size, dtype=torch.float64).view(1, -1, 1)
    x = torch.arange(size, dtype=torch.float64).view(1, 1, -1)
    return (torch.sin(0.11 * x * (j + 1) + 0.07 * y + phase + j) * torch.cos(0.05 * y * (j + 1) - phase))[None]


def pages(size, seed, batch):
    """Return the reference batch (A, B)."""
    a = torch.cat([image(size, 0.3 + seed + n) for n in range(batch)])
    b = torch.cat([image(size, 1.7 + seed + n) for n in range(batch)])
    return a, b


def probe_deviation(tensor, probe):
    """Return the largest deviation of a tensor from its probe, relative to max(mean of absolute values, deviation)."""
    assert list(tensor.shape) == probe["shape"]
    scale = max(probe["abs_mean"], probe["std"])
    flat = tensor.detach().flatten()
    samples = [flat[flat.numel() * q // 17].item() for q in range(17)]
    found = [flat.mean().item(), flat.abs().mean().item(), flat.std().item(), *samples]
    wanted = [probe["mean"], probe["abs_mean"], probe["std"], *probe["samples"]]
    return max(abs(a - b) for a, b in zip(found, wanted, strict=True)) / scale


def loss_deviation(found, wanted):
    """Return the largest relative deviation of named losses."""
    assert set(found) == set(wanted)
    return max(abs(found[name].item() - value) / abs(value) for name, value in wanted.items())


@pytest.fixture(scope="session")
def reference():
    """Return all cases of the reference numbers by name."""
    files = ("pix2pix_cyclegan.json", "pix2pixhd.json")
    return {name: case for file in files for name, case in json.loads((REFERENCE / file).read_text()).items()}


@pytest.fixture(scope="session")
def conformance():
    """Return this module's functions, since tests are not importable."""
    functions = (filled, image, pages, probe_deviation, loss_deviation)
    return type("Conformance", (), {function.__name__: staticmethod(function) for function in functions})
