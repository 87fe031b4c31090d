"""Whether bf16 and float32 end at the same validation scores: every model trained in both, same seeds, same batches, same steps.

    python benchmarks/precision_check.py [--models NAMES] [--preset paper] [--steps 300] [--seeds 3] [--resolution 256]
                                         [--device auto] [--json FILE]

`--steps` are Pix2Pix's; the others do as many as take about the same time. Printed for each model: mean CIEDE2000 on held-out
windows by precision, their paired difference over the seeds, and the standard deviation between seeds, the noise to see it in.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import tempfile
from pathlib import Path

import torch
from training_speed import draw_pages, prepare_pages

import data
import models
from bench.checkpoints import seed_everything
from bench.devices import choose_device, choose_fastest_convolutions, use_exact_float32
from bench.preset_files import read_preset
from bench.stepping import Stepper
from bench.validation import Validation

SHARE_OF_STEPS = {"pix2pix": 1.0, "pix2pixhd": 0.5, "cyclegan": 0.25}
PAGES, PAGE_SIZE, WINDOWS = 96, 320, 16
PRECISIONS = ("fp32", "bf16")


def main() -> None:
    """Train, score, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default=",".join(SHARE_OF_STEPS))
    parser.add_argument("--preset", default="paper", help="whose settings the models have; `small` has narrow widths")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--resolution", type=int, default=256)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    device = choose_device(asked.device)
    use_exact_float32()
    if device.startswith("cuda"):
        choose_fastest_convolutions()
    found: dict[str, dict[str, list[float]]] = {}
    with tempfile.TemporaryDirectory() as place:
        draw_pages(Path(place) / "pages", PAGES, PAGE_SIZE)
        prepared = prepare_pages(Path(place), asked.resolution)
        validation = Validation(prepared.test, WINDOWS, device)
        for name in asked.models.split(","):
            steps = round(asked.steps * SHARE_OF_STEPS[name])
            found[name] = {precision: [] for precision in PRECISIONS}
            for precision, seed in itertools.product(PRECISIONS, range(asked.seeds)):
                score = _score(name, seed, precision, steps, prepared, validation, asked, device)
                found[name][precision].append(score)
            print(_told(name, steps, found[name]), flush=True)
    if asked.json:
        asked.json.write_text(json.dumps({"steps": asked.steps, "ciede2000": found}, indent=1) + "\n")


def _score(
    name: str,
    seed: int,
    precision: str,
    steps: int,
    prepared: data.Prepared,
    validation: Validation,
    asked: argparse.Namespace,
    device: str,
) -> float:
    own = read_preset(asked.preset)["model_settings"][name]
    settings = models.parse_settings(name, own | ({"vgg_loss": "off"} if name == "pix2pixhd" else {}))
    seed_everything(seed)
    translator = models.build(name, settings, asked.resolution, seed=seed, device=device)
    batches = data.TrainingBatches(
        prepared.train, resolution=asked.resolution, batch_size=1, seed=seed, pairing=translator.pairing, device=device
    )
    stepper = Stepper(translator, device, precision)
    for step in range(steps):
        stepper.begin(step / steps)
        stepper.wait_for_room()
        stepper.step(*batches.batch(step))
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
    return validation(translator)["ciede2000"]


def _told(name: str, steps: int, scores: dict[str, list[float]]) -> str:
    apart = [bf16 - fp32 for fp32, bf16 in zip(*(scores[precision] for precision in PRECISIONS), strict=True)]
    noise = statistics.stdev(scores["fp32"]) if len(apart) > 1 else float("nan")
    means = ", ".join(f"{precision} {statistics.fmean(scores[precision]):.2f}" for precision in PRECISIONS)
    return (
        f"{name}, {steps} steps: CIEDE2000 {means}; paired difference {statistics.fmean(apart):+.2f} "
        f"({', '.join(f'{value:+.2f}' for value in apart)}); between seeds {noise:.2f}"
    )


if __name__ == "__main__":
    main()
