"""Generators saved by the original implementations, or by this project, made ready to be loaded strictly.

Files of junyanz/pytorch-CycleGAN-and-pix2pix (`latest_net_G.pth`, `latest_net_G_A.pth`) and of NVIDIA/pix2pixHD hold the
weights of one generator and nothing of the options it was trained with: these are worked out from the shapes. What old
versions of torch and of the originals left in such files is cleaned away, and every change is told. Anything else that
does not fit is refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from models import parse_settings
from models.architecture import Architecture, Shapes, architecture_of
from models.errors import ModelError
from models.generators import RESNET_HALVINGS, GeneratorSettings, make_generator
from models.weight_files import WeightsFile, read_weights

LOADABLE = ("pix2pix", "cyclegan", "pix2pixhd")
"""The models whose generators are read."""

COLOUR_CHANNELS = 3
PAGE_CHANNELS = (1, 3)
"""Channels of the black-and-white page that Pix2Pix and CycleGAN take (original: --input_nc)."""

HD_INSTANCES = {3: "none", 4: "regions"}
"""Pix2PixHD's setting `instances` by the channels it takes: the page alone, or the page and its boundary map."""

RESIDUAL_DROPOUT = 0.5
"""The share that residual blocks drop in the original, where they drop any (`ResnetBlock`)."""

STRANGE_INPUTS = {
    35: "a label map of 35 classes, as for Cityscapes",
    36: "a label map of 35 classes and its boundary map, as for Cityscapes",
    39: "a label map of 35 classes, its boundary map and encoded features, as for Cityscapes",
    6: "the page and encoded features",
    7: "the page, its boundary map and encoded features",
}
"""What Pix2PixHD is fed with other options than this project's, by number of channels."""

PARALLEL_PREFIX = "module."
"""What nn.DataParallel puts before every key."""

RUNNING_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")
BATCH_COUNTER = "num_batches_tracked"
FLOATING_TYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16)


@dataclass(frozen=True)
class LoadedGenerator:
    """A generator read from a file.

    `settings` are the settings of `model` that the shapes tell, for `models.parse_settings`; `state` has exactly the keys,
    shapes and types of the generator that they build, on the CPU; `sha256` is the file's; `least_multiple` is what
    heights and widths of images must be multiples of; `notes` has one line for each thing dropped, filled in or converted.
    """

    model: str
    settings: dict[str, Any]
    state: dict[str, Tensor]
    sha256: str
    least_multiple: int
    notes: tuple[str, ...]


def read_generator(model: str, path: Path) -> LoadedGenerator:
    """Return the generator of `model` ("pix2pix", "cyclegan" or "pix2pixhd") in a .pth, .pt or .safetensors file.

    Nothing pickled in the file is run. Raises ModelError, in one line that begins with the path, for what is no such
    file, for another network, and for the first key that does not fit, with the shapes found and expected.
    """
    if model not in LOADABLE:
        raise ModelError(f"{path}: there are no saved generators of {model}; load it as one of {', '.join(LOADABLE)}")
    try:
        return _generator(model, read_weights(path))
    except ModelError as error:
        raise ModelError(" ".join(f"{path}: {error}".split())) from None


def _generator(model: str, file: WeightsFile) -> LoadedGenerator:
    notes = [] if file.wrapper is None else [f"taken from the entry {file.wrapper!r}"]
    tensors, removed = _without_prefix(file.tensors)
    notes += removed
    found = architecture_of({key: tuple(value.shape) for key, value in tensors.items()})
    _check_kind(model, found)
    _check_channels(model, found)
    settings = _settings(model, found)
    network = _network(model, settings, found)
    tensors, adapted = _adapted(tensors, network)
    _check_shapes(model, network, tensors)
    state, converted = _converted(tensors, network)
    return LoadedGenerator(
        model, settings, state, file.sha256, found.least_multiple, (*notes, *adapted, *converted)
    )  # fmt: skip


def _check_kind(model: str, found: Architecture) -> None:
    """Refuse a generator that only another model has, naming the model to load it as."""
    if model == "pix2pixhd":
        if found.kind == "unet":
            raise ModelError("this is a U-Net generator: load it as pix2pix=FILE or cyclegan=FILE")
        if found.norm == "batch" or found.dropout:
            what = "batch norm" if found.norm == "batch" else "dropout"
            junyanz = found.kind == "residual" and found.halvings == RESNET_HALVINGS
            mend = "load it as pix2pix=FILE or cyclegan=FILE" if junyanz else "give one trained with --norm instance"
            raise ModelError(
                f"this generator has {what}, and Pix2PixHD's here has instance norm and no dropout: {mend}"
            )
    elif found.kind == "local":
        raise ModelError("this is a Pix2PixHD local generator: load it as pix2pixhd=FILE")
    elif found.kind == "residual" and found.halvings != RESNET_HALVINGS:
        raise ModelError(
            f"this is a Pix2PixHD global generator: load it as pix2pixhd=FILE (it has {found.halvings} downsamplings, and "
            f"the ResNet of Pix2Pix and CycleGAN has {RESNET_HALVINGS})"
        )


def _check_channels(model: str, found: Architecture) -> None:
    """Refuse what is not made for a page that becomes a colour page."""
    given, taken = found.out_channels, found.in_channels
    if given != COLOUR_CHANNELS:
        lab = " (a and b of Lab: a model of --model colorization)" if given == 2 else ""
        raise ModelError(f"gives {given} channels{lab}; here a generator gives {COLOUR_CHANNELS}, red, green and blue")
    if model == "pix2pixhd" and taken not in HD_INSTANCES:
        what = f" ({STRANGE_INPUTS[taken]})" if taken in STRANGE_INPUTS else ""
        raise ModelError(
            f"takes {taken} channels{what}; here Pix2PixHD takes 3 (the grey page) or 4 (the page and the boundary map of "
            "its regions): give one trained with --label_nc 0"
        )
    if model != "pix2pixhd" and taken not in PAGE_CHANNELS:
        raise ModelError(f"takes {taken} channels; here {model} takes 1 or 3 (the grey page): give one of these")


def _settings(model: str, found: Architecture) -> dict[str, Any]:
    """Return the settings of `model` that build `found`."""
    settings = _hd_settings(found) if model == "pix2pixhd" else _generator_settings(found)
    if model == "cyclegan" and found.in_channels != COLOUR_CHANNELS:
        # The identity loss feeds colour to the generator, so that the settings are invalid with it.
        settings["lambda_identity"] = 0.0
    return settings


def _generator_settings(found: Architecture) -> dict[str, Any]:
    common = {"ngf": found.ngf, "norm": found.norm, "input_nc": found.in_channels}
    if found.kind == "unet":
        return {"netG": "unet", "depth": found.halvings, **common}
    dropout = RESIDUAL_DROPOUT if found.dropout else 0.0
    return {"netG": "resnet", "n_blocks": found.n_blocks, "dropout": dropout, **common}


def _hd_settings(found: Architecture) -> dict[str, Any]:
    settings = {
        "netG": "local" if found.kind == "local" else "global",
        "ngf": found.ngf,
        "n_downsample": found.halvings,
        "n_blocks": found.n_blocks,
        "instances": HD_INSTANCES[found.in_channels],
    }
    local = {"n_enhancers": found.n_enhancers, "n_blocks_local": found.n_blocks_local}
    return settings | (local if found.kind == "local" else {})


def _network(model: str, settings: Mapping[str, Any], found: Architecture) -> nn.Module:
    """Return the generator that `settings` build, without memory for its weights; raises ModelError out of bounds."""
    parsed = parse_settings(model, settings)
    with torch.device("meta"):
        if isinstance(parsed, GeneratorSettings):
            return make_generator(model, parsed, found.least_multiple, found.in_channels, COLOUR_CHANNELS)[0]
        # Here, since pix2pixhd.py brings the perceptual loss and region-finding with it.
        from models.pix2pixhd import Pix2PixHDSettings, make_hd_generator

        assert isinstance(parsed, Pix2PixHDSettings)
        return make_hd_generator(parsed, found.in_channels)


def _without_prefix(tensors: dict[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Return `tensors` without what nn.DataParallel put before all keys, and the note on it."""
    if not all(key.startswith(PARALLEL_PREFIX) for key in tensors):
        return tensors, []
    stripped = {key.removeprefix(PARALLEL_PREFIX): value for key, value in tensors.items()}
    return stripped, [f"removed the prefix {PARALLEL_PREFIX} of nn.DataParallel"]


def _adapted(tensors: dict[str, Tensor], network: nn.Module) -> tuple[dict[str, Tensor], list[str]]:
    """Return `tensors` without statistics of instance norms and with all counters of batch norms, and the notes on it.

    Instance norms kept running statistics before torch 0.4, which the originals delete on loading
    (`__patch_instance_norm_state_dict`); batch norms count their batches since 0.4.1.
    """
    modules = dict(network.named_modules())
    dropped = {key for key in tensors if _is_leftover(key, modules)}
    counters = [f"{name}.{BATCH_COUNTER}" for name, module in modules.items() if isinstance(module, nn.BatchNorm2d)]
    missing = [key for key in counters if key not in tensors]
    notes = []
    if dropped:
        notes.append(f"dropped {len(dropped)} running statistics of instance norm, which it does not use")
    if missing:
        notes.append(f"filled in {len(missing)} counters of batch norm with 0 (saved by torch before 0.4.1)")
    kept = {key: value for key, value in tensors.items() if key not in dropped}
    return kept | {key: torch.tensor(0) for key in missing}, notes


def _is_leftover(key: str, modules: Mapping[str, nn.Module]) -> bool:
    place, _, name = key.rpartition(".")
    return name in RUNNING_STATISTICS and isinstance(modules.get(place), nn.InstanceNorm2d)


def _check_shapes(model: str, network: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Raise ModelError for the first key, in the network's order, that is missing or of another shape; then for others."""
    expected: Shapes = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    for key in dict.fromkeys((*expected, *tensors)):
        found = f"shape {list(tensors[key].shape)}" if key in tensors else "missing"
        wanted = f"shape {list(expected[key])}" if key in expected else "no such key"
        if found != wanted:
            raise ModelError(
                f"does not fit {model}: {key[:200]}: found {found}, expected {wanted}; "
                "give a generator as the original implementation saves it"
            )


def _converted(tensors: Mapping[str, Tensor], network: nn.Module) -> tuple[dict[str, Tensor], list[str]]:
    """Return `tensors` in the order and the types of the network, and a note for each type that was converted."""
    state: dict[str, Tensor] = {}
    casts: Counter[str] = Counter()
    for key, expected in network.state_dict().items():
        value = tensors[key]
        if expected.is_floating_point() and value.dtype not in FLOATING_TYPES:
            raise ModelError(f"{key} holds {value.dtype}, not floating-point numbers; save unquantised weights")
        state[key] = value.to(expected.dtype).contiguous()
        if not bool(torch.isfinite(state[key]).all()):
            raise ModelError(f"{key} holds NaN or infinity: its training diverged; give an earlier checkpoint")
        if value.dtype != expected.dtype:
            casts[f"from {value.dtype} to {expected.dtype}".replace("torch.", "")] += 1
    return state, [f"converted {count} tensors {cast}" for cast, count in casts.items()]
