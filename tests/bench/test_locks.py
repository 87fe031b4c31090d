"""Locks between real processes: refused with the holder's name, shared, waited for, and free when their process is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.errors import RequestError
from bench.locks import held, holder, waited_for
from bench.runfolder import RunFolder

HOLD = """
import sys, time
from pathlib import Path
from bench.locks import held
with held(Path(sys.argv[1]), shared=sys.argv[2] == "shared", mend="wait"):
    print("held", flush=True)
    time.sleep(60)
"""


@contextmanager
def other_process(path: Path, how: str = "alone") -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(path), how], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_taken_lock_is_refused_with_its_holder_and_free_once_the_holder_is_killed(tmp_path: Path) -> None:
    lock = tmp_path / "cell.lock"
    with other_process(lock) as other:
        named = f"process {other.pid} on {os.uname().nodename}"
        assert holder(lock) == named
        with pytest.raises(RequestError, match=f"in use by {named}; wait"), held(lock, mend="wait"):
            pass
        other.send_signal(signal.SIGKILL)
        other.wait()
        assert holder(lock) is None
        with held(lock, mend="wait"):
            assert holder(lock) == f"process {os.getpid()} on {os.uname().nodename}"
    assert holder(lock) is None


def test_shared_lock_is_shared_and_keeps_out_who_wants_it_alone(tmp_path: Path) -> None:
    lock = tmp_path / "run.lock"
    with other_process(lock, "shared"):
        with held(lock, shared=True, mend="wait"):
            pass
        with pytest.raises(RequestError, match="in use by process"), held(lock, mend="wait"):
            pass


def test_waiting_ends_when_the_holder_does(tmp_path: Path) -> None:
    lock, told = tmp_path / "begin.lock", []
    with other_process(lock) as other:

        def stop_the_other() -> None:
            other.kill()

        with waited_for(lock, told.append, stop_the_other):
            assert other.wait() != 0
    assert told == [f"process {other.pid} on {os.uname().nodename}"]


def test_link_in_place_of_a_lock_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("irreplaceable")
    (tmp_path / "run.lock").symlink_to(tmp_path / "thesis.tex")
    with pytest.raises(OSError, match=r"run\.lock"), held(tmp_path / "run.lock", mend="wait"):
        pass
    assert (tmp_path / "thesis.tex").read_text() == "irreplaceable"


def test_run_is_swept_but_not_where_a_cell_is_at_work(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    run.experiment.touch()
    rests = [run.cell(name).path / ".status.json.1.tmp" for name in ("pix2pix-seed0", "cyclegan-seed0")]
    for rest in rests:
        rest.parent.mkdir(parents=True)
        rest.touch()
    with other_process(run.cell("cyclegan-seed0").lock), run.locked():
        pass
    assert [rest.exists() for rest in rests] == [False, True]


def test_single_cells_and_the_whole_run_exclude_each_other(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    with other_process(run.lock, "shared"):
        with run.shared():
            pass
        with pytest.raises(RequestError, match="in use by"), run.locked():
            pass
    with other_process(run.lock), pytest.raises(RequestError, match="in use by"), run.shared():
        pass
