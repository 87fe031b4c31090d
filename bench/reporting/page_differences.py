"""The figure of pages: by how much one model beats another on every held-out page, sorted, so that wins can be counted."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bench.metrics.registry import METRICS
from bench.reporting.lettering import told_apart
from bench.reporting.panel import draw_title, few_ticks, uncalibrated_note
from bench.reporting.reading import Run
from bench.reporting.scores import Scores, metric_sample
from bench.reporting.style import COLUMN_WIDTH, GREY, INK, SMALL, TEXT_WIDTH, looks
from bench.sampling import Values

PAIRED = ("lpips", "rlpips", "ssim", "ciede2000", "line_f1")
"""Metrics of single pages that the figure shows: likeness, structure, colour, lines."""

ALL_PAIRS = 3
"""Up to as many competitors are held against each other in pairs; of more, each against the best in that metric."""

MOST_MODELS = 12
"""Competitors that are shown where each is held against the best, in the order of the tables."""

TALLEST = 9.5
"""Inches that the figure may be high, to fit on a page: metrics without a place are left to the wide form."""

_ROW_HEIGHT, _HEAD = 0.72, 0.45
"""Inches of a row of panels, and of what stands above and below all of them."""

NOTHING = "–"
"""Stands where there is nothing to compare: a model without scores, or the best one where all are held against it."""

RIGHT = 116
"""Where a panel ends, in percent of the pages: the mean difference stands behind the last page."""

_LABEL_SHARE = 0.3
"""Of the figure's width, for the names of a pair."""


@dataclass(frozen=True, slots=True)
class PageDifferences:
    """What one panel shows: by how much `first` is better than `second` on each page, in printed units, the best page first.

    `mean` and `half_width` are those of the table's paired difference, turned the same way; without an interval: None.
    """

    first: str
    second: str
    advantages: Values
    mean: float
    half_width: float | None

    def share_won(self, *, by_first: bool) -> float:
        """Return the share of pages, in 0 to 1, on which `first`, or else `second`, is strictly better."""
        return float(((self.advantages > 0) if by_first else (self.advantages < 0)).mean())


def page_differences(run: Run, scores: Scores, metric: str) -> list[PageDifferences | None]:
    """Return the differences of `metric`, one a row of the figure; None where there are not two to compare."""
    sample = metric_sample([(cell.model, cell) for cell in run.cells], metric)
    tested = {(each.first, each.second): each for each in scores.differences if each.metric == metric}
    scale, found = METRICS[metric].scale, list[PageDifferences | None]()
    for first, second in _pairs(run, scores, metric):
        each = tested.get((first, second)) or tested.get((second, first))
        if sample is None or each is None:
            found.append(None)
            continue
        gaps = sample.sign * scale * (sample.scores[first].mean(axis=0) - sample.scores[second].mean(axis=0))
        mean = sample.sign * scale * each.value * (1 if each.first == first else -1)
        half = None if each.half_width is None else scale * each.half_width
        found.append(PageDifferences(first, second, np.sort(gaps)[::-1], mean, half))
    return found


def _pairs(run: Run, scores: Scores, metric: str) -> list[tuple[str, str]]:
    """Return the two models of each row; where all are held against the best one, it is held against itself."""
    if len(run.ranked) <= ALL_PAIRS:
        return list(itertools.combinations(run.ranked, 2))
    verdict = scores.verdicts.get(metric)
    return [(model, verdict.best if verdict else "") for model in run.ranked[:MOST_MODELS]]


def pages_figure(run: Run, scores: Scores, width: float = TEXT_WIDTH) -> Figure | None:
    """Return the figure, or None where there are not two competitors with scores of pages."""
    columns = {name: page_differences(run, scores, name) for name in PAIRED if name in scores.verdicts}
    names = [name for name, column in columns.items() if any(column)]
    if not names:
        return None
    rows, across = len(columns[names[0]]), min(len(names), 5 if width > COLUMN_WIDTH else 2)
    high = rows * _ROW_HEIGHT + _HEAD
    starts = range(0, len(names), across)[: max(1, int(TALLEST / high))]
    figure = Figure(figsize=(width, len(starts) * high), layout="constrained")
    grid = figure.subplots(rows * len(starts), across, squeeze=False)
    for number, start in enumerate(starts):
        lines = grid[number * rows : (number + 1) * rows]
        shown = {name: columns[name] for name in names[start : start + across]}
        _draw_block(lines, run, shown)
        for axes, label in zip(lines[:, 0], _labels(run, width * _LABEL_SHARE), strict=True):
            axes.set_ylabel(label, rotation=0, ha="right", va="center", multialignment="right", labelpad=4.0)
    figure.align_ylabels(grid[:, 0])
    return figure


def _draw_block(lines: NDArray[np.object_], run: Run, shown: Mapping[str, list[PageDifferences | None]]) -> None:
    """Draw a column of panels for each metric of `shown` into `lines`, axes by row and column; the rest stays empty."""
    for axes in lines[:, len(shown) :].ravel().tolist():
        axes.set_visible(False)
    for panels, (name, column) in zip(lines.T, shown.items(), strict=False):
        draw_title(panels[0], METRICS[name], arrow=False)
        for axes, each in zip(panels, column, strict=True):
            _draw_panel(axes, run, each, last=axes is panels[-1])


def _labels(run: Run, inches: float) -> list[str]:
    """Return what each row is called: "pix2pix over cyclegan", or the one model that is held against the best."""
    names = told_apart([run.shown(model) for model in run.ranked], inches)
    shown = dict(zip(run.ranked, names, strict=True))
    if len(run.ranked) > ALL_PAIRS:
        return [shown[model] for model in run.ranked[:MOST_MODELS]]
    return [f"{shown[first]}\nover\n{shown[second]}" for first, second in itertools.combinations(run.ranked, 2)]


def _draw_panel(axes: Axes, run: Run, each: PageDifferences | None, *, last: bool) -> None:
    axes.set_xlim(0, RIGHT)
    axes.set_xticks([0, 50, 100], ["0", "50", "100"] if last else ["", "", ""])
    axes.set_xlabel("pages (%)" if last else "")
    axes.margins(y=0.12)
    axes.yaxis.set_major_locator(few_ticks(3))
    axes.axhline(0, color=GREY, linewidth=0.6)
    if each is None:
        axes.set_yticks([])
        axes.text(50, 0.02, NOTHING, ha="center", va="bottom", color=GREY)
        return
    look, edges = looks(run), np.linspace(0, 100, len(each.advantages) + 1)
    for model, sign in ((each.first, 1), (each.second, -1)):
        won = np.where(sign * each.advantages > 0, each.advantages, 0.0)
        axes.stairs(won, edges, fill=True, color=look[model].colour, linewidth=0)
    half, place = each.half_width or 0.0, (100 + RIGHT) / 2
    axes.plot([place] * 2, [each.mean - half, each.mean + half], color=INK, linewidth=1.1)
    axes.plot([place], [each.mean], "o", color=INK, markersize=2.6, markeredgewidth=0.0)
    # Sorted from wins to losses, the upper right and the lower left are free as a rule.
    for share, x, y, side, edge in (
        (each.share_won(by_first=True), 97, 0.97, "right", "top"), (each.share_won(by_first=False), 3, 0.03, "left", "bottom"),
    ):  # fmt: skip
        back = {"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 0.6}
        text = f"{100 * share:.0f} %" if share else ""
        axes.text(x, y, text, transform=axes.get_xaxis_transform(), ha=side, va=edge, fontsize=SMALL, bbox=back)


def pages_caption(run: Run, scores: Scores) -> str:
    """Return the caption of the figure: what bars, numbers, line and band are, and which models stand in it."""
    many = len(run.ranked) > ALL_PAIRS
    against = "the best competitor in that metric" if many else "the second of a pair"
    who = "a model" if many else "the first model"
    left = f" The first {MOST_MODELS} competitors of the tables are shown." if len(run.ranked) > MOST_MODELS else ""
    return (
        f"By how much {who} is better than {against} on every held-out page (means over windows and seeds), the pages sorted "
        "by it; above zero it wins, below zero it loses, in the colour of the one that wins. Numbers: the share of pages won "
        "(top) and lost (bottom). Dot at the right: the mean paired difference with its 95 % interval, that of the table of "
        f"differences, its sign turned where lower is better.{left}"
        f"{uncalibrated_note([name for name in PAIRED if name in scores.verdicts])}"
    )
