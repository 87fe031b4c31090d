import warnings

import numpy as np
import pytest
import torch
from scipy import ndimage

from bench.errors import RequestError
from bench.metrics.perceptual import PerceptualDistance, random_trunk, trained_heads, trained_trunk
from bench.metrics.weights import WeightStore

SLICES = {1: (0,), 2: (3,), 3: (6,), 4: (8,), 5: (10,)}


def tensor(images):
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(images, -1, 1)))


def distances(metric, first, second):
    return metric.distance(metric.features(tensor(first)), metric.features(tensor(second)))


def original(trunk, heads):
    """Return the lpips package's own network with our trunk's weights: with the package's heads, or unweighted."""
    import lpips

    with warnings.catch_warnings():
        # The package asks torchvision for AlexNet by a deprecated argument.
        warnings.simplefilter("ignore", UserWarning)
        network = lpips.LPIPS(net="alex", pnet_rand=True, lpips=heads, pretrained=False, verbose=False)
    state = network.state_dict()
    places = [(f"net.slice{number}.{at}", at) for number, members in SLICES.items() for at in members]
    for index, (name, _) in enumerate(places):
        state[f"{name}.weight"], state[f"{name}.bias"] = trunk.kernels[index], trunk.biases[index]
    if heads:
        package = WeightStore().load("lpips-alex-heads")
        for name in list(package):
            state[name] = package[name]
            state[name.replace("lin", "lins.", 1)] = package[name]
    network.load_state_dict(state)
    return network


@pytest.fixture(scope="module")
def trunk():
    return random_trunk(11)


@pytest.fixture(scope="module")
def rlpips():
    return PerceptualDistance.random()


@pytest.mark.parametrize("side", [64, 96, 129])
@pytest.mark.parametrize("heads", [True, False])
def test_equals_the_lpips_package_with_the_same_weights(trunk, heads, side):
    first, second = np.random.default_rng(side).integers(0, 256, (2, 3, side, side, 3), dtype=np.uint8)
    learned = trained_heads(WeightStore().load("lpips-alex-heads")) if heads else None
    ours = PerceptualDistance("lpips", [trunk], learned, PerceptualDistance.random((0,)).identity)
    with torch.no_grad():
        theirs = original(trunk, heads)(*(tensor(images).float() / 127.5 - 1 for images in (first, second)))
    np.testing.assert_allclose(distances(ours, first, second), theirs.flatten().numpy(), rtol=1e-6)


def test_blur_noise_and_lost_colour_cost_the_more_the_stronger(rlpips, pages):
    _, truth = pages
    grey = truth.mean(axis=-1, keepdims=True)
    noise = np.random.default_rng(0).normal(size=truth.shape)
    ladders = {
        "blur": [ndimage.gaussian_filter(truth.astype(float), (0, s, s, 0)) for s in (0, 1, 2, 4)],
        "noise": [truth + s * noise for s in (0, 4, 16)],
        "chroma": [grey + s * (truth - grey) for s in (1, 0.75, 0.5, 0)],
    }
    for ladder in ladders.values():
        means = [
            distances(rlpips, np.clip(np.rint(images), 0, 255).astype(np.uint8), truth).mean() for images in ladder
        ]
        assert means[0] == 0
        assert means == sorted(means)
        assert len(set(means)) == len(means)


def test_value_is_the_mean_over_trunks(pages):
    source, truth = pages
    each = [distances(PerceptualDistance.random((seed,)), source, truth) for seed in (3, 4)]
    np.testing.assert_allclose(
        distances(PerceptualDistance.random((3, 4)), source, truth), np.mean(each, axis=0), rtol=1e-6
    )


def test_batch_size_and_order_do_not_matter(rlpips, pages):
    source, truth = pages
    whole = distances(rlpips, source, truth)
    single = [distances(rlpips, source[i : i + 1], truth[i : i + 1])[0] for i in range(len(truth))]
    np.testing.assert_allclose(single, whole, rtol=1e-5, atol=1e-6)
    order = np.random.default_rng(1).permutation(len(truth))
    np.testing.assert_allclose(distances(rlpips, source[order], truth[order]), whole[order], rtol=1e-5, atol=1e-6)


def test_the_random_weights_are_these(rlpips):
    """A number of this project: if it moves, every stored rLPIPS stands for another metric and needs another name."""
    assert rlpips.identity.weights_sha256[:16] == "658e160e281fa760"
    assert rlpips.identity.extractor == "random-alexnet-x8"


def test_random_weights_follow_he():
    for kernel, bias in zip(random_trunk(0).kernels, random_trunk(0).biases, strict=True):
        assert kernel.var().item() == pytest.approx(2 / kernel[0].numel(), rel=0.05)
        assert not bias.any()


@pytest.mark.parametrize("bad", [torch.zeros(1, 3, 63, 64, dtype=torch.uint8), torch.zeros(1, 3, 64, 64)])
def test_what_is_no_window_is_refused(rlpips, bad):
    with pytest.raises(RequestError, match="uint8 RGB images of at least 64 px"):
        rlpips.features(bad)


def test_weights_of_another_network_are_refused():
    with pytest.raises(RequestError, match="not the layers of torchvision's AlexNet"):
        trained_trunk({"features.0.weight": torch.zeros(64, 3, 3, 3)})
    with pytest.raises(RequestError, match="not the five layers of lpips"):
        trained_heads({f"lin{i}.model.1.weight": torch.zeros(1, 64, 1, 1) for i in range(5)})
