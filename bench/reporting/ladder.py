"""The degradation ladder for people: a figure of small curves, and a table of what a difference is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator

from bench.ladder_responses import BLIND_SHARE, CAPS, equivalent, responses
from bench.metrics.registry import METRICS
from bench.reporting.lettering import wrapped
from bench.reporting.naming import direction_arrow, metric_title
from bench.reporting.style import SMALL

LADDER_WIDTH = 7.0
"""Inches: the figure spans both columns of a page, since it has a column an axis of damage."""

WORTH = {
    "psnr": 70.0, "ssim": 0.02, "gmsd": 0.01, "ciede2000": 1.0, "ciede2000_median": 1.0, "line_f1": 0.05,
    "line_precision": 0.05, "line_recall": 0.05, "line_f1_loose": 0.05, "line_f1_strict": 0.05, "edge_f1": 0.05,
    "lpips": 0.02, "rlpips": 0.05,
    "colourfulness_difference": 5.0, "chroma_error": 1.0, "fid": 5.0, "kid": 0.002, "rfd": 0.05, "rkid": 0.001,
    "precision": 0.05, "recall": 0.05, "rprecision": 0.05, "rrecall": 0.05, "colour_consistency": 0.05,
}  # fmt: skip
"""A difference of the size that tables are argued about, for each metric; its worth is read off the ladder. PSNR of equal pictures
has no finite value to go down from: its row is the damage that takes it to 30 dB."""

LOOKS: dict[str, dict[str, Any]] = {
    "monotone": {"color": "#0072B2", "linestyle": "solid"},
    "not monotone": {"color": "#D55E00", "linestyle": (0, (4, 1))},
    "blind": {"color": "#8c8c8c", "linestyle": (0, (1, 1))},
}
"""Lines of the figure, by how a metric answers."""

_MARKS = {"monotone": "yes", "not monotone": "**turns**", "blind": "*blind*"}
_ROW_INCHES, _HEAD_INCHES = 0.36, 0.75
_TITLE_INCHES, _NAME_INCHES = 0.65, 0.8
"""Of each of the two lines of an axis's and a metric's name."""


def ladder_figure(table: pd.DataFrame) -> Figure:
    """Return the figure of a ladder: a row a metric, a column an axis, the metric's value over the levels of the axis."""
    metrics, axes_names = list(dict.fromkeys(table["metric"])), list(dict.fromkeys(table["axis"]))
    answers = responses(table).set_index(["metric", "axis"])["response"]
    layout = ConstrainedLayoutEngine(w_pad=0.02, h_pad=0.02, wspace=0.0, hspace=0.0)
    figure = Figure(figsize=(LADDER_WIDTH, _HEAD_INCHES + _ROW_INCHES * len(metrics)), layout=layout)
    grid = figure.subplots(len(metrics), len(axes_names), squeeze=False, sharey="row", sharex="col")
    for row, metric in enumerate(metrics):
        for column, axis in enumerate(axes_names):
            steps = table[(table["metric"] == metric) & (table["axis"] == axis)].sort_values("level")
            _draw(grid[row][column], steps, METRICS[metric].scale, LOOKS[answers[metric, axis]])
        title = f"{metric_title(METRICS[metric])} {direction_arrow(METRICS[metric])}"
        grid[row][0].set_ylabel(wrapped(title, _NAME_INCHES), rotation=0, ha="right", va="center")
        _two_ticks(grid[row][0])
    for column, axis in enumerate(axes_names):
        own = table[table["axis"] == axis]
        grid[0][column].set_title(wrapped(axis, _TITLE_INCHES), fontsize=SMALL)
        ends = [float(own["level"].min()), float(own["level"].max())]
        grid[-1][column].set_xticks(ends, [f"{end:g}" for end in ends])
        for text, side in zip(grid[-1][column].get_xticklabels(), ("left", "right"), strict=True):
            text.set_horizontalalignment(side)
        grid[-1][column].set_xlabel(wrapped(own["unit"].iloc[0], _TITLE_INCHES))
    return figure


def _draw(axes: Axes, steps: pd.DataFrame, scale: float, look: Mapping[str, Any]) -> None:
    axes.plot(steps["level"], steps["value"] * scale, marker=".", linewidth=1.0, markersize=3.0, **look)
    axes.tick_params(pad=1)
    axes.margins(0.08, 0.15)


def _two_ticks(axes: Axes) -> None:
    """Leave the two outermost round numbers of a row's axis, so that neighbouring rows do not run into each other."""
    low, high = axes.get_ylim()
    inside = [tick for tick in MaxNLocator(nbins=4, steps=[1, 2, 5, 10]).tick_values(low, high) if low <= tick <= high]
    axes.set_yticks([inside[0], inside[-1]] if len(inside) > 1 else inside)


def ladder_markdown(table: pd.DataFrame) -> str:
    """Return two tables: what a difference is worth on each axis, and on which axes each metric answers."""
    names = list(dict.fromkeys(table["axis"]))
    units = table.drop_duplicates("axis").set_index("axis")["unit"]
    heads = [f"{name} ({units[name]})" for name in names]
    metrics = list(dict.fromkeys(table["metric"]))
    worth = [[_difference(metric), *(_worth(table, metric, name) for name in names)] for metric in metrics]
    answers = responses(table).set_index(["metric", "axis"])["response"]
    marks = [[_title(metric), *(_MARKS[answers[metric, name]] for name in names)] for metric in metrics]
    return "\n".join(
        [
            "A difference of this size is worth as much damage of one kind; a dash: no level of it moves the metric so far.",
            "",
            *_table(["difference", *heads], worth),
            "",
            f"Does the metric get worse all along? *blind*: it moves by less than {BLIND_SHARE:.0%} of what it moves by on the "
            "axis that moves it most; **turns**: it gets better somewhere. In the figure these are blue, dotted grey and dashed "
            "orange. Moves are measured from the undamaged page; those of PSNR, which equal pictures make infinite (written as "
            f"{CAPS['psnr']:g} dB), from the mildest damage.",
            "",
            *_table(["metric", *names], marks),
            "",
        ]
    )


def _title(metric: str) -> str:
    return metric_title(METRICS[metric], unit=False)


def _difference(metric: str) -> str:
    known = METRICS[metric]
    if metric == "psnr":
        return f"PSNR of {CAPS[metric] - WORTH[metric]:g} dB"
    return f"{WORTH[metric] * known.scale:g} {known.unit} of {_title(metric)}".replace("  ", " ")


def _worth(table: pd.DataFrame, metric: str, axis: str) -> str:
    level = equivalent(table, metric, axis, WORTH[metric])
    return "–" if level is None else f"{level:.2g}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (heads, ["---"] * len(heads), *rows)]
