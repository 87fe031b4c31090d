"""A report takes the place of the old one whole; what a killed process left is cleared away, and an old report comes back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bench.errors import RequestError
from bench.reporting.replacing import LOCK, replace_report

KILLED = """
import os, signal, sys
from pathlib import Path
from bench.reporting import replacing

def write(folder):
    (folder / "index.html").write_text("new")
    (folder / "results.json").write_text("{}")
    if sys.argv[2] == "writing":
        os.kill(os.getpid(), signal.SIGKILL)

real = Path.rename
def rename(path, target):
    if path.name == "new":
        os.kill(os.getpid(), signal.SIGKILL)
    return real(path, target)

Path.rename = rename
replacing.replace_report(Path(sys.argv[1]), write)
"""


def written(text: str):
    def write(folder: Path) -> None:
        (folder / "index.html").write_text(text)
        (folder / "results.json").write_text("{}")

    return write


@pytest.mark.parametrize("when", ["writing", "between the renames"])
def test_process_killed_while_it_replaces_a_report_leaves_nothing_for_good(tmp_path: Path, when: str) -> None:
    out = tmp_path / "report"
    replace_report(out, written("old"))
    subprocess.run([sys.executable, "-c", KILLED, str(out), when], check=False)
    left = [path for path in tmp_path.iterdir() if path != out]
    assert len(left) == 1

    def fails(folder: Path) -> None:
        assert (out / "index.html").read_text() == "old"
        raise RequestError("nothing to report")

    with pytest.raises(RequestError):
        replace_report(out, fails)
    assert [path.name for path in tmp_path.iterdir()] == ["report"]
    assert (out / "index.html").read_text() == "old"
    replace_report(out, written("new"))
    assert (out / "index.html").read_text() == "new"


def test_folder_that_another_process_is_filling_is_left_alone(tmp_path: Path) -> None:
    out = tmp_path / "report"

    def fill(folder: Path) -> None:
        replace_report(out, written("inner"))
        assert (folder.parent / LOCK).is_file()
        written("outer")(folder)

    replace_report(out, fill)
    assert (out / "index.html").read_text() == "outer"


def test_folder_of_another_name_is_left_alone(tmp_path: Path) -> None:
    other = tmp_path / ".reports.abcdefgh"
    other.mkdir()
    replace_report(tmp_path / "report", written("new"))
    assert other.is_dir()


def test_what_a_process_left_that_was_killed_before_it_had_its_lock_goes(tmp_path: Path) -> None:
    (tmp_path / ".report.abcdefgh").mkdir()
    (tmp_path / ".report.strange1").mkdir()
    (tmp_path / ".report.strange1" / "notes.txt").write_text("somebody's")
    replace_report(tmp_path / "report", lambda folder: (folder / "results.json").touch())
    assert sorted(path.name for path in tmp_path.iterdir()) == [".report.strange1", "report"]
