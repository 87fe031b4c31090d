"""Few, round ticks for small panels with logarithmic axes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

_DENSITIES: tuple[tuple[float, ...], ...] = ((1.0, 2.0, 5.0), (1.0, 3.0), (1.0,))
"""Leading digits of the ticks, the densest first."""

_FINER: tuple[tuple[float, ...], ...] = (
    (1.0, 2.0, 3.0, 5.0, 7.0),
    (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0),
    (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 6.0, 7.0, 8.0, 9.0),
)
"""The same for ranges so short that these leave fewer than `FEWEST` ticks, with which no scale can be read."""

FEWEST = 3


def log_ticks(low: float, high: float, most: int) -> list[float]:
    """Return at most `most` ticks between `low` and `high`, both above 0: of digits 1, 2, 5, else 1, 3, else whole decades.

    A short range gets finer ones, where that makes more of them.
    """
    for digits in _DENSITIES:
        ticks = _within(low, high, digits)
        if len(ticks) <= most:
            break
    else:
        return ticks[:: math.ceil(len(ticks) / most)]
    for digits in _FINER:
        if len(ticks) < FEWEST and len(finer := _within(low, high, digits)) <= most:
            ticks = finer
    return ticks


def _within(low: float, high: float, digits: Sequence[float]) -> list[float]:
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = (digit * 10.0**decade for decade in decades for digit in digits)
    return [tick for tick in ticks if low <= tick <= high]


def logarithmic(axes: Axes, low: float, high: float, most: int, shown: Callable[[float], str]) -> None:
    """Make the x axis of `axes` logarithmic from `low` to `high`, with at most `most` ticks written as `shown` writes them."""
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.xaxis.set_major_locator(FixedLocator(log_ticks(low, high, most)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: shown(value)))
