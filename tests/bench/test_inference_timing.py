"""How fast generators colour: what is recorded, and that it is recorded once."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import pytest

import models
from bench import inference_timing
from bench.files import write_png
from bench.inference_timing import is_timed, time_colouring, timings, write_timing
from models import regions


@pytest.fixture
def translator() -> models.Translator:
    return models.build("pix2pix", models.parse_settings("pix2pix", {"ngf": 4, "ndf": 4}), 64, seed=0)


@pytest.fixture
def windows(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    for number, path in enumerate(paths):
        write_png(path, np.full((64, 64, 3), 40 * number, np.uint8))
    return paths


def test_a_processor_times_one_window_alone(
    translator: models.Translator, windows: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inference_timing, "MOST_SECONDS", 0.0)
    path = tmp_path / "inference.json"
    write_timing(path, translator, windows, "cpu")
    record = json.loads(path.read_text())
    assert set(record) == {"height", "width", "machine", "seconds_per_window", "repeats"}
    assert record["repeats"] >= inference_timing.FEWEST_REPEATS
    assert is_timed(path)
    path.write_bytes(path.read_bytes()[:-5])
    assert not is_timed(path)


def test_a_model_that_cannot_be_timed_is_named_and_stops_nothing(
    windows: list[Path], tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        def colorize(self, bw: object) -> object:
            raise RuntimeError('"tan" not implemented for BFloat16')

    monkeypatch.setattr(logging.getLogger("bench"), "propagate", True)
    path = tmp_path / "mine-seed0" / "inference.json"
    write_timing(path, Broken(), windows, "cpu")  # type: ignore[arg-type]
    assert not path.exists()
    assert "mine-seed0: colouring was not timed" in caplog.text


def test_batches_and_bfloat16_are_timed_where_they_pay(translator: models.Translator, windows: list[Path]) -> None:
    found = timings(translator, windows, "cpu", batches=True)
    assert found["batch"] == 3
    for name in ("seconds_per_window", "seconds_per_window_bf16", "windows_per_second", "windows_per_second_bf16"):
        assert found[name] > 0


def test_every_repeat_finds_its_regions_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it must for a page that it sees for the first time."""
    made: list[int] = []
    real = regions.region_map
    monkeypatch.setattr(regions, "region_map", lambda luma: made.append(1) or real(luma))
    monkeypatch.setattr(inference_timing, "MOST_REPEATS", 5)
    settings = {"ngf": 4, "ndf": 4, "n_blocks": 1, "n_downsample": 2, "vgg_loss": "off"}
    name = "pix2pixhd-regions"
    translator = models.build(name, models.parse_settings(name, settings), 64, seed=0)
    seconds = time_colouring(translator, np.zeros((1, 64, 64, 3), np.uint8), "cpu")
    assert len(made) == len(seconds) + inference_timing.WARMUP


def test_repeats_end_after_their_time(translator: models.Translator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inference_timing, "MOST_REPEATS", 7)
    seconds = time_colouring(translator, np.zeros((1, 64, 64, 3), np.uint8), "cpu")
    assert len(seconds) == 7
    assert min(seconds) > 0
