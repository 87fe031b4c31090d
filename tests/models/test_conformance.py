"""The three models compute what the original implementations compute: outputs, losses and three optimisation steps."""

import pytest
import torch

import models

LIMIT = 1e-9

SETTINGS = {
    "pix2pix": lambda case: {
        "ngf": case["ngf"],
        "ndf": case["ndf"],
        "norm": case["norm"],
        "gan_mode": case["gan_mode"],
        "dropout": 0,
        "lambda_L1": case["lambda_L1"],
    },
    "cyclegan": lambda case: {
        "ngf": case["ngf"],
        "ndf": case["ndf"],
        "norm": case["norm"],
        "gan_mode": case["gan_mode"],
        "lambda_A": case["lambda_A"],
        "lambda_B": case["lambda_B"],
        "lambda_identity": case["lambda_identity"],
        "pool_size": case["pool_size"],
    },
    "pix2pixhd": lambda case: {
        "ngf": case["ngf"],
        "ndf": case["ndf"],
        "n_downsample": case["n_downsample_global"],
        "n_blocks": case["n_blocks_global"],
        "num_D": case["num_D"],
        "n_layers_D": case["n_layers_D"],
        "lambda_feat": case["lambda_feat"],
        "pool_size": case["pool_size"],
    },
}
OFFSETS = {
    "pix2pix": {"generator": 0, "discriminator": 1},
    "cyclegan": {"generator": 0, "generator_back": 1, "discriminator": 2, "discriminator_back": 3},
    "pix2pixhd": {"generator": 0, "discriminator": 1},
}
CASES = {"pix2pix": "pix2pix", "cyclegan": "cyclegan", "pix2pixhd": "pix2pixhd_global"}
NAMES = list(CASES)


@pytest.fixture
def conforming(reference, conformance):
    """Return a function that gives a freshly filled model, its case and its two images."""

    def make(name):
        case = reference[CASES[name]]
        settings = models.parse_settings(name, SETTINGS[name](case))
        translator = models.build(name, settings, case["size"], seed=0, dtype=torch.float64)
        for network, offset in OFFSETS[name].items():
            conformance.filled(translator.networks()[network], case["seed"] + offset)
        return translator, case, *conformance.pages(case["size"], case["seed"], case["batch"])

    return make


def shapes(network):
    return {name: list(value.shape) for name, value in network.state_dict().items()}


@pytest.mark.parametrize("name", NAMES)
def test_state_dict_keys_and_shapes(conforming, name):
    translator, case, _, _ = conforming(name)
    networks = translator.networks()
    assert shapes(networks["generator"]) == case["generator_keys"]
    assert shapes(networks["discriminator"]) == case["discriminator_keys"]


def test_pix2pix_outputs(conforming, conformance):
    translator, case, bw, color = conforming("pix2pix")
    logits = translator.discriminator(torch.cat((bw, color), dim=1))
    assert conformance.probe_deviation(translator.generator(bw), case["generator_output_train_mode"]) < LIMIT
    assert conformance.probe_deviation(logits, case["discriminator_output_train_mode"]) < LIMIT


def test_cyclegan_outputs(conforming, conformance):
    translator, case, bw, color = conforming("cyclegan")
    assert conformance.probe_deviation(translator.generator(bw), case["generator_output"]) < LIMIT
    assert conformance.probe_deviation(translator.discriminator(color), case["discriminator_output"]) < LIMIT


def test_pix2pixhd_outputs_full_resolution_first(conforming, conformance):
    translator, case, bw, color = conforming("pix2pixhd")
    assert conformance.probe_deviation(translator.generator(bw), case["generator_output"]) < LIMIT
    scales = translator.discriminator(torch.cat((bw, color), dim=1))
    for outputs, probe in zip(scales, case["discriminator_last_outputs"], strict=True):
        assert conformance.probe_deviation(outputs[-1], probe) < LIMIT


@pytest.mark.parametrize("name", NAMES)
def test_three_training_steps(conforming, conformance, name):
    translator, case, bw, color = conforming(name)
    for wanted in case["losses_by_step"]:
        assert conformance.loss_deviation(translator.train_step(bw, color), wanted) < LIMIT
    after = case.get("generator_output_after_steps") or case["generator_output_after_steps_train_mode"]
    assert conformance.probe_deviation(translator.generator(bw), after) < LIMIT
