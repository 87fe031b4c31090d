"""Twenty steps of every model give the losses that were stored: a change that should alter no number is held to it.

In float64 and without dropout, so that another processor's rounding stays far below the tolerance. A change that is meant to alter
them records them anew with `python tests/models/test_same_numbers.py`, and says why in its commit.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

import models

STORED = Path(__file__).parents[1] / "reference" / "losses.json"
STEPS = 20
TOLERANCE = 1e-7

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "pix2pix": ("pix2pix", {"ngf": 4, "ndf": 4, "dropout": 0.0}),
    "pix2pix-resnet-lsgan": ("pix2pix", {"ngf": 4, "ndf": 4, "dropout": 0.0, "netG": "resnet", "n_blocks": 2, "gan_mode": "lsgan"}),
    "pix2pixhd": ("pix2pixhd", {"ngf": 4, "ndf": 4, "n_blocks": 2, "n_downsample": 2, "vgg_loss": "off"}),
    "pix2pixhd-enhancer": (
        "pix2pixhd",
        {"ngf": 4, "ndf": 4, "n_blocks": 2, "n_downsample": 2, "vgg_loss": "off", "netG": "local", "n_blocks_local": 1},
    ),
    "cyclegan": ("cyclegan", {"ngf": 4, "ndf": 4, "n_blocks": 2, "pool_size": 4}),
    "unet-l1": ("unet-l1", {"ngf": 4, "dropout": 0.0}),
}  # fmt: skip


def losses(case: str) -> list[dict[str, float]]:
    """The losses of each step at 64 px, batches of two, the learning rate falling to zero."""
    name, settings = CASES[case]
    torch.manual_seed(0)
    translator = models.build(name, models.parse_settings(name, settings), 64, seed=0, dtype=torch.float64)
    rows = []
    for step in range(STEPS):
        source = torch.Generator().manual_seed(step)
        bw, color = torch.rand(2, 2, 3, 64, 64, generator=source, dtype=torch.float64) * 2 - 1
        translator.set_progress(step / STEPS)
        translator.scale_lr(1 - step / STEPS)
        rows.append({name: float(value) for name, value in translator.train_step(bw, color).items()})
    return rows


@pytest.mark.parametrize("case", CASES)
def test_losses_of_twenty_steps_are_those_that_were_stored(case: str) -> None:
    stored = json.loads(STORED.read_text())[case]
    for step, (now, before) in enumerate(zip(losses(case), stored, strict=True)):
        assert now == pytest.approx(before, rel=TOLERANCE, abs=1e-12), f"step {step}"


if __name__ == "__main__":
    torch.set_num_threads(1)
    STORED.write_text(json.dumps({case: losses(case) for case in CASES}, indent=1) + "\n")
