"""Training steps a second: ours beside the textbook step, in one process and interleaved, with equal losses asserted first.

    nox -s speed [-- --models pix2pix --resolution 256 --batch 1 --device auto --precision fp32 --rounds 5 --seconds 6 --no-compile
                     --profile --json FILE]

Theirs (textbook.py): eager, float32, torch's plain Adam, pictures read with Pillow by a DataLoader's worker processes. Ours: what
`bench run` does, batches and learning rate included. Both train at full widths on the same drawn pages. `--precision bf16`
concerns ours alone: the textbook step stays float32. The time of each part is that of the plain step, waiting for the device
at every seam; FLOPs are those of the textbook step, for both.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from data_throughput import PlainPairs
from PIL import Image
from textbook import TEXTBOOK, Parts, textbook
from torch import Tensor
from torch.utils.data import DataLoader

import data
import models
from bench.allocator import freed_memory_kept
from bench.devices import (
    choose_device,
    choose_fastest_convolutions,
    memory_in_use,
    reset_memory,
    synchroniser,
    use_exact_float32,
)
from bench.planning import flops_per_step
from bench.stepping import PLAIN_STEPS, Stepper
from data.synthetic import SyntheticSource

PAGES, PAGE_SIZE = 48, 320
EQUAL = 1e-9
"""Relative; of losses in float64 over `EQUAL_STEPS` steps. Kernels add up in other orders, so the last digits differ."""

EQUAL_STEPS = 3
EQUAL_REPLAYED = 1e-6
"""On a GPU, of as many further steps: those that a recording replays."""

NARROW = {
    "pix2pix": {"ngf": 8, "ndf": 32, "dropout": 0.0},
    "pix2pixhd": {"ngf": 4, "ndf": 32, "n_blocks": 2, "vgg_loss": "off"},
    "cyclegan": {"ngf": 32, "ndf": 32, "n_blocks": 1},
}
NARROW_RESOLUTION = 256
"""Widths and size at which losses are compared, with every kind of convolution; dropout draws in another order there and here."""

PART_STEPS = 3


@dataclass
class Measured:
    """What was measured of one model; rates are of each round, seconds by part of one step."""

    model: str
    theirs: list[float] = field(default_factory=list)
    ours: list[float] = field(default_factory=list)
    parts: dict[str, float] = field(default_factory=dict)
    memory: dict[str, float] = field(default_factory=dict)
    flops_per_image: float = 0.0
    step_kind: str = ""
    warmup_seconds: float = 0.0
    kinds: dict[str, float] = field(default_factory=dict)

    @property
    def ratios(self) -> list[float]:
        """Ours over theirs, round by round."""
        return [ours / theirs for ours, theirs in zip(self.ours, self.theirs, strict=True)]


def main() -> None:
    """Check that losses are equal, then time both, print a table and write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default=",".join(TEXTBOOK))
    parser.add_argument("--resolution", type=int, default=256)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=6.0, help="of each side in a round")
    parser.add_argument(
        "--compile", action=argparse.BooleanOptionalAction, default=True, help="networks, on a GPU, for ours"
    )
    parser.add_argument(
        "--profile", action="store_true", help="say what kinds of operations our step spends its time in"
    )
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    device = choose_device(asked.device)
    use_exact_float32()
    if device.startswith("cuda"):
        choose_fastest_convolutions()
    names = asked.models.split(",")
    for name in names:
        apart = loss_difference(name, device, compiles=asked.compile)
        print(f"{name}: losses of {EQUAL_STEPS} steps in float64 differ by {apart:.1e} at most", flush=True)
    peak = measured_peak(device, asked.precision)
    print(
        f"{torch.cuda.get_device_name(device) if device.startswith('cuda') else 'CPU'}: {peak / 1e12:.2f} TFLOP/s measured",
        flush=True,
    )
    with tempfile.TemporaryDirectory() as place:
        draw_pages(Path(place) / "pages", PAGES, PAGE_SIZE)
        found = []
        for name in names:
            found.append(_measure(name, Path(place), asked, device))
            print(_told(found[-1], peak), flush=True)
            if asked.json:
                asked.json.write_text(json.dumps(_record(found, asked, device, peak), indent=1) + "\n")


def loss_difference(name: str, device: str, *, compiles: bool) -> float:
    """Return the largest relative difference of any loss over the steps, in float64; raises AssertionError beyond EQUAL."""
    settings = models.parse_settings(name, NARROW[name])
    size = NARROW_RESOLUTION
    translator = models.build(name, settings, size, seed=0, device=device, dtype=torch.float64)
    theirs = textbook(name, translator, Parts(synchroniser(device)))
    stepper = Stepper(translator, device, "fp32", compiles=compiles)
    largest = 0.0
    replayed = PLAIN_STEPS if device.startswith("cuda") else 0
    for step in range(replayed + EQUAL_STEPS):
        generator = torch.Generator().manual_seed(step)
        bw, color = (torch.rand(2, 1, 3, size, size, generator=generator, dtype=torch.float64) * 2 - 1).to(device)
        stepper.begin(0.0)
        ours, wanted = stepper.step(bw, color), theirs.step(bw, color)
        assert ours.keys() == wanted.keys(), f"{name}: {sorted(ours)} and {sorted(wanted)}"
        for key, value in wanted.items():
            apart = abs(float(ours[key]) - float(value)) / max(abs(float(value)), 1e-12)
            # A recording hands its losses out in float32.
            assert apart < (EQUAL if step < EQUAL_STEPS else EQUAL_REPLAYED), f"{name}: {key} differs by {apart:.1e}"
            largest = max(largest, apart) if step < EQUAL_STEPS else largest
    return largest


def measured_peak(device: str, precision: str) -> float:
    """Return the FLOP/s that this device gives in a large product of random matrices, in the precision of ours."""
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    size = 8192 if device.startswith("cuda") else 2048
    left, right = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    synchronise = synchroniser(device)
    rates = []
    for _ in range(12):
        synchronise()
        began = time.perf_counter()
        left @ right
        synchronise()
        rates.append(2 * size**3 / (time.perf_counter() - began))
    return max(rates)


def draw_pages(folder: Path, pages: int, size: int) -> None:
    """Write drawn pages into `folder`/bw and `folder`/color as PNG."""
    source = SyntheticSource(pages, size)
    for at, key in enumerate(source.keys()):
        raw = source.read(key)
        for side, picture in (("bw", raw.bw), ("color", raw.color)):
            assert picture is not None
            (folder / side).mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(folder / side / f"{at:04d}.png")


def _measure(name: str, place: Path, asked: argparse.Namespace, device: str) -> Measured:
    measured = Measured(name)
    settings = models.parse_settings(name, {"vgg_loss": "off"} if name == "pix2pixhd" else {})
    measured.flops_per_image = flops_per_step(name, settings, asked.resolution, asked.batch) / asked.batch
    synchronise = synchroniser(device)
    translator = models.build(name, settings, asked.resolution, seed=0, device=device)
    parts = Parts(synchronise)
    theirs = textbook(name, translator, parts)
    loader = _plain_batches(place / "pages", asked.resolution, asked.batch, device)
    stepper = Stepper(translator, device, asked.precision, compiles=asked.compile)
    batches = _batches(place, translator, asked, device)
    numbers = itertools.count()

    def their_step() -> None:
        with parts.timed("data"):
            bw, color = next(loader)
        theirs.step(bw, color)

    def our_step() -> None:
        stepper.begin(0.0)
        translator.scale_lr(1.0)
        stepper.wait_for_room()
        stepper.step(*batches.batch(next(numbers)))

    for side, step in (("theirs", their_step), ("ours", our_step)):
        _rate(step, synchronise, 0.0, least=5)
        if side == "theirs":
            # Trying convolution algorithms took more; the stepper forgets its own trials.
            reset_memory(device)
            _rate(step, synchronise, 0.0)
        measured.memory[side] = memory_in_use(device) / 2**30
    for _ in range(asked.rounds):
        measured.theirs.append(asked.batch * _rate(their_step, synchronise, asked.seconds))
        # The textbook's memory is glibc's as it comes.
        with freed_memory_kept(device):
            measured.ours.append(asked.batch * _rate(our_step, synchronise, asked.seconds))
    measured.step_kind, measured.warmup_seconds = stepper.kind, stepper.warmup_seconds
    if asked.profile:
        with freed_memory_kept(device):
            measured.kinds = profiled(our_step, synchronise, on_gpu=device.startswith("cuda"))
    parts.on = True
    _rate(their_step, synchronise, 0.0, least=PART_STEPS)
    measured.parts = {part: seconds / PART_STEPS for part, seconds in parts.seconds.items()}
    return measured


KINDS = {
    "merged by the compiler": ("triton_",),
    "Adam": ("adam", "multi_tensor"),
    "normalisation": ("batch_norm", "bn_", "batchnorm", "instance_norm"),
    "padding": ("reflection_pad", "constant_pad"),
    "convolution": (
        "conv",
        "winograd",
        "aten::bmm",
        "aten::mm",
        "gemm",
        "xmma",
        "cutlass",
        "cudnn",
        "sm90",
        "sm80",
        "nchwto",
        "nhwcto",
        "fprop",
        "dgrad",
        "wgrad",
    ),
    "casts, sums and activations": (
        "elementwise",
        "copy",
        "reduce",
        "add",
        "mul",
        "fill",
        "leaky",
        "threshold",
        "cat",
        "loss",
    ),
}
"""Kinds of operations, by what is in the names of kernels (GPU) or operators (CPU); the first that fits."""


def profiled(step: Callable[[], None], synchronise: Callable[[], None], *, on_gpu: bool) -> dict[str, float]:
    """Return the share of the computing time of `PART_STEPS` steps that each kind of operation takes, largest first."""
    activity = torch.profiler.ProfilerActivity
    with torch.profiler.profile(activities=[activity.CUDA if on_gpu else activity.CPU]) as profile:
        for _ in range(PART_STEPS):
            step()
        synchronise()
    spent: dict[str, float] = {}
    for event in profile.key_averages():
        name = event.key.lower()
        kind = next((kind for kind, signs in KINDS.items() if any(sign in name for sign in signs)), "other")
        seconds = event.self_device_time_total if on_gpu else event.self_cpu_time_total
        spent[kind] = spent.get(kind, 0.0) + seconds
    whole = sum(spent.values()) or 1.0
    return {kind: seconds / whole for kind, seconds in sorted(spent.items(), key=lambda item: -item[1])}


def _rate(step: Callable[[], None], synchronise: Callable[[], None], seconds: float, least: int = 3) -> float:
    """Return steps a second over at least `seconds` and `least` steps, after one that is not counted."""
    step()
    synchronise()
    began, done = time.perf_counter(), 0
    while done < least or time.perf_counter() - began < seconds:
        step()
        done += 1
    synchronise()
    return done / (time.perf_counter() - began)


def _plain_batches(folder: Path, resolution: int, batch: int, device: str) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield batches for ever, as a DataLoader with pinned memory gives them."""
    workers, on_gpu = min(4, os.cpu_count() or 1), device.startswith("cuda")
    loader = DataLoader(
        PlainPairs(folder, resolution), batch, shuffle=True, num_workers=workers, persistent_workers=True,
        pin_memory=on_gpu, drop_last=True,
    )  # fmt: skip
    while True:
        for bw, color in loader:
            yield bw.to(device, non_blocking=on_gpu), color.to(device, non_blocking=on_gpu)


def prepare_pages(place: Path, resolution: int) -> data.Prepared:
    """Return the pages in `place`/pages, prepared in `place`/cache."""
    source = data.open_pairs(str(place / "pages"))
    return data.prepare(
        source,
        data.make_split(source.keys(), grouped=source.grouped),
        recipe="original",
        recipe_settings=data.recipe_settings("original"),
        resolution=resolution,
        cache_root=place / "cache",
    )


def _batches(
    place: Path, translator: models.Translator, asked: argparse.Namespace, device: str
) -> data.TrainingBatches:
    return data.TrainingBatches(
        prepare_pages(place, asked.resolution).train,
        resolution=asked.resolution,
        batch_size=asked.batch,
        seed=0,
        pairing=translator.pairing,
        device=device,
    )


def _told(each: Measured, peak: float) -> str:
    ours, theirs = statistics.median(each.ours), statistics.median(each.theirs)
    parts = ", ".join(f"{part} {1000 * seconds:.1f}" for part, seconds in each.parts.items())
    return (
        f"{each.model}: {statistics.median(each.ratios):.2f} times ({min(each.ratios):.2f} to {max(each.ratios):.2f}); "
        f"{ours:.2f} images/s, textbook {theirs:.2f}; {each.flops_per_image / 1e9:.0f} GFLOP an image, "
        f"{each.flops_per_image * ours / peak:.0%} of the measured peak (textbook {each.flops_per_image * theirs / peak:.0%}); "
        f"memory {each.memory['ours']:.2f} GiB (textbook {each.memory['theirs']:.2f}; both sides' weights in each); "
        f"{each.step_kind} step, warm-up {each.warmup_seconds:.1f} s\n"
        f"  ms of the textbook step by part: {parts}"
    ) + "".join(f"\n  {share:5.1%} {kind}" for kind, share in each.kinds.items())


def _record(found: list[Measured], asked: argparse.Namespace, device: str, peak: float) -> dict[str, object]:
    train = {
        each.model: {"ratio": statistics.median(each.ratios), "ratios": each.ratios, **asdict(each)} for each in found
    }
    name = torch.cuda.get_device_name(device) if device.startswith("cuda") else "cpu"
    conditions = {
        "resolution": asked.resolution,
        "batch": asked.batch,
        "precision": asked.precision,
        "torch": torch.__version__,
    }
    return {"device": name, "cores": os.cpu_count(), "measured_peak_flops": peak, **conditions, "train": train}


if __name__ == "__main__":
    main()
