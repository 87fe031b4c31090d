"""Near-duplicate pages: the same drawing stored twice, in another size, encoding or brightness, or slightly cropped.

A training page that nearly equals a held-out one leaks it. The search has two stages. A 63-bit perceptual hash (signs
of the low frequencies of a 32x32 grey picture about their median: the pHash of C. Zauner, "Implementation and
Benchmarking of Perceptual Image Hash Functions", 2010) finds candidates among all pairs; here each hash has a second
word that says which of its bits are certain, since a symmetric icon has many frequencies that are exactly zero and
whose signs are noise. Then `data.registration` lays the two thumbnails over each other and measures what differs, in
grey and in colour, so that plain icons which merely resemble each other stay apart. The relation is never made
transitive: a chain of small steps does not merge its ends.

Measured with 26 kinds of copy (half and third size, JPEG quality 30 and 10, brightness 0.8 and 1.2, 25 levels up and
down, contrast 0.8, saturation 0.7, crops of 2, 3 and 5 % off one, two or all sides or at random, and size, brightness,
crop and JPEG together), found copies of planted ones, and pairs flagged among different originals:

    118 Pepper&Carrot pages        3,065 of 3,068       0 of   6,903
    240 drawn pages (60 copied)    1,560 of 1,560       0 of  28,680
    49 Pepper&Carrot frames        1,274 of 1,274       9 of   1,176  (neighbouring frames of one movement)
    700 OpenMoji icons (150)       3,896 of 3,900      15 of 244,650  (6 equal pixels, 9 with one small change)

All seven that were missed are cropped by 5 %. 12,000 against 2,400 hashes take 2 s on one core, with the confirmation of
the candidates among pages pasted from the same panels 12 s. Icons cost more: their hashes meet often.

Mirrored copies are not looked for.
"""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.fft import dctn

from data import registration
from data.pair import Pixels

HASH_DISTANCE = 0.25
"""Candidates differ in at most this share of the bits that both are certain of."""

CERTAIN = 0.1
"""A bit is certain when its coefficient is this far from the median, in root mean squares of the 63."""

ROUGH_CORRELATION = 0.8
"""Candidates below this on 16x16 grey pictures, over a few crops, are not aligned at all."""

LEAST_CORRELATION = 0.9
"""Of the aligned grey thumbnails of near-duplicates. Measured: copies from 0.93, other comic pages up to 0.6."""

BLOCK_FLOOR, BLOCK_FACTOR = 0.15, 3.0
"""The worst block of near-duplicates differs by at most floor + factor * sqrt(1 - correlation^2), the difference over the
whole page: what encoding and cropping leave is spread out, a changed face is in one place."""

LARGEST_CHROMA, LARGEST_CHROMA_BLOCK = 13.0, 24.0
"""Colour difference of near-duplicates over the page and in its worst block, levels of 255. JPEG at quality 10 comes near
them; a recoloured dress does not."""

BLANK = 6
"""A page whose thumbnail spans at most these levels of 255 is blank: it equals blank pages of its own colour."""

_CROP = 0.04
"""Each page is also hashed without this share at every side, and compared with the other's full page."""

_ALLOWED = np.array([int(HASH_DISTANCE * certain) for certain in range(65)], dtype=np.uint8)
"""How many bits may differ, by the number of certain ones: whole bytes compare many times faster than fractions."""

_ROWS = 32
"""Rows compared with all columns at once: temporaries of 32 x 2,400 words stay in the processor's cache."""

_PAIRS = 512
"""Pairs aligned at once: about 100 MiB of temporaries."""

Words = npt.NDArray[np.uint64]
Thumbnails = npt.NDArray[np.uint8]
Hashes = tuple[Words, Words]
Pairs = list[tuple[int, int]]


def thumbnail(color: Pixels) -> Pixels:
    """The page HxWx3 squashed to uint8 64x64x3: all that the search needs to keep of it.

    Pillow's bilinear filter widens as it shrinks, which leaves less aliasing than area averaging: copies of another size
    or crop then differ half as much.
    """
    side = registration.SIDE
    return np.asarray(Image.fromarray(color).resize((side, side), Image.Resampling.BILINEAR), dtype=np.uint8)


def perceptual_hashes(grey: npt.NDArray[np.float32]) -> tuple[Words, Words]:
    """The hash and the certain bits of grey pictures [K, 64, 64]: two uint64 [K], 63 bits each.

    Bit order: the 8x8 lowest frequencies of the orthonormal 2-D DCT row by row, without the mean.
    """
    low = dctn(registration.halved(grey).astype(np.float64), norm="ortho", axes=(1, 2))[:, :8, :8].reshape(
        len(grey), 64
    )[:, 1:]
    from_median = low - np.median(low, axis=1, keepdims=True)
    scale = np.sqrt((low**2).mean(axis=1, keepdims=True))
    return _words(from_median > 0), _words(np.abs(from_median) > CERTAIN * scale)


def near_duplicates(first: Thumbnails, second: Thumbnails) -> Pairs:
    """Pairs (i, j) such that page i of the first nearly equals page j of the second, in order.

    Args:
        first: thumbnails uint8 [n, 64, 64, 3], for instance of the training pages.
        second: thumbnails uint8 [m, 64, 64, 3], for instance of the held-out pages.
    """
    return _search(first, second, lambda rows, columns: np.ones(len(rows), dtype=bool))


def near_duplicates_within(thumbnails: Thumbnails) -> Pairs:
    """Pairs (i, j), i < j, of pages of one collection that nearly equal each other, in order."""
    return _search(thumbnails, thumbnails, lambda rows, columns: rows < columns)


Wanted = Callable[[npt.NDArray[np.intp], npt.NDArray[np.intp]], npt.NDArray[np.bool_]]


def _search(first: Thumbnails, second: Thumbnails, wanted: Wanted) -> Pairs:
    blank_1, blank_2 = _blank(first), _blank(second)
    found: Pairs = []
    # Blank pages have no hash worth the name.
    for rows, columns in _candidates(first, second, np.flatnonzero(~blank_1), np.flatnonzero(~blank_2)):
        keep = wanted(rows, columns)
        found += _confirmed(first, second, rows[keep], columns[keep])
    rows, columns = _equal_blanks(first, second, np.flatnonzero(blank_1), np.flatnonzero(blank_2))
    keep = wanted(rows, columns)
    return sorted([*found, *zip(rows[keep].tolist(), columns[keep].tolist(), strict=True)])


def _candidates(
    first: Thumbnails, second: Thumbnails, rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]
) -> Iterator[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
    """Index pairs among the given rows and columns whose hashes are close, a band of rows at a time."""
    if not len(rows) or not len(columns):
        return
    whole_1, inner_1 = _hashes(first[rows])
    whole_2, inner_2 = _hashes(second[columns])
    for start in range(0, len(rows), _ROWS):
        band = slice(start, start + _ROWS)
        near = _close(whole_1, whole_2, band) | _close(whole_1, inner_2, band) | _close(inner_1, whole_2, band)
        at_1, at_2 = np.nonzero(near)
        yield rows[at_1 + start], columns[at_2]


def _hashes(thumbnails: Thumbnails) -> tuple[Hashes, Hashes]:
    """Hashes of the whole pages and of their inner parts."""
    crop = np.array([[1.0 - 2 * _CROP, _CROP] * 2])
    parts = []
    for start in range(0, len(thumbnails), _PAIRS):
        grey = registration.grey(thumbnails[start : start + _PAIRS])
        parts.append((*perceptual_hashes(grey), *perceptual_hashes(registration.resample(grey, crop))))
    bits, certain, inner_bits, inner_certain = (np.concatenate(words) for words in zip(*parts, strict=True))
    return (bits, certain), (inner_bits, inner_certain)


def _close(first: Hashes, second: Hashes, band: slice) -> npt.NDArray[np.bool_]:
    bits, certain = first[0][band, None], first[1][band, None]
    both = certain & second[1][None]
    differing = np.bitwise_count((bits ^ second[0][None]) & both)
    return np.asarray(differing <= _ALLOWED[np.bitwise_count(both)])


def _words(bits: npt.NDArray[np.bool_]) -> Words:
    padded = np.concatenate([np.zeros((len(bits), 1), dtype=bool), bits], axis=1)
    return np.packbits(padded, axis=1).view(">u8")[:, 0].astype(np.uint64)


def _confirmed(
    first: Thumbnails, second: Thumbnails, rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]
) -> Pairs:
    found: Pairs = []
    for start in range(0, len(rows), _PAIRS):
        i, j = rows[start : start + _PAIRS], columns[start : start + _PAIRS]
        _, rough = registration.roughly_aligned(registration.grey(first[i]), registration.grey(second[j]))
        i, j = i[rough >= ROUGH_CORRELATION], j[rough >= ROUGH_CORRELATION]
        same = _same(registration.differences(first[i], second[j])) if len(i) else np.zeros(0, dtype=bool)
        found += list(zip(i[same].tolist(), j[same].tolist(), strict=True))
    return found


def _same(measured: registration.Differences) -> npt.NDArray[np.bool_]:
    everywhere = np.sqrt(np.maximum(1.0 - measured.correlation**2, 0.0))
    return np.asarray(
        (measured.correlation >= LEAST_CORRELATION)
        & (measured.block <= BLOCK_FLOOR + BLOCK_FACTOR * everywhere)
        & (measured.chroma <= LARGEST_CHROMA)
        & (measured.chroma_block <= LARGEST_CHROMA_BLOCK)
    )


def _blank(thumbnails: Thumbnails) -> npt.NDArray[np.bool_]:
    # Rows first: a reduction over whole rows of bytes is many times faster than one over single pixels.
    brightest = thumbnails.max(axis=1).max(axis=1).astype(np.int16)
    darkest = thumbnails.min(axis=1).min(axis=1)
    return np.asarray((brightest - darkest).max(axis=1) <= BLANK)


def _equal_blanks(
    first: Thumbnails, second: Thumbnails, rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    mean_1, mean_2 = first[rows].mean(axis=(1, 2)), second[columns].mean(axis=(1, 2))
    at_1, at_2 = np.nonzero(np.abs(mean_1[:, None] - mean_2[None]).max(axis=2) < BLANK)
    return rows[at_1], columns[at_2]
