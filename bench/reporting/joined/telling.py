"""Says what is equal in all runs once, and what differs of each run by its label."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bench.reporting.joined.reading import Joined
from bench.reporting.naming import listed
from bench.reporting.reading import Run


def told(joined: Joined, texts: Sequence[str]) -> str:
    """Return one text of a text a run: alone where all are equal, else each behind the labels of the runs that it holds for."""
    by_text: dict[str, list[str]] = {}
    for label, text in zip(joined.labels, texts, strict=True):
        by_text.setdefault(text, []).append(label)
    if len(by_text) == 1:
        return texts[0]
    return " ".join(f"[{listed(labels)}] {text}" for text, labels in by_text.items() if text)


def told_of(joined: Joined, sentence: Callable[[Run], str]) -> str:
    """Return what `sentence` says of the runs, as `told` does."""
    return told(joined, [sentence(run) for run in joined.runs])


def merged(joined: Joined, lists: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of all runs: one that all share alone, every other behind the labels of the runs that it holds for."""
    lines = dict.fromkeys(line for own in lists for line in own)
    result = []
    for line in lines:
        labels = [label for label, own in zip(joined.labels, lists, strict=True) if line in own]
        result.append(line if len(labels) == len(joined.runs) else f"[{listed(labels)}] {line}")
    return result
