"""What `bench status` shows: a line a cell, once or again and again until every cell has ended."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from bench.experiment import Cell, Experiment
from bench.planning import ModelPlan, Plan
from bench.run_log import one_line
from bench.runfolder import RunFolder
from bench.status import CellStatus

SHOWN_LOSSES = 4
"""More would not fit beside the rest."""


@dataclass(frozen=True)
class _Row:
    """A trained cell as it stands: its status, whether a process is at work on it, whether it is scored."""

    cell: Cell
    status: CellStatus
    plan: ModelPlan | None
    held: bool
    scored: bool

    @property
    def steps(self) -> int:
        return self.status.steps or (self.plan.steps if self.plan else 0)

    @property
    def state(self) -> str:
        """The state; "interrupted" where it was running and no process is at work on it any more."""
        return "interrupted" if self.status.state == "running" and not self.held else self.status.state

    @property
    def seconds_left(self) -> float | None:
        """Useful seconds that training still takes, at the speed so far or as planned; None where nothing is known."""
        if self.status.ended:
            return 0.0
        status = self.status
        each = status.seconds / status.step if status.step else self.plan.seconds_per_step if self.plan else 0.0
        return each * (self.steps - status.step) if each and self.steps else None


def print_status(folder: RunFolder, console: Console) -> None:
    """Print one line a cell: state, steps, time left, rate, losses, and why where something went wrong."""
    console.print(_view(folder, _rows(folder)))


def watch_status(folder: RunFolder, console: Console, interval: float) -> None:
    """Show the same, looked at every `interval` seconds, until every trained cell has ended and nobody scores; or until Ctrl-C."""
    rows = _rows(folder)
    with Live(_view(folder, rows), console=console, auto_refresh=False, transient=False) as live:
        while not all(row.status.ended for row in rows) or folder.is_held() or any(row.held for row in rows):
            time.sleep(interval)
            rows = _rows(folder)
            live.update(_view(folder, rows), refresh=True)


def _rows(folder: RunFolder) -> list[_Row]:
    plan = Plan.load(folder.plan) if folder.plan.exists() else None
    rows = []
    for cell in Experiment.load(folder.experiment).trained_cells:
        place = folder.cell(cell.name)
        planned = plan.models.get(cell.model) if plan else None
        rows.append(_Row(cell, CellStatus.recover(place), planned, place.is_held(), place.sets.exists()))
    return rows


def _view(folder: RunFolder, rows: Sequence[_Row]) -> Group:
    experiment = Experiment.load(folder.experiment)
    title = f"{folder.path}  ·  {experiment.budget} for {len(experiment.trained_cells)} trained cells"
    parts: list[Table | Text] = [_table(title, rows)] if rows else []
    for cell in experiment.loaded_cells:
        place = folder.cell(cell.name)
        how_far = "scored" if place.sets.exists() else "not scored yet" if place.has_generator() else "not read yet"
        parts.append(Text(f"{cell.name}: {how_far}"))
    parts += [Text(one_line(f"{row.cell.name}: {row.status.reason}")) for row in rows if row.status.reason]
    parts.append(Text(_summary(rows)))
    parts.append(Text(f"report: {folder.report / 'index.html' if folder.report.exists() else 'not yet'}"))
    return Group(*parts)


def _table(title: str, rows: Sequence[_Row]) -> Table:
    # As Text, in which brackets are no markup: losses are called what a model calls them.
    table = Table(title=Text(one_line(title), style="table.title"))
    for heading in ("cell", "state", "step", "time left", "images/s", "waiting for data", "lost", "losses", "scored"):
        left = heading in ("cell", "state", "losses")
        table.add_column(heading, justify="left" if left else "right", no_wrap=heading == "cell")
    for row in rows:
        status = row.status
        rate = status.images_per_second or (status.images / status.seconds if status.seconds else 0.0)
        wait = status.data_wait_seconds / status.seconds if status.seconds else 0.0
        shown = list(status.losses.items())[:SHOWN_LOSSES]
        more = " …" if len(status.losses) > len(shown) else ""
        losses = one_line(" ".join(f"{name} {value:.3g}" for name, value in shown)) + more
        table.add_row(
            row.cell.name, row.state, f"{status.step}/{row.steps or '?'}", _duration(row.seconds_left), f"{rate:.1f}",
            f"{wait:.1%}", f"{status.lost_seconds:.0f} s", Text(losses),
            "yes" if row.scored else "no",
        )  # fmt: skip
    return table


def _summary(rows: Sequence[_Row]) -> str:
    ended = sum(row.status.ended for row in rows)
    left = [row.seconds_left for row in rows]
    known = [seconds for seconds in left if seconds is not None]
    at_work = sum(row.held for row in rows)
    time_left = "" if len(known) < len(left) or ended == len(rows) else f", {_duration(sum(known))} of training left"
    return f"{ended} of {len(rows)} cells have ended, {at_work} being worked on{time_left}"


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "?"
    if seconds < 1:
        return "—"
    hours, minutes = divmod(round(seconds) // 60, 60)
    return (
        f"{hours} h {minutes:02d} min"
        if hours
        else f"{minutes} min {round(seconds) % 60:02d} s"
        if minutes
        else f"{seconds:.0f} s"
    )
