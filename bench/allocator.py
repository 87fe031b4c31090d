"""Memory that a training step frees stays with the process, for the next step.

A step on a processor frees every activation that it allocates. As glibc is set up, large blocks are maps of their own: freed, they
go back to the system, which hands them out again page by page, each one zeroed: 700,000 page faults in one step of Pix2PixHD at
256 px, a quarter of its time. The numbers of a step do not change.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4
"""Parameters of mallopt, from malloc.h."""

_NEVER_TRIM, _NO_MAPS = -1, 0
_USUAL_MMAP_MAX = 65536
_USUAL_MMAP_THRESHOLD = 32 * 2**20
_USUAL_TRIM_THRESHOLD = 2 * _USUAL_MMAP_THRESHOLD
"""What glibc's own thresholds, which follow what is freed, come to in a process with large blocks (mallopt(3))."""


@contextmanager
def freed_memory_kept(device: str) -> Iterator[None]:
    """Keep freed memory while the context lasts, where `device` is a processor and the C library is glibc; then give it back."""
    library = _glibc() if device == "cpu" else None
    if library is None:
        yield
        return
    library.mallopt(_MMAP_MAX, _NO_MAPS)
    library.mallopt(_TRIM_THRESHOLD, _NEVER_TRIM)
    try:
        yield
    finally:
        library.mallopt(_MMAP_MAX, _USUAL_MMAP_MAX)
        library.mallopt(_MMAP_THRESHOLD, _USUAL_MMAP_THRESHOLD)
        library.mallopt(_TRIM_THRESHOLD, _USUAL_TRIM_THRESHOLD)
        library.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    """Return the C library of this process; None where it is not glibc."""
    try:
        library = ctypes.CDLL("libc.so.6")
        # Other libraries have a mallopt that heeds nothing.
        _ = library.gnu_get_libc_version, library.mallopt, library.malloc_trim
    except (OSError, AttributeError):
        return None
    return library
