"""The sizes at which pages are trained on and tested, which move every score.

Training takes the page with its short side at 286/256 of the resolution R and a random RxR crop; testing takes the
short side at R and fixed RxR windows: two at the ends of the long side, one where the page is square. The originals
resize every picture to 286x286 (`resize_and_crop`), which squashes portrait pages; here the aspect is kept.

For double pages a window can be `aspect` times as wide as high (2048x1024): then the page is scaled so that it just
covers the window, and the fixed windows lie at the ends of the direction that sticks out.
"""

from typing import Literal

import numpy as np
from PIL import Image

from data.errors import UnreadableImage
from data.pair import Pixels, RawPair

TRAINING_SCALE = 286 / 256
"""Short side of a training page over R (junyanz/pytorch-CycleGAN-and-pix2pix: load_size 286, crop_size 256)."""

MAX_ASPECT_DIFFERENCE = 0.05
"""Two pictures of one page may differ this much in aspect; beyond it they do not show the same page."""


def short_side(resolution: int, part: Literal["train", "test"]) -> int:
    """The short side of a page in px: round(R * 286/256) for training, R for testing (and validation)."""
    return round(resolution * TRAINING_SCALE) if part == "train" else resolution


def target_size(height: int, width: int, short: int, aspect: int = 1) -> tuple[int, int]:
    """Height and width in px of the smallest page that covers short x (aspect * short) px, its own aspect kept.

    With aspect 1 the short side becomes `short`.
    """
    if width >= aspect * height:
        return short, max(aspect * short, round(width * short / height))
    return max(short, round(height * aspect * short / width)), aspect * short


def resize(picture: Pixels, height: int, width: int) -> Pixels:
    """Pillow's bicubic resize of a uint8 HxWx3 picture; its support grows as it shrinks, which is antialiasing."""
    if picture.shape[:2] == (height, width):
        return picture
    return np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.BICUBIC), dtype=np.uint8)


def resize_pair(raw: RawPair, short: int, name: str, aspect: int = 1) -> RawPair:
    """Both pictures of a page at `target_size`; the colour page decides the size.

    Raises:
        UnreadableImage: the two differ in shape, so that they cannot be one page.
    """
    height, width = target_size(raw.color.shape[0], raw.color.shape[1], short, aspect)
    color = resize(raw.color, height, width)
    if raw.bw is None:
        return RawPair(None, color)
    if not same_shape(raw.bw, raw.color):
        sizes = " and ".join(f"{picture.shape[1]}x{picture.shape[0]}" for picture in (raw.bw, raw.color))
        raise UnreadableImage(f"{name}: B/W and colour differ in shape ({sizes}); remove the pair or crop one of them")
    return RawPair(resize(raw.bw, height, width), color)


def same_shape(first: Pixels, second: Pixels) -> bool:
    """Whether two pictures agree in aspect to within `MAX_ASPECT_DIFFERENCE`."""
    return same_aspect(first.shape[:2], second.shape[:2])


def same_aspect(first: tuple[int, ...], second: tuple[int, ...]) -> bool:
    """Whether two (height, width) agree in aspect to within `MAX_ASPECT_DIFFERENCE`."""
    ratio = float(first[0] * second[1]) / float(first[1] * second[0])
    return max(ratio, 1.0 / ratio) <= 1.0 + MAX_ASPECT_DIFFERENCE


def window_origins(height: int, width: int, aspect: int = 1) -> tuple[tuple[int, int], ...]:
    """(y, x) of the test windows of a page of `target_size`: start and end of the direction that sticks out."""
    if width == aspect * height:
        return ((0, 0),)
    if width > aspect * height:
        return ((0, 0), (0, width - aspect * height))
    return ((0, 0), (height - width // aspect, 0))


def window_id(page_id: str, number: int) -> str:
    """The name of a page's test window: "<page id>-0" is the top or left one."""
    return f"{page_id}-{number}"
