"""Pages a second: preparing them, then batches from the prepared pages, beside a plain DataLoader with Pillow.

    python benchmarks/data_throughput.py [--pages 96] [--size 1024] [--resolution 256] [--rounds 5] [--json FILE]

Both read the same JPEG files and do the same to a page: short side to 286/256 of R (antialiased bicubic), a random crop,
a flip, [-1, 1]. The plain way decodes and resizes in every epoch, as the original implementations do, in worker
processes; ours does so once. Rounds alternate between the two, in one process, so that both meet the same machine.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

import data
from data.geometry import TRAINING_SCALE
from data.synthetic import SyntheticSource

_QUALITY = 90
"""Of the JPEG files, a usual one."""

_BATCHES = 400
"""Of ours in a round: they are too fast to time a few."""


class PlainPairs(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """What people write: open both files, resize, crop and flip them alike."""

    def __init__(self, folder: Path, resolution: int) -> None:
        self._names = sorted(path.name for path in (folder / "color").iterdir())
        self._folder = folder
        self._transform = v2.Compose(
            [
                v2.Resize(round(resolution * TRAINING_SCALE), v2.InterpolationMode.BICUBIC, antialias=True),
                v2.RandomCrop(resolution),
                v2.RandomHorizontalFlip(),
                v2.ToImage(),
                v2.ToDtype(torch.float32, scale=True),
                v2.Normalize([0.5] * 3, [0.5] * 3),
            ]
        )

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, at: int) -> tuple[torch.Tensor, torch.Tensor]:
        pages = [Image.open(self._folder / side / self._names[at]).convert("RGB") for side in ("bw", "color")]
        bw, color = self._transform(*pages)
        return bw, color


def main() -> None:
    """Make the files, time both, print one line each and the ratios."""
    # A single batch is too small to share between threads; on a busy machine they would wait for each other.
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=96)
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--resolution", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "pages"
        _make_files(folder, asked.pages, asked.size)
        measured = _measure(folder, Path(place) / "cache", asked.resolution, asked.rounds)
    for name, rates in measured.items():
        print(f"{name:28} {statistics.median(rates):9.1f} pages/s  ({min(rates):.1f} to {max(rates):.1f})")
    ratios = {
        name: statistics.median(measured[name]) / statistics.median(measured["plain DataLoader"])
        for name in ("ours, preparing once", "ours, batches")
    }
    for name, ratio in ratios.items():
        print(f"{name}: {ratio:.2f} times the plain DataLoader")
    if asked.json:
        asked.json.write_text(json.dumps({"pages_per_second": measured, "ratio": ratios}, indent=1) + "\n")


def _make_files(folder: Path, pages: int, size: int) -> None:
    for side in ("bw", "color"):
        (folder / side).mkdir(parents=True)
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(_draw, [folder] * pages, [pages] * pages, [size] * pages, range(pages)))


def _draw(folder: Path, pages: int, size: int, at: int) -> None:
    source = SyntheticSource(pages, size)
    raw = source.read(source.keys()[at])
    for side, picture in (("bw", raw.bw), ("color", raw.color)):
        assert picture is not None
        Image.fromarray(picture).save(folder / side / f"{at:04d}.jpg", quality=_QUALITY)


def _measure(folder: Path, cache: Path, resolution: int, rounds: int) -> dict[str, list[float]]:
    """Pages a second in each round."""
    source = data.open_pairs(str(folder))
    split = data.make_split(source.keys(), grouped=source.grouped)

    def prepare(number: int) -> data.Prepared:
        return data.prepare(
            source,
            split,
            recipe="original",
            recipe_settings=data.recipe_settings("original"),
            resolution=resolution,
            cache_root=cache / str(number),
        )

    prepared = prepare(-1)
    batches = data.TrainingBatches(prepared.train, resolution=resolution, batch_size=1, seed=0, pairing="paired")
    workers = os.cpu_count() or 1
    plain = DataLoader(PlainPairs(folder, resolution), shuffle=True, num_workers=workers, persistent_workers=True)
    measured: dict[str, list[float]] = {"plain DataLoader": [], "ours, preparing once": [], "ours, batches": []}
    _rate(lambda: sum(1 for _ in plain), 1)
    for number in range(rounds):
        measured["plain DataLoader"].append(_rate(lambda: sum(1 for _ in plain), len(plain)))
        measured["ours, preparing once"].append(_rate(lambda number=number: prepare(number), len(split.ids)))  # type: ignore[misc]
        measured["ours, batches"].append(_rate(lambda: [batches.batch(step) for step in range(_BATCHES)], _BATCHES))
    return measured


def _rate(work: Callable[[], object], pages: int) -> float:
    began = time.perf_counter()
    work()
    return pages / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
