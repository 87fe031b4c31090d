"""Run folders: files appear whole or not at all, and one process at a time works on a run."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bench.errors import RequestError
from bench.files import atomic_file, read_json, read_png, read_table, write_json, write_parquet, write_png
from bench.runfolder import RunFolder, newest_run, open_run


def test_interrupted_write_leaves_the_old_file_and_no_rest(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    write_json(path, {"a": 1})
    with pytest.raises(RuntimeError, match="power cut"), atomic_file(path) as file:
        file.write(b"half")
        raise RuntimeError("power cut")
    assert read_json(path) == {"a": 1}
    assert [entry.name for entry in tmp_path.iterdir()] == ["plan.json"]


def test_texts_of_a_table_that_are_no_texts_are_named_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "images.parquet"
    offsets, content = pa.array([0, 2], pa.int32()).buffers()[1], pa.py_buffer(b"\xa7a")
    pq.write_table(pa.table({"window": pa.StringArray.from_buffers(1, offsets, content)}), path)
    with pytest.raises(RequestError, match=r"images\.parquet"):
        read_table(path)


def test_broken_json_is_named_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text('{"a": ')
    with pytest.raises(RequestError, match=r"plan\.json"):
        read_json(path)


def test_png_round_trip_is_lossless(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (17, 5, 3), np.uint8)
    write_png(tmp_path / "a.png", pixels)
    np.testing.assert_array_equal(read_png(tmp_path / "a.png"), pixels)


def test_parquet_of_equal_values_has_equal_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_parquet(tmp_path / name, pd.DataFrame({"window": ["x-0"], "psnr": [12.5]}))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_second_process_is_refused_and_told_who_holds_the_run(tmp_path: Path) -> None:
    code = f"""
from pathlib import Path
from bench.runfolder import RunFolder
with RunFolder(Path({str(tmp_path)!r})).locked():
    pass
"""
    with RunFolder(tmp_path).locked():
        refused = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert "in use by process" in refused.stderr
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_newest_run_and_its_absence(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="no run in"):
        newest_run(tmp_path)
    with pytest.raises(RequestError, match="no run here"):
        open_run(tmp_path)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "experiment.toml").write_text("")
    assert newest_run(tmp_path).path == tmp_path / "a"


def test_checkpoint_names_sort_as_their_steps_do(tmp_path: Path) -> None:
    cell = RunFolder(tmp_path).cell("pix2pix-seed0")
    cell.path.mkdir(parents=True)
    for step in (9, 100, 20):
        cell.checkpoint(step).touch()
    assert cell.checkpoints() == [cell.checkpoint(step) for step in (100, 20, 9)]
