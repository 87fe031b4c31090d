"""Reads several runs as one: checked to compare, each with a name and a label of its own."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.errors import RequestError
from bench.reporting.escaping import one_line
from bench.reporting.joined.comparable import check_comparable
from bench.reporting.joined.differing import Axis, differing, labels
from bench.reporting.reading import REFERENCE_ORDER, Run, read_run
from bench.reporting.style import Look, looks_of

LONGEST_NAME = 120
"""Most bytes of a joined report's default folder name; file systems allow 255."""


@dataclass(frozen=True, slots=True)
class Joined:
    """Runs that compare, in the order given. `names` are the folders' names, `labels` say what sets each run apart."""

    runs: tuple[Run, ...]
    names: tuple[str, ...]
    labels: tuple[str, ...]
    axes: tuple[Axis, ...]

    @property
    def ranked(self) -> tuple[str, ...]:
        """The competitors of any run, in the order of their first appearance."""
        return tuple(dict.fromkeys(model for run in self.runs for model in run.ranked))

    @property
    def references(self) -> tuple[str, ...]:
        """All other models of any run, in the order of the tables."""
        names = dict.fromkeys(model for run in self.runs for model in run.references if model not in self.ranked)
        place = {name: index for index, name in enumerate(REFERENCE_ORDER)}
        return tuple(sorted(names, key=lambda name: place.get(name, len(place))))

    @property
    def looks(self) -> dict[str, Look]:
        """The look of every model, the same for all runs."""
        return looks_of(self.ranked, self.references)

    def lead(self, index: int) -> dict[str, str | int]:
        """Return what names the run at `index` in a CSV: its folder, and its value of everything that differs."""
        return {"run": self.names[index], **{axis.name: axis.values[index] for axis in self.axes}}

    def shown(self, model: str) -> str:
        """Return the name shown for `model` across runs: the one that all runs show, its own where they show several."""
        shown = {run.shown(model) for run in self.runs if model in run.rows}
        return shown.pop() if len(shown) == 1 else model


def read_joined(folders: Sequence[Path], *, with_pictures: bool = True) -> Joined:
    """Return the runs at `folders`; raises RequestError where one cannot be read or does not compare with the first.

    `with_pictures`: their originals are compared too, which runs that a report ships have not.
    """
    if len(folders) < 2:
        raise RequestError("there is nothing to join: name two runs or more")
    runs = tuple(read_run(folder) for folder in folders)
    check_comparable(runs, with_pictures=with_pictures)
    names = _distinct([one_line(folder.resolve().name) or "run" for folder in folders])
    axes = differing(runs)
    return Joined(runs, names, labels(axes, names), axes)


def folder_name(folders: Sequence[Path]) -> str:
    """Return the default folder name of a joined report: the runs' names, or the first with a digest where they are many."""
    names = [folder.resolve().name for folder in folders]
    joined = "+".join(names)
    if len(joined.encode()) <= LONGEST_NAME:
        return joined
    digest = hashlib.sha256("\0".join(names).encode()).hexdigest()
    return f"{names[0][: LONGEST_NAME // 4]}+{len(names) - 1}-more-{digest[:8]}"


def _distinct(names: Sequence[str]) -> tuple[str, ...]:
    """Return `names`, numbered where one occurs several times."""
    often, seen, distinct = Counter(names), Counter[str](), []
    for name in names:
        seen[name] += 1
        distinct.append(f"{name} ({seen[name]})" if often[name] > 1 else name)
    return tuple(distinct)
