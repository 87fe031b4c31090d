"""The figure of the best, the median and the worst held-out window, ranked by the competitors' own scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from bench.metrics.registry import METRICS
from bench.reporting.grid import SCORE, pictures_figure, shown_models, shown_seeds
from bench.reporting.naming import counted
from bench.reporting.reading import Run
from bench.reporting.style import TEXT_WIDTH


@dataclass(frozen=True, slots=True)
class RankedWindow:
    """A held-out window with its mean score, and which place that is: "best", "median" or "worst"."""

    place: str
    window: str
    score: float


def mean_scores(run: Run) -> pd.Series[np.float64]:
    """Return the mean score of every window over all scored cells of the competitors, by window, sorted by window.

    Windows that a cell has no score for are left out. Where nothing competes, all outputs that the figure shows count.
    """
    cells = [cell for model in run.ranked or shown_models(run) for cell in run.scored_cells(model)]
    frames = [cell.images for cell in cells if cell.images is not None and SCORE in cell.images.columns]
    if not frames:
        return pd.Series(dtype=np.float64)
    # Windows are sorted in every cell, and the same in all. Cell by cell, so that the sum is the same on every machine.
    means = sum(frame[SCORE].to_numpy(np.float64) for frame in frames) / len(frames)
    scores = pd.Series(means, index=frames[0]["window"], dtype=np.float64)
    return scores[np.isfinite(scores)]


def ranked_windows(run: Run) -> list[RankedWindow]:
    """Return the windows with the best, the median (the better one of two) and the worst mean score; ties by id.

    Fewer than three windows: as many as there are, the best first.
    """
    scores = mean_scores(run)
    better_first = scores.sort_values(ascending=METRICS[SCORE].direction == "lower", kind="stable")
    last = len(scores) - 1
    places = {last: "worst", last // 2: "median", 0: "best"} if last >= 0 else {}
    return [
        RankedWindow(places[at], str(better_first.index[at]), float(better_first.iloc[at])) for at in sorted(places)
    ]


def ranked_figure(run: Run, width: float = TEXT_WIDTH) -> Figure | None:
    """Return the figure, or None where no window is ranked or pictures are missing."""
    ranked = ranked_windows(run)
    labels = [f"{each.place}\n{each.score:.1f}" for each in ranked]
    return pictures_figure(run, [each.window for each in ranked], labels, width)


def ranked_caption(run: Run) -> str:
    """Return the caption of the figure: the rule, the windows and their mean scores."""
    ranked, windows = ranked_windows(run), counted(len(mean_scores(run)), "held-out window")
    who = "competitors" if run.ranked else "models shown"
    named = "; ".join(f"{each.place}: {each.window} ({each.score:.2f})" for each in ranked)
    return (
        f"The best, the median and the worst of {windows} by the mean CIEDE2000 over all seeds of all {who}, ties by id: "
        f"so the scores choose, not the eye ({named}). Shown are the outputs of one seed{shown_seeds(run)}; "
        "below each its own mean CIEDE2000 to the truth, lower is better."
    )
