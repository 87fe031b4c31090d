"""How values are stored: each file whole or not at all, the same bytes for the same values; and read again, strictly."""

from __future__ import annotations

import hashlib
import io
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from bench import stored_values
from bench.errors import RequestError
from data.printing import reason


@contextmanager
def atomic_file(path: Path) -> Iterator[IO[bytes]]:
    """Yield a file that appears at `path` only when it is complete and on the disk: temporary name, fsync, rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Two machines may have processes of the same number.
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path` atomically."""
    with atomic_file(path) as file:
        file.write(content)


def write_json(path: Path, value: Any) -> None:
    """Write `value` to `path` as indented JSON with sorted keys, atomically; NaN is refused."""
    write_bytes(path, (json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n").encode())


REBUILT = "delete it and run the same command again, which rebuilds it"
"""The mend of most damaged files: what they hold is made from others."""


def read_json(path: Path, mend: str = REBUILT) -> Any:
    """Return the JSON value at `path`; raises RequestError in one line, ended by `mend`, where it is missing or broken."""
    try:
        return stored_values.json_value(path)
    except (OSError, ValueError) as error:
        raise RequestError(f"{path}: cannot be read ({reason(error)}); {mend}") from None


def write_parquet(path: Path, frame: pd.DataFrame) -> None:
    """Write `frame` to `path` as parquet, atomically and with the same bytes for the same values."""
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    write_bytes(path, buffer.getvalue())


def read_table(path: Path) -> pd.DataFrame:
    """Return the parquet table at `path`; raises RequestError in one line where it is missing or broken."""
    try:
        return stored_values.table(path)
    except (OSError, ValueError) as error:
        raise RequestError(f"{path}: cannot be read ({reason(error)}); {REBUILT}") from None


def write_png(path: Path, pixels: NDArray[np.uint8]) -> None:
    """Write `pixels` (uint8, H x W x 3) to `path` as a lossless PNG, atomically."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG", compress_level=3)
    write_bytes(path, buffer.getvalue())


def read_png(path: Path) -> NDArray[np.uint8]:
    """Return the PNG at `path` as uint8, H x W x 3; raises RequestError where it cannot be read."""
    try:
        with Image.open(path, formats=["PNG"]) as image:
            return np.asarray(image.convert("RGB"))
    # What Pillow raises on a damaged picture is not a closed list.
    except Exception as error:
        raise RequestError(f"{path}: not a readable PNG ({reason(error)}); run the same `bench run` again") from None


def write_array(path: Path, values: NDArray[np.float64]) -> None:
    """Write `values` to `path` as .npy, atomically."""
    with atomic_file(path) as file:
        np.save(file, values, allow_pickle=False)


def read_array(path: Path) -> NDArray[np.float64]:
    """Return the .npy array at `path`; raises RequestError where it cannot be read."""
    try:
        return stored_values.array(path)
    except (OSError, ValueError) as error:
        raise RequestError(
            f"{path}: not a readable array ({reason(error)}); delete it and run the same command again"
        ) from None


def sha256_of(path: Path) -> str:
    """Return the sha256 (hexadecimal) of the file at `path`."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
