"""How visible the borders of tiles are in a picture that was put together from them.

A measure of this project, after the blockiness measures of image coding, which compare the steps across block borders
with the steps elsewhere (Wu and Yuen 1997, "A generalized block-edge impairment metric for video coding"). It is a
check of whole-page colouring, said by `bench colorize`, not a score of the tables: test windows are never tiled.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bench.errors import RequestError

JUST_VISIBLE = 1.0
"""Levels of 255 added to both means of the quotient, so that rounding to whole levels does not count as a seam."""

CLEARANCE = 2
"""Steps as near to a seam as this many `reach` overlap it and are left out of the comparison."""

NEIGHBOURHOOD = 16
"""Steps up to this many `reach` further away are compared with: near enough to show the same things as the seam."""

REPORTED_REACH = 4
"""px: the reach at which pages are reported. Tiles are blended, so what is left of a seam is soft."""

FLAT = 2.0
"""Levels of 255: a page with a larger step across a border is drawn on there, and a step of the colours is no seam."""

Rows = Sequence[int]
_Steps = NDArray[np.float64]


def page_seam_score(picture: NDArray[np.uint8], page: NDArray[np.uint8], rows: Rows, columns: Rows) -> float:
    """Return the seam score of a coloured page at REPORTED_REACH, from the pixels alone where the page itself is flat.

    A line or a panel's border that happens to lie on a seam is no seam, and a picture without tiles has it too. `picture` is
    uint8 [H, W, 3], `page` the grey page uint8 [H, W] that was coloured; `rows` and `columns` as in `seam_score`. NaN where the
    page is flat nowhere at the seams. Raises RequestError as `seam_score` does.
    """
    levels, grey = picture.astype(np.float32), page.astype(np.float32)
    across = [
        _steps(levels, rows, REPORTED_REACH, grey),
        _steps(levels.swapaxes(0, 1), columns, REPORTED_REACH, grey.T),
    ]
    return _score(across)


def seam_score(
    picture: NDArray[np.uint8],
    rows: Rows,
    columns: Rows,
    reference: NDArray[np.uint8] | None = None,
    reach: int = 1,
) -> float:
    """Return (mean step across the seams + 1 level) / (mean step beside them + 1 level): 1 is invisible.

    A step across a border is the absolute difference, by row (or column) and channel, between the means of the `reach`
    pixels before and after it. On an otherwise flat picture a step of h levels at the seams scores 1 + h. With a
    `reference`, such as the page from one forward pass, the steps are those of picture - reference, so that what is
    drawn on the page does not count. A `reach` of 1 finds hard edges, a larger one also soft changes of tone.

    Args:
        picture: uint8 [H, W, 3].
        rows: y of every horizontal seam: it lies between rows y - 1 and y.
        columns: x of every vertical seam.
        reference: uint8 of the same shape.
        reach: px.

    Raises:
        RequestError: no seams, a seam without room for a step, or a reference of another shape.
    """
    levels = picture.astype(np.float32)
    if reference is not None:
        if reference.shape != picture.shape:
            raise RequestError(f"seams: picture {picture.shape} and reference {reference.shape} differ in shape")
        levels -= reference
    return _score([_steps(levels, rows, reach), _steps(levels.swapaxes(0, 1), columns, reach)])


def _score(across: Sequence[tuple[_Steps, _Steps]]) -> float:
    at_seams, beside = (np.concatenate([steps[part] for steps in across]) for part in (0, 1))
    if not at_seams.size or not beside.size:
        raise RequestError("seams: give at least one, on a picture with room beside it")
    at_seams, beside = (steps[np.isfinite(steps)] for steps in (at_seams, beside))
    if not at_seams.size or not beside.size:
        return math.nan
    return float((at_seams.mean() + JUST_VISIBLE) / (beside.mean() + JUST_VISIBLE))


def _steps(
    levels: NDArray[np.float32], seams: Rows, reach: int, page: NDArray[np.float32] | None = None
) -> tuple[_Steps, _Steps]:
    """Return the mean step of every seam along the first axis, and of every position that seams are compared with.

    With a `page`, only pixels count where it is flat; NaN where it is flat nowhere.
    """
    places = np.arange(reach, len(levels) - reach + 1)
    if not seams:
        return np.empty(0), np.empty(0)
    if min(seams) < reach or max(seams) > len(levels) - reach:
        raise RequestError(f"seams: {list(seams)} do not leave {reach} px on both sides of {len(levels)}")
    distance = np.abs(places[:, None] - np.asarray(seams)).min(axis=1)
    beside = places[(distance >= CLEARANCE * reach) & (distance <= (CLEARANCE + NEIGHBOURHOOD) * reach)]
    return (
        np.array([_mean_step(levels, place, reach, page) for place in seams]),
        np.array([_mean_step(levels, int(place), reach, page) for place in beside]),
    )


def _mean_step(levels: NDArray[np.float32], place: int, reach: int, page: NDArray[np.float32] | None) -> float:
    steps = _step(levels, place, reach)
    if page is not None:
        steps = steps[_step(page, place, reach) <= FLAT]
    return float(steps.mean()) if steps.size else math.nan


def _step(levels: NDArray[np.float32], place: int, reach: int) -> NDArray[np.float64]:
    before = levels[place - reach : place].mean(axis=0, dtype=np.float64)
    after = levels[place : place + reach].mean(axis=0, dtype=np.float64)
    return np.asarray(np.abs(after - before))
