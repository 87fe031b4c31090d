"""What one page shows: its sizes and modes, and the faults of its pair. All but the exact luma is judged on reduced
pictures.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from data.alignment import alignment
from data.colourfulness import is_grey
from data.duplicates import thumbnail
from data.errors import DiskError, UnreadableImage
from data.geometry import same_shape
from data.pair import PairKey, PairSource, Part, Pixels, RawPair, fault_of, shown_name

LUMINANCE_ERROR = 3.0
"""B/W that differs from the luma of its colour page by less (mean absolute levels of 255) is that luma re-encoded."""

EXACT_LEVELS = 1
"""Levels of 255 by which no pixel of B/W that is exactly the luma differs: programs round the weights differently."""

CHECK_SIDE, MOST_ASPECT = 360, 4
"""Short side in px to which pages are reduced before they are judged; the long side keeps at most so many times as much."""

Fault = Literal["size", "shifted", "different"]


@dataclass(frozen=True, slots=True)
class Misalignment:
    """Why a B/W picture does not lie on its colour page, and the same in words."""

    fault: Fault
    words: str


@dataclass(frozen=True, slots=True)
class PageLook:
    """What one page shows; nothing but `problem` where it cannot be read.

    Attributes:
        name: its file, or its id.
        part: of the source's own split.
        problem: one line that says why it cannot be read.
        height, width: of the colour picture, px.
        color_mode, bw_mode: as stored; no `bw_mode` where there is no B/W picture.
        grey_color: whether the colour picture holds no colour.
        coloured_bw: whether the B/W picture holds colour.
        luminance: whether the B/W picture is the luma of the colour picture.
        misalignment: None where nothing was found.
        thumbnail: what near-duplicates are found by, uint8 64x64x3.
    """

    name: str
    part: Part | None
    problem: str = ""
    height: int = 0
    width: int = 0
    color_mode: str = ""
    bw_mode: str | None = None
    grey_color: bool = False
    coloured_bw: bool = False
    luminance: Literal["no", "nearly", "exactly"] = "no"
    misalignment: Misalignment | None = None
    thumbnail: Pixels | None = None


def look_at(source: PairSource, key: PairKey) -> PageLook:
    """Read one page and judge it."""
    name = shown_name(source, key)
    try:
        raw = source.read(key)
    except (UnreadableImage, DiskError) as error:
        return PageLook(name, key.part, problem=fault_of(source, error))
    color = _reduced(raw.color)
    height, width = raw.color.shape[:2]
    seen = PageLook(
        name, key.part, "", height, width, raw.color_mode, None, is_grey(color), thumbnail=thumbnail(raw.color)
    )
    return seen if raw.bw is None else _with_bw(seen, raw, raw.bw, color)


def _with_bw(seen: PageLook, raw: RawPair, bw: Pixels, color: Pixels) -> PageLook:
    reduced_bw = _reduced(bw)
    return replace(
        seen,
        bw_mode=raw.bw_mode,
        coloured_bw=not is_grey(reduced_bw),
        luminance=_luminance(raw.color, bw, color, reduced_bw),
        misalignment=_misalignment(raw.color, bw, color, reduced_bw),
    )


def _reduced(picture: Pixels) -> Pixels:
    height, width = picture.shape[:2]
    scale = min(CHECK_SIDE / min(height, width), CHECK_SIDE * MOST_ASPECT / max(height, width))
    if scale >= 1.0:
        return picture
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX), dtype=np.uint8)


def _luminance(
    color: Pixels, bw: Pixels, reduced_color: Pixels, reduced_bw: Pixels
) -> Literal["no", "nearly", "exactly"]:
    """ITU-R BT.601 luma, Pillow's "L"."""
    if not same_shape(bw, color):
        return "no"
    size = reduced_color.shape[1], reduced_color.shape[0]
    grey = Image.fromarray(reduced_bw).resize(size, Image.Resampling.BOX)
    if np.abs(_difference(grey, Image.fromarray(reduced_color))).mean() >= LUMINANCE_ERROR:
        return "no"
    if bw.shape != color.shape or np.abs(_difference(Image.fromarray(bw), Image.fromarray(color))).max() > EXACT_LEVELS:
        return "nearly"
    return "exactly"


def _difference(first: Image.Image, second: Image.Image) -> npt.NDArray[np.int16]:
    return np.asarray(first.convert("L"), dtype=np.int16) - np.asarray(second.convert("L"), dtype=np.int16)


def _misalignment(color: Pixels, bw: Pixels, reduced_color: Pixels, reduced_bw: Pixels) -> Misalignment | None:
    height, width = color.shape[:2]
    found = alignment(reduced_bw, reduced_color) if same_shape(bw, color) else None
    if found is not None and found.verdict == "shifted":
        right, down = round(found.right * width), round(found.down * height)
        return Misalignment("shifted", f"B/W fits its colour when moved by {right:+d} px right and {down:+d} px down")
    if found is not None and found.verdict == "different":
        return Misalignment("different", "B/W and colour show different drawings, or different parts of one")
    if bw.shape != color.shape:
        return Misalignment("size", f"B/W has {bw.shape[1]}x{bw.shape[0]} px, colour {width}x{height} px")
    return None
