"""Published files of trained networks: where they are looked for, and how they are verified before anything is unpickled.

Nothing is downloaded and nothing falls back silently. A file counts only with the published sha256: torch.hub trusts whatever lies
in its cache, and a wrong file there gives plausible, wrong scores. The digest is taken of the very bytes that are then loaded.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

from models.errors import ModelError

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class KnownWeights:
    """One published weights file: the names it goes by, its size in bytes, its sha256, and where it is published."""

    name: str
    file_names: tuple[str, ...]
    size: int
    sha256: str
    published: str


VGG19 = KnownWeights(
    "vgg19",
    ("vgg19-dcbb9e9d.pth",),
    574_673_361,
    "dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44",
    "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth",
)
"""torchvision's VGG19 for ImageNet (IMAGENET1K_V1), the network of Pix2PixHD's perceptual loss."""


def default_folders() -> tuple[Path, ...]:
    """Return where weights are looked for, best first: torch.hub's checkpoint folder, then the installed lpips package.

    torch.hub's rule: $TORCH_HOME, else $XDG_CACHE_HOME/torch, else ~/.cache/torch; then hub/checkpoints in it.
    """
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = Path(os.environ.get("TORCH_HOME", Path(cache) / "torch")).expanduser()
    # The package is located without being imported: importing it would load torchvision.
    package = importlib.util.find_spec("lpips")
    inside = tuple(Path(place).parent for place in (package and package.submodule_search_locations) or ())
    return (home / "hub" / "checkpoints", *inside)


@dataclass(frozen=True)
class PretrainedStore:
    """Known weights and the folders they may lie in. Tests and other machines give their own of both."""

    error: ClassVar[type[Exception]] = ModelError
    """What is raised for a wrong file; the harness has its own."""

    known: Mapping[str, KnownWeights] = field(default_factory=lambda: MappingProxyType({VGG19.name: VGG19}))
    folders: Sequence[Path] | None = None

    @property
    def places(self) -> tuple[Path, ...]:
        """The folders that are searched, best first."""
        return default_folders() if self.folders is None else tuple(self.folders)

    def find(self, name: str) -> Path | None:
        """Return the file of the known weights `name`, or None where no folder has one; its content is not looked at."""
        candidates = (folder / file for folder in self.places for file in self.known[name].file_names)
        return next((path for path in candidates if path.is_file()), None)

    def verified(self, name: str) -> bytes:
        """Return the content of the weights file `name`; raises `error` where it is missing or is not the published one."""
        known, path = self.known[name], self.find(name)
        if path is None:
            searched = ", ".join(str(folder) for folder in self.places)
            raise self.error(f"weights {name}: no {known.file_names[0]} in {searched}; get it from {known.published}")
        try:
            content = path.read_bytes()
        except OSError as error:
            raise self.error(
                f"{path}: weights {name} cannot be read ({error.strerror}); mend its permissions"
            ) from None
        digest = hashlib.sha256(content).hexdigest()
        if digest != known.sha256:
            raise self.error(
                f"{path}: not the published weights {name} ({len(content):,} bytes with sha256 {digest[:16]}…, expected "
                f"{known.size:,} bytes with {known.sha256[:16]}…); delete it and get it again from {known.published}"
            )
        return content

    def load(self, name: str) -> dict[str, torch.Tensor]:
        """Return the state dictionary of the weights `name` on the CPU, verified first and read without running any pickled code.

        Raises `error` where the file is missing, is not the published one, or holds no state dictionary.
        """
        import torch

        content = self.verified(name)
        try:
            state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        except Exception as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise self.error(f"{self.find(name)}: weights {name} are no plain state dictionary ({reason})") from None
        if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
            raise self.error(f"{self.find(name)}: weights {name} are no plain state dictionary of tensors")
        return dict(state)
