"""Names, settings and wrong requests."""

import subprocess
import sys

import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import models
from models.translator import Translator


def test_names_and_what_they_are():
    variants = ("pix2pixhd-local", "pix2pixhd-regions", "pix2pixhd-features")
    names = ("pix2pix", "pix2pixhd", "cyclegan", *variants, "unet-l1", "copy")
    assert names == models.MODEL_NAMES
    assert models.ranked_names() == ("pix2pix", "pix2pixhd", "cyclegan")
    for name in models.MODEL_NAMES:
        kind = models.translator_type(name)
        assert kind.name == name
        assert kind.ranked == (name not in ("pix2pixhd-features", "unet-l1", "copy"))
        assert kind.trained == (name != "copy")
        assert kind.pairing == ("unpaired" if name == "cyclegan" else "paired")


def test_names_are_known_without_torch():
    code = "import models, sys; assert models.ranked_names(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


# The defaults of the original implementations, as their option files give them.
ADAM = {"lr": 2e-4, "beta1": 0.5, "beta2": 0.999, "epsilon": 1e-8, "init_gain": 0.02}
DEFAULTS = {
    "pix2pix": ADAM
    | {"ngf": 64, "ndf": 64, "norm": "batch", "dropout": 0.5, "gan_mode": "vanilla", "lambda_L1": 100, "n_layers_D": 3},
    "cyclegan": ADAM
    | {"ngf": 64, "ndf": 64, "norm": "instance", "dropout": 0, "gan_mode": "lsgan", "n_blocks": 9, "n_layers_D": 3}
    | {"netG": "resnet", "lambda_A": 10, "lambda_B": 10, "lambda_identity": 0.5, "pool_size": 50, "direction": "AtoB"},
    "pix2pixhd": ADAM
    | {"ngf": 64, "ndf": 64, "n_downsample": 4, "n_blocks": 9, "num_D": 2, "n_layers_D": 3}
    | {"lambda_feat": 10, "lambda_vgg": 10, "pool_size": 0, "netG": "global", "n_enhancers": 1, "n_blocks_local": 3},
    "pix2pixhd-features": ADAM | {"feat_num": 3, "nef": 16, "n_downsample_E": 4, "n_clusters": 10},
}


@pytest.mark.parametrize("name", DEFAULTS)
def test_defaults_are_the_originals(name):
    parsed = models.parse_settings(name, {}).model_dump()
    assert {key: parsed[key] for key in DEFAULTS[name]} == DEFAULTS[name]


@pytest.mark.parametrize("name", models.MODEL_NAMES)
def test_settings_are_frozen_described_and_round_trip(name):
    parsed = models.parse_settings(name, {})
    assert models.parse_settings(name, parsed.model_dump(mode="json")) == parsed
    for key, field in type(parsed).model_fields.items():
        assert field.description
        with pytest.raises(pydantic.ValidationError):
            setattr(parsed, key, getattr(parsed, key))


@pytest.mark.parametrize(
    ("name", "given_settings", "shown"),
    [
        ("pix2pix", {}, "pix2pix"),
        ("pix2pix", {"ngf": 32}, "pix2pix-small"),
        ("pix2pix", {"depth": 7}, "pix2pix-small"),
        ("pix2pix", {"depth": 8, "ngf": 128}, "pix2pix"),
        ("pix2pix", {"lambda_L1": 1}, "pix2pix"),
        ("pix2pixhd", {"n_downsample": 3}, "pix2pixhd-small"),
        ("pix2pixhd", {"num_D": 1}, "pix2pixhd-small"),
        ("pix2pixhd", {"num_D": 3}, "pix2pixhd"),
        ("cyclegan", {"n_blocks": 6}, "cyclegan-small"),
        ("cyclegan", {"ndf": 63}, "cyclegan-small"),
        ("pix2pix", {"netG": "resnet"}, "pix2pix-resnet"),
        ("pix2pix", {"netG": "resnet", "n_blocks": 6, "netD": "pixel"}, "pix2pix-resnet-pixel-small"),
        ("cyclegan", {"netG": "unet"}, "cyclegan-unet"),
        ("pix2pixhd", {"netG": "local", "ngf": 32}, "pix2pixhd-local"),
        ("pix2pixhd", {"netG": "local", "ngf": 16}, "pix2pixhd-local-small"),
        ("pix2pixhd", {"instances": "regions"}, "pix2pixhd-regions"),
        ("pix2pixhd-regions", {}, "pix2pixhd-regions"),
        ("pix2pixhd-regions", {"ngf": 8}, "pix2pixhd-regions-small"),
        ("pix2pixhd-features", {}, "pix2pixhd-features"),
        ("pix2pixhd-local", {}, "pix2pixhd-local"),
        ("pix2pixhd-local", {"instances": "regions"}, "pix2pixhd-local-regions"),
        ("unet-l1", {"ngf": 8}, "unet-l1-small"),
        ("unet-l1", {}, "unet-l1"),
        ("copy", {}, "copy"),
    ],
)
def test_shown_name_tells_smaller_networks(name, given_settings, shown):
    assert models.translator_type(name).shown_name(models.parse_settings(name, given_settings)) == shown


def test_direction_and_single_channel_say_why_in_words():
    refused(lambda: models.parse_settings("pix2pix", {"direction": "BtoA"}), "direction = 'BtoA': BtoA would learn")
    refused(
        lambda: models.parse_settings("cyclegan", {"input_nc": 1}), "settings of cyclegan: input_nc 1 has no identity"
    )


def test_pix2pixhd_says_what_is_missing(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    names = ("pix2pix", "cyclegan", "pix2pixhd")
    remarks = {name: models.build(name, models.parse_settings(name, {}), 64, 0, "meta").remarks() for name in names}
    missing = ["without VGG loss (weights of VGG19 not found)"]
    assert remarks == {"pix2pix": [], "cyclegan": [], "pix2pixhd": missing}
    off = models.parse_settings("pix2pixhd", {"vgg_loss": "off"})
    assert models.build("pix2pixhd", off, 64, 0, "meta").remarks() == ["without VGG loss (switched off)"]


def refused(call, *parts):
    with pytest.raises(models.ModelError) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert part in message


def build(name, given_settings, resolution):
    return models.build(name, models.parse_settings(name, given_settings), resolution, 0, "meta")


def test_unknown_names():
    refused(lambda: models.translator_type("pix2pixHd"), "'pix2pixHd'", "did you mean 'pix2pixhd'?")
    refused(lambda: models.parse_settings("cycle-gan", {}), "did you mean 'cyclegan'?")
    refused(lambda: models.translator_type("zebra"), "there are pix2pix, pix2pixhd, cyclegan, pix2pixhd-local, ")


def test_wrong_settings():
    refused(lambda: models.parse_settings("pix2pix", {"ngff": 64}), "settings of pix2pix", "did you mean 'ngf'?")
    refused(lambda: models.parse_settings("pix2pix", {"ngf": 0, "lr": "fast"}), "ngf = 0", "lr = 'fast'")
    refused(lambda: models.parse_settings("cyclegan", {"lambda_A": float("nan")}), "lambda_A")
    refused(lambda: models.parse_settings("pix2pix", {"dropout": 0, "inference_dropout_seed": 1}), "dropout is 0")
    refused(lambda: models.parse_settings("copy", {"ngf": 64}), "'ngf' is unknown")
    other = models.parse_settings("unet-l1", {})
    refused(lambda: models.build("pix2pix", other, 64, 0), "UNetSettings, not Pix2PixSettings")


def test_wrong_resolutions_and_depths():
    for resolution in (0, 63, 100, 2048):
        refused(lambda size=resolution: build("copy", {}, size), f"resolution {resolution}", "64, 128, 256, 512, 1024")
    refused(lambda: build("pix2pix", {"depth": 7}, 64), "depth 7", "at least 128", "depth 6 or less")
    refused(lambda: build("unet-l1", {"depth": 9}, 256), "unet-l1", "at least 512")
    refused(lambda: build("pix2pix", {"n_layers_D": 5}, 64), "n_layers_D 5", "at least 128")
    refused(lambda: build("cyclegan", {"n_layers_D": 6}, 128), "cyclegan", "at least 256")
    refused(lambda: build("pix2pixhd", {"n_downsample": 6}, 64), "n_downsample 6", "at least 128")


def test_copy_is_not_trained():
    translator = build("copy", {}, 64)
    assert translator.optimisers() == {}
    assert sum(p.numel() for network in translator.networks().values() for p in network.parameters()) == 0
    translator.load_state(translator.state())
    translator.scale_lr(0.5)
    refused(lambda: translator.train_step(None, None), "copy is not trained")


values = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.integers(), max_size=2)
)
keys = st.sampled_from(["ngf", "lr", "norm", "dropout", "depth", "lambda_L1", "pool_size"]) | st.text(max_size=8)


@given(st.sampled_from(models.MODEL_NAMES), st.dictionaries(keys, values, max_size=4))
@settings(deadline=None)
def test_settings_are_parsed_or_refused_in_one_line(name, mapping):
    message = ""
    try:
        parsed = models.parse_settings(name, mapping)
    except models.ModelError as error:
        message = str(error)
    assert len(message.splitlines()) == 1 or models.parse_settings(name, parsed.model_dump()) == parsed


PLUGIN = """
from models.floors import Copy
class Mirror(Copy):
    name = "mirror"
class NoModel:
    pass
"""


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """Install a distribution with models of its own, as pip would leave it."""
    (tmp_path / "plugin_of_a_test.py").write_text(PLUGIN)
    (tmp_path / "broken_plugin_of_a_test.py").write_text("raise OSError('two\\nlines')")
    information = tmp_path / "plugin_of_a_test-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: plugin-of-a-test\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(
        "[manga_gan_bench.models]\n"
        "mirror = plugin_of_a_test:Mirror\n"
        "no-model = plugin_of_a_test:NoModel\n"
        "broken = broken_plugin_of_a_test:Broken\n"
        "pix2pix = plugin_of_a_test:Mirror\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("plugin_of_a_test", None)


@pytest.mark.usefixtures("plugin")
def test_models_of_other_packages_are_loaded_when_named():
    assert models.translator_type("pix2pix").name == "pix2pix"
    refused(lambda: models.translator_type("miror"), "did you mean 'mirror'?")
    assert "plugin_of_a_test" not in sys.modules
    kind = models.translator_type("mirror")
    assert issubclass(kind, Translator)
    assert models.build("mirror", models.parse_settings("mirror", {}), 64, 0).name == "mirror"


@pytest.mark.usefixtures("plugin")
def test_models_of_other_packages_that_cannot_be_had():
    refused(lambda: models.translator_type("no-model"), "no-model", "not a subclass of models.translator.Translator")
    refused(lambda: models.translator_type("broken"), "broken_plugin_of_a_test:Broken", "OSError: two lines")
