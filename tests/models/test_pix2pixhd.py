"""The parts of Pix2PixHD beyond its global generator: enhancers and their phases, boundary map, features, VGG loss."""

import hashlib

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torchvision.models import vgg19

import models
from models import pretrained
from models.feature_encoder import cluster_centres
from models.instances import boundary_map
from models.local_enhancer import LocalEnhancer
from models.perceptual_loss import TAPS, WEIGHTS, PerceptualLoss
from models.pretrained import KnownWeights, PretrainedStore
from models.regions import regions_of
from models.resnet import ResnetGenerator

TINY = {"ngf": 4, "ndf": 4, "n_blocks": 1, "n_downsample": 2, "vgg_loss": "off"}
LOCAL = TINY | {"netG": "local", "n_blocks_local": 1, "fix_global_share": 0.5}


def built(name="pix2pixhd", settings=TINY, resolution=64, dtype=None):
    return models.build(name, models.parse_settings(name, settings), resolution, seed=0, dtype=dtype)


def batch(size=1, side=64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    bw = (torch.rand(size, 1, side // 8, side // 8, generator=generator) > 0.4).float() * 2 - 1
    bw = F.interpolate(bw, scale_factor=8).expand(-1, 3, -1, -1).contiguous()
    return bw, torch.rand(size, 3, side, side, generator=generator) * 2 - 1


def weights(network):
    return {name: value.clone() for name, value in network.state_dict().items()}


@pytest.mark.parametrize("n_enhancers", [1, 2, 3])
def test_enhancers_keep_the_size_and_take_multiples_of_all_halvings(n_enhancers):
    translator = built(settings=LOCAL | {"n_enhancers": n_enhancers})
    assert translator.size_multiple == 2 ** (2 + n_enhancers)
    side = 2 * translator.size_multiple
    assert translator.colorize(torch.zeros(1, 3, side, 3 * side)).shape == (1, 3, side, 3 * side)


def test_a_global_generators_weights_fit_into_the_local_one():
    with torch.device("meta"):
        whole, local = ResnetGenerator(64, 4, 9).state_dict(), LocalEnhancer(32, 4, 9, 1, 3).state_dict()
    shared = [key for key in whole if key in local and whole[key].shape == local[key].shape]
    assert len(shared) == 54
    assert sorted(set(whole) - set(shared)) == ["model.38.bias", "model.38.weight"]


def test_only_the_last_enhancer_trains_in_the_first_phase_and_everything_after_it():
    translator = built(settings=LOCAL | {"n_enhancers": 2})
    assert [(phase.name, phase.begins) for phase in translator.phases()] == [("last enhancer alone", 0), ("joint", 0.5)]
    before = weights(translator.generator)
    for step in range(2):
        translator.set_progress(step / 4)
        translator.train_step(*batch(seed=step))
    middle = weights(translator.generator)
    changed = {key for key in before if not torch.equal(before[key], middle[key])}
    assert changed
    assert all(key.startswith(("model2_1.", "model2_2.")) for key in changed)
    for step in range(2, 4):
        translator.set_progress(step / 4)
        translator.train_step(*batch(seed=step))
    after = weights(translator.generator)
    for part in ("model.", "model1_1.", "model1_2.", "model2_1.", "model2_2."):
        assert any(not torch.equal(middle[key], after[key]) for key in after if key.startswith(part)), part


def test_a_resumed_model_is_in_the_phase_of_an_uninterrupted_one():
    def steps(translator, numbers):
        for step in numbers:
            translator.set_progress(step / 6)
            losses = translator.train_step(*batch(seed=step))
        return losses

    whole, first, second = (built(settings=LOCAL) for _ in range(3))
    wanted = steps(whole, range(6))
    steps(first, range(2))
    second.load_state(first.state())
    assert steps(second, range(2, 6)) == wanted


def test_boundary_map_reaches_generator_and_discriminator_in_training_and_when_colouring():
    translator = built(settings=TINY | {"instances": "regions"})
    assert translator.generator.model[1].in_channels == 4
    assert translator.discriminator.scale0_layer0[0].in_channels == 7
    bw, color = batch()
    translator.train_step(bw, color)
    edges = boundary_map(regions_of(bw))
    assert 0 < edges.mean() < 1
    with torch.no_grad():
        wanted = translator.generator(torch.cat((bw, edges), dim=1))
    assert torch.equal(translator.colorize(bw), wanted)


def test_feature_encoder_learns_and_its_clusters_colour_the_same_every_time():
    translator = built(
        "pix2pixhd-features", TINY | {"nef": 4, "n_downsample_E": 2, "n_clusters": 3, "cluster_batches": 4}
    )
    assert not translator.ranked
    before = weights(translator.encoder)
    bw, color = batch(2)
    translator.train_step(bw, color)
    assert any(not torch.equal(before[key], value) for key, value in translator.encoder.state_dict().items())
    translator.complete(batch(2, seed=step) for step in range(100))
    clusters = translator.generator.clusters
    assert clusters.shape == (3, 3)
    assert clusters.abs().max() <= 1
    assert len(torch.unique(clusters, dim=0)) == 3
    colour = translator.colorize(bw)
    assert torch.equal(colour, translator.colorize(bw))
    assert torch.allclose(colour[1:], translator.colorize(bw[1:]), atol=1e-5)
    # What is drawn is one of the clusters in every region.
    drawn = translator.network_input(bw)[:, 4:].permute(0, 2, 3, 1).reshape(-1, 3)
    assert all(any(torch.equal(row, cluster) for cluster in clusters) for row in torch.unique(drawn, dim=0))


def test_few_distinct_features_are_all_kept_as_clusters():
    points = np.array([[0.0]] * 20 + [[1.0]])
    assert set(cluster_centres([points], 10, seed=0).ravel()) == {0.0, 1.0}


def test_an_encoder_too_deep_for_the_resolution_is_refused():
    with pytest.raises(models.ModelError, match=r"lower n_downsample or n_downsample_E"):
        built("pix2pixhd-features", TINY | {"n_downsample_E": 6})


def test_features_of_the_truth_are_no_part_of_what_colours():
    translator = built("pix2pixhd-features", TINY | {"nef": 4, "n_downsample_E": 2})
    translator.complete(batch(seed=step) for step in range(1000))
    bw, _ = batch()
    before = translator.colorize(bw)
    for parameter in translator.encoder.parameters():
        parameter.data.zero_()
    assert torch.equal(translator.colorize(bw), before)


@pytest.fixture(scope="module")
def peer():
    """Torchvision's own VGG19 with random weights."""
    torch.manual_seed(0)
    return vgg19(weights=None).eval()


@pytest.fixture(scope="module")
def stand_in(peer, tmp_path_factory):
    """A file of the published layout with random numbers, and a store that knows its digest."""
    folder = tmp_path_factory.mktemp("hub") / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    path = folder / "vgg19-dcbb9e9d.pth"
    torch.save({key: value for key, value in peer.state_dict().items() if key.startswith("features.")}, path)
    known = KnownWeights(
        "vgg19", (path.name,), path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest(), "nowhere"
    )
    return known, folder


def test_perceptual_loss_equals_torchvisions_features(peer, stand_in):
    known, folder = stand_in
    loss = PerceptualLoss(torch.device("cpu"), store=PretrainedStore({"vgg19": known}, [folder]))
    assert sum(parameter.numel() for parameter in loss.parameters()) == 12_944_960
    assert not any(parameter.requires_grad for parameter in loss.parameters())
    fake, real = batch(2)
    found = {}
    for tap in TAPS:
        peer.features[tap].register_forward_hook(
            lambda layer, given, output, tap=tap: found.__setitem__(tap, output.clone())
        )
    with torch.no_grad():
        peer.features(fake)
        of_fake = dict(found)
        peer.features(real)
        of_real = dict(found)
    wanted = sum(weight * (of_fake[tap] - of_real[tap]).abs().mean() for tap, weight in zip(TAPS, WEIGHTS, strict=True))
    assert loss(fake, real).item() == pytest.approx(wanted.item(), rel=1e-5)


def test_vgg_loss_joins_where_the_weights_are_and_the_state_knows(stand_in, monkeypatch):
    known, folder = stand_in
    monkeypatch.setenv("TORCH_HOME", str(folder.parent.parent))
    monkeypatch.setattr(pretrained, "VGG19", known)
    translator = built(settings=TINY | {"vgg_loss": "auto"})
    losses = translator.train_step(*batch())
    assert losses["G_VGG"] > 0
    assert translator.remarks() == [f"with VGG loss (weights sha256 {known.sha256[:8]})"]
    state = translator.state()
    monkeypatch.setenv("TORCH_HOME", str(folder))
    without = built(settings=TINY | {"vgg_loss": "auto"})
    assert set(without.train_step(*batch())) == set(losses) - {"G_VGG"}
    with pytest.raises(models.ModelError, match="trained so far with the VGG loss, now without it"):
        without.load_state(state)


def test_a_wrong_vgg_file_is_refused_and_a_missing_one_where_it_is_asked_for(stand_in, monkeypatch, tmp_path):
    _, folder = stand_in
    monkeypatch.setenv("TORCH_HOME", str(folder.parent.parent))
    with pytest.raises(models.ModelError, match="not the published weights vgg19"):
        built(settings=TINY | {"vgg_loss": "auto"})
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(models.ModelError, match=r"no vgg19-dcbb9e9d.pth in .*; get it from"):
        built(settings=TINY | {"vgg_loss": "on"})
