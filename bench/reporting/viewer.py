"""What the page's comparison viewer knows: sides, windows and their scores, which pictures lie in the report, and why these."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from bench.metrics.registry import METRICS
from bench.reporting.grid import window_size
from bench.reporting.naming import counted, direction_arrow, metric_title
from bench.reporting.reading import Run
from bench.reporting.viewer_choice import RULE, listed_windows, viewer_metrics
from bench.reporting.viewer_files import HeldPictures
from bench.reporting.viewer_sides import TRUTH, Side, compared_models, sides

_SIGNS = {"higher": 1, "lower": -1, "none": 0}


def viewer_data(run: Run, held: HeldPictures) -> dict[str, Any] | None:
    """Return what the viewer's script reads, None where the report holds no pictures.

    Columns of windows are as long as `windows`; "pictures" and "lines" have one string a side, with "1" where a window has it.
    """
    if not held.pictures:
        return None
    numbers, shown, metrics = sorted(listed_windows(run)), sides(run), viewer_metrics(run)
    models = compared_models(run)
    height, aspect = window_size(run)
    return {
        "size": [aspect * height, height],
        "models": [{"label": run.shown(model), "ranked": model in run.ranked} for model in models],
        "sides": [_side(side, models) for side in shown],
        "metrics": [_metric(name) for name in metrics],
        "windows": {"number": numbers, "id": _texts(run, "window", numbers), **_groups(run, numbers)},
        "thumbnails": _flags(number in held.thumbnails for number in numbers),
        "pictures": [_flags(place in held.pictures.get(n, ()) for n in numbers) for place in range(len(shown))],
        "lines": [_flags((place or TRUTH) in held.lines.get(n, ()) for n in numbers) for place in range(len(shown))],
        "scores": [[_scores(side, name, numbers) for side in shown] for name in metrics],
    }


def viewer_caption(run: Run, held: HeldPictures) -> str:
    """Return which windows can be looked at, by what rule they were chosen, and how their pictures are stored."""
    windows, listed, seen = len(run.windows), len(listed_windows(run)), len(held.pictures)
    which = f"All {counted(windows, 'window')} can be looked at."
    if seen < windows:
        some = "all" if listed == windows else f"{listed:,} of the"
        scores = f"Scores are here for {some} {windows:,}."
        which = (
            f"{counted(seen, 'window')} of {windows:,} can be looked at, as many as there is room for: {RULE}. {scores}"
        )
    return f"{which} Pictures are stored without loss, thumbnails compressed; {held.size / 1e6:.1f} MB in all."


def _side(side: Side, models: Sequence[str]) -> dict[str, Any]:
    return {"label": side.label, "model": models.index(side.model) if side.model else -1}


def _metric(name: str) -> dict[str, Any]:
    metric = METRICS[name]
    # The arrow stays on the line of its name.
    shown = f"{metric_title(metric)}\u00a0{direction_arrow(metric)}".strip()
    return {"label": shown, "decimals": metric.decimals, "better": _SIGNS[metric.direction]}


def _texts(run: Run, column: str, numbers: Sequence[int]) -> list[str]:
    return [str(text) for text in run.windows[column].iloc[list(numbers)]]


def _groups(run: Run, numbers: Sequence[int]) -> dict[str, Any]:
    """Return series and chapters: their names, and for every window the place of its own among them."""
    found: dict[str, Any] = {}
    for column in ("series", "chapter"):
        texts = _texts(run, column, numbers)
        names = sorted(set(texts))
        places = {name: place for place, name in enumerate(names)}
        found |= {column: [places[text] for text in texts], f"{column}Names": names}
    return found


def _flags(values: Iterable[bool]) -> str:
    return "".join("1" if value else "0" for value in values)


def _scores(side: Side, metric: str, numbers: Sequence[int]) -> list[float | None]:
    """Return the side's score on every window as it is printed, None where there is none."""
    images = side.cell.images if side.cell else None
    if images is None or metric not in images.columns:
        return [None] * len(numbers)
    scaled = images[metric].to_numpy(dtype=np.float64)[list(numbers)] * METRICS[metric].scale
    rounded = (round(float(value), METRICS[metric].decimals) for value in scaled)
    return [value if math.isfinite(value) else None for value in rounded]
