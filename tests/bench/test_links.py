"""Links planted in folders that are written into: refused, and what they lead to stays as it is."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.cli import main
from bench.colorizing import ColorizeRequest, _without_picture
from bench.errors import RequestError
from bench.page_sources import find_pages
from bench.runfolder import RunFolder


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder and a file of somebody else."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "diary.txt").write_text("mine")
    return tmp_path / "outside"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


PLACES = [
    "run.lock",
    "run.log",
    "plan.json",
    "cells",
    "cells/pix2pix-seed0",
    "cells/a/predictions",
    "test/truth",
    "report",
]


@pytest.mark.parametrize("place", PLACES)
def test_a_run_folder_with_a_link_out_of_it_is_refused(tmp_path: Path, outside: Path, place: str) -> None:
    run = tmp_path / "run"
    link = run / place
    link.parent.mkdir(parents=True)
    (run / "experiment.toml").write_text("")
    link.symlink_to(outside if "." not in place else outside / "diary.txt")
    before = contents(outside)
    for hold in (RunFolder(run).locked, RunFolder(run).shared):
        with (
            pytest.raises(RequestError, match=rf"{place}: a link out of .*run, .*put the file or folder itself there"),
            hold(),
        ):
            pass
    assert contents(outside) == before


def test_the_command_says_so_in_one_line(
    tmp_path: Path, outside: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run" / "cells").mkdir(parents=True)
    (tmp_path / "run" / "experiment.toml").write_text("")
    (tmp_path / "run" / "cells" / "up").symlink_to(outside)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["bench", "run", "--data", "synthetic", "--out", "run", "--cache", "cache"])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    said = capfd.readouterr().err.splitlines()
    assert len(said) == 1
    assert said[0].startswith("bench: run/cells/up: a link out of run")
    assert contents(outside) == {"diary.txt": b"mine"}


def test_links_within_a_run_and_a_run_that_is_a_link_are_fine(tmp_path: Path) -> None:
    (tmp_path / "large-disk").mkdir()
    (tmp_path / "run").symlink_to(tmp_path / "large-disk")
    (tmp_path / "large-disk" / "experiment.toml").write_text("")
    (tmp_path / "large-disk" / "newest").symlink_to(tmp_path / "large-disk" / "cells")
    with RunFolder(tmp_path / "run").locked():
        assert (tmp_path / "large-disk" / "run.lock").is_file()


def test_pictures_are_not_written_behind_a_link(tmp_path: Path, outside: Path) -> None:
    page = tmp_path / "pages" / "a" / "1.png"
    page.parent.mkdir(parents=True)
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(page)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a").symlink_to(outside)
    request = ColorizeRequest([tmp_path / "pages"], tmp_path / "cell", tmp_path / "out", "cpu")
    with pytest.raises(RequestError, match=r"out/a/1\.png: would lie out of .*out, behind a link"):
        _without_picture(find_pages(request.paths, request.out), request)
    (tmp_path / "elsewhere").symlink_to(tmp_path / "out2")
    (tmp_path / "out2").mkdir()
    request = ColorizeRequest([tmp_path / "pages"], tmp_path / "cell", tmp_path / "elsewhere", "cpu")
    assert len(_without_picture(find_pages(request.paths, request.out), request)) == 1
