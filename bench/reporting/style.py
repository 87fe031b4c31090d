"""How every figure looks, and how it is saved: colour-blind-safe colours that belong to models, embedded fonts, stable bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib.style
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bench.reporting.reading import Run

TEXT_WIDTH = 5.5
"""Width of a figure in inches: the text of a one-column page; the smallest type has 6 points on 4.8 (article), more on 7."""

COLUMN_WIDTH = 3.25
"""Width of a figure's narrow form in inches: one column of a two-column page."""

FONT = "DejaVu Sans"
"""Comes with matplotlib, and so is there on every machine."""

TEXT, SMALL = 7.5, 7.0
"""Type sizes in points, of titles and of everything else: no figure has smaller type than this."""

DOTS_PER_INCH = 300

KINDS = ("pdf", "svg", "png")
"""The formats of a figure."""

GREY = "#6b6b6b"
FAINT = "#d9d9d9"
INK = "#1a1a1a"

OWN_COLOURS = {"pix2pix": "#0072B2", "pix2pixhd": "#D55E00", "cyclegan": "#009E73"}
OTHER_COLOURS = ("#CC79A7", "#E69F00", "#56B4E9", "#332288", "#661100")
"""Colours of competitors (Okabe and Ito 2008, the last two of Tol 2012), at least 10 CIEDE2000 apart for every kind of colour
vision: `tests/reporting/test_colour_vision.py` simulates them."""

_OWN_MARKERS = {"pix2pix": "o", "pix2pixhd": "s", "cyclegan": "^"}
_OTHER_MARKERS = ("D", "v", "P", "X", "h", "p")
_REFERENCE_MARKERS = {"oracle": "*", "copy": "s", "mean-chroma": "D", "unet-l1": "^"}
_LATER_MARKERS = ("v", "P", "X", "h", "<", ">", "p", "o")
_PRINTERS: Mapping[str, Callable[[Figure, Path], None]] = {
    "pdf": lambda f, path: FigureCanvasPdf(f).print_pdf(  # type: ignore[no-untyped-call]
        path, metadata=dict.fromkeys(("CreationDate", "Creator", "Producer"))
    ),
    "svg": lambda f, path: FigureCanvasSVG(f).print_svg(path, metadata=dict.fromkeys(("Date", "Creator"))),  # type: ignore[no-untyped-call]
    "png": lambda f, path: FigureCanvasAgg(f).print_png(path, metadata={"Software": None}),  # type: ignore[no-untyped-call]
}
_DASHES: tuple[Any, ...] = ("solid", (0, (6, 1.2)), (0, (3, 1, 1, 1)))
_REFERENCE_DASHES = (0, (3, 1.5))
_MARKER_SCALE = {"*": 1.5, "^": 1.1, "v": 1.1, "D": 0.85, "s": 0.9, "P": 1.1, "X": 1.1}
"""What makes markers look equally large."""

_SETTINGS: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.labelsize": SMALL,
    "axes.linewidth": 0.6,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": TEXT,
    "axes.titleweight": "regular",
    "figure.dpi": 100.0,
    "font.family": [FONT],
    "font.size": SMALL,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.5,
    "legend.fontsize": SMALL,
    "legend.frameon": False,
    "lines.solid_capstyle": "round",
    "pdf.compression": 6,
    "pdf.fonttype": 42,
    "svg.fonttype": "path",
    "svg.hashsalt": "manga-gan-bench",
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": GREY,
    "xtick.labelcolor": INK,
    "xtick.labelsize": SMALL,
    "xtick.major.size": 2.5,
    "xtick.major.width": 0.6,
    "xtick.minor.size": 0.0,
    "ytick.color": GREY,
    "ytick.labelcolor": INK,
    "ytick.labelsize": SMALL,
    "ytick.major.size": 2.5,
    "ytick.major.width": 0.6,
}


@dataclass(frozen=True, slots=True)
class Look:
    """Colour, marker and dashes of one row, the same in every figure of a report. Reference rows are hollow and dashed."""

    colour: str
    marker: str
    dashes: Any = "solid"
    hollow: bool = False

    def point(self, size: float) -> dict[str, Any]:
        """Return how matplotlib draws the row's marker, about `size` points across."""
        return {
            "marker": self.marker,
            "markersize": size * _MARKER_SCALE.get(self.marker, 1.0),
            "markerfacecolor": "white" if self.hollow else self.colour,
            "markeredgecolor": self.colour,
            "markeredgewidth": 0.8 if self.hollow else 0.0,
        }

    def line(self, width: float) -> dict[str, Any]:
        """Return how matplotlib draws the row's line, `width` points wide."""
        return {"color": self.colour, "linewidth": width, "linestyle": self.dashes}

    def handle(self, *, line: bool = False) -> Line2D:
        """Return what stands for the row in a legend: its marker, on its line where `line` is set."""
        return Line2D([], [], **(self.line(1.3) if line else {"linestyle": "none"}), **self.point(4.0))


def looks(run: Run) -> dict[str, Look]:
    """Return the look of every row of `run`."""
    return looks_of(run.ranked, run.references)


def looks_of(ranked: Sequence[str], references: Sequence[str]) -> dict[str, Look]:
    """Return the look of every model: colours for competitors, greys for reference rows; no two looks are alike up to 30 models.

    The project's own models always look the same; others get theirs in the order of the tables.
    """
    others = [name for name in ranked if name not in OWN_COLOURS]
    later = [name for name in references if name not in _REFERENCE_MARKERS]
    return {
        name: Look(OWN_COLOURS[name], _OWN_MARKERS[name]) if name in OWN_COLOURS else _other(others.index(name))
        for name in ranked
    } | {name: _reference(name, later) for name in references}


def _other(place: int) -> Look:
    """Return the look of the competitor at `place` of those that are not the project's own."""
    round_, colour = divmod(place, len(OTHER_COLOURS))
    marker = _OTHER_MARKERS[place % len(_OTHER_MARKERS)]
    return Look(OTHER_COLOURS[colour], marker, _DASHES[round_ % len(_DASHES)])


def _reference(name: str, later: Sequence[str]) -> Look:
    marker = _REFERENCE_MARKERS.get(name) or _LATER_MARKERS[later.index(name) % len(_LATER_MARKERS)]
    return Look(GREY, marker, _REFERENCE_DASHES, hollow=True)


@contextmanager
def figure_style() -> Iterator[None]:
    """Draw with this project's settings on matplotlib's defaults, whatever the user's own settings are."""
    with matplotlib.style.context(["default", _SETTINGS]):
        yield


def save(figure: Figure, folder: Path, name: str, kinds: Sequence[str] = KINDS) -> tuple[Path, ...]:
    """Write `figure` to folder/name.pdf, .svg and .png, without dates or versions, so that the same run gives the same bytes.

    `kinds` are the formats, by default all of them.
    """
    lay_out(figure)
    paths = tuple(folder / f"{name}.{kind}" for kind in kinds)
    for kind, path in zip(kinds, paths, strict=True):
        figure.set_dpi(DOTS_PER_INCH)
        _PRINTERS[kind](figure, path)
    return paths


def lay_out(figure: Figure) -> None:
    """Put everything in its place, once for all formats: `savefig` would do so, and draw, twice for each."""
    figure.set_dpi(DOTS_PER_INCH)
    if (engine := figure.get_layout_engine()) is not None:
        engine.execute(figure)
        figure.set_layout_engine("none")
