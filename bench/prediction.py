"""A trained generator over the held-out windows: inputs in, lossless colour PNGs out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray
from PIL import Image

import models
from bench.errors import RequestError
from bench.files import read_json, read_png, sha256_of, write_png
from bench.runfolder import CellFolder
from data.batches import to_unit_range

_log = logging.getLogger("bench")

BATCH_PIXELS = 8 * 256 * 256
"""Pixels coloured at once: eight windows of 256 px; memory grows with them."""


def batch_size(height: int, width: int) -> int:
    """Return how many windows are coloured at once, at least 1 and at most 8.

    It depends on their size alone, since another batch size may round the last bit of a pixel differently.
    """
    return max(1, min(8, BATCH_PIXELS // (height * width)))


def load_generator(folder: CellFolder, device: str) -> models.Translator:
    """Return the translator whose generator the cell trained; raises RequestError where the file is damaged."""
    card = read_json(folder.generator_card)
    if sha256_of(folder.generator) != card["sha256"]:
        raise RequestError(
            f"{folder.generator}: its digest is not the one in generator.json; delete the cell's folder and run again"
        )
    settings = models.translator_type(card["model"]).for_colouring(
        models.parse_settings(card["model"], card["settings"])
    )
    translator = models.build(card["model"], settings, card["resolution"], seed=card["seed"], device=device)
    translator.generator.load_state_dict(safetensors.torch.load_file(folder.generator, device=device))
    return translator


def to_tensor(pixels: NDArray[np.uint8], device: str) -> torch.Tensor:
    """Return uint8 N x H x W x 3 as float32 N x 3 x H x W in [-1, 1] on `device`."""
    return to_unit_range(torch.from_numpy(pixels).to(device).permute(0, 3, 1, 2))


def to_pixels(output: torch.Tensor) -> NDArray[np.uint8]:
    """Return float N x 3 x H x W in [-1, 1] as uint8 N x H x W x 3, rounded to the nearest level.

    The originals truncate, which darkens every picture by half a level; rounding is applied to all models alike.
    """
    levels = ((output.float() + 1.0) * 127.5).round().clamp(0, 255).to(torch.uint8)
    return np.asarray(levels.permute(0, 2, 3, 1).contiguous().cpu().numpy())


def predict(
    translator: models.Translator,
    windows: Sequence[str],
    inputs: Path,
    outputs: Path,
    device: str,
    safe_point: Callable[[], None],
    on_progress: Callable[[int], None] = lambda done: None,
) -> None:
    """Colour `inputs`/<window>.png into `outputs`/<window>.png, window by window; what is there already, and whole, is kept.

    `safe_point` is called between batches and may raise to stop; `on_progress` is told how many windows are done.
    """
    if not windows:
        return
    together = batch_size(*read_png(inputs / f"{windows[0]}.png").shape[:2])
    for start in range(0, len(windows), together):
        batch = windows[start : start + together]
        on_progress(start)
        if all(is_whole(outputs / f"{window}.png") for window in batch):
            continue
        pixels = np.stack([read_png(inputs / f"{window}.png") for window in batch])
        for window, output in zip(batch, to_pixels(translator.colorize(to_tensor(pixels, device))), strict=True):
            write_png(outputs / f"{window}.png", output)
        safe_point()


def is_whole(path: Path) -> bool:
    """Whether the PNG is there and its checksums are right; a damaged one is named in the log and coloured again."""
    if not path.exists():
        return False
    try:
        with Image.open(path, formats=["PNG"]) as image:
            image.verify()
    except (OSError, SyntaxError, ValueError) as error:
        _log.warning("%s: damaged (%s); coloured again", path, error)
        return False
    return True
