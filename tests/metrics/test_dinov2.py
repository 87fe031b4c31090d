"""DINOv2 against timm's own way with the same weights, on a tiny transformer with random ones."""

from __future__ import annotations

import hashlib
import math

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch.nn import functional

from bench.errors import RequestError

timm = pytest.importorskip("timm", reason="needs timm: pip install 'manga-gan-bench[dinov2]'")

from bench.metrics.dinov2 import DinoExtractor, Shape, resampled_positions  # noqa: E402

TINY = Shape(width=32, depth=2, heads=2)


def transformer(side):
    """Return timm's DINOv2 of tiny sizes with random weights, for pictures of `side` px."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = timm.create_model(
            "vit_large_patch14_dinov2", num_classes=0, img_size=side, embed_dim=32, depth=2, num_heads=2
        )
        for parameter in network.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
    return network.eval()


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A file as the Hub has it: the position embedding is that of 518 px."""
    path = tmp_path_factory.mktemp("dinov2") / "model.safetensors"
    save_file({name: value.contiguous() for name, value in transformer(518).state_dict().items()}, path)
    return path


@pytest.fixture(scope="module")
def extractor(weights):
    return DinoExtractor(weights, shape=TINY)


@pytest.fixture(scope="module")
def images():
    pixels = np.random.default_rng(0).integers(0, 256, (5, 24, 48, 3), np.uint8)
    large = [np.asarray(Image.fromarray(one).resize((300, 150), Image.Resampling.BICUBIC)) for one in pixels]
    return torch.from_numpy(np.stack(large)).permute(0, 3, 1, 2)


def test_features_are_the_class_tokens_of_timms_network(extractor, weights, images):
    from torchvision import transforms

    network, state = transformer(224), load_file(weights)
    state["pos_embed"] = resampled_positions(state["pos_embed"], 16)
    network.load_state_dict(state)
    prepare = transforms.Compose(
        [
            transforms.ToPILImage(),
            transforms.Resize((224, 224), transforms.InterpolationMode.BICUBIC),
            transforms.ToTensor(),
            transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ]
    )
    with torch.inference_mode():
        expected = network.forward_features(torch.stack([prepare(image) for image in images]))[:, 0]
    features = extractor.features(images)
    assert features.dtype == torch.float64
    assert features.shape == (1, 5, extractor.dimension) == (1, 5, 32)
    assert expected.std(dim=0).min() > 1e-4
    torch.testing.assert_close(features[0], expected.double(), rtol=1e-4, atol=1e-5)


def test_features_do_not_depend_on_batches(extractor, images):
    single = torch.cat([extractor.features(image[None]) for image in images], dim=1)
    torch.testing.assert_close(single, extractor.features(images), rtol=1e-5, atol=1e-5)


def test_positions_are_resampled_by_the_published_rule():
    """`interpolate_pos_encoding` of facebookresearch/dinov2, written out: a factor of 16.1 / 37, bicubic with a = -0.75."""
    positions = torch.randn(1, 1 + 37 * 37, 4, generator=torch.Generator().manual_seed(0))
    found = resampled_positions(positions, 16)
    assert found.shape == (1, 257, 4)
    assert torch.equal(found[:, 0], positions[:, 0])
    rows = torch.zeros(16, 37, dtype=torch.float64)
    for row in range(16):
        place = (row + 0.5) * 37 / 16.1 - 0.5
        for tap in range(-1, 3):
            at = math.floor(place) + tap
            distance = abs(place - at)
            a = -0.75
            near = (a + 2) * distance**3 - (a + 3) * distance**2 + 1
            far = a * distance**3 - 5 * a * distance**2 + 8 * a * distance - 4 * a
            rows[row, min(max(at, 0), 36)] += near if distance <= 1 else far
    grid = positions[0, 1:].double().reshape(37, 37, 4)
    expected = torch.einsum("ia,jb,abd->ijd", rows, rows, grid).reshape(256, 4)
    torch.testing.assert_close(found[0, 1:].double(), expected, rtol=1e-4, atol=1e-5)
    assert resampled_positions(found, 16) is found
    timms = functional.interpolate(grid.permute(2, 0, 1)[None], (16, 16), mode="bicubic", antialias=True)
    assert (timms[0].permute(1, 2, 0).reshape(256, 4) - expected).abs().max() > 0.1, "timm's rule is another"


def test_the_identity_has_the_digest_of_the_file_and_is_not_that_of_the_large_one(extractor, weights):
    identity = extractor.identity
    assert identity.weights_sha256 == hashlib.sha256(weights.read_bytes()).hexdigest()
    assert (identity.extractor, identity.layer) == ("vit-32x2-dinov2", "class-token")
    assert identity.resize == "pil-bicubic-224"


def test_other_files_are_refused_in_one_line(weights, tmp_path):
    with pytest.raises(RequestError, match=r"^[^\n]*not the layers of vit_large_patch14_dinov2[^\n]*$"):
        DinoExtractor(weights, shape=Shape(64, 2, 2))
    state = load_file(weights)
    for change in ({"norm.weight": None}, {"more": torch.zeros(1)}, {"pos_embed": torch.zeros(1, 12, 32)}):
        changed = {name: value for name, value in (state | change).items() if value is not None}
        save_file(changed, tmp_path / "other.safetensors")
        with pytest.raises(RequestError, match=next(iter(change))):
            DinoExtractor(tmp_path / "other.safetensors", shape=TINY)
    (tmp_path / "broken.safetensors").write_bytes(b"not tensors")
    with pytest.raises(RequestError, match=r"^[^\n]*not a safetensors file[^\n]*$"):
        DinoExtractor(tmp_path / "broken.safetensors", shape=TINY)
