"""How long a trained generator takes to colour one window: the same measurement for every model."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import models
from bench.devices import synchroniser
from bench.errors import RequestError
from bench.files import read_json, read_png, write_json
from bench.prediction import to_pixels, to_tensor
from bench.provenance import machine

WARMUP = 2
"""Calls before the clock: the first ones choose algorithms and take memory."""

MOST_REPEATS = 50
FEWEST_REPEATS = 5
MOST_SECONDS = 2.0
"""Repeats end after this, but not before the fewest."""


def time_colouring(translator: models.Translator, window: NDArray[np.uint8], device: str) -> list[float]:
    """Return the seconds of every repeat: `window` [H, W, 3] alone, from pixels in memory to pixels in memory, float32."""
    synchronise = synchroniser(device)
    pixels, seconds = window[None], list[float]()
    for repeat in range(WARMUP + MOST_REPEATS):
        synchronise()
        began = time.perf_counter()
        to_pixels(translator.colorize(to_tensor(pixels, device)))
        synchronise()
        if repeat >= WARMUP:
            seconds.append(time.perf_counter() - began)
        if len(seconds) >= FEWEST_REPEATS and sum(seconds) > MOST_SECONDS:
            break
    return seconds


def write_timing(path: Path, translator: models.Translator, window: Path, device: str) -> None:
    """Time `translator` on the picture `window` and write the median to `path`, where no sound record of it lies already."""
    if _is_timed(path):
        return
    pixels = read_png(window)
    seconds = time_colouring(translator, pixels, device)
    record = {
        "seconds_per_window": statistics.median(seconds),
        "repeats": len(seconds),
        "height": pixels.shape[0],
        "width": pixels.shape[1],
        "machine": machine(device),
    }
    write_json(path, record)


def _is_timed(path: Path) -> bool:
    try:
        record = read_json(path)
    except RequestError:
        return False
    return isinstance(record, dict) and "seconds_per_window" in record
