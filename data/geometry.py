"""Page geometry: how large a page is in training and in testing, and which windows of it are tested.

Training takes the page with its short side at 286/256 of R and a random R x R crop; testing takes the short side at R and one
fixed window at each end of the long side (one window where the page is square). The originals resize every picture to
286 x 286 and crop 256 x 256 (their `resize_and_crop`), which squashes portrait pages; here the aspect is kept.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from data.pair import Pixels

TRAINING_SCALE = 286 / 256
"""Short side of a training page over R (junyanz/pytorch-CycleGAN-and-pix2pix, load_size over crop_size)."""


def training_side(resolution: int) -> int:
    """The short side in px of a training page for crops of `resolution` px."""
    return round(resolution * TRAINING_SCALE)


def resize_to_short_side(image: Pixels, side: int) -> Pixels:
    """The page uint8 HxWx3 with its short side at `side` px and its aspect kept.

    PIL's bicubic, which antialiases when it shrinks: screentone would turn into moire otherwise.
    """
    height, width = image.shape[:2]
    scale = side / min(height, width)
    size = (max(side, round(width * scale)), max(side, round(height * scale)))
    if size == (width, height):
        return image
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC), dtype=np.uint8)


@dataclass(frozen=True, slots=True)
class Window:
    """An R x R window of a test page: its id and its top left corner in px."""

    id: str
    top: int
    left: int


def test_windows(page_id: str, height: int, width: int, resolution: int) -> list[Window]:
    """The fixed windows of a test page whose short side is `resolution` px: `<page>-0`, and `<page>-1` unless square."""
    windows = [Window(f"{page_id}-0", 0, 0)]
    if height != width:
        windows.append(Window(f"{page_id}-1", height - resolution, width - resolution))
    return windows
