"""Training steps: order, exact resume, learning rate, seeds, and what the losses are."""

import copy
import io
import random

import numpy as np
import pytest
import torch

import models

SMALL = {
    "pix2pix": {"ngf": 4, "ndf": 4},
    "pix2pixhd": {"ngf": 4, "ndf": 4, "n_blocks": 2, "n_downsample": 2, "pool_size": 2},
    "cyclegan": {"ngf": 4, "ndf": 4, "n_blocks": 2, "pool_size": 2},
    "unet-l1": {"ngf": 4},
}


def small(name, seed=0, dtype=torch.float32, **settings):
    return models.build(name, models.parse_settings(name, SMALL[name] | settings), 64, seed=seed, dtype=dtype)


def pages(step, dtype=torch.float32):
    source = torch.Generator().manual_seed(step)
    return [torch.rand(2, 3, 64, 64, generator=source, dtype=dtype) * 2 - 1 for _ in range(2)]


def weights(translator):
    return {f"{n}.{k}": v for n, net in translator.networks().items() for k, v in net.state_dict().items()}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize("name", SMALL)
def test_resuming_through_a_file_changes_no_bit(name):
    straight = small(name)
    for step in range(4):
        straight.scale_lr(1 - 0.1 * step)
        straight.train_step(*pages(step))
    file, dropout = io.BytesIO(), torch.get_rng_state()
    torch.save(straight.state(), file)
    resumed = small(name, seed=1)
    resumed.load_state(torch.load(io.BytesIO(file.getvalue()), weights_only=True))
    losses = []
    for translator in (straight, resumed):
        torch.set_rng_state(dropout)
        for step in range(4, 8):
            translator.scale_lr(1 - 0.1 * step)
            losses.append(translator.train_step(*pages(step)))
    assert all(same(one, other) for one, other in zip(losses[:4], losses[4:], strict=True))
    assert same(weights(straight), weights(resumed))
    assert not same(weights(straight), weights(small(name)))


@pytest.mark.parametrize("name", SMALL)
def test_weights_come_from_the_seed_alone(name):
    torch.manual_seed(11)
    random.seed(11)
    np.random.seed(11)  # noqa: NPY002 - it is the global generator that must stay as it is
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    first = small(name, seed=5)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]
    assert np.random.get_state()[1].tolist() == before[2]  # noqa: NPY002
    torch.manual_seed(12)
    assert same(weights(first), weights(small(name, seed=5)))
    assert same(weights(first), {k: v.to(first_type(v)) for k, v in weights(small(name, 5, torch.float64)).items()})
    assert not same(weights(first), weights(small(name, seed=6)))


def first_type(value):
    return torch.float32 if value.is_floating_point() else value.dtype


@pytest.mark.parametrize("name", SMALL)
def test_two_trainings_are_the_same_in_deterministic_mode(name):
    results = []
    torch.use_deterministic_algorithms(True)
    try:
        for _ in range(2):
            torch.manual_seed(0)
            translator = small(name)
            results.append([translator.train_step(*pages(step)) for step in range(3)])
    finally:
        torch.use_deterministic_algorithms(False)
    assert all(same(one, other) for one, other in zip(*results, strict=True))


@pytest.mark.parametrize("name", SMALL)
def test_losses_are_detached_finite_scalars_also_in_bfloat16(name):
    translator = small(name)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        losses = translator.train_step(*pages(0))
    assert all(loss.shape == () and not loss.requires_grad and loss.isfinite() for loss in losses.values())
    assert all(value.isfinite().all() for value in weights(translator).values())


@pytest.mark.parametrize("name", SMALL)
def test_scale_lr_scales_the_initial_rate(name):
    translator = small(name, lr=1e-3)

    def rates():
        return {group["lr"] for optimiser in translator.optimisers().values() for group in optimiser.param_groups}

    translator.scale_lr(0.5)
    translator.scale_lr(0.5)
    assert rates() == {0.5e-3}
    translator.load_state(copy.deepcopy(translator.state()))
    assert rates() == {0.5e-3}
    translator.scale_lr(1)
    assert rates() == {1e-3}
    translator.scale_lr(0)
    before = copy.deepcopy(weights(translator))
    translator.train_step(*pages(0))
    parameters = {f"{n}.{k}" for n, net in translator.networks().items() for k, _ in net.named_parameters()}
    assert all(torch.equal(weights(translator)[key], before[key]) for key in parameters)


@pytest.mark.parametrize("name", SMALL)
def test_every_parameter_belongs_to_one_optimiser(name):
    translator = small(name)
    optimised = [p for o in translator.optimisers().values() for group in o.param_groups for p in group["params"]]
    owned = [p for network in translator.networks().values() for p in network.parameters()]
    assert sorted(map(id, optimised)) == sorted(map(id, owned))


def test_pix2pix_shows_its_discriminator_the_fake_first_and_the_same_fake_twice():
    translator, (bw, color) = small("pix2pix"), pages(0)
    outputs, judged = [], []
    translator.generator.register_forward_hook(lambda _module, _inputs, output: outputs.append(output.detach().clone()))
    translator.discriminator.register_forward_pre_hook(
        lambda _module, inputs: judged.append(inputs[0].detach().clone())
    )
    translator.train_step(bw, color)
    assert len(outputs) == 1
    fake = torch.cat((bw, outputs[0]), dim=1)
    assert [torch.equal(seen, fake) for seen in judged] == [True, False, True]
    assert torch.equal(judged[1], torch.cat((bw, color), dim=1))


@pytest.mark.parametrize(("name", "index"), [("cyclegan", 2), ("pix2pixhd", 1)])
def test_discriminators_learn_from_pooled_images(name, index):
    translator, channels = small(name), 6 if name == "pix2pixhd" else 3
    outputs, judged = [], []
    translator.generator.register_forward_hook(lambda _module, _inputs, output: outputs.append(output.detach().clone()))
    translator.discriminator.register_forward_pre_hook(
        lambda _module, inputs: judged.append(inputs[0].detach().clone())
    )
    repeats = 0
    for step in range(8):
        earlier = [image for output in outputs for image in output]
        del judged[:]
        translator.train_step(*pages(step))
        assert judged[index].shape == (2, channels, 64, 64)
        for image in judged[index][:, -3:]:
            repeats += any(torch.equal(image, old) for old in earlier)
    assert repeats > 0


def test_cyclegan_without_identity_loss():
    losses = small("cyclegan", lambda_identity=0).train_step(*pages(0))
    assert set(losses) == {"G_A", "G_B", "cycle_A", "cycle_B", "D_A", "D_B"}


def test_unet_l1_is_the_unet_with_adam_on_l1():
    translator = small("unet-l1", dtype=torch.float64, dropout=0)
    plain = copy.deepcopy(translator.generator)
    optimiser = torch.optim.Adam(plain.parameters(), lr=2e-4, betas=(0.5, 0.999), foreach=False)
    for step in range(3):
        bw, color = pages(step, torch.float64)
        loss = 100 * torch.nn.L1Loss()(plain(bw), color)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        assert translator.train_step(bw, color)["G_L1"].item() == pytest.approx(loss.item(), rel=1e-9)


def test_unet_l1_is_pix2pix_without_its_gan():
    for setting, field in models.translator_type("unet-l1").settings_type.model_fields.items():
        assert field.default == models.translator_type("pix2pix").settings_type.model_fields[setting].default


def test_wrong_states_are_refused_in_one_line():
    state = small("pix2pix").state()
    damaged = state | {"networks": {"generator": {}}}
    for translator, wrong in [
        (small("unet-l1"), state),
        (small("pix2pix", ngf=8), state),
        (small("pix2pix"), damaged),
        (small("pix2pix"), {}),
    ]:
        with pytest.raises(models.ModelError) as caught:
            translator.load_state(wrong)
        assert str(caught.value).startswith(translator.name)
        assert "\n" not in str(caught.value)
