"""DINOv2 as a second extractor for distances of sets, beside Inception and only where it is asked for.

Stein et al. 2023 (NeurIPS, "Exposing flaws of generative model evaluation metrics and their unfair treatment of diffusion
models", arXiv 2306.04675; code dgm-eval) find that the Fréchet distance agrees better with people on features of DINOv2
(Oquab et al. 2023) than on Inception's. The network is timm's, the weights are a safetensors file, which holds numbers alone and
runs no code: so there is no pinned digest, and the digest of the file that was used stands in every metric id.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from bench.errors import RequestError
from bench.files import sha256_of
from bench.metrics.choice import DINOV2_SETS
from bench.metrics.dinov2_file import ARCHITECTURE
from bench.metrics.identity import NetworkIdentity

SIDE = 224
"""px: pages are resized to this square, whatever their aspect, as in dgm-eval."""

PATCH = 14

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""ImageNet's, of RGB in [0, 1]."""

POSITION_OFFSET = 0.1
"""What DINOv2's own code adds to the number of patches a side when it resamples its position embedding."""


@dataclass(frozen=True)
class Shape:
    """The sizes of a vision transformer: features, blocks, heads."""

    width: int
    depth: int
    heads: int


LARGE = Shape(1024, 24, 16)


class DinoExtractor:
    """The normalised class token of a DINOv2 vision transformer, float32, on pages of 224 px (Pillow's bicubic, antialiased).

    The position embedding, learned at 518 px, is resampled as DINOv2's own code does. Raises RequestError where the file is no
    safetensors file or does not hold these layers.
    """

    metrics = DINOV2_SETS

    def __init__(self, file: Path, device: str | torch.device = "cpu", shape: Shape = LARGE) -> None:
        self.device = torch.device(device)
        self.dimension = shape.width
        name = ARCHITECTURE if shape == LARGE else f"vit-{shape.width}x{shape.depth}-dinov2"
        self.identity = NetworkIdentity(name, "class-token", sha256_of(file), f"pil-bicubic-{SIDE}")
        self._network = _network(file, shape).to(self.device)
        self._mean = torch.tensor(MEAN, device=self.device).view(1, 3, 1, 1)
        self._deviation = torch.tensor(DEVIATION, device=self.device).view(1, 3, 1, 1)

    def features(self, pixels: Tensor) -> Tensor:
        """Return float64 features [1, N, d] on the CPU, of uint8 RGB images [N, 3, H, W]."""
        if pixels.dtype != torch.uint8 or pixels.ndim != 4 or pixels.shape[1] != 3:
            raise RequestError(f"features need uint8 RGB images [N, 3, H, W], not {pixels.dtype} {tuple(pixels.shape)}")
        with torch.inference_mode():
            images = _resized(pixels).to(self.device).float() / 255
            tokens: Tensor = self._network((images - self._mean) / self._deviation)
            return tokens.double()[None].cpu()


def _resized(pixels: Tensor) -> Tensor:
    """Return uint8 [N, 3, 224, 224]."""
    pictures = [
        np.asarray(Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.BICUBIC))
        for picture in pixels.permute(0, 2, 3, 1).cpu().numpy()
    ]
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)


def _network(file: Path, shape: Shape) -> nn.Module:
    # Imported here: an optional package, and one that takes a second.
    import timm

    network: nn.Module = timm.create_model(
        ARCHITECTURE.partition(".")[0], pretrained=False, num_classes=0, img_size=SIDE, embed_dim=shape.width,
        depth=shape.depth, num_heads=shape.heads,
    )  # fmt: skip
    state = _state(file)
    wrong = _misfits(state, network.state_dict())
    if wrong:
        raise RequestError(f"{file}: not the layers of {ARCHITECTURE} ({wrong[0]}); get the published file")
    state["pos_embed"] = resampled_positions(state["pos_embed"], SIDE // PATCH)
    network.load_state_dict(state)
    return network.eval()


def _state(file: Path) -> dict[str, Tensor]:
    """Return the tensors of the file as float32, without those of training alone."""
    try:
        return {name: value.float() for name, value in load_file(file).items() if name != "mask_token"}
    except (OSError, SafetensorError) as error:
        raise RequestError(f"{file}: not a safetensors file ({str(error).splitlines()[0]}); get it again") from None


def _misfits(state: dict[str, Tensor], wanted: dict[str, Tensor]) -> Sequence[str]:
    """Return the layers that are missing, too many, or of other shapes; of the positions only the width must fit."""
    missing = [f"no {name}" for name in wanted if name not in state]
    unknown = [f"{name} too many" for name in state if name not in wanted]
    other = [
        f"{name} has {tuple(state[name].shape)}, not {tuple(value.shape)}"
        for name, value in wanted.items()
        if name in state and name != "pos_embed" and state[name].shape != value.shape
    ]
    positions = state.get("pos_embed", wanted["pos_embed"])
    if (
        positions.ndim != 3
        or positions.shape[2] != wanted["pos_embed"].shape[2]
        or not _is_square(positions.shape[1] - 1)
    ):
        other.append(f"pos_embed has {tuple(positions.shape)}")
    return [*missing, *unknown, *other]


def _is_square(number: int) -> bool:
    return number > 0 and round(number**0.5) ** 2 == number


def resampled_positions(positions: Tensor, side: int) -> Tensor:
    """Return a position embedding [1, 1 + side^2, d] of another number of patches, the class token's left as it is.

    As `interpolate_pos_encoding` of DINOv2's own code: bicubic without antialiasing, by a factor that is a tenth of a patch off.
    """
    token, patches = positions[:, :1], positions[:, 1:]
    before = round(patches.shape[1] ** 0.5)
    if before == side:
        return positions
    grid = patches.reshape(1, before, before, -1).permute(0, 3, 1, 2)
    factor = (side + POSITION_OFFSET) / before
    resampled = nn.functional.interpolate(grid, scale_factor=(factor, factor), mode="bicubic", antialias=False)
    return torch.cat([token, resampled.permute(0, 2, 3, 1).reshape(1, side * side, -1)], dim=1)
