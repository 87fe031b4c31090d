"""How long a trained generator takes to colour windows: the same measurement for every model."""

from __future__ import annotations

import logging
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import models
from bench.beginning import first_line
from bench.devices import autocast, synchroniser
from bench.errors import RequestError
from bench.files import read_json, read_png, write_json
from bench.prediction import batch_size, to_pixels, to_tensor
from bench.provenance import machine
from models.regions import forget_regions

_log = logging.getLogger("bench")

WARMUP = 2
"""Calls before the clock: the first ones choose algorithms and take memory."""

MOST_REPEATS = 50
FEWEST_REPEATS = 5
MOST_SECONDS = 2.0
"""Repeats end after this, but not before the fewest."""


def time_colouring(
    translator: models.Translator, windows: NDArray[np.uint8], device: str, precision: str = "fp32"
) -> list[float]:
    """Return the seconds of every repeat: `windows` [N, H, W, 3] at once, from pixels in memory to pixels in memory."""
    synchronise, seconds = synchroniser(device), list[float]()
    for repeat in range(WARMUP + MOST_REPEATS):
        # Finding the regions of a page is part of colouring it, and every page is coloured once.
        forget_regions()
        synchronise()
        began = time.perf_counter()
        with autocast(device, precision):
            colour = translator.colorize(to_tensor(windows, device))
        to_pixels(colour)
        synchronise()
        if repeat >= WARMUP:
            seconds.append(time.perf_counter() - began)
        if len(seconds) >= FEWEST_REPEATS and sum(seconds) > MOST_SECONDS:
            break
    return seconds


def write_timing(path: Path, translator: models.Translator, windows: Sequence[Path], device: str) -> None:
    """Time `translator` on the pictures `windows` and write medians to `path`.

    Everywhere one window alone is timed in float32, as it is scored. On a GPU, batches as predictions are made in, and bfloat16,
    are timed too; on a processor they are no faster, and would take minutes. A model that cannot do it is named in the log: the
    time is a remark beside its scores.
    """
    first = read_png(windows[0])
    record = {"height": first.shape[0], "width": first.shape[1], "machine": machine(device)}
    try:
        found = timings(translator, windows, device, batches=device.startswith("cuda"))
    except Exception as error:
        _log.warning("%s: colouring was not timed (%s: %s)", path.parent.name, type(error).__name__, first_line(error))
        return
    write_json(path, record | found)


def timings(
    translator: models.Translator, windows: Sequence[Path], device: str, *, batches: bool
) -> dict[str, float | int]:
    """Return what `inference.json` has of the clock: seconds a window alone; with `batches`, what batches and bfloat16 give too."""
    alone = np.stack([read_png(windows[0])])
    seconds = time_colouring(translator, alone, device)
    found = {"seconds_per_window": statistics.median(seconds), "repeats": len(seconds)}
    if not batches:
        return found
    size = min(len(windows), batch_size(*alone.shape[1:3]))
    together = np.stack([read_png(window) for window in windows[:size]])
    median = {
        precision: statistics.median(time_colouring(translator, together, device, precision))
        for precision in ("fp32", "bf16")
    }
    return found | {
        "batch": size,
        "windows_per_second": size / median["fp32"],
        "windows_per_second_bf16": size / median["bf16"],
        "seconds_per_window_bf16": statistics.median(time_colouring(translator, alone, device, "bf16")),
    }


def is_timed(path: Path) -> bool:
    """Whether a sound record lies at `path`."""
    try:
        record = read_json(path)
    except RequestError:
        return False
    return isinstance(record, dict) and "seconds_per_window" in record
