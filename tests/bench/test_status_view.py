"""`bench status`: states, time left, who is at work, and a watch that ends with the run."""

from __future__ import annotations

import io
import threading
from pathlib import Path

import pytest
from rich.console import Console

from bench.experiment import Experiment
from bench.files import write_bytes, write_json
from bench.planning import assemble, plan_model
from bench.runfolder import RunFolder
from bench.status import CellStatus, State
from bench.status_view import print_status, watch_status


@pytest.fixture
def run(tiny_experiment: Experiment, tmp_path: Path) -> RunFolder:
    """A run of which one cell was running, one is done, one diverged and one is queued."""
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    write_bytes(folder.experiment, tiny_experiment.to_toml().encode())
    plans = {name: plan_model(tiny_experiment, name, None, "cpu") for name in tiny_experiment.trained_models}
    write_json(folder.plan, assemble(tiny_experiment, plans, {}, "cpu").model_dump(mode="json"))
    put(folder, "pix2pix-seed0", "running", 3)
    put(folder, "pix2pixhd-seed0", "done", 6)
    put(folder, "cyclegan-seed0", "diverged", 2, "G_A = nan at step 2")
    return folder


def put(folder: RunFolder, name: str, state: State, step: int, reason: str | None = None) -> None:
    folder.cell(name).path.mkdir(parents=True, exist_ok=True)
    CellStatus(
        state=state, reason=reason, step=step, steps=6, seconds=60.0 * step, images=step, losses={"G": 0.5, "D": 0.25},
        images_per_second=2.5,
    ).save(folder.cell(name))  # fmt: skip


def shown(folder: RunFolder) -> str:
    console = Console(file=io.StringIO(), width=160)
    print_status(folder, console)
    return str(console.file.getvalue())  # type: ignore[attr-defined]


def line(text: str, name: str) -> list[str]:
    """The columns of the cell's line."""
    found = next(row for row in text.splitlines() if f" {name} " in row)
    return [column.strip() for column in found.strip("│ \n").split("│")]


def test_every_cell_has_its_state_and_what_is_left(run: RunFolder) -> None:
    text = shown(run)
    assert line(text, "pix2pix-seed0")[1:5] == ["interrupted", "3/6", "3 min 00 s", "2.5"]
    assert line(text, "pix2pixhd-seed0")[1:4] == ["done", "6/6", "—"]
    assert line(text, "cyclegan-seed0")[1] == "diverged"
    assert line(text, "unet-l1-seed0")[1:4] == ["queued", "0/6", "?"]
    assert "cyclegan-seed0: G_A = nan at step 2" in text
    assert "2 of 4 cells have ended, 0 being worked on" in text


def test_cell_that_a_process_holds_is_running(run: RunFolder) -> None:
    with run.cell("pix2pix-seed0").locked():
        text = shown(run)
    assert line(text, "pix2pix-seed0")[1] == "running"
    assert "1 being worked on" in text


def test_names_of_losses_cannot_draw_on_the_terminal(run: RunFolder) -> None:
    CellStatus(state="running", losses={"\x1b[2J[red]": 1.0}).save(run.cell("pix2pix-seed0"))
    assert "\x1b" not in shown(run)


def test_watch_ends_when_the_last_cell_does_and_nobody_scores(run: RunFolder) -> None:
    console = Console(file=io.StringIO(), width=160)
    watching = threading.Thread(target=watch_status, args=(run, console, 0.05))
    with run.locked():
        watching.start()
        for name in ("pix2pix-seed0", "unet-l1-seed0"):
            put(run, name, "done", 6)
        watching.join(0.5)
        assert watching.is_alive()
    watching.join(20)
    assert not watching.is_alive()
    assert "4 of 4 cells have ended" in str(console.file.getvalue())  # type: ignore[attr-defined]
