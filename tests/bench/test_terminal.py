"""What a terminal would obey never reaches it from a name, a request or the file of a run."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bench.cli import main
from bench.requesting import build_experiment

ESCAPES = "\x1b]0;owned\x07\x1b[31m[red]x[/red] [/] \x9b31m\nline"


@pytest.fixture
def said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Runs the command and returns its exit code, stdout and stderr; nothing in them may move a terminal."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["bench", *arguments])
        with pytest.raises(SystemExit) as stopped:
            main()
        out, err = capfd.readouterr()
        assert all(letter.isprintable() or letter == "\n" for letter in out + err), ascii(out + err)
        return int(stopped.value.code or 0), out, err

    return run


@pytest.mark.parametrize(
    "arguments",
    [
        ("status", "no\x1b[31mwhere"),
        ("report", "no\x1b[31mwhere"),
        ("data", "info", "no\x1b[31mwhere"),
        ("run", "--models", "a\x1b[31m"),
        ("run", "--preset", "a\x1b[31m.toml"),
        ("run", "--set", "a\x1b[31m=\x1b"),
        ("run", "--budget", "\x1b[31m"),
        ("colorize", "x\x1b[31m.png", "--from", "cell", "--out", "out"),
        ("no\x1b[31mcommand",),
    ],
)
def test_wrong_requests_are_told_in_one_printable_line(said: Callable[..., Any], arguments: tuple[str, ...]) -> None:
    code, _, err = said(*arguments)
    assert code == 2
    assert len(err.splitlines()) == 1


def test_a_run_of_escapes_is_shown_and_refused_as_text(tmp_path: Path, said: Callable[..., Any]) -> None:
    run = tmp_path / "run"
    cell = run / "cells" / "pix2pix-seed0"
    cell.mkdir(parents=True)
    experiment = build_experiment("demo", {"data.source": ESCAPES}, [], allow_uncalibrated=True)
    (run / "experiment.toml").write_text(experiment.to_toml())
    status = {"state": "failed", "reason": ESCAPES, "machine": ESCAPES, "losses": {"[/]": 2.0, ESCAPES: 1.0}}
    (cell / "status.json").write_text(json.dumps(status))
    code, out, _ = said("status", "run")
    assert code == 0
    assert "[/]" in out
    for name, content in (("status.json", {ESCAPES: 1}), ("status.json", {"state": ESCAPES})):
        (cell / name).write_text(json.dumps(content))
        said("status", "run")
    (run / "plan.json").write_text(json.dumps({"format": 1, "models": {ESCAPES: {}}, ESCAPES: 1}))
    assert said("status", "run")[0] == 2


def test_names_of_files_that_are_no_text_are_shown_as_some(tmp_path: Path, said: Callable[..., Any]) -> None:
    random = np.random.default_rng(0)
    names = [b"a\x1b[31m\nb", b"bad\xff\xfe", "第１話\u3000x".encode(), b"x" * 255, b"\xe2\x80\xaerlo"]
    for name in names:
        folder = os.path.join(os.fsencode(tmp_path), b"pages", name)  # noqa: PTH118 -- names that are no text
        os.makedirs(folder)  # noqa: PTH103
        for page in (b"1.png", b"p\x1b.png", b"q\xff.png", b"broken\x1b[2J.png"):
            pixels = np.kron(random.integers(0, 256, (5, 4, 3), dtype=np.uint8), np.ones((8, 8, 1), np.uint8))
            path = os.path.join(folder, page)  # noqa: PTH118
            with open(path, "wb") as file:  # noqa: PTH123
                file.write(b"") if page.startswith(b"broken") else Image.fromarray(pixels).save(file, "PNG")
    code, out, _ = said("data", "info", "pages")
    assert code == 0
    assert "pages: 20 pages" in out
    assert "第１話 x (4)" in out
    assert "5 unreadable pages" in out
    code, out, _ = said("data", "info", "pages", "--json")
    assert code == 0
    assert json.loads(out)["chapters"] == 5
