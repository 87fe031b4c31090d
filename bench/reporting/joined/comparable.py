"""What joined runs must share: resolution, split, windows, truth and metrics. A mixture is refused in one line that says which."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from bench.errors import RequestError
from bench.files import read_png
from bench.metrics.registry import METRICS
from bench.reporting import sentences
from bench.reporting.joined.differing import differing
from bench.reporting.naming import counted, metric_title
from bench.reporting.reading import IMAGE_COLUMNS, Run, unit_identity

PARTS = ("train", "validation", "test")
"""The parts of a split, lists of page ids in split.json."""

STANDINS = {"rfd": "fid", "rkid": "kid", "rlpips": "lpips"}
"""Metrics that rest on random features, and what they stand in for: the two share no table."""


def check_comparable(runs: Sequence[Run], *, with_pictures: bool = True) -> None:
    """Raise RequestError for the first run that does not compare with the one named first, or that is the same as another.

    `with_pictures`: the originals of their test pages must be equal too.
    """
    first = runs[0]
    checks = [check for check in _CHECKS if with_pictures or check is not _truth]
    for other in runs[1:]:
        for check in checks:
            if difference := check(first, other):
                raise RequestError(
                    f"{other.folder.path}: cannot stand beside {first.folder.path}: {difference}; "
                    "join runs that were scored on the same pages in the same way"
                )
    for index, run in enumerate(runs):
        for other in runs[:index]:
            if _same(run, other):
                raise RequestError(
                    f"{run.folder.path}: the same run as {other.folder.path} (experiment, plan, machine and software are "
                    "equal): name it once"
                )


def _same(run: Run, other: Run) -> bool:
    digests = {each.plan.get("experiment_digest") for each in (run, other)}
    return run.folder.path.resolve() == other.folder.path.resolve() or (
        len(digests) == 1 and None not in digests and not differing([run, other])
    )


def _resolution(first: Run, other: Run) -> str:
    ours, theirs = sentences.size(first), sentences.size(other)
    return "" if ours == theirs else f"another resolution ({theirs} against {ours})"


def _split(first: Run, other: Run) -> str:
    """Return how the splits differ. Contents count where both runs recorded them: digests of a page as it is stored."""
    for part in PARTS:
        ours, theirs = first.split.get(part) or [], other.split.get(part) or []
        if ours != theirs:
            common = len(set(map(str, ours)) & set(map(str, theirs)))
            return f"another split ({counted(len(theirs), f'{part} page')} against {len(ours):,}, {common:,} in common)"
    for key, what in (("groups", "in other groups"), ("contents", "with other contents")):
        if moved := _unequal(first.split.get(key), other.split.get(key)):
            return f"another split ({counted(moved, 'page')} {what})"
    return ""


def _unequal(ours: object, theirs: object) -> int:
    """Return how many keys of two mappings have different values, among those that both have."""
    if not isinstance(ours, Mapping) or not isinstance(theirs, Mapping):
        return 0
    return sum(ours[key] != theirs[key] for key in ours.keys() & theirs.keys())


def _windows(first: Run, other: Run) -> str:
    columns = [*IMAGE_COLUMNS]
    ours, theirs = first.windows[columns].astype(str), other.windows[columns].astype(str)
    if list(ours["window"]) != list(theirs["window"]):
        common = len(set(ours["window"]) & set(theirs["window"]))
        return f"other test windows ({len(theirs):,} against {len(ours):,}, {common:,} in common)"
    moved = int((ours.to_numpy() != theirs.to_numpy()).any(axis=1).sum())
    return f"test windows of other pages or groups ({moved:,} of {len(ours):,})" if moved else ""


def _truth(first: Run, other: Run) -> str:
    """Return the first window whose original differs. Pixels decide: another version of a library may pack them otherwise."""
    for window in first.windows["window"]:
        paths = [run.folder.test_truths / f"{window}.png" for run in (first, other)]
        for path in paths:
            if not path.is_file():
                return f"{path} is not there, so that the truth cannot be compared"
        if paths[0].read_bytes() != paths[1].read_bytes() and not np.array_equal(
            read_png(paths[0]), read_png(paths[1])
        ):
            return f"another truth (the original of the window {window!r} has other pixels)"
    return ""


def _metrics(first: Run, other: Run) -> str:
    """Return which metric was computed otherwise: with stand-ins, another network, another number of images, other units."""
    ours, theirs = _measured(first), _measured(other)
    for pair in STANDINS.items():
        here, there = ([name for name in pair if name in measured] for measured in (theirs, ours))
        if here and there and here != there:
            names = [" and ".join(metric_title(METRICS[name], unit=False) for name in side) for side in (here, there)]
            return f"{names[0]} against {names[1]}, which share no column"
    for name in METRICS:
        if name in ours and name in theirs and ours[name] != theirs[name]:
            title, ids = metric_title(METRICS[name], unit=False), (theirs[name][0], ours[name][0])
            how = f"{ids[0]} against {ids[1]}" if ids[0] != ids[1] else "over other units of pages"
            return f"{title} computed in another way ({how})"
    return ""


def _measured(run: Run) -> dict[str, tuple[str, ...]]:
    """Return every metric that a run has scores of, with what identifies it: nothing for those that need no network."""
    found: dict[str, tuple[str, ...]] = {}
    for cell in run.cells:
        if cell.images is not None:
            found |= {name: () for name in METRICS if name in cell.images.columns}
            found |= {score["metric"]: _identity(score) for score in cell.sets}
    return found


def _identity(score: Mapping[str, Any]) -> tuple[str, ...]:
    """Return extractor, weights, resize, n and pairing in one id, then the units of pages that were left out in turn."""
    return str(score["metric_id"]), *unit_identity(score)


_CHECKS: tuple[Callable[[Run, Run], str], ...] = (_resolution, _split, _windows, _truth, _metrics)
