"""Names that fit into their place: measured in the figures' font, shortened in the middle or broken into two lines."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Sequence

from matplotlib import font_manager
from matplotlib.ft2font import FT2Font

from bench.reporting.style import FONT, SMALL

_MEASURED = 100.0
"""Points at which letters are measured."""

_MISSING = 0.6
"""How far the box goes on that stands for a letter that the font has not, in shares of its size."""

_NARROWEST = 0.25
"""No letter is narrower, in shares of its size."""

_BREAKS = "- _/,"
"""A name in two lines is best broken behind one of these."""


def shortened(text: str, limit: int) -> str:
    """Return `text` in at most `limit` characters, the middle left out where it is longer."""
    if len(text) <= limit:
        return text
    head = (limit - 1) // 2
    return f"{text[:head]}…{text[-(limit - 1 - head) :]}"


def text_width(text: str, size: float = SMALL) -> float:
    """Return how wide `text` is printed, in inches, at `size` points."""
    return sum(_advance(letter) for letter in text) * size / 72


@functools.cache
def _advance(letter: str) -> float:
    """Return how far a letter goes on, for each point of its size."""
    font = FT2Font(font_manager.findfont(font_manager.FontProperties(family=FONT)))
    font.set_size(_MEASURED, 72)
    if not font.get_char_index(ord(letter)):
        return _MISSING
    return float(font.load_char(ord(letter)).linearHoriAdvance) / 65536 / _MEASURED


def fitted(text: str, inches: float, size: float = SMALL) -> str:
    """Return `text`, its middle left out where it is wider than `inches`; three characters stay in any case."""
    return next(
        (short for short in _ever_shorter(text, inches, size) if text_width(short, size) <= inches), shortened(text, 3)
    )


def told_apart(names: Sequence[str], inches: float, size: float = SMALL) -> list[str]:
    """Return each of `names` as `fitted` gives it; of names that would read alike, what sets them apart is kept, not their ends."""
    short = [fitted(name, inches, size) for name in names]
    alike = {text: sorted({name for name, other in zip(names, short, strict=True) if other == text}) for text in short}
    return [
        text if len(alike[text]) == 1 else _difference(name, alike[text], inches, size)
        for name, text in zip(names, short, strict=True)
    ]


def _difference(name: str, alike: Sequence[str], inches: float, size: float) -> str:
    """Return of `name` what the names `alike` do not share, and as much of its beginning as fits before it."""
    start = _shared(alike)
    end = _shared([other[start:][::-1] for other in alike])
    middle = fitted(name[start : len(name) - end], inches - 2 * text_width("…", size), size)
    most = min(start, int(inches * 72 / size / _NARROWEST))
    texts = (f"{name[:head]}…{middle}…" for head in range(most, -1, -1))
    return next((text for text in texts if text_width(text, size) <= inches), f"…{middle}…")


def _shared(texts: Sequence[str]) -> int:
    """Return how many letters all of `texts` begin with."""
    columns = zip(*texts, strict=False)
    return sum(1 for _ in itertools.takewhile(lambda letters: len(set(letters)) == 1, columns))


def wrapped(text: str, inches: float, size: float = SMALL) -> str:
    """Return `text` in at most two lines of `inches`, broken behind a hyphen or space where that fits, its middle left out."""
    if text_width(text, size) <= inches:
        return text
    for short in _ever_shorter(text, 2 * inches, size):
        starts = list(itertools.accumulate(text_width(letter, size) for letter in short))
        fitting = [at for at, start in enumerate(starts[:-1], 1) if start <= inches and starts[-1] - start <= inches]
        if fitting:
            place = max(fitting, key=lambda at: (short[at - 1] in _BREAKS, at))
            return f"{short[:place].rstrip()}\n{short[place:]}"
    return fitted(text, inches, size)


def _ever_shorter(text: str, inches: float, size: float) -> Iterator[str]:
    """Yield `text` with more and more of its middle left out; what cannot fit into `inches` even so is not tried."""
    most = int(inches * 72 / size / _NARROWEST) + 1
    return (shortened(text, limit) for limit in range(min(len(text), most), 2, -1))
