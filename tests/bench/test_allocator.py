"""Freed memory stays with the process while a cell trains, goes back afterwards, and changes no bit."""

from __future__ import annotations

import resource

import psutil
import pytest
import torch

from bench import allocator
from bench.allocator import freed_memory_kept

MEBIBYTE = 2**20
LARGE = 200 * MEBIBYTE


def faults_of_a_large_block() -> int:
    """Fill and free a block three times; returns the page faults of the last time."""
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        torch.ones(LARGE // 4)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


needs_glibc = pytest.mark.skipif(allocator._glibc() is None, reason="the C library is not glibc")


@needs_glibc
def test_a_block_that_was_freed_is_used_again_without_faults() -> None:
    usual = faults_of_a_large_block()
    with freed_memory_kept("cpu"):
        kept = faults_of_a_large_block()
    again = faults_of_a_large_block()
    assert kept < usual / 20
    assert again > usual / 2


@needs_glibc
def test_memory_goes_back_to_the_system_at_the_end() -> None:
    process = psutil.Process()
    with freed_memory_kept("cpu"):
        torch.ones(LARGE // 4)
        held = process.memory_info().rss
    assert held - process.memory_info().rss > LARGE / 2


def test_an_error_puts_things_back_too() -> None:
    with pytest.raises(KeyError), freed_memory_kept("cpu"):
        raise KeyError
    assert allocator._glibc() is None or faults_of_a_large_block() > 1000


def test_a_gpu_and_other_libraries_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allocator, "_glibc", lambda: None)
    with freed_memory_kept("cpu"), freed_memory_kept("cuda:0"):
        pass
