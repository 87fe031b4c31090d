"""Colouring: deterministic, image by image, without a trace in the training state."""

import copy

import pytest
import torch

import models

SMALL = {
    "pix2pix": {"ngf": 4, "ndf": 4},
    "pix2pixhd": {"ngf": 4, "ndf": 4, "n_blocks": 2, "n_downsample": 2},
    "cyclegan": {"ngf": 4, "ndf": 4, "n_blocks": 2},
    "unet-l1": {"ngf": 4},
    "copy": {},
}
DROPPING = {"pix2pix": {}, "unet-l1": {}, "cyclegan": {"dropout": 0.5}}


def trained(name, dtype=torch.float64, **settings):
    """Return a small model after two steps, so that its statistics are its own."""
    parsed = models.parse_settings(name, SMALL[name] | settings)
    translator = models.build(name, parsed, 64, seed=1, dtype=dtype)
    if translator.trained:
        for step in range(2):
            translator.train_step(pages(2, seed=step, dtype=dtype), pages(2, seed=step + 9, dtype=dtype))
    return translator


def pages(count, seed=5, size=64, dtype=torch.float64):
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(seed), dtype=dtype) * 2 - 1


@pytest.mark.parametrize("name", SMALL)
def test_same_answer_every_time_and_in_range(name):
    translator = trained(name)
    output = translator.colorize(pages(2))
    assert torch.equal(output, translator.colorize(pages(2)))
    assert output.shape == (2, 3, 64, 64)
    assert output.abs().max() <= 1
    assert not output.requires_grad


@pytest.mark.parametrize("statistics", ["image", "running"])
@pytest.mark.parametrize("name", SMALL)
def test_images_do_not_see_their_batch(name, statistics):
    settings = {} if name in ("pix2pixhd", "copy") else {"inference_batch_norm": statistics}
    translator, batch = trained(name, **settings), pages(3)
    together = translator.colorize(batch)
    alone = torch.cat([translator.colorize(image) for image in batch.split(1)])
    assert torch.allclose(together, alone, rtol=0, atol=1e-12)
    others = batch.clone()
    others[1:] = -1
    assert torch.equal(translator.colorize(others)[0], together[0])


@pytest.mark.parametrize("name", SMALL)
def test_training_state_is_untouched(name):
    translator = trained(name)
    next(iter(translator.generator.children()), translator.generator).eval()
    state = copy.deepcopy(translator.state())
    modes = [module.training for module in translator.generator.modules()]
    generator = torch.get_rng_state()
    translator.colorize(pages(2))
    assert [module.training for module in translator.generator.modules()] == modes
    assert torch.equal(torch.get_rng_state(), generator)
    for network, values in translator.state()["networks"].items():
        assert all(torch.equal(value, state["networks"][network][key]) for key, value in values.items())


def test_modes_come_back_after_an_error():
    translator = trained("pix2pix")
    with pytest.raises(RuntimeError):
        translator.colorize(pages(1).float())
    assert all(module.training for module in translator.generator.modules())


def test_pix2pix_colours_like_the_original_on_one_image():
    # The original tests one image at a time with the network left in training mode; without dropout:
    translator = trained("pix2pix", dropout=0)
    batch = pages(2)
    original = copy.deepcopy(translator.generator)
    alone = torch.cat([original(image) for image in batch.split(1)])
    assert torch.allclose(translator.colorize(batch), alone, rtol=0, atol=1e-12)


def test_running_statistics_are_those_of_the_original_with_eval():
    translator = trained("pix2pix", inference_batch_norm="running")
    plain = copy.deepcopy(translator.generator).eval()
    for module in plain.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.__class__ = torch.nn.BatchNorm2d
    output = translator.colorize(pages(1))
    assert torch.equal(output, plain(pages(1)))
    assert not torch.allclose(output, trained("pix2pix").colorize(pages(1)))


@pytest.mark.parametrize("name", DROPPING)
def test_dropout_when_asked_for(name):
    off = trained(name, **DROPPING[name])
    on = trained(name, inference_dropout_seed=3, **DROPPING[name])
    other = trained(name, inference_dropout_seed=4, **DROPPING[name])
    generator = torch.get_rng_state()
    batch = pages(2)
    output = on.colorize(batch)
    assert torch.equal(output, on.colorize(batch))
    assert torch.equal(output[1:], on.colorize(batch[1:]))
    assert torch.equal(torch.get_rng_state(), generator)
    for different in (off, other):
        different.generator.load_state_dict(on.generator.state_dict())
        assert not torch.allclose(output, different.colorize(batch))


def test_copy_passes_the_input_through():
    batch = pages(2)
    output = trained("copy").colorize(batch)
    assert torch.equal(output, batch)
    assert output.data_ptr() != batch.data_ptr()


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        ("pix2pix", {}, "dropout off, batch-norm statistics of each image"),
        ("pix2pix", {"inference_batch_norm": "running"}, "dropout off, running batch-norm statistics"),
        ("pix2pix", {"norm": "instance", "inference_dropout_seed": 4}, "dropout on with seed 4, instance norm"),
        ("unet-l1", {"dropout": 0}, "no dropout, batch-norm statistics of each image"),
        ("cyclegan", {}, "no dropout, instance norm"),
        ("pix2pixhd", {}, "no dropout, instance norm"),
        ("copy", {}, "input passed through"),
    ],
)
def test_inference_mode_in_words(name, settings, words):
    assert models.build(name, models.parse_settings(name, settings), 64, 0, "meta").inference_mode() == words


@pytest.mark.parametrize("shape", [(3, 64, 64), (1, 1, 64, 64), (1, 3, 64, 96), (1, 3, 100, 64)])
def test_wrong_shapes_are_refused(shape):
    translator = models.build("pix2pix", models.parse_settings("pix2pix", SMALL["pix2pix"]), 64, 0)
    with pytest.raises(models.ModelError, match=r"pix2pix: colorize got .* multiples of 64"):
        translator.colorize(torch.zeros(shape))
