"""How every figure looks, and how it is saved: colour-blind-safe colours that belong to models, embedded fonts, stable bytes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib.style
from matplotlib.figure import Figure

from bench.reporting.reading import Run

TEXT_WIDTH = 5.5
"""Width of a figure in inches: the text of a one-column page; type stays legible from 4.8 (article) to 7 (two columns)."""

DOTS_PER_INCH = 300

GREY = "#6b6b6b"
FAINT = "#d9d9d9"
INK = "#1a1a1a"

_OWN_COLOURS = {"pix2pix": "#0072B2", "pix2pixhd": "#D55E00", "cyclegan": "#009E73"}
_OTHER_COLOURS = ("#CC79A7", "#E69F00", "#56B4E9", "#332288", "#882255", "#999933")
_OWN_MARKERS = {"oracle": "*", "copy": "s", "mean-chroma": "D", "unet-l1": "^"}
_OTHER_MARKERS = ("v", "P", "X", "h", "<", ">")
_SETTINGS: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.labelsize": 7.0,
    "axes.linewidth": 0.6,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 8.0,
    "axes.titleweight": "regular",
    "figure.dpi": 100.0,
    "font.family": ["DejaVu Sans"],
    "font.size": 7.0,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.5,
    "legend.fontsize": 7.0,
    "legend.frameon": False,
    "lines.solid_capstyle": "round",
    "pdf.compression": 6,
    "pdf.fonttype": 42,
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": GREY,
    "xtick.labelcolor": INK,
    "xtick.labelsize": 6.5,
    "xtick.major.size": 2.5,
    "xtick.major.width": 0.6,
    "xtick.minor.size": 0.0,
    "ytick.color": GREY,
    "ytick.labelcolor": INK,
    "ytick.labelsize": 6.5,
    "ytick.major.size": 2.5,
    "ytick.major.width": 0.6,
}


@dataclass(frozen=True, slots=True)
class Look:
    """Colour and marker of one row, the same in every figure of a report."""

    colour: str
    marker: str


def looks(run: Run) -> dict[str, Look]:
    """Return the look of every row of `run`."""
    return looks_of(run.ranked, run.references)


def looks_of(ranked: Sequence[str], references: Sequence[str]) -> dict[str, Look]:
    """Return the look of every model: colours for competitors (Okabe and Ito 2008), greys for reference rows."""
    colours, markers = itertools.cycle(_OTHER_COLOURS), itertools.cycle(_OTHER_MARKERS)
    coloured = {name: Look(_OWN_COLOURS.get(name) or next(colours), "o") for name in ranked}
    return coloured | {name: Look(GREY, _OWN_MARKERS.get(name) or next(markers)) for name in references}


@contextmanager
def figure_style() -> Iterator[None]:
    """Draw with this project's settings on matplotlib's defaults, whatever the user's own settings are."""
    with matplotlib.style.context(["default", _SETTINGS]):
        yield


def save(figure: Figure, folder: Path, name: str) -> tuple[Path, Path]:
    """Write `figure` to folder/name.pdf and .png, without dates or versions, so that the same run gives the same bytes."""
    pdf, png = folder / f"{name}.pdf", folder / f"{name}.png"
    figure.savefig(pdf, metadata={"CreationDate": None, "Creator": None, "Producer": None})
    figure.savefig(png, dpi=DOTS_PER_INCH, metadata={"Software": None})
    return pdf, png


def shortened(text: str, limit: int) -> str:
    """Return `text` in at most `limit` characters, the middle left out where it is longer."""
    if len(text) <= limit:
        return text
    head = (limit - 1) // 2
    return f"{text[:head]}…{text[-(limit - 1 - head) :]}"
