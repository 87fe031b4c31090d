"""Files of a run that were damaged, moved or written by another version: mended from what is there, or one clear line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tomli_w

Command = Callable[..., Any]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, tiny_values: dict[str, Any]) -> Path:
    """A folder with a preset that trains one model for a few steps."""
    folder = tmp_path_factory.mktemp("place")
    values = tiny_values | {"models": ["pix2pix"], "references": ["copy"], "budget": "4-steps"}
    (folder / "tiny.toml").write_text(tomli_w.dumps(values))
    return folder


def arguments(out: str, *more: str) -> list[str]:
    return ["run", "--preset", "tiny.toml", "--data", "synthetic", "--cache", "cache", "--out", out, *more]


@pytest.fixture(scope="module")
def whole(place: Path, bench_command: Command) -> Path:
    result = bench_command(place, *arguments("whole"))
    assert result.returncode == 0, result.stderr
    return place / "whole"


@pytest.fixture
def damaged(place: Path, whole: Path) -> Path:
    shutil.rmtree(place / "damaged", ignore_errors=True)
    return shutil.copytree(whole, place / "damaged")


def results(run: Path) -> dict[str, bytes]:
    names = ("generator.safetensors", "images.parquet", "sets.json", "shuffled.parquet", "*.png", "*.npy", "main.csv")
    files = [path for name in names for path in run.rglob(name) if not {"figures", "data"} & set(path.parts)]
    return {str(path.relative_to(run)): path.read_bytes() for path in sorted(files)}


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [truncate, flip])
@pytest.mark.parametrize("name", ["predictions/*.png", "features/*.npy", "features/*.json"])
def test_damaged_outputs_and_features_are_made_again(
    damage: Callable[[Path], None], name: str, damaged: Path, whole: Path, place: Path, bench_command: Command
) -> None:
    cell = damaged / "cells/pix2pix-seed0"
    damage(next(iter(sorted(cell.glob(name)))))
    # Scores that are there are not made again; these are.
    (cell / "sets.json").unlink()
    result = bench_command(place, *arguments("damaged"))
    assert result.returncode == 0, result.stderr
    assert results(damaged) == results(whole)


@pytest.mark.parametrize("name", ["images.parquet", "sets.json", "shuffled.parquet"])
def test_truncated_scores_are_made_again_and_said(
    name: str, damaged: Path, whole: Path, place: Path, bench_command: Command
) -> None:
    truncate(damaged / "cells/pix2pix-seed0" / name)
    result = bench_command(place, *arguments("damaged"))
    assert result.returncode == 0, result.stderr
    assert "damaged scores" in result.stderr
    assert name in result.stderr
    assert results(damaged) == results(whole)


def test_truncated_status_is_taken_from_the_record_beside_the_generator(
    damaged: Path, whole: Path, place: Path, bench_command: Command
) -> None:
    status = damaged / "cells/pix2pix-seed0/status.json"
    truncate(status)
    result = bench_command(place, *arguments("damaged"))
    assert result.returncode == 0, result.stderr
    assert "the record beside its generator is used" in result.stderr
    assert status.read_bytes() == (whole / "cells/pix2pix-seed0/status.json").read_bytes()


def test_truncated_status_of_an_unfinished_cell_goes_on_from_the_checkpoint(
    damaged: Path, whole: Path, place: Path, bench_command: Command
) -> None:
    cell = damaged / "cells/pix2pix-seed0"
    for path in cell.glob("generator.*"):
        path.unlink()
    (cell / "status.json").write_text('{"state": "run')
    result = bench_command(place, *arguments("damaged"))
    assert result.returncode == 0, result.stderr
    assert "goes on from its newest checkpoint" in result.stderr
    assert results(damaged) == results(whole)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("plan.json", "bring it back from a copy"),
        ("experiment.toml", "if another version wrote it"),
        ("provenance.json", "bring it back from a copy"),
        ("split.json", "cannot be read"),
    ],
)
def test_truncated_record_that_nothing_can_rebuild_is_one_line(
    name: str, said: str, damaged: Path, place: Path, bench_command: Command
) -> None:
    truncate(damaged / name)
    (damaged / "cells/pix2pix-seed0/sets.json").unlink()
    result = bench_command(place, *arguments("damaged"))
    assert result.returncode == 2, result.stderr
    last = result.stderr.strip().splitlines()[-1]
    assert Path(name).name in last
    assert said in last


def test_truncated_card_of_a_generator_is_written_again(
    damaged: Path, whole: Path, place: Path, bench_command: Command
) -> None:
    card = "cells/pix2pix-seed0/generator.json"
    truncate(damaged / card)
    assert bench_command(place, *arguments("damaged")).returncode == 0
    assert (damaged / card).read_bytes() == (whole / card).read_bytes()


def test_generator_that_was_taken_away_is_trained_again(
    damaged: Path, whole: Path, place: Path, bench_command: Command
) -> None:
    (damaged / "cells/pix2pix-seed0/generator.safetensors").unlink()
    assert bench_command(place, *arguments("damaged")).returncode == 0
    assert results(damaged) == results(whole)


def test_generator_with_flipped_bytes_is_not_coloured_with(damaged: Path, place: Path, bench_command: Command) -> None:
    cell = damaged / "cells/pix2pix-seed0"
    flip(cell / "generator.safetensors")
    (cell / "sets.json").unlink()
    result = bench_command(place, *arguments("damaged"))
    assert result.returncode == 2
    assert "its digest is not the one in generator.json" in result.stderr


def test_missing_plan_under_trained_cells_is_refused(damaged: Path, place: Path, bench_command: Command) -> None:
    (damaged / "plan.json").unlink()
    result = bench_command(place, *arguments("damaged"))
    assert result.returncode == 2
    assert "plan.json" in result.stderr
    assert "cells were begun by it" in result.stderr


@pytest.mark.parametrize("version", [0, 99])
def test_run_of_another_format_is_refused_by_its_version(
    version: int, damaged: Path, place: Path, bench_command: Command
) -> None:
    plan = json.loads((damaged / "plan.json").read_text())
    (damaged / "plan.json").write_text(json.dumps(plan | {"format": version, "new_key": 1}))
    result = bench_command(place, *arguments("damaged"))
    assert result.returncode == 2
    assert f"written by version {version} of the run format, and this one reads 1" in result.stderr


def test_moved_run_goes_on_where_it_was(damaged: Path, whole: Path, place: Path, bench_command: Command) -> None:
    (place / "elsewhere").mkdir(exist_ok=True)
    moved = damaged.rename(place / "elsewhere" / "moved")
    for path in [*moved.rglob("sets.json"), *moved.rglob("predictions/*-1.png")]:
        path.unlink()
    shutil.rmtree(moved / "report")
    result = bench_command(place, *arguments("elsewhere/moved"))
    assert result.returncode == 0, result.stderr
    assert results(moved) == results(whole)


def test_run_from_another_machine_goes_on_and_says_so(damaged: Path, place: Path, bench_command: Command) -> None:
    began = json.loads((damaged / "provenance.json").read_text())
    began["hardware"]["cpu"] = "Another Processor"
    (damaged / "provenance.json").write_text(json.dumps(began))
    result = bench_command(place, *arguments("damaged"))
    assert result.returncode == 0, result.stderr
    assert "begun with other hardware" in result.stderr


def test_failed_cell_is_left_alone_until_it_is_asked_to_be_taken_up_again(
    damaged: Path, whole: Path, place: Path, bench_command: Command
) -> None:
    cell = damaged / "cells/pix2pix-seed0"
    for path in [*cell.glob("generator.*"), *cell.glob("*.parquet"), cell / "sets.json"]:
        path.unlink()
    status = json.loads((cell / "status.json").read_text())
    (cell / "status.json").write_text(json.dumps(status | {"state": "failed", "reason": "out of memory"}))
    result = bench_command(place, *arguments("damaged"))
    assert result.returncode == 1
    assert "--retry-failed takes them up again" in result.stderr
    result = bench_command(place, *arguments("damaged", "--retry-failed"))
    assert result.returncode == 0, result.stderr
    assert results(damaged) == results(whole)


def test_finished_cell_without_status_is_not_trained_again(
    damaged: Path, whole: Path, place: Path, bench_command: Command
) -> None:
    name = "cells/pix2pix-seed0/status.json"
    (damaged / name).unlink()
    result = bench_command(place, *arguments("damaged"))
    assert result.returncode == 0, result.stderr
    assert "missing; the record beside its generator is used" in result.stderr
    assert (damaged / name).read_bytes() == (whole / name).read_bytes()


@pytest.mark.parametrize("name", ["truth-halves.json", "mean-chroma.json"])
def test_floors_of_a_run_are_made_again(
    name: str, damaged: Path, whole: Path, place: Path, bench_command: Command
) -> None:
    (damaged / name).unlink()
    assert bench_command(place, *arguments("damaged")).returncode == 0
    assert (damaged / name).read_bytes() == (whole / name).read_bytes()


def test_damaged_picture_of_a_scored_cell_is_coloured_again(
    damaged: Path, whole: Path, place: Path, bench_command: Command
) -> None:
    truncate(next(iter(sorted((damaged / "cells/pix2pix-seed0/predictions").glob("*.png")))))
    result = bench_command(place, *arguments("damaged"))
    assert result.returncode == 0, result.stderr
    assert "coloured again" in result.stderr
    assert results(damaged) == results(whole)


def test_damaged_curve_costs_its_figure_alone(damaged: Path, whole: Path, place: Path, bench_command: Command) -> None:
    truncate(damaged / "cells/pix2pix-seed0/curve.parquet")
    result = bench_command(place, *arguments("damaged"))
    assert result.returncode == 0, result.stderr
    assert "left out of the learning curves" in result.stderr
    assert (damaged / "report/tables/main.csv").read_bytes() == (whole / "report/tables/main.csv").read_bytes()


def test_report_verifies_and_its_scores_can_be_computed_again(whole: Path, place: Path, bench_command: Command) -> None:
    result = bench_command(place, "verify", "whole/report", "--run", "whole")
    assert result.returncode == 0, result.stderr
    assert "all equal" in result.stdout
    assert "scores computed again, all equal" in result.stdout


def test_scores_that_the_run_does_not_give_are_named(damaged: Path, place: Path, bench_command: Command) -> None:
    first, second, *_ = sorted((damaged / "cells/pix2pix-seed0/predictions").glob("*.png"))
    shutil.copyfile(second, first)
    result = bench_command(place, "verify", "damaged/report", "--run", "damaged")
    assert result.returncode == 1
    assert "pix2pix-seed0: psnr: computed again it differs" in result.stderr
