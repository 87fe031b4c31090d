"""Files that hold the weights of one network, read without running anything that lies in them.

torch.save's files go through `weights_only=True`, which builds tensors and plain containers alone; safetensors has no
code in it. Sizes are bounded before anything is allocated, and the digest is taken of the file that is then read.
"""

from __future__ import annotations

import hashlib
import pickle
import re
import reprlib
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from models.errors import ModelError

MAX_WEIGHTS_BYTES = 8 * 2**30
"""The largest file that is read, and the most its tensors may take: 8 GiB, ten times the largest original generator.

That is Pix2PixHD's local generator at its defaults, 182,701,827 parameters of 4 bytes.
"""

TORCH_SUFFIXES = (".pth", ".pt")
SAFETENSORS_SUFFIX = ".safetensors"

WRAPPERS = ("state_dict", "netG")
"""Entries that a state dictionary is commonly put under, beside an epoch or other numbers."""

FORGOTTEN_KEY = "_metadata"
"""Torch's own remark on module versions: an attribute of a state dictionary, an entry after some conversions."""


@dataclass(frozen=True)
class WeightsFile:
    """The tensors of a file by key, all plain and on the CPU; its sha256; and the entry they were found under, if any."""

    tensors: dict[str, Tensor]
    sha256: str
    wrapper: str | None


def read_weights(path: Path) -> WeightsFile:
    """Return the weights in `path`, a .pth or .pt file of torch.save or a .safetensors file.

    Raises ModelError, in one line without the path, for what is no such file, is damaged, larger than
    MAX_WEIGHTS_BYTES, or holds anything but one dictionary of tensors.
    """
    suffix = path.suffix.lower()
    if suffix not in (*TORCH_SUFFIXES, SAFETENSORS_SUFFIX):
        raise ModelError(f"weights are read from {', '.join(TORCH_SUFFIXES)} and {SAFETENSORS_SUFFIX} files alone")
    _check_file(path)
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            content = _safetensors(path) if suffix == SAFETENSORS_SUFFIX else _torch_content(file)
    except OSError as error:
        raise ModelError(f"cannot be read ({error.strerror or error}); mend the file or its permissions") from None
    state, wrapper = _unwrapped(content)
    return WeightsFile(_plain_tensors(state), digest, wrapper)


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise ModelError("is a folder; give the file of the generator in it, such as latest_net_G.pth")
    if not path.is_file():
        raise ModelError("there is no such file; check the name")
    size = path.stat().st_size
    if size == 0:
        raise ModelError("the file is empty; get it again")
    if size > MAX_WEIGHTS_BYTES:
        raise ModelError(f"the file has {size:,} bytes, above the limit of {MAX_WEIGHTS_BYTES:,}; give one generator")


def _safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return safetensors.torch.load_file(path)
    except safetensors.SafetensorError as error:
        raise ModelError(f"is damaged or no safetensors file ({_first_line(error)}); get it again") from None


def _torch_content(file: IO[bytes]) -> object:
    """Return what torch.save wrote, nothing of it having been run."""
    _check_unpacked_size(file)
    file.seek(0)
    try:
        return torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        # Torch's text goes on to say how to run the code all the same.
        named = re.search(r"(?:GLOBAL|global:?) ([\w.]+)", str(error))
        if named is None:
            raise ModelError("is truncated or no file of torch.save; get it again") from None
        raise ModelError(
            f"holds pickled code ({named[1]}), which is not run; save the generator's state_dict() alone"
        ) from None
    except Exception as error:  # whatever a damaged file makes the reader raise
        raise ModelError(f"is damaged or no file of torch.save ({_first_line(error)}); get it again") from None


def _check_unpacked_size(file: IO[bytes]) -> None:
    """Refuse an archive whose parts unpack to more than the limit."""
    file.seek(0)
    try:
        if not zipfile.is_zipfile(file):
            return
        with zipfile.ZipFile(file) as archive:
            unpacked = sum(part.file_size for part in archive.infolist())
    except Exception as error:  # as above: `zipfile` has no closed list either
        raise ModelError(f"is damaged ({_first_line(error)}); get it again") from None
    if unpacked > MAX_WEIGHTS_BYTES:
        raise ModelError(f"unpacks to {unpacked:,} bytes, above the limit of {MAX_WEIGHTS_BYTES:,}; give one generator")


def _unwrapped(content: object) -> tuple[Mapping[Any, Any], str | None]:
    """Return the state dictionary and the name of the entry it was under; None: it was not under any."""
    if not isinstance(content, Mapping):
        raise ModelError(f"holds a {type(content).__name__}, not a dictionary of tensors; save generator.state_dict()")
    wrappers = [name for name in WRAPPERS if isinstance(content.get(name), Mapping)]
    if len(wrappers) > 1:
        raise ModelError(f"holds several networks ({', '.join(wrappers)}); save the generator's state_dict() alone")
    if not wrappers:
        return content, None
    inside: Mapping[Any, Any] = content[wrappers[0]]
    return inside, wrappers[0]


def _plain_tensors(state: Mapping[Any, Any]) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = {}
    for key, value in state.items():
        if key == FORGOTTEN_KEY:
            continue
        if not isinstance(key, str) or not _is_plain(value):
            found = f"a {value.layout} tensor on {value.device}" if isinstance(value, Tensor) else type(value).__name__
            raise ModelError(
                f"{reprlib.repr(key)} is {found} where a plain tensor under a name belongs; "
                "save the generator's state_dict() alone"
            )
        tensors[key] = value.detach()
    if not tensors:
        raise ModelError("holds no tensors; save the generator's state_dict()")
    # A tensor that repeats itself needs few bytes in the file and any number once it is copied.
    spread = sum(value.numel() * value.element_size() for value in tensors.values())
    if spread > MAX_WEIGHTS_BYTES:
        raise ModelError(
            f"its tensors take {spread:,} bytes, above the limit of {MAX_WEIGHTS_BYTES:,}; give one generator"
        )
    return tensors


def _is_plain(value: object) -> bool:
    """Return whether `value` is a tensor with numbers of its own in the usual layout."""
    if not isinstance(value, Tensor) or type(value) not in (Tensor, nn.Parameter):
        return False
    return value.layout is torch.strided and value.device.type == "cpu"


def _first_line(error: Exception) -> str:
    """Return the first line of an error's text, printable and not too long, or its type where it has none."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return "".join(letter if letter.isprintable() else "?" for letter in lines[0][:200])
