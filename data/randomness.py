"""Random numbers that depend on named integers alone, so that any of them can be drawn again without the ones before.

Philox (Salmon et al. 2011) is counter-based: its key is (seed, number), its counter names the stream. Raw 64-bit words
are used because numpy promises them across releases, which it does not for shuffles.
"""

import numpy as np
import numpy.typing as npt

from data.errors import DataError

Words = npt.NDArray[np.uint64]


def raw_words(seed: int, number: int, stream: int, count: int) -> Words:
    """`count` uniform 64-bit words of the stream that (seed, number, stream) names; all three at least 0."""
    generator = np.random.Philox(key=np.array([seed, number], dtype=np.uint64), counter=[0, 0, 0, stream])
    return np.asarray(generator.random_raw(count), dtype=np.uint64)


def random_order(size: int, seed: int, number: int, stream: int) -> npt.NDArray[np.intp]:
    """A uniformly random permutation of range(size)."""
    return np.argsort(raw_words(seed, number, stream, size), kind="stable")


def check_seed(seed: int) -> None:
    """Refuse seeds that are not unsigned 64-bit numbers.

    Raises:
        DataError: the seed is negative or too large.
    """
    if not 0 <= seed < 2**64:
        raise DataError(f"seed {seed}: a seed is a whole number from 0 to 2^64 - 1")
