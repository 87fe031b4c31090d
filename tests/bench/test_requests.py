"""Wrong requests: one clear line on stderr and exit code 2, from the real command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.cli import main


def bench(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from bench.cli import main; main()", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=120, check=False)


def exit_code(arguments: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """The command in this process, which saves seconds of imports a case."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["bench", *arguments])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert isinstance(stopped.value.code, int)
    return stopped.value.code


def pictures(folder: Path, count: int) -> Path:
    folder.mkdir(parents=True)
    for index in range(count):
        pixels = np.random.default_rng(index).integers(0, 256, (70, 64, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"page{index}.png")
    return folder


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "--models", "pix3pix"], "did you mean 'pix2pix'"),
        (["run", "--models", "unet-l1"], "comes by itself"),
        (["run", "--budget", "10x"], "--budget '10x' is not a budget"),
        (["run", "--budget", "-5m"], "--budget '-5m' is not a budget"),
        (["run", "--resolution", "100"], "--resolution 100"),
        (["run", "--resolution", "512x256"], "windows are square, or 2048x1024"),
        (["run", "--resolution", "3000x1000"], "windows are square, or 2048x1024"),
        (["run", "--resolution", "large"], "give a size such as 256"),
        (["run", "--seeds", "none"], "--seeds 'none'"),
        (["run", "--preset", "huge"], "--preset 'huge' is unknown"),
        (["run", "--recipe", "crayon"], "recipe"),
        (["run", "--device", "cuda:99"], "--device cuda:99"),
        (["run", "--set", "training.batch_size=0"], "training.batch_size"),
        (["run", "--set", "training.batchsize=4"], "training.batchsize"),
        (["run", "--set", "model_settings.pix2pix.ngff=4"], "ngff"),
        (["run", "--data", "missing"], "missing"),
        (["run", "--data", "empty"], "empty"),
        (["run", "--data", "text.png"], "text.png"),
        (["run", "--data", "colour-only"], "--recipe lines"),
        (["run", "--data", "unreadable", "--recipe", "lines"], "broken"),
        (["run", "--unknown"], "--unknown"),
        (["run", "--preset", "paper"], "--allow-uncalibrated"),
        (["report"], "no run in runs/"),
        (["report", "empty"], "no run here"),
        (["status", "missing"], "no run here"),
        (["data", "info", "missing"], "missing"),
    ],
)
def test_wrong_request_gets_one_line_and_exit_code_2(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.png").write_text("not a picture")
    pictures(tmp_path / "colour-only", 12)
    pictures(tmp_path / "unreadable", 12)
    for index in range(4):
        (tmp_path / "unreadable" / f"broken{index}.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    if arguments[0] == "run" and "--data" in arguments:
        arguments = [
            "run",
            "--budget",
            "8-steps",
            "--resolution",
            "64",
            *arguments[1:],
            "--cache",
            "cache",
            "--out",
            "out",
        ]
    elif arguments[0] == "run":
        arguments = ["run", "--data", "synthetic", "--out", "out", "--cache", "cache", *arguments[1:]]
    code = exit_code(arguments, tmp_path, monkeypatch)
    errors = capfd.readouterr().err
    assert code == 2, errors
    assert said in errors
    assert len([line for line in errors.splitlines() if line.startswith("bench: ")]) == 1


def test_help_names_every_command_and_works_without_a_run(tmp_path: Path) -> None:
    result = bench("--help", cwd=tmp_path)
    assert result.returncode == 0
    assert all(name in result.stdout for name in ("run", "report", "status", "models", "data"))


def test_packages_of_another_checkout_are_named(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "__init__.py").write_text("raise ImportError('not ours')\n")
    result = bench("models", cwd=tmp_path)
    assert result.returncode == 2
    assert "shadows" in result.stderr
    assert str(tmp_path / "data") in result.stderr
