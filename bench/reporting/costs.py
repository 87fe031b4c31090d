"""The cost table: what each trained model is made of, what its share of the budget bought, and how its cells ended."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence

from bench.reporting import methods
from bench.reporting.layout import Column, Entry, Row, Table
from bench.reporting.naming import two_lines
from bench.reporting.reading import CellResult, ColouringSpeed, Run
from bench.reporting.tables import hole_marks, hole_notes

Measure = Callable[[Run, str], float | None]
"""What a column says of a model of a run."""


def cost_table(run: Run) -> Table | None:
    """Return what each trained model cost: its size, its compute, what the budget bought, and how its cells ended.

    None where nothing was trained.
    """
    measures = cost_measures([run])
    columns = tuple(column for column, _ in measures)
    marks = {model: mark for model, mark in hole_marks(run).items() if run.planned(model).get("trained")}
    sections = cost_sections(run, marks, measures)
    if not sections:
        return None
    return Table(
        name="cost",
        label="tab:cost",
        heading="What the scores cost",
        caption=methods.cost_caption(run, cost_words(columns)),
        columns=columns,
        sections=sections,
        footnotes=tuple(hole_notes(marks, run)),
    )


def cost_sections(
    run: Run, marks: Mapping[str, str], measures: Sequence[tuple[Column, Measure]]
) -> tuple[tuple[Row, ...], ...]:
    """Return the rows of trained competitors, then those of trained reference models; no empty section."""
    sections = [
        tuple(_cost_row(run, model, marks, measures) for model in models if run.planned(model).get("trained"))
        for models in (run.ranked, run.references)
    ]
    return tuple(section for section in sections if section)


def _cost_row(run: Run, model: str, marks: Mapping[str, str], measures: Sequence[tuple[Column, Measure]]) -> Row:
    return Row(
        label=run.shown(model),
        entries=tuple(Entry(measure(run, model)) for _, measure in measures),
        mark=marks.get(model, ""),
        facts={
            "model": model,
            "shown_name": run.shown(model),
            "row": "ranked" if model in run.ranked else "reference",
        },
    )


COSTS = {
    "": "Means over the cells of a model",
    "parameters_millions": "parameters of all networks (of the generator alone: CSV)",
    "gflops_per_image": "GFLOPs count the textbook training step of all networks, per image, 2 per multiply-add",
    "teraflops": "TFLOPs: that times the images seen",
    "training_seconds": "training seconds are useful time, without validation and checkpoints",
    "data_wait_percent": "wait: share of it spent waiting for data",
    "peak_memory_gib": "memory: the most of any cell, on a GPU what torch allocated, on a processor what the whole process held",
    "milliseconds_per_window": "colouring: median time of one window alone, from pixels to pixels in float32",
    "windows_per_second": "windows a second: in batches of up to eight",
    "energy_kilojoules": "energy: what the GPU's own counter says of the whole card in the training time",
    "failed_cells": "failed: cells that failed or diverged",
}
"""What the columns of a cost table are, in its caption, for those that are printed."""


def cost_words(columns: Sequence[Column]) -> str:
    """Return what the printed ones of `columns` hold, for a caption."""
    printed = {column.key for column in columns if column.shown_in_print}
    words = [text for key, text in COSTS.items() if not key or key in printed]
    return f"{'; '.join(words)}. Columns that nobody measured are left out."


def _decimals(runs: Sequence[Run], measure: Measure) -> int:
    """Return how many decimals a column needs for two significant digits of its smallest number, 1 to 4."""
    values = [value for run in runs for model in run.rows if (value := measure(run, model))]
    return min(4, max(1, 1 - math.floor(math.log10(min(values))))) if values else 1


def cost_measures(runs: Sequence[Run]) -> list[tuple[Column, Measure]]:
    """Return the columns of a cost table of `runs`, each with what it measures."""
    rate_decimals, flops_decimals = _decimals(runs, _rate), _decimals(runs, _gflops_per_image)
    return [
        (_cost("generator_parameters_millions", "Generator (M)", "Gen.", "(M)", 1, printed=False), _generator),
        (_cost("parameters_millions", "Parameters (M)", "Param.", "(M)", 1), _parameters),
        (_cost("gflops_per_image", "GFLOPs/image", "GFLOPs", "/image", flops_decimals), _gflops_per_image),
        (_cost("teraflops", "TFLOPs", "", "TFLOPs", _decimals(runs, _teraflops)), _teraflops),
        (_cost("images_per_second", "Images/s", "Images", "/s", rate_decimals), _rate),
        (_cost("training_seconds", "Training (s)", "Training", "(s)", 0), _mean(lambda c: c.status.seconds)),
        (_cost("steps", "Steps", "", "Steps", 0), _mean(lambda c: float(c.status.step))),
        (_cost("images_seen", "Images seen", "Images", "seen", 0), _mean(lambda c: float(c.status.images))),
        (_cost("data_wait_percent", "Data wait (%)", "Wait", r"(\%)", 1), _data_wait),
        (_cost("lost_seconds", "Lost (s)", "Lost", "(s)", 0, printed=False), _mean(lambda c: c.status.lost_seconds)),
        (_cost("peak_memory_gib", "Peak memory (GiB)", "Memory", "(GiB)", 2), _peak_memory),
        *_measured_by_some(runs),
        (
            _cost("warmup_seconds", "Warm-up (s)", "Warm", "(s)", 1, printed=False),
            _mean(lambda c: c.status.warmup_seconds),
        ),
        (_cost("cells", "Cells", "", "Cells", 0, printed=False), lambda run, model: float(len(run.cells_of(model)))),
        (_cost("failed_cells", "Failed", "", "Failed", 0), _failed),
    ]


def _measured_by_some(runs: Sequence[Run]) -> list[tuple[Column, Measure]]:
    """Return the columns of what older runs, or those without such a GPU, have not measured: where any cell has it."""
    cells = [cell for run in runs for cell in run.cells]
    columns: list[tuple[Column, Measure]] = []
    for column, value in _SPEEDS:
        if any(cell.speed is not None and value(cell.speed) is not None for cell in cells):
            columns.append((column, _median_speed(value)))
    if any(cell.status.energy_joules is not None for cell in cells):
        columns.append((_cost("energy_kilojoules", "Energy (kJ)", "Energy", "(kJ)", 1), _energy))
    return columns


def _cost(key: str, shown: str, above: str, below: str, decimals: int, *, printed: bool = True) -> Column:
    latex = two_lines(above, below) if above else below
    return Column(key, shown, latex, decimals, thousands=True, shown_in_print=printed)


def _trained_cells(run: Run, model: str) -> list[CellResult]:
    """Return the cells of `model` that ended with a generator: what a cell cost that never ended says little."""
    return [cell for cell in run.cells_of(model) if cell.status.state in ("done", "truncated") and cell.status.step]


def _mean(value: Callable[[CellResult], float]) -> Measure:
    def measure(run: Run, model: str) -> float | None:
        cells = _trained_cells(run, model)
        return statistics.fmean(value(cell) for cell in cells) if cells else None

    return measure


def _generator(run: Run, model: str) -> float | None:
    counts = run.planned(model).get("parameters") or {}
    generators = [count for name, count in counts.items() if str(name).startswith("generator")]
    return generators[0] / 1e6 if generators else None


def _parameters(run: Run, model: str) -> float | None:
    counts = run.planned(model).get("parameters") or {}
    return sum(counts.values()) / 1e6 if counts else None


def _gflops_per_image(run: Run, model: str) -> float | None:
    planned = run.planned(model)
    flops, size = planned.get("flops_per_step"), planned.get("batch_size")
    return flops / size / 1e9 if flops and size else None


def _teraflops(run: Run, model: str) -> float | None:
    per_image, images = _gflops_per_image(run, model), _mean(lambda c: float(c.status.images))(run, model)
    return per_image * images / 1000 if per_image and images else None


def _rate(run: Run, model: str) -> float | None:
    cells = _trained_cells(run, model)
    seconds = sum(cell.status.seconds for cell in cells)
    return sum(cell.status.images for cell in cells) / seconds if seconds else None


def _data_wait(run: Run, model: str) -> float | None:
    cells = _trained_cells(run, model)
    seconds = sum(cell.status.seconds for cell in cells)
    return 100 * sum(cell.status.data_wait_seconds for cell in cells) / seconds if seconds else None


def _peak_memory(run: Run, model: str) -> float | None:
    peaks = [cell.status.peak_memory_bytes for cell in run.cells_of(model)]
    return max(peaks) / 2**30 if any(peaks) else None


def _median_speed(value: Callable[[ColouringSpeed], float | None]) -> Measure:
    def measure(run: Run, model: str) -> float | None:
        known = [found for cell in run.cells_of(model) if cell.speed and (found := value(cell.speed)) is not None]
        return statistics.median(known) if known else None

    return measure


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else 1000 * seconds


_SPEEDS: tuple[tuple[Column, Callable[[ColouringSpeed], float | None]], ...] = (
    (
        _cost("milliseconds_per_window", "Colouring (ms/window)", "Colour", "(ms)", 1),
        lambda speed: _milliseconds(speed.seconds_per_window),
    ),
    (
        _cost("windows_per_second", "Colouring (windows/s)", "Colour", "(win./s)", 1),
        lambda speed: speed.windows_per_second,
    ),
    (
        _cost("milliseconds_per_window_bf16", "Colouring in bf16 (ms/window)", "bf16", "(ms)", 1, printed=False),
        lambda speed: _milliseconds(speed.seconds_per_window_bf16),
    ),
    (
        _cost("windows_per_second_bf16", "Colouring in bf16 (windows/s)", "bf16", "(win./s)", 1, printed=False),
        lambda speed: speed.windows_per_second_bf16,
    ),
)
"""What of a cell's speed a column says. In print stands float32, which is scored."""


def _energy(run: Run, model: str) -> float | None:
    drawn = [cell.status.energy_joules for cell in _trained_cells(run, model)]
    known = [joules for joules in drawn if joules is not None]
    return statistics.fmean(known) / 1000 if known else None


def _failed(run: Run, model: str) -> float | None:
    return float(sum(cell.status.state in ("failed", "diverged") for cell in run.cells_of(model)))
