"""Reads JSON, arrays and tables that may be damaged, or a stranger's: bounded, strict, and without running anything in them.

Whatever is wrong with a file is a ValueError or an OSError; who reads it says where it lies and what to do.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd
from numpy.typing import NDArray

MAX_JSON_BYTES = 256 * 2**20
"""Larger files are refused; a split of a million pages has about 100 MiB."""

MAX_ROWS = 20_000_000
"""Of a table; a learning curve has thousands, the scores of a million windows one each."""

MAX_TABLE_BYTES = 4 * 2**30
"""Tables that claim to unpack to more are refused."""

_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def json_value(path: Path) -> Any:
    """Return the JSON value at `path`, every number in it finite; raises ValueError or OSError."""
    if path.stat().st_size > MAX_JSON_BYTES:
        raise ValueError(f"larger than {MAX_JSON_BYTES:,} bytes")
    text = path.read_text(encoding="utf-8")
    try:
        value = json.loads(text, parse_constant=_refused, parse_float=_finite)
        if "\\ud" in text or "\\uD" in text:
            # Half a pair of surrogates is no text: it could be written nowhere again.
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("brackets in brackets without end") from None
    return value


def array(path: Path) -> NDArray[np.float64]:
    """Return the .npy array of numbers at `path`; raises ValueError or OSError."""
    with path.open("rb") as file:
        try:
            read_header = _HEADERS[np.lib.format.read_magic(file)]
            shape, _, dtype = read_header(file)
        except OSError:
            raise
        # What NumPy raises on a damaged header is not a closed list.
        except Exception:
            raise ValueError("no header of a .npy file") from None
        if dtype.kind not in "fiu" or min(shape, default=0) < 0:
            raise ValueError(f"holds {dtype}, not numbers")
        # Before memory is taken: a header of a hundred bytes may claim any size.
        if file.tell() + math.prod(shape) * dtype.itemsize != path.stat().st_size:
            raise ValueError("not as long as its header says")
    return np.asarray(np.load(path, allow_pickle=False), dtype=np.float64)


def table(path: Path) -> pd.DataFrame:
    """Return the parquet table at `path`, its columns in order and no index; raises ValueError or OSError."""
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            groups = (file.metadata.row_group(at) for at in range(file.metadata.num_row_groups))
            unpacked = sum(group.total_byte_size for group in groups)
            if file.metadata.num_rows > MAX_ROWS or unpacked > MAX_TABLE_BYTES:
                raise ValueError(f"more than {MAX_ROWS:,} rows or {MAX_TABLE_BYTES:,} bytes")
            content = file.read()
            # Bytes that are no UTF-8 in a column of texts would show only when somebody looks at them.
            content.validate(full=True)
            # What pandas keeps of a frame besides its columns is not taken from a file.
            frame: pd.DataFrame = content.to_pandas(ignore_metadata=True)
            return frame
    except (OSError, ValueError):
        raise
    # What pyarrow raises on a damaged table is not a closed list.
    except Exception as error:
        raise ValueError(str(error)) from None


def _refused(name: str) -> NoReturn:
    raise ValueError(f"holds {name}, which is no number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"holds {text[:20]}, which is too large")
    return value
