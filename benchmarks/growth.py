"""How cost grows: time and memory of a step with resolution, batch and width; of a run with its pages and cells.

    python benchmarks/growth.py [--axis resolution,batch,width,pages,cells] [--models …] [--device auto] [--precision fp32]
                                [--most-seconds 60] [--most-gib GIB] [--json FILE]

On a processor every figure comes from a process of its own, so that memory is what that figure alone needs: the largest resident
memory of the whole process. On a GPU it is the most that torch allocated, which is counted anew for each. Steps are those of
`bench run` at full widths on pages of noise, networks not compiled. An axis ends where the next step would take more than
`--most-seconds` or the memory that there is.
"""

from __future__ import annotations

import argparse
import gc
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

MODELS = ("pix2pix", "pix2pixhd", "cyclegan")
RESOLUTIONS = (128, 256, 512, 1024, 2048)
BATCHES = (1, 2, 4, 8, 16, 32, 64)
WIDTHS = (16, 32, 64, 128)
PAGES = (100, 200, 400, 800)
CELLS = (3, 6, 12, 24)
POWERS = {"resolution": 2, "batch": 1, "width": 2}
"""Of the place on an axis, with which work grows."""

USUAL_RESOLUTION, USUAL_WIDTH = 256, 64
TIMED_STEPS = 3
FREE_SHARE = 0.8
CELL_RESOLUTION, CELL_PAGES = 64, 24
"""Of the runs that show what a cell costs beside its training: little of it, so that the rest shows."""


@dataclass(frozen=True)
class Step:
    """A step to be timed, and on what."""

    model: str
    resolution: int
    batch: int
    width: int
    device: str
    precision: str


@dataclass(frozen=True)
class Cost:
    """What it took: seconds, and memory in GiB."""

    seconds: float
    gib: float


def main() -> None:
    """Measure what is asked for, and print a Markdown table an axis."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--axis", default="resolution,batch,width,pages,cells")
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--most-seconds", type=float, default=60.0, help="of one step")
    parser.add_argument("--most-gib", type=float, help="memory that a step may take; default: 80 %% of what is free")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        task, values = json.loads(asked.one)
        print(json.dumps(asdict(_TASKS[task](values))))
        return
    found = {}
    for axis in asked.axis.split(","):
        found[axis] = _AXES[axis](asked)
        sys.stdout.flush()
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1) + "\n")


def _step_axis(
    name: str, places: Sequence[int]
) -> Callable[[argparse.Namespace], dict[str, dict[int, dict[str, float]]]]:
    def measure(asked: argparse.Namespace) -> dict[str, dict[int, dict[str, float]]]:
        rows = {model: _grown(model, name, places, asked) for model in asked.models.split(",")}
        print(f"\n| {name} | " + " | ".join(f"{model}, s a step | GiB" for model in rows) + " |")
        print("|---:|" + "---:|" * 2 * len(rows))
        for place in places:
            cells = [_shown(row.get(place)) for row in rows.values()]
            print(f"| {place} | " + " | ".join(cells) + " |", flush=True)
        return {model: {place: asdict(cost) for place, cost in row.items()} for model, row in rows.items()}

    return measure


def _grown(model: str, axis: str, places: Sequence[int], asked: argparse.Namespace) -> dict[int, Cost]:
    """Return the cost at every place of the axis, as far as it goes."""
    row: dict[int, Cost] = {}
    for place in places:
        usual = {"resolution": USUAL_RESOLUTION, "batch": 1, "width": USUAL_WIDTH}
        step = Step(model, **(usual | {axis: place}), device=asked.device, precision=asked.precision)
        if row and _too_much(row, lambda at: float(at ** POWERS[axis]), place, asked):
            break
        cost = _alone("step", asdict(step))
        if cost is None:
            break
        row[place] = cost
        print(f"{model}, {axis} {place}: {cost.seconds:.3g} s, {cost.gib:.1f} GiB", file=sys.stderr, flush=True)
    return row


def _too_much(row: dict[int, Cost], work: Callable[[int], float], place: int, asked: argparse.Namespace) -> bool:
    """Whether a step at `place` would take too long, or too much memory, of which weights take their part once."""
    *before, last = sorted(row)
    seconds = row[last].seconds * work(place) / work(last)
    gib = row[last].gib
    if before:
        grown = (gib - row[before[-1]].gib) / (work(last) - work(before[-1]))
        gib += grown * (work(place) - work(last))
    return seconds > asked.most_seconds or gib > (asked.most_gib or _free_share(asked.device))


def _free_share(device: str) -> float:
    """Return most of the memory, in GiB, that is free on the device."""
    from bench.devices import choose_device

    device = choose_device(device)
    if device.startswith("cuda"):
        import torch

        _give_back()
        return FREE_SHARE * float(torch.cuda.mem_get_info(device)[0]) / 2**30
    return FREE_SHARE * float(psutil.virtual_memory().available) / 2**30


def _alone(task: str, values: dict[str, Any]) -> Cost | None:
    """Return what the task took, in a process of its own where memory is that of the whole process; None where it ran out."""
    from bench.devices import choose_device, is_out_of_memory, reset_memory

    device = choose_device(values["device"])
    if not device.startswith("cuda"):
        return _in_a_process(task, values)
    _give_back()
    reset_memory(device)
    try:
        return _TASKS[task](values)
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        return None


def _give_back() -> None:
    """Give a GPU back what this process keeps of it and no longer uses."""
    import torch

    gc.collect()
    torch.cuda.empty_cache()


def _in_a_process(task: str, values: object) -> Cost | None:
    """Return what the task took in a process of its own; None where it died, of want of memory as a rule."""
    done = subprocess.run(
        [sys.executable, __file__, "--one", json.dumps([task, values])], capture_output=True, text=True, check=False
    )
    if done.returncode:
        print(f"{task} {values}: {(done.stderr.strip().splitlines() or ['killed'])[-1]}", file=sys.stderr)
        return None
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


def _step(values: dict[str, int | str]) -> Cost:
    """Time the median step, after those that warm up."""
    import models
    from bench.allocator import freed_memory_kept
    from bench.devices import choose_device, choose_fastest_convolutions, memory_in_use, synchroniser, use_exact_float32
    from bench.planning import RandomBatches
    from bench.stepping import Stepper

    step = Step(**values)  # type: ignore[arg-type]
    device = choose_device(step.device)
    use_exact_float32()
    choose_fastest_convolutions()
    width = {"ngf": step.width, "ndf": step.width} | ({"vgg_loss": "off"} if step.model == "pix2pixhd" else {})
    settings = models.parse_settings(step.model, width)
    translator = models.build(step.model, settings, step.resolution, seed=0, device=device)
    stepper, synchronise = Stepper(translator, device, step.precision), synchroniser(device)
    batches = RandomBatches((step.batch, 3, step.resolution, step.resolution), device)
    warmup = 5 if device.startswith("cuda") else 1
    seconds = []
    with freed_memory_kept(device):
        for number in range(warmup + TIMED_STEPS):
            batch = batches.batch(number)
            synchronise()
            began = time.perf_counter()
            stepper.begin(0.0)
            translator.scale_lr(1.0)
            stepper.step(*batch)
            synchronise()
            seconds.append(time.perf_counter() - began)
    memory = memory_in_use(device) if device.startswith("cuda") else _largest_resident()
    return Cost(sorted(seconds[warmup:])[TIMED_STEPS // 2], memory / 2**30)


def _pages(values: dict[str, int]) -> Cost:
    """Draw, split and prepare pages."""
    import data
    from data.synthetic import SyntheticSource

    source = SyntheticSource(values["pages"], 512)
    with tempfile.TemporaryDirectory() as place:
        began = time.perf_counter()
        split = data.make_split(source.keys(), grouped=source.grouped)
        data.prepare(
            source, split, recipe="original", recipe_settings=data.recipe_settings("original"),
            resolution=USUAL_RESOLUTION, cache_root=Path(place),
        )  # fmt: skip
        return Cost(time.perf_counter() - began, _largest_resident() / 2**30)


def _cells(values: dict[str, int]) -> Cost:
    """Run cells of few steps: what is not their training, and the whole process's memory."""
    from bench.cli import main as bench_command
    from bench.files import read_json

    seeds = values["cells"] // len(MODELS)
    with tempfile.TemporaryDirectory() as place:
        out = Path(place) / "run"
        options = [
            "run", "--preset", "demo", "--data", "synthetic", "--models", ",".join(MODELS), "--seeds", str(seeds),
            "--budget", f"{values['cells'] * values['steps']}-steps", "--resolution", str(CELL_RESOLUTION), "--out", str(out),
            "--cache", values["cache"], "--set", f"data.synthetic_pages={CELL_PAGES}", "--set", 'references=["copy"]',
        ]  # fmt: skip
        began = time.perf_counter()
        try:
            sys.argv = ["bench", *(str(option) for option in options)]
            bench_command()
        except SystemExit as end:
            if end.code:
                raise
        whole = time.perf_counter() - began
        trained = sum(read_json(path)["seconds"] for path in out.glob("cells/*-seed*/status.json"))
        return Cost(whole - trained, _largest_resident() / 2**30)


def _largest_resident() -> int:
    """Return the most memory, in bytes, that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _pages_axis(asked: argparse.Namespace) -> dict[int, dict[str, float]]:
    costs = {pages: _in_a_process("pages", {"pages": pages}) for pages in PAGES}
    print(
        f"\n| pages of 512 px, drawn and prepared at {USUAL_RESOLUTION} px | s | ms a page | GiB |\n|---:|---:|---:|---:|"
    )
    for pages, cost in costs.items():
        if cost:
            print(f"| {pages} | {cost.seconds:.0f} | {1000 * cost.seconds / pages:.0f} | {cost.gib:.2f} |")
    return {pages: asdict(cost) for pages, cost in costs.items() if cost}


def _cells_axis(asked: argparse.Namespace) -> dict[int, dict[str, float]]:
    with tempfile.TemporaryDirectory() as cache:
        given = {"steps": 4, "cache": cache}
        _in_a_process("cells", {"cells": len(MODELS), **given})
        costs = {cells: _in_a_process("cells", {"cells": cells, **given}) for cells in CELLS}
    print("\n| cells | s beside training | GiB |\n|---:|---:|---:|")
    for cells, cost in costs.items():
        if cost:
            print(f"| {cells} | {cost.seconds:.0f} | {cost.gib:.2f} |")
    return {cells: asdict(cost) for cells, cost in costs.items() if cost}


def _shown(cost: Cost | None) -> str:
    return f"{cost.seconds:.3g} | {cost.gib:.1f}" if cost else "— | —"


_TASKS: dict[str, Callable[..., Cost]] = {"step": _step, "pages": _pages, "cells": _cells}
_AXES: dict[str, Callable[[argparse.Namespace], object]] = {
    "resolution": _step_axis("resolution", RESOLUTIONS), "batch": _step_axis("batch", BATCHES),
    "width": _step_axis("width", WIDTHS), "pages": _pages_axis, "cells": _cells_axis,
}  # fmt: skip

if __name__ == "__main__":
    main()
