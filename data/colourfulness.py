"""How much colour a picture holds."""

import numpy as np

from data.pair import Pixels

COLOURLESS_LEVELS = 8
"""A pixel whose channels differ by at most this many levels of 255 has no colour: JPEG leaves that much on grey."""

COLOURLESS_SHARE = 0.999
"""A page is grey when this share of its pixels has no colour."""

_MEAN_WEIGHT = 0.3


def is_grey(picture: Pixels) -> bool:
    """Whether a picture uint8 HxWx3 holds no colour, but for noise."""
    span = picture.max(axis=2).astype(np.int16) - picture.min(axis=2)
    return bool((span <= COLOURLESS_LEVELS).mean() >= COLOURLESS_SHARE)


def colourfulness(picture: Pixels) -> float:
    """Of a picture uint8 HxWx3: 0 is grey, 15 "slightly", 33 "moderately", 109 "extremely colourful".

    D. Hasler and S. Süsstrunk, "Measuring colourfulness in natural images", 2003, equation 4: deviation plus 0.3 times
    the mean of red - green and yellow - blue.
    """
    red, green, blue = (picture[:, :, channel].astype(np.float32) for channel in range(3))
    opponents = np.stack([red - green, 0.5 * (red + green) - blue])
    deviation = np.hypot(*opponents.std(axis=(1, 2)))
    return float(deviation + _MEAN_WEIGHT * np.hypot(*opponents.mean(axis=(1, 2))))
