import hashlib

import numpy as np
import pytest
import torch
from scipy import ndimage

from bench.errors import RequestError
from bench.metrics.extractors import InceptionExtractor, RandomExtractor
from bench.metrics.frechet import frechet_distance
from bench.metrics.kernel import kernel_distance
from bench.metrics.weights import KnownWeights, WeightStore


def tensor(images):
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(images, -1, 1)))


@pytest.fixture(scope="module")
def random_extractor():
    return RandomExtractor()


def test_random_features_are_float64_and_one_set_a_network(random_extractor, pages):
    features = random_extractor.features(tensor(pages[1]))
    assert features.dtype == torch.float64
    assert features.shape == (8, 12, 64)
    assert torch.linalg.matrix_rank(features[0] - features[0].mean(0)) == 11


def test_random_features_do_not_depend_on_batch_order_or_threads(random_extractor, pages):
    images = tensor(pages[1])
    whole = random_extractor.features(images)
    single = torch.cat([random_extractor.features(image[None]) for image in images], dim=1)
    torch.testing.assert_close(single, whole, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(random_extractor.features(images.flip(0)).flip(1), whole, rtol=1e-12, atol=1e-12)


def test_random_distances_rise_with_damage(random_extractor, pages):
    _, truth = pages
    grey = truth.mean(axis=-1, keepdims=True)
    ladders = [
        [ndimage.gaussian_filter(truth.astype(float), (0, s, s, 0)) for s in (1, 2, 4)],
        [grey + s * (truth - grey) for s in (0.75, 0.5, 0)],
    ]
    real = random_extractor.features(tensor(truth)).numpy()
    for ladder in ladders:
        sets = [random_extractor.features(tensor(np.rint(images).astype(np.uint8))).numpy() for images in ladder]
        for distance in (frechet_distance, kernel_distance):
            values = [np.mean([distance(a, b) for a, b in zip(fake, real, strict=True)]) for fake in sets]
            assert 0 < values[0] < values[1] < values[2]


def test_the_random_weights_are_these(random_extractor):
    """A number of this project: if it moves, every stored rFD and rKID stands for another metric and needs another name."""
    assert random_extractor.identity.weights_sha256[:16] == "ddc44905a6cbf9e0"
    assert random_extractor.identity.extractor == "random-he-x8"


def test_inception_features_are_torch_fidelitys(stand_ins):
    from torch_fidelity.utils import create_feature_extractor

    path = stand_ins.find("inception")
    images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, 3, 64, 64), dtype=np.uint8))
    theirs = create_feature_extractor(
        "inception-v3-compat", ["2048"], cuda=False, feature_extractor_weights_path=str(path), verbose=False
    )
    with torch.no_grad():
        expected = theirs(images)[0].double()
    ours = InceptionExtractor(stand_ins).features(images)
    assert ours.dtype == torch.float64
    assert ours.shape == (1, 2, 2048)
    assert expected.std() > 1e-3
    torch.testing.assert_close(ours[0], expected, rtol=1e-4, atol=1e-5 * expected.abs().max().item())


def test_inception_is_identified_by_the_digest_of_its_file(stand_ins):
    path = stand_ins.find("inception")
    identity = InceptionExtractor(stand_ins).identity
    assert identity.weights_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (identity.extractor, identity.layer, identity.resize) == ("inception-v3-compat", "2048", "tf1-bilinear-299")


def test_another_networks_weights_are_refused_in_one_line(tmp_path):
    path = tmp_path / "inception.pth"
    torch.save({"conv.weight": torch.zeros(3)}, path)
    known = KnownWeights("inception", (path.name,), 0, hashlib.sha256(path.read_bytes()).hexdigest(), "nowhere")
    with pytest.raises(RequestError, match=r"^weights inception: not the layers of Inception[^\n]*$"):
        InceptionExtractor(WeightStore({"inception": known}, [tmp_path]))


def test_floats_are_refused(random_extractor):
    with pytest.raises(RequestError, match="uint8 RGB images"):
        random_extractor.features(torch.zeros(1, 3, 64, 64))
