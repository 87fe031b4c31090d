"""Few, round ticks for small panels with logarithmic axes."""

from __future__ import annotations

import math
from collections.abc import Callable

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

_DENSITIES = ((1.0, 2.0, 5.0), (1.0, 3.0), (1.0,))
"""Leading digits of the ticks, the densest first."""


def log_ticks(low: float, high: float, most: int) -> list[float]:
    """Return at most `most` ticks between `low` and `high`, both above 0: of digits 1, 2, 5, else 1, 3, else whole decades."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks: list[float] = []
    for digits in _DENSITIES:
        ticks = [digit * 10.0**decade for decade in decades for digit in digits]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) <= most:
            return ticks
    return ticks[:: math.ceil(len(ticks) / most)]


def logarithmic(axes: Axes, low: float, high: float, most: int, shown: Callable[[float], str]) -> None:
    """Make the x axis of `axes` logarithmic from `low` to `high`, with at most `most` ticks written as `shown` writes them."""
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.xaxis.set_major_locator(FixedLocator(log_ticks(low, high, most)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: shown(value)))
