"""Every model's step gives the losses of the step that the papers' code does, written plainly in benchmarks/textbook.py."""

import importlib.util
import sys
from pathlib import Path

import pytest
import torch

import models
from models import small_images, winograd

R, STEPS = 64, 4
NARROW = {
    "pix2pix": {"ngf": 4, "ndf": 4, "dropout": 0.0},
    "pix2pixhd": {"ngf": 4, "ndf": 4, "n_blocks": 1, "vgg_loss": "off"},
    "cyclegan": {"ngf": 4, "ndf": 4, "n_blocks": 1},
}


@pytest.fixture(scope="module")
def yardstick():
    path = Path(__file__).parents[2] / "benchmarks" / "textbook.py"
    spec = importlib.util.spec_from_file_location("textbook", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["textbook"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["textbook"]


@pytest.mark.parametrize("name", NARROW)
@pytest.mark.parametrize("size", [1, 2])
def test_losses_are_those_of_the_textbook_step(name, size, yardstick):
    settings = models.parse_settings(name, NARROW[name])
    ours = models.build(name, settings, R, seed=0, dtype=torch.float64)
    theirs = yardstick.textbook(name, ours, yardstick.Parts(lambda: None))
    for step in range(STEPS):
        generator = torch.Generator().manual_seed(step)
        bw, color = torch.rand(2, size, 3, R, R, generator=generator, dtype=torch.float64) * 2 - 1
        found, wanted = ours.train_step(bw, color), theirs.step(bw, color)
        assert found.keys() == wanted.keys()
        for key, value in wanted.items():
            assert float(found[key]) == pytest.approx(float(value), rel=1e-9, abs=1e-12)
    for network, plain in theirs.networks.items():
        for key, value in plain.state_dict().items():
            assert torch.allclose(
                ours.networks()[network].state_dict()[key].double(), value.double(), rtol=1e-6, atol=1e-6
            )


WIDE = {
    "pix2pix": {"ngf": 2, "ndf": 32, "dropout": 0.0},
    "pix2pixhd": {"ngf": 2, "ndf": 32, "n_blocks": 1, "num_D": 1, "vgg_loss": "off"},
    "cyclegan": {"ngf": 32, "ndf": 32, "n_blocks": 1},
}
"""Wide enough in a few layers for Winograd's convolutions."""


def test_losses_are_those_of_the_textbook_step_by_products_of_small_images_too(yardstick, monkeypatch):
    made = []
    for name in ("transposed_convolution", "convolution_to_one_pixel"):
        own = getattr(small_images, name)
        monkeypatch.setattr(small_images, name, lambda *given, own=own, name=name: made.append(name) or own(*given))
    monkeypatch.setattr(small_images, "LEAST_CHANNELS", 8)
    settings = models.parse_settings("pix2pix", NARROW["pix2pix"])
    ours = models.build("pix2pix", settings, R, seed=0, dtype=torch.float64)
    theirs = yardstick.textbook("pix2pix", ours, yardstick.Parts(lambda: None))
    for step in range(2):
        generator = torch.Generator().manual_seed(step)
        bw, color = torch.rand(2, 1, 3, R, R, generator=generator, dtype=torch.float64) * 2 - 1
        found = ours.train_step(bw, color)
        assert {"transposed_convolution", "convolution_to_one_pixel"} <= set(made)
        before = len(made)
        wanted = theirs.step(bw, color)
        assert len(made) == before, "the yardstick is torch's own"
        for key, value in wanted.items():
            assert float(found[key]) == pytest.approx(float(value), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("name", WIDE)
def test_losses_are_those_of_the_textbook_step_by_winograd_too(name, yardstick, monkeypatch):
    made = []
    own = winograd.winograd_convolution
    monkeypatch.setattr(winograd, "winograd_convolution", lambda *given: made.append(1) or own(*given))
    size = 2 * R if name == "cyclegan" else 4 * R
    settings = models.parse_settings(name, WIDE[name])
    ours = models.build(name, settings, size, seed=0, dtype=torch.float64)
    theirs = yardstick.textbook(name, ours, yardstick.Parts(lambda: None))
    for step in range(2):
        generator = torch.Generator().manual_seed(step)
        bw, color = torch.rand(2, 1, 3, size, size, generator=generator, dtype=torch.float64) * 2 - 1
        found = ours.train_step(bw, color)
        assert made
        before = len(made)
        wanted = theirs.step(bw, color)
        assert len(made) == before, "the yardstick is torch's own"
        for key, value in wanted.items():
            assert float(found[key]) == pytest.approx(float(value), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("name", NARROW)
def test_flops_are_counted_on_the_textbook_step(name, yardstick):
    """So that a faster implementation leaves the budget what it was."""
    from torch.utils.flop_counter import FlopCounterMode

    from bench.planning import flops_per_step

    settings = models.parse_settings(name, NARROW[name])
    translator = models.build(name, settings, R, seed=0, device="meta")
    theirs = yardstick.textbook(name, translator, yardstick.Parts(lambda: None))
    batch = torch.empty(1, 3, R, R, device="meta")
    counter = FlopCounterMode(display=False)
    with counter:
        theirs.step(batch, batch)
    assert flops_per_step(name, settings, R, 1) == counter.get_total_flops()
