"""Generators saved by the original implementations: recognised by their shapes, cleaned, loaded strictly, or refused.

The layouts below are written from the original implementations' constructors and checked against the key lists that
were taken from them at full width (tests/reference/state_dict_keys.txt).
"""

import hashlib
import io
import math
import os
import pickle
import re
import tempfile
import zipfile
from collections import OrderedDict
from pathlib import Path

import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import models
from models.architecture import architecture_of
from models.official_weights import read_generator
from models.weight_files import MAX_WEIGHTS_BYTES

REFERENCE_KEYS = Path(__file__).parent.parent / "reference" / "state_dict_keys.txt"


def batch_norm(key, channels):
    parts = {f"{key}.{part}": (channels,) for part in ("weight", "bias", "running_mean", "running_var")}
    return parts | {f"{key}.num_batches_tracked": ()}


def convolution(key, shape, *, bias=None):
    return {f"{key}.weight": shape} | ({f"{key}.bias": (bias,)} if bias else {})


def unet_layout(ngf=2, depth=6, norm="batch", input_nc=3, output_nc=3):
    """Return key -> shape of `UnetGenerator(input_nc, output_nc, depth, ngf, norm)`."""
    biased = norm == "instance"

    def level(number, key, outer):
        inner = ngf * min(2 ** (number - 1), 8)
        innermost = number == depth
        shapes = convolution(f"{key}.1", (inner, outer, 4, 4), bias=biased and inner)
        if not innermost:
            shapes |= batch_norm(f"{key}.2", inner) if norm == "batch" else {}
            shapes |= level(number + 1, f"{key}.3.model", inner)
        up = 3 if innermost else 5
        shapes |= convolution(f"{key}.{up}", (inner if innermost else 2 * inner, outer, 4, 4), bias=biased and outer)
        return shapes | (batch_norm(f"{key}.{up + 1}", outer) if norm == "batch" else {})

    shapes = convolution("model.model.0", (ngf, input_nc, 4, 4), bias=biased and ngf)
    shapes |= level(2, "model.model.1.model", ngf)
    return shapes | convolution("model.model.3", (2 * ngf, output_nc, 4, 4), bias=output_nc)


def block_layout(key, channels, norm, dropout):
    """Return key -> shape of a `ResnetBlock`."""
    bias = channels if norm == "instance" else None
    shapes = {}
    for position in (1, 6 if dropout else 5):
        shapes |= convolution(f"{key}.conv_block.{position}", (channels, channels, 3, 3), bias=bias)
        shapes |= batch_norm(f"{key}.conv_block.{position + 1}", channels) if norm == "batch" else {}
    return shapes


def resnet_layout(
    ngf=2, n_blocks=2, norm="instance", dropout=False, input_nc=3, output_nc=3, n_downsample=2, whole=True
):
    """Return key -> shape of `ResnetGenerator`, or of `GlobalGenerator`, without its last layer if not `whole`."""

    def step(position, shape, channels):
        bias = channels if norm == "instance" else None
        shapes = convolution(f"model.{position}", shape, bias=bias)
        return shapes | (batch_norm(f"model.{position + 1}", channels) if norm == "batch" else {})

    shapes = step(1, (ngf, input_nc, 7, 7), ngf)
    position = 4
    for halving in range(n_downsample):
        width = ngf * 2**halving
        shapes |= step(position, (2 * width, width, 3, 3), 2 * width)
        position += 3
    for _ in range(n_blocks):
        shapes |= block_layout(f"model.{position}", ngf * 2**n_downsample, norm, dropout)
        position += 1
    for halving in range(n_downsample, 0, -1):
        width = ngf * 2**halving
        shapes |= step(position, (width, width // 2, 3, 3), width // 2)
        position += 3
    return shapes | (convolution(f"model.{position + 1}", (output_nc, ngf, 7, 7), bias=output_nc) if whole else {})


def local_layout(ngf=2, n_downsample=2, n_blocks=1, n_enhancers=1, n_blocks_local=1, input_nc=3, output_nc=3):
    """Return key -> shape of `LocalEnhancer`."""
    shapes = resnet_layout(
        ngf * 2**n_enhancers, n_blocks, input_nc=input_nc, n_downsample=n_downsample, whole=False
    )  # fmt: skip
    for number in range(1, n_enhancers + 1):
        width = ngf * 2 ** (n_enhancers - number)
        shapes |= convolution(f"model{number}_1.1", (width, input_nc, 7, 7), bias=width)
        shapes |= convolution(f"model{number}_1.4", (2 * width, width, 3, 3), bias=2 * width)
        for block in range(n_blocks_local):
            shapes |= block_layout(f"model{number}_2.{block}", 2 * width, "instance", dropout=False)
        shapes |= convolution(f"model{number}_2.{n_blocks_local}", (2 * width, width, 3, 3), bias=width)
    return shapes | convolution(f"model{n_enhancers}_2.{n_blocks_local + 4}", (output_nc, ngf, 7, 7), bias=output_nc)


FULL_WIDTH = {
    "unet_256 batch": (unet_layout(64, 8), "pix2pix", {"netG": "unet", "depth": 8, "ngf": 64, "norm": "batch"}),
    "resnet9 inst": (
        resnet_layout(64, 9),
        "cyclegan",
        {"netG": "resnet", "n_blocks": 9, "ngf": 64, "norm": "instance", "dropout": 0.0},
    ),
    "resnet9 inst dropout": (
        resnet_layout(64, 9, dropout=True),
        "cyclegan",
        {"netG": "resnet", "n_blocks": 9, "ngf": 64, "norm": "instance", "dropout": 0.5},
    ),
    "HD global": (
        resnet_layout(64, 9, n_downsample=4),
        "pix2pixhd",
        {"netG": "global", "ngf": 64, "n_downsample": 4, "n_blocks": 9, "instances": "none"},
    ),
    "HD local": (
        local_layout(32, 4, 9, 1, 3),
        "pix2pixhd",
        {"netG": "local", "ngf": 32, "n_downsample": 4, "n_blocks": 9, "n_enhancers": 1, "n_blocks_local": 3}
        | {"instances": "none"},
    ),
}


def original_keys():
    sections, current = {}, {}
    for line in REFERENCE_KEYS.read_text().splitlines():
        if line.startswith("## "):
            current = sections.setdefault(line.removeprefix("## "), {})
        else:
            key, shape = re.fullmatch(r"\s+(\S+) \((.*)\)", line).groups()
            current[key] = tuple(int(size) for size in shape.split(",") if size.strip())
    return sections


@pytest.mark.parametrize("section", FULL_WIDTH)
def test_layouts_are_the_originals(section):
    assert FULL_WIDTH[section][0] == original_keys()[section]


def random_state(shapes, seed=0):
    generator = torch.Generator().manual_seed(seed)
    state = OrderedDict()
    for key, shape in shapes.items():
        if key.endswith("num_batches_tracked"):
            state[key] = torch.tensor(7)
        else:
            # Between 0.05 and 0.15: running variances are positive, and small nets do not saturate.
            state[key] = 0.05 + 0.1 * torch.rand(shape, generator=generator)
    return state


def built(name, overrides, resolution, device="cpu"):
    """Return the model with the least possible beside its generator."""
    extra = {"ndf": 1} | ({"vgg_loss": "off"} if name == "pix2pixhd" else {})
    return models.build(name, models.parse_settings(name, extra | overrides), resolution, seed=0, device=device)


def saved(folder, state, name="latest_net_G.pth"):
    path = Path(folder) / name
    torch.save(state, path)
    return path


NARROWING = 8
"""Channels of the originals over channels of the files below, so that these are read in no time."""


def narrowed(shapes):
    """Return the shapes with an eighth of the channels; images have 3, and kernels are up to 7 wide."""
    return {key: tuple(size // NARROWING if size > 7 else size for size in shape) for key, shape in shapes.items()}


@pytest.mark.parametrize("section", FULL_WIDTH)
def test_generators_of_the_originals_are_recognised(tmp_path, section):
    _, model, wanted = FULL_WIDTH[section]
    original = original_keys()[section]
    state = random_state(narrowed(original))
    loaded = read_generator(model, saved(tmp_path, state))
    assert loaded.notes == ()
    assert list(loaded.state) == list(state)
    assert all(torch.equal(loaded.state[key], value) for key, value in state.items())
    full = loaded.settings | {"ngf": NARROWING * loaded.settings["ngf"]}
    assert full == wanted | ({} if model == "pix2pixhd" else {"input_nc": 3})
    generator = built(model, full, 256, "meta").generator
    assert {key: tuple(value.shape) for key, value in generator.state_dict().items()} == original


@pytest.mark.parametrize("section", FULL_WIDTH)
def test_architecture_at_full_width(section):
    wanted = FULL_WIDTH[section][2]
    found = architecture_of(original_keys()[section])
    assert (found.ngf, found.in_channels, found.out_channels) == (wanted["ngf"], 3, 3)
    assert found.halvings == wanted.get("depth", wanted.get("n_downsample", 2))
    assert found.n_blocks == wanted.get("n_blocks", 0)


def closed_form(keys, seed):
    """Return the state dictionary that tests/reference/README.md fills a network with, rounded to float32."""
    state = OrderedDict()
    parameters = sorted(key for key in keys if not key.endswith(("running_mean", "running_var", "num_batches_tracked")))
    for key, shape in keys.items():
        if key not in parameters:
            state[key] = torch.zeros(shape, dtype=torch.int64) if key.endswith("tracked") else torch.ones(shape)
            continue
        index = torch.arange(math.prod(shape), dtype=torch.float64)
        value = torch.sin(0.7 * index + parameters.index(key) + seed).view(shape)
        scale, offset = (0.05, 0) if len(shape) >= 2 else (0.1, 1) if key.endswith("weight") else (0.02, 0)
        state[key] = (offset + scale * value).float()
    return state


@pytest.mark.parametrize(
    ("case", "model", "probe", "resolution"),
    [
        ("pix2pix", "pix2pix", "generator_output_train_mode", 256),
        ("cyclegan", "cyclegan", "generator_output", 64),
        ("pix2pixhd_global", "pix2pixhd", "generator_output", 64),
        ("pix2pixhd_local", "pix2pixhd", "generator_output", 64),
    ],
)
def test_read_generators_compute_what_the_originals_compute(
    tmp_path, reference, conformance, case, model, probe, resolution
):
    case = reference[case]
    loaded = read_generator(model, saved(tmp_path, closed_form(case["generator_keys"], case["seed"])))
    without = {"dropout": 0} if model == "pix2pix" else {}
    generator = built(model, loaded.settings | without, resolution).generator.double()
    generator.load_state_dict(loaded.state)
    bw, _ = conformance.pages(case["size"], case["seed"], case["batch"])
    # The file has float32's 24 bits, the reference was computed in float64 from 53.
    assert conformance.probe_deviation(generator(bw), case[probe]) < 1e-5


norms = st.sampled_from(["batch", "instance"])
input_channels = st.sampled_from([1, 3])
widths = st.integers(1, 4)

unets = st.builds(
    lambda depth, **kwargs: (
        unet_layout(depth=depth, **kwargs),
        {"netG": "unet", "depth": depth, **kwargs},
        2**depth,
        ("pix2pix", "cyclegan"),
    ),
    depth=st.integers(6, 8),
    ngf=widths,
    norm=norms,
    input_nc=input_channels,
)
resnets = st.builds(
    lambda dropout, **kwargs: (
        resnet_layout(dropout=dropout, **kwargs),
        {"netG": "resnet", "dropout": 0.5 if dropout else 0.0, **kwargs},
        4,
        ("pix2pix", "cyclegan"),
    ),
    ngf=widths,
    n_blocks=st.integers(1, 9),
    norm=norms,
    dropout=st.booleans(),
    input_nc=input_channels,
)
instances = st.sampled_from(["none", "regions"])
hd_globals = st.builds(
    lambda instances, **kwargs: (
        resnet_layout(input_nc=3 + (instances == "regions"), **kwargs),
        {"netG": "global", "instances": instances, **kwargs},
        2 ** kwargs["n_downsample"],
        ("pix2pixhd",),
    ),
    ngf=widths,
    n_downsample=st.integers(1, 4),
    n_blocks=st.integers(1, 9),
    instances=instances,
)
hd_locals = st.builds(
    lambda instances, **kwargs: (
        local_layout(input_nc=3 + (instances == "regions"), **kwargs),
        {"netG": "local", "instances": instances, **kwargs},
        2 ** (kwargs["n_downsample"] + kwargs["n_enhancers"]),
        ("pix2pixhd",),
    ),
    ngf=st.integers(1, 2),
    n_downsample=st.integers(1, 3),
    n_blocks=st.integers(1, 3),
    n_enhancers=st.integers(1, 3),
    n_blocks_local=st.integers(1, 4),
    instances=instances,
)


@st.composite
def generators(draw):
    shapes, wanted, multiple, names = draw(st.one_of(unets, resnets, hd_globals, hd_locals))
    return draw(st.sampled_from(names)), shapes, wanted, multiple


def leftovers(shapes):
    """Return the running statistics of instance norms that old files hold: after every convolution but the last."""
    last = list(shapes)[-1].removesuffix(".bias")
    extra = OrderedDict()
    for key, shape in shapes.items():
        place, _, name = key.rpartition(".")
        parent, _, position = place.rpartition(".")
        # A U-Net has no norm after its outermost convolution, nor after its innermost downward one.
        is_innermost = f"{parent}.3.weight" in shapes and position == "1"
        if name != "bias" or place in (last, "model.model.0") or is_innermost:
            continue
        norm = f"{parent}.{int(position) + 1}"
        extra |= {f"{norm}.running_mean": torch.ones(shape), f"{norm}.running_var": torch.ones(shape)}
        extra |= {f"{norm}.num_batches_tracked": torch.tensor(3)}
    return extra


@settings(max_examples=30, deadline=None)
@given(
    generator=generators(),
    prefix=st.booleans(),
    wrapper=st.sampled_from([None, "state_dict", "netG"]),
    old=st.booleans(),
    dtype=st.sampled_from([torch.float32, torch.float16, torch.float64, torch.bfloat16]),
    file=st.sampled_from(["latest_net_G.pth", "120_net_G_A.PT", "generator.safetensors"]),
    seed=st.integers(0, 1000),
)
def test_any_generator_survives_its_file(generator, prefix, wrapper, old, dtype, file, seed):
    name, shapes, wanted, multiple = generator
    original = OrderedDict()
    for key, value in random_state(shapes, seed).items():
        original[key] = value.to(dtype) if value.is_floating_point() else value
    content = OrderedDict(original)
    has_batch_norm = any(key.endswith("running_mean") for key in shapes)
    if old and has_batch_norm:
        content = OrderedDict((k, v) for k, v in content.items() if not k.endswith("num_batches_tracked"))
    elif old:
        content |= leftovers(shapes)
    if prefix:
        content = OrderedDict((f"module.{key}", value) for key, value in content.items())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / file
        if path.suffix == ".safetensors":
            safetensors.torch.save_file(dict(content), path)
        else:
            torch.save(content if wrapper is None else {wrapper: content, "epoch": 5}, path)
        loaded = read_generator(name, path)
        assert loaded.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()

    assert {key: loaded.settings[key] for key in wanted} == wanted
    assert loaded.least_multiple == multiple
    size = max(64, 2 * multiple)
    channels = wanted.get("input_nc", 4 if wanted.get("instances") == "regions" else 3)
    image = torch.rand(1, channels, size, size, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    resolution = min(size, 512)
    direct = built(name, loaded.settings, resolution).generator
    direct.load_state_dict({key: value.float() if value.ndim else value for key, value in original.items()})
    ours = built(name, loaded.settings, resolution).generator
    ours.load_state_dict(loaded.state)
    assert all(value.dtype in (torch.float32, torch.int64) for value in loaded.state.values())
    with torch.inference_mode():
        found, expected = ours.eval()(image), direct.eval()(image)
    assert torch.equal(found, expected)
    assert found.std() > 0
    notes = " | ".join(loaded.notes)
    assert ("module." in notes) == prefix
    assert ("instance norm" in notes) == (old and not has_batch_norm)
    assert ("counters" in notes) == (old and has_batch_norm)
    assert ("converted" in notes) == (dtype is not torch.float32)


def test_notes_count_what_was_changed(tmp_path):
    shapes = resnet_layout(n_blocks=9)
    state = random_state(shapes)
    state |= leftovers(shapes)
    # 1 + 2 + 18 + 2 instance norms with three entries each, as in CycleGAN's published files.
    assert read_generator("cyclegan", saved(tmp_path, state)).notes == (
        "dropped 69 running statistics of instance norm, which it does not use",
    )
    state = {f"module.{key}": value.half() for key, value in random_state(resnet_layout(n_blocks=1)).items()}
    assert read_generator("cyclegan", saved(tmp_path, {"state_dict": state})).notes == (
        "taken from the entry 'state_dict'",
        "removed the prefix module. of nn.DataParallel",
        "converted 16 tensors from float16 to float32",
    )
    state = {key: value for key, value in random_state(unet_layout()).items() if "tracked" not in key}
    assert read_generator("pix2pix", saved(tmp_path, state)).notes == (
        "filled in 9 counters of batch norm with 0 (saved by torch before 0.4.1)",
    )


@pytest.mark.parametrize("legacy", [False, True])
def test_metadata_and_parameters_of_a_saved_module(tmp_path, legacy):
    """A state_dict() has `_metadata` as an attribute; some conversions make it an entry, or keep nn.Parameters."""
    state = built("cyclegan", {"ngf": 2, "n_blocks": 1}, 64).generator.state_dict(keep_vars=True)
    assert state._metadata
    assert isinstance(state["model.1.weight"], torch.nn.Parameter)
    state["_metadata"] = dict(state._metadata)
    path = tmp_path / "latest_net_G.pth"
    torch.save(state, path, _use_new_zipfile_serialization=not legacy)
    loaded = read_generator("cyclegan", path)
    assert loaded.notes == ()
    assert "_metadata" not in loaded.state
    assert not any(value.requires_grad for value in loaded.state.values())


@pytest.mark.parametrize(
    ("model", "overrides"),
    [
        ("pix2pix", {"ngf": 2}),
        ("pix2pix", {"ngf": 2, "netG": "resnet"}),
        ("cyclegan", {"ngf": 2}),
        ("cyclegan", {"ngf": 2, "netG": "unet", "input_nc": 1, "lambda_identity": 0}),
        ("pix2pixhd", {"ngf": 2}),
        ("pix2pixhd", {"ngf": 2, "netG": "local", "instances": "regions", "n_enhancers": 2, "n_downsample": 2}),
    ],
)
def test_own_generator_comes_back(tmp_path, model, overrides):
    translator = built(model, overrides, 64)
    path = tmp_path / "generator.safetensors"
    safetensors.torch.save_file(translator.generator.state_dict(), path)
    loaded = read_generator(model, path)
    assert loaded.notes == ()
    again = models.parse_settings(model, loaded.settings).model_dump()
    of_training = {"ndf", "vgg_loss", "lambda_identity", "depth"}
    assert {k: v for k, v in again.items() if k not in of_training} == {
        k: v for k, v in translator.settings.model_dump().items() if k not in of_training
    }
    state = translator.generator.state_dict()
    assert list(loaded.state) == list(state)
    assert all(torch.equal(loaded.state[key], value) for key, value in state.items())


def refusal(model, path):
    """Return the message that `path` is refused with: one line that begins with the path."""
    with pytest.raises(models.ModelError) as caught:
        read_generator(model, path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message


UNET, RESNET, GLOBAL = unet_layout(), resnet_layout(), resnet_layout(n_downsample=4)
LOCAL = local_layout()
HD_BATCH = resnet_layout(n_downsample=3, norm="batch")


@pytest.mark.parametrize(
    ("model", "shapes", "words"),
    [
        ("cyclegan", GLOBAL, "this is a Pix2PixHD global generator: load it as pix2pixhd="),
        ("pix2pix", GLOBAL, "this is a Pix2PixHD global generator: load it as pix2pixhd="),
        ("pix2pix", LOCAL, "this is a Pix2PixHD local generator: load it as pix2pixhd="),
        ("pix2pixhd", UNET, "this is a U-Net generator: load it as pix2pix=FILE or cyclegan="),
        ("pix2pixhd", resnet_layout(norm="batch"), "has batch norm.*load it as pix2pix=FILE or cyclegan="),
        ("pix2pixhd", resnet_layout(dropout=True), "has dropout.*load it as pix2pix=FILE or cyclegan="),
        ("pix2pixhd", HD_BATCH, "has batch norm.*give one trained with --norm instance"),
        ("pix2pixhd", resnet_layout(n_downsample=4, input_nc=36), r"takes 36 channels \(a label map.*3 .*or 4 "),
        ("pix2pixhd", resnet_layout(n_downsample=4, input_nc=1), r"takes 1 channels; here Pix2PixHD takes 3 .*or 4 "),
        ("pix2pixhd", local_layout(input_nc=7), r"takes 7 channels \(the page, its boundary map and encoded features"),
        ("pix2pix", unet_layout(input_nc=4), "takes 4 channels; here pix2pix takes 1 or 3"),
        ("pix2pix", unet_layout(input_nc=1, output_nc=2), "gives 2 channels .*Lab.*--model colorization"),
        ("cyclegan", resnet_layout(output_nc=1), "gives 1 channels; here a generator gives 3"),
        ("pix2pixhd", local_layout(output_nc=1), "gives 1 channels; here a generator gives 3"),
        ("pix2pix", unet_layout(depth=5), "depth = 5"),
        ("pix2pixhd", resnet_layout(ngf=1, n_downsample=9), "n_downsample = 9"),
        ("pix2pixhd", resnet_layout(ngf=1) | {"model.1.weight": (1025, 3, 7, 7)}, "ngf = 1025"),
    ],
)  # fmt: skip
def test_other_generators_are_refused(tmp_path, model, shapes, words):
    assert re.search(words, refusal(model, saved(tmp_path, random_state(shapes))))


def test_a_resnet_is_a_global_generator_with_two_downsamplings(tmp_path):
    loaded = read_generator("pix2pixhd", saved(tmp_path, random_state(resnet_layout(ngf=3, n_blocks=6))))
    assert loaded.settings == {"netG": "global", "ngf": 3, "n_downsample": 2, "n_blocks": 6, "instances": "none"}
    built("pix2pixhd", loaded.settings, 64).generator.load_state_dict(loaded.state)


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ("D batch", "PatchGAN discriminator, not a generator"),
        ("D inst", "PatchGAN discriminator, not a generator"),
        ("HD enc", "feature encoder, not a generator"),
    ],
)
def test_the_originals_other_networks_are_named(tmp_path, section, words):
    state = {key: torch.zeros(shape) for key, shape in original_keys()[section].items()}
    for model in ("pix2pix", "cyclegan", "pix2pixhd"):
        assert words in refusal(model, saved(tmp_path, state))


def test_discriminators_of_pix2pixhd_and_of_pixels_are_named(tmp_path):
    networks = built("pix2pixhd", {"ngf": 1, "ndf": 1}, 64).networks()
    assert "a discriminator of Pix2PixHD" in refusal(
        "pix2pixhd", saved(tmp_path, networks["discriminator"].state_dict())
    )
    pixel = {"net.0.weight": torch.zeros(1, 6, 1, 1), "net.0.bias": torch.zeros(1)}
    assert "a pixel discriminator" in refusal("pix2pix", saved(tmp_path, pixel))
    assert "key 'features.0.weight'" in refusal("pix2pix", saved(tmp_path, {"features.0.weight": torch.zeros(3)}))


def without(*keys):
    return lambda shapes: {key: shape for key, shape in shapes.items() if key not in keys}


def changed(**shapes):
    renamed = {key.replace("__", "."): shape for key, shape in shapes.items()}
    return lambda whole: whole | renamed


@pytest.mark.parametrize(
    ("model", "shapes", "change", "words"),
    [
        ("cyclegan", RESNET, changed(model__7__weight=(9, 4, 3, 3)),
         r"model\.7\.weight: found shape \[9, 4, 3, 3\], expected shape \[8, 4, 3, 3\]"),
        ("cyclegan", RESNET, changed(model__12__weight=(1, 2, 3, 3), model__4__weight=(5, 2, 3, 3)),
         r"model\.4\.weight: found shape \[5, 2, 3, 3\], expected shape \[4, 2, 3, 3\]"),
        ("cyclegan", RESNET, without("model.10.conv_block.5.bias"),
         r"model\.10\.conv_block\.5\.bias: found missing, expected shape \[8\]"),
        ("pix2pixhd", GLOBAL, without("model.13.weight"),
         r"model\.13\.weight: found missing, expected shape \[32, 16, 3, 3\]"),
        ("cyclegan", RESNET, changed(model__99__weight=(3,)), r"model\.99\.weight: found shape \[3\], expected no such"),
        ("cyclegan", RESNET, changed(model__1__running_mean=(2,)), r"model\.1\.running_mean: found shape \[2\], expected"),
        ("pix2pix", UNET, without("model.model.1.model.2.running_var"),
         r"model\.model\.1\.model\.2\.running_var: found missing, expected shape \[4\]"),
        ("pix2pix", UNET, changed(model__model__1__model__3__model__5__weight=(3, 4, 4, 4)),
         r"\.3\.model\.5\.weight: found shape \[3, 4, 4, 4\], expected shape \[16, 4, 4, 4\]"),
        ("pix2pixhd", LOCAL, changed(model1_2__1__weight=(2, 2, 3, 3)),
         r"model1_2\.1\.weight: found shape \[2, 2, 3, 3\], expected shape \[4, 2, 3, 3\]"),
        ("pix2pixhd", LOCAL, without("model1_1.4.bias"), r"model1_1\.4\.bias: found missing, expected shape \[4\]"),
        ("pix2pixhd", LOCAL, without("model1_1.1.weight"), r"model1_1\.1\.weight is missing"),
        ("cyclegan", RESNET, changed(model__1__weight=(2,)), r"model\.1\.weight has shape \[2\]"),
        ("cyclegan", resnet_layout(n_blocks=1), changed(**{"model__999999__conv_block__1__weight": (1, 1, 3, 3)}),
         "is missing|n_blocks = 999990"),
        ("cyclegan", {}, changed(model__5__conv_block__1__weight=(1, 1, 3, 3), model__1__weight=(1, 3, 7, 7)),
         r"residual blocks begin at model\.5"),
    ],
)  # fmt: skip
def test_the_first_key_that_differs_is_named(tmp_path, model, shapes, change, words):
    """First in the network's order, whatever the order in the file."""
    shapes = change(shapes)
    state = random_state(dict(reversed(shapes.items())))
    assert re.search(words, refusal(model, saved(tmp_path, state)))


def test_a_prefix_on_some_keys_only_is_refused(tmp_path):
    state = random_state(RESNET)
    state["module.model.4.bias"] = state.pop("model.4.bias")
    assert "model.4.bias: found missing" in refusal("cyclegan", saved(tmp_path, state))


class Payload:
    """Makes a file where it is unpickled."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".safetensors"])
@pytest.mark.parametrize("form", ["zip", "legacy", "pickle", "inside"])
def test_pickled_code_is_refused_and_not_run(tmp_path, form, suffix):
    marker, path = tmp_path / "ran", (tmp_path / "latest_net_G").with_suffix(suffix)
    if form == "pickle":
        path.write_bytes(pickle.dumps(Payload(marker), protocol=2))
    else:
        content = random_state(RESNET) | {"model.99": Payload(marker)} if form == "inside" else Payload(marker)
        torch.save(content, path, _use_new_zipfile_serialization=form != "legacy")
    message = refusal("cyclegan", path)
    assert not marker.exists()
    assert ("pickled code (posix.mkdir)" in message) == (suffix != ".safetensors")
    assert "weights_only" not in message
    if suffix == ".pth" and form == "zip":
        torch.load(path, weights_only=False)
        assert marker.exists(), "the payload works where it is run"


def test_files_that_are_none(tmp_path):
    good = saved(tmp_path, random_state(RESNET), "good.pth").read_bytes()
    flat = safetensors.torch.save(random_state(RESNET))
    (tmp_path / "folder.pth").mkdir()
    files = {"empty.pth": b"", "cut.pth": good[: len(good) // 2], "noise.pt": b"\x93 no weights" * 9, "one.pth": b"\x80",
             "cut.safetensors": flat[:-20], "head.safetensors": flat[:30], "other.safetensors": good,
             "other.pth": flat, "weights.bin": good}  # fmt: skip
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    buffer = io.BytesIO()
    torch.save(random_state(RESNET), buffer, _use_new_zipfile_serialization=False)
    for share in (0.02, 0.3, 0.99):
        (tmp_path / f"legacy{share}.pth").write_bytes(buffer.getvalue()[: int(len(buffer.getvalue()) * share)])
        assert re.search("truncated|damaged", refusal("cyclegan", tmp_path / f"legacy{share}.pth"))
    words = {"absent.pth": "no such file", "folder.pth": "is a folder", "empty.pth": "is empty", "weights.bin": ".pth",
             "cut.safetensors": "damaged", "head.safetensors": "damaged", "other.safetensors": "damaged"}  # fmt: skip
    for name in [*files, *words]:
        assert re.search(words.get(name, "damaged|truncated"), refusal("cyclegan", tmp_path / name))


@pytest.mark.filterwarnings("ignore:Validating sparse tensor")
def test_contents_that_are_none(tmp_path):
    state = random_state(RESNET)
    module = {**state, "model.1.weight": state["model.1.weight"].to_sparse()}
    contents = {
        "holds a list, not a dictionary of tensors": [state],
        "holds a Tensor, not a dictionary": torch.zeros(3),
        "holds no tensors": {},
        "'epoch' is int where a plain tensor": {"epoch": 3, **state},
        "'networks' is dict where a plain tensor": {"networks": {"generator": state}},
        "3 is a torch.strided tensor": {**state, 3: torch.zeros(1)},
        r"several networks \(state_dict, netG\)": {"state_dict": state, "netG": state},
        "'epoch' is str": {"state_dict": {**state, "epoch": "7"}},
        "'model.1.weight' is a torch.sparse_coo tensor": module,
        "on meta where a plain tensor": {**state, "model.1.weight": state["model.1.weight"].to("meta")},
        "model.1.weight holds NaN or infinity.*diverged": {
            **state,
            "model.1.weight": torch.full((2, 3, 7, 7), math.nan),
        },
        "model.1.bias holds NaN or infinity": {**state, "model.1.bias": torch.tensor([1e300, 0], dtype=torch.float64)},
        "model.1.bias holds torch.int64, not floating-point": {**state, "model.1.bias": torch.tensor([1, 2])},
        "model.1.bias holds torch.complex64": {**state, "model.1.bias": torch.zeros(2, dtype=torch.complex64)},
    }
    for words, content in contents.items():
        assert re.search(words, refusal("cyclegan", saved(tmp_path, content)))


def test_sizes_are_bounded_before_memory_is_taken(tmp_path, monkeypatch):
    path = tmp_path / "large.pth"
    path.touch()
    os.truncate(path, MAX_WEIGHTS_BYTES + 1)
    assert "above the limit of 8,589,934,592" in refusal("pix2pix", path)
    # A stride of zero: four bytes in the file, 2**48 in memory.
    state = random_state(RESNET) | {"model.1.weight": torch.zeros(()).expand(2**20, 2**10, 2**8, 2**8)}
    assert "tensors take 281,4" in refusal("pix2pix", saved(tmp_path, state))
    with zipfile.ZipFile(tmp_path / "bomb.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(10**6))
    monkeypatch.setattr("models.weight_files.MAX_WEIGHTS_BYTES", 10**5)
    assert (tmp_path / "bomb.pth").stat().st_size < 10**4
    assert "unpacks to 1,000,000 bytes" in refusal("pix2pix", tmp_path / "bomb.pth")


def test_only_models_with_saved_generators_are_read(tmp_path):
    path = saved(tmp_path, random_state(UNET))
    assert "there are no saved generators of copy; load it as one of pix2pix, cyclegan" in refusal("copy", path)
