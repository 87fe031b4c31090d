"""How metrics, digests and amounts are written for people, the same in tables, figures and texts."""

from __future__ import annotations

import re
from collections.abc import Iterable

from bench.metrics.registry import METRICS, Metric

ARROWS = {"higher": "↑", "lower": "↓", "none": ""}
_LATEX_ARROWS = {"higher": r"$\uparrow$", "lower": r"$\downarrow$", "none": ""}

_TWO_WORDS = re.compile(r"(\S+) ([a-z]+)")
"""A name with a plain word behind it, "LineF$_1$ strict": too wide a head for a column of numbers."""

MAIN_METRICS = ("fid", "kid", "lpips", "ssim", "psnr", "ciede2000", "line_f1", "rfd", "rkid", "rlpips")
"""Columns of the main table in their order; those that rest on random features stand apart, at the end."""

LINE_METRICS = ("line_precision", "line_recall", "line_f1_loose", "line_f1_strict", "edge_f1", "gmsd")
"""Columns of the table of lines and structure."""

DINOV2_METRICS = ("fd_dinov2", "kd_dinov2", "precision_dinov2", "recall_dinov2")
"""Columns of the table of the second extractor, which shares none with the first."""

CALIBRATED_FORM = {"rfd": "fid", "rkid": "kid", "rprecision": "precision", "rrecall": "recall", "rlpips": "lpips"}
"""What a metric on random features is no substitute for."""

UNCALIBRATED = "uncalibrated"
"""Head over the columns of metrics that rest on random features."""


def direction_arrow(metric: Metric) -> str:
    """Return "↑" where higher is better, "↓" where lower is."""
    return ARROWS[metric.direction]


def metric_title(metric: Metric, *, unit: bool = True) -> str:
    """Return the metric's name as printed: "PSNR (dB)", "KID ×10³"."""
    name = metric.shown.replace(" x 10^3", " ×10³")
    return f"{name} ({metric.unit})" if unit and metric.unit == "dB" else name


def metric_titles(names: Iterable[str]) -> list[str]:
    """Return the metrics' printed names, without units."""
    return [metric_title(METRICS[name], unit=False) for name in names]


def metric_latex(metric: Metric) -> str:
    """Return the metric's head in LaTeX: arrow included, a factor, unit or second word on a second line."""
    name, times, factor = metric.latex.partition(r" $\times")
    below = f"$\\times{factor}" if times else f"({metric.unit})" if metric.unit == "dB" else ""
    if words := _TWO_WORDS.fullmatch(name):
        name, below = words[1], words[2]
    head = f"{name} {_LATEX_ARROWS[metric.direction]}".strip()
    return two_lines(head, below) if below else head


def two_lines(above: str, below: str) -> str:
    """Return a LaTeX cell of two right-aligned lines, standing on the lower one."""
    return rf"\begin{{tabular}}[b]{{@{{}}r@{{}}}}{above}\\{below}\end{{tabular}}"


def csv_key(metric: Metric) -> str:
    """Return the metric's CSV column: its name, and the factor where the printed number carries one, "kid_x1000"."""
    return metric.name if metric.scale == 1 else f"{metric.name}_x{metric.scale:g}"


def short_digest(digest: object) -> str:
    """Return the first 12 characters of a digest, "unknown" where there is none."""
    return str(digest)[:12] if digest else "unknown"


def amount(value: float, unit: str = "") -> str:
    """Return `value` with three significant digits and an SI prefix: "4.94k", "87G"; `unit` follows."""
    for size, prefix in ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g} {prefix}{unit}".strip()
    return f"{value:.3g} {unit}".strip()


def duration(seconds: float) -> str:
    """Return `seconds` in the unit that people would use: "44 s", "12.5 min", "3.2 h"."""
    if seconds < 120:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.3g} min" if seconds < 7200 else f"{seconds / 3600:.3g} h"


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Return "1 seed", "2 seeds"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def listed(words: list[str]) -> str:
    """Return "a", "a and b", "a, b and c"."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""


def calibrated(name: str) -> bool:
    """Return whether the metric `name` stands on trained, verified weights or needs none."""
    return METRICS[name].calibrated
