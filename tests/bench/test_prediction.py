"""Generators of cells, opened to colour."""

from __future__ import annotations

from pathlib import Path

import pytest
import safetensors.torch
import torch

import models
from bench.files import sha256_of, write_json
from bench.prediction import load_generator
from bench.runfolder import CellFolder

NARROW = {"ngf": 4, "ndf": 4, "n_blocks": 1, "n_downsample": 2}


def test_generator_colours_without_the_weights_of_its_losses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trained with the perceptual loss, on a machine that had VGG19; this one has it not."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "no weights"))
    trained = models.build("pix2pixhd", models.parse_settings("pix2pixhd", NARROW | {"vgg_loss": "off"}), 64, seed=3)
    settings = models.parse_settings("pix2pixhd", NARROW | {"vgg_loss": "on"})
    with pytest.raises(models.ModelError, match="vgg19"):
        models.build("pix2pixhd", settings, 64, seed=3)
    folder = CellFolder(tmp_path)
    safetensors.torch.save_file(trained.generator.state_dict(), folder.generator)
    card = {"model": "pix2pixhd", "seed": 3, "resolution": 64, "settings": settings.model_dump(mode="json")}
    write_json(folder.generator_card, card | {"sha256": sha256_of(folder.generator)})
    page = torch.rand(1, 3, 64, 64)
    assert torch.equal(load_generator(folder, "cpu").colorize(page), trained.colorize(page))
