"""What a generator looks like, worked out from the names and shapes of its weights.

The names are those of the original implementations, which this project's networks share: `UnetGenerator` and
`ResnetGenerator` of junyanz/pytorch-CycleGAN-and-pix2pix, `GlobalGenerator` and `LocalEnhancer` of NVIDIA/pix2pixHD.
The last but one and the second are one network but for the number of downsamplings.
"""

from __future__ import annotations

import re
import reprlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from models.errors import ModelError
from models.layers import Norm

Shapes = Mapping[str, tuple[int, ...]]
"""The shape of each tensor by its key."""

# Positions in the originals' nn.Sequential: padding, convolution, norm, ReLU, then three layers a downsampling.
_FIRST_HALVING = 4
_LAYERS_OF_A_STEP = 3

_BLOCK = re.compile(r"model\.([0-9]{1,6})\.conv_block\.")
_ENHANCER = re.compile(r"model([0-9]{1,6})_[12]\.")
_LEVEL = re.compile(r"model\.model\.1((?:\.model\.3)*)\.model\.[0-9]+\.")

_OTHER_NETWORKS = (
    (re.compile(r"scale[0-9]+_layer|layer[0-9]+\."), "a discriminator of Pix2PixHD"),
    (re.compile(r"net\.0\."), "a pixel discriminator"),
    (re.compile(r"model\.0\."), "a PatchGAN discriminator"),
    (re.compile(r"model\.1\."), "a network without residual blocks, such as Pix2PixHD's feature encoder"),
)
"""What else the original implementations save, by the start of a key."""


@dataclass(frozen=True)
class Architecture:
    """A generator as its weights show it.

    `halvings` is the number of levels of a U-Net, of downsamplings otherwise (those of the global generator inside a
    local one). `ngf` is the width at full resolution. `dropout`, in residual blocks, is None for a U-Net: there its
    layers do not show.
    """

    kind: Literal["unet", "residual", "local"]
    ngf: int
    halvings: int
    norm: Norm
    in_channels: int
    out_channels: int
    n_blocks: int = 0
    dropout: bool | None = None
    n_enhancers: int = 0
    n_blocks_local: int = 0

    @property
    def least_multiple(self) -> int:
        """What heights and widths of images must be multiples of."""
        return int(2 ** (self.halvings + self.n_enhancers))


def architecture_of(shapes: Shapes) -> Architecture:
    """Return the generator that `shapes` belong to; raises ModelError where they are of none.

    It is read off a few tensors; that all the others are there and fit is for the caller to check.
    """
    if any(_ENHANCER.match(key) for key in shapes):
        return _local(shapes)
    if any(key.startswith("model.model.") for key in shapes):
        return _unet(shapes)
    if any(_BLOCK.match(key) for key in shapes):
        return _residual(shapes)
    first = next(iter(shapes))
    for start, network in _OTHER_NETWORKS:
        if any(start.match(key) for key in shapes):
            raise ModelError(f"this is {network}, not a generator; give the generator's file, such as latest_net_G.pth")
    raise ModelError(
        f"no generator of Pix2Pix, CycleGAN or Pix2PixHD has the key {reprlib.repr(first)}; "
        "give a file with the original implementations' keys"
    )


def _unet(shapes: Shapes) -> Architecture:
    ngf, in_channels = _kernel(shapes, "model.model.0.weight")[:2]
    inner = [match[1].count(".model.3") for key in shapes if (match := _LEVEL.match(key))]
    return Architecture(
        "unet", ngf, 2 + max(inner, default=0), _norm(shapes, "model.model.1.model.6.weight"), in_channels,
        _kernel(shapes, "model.model.3.weight")[1],
    )  # fmt: skip


def _residual(shapes: Shapes) -> Architecture:
    ngf, in_channels = _kernel(shapes, "model.1.weight")[:2]
    first, n_blocks = _blocks(shapes, _BLOCK)
    halvings = _halvings(first)
    last = first + n_blocks + _LAYERS_OF_A_STEP * halvings + 1
    return Architecture(
        "residual", ngf, halvings, _norm(shapes, "model.2.weight"), in_channels,
        _kernel(shapes, f"model.{last}.weight")[0],
        n_blocks=n_blocks,
        # Dropout moves the block's second convolution from position 5 to 6, where a batch norm is otherwise.
        dropout=len(shapes.get(f"model.{first}.conv_block.6.weight", ())) == 4,
    )  # fmt: skip


def _local(shapes: Shapes) -> Architecture:
    n_enhancers = max(int(match[1]) for key in shapes if (match := _ENHANCER.match(key)))
    ngf, in_channels = _kernel(shapes, f"model{n_enhancers}_1.1.weight")[:2]
    first, n_blocks = _blocks(shapes, _BLOCK)
    own_block = re.compile(rf"model{n_enhancers}_2\.([0-9]{{1,6}})\.conv_block\.")
    n_blocks_local = _blocks(shapes, own_block)[1]
    return Architecture(
        "local", ngf, _halvings(first), _norm(shapes, f"model{n_enhancers}_1.2.weight"), in_channels,
        _kernel(shapes, f"model{n_enhancers}_2.{n_blocks_local + 4}.weight")[0],
        n_blocks=n_blocks, n_enhancers=n_enhancers, n_blocks_local=n_blocks_local,
    )  # fmt: skip


def _blocks(keys: Iterable[str], pattern: re.Pattern[str]) -> tuple[int, int]:
    """Return the position of the first residual block and the number of blocks, missing ones between them included."""
    positions = [int(match[1]) for key in keys if (match := pattern.match(key))]
    if not positions:
        raise ModelError("has no residual blocks at all; give a complete generator")
    return min(positions), max(positions) - min(positions) + 1


def _halvings(first_block: int) -> int:
    halvings, rest = divmod(first_block - _FIRST_HALVING, _LAYERS_OF_A_STEP)
    if halvings < 0 or rest:
        raise ModelError(
            f"its residual blocks begin at model.{first_block}, which is no multiple of {_LAYERS_OF_A_STEP} layers "
            f"after model.{_FIRST_HALVING}; give a generator in the original implementations' layout"
        )
    return halvings


def _norm(shapes: Shapes, key: str) -> Norm:
    """Return the normalisation: batch norm has weights, under `key` among others, and instance norm has none."""
    return "batch" if key in shapes else "instance"


def _kernel(shapes: Shapes, key: str) -> tuple[int, ...]:
    """Return the shape of the convolution weight `key`."""
    if key not in shapes:
        raise ModelError(f"{key} is missing; give a complete generator")
    if len(shapes[key]) != 4:
        raise ModelError(f"{key} has shape {list(shapes[key])}, not the four dimensions of a convolution")
    return shapes[key]
