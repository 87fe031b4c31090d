"""The perceptual loss of Pix2PixHD: L1 between features of a frozen VGG19 trained on ImageNet.

Wang et al., CVPR 2018, appendix A ("Improved adversarial loss": the perceptual term of Johnson et al., ECCV 2016);
`VGGLoss` and `Vgg19` in NVIDIA's `networks.py`. The weights are torchvision's, verified before they are opened
(pretrained.py); without them the loss is left out and `Pix2PixHD.remarks` says so.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.errors import ModelError
from models.pretrained import PretrainedStore

TAPS = (1, 6, 11, 20, 29)
"""Positions of relu1_1, relu2_1, relu3_1, relu4_1 and relu5_1 in torchvision's `vgg19().features`."""

WEIGHTS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0)
"""Weight of each tap (original: `VGGLoss.weights`)."""

_PREFIX = "features."


def available(store: PretrainedStore | None = None) -> bool:
    """Return whether a VGG19 file is there; whether it is the right one is seen when it is loaded."""
    return (store or PretrainedStore()).find("vgg19") is not None


def require(store: PretrainedStore | None = None) -> None:
    """Raise ModelError where the VGG19 file is missing or not the published one."""
    (store or PretrainedStore()).verified("vgg19")


class PerceptualLoss(nn.Module):
    """Frozen VGG19 features; `forward` gives the weighted L1 distance of two images.

    As in the original, images go in as they are, in [-1, 1], without ImageNet's mean and standard deviation. On device
    "meta" nothing is loaded, which is how FLOPs are counted. Raises ModelError where the weights are missing or wrong.
    """

    def __init__(
        self, device: torch.device, dtype: torch.dtype = torch.float32, store: PretrainedStore | None = None
    ) -> None:
        super().__init__()
        self.features = _layers(device)
        if device.type != "meta":
            self.features.load_state_dict(_weights(store or PretrainedStore()))
        self.features.to(device, dtype).eval().requires_grad_(False)

    def forward(self, fake: Tensor, real: Tensor) -> Tensor:
        """Return the scalar loss of `fake` against `real`, both [N, 3, H, W] in [-1, 1]; H and W at least 16."""
        with torch.no_grad():
            wanted = self._taps(real)
        distances = [F.l1_loss(found, truth) for found, truth in zip(self._taps(fake), wanted, strict=True)]
        return torch.stack([distance * weight for distance, weight in zip(distances, WEIGHTS, strict=True)]).sum()

    def _taps(self, image: Tensor) -> list[Tensor]:
        found = []
        for position, layer in enumerate(self.features):
            image = layer(image)
            if position in TAPS:
                found.append(image)
        return found


def _layers(device: torch.device) -> nn.Sequential:
    # Imported here: torchvision takes seconds, and most models do without it.
    from torchvision.models.vgg import cfgs, make_layers

    # Made without numbers, which come from the file: drawing initial weights would cost a second and random numbers.
    with torch.device("meta"):
        layers: nn.Sequential = make_layers(cfgs["E"])[: TAPS[-1] + 1]
    return layers if device.type == "meta" else layers.to_empty(device="cpu")


def _weights(store: PretrainedStore) -> dict[str, Tensor]:
    state = store.load("vgg19")
    names = _layers(torch.device("meta")).state_dict().keys()
    missing = [name for name in names if _PREFIX + name not in state]
    if missing:
        raise ModelError(f"{store.find('vgg19')}: not the layers of VGG19 (no {_PREFIX}{missing[0]}); get it again")
    return {name: state[_PREFIX + name] for name in names}


def digest(store: PretrainedStore | None = None) -> str:
    """Return the published sha256 (hexadecimal) of the weights that the loss stands on."""
    return (store or PretrainedStore()).known["vgg19"].sha256
