"""Datasets of strangers: code in them is not run, and what lies outside of them is not read."""

import json
import os
import pickle
import shutil
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data import DataError, open_pairs
from data.sources.hub import HubSource

COLUMNS = {"bw_image": [b"x"], "color_image": [b"x"]}


class Payload:
    """Makes a folder where it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


def opened(folder: Path, cache: Path) -> HubSource:
    return HubSource(f"hf:{folder}", cache_dir=cache)


def refused(folder: Path, cache: Path, words: str) -> str:
    with pytest.raises(DataError, match=words) as raised:
        opened(folder, cache)
    assert str(raised.value).isprintable()
    return str(raised.value)


def test_pickled_code_in_the_schema_of_a_table_is_not_run(tmp_path, draw, save):
    """Old pyarrow unpickled what a column's metadata call a Python type."""
    marker, folder = tmp_path / "ran", tmp_path / "set"
    save(draw(1), folder / "c.png")
    hostile = {
        b"ARROW:extension:name": b"arrow.py_extension_type",
        b"ARROW:extension:metadata": pickle.dumps(Payload(marker)),
    }
    for columns in ({"color": ["c.png"]}, COLUMNS):
        fields = [pa.field(name, pa.array(cells).type, metadata=hostile) for name, cells in columns.items()]
        table = pa.table([pa.array(cells) for cells in columns.values()], schema=pa.schema(fields))
        pq.write_table(table, folder / "pages.parquet")
        if "color" in columns:
            assert len(open_pairs(str(folder / "pages.parquet")).keys()) == 1
        else:
            (folder / "c.png").unlink()
            assert len(opened(folder, tmp_path / "cache").keys()) == 1
    assert not marker.exists()
    pickle.loads(hostile[b"ARROW:extension:metadata"])
    assert marker.exists(), "the payload works where it is run"


@pytest.mark.parametrize("beside", [False, True])
def test_scripts_and_pickles_of_a_dataset_are_not_run(tmp_path, beside):
    marker, folder = tmp_path / "ran", tmp_path / "pages"
    folder.mkdir()
    for name in ("pages.py", "conftest.py", "__init__.py", "setup.py"):
        (folder / name).write_text(f"import os; os.mkdir({str(marker)!r})\n")
    for name in ("train.pkl", "train.pickle", "train.pt", "cache-1.pkl"):
        (folder / name).write_bytes(pickle.dumps(Payload(marker)))
    if beside:
        (folder / "pages.py").unlink()
        pq.write_table(pa.table(COLUMNS), folder / "train.parquet")
        assert len(opened(folder, tmp_path / "cache").keys()) == 1
    else:
        refused(folder, tmp_path / "cache", "cannot be read as a dataset")
    assert not marker.exists()


@pytest.fixture
def outside(tmp_path):
    """A dataset that others must not take data from."""
    datasets.Dataset.from_dict(COLUMNS).save_to_disk(str(tmp_path / "outside"))
    pq.write_table(pa.table(COLUMNS), tmp_path / "outside" / "train.parquet")
    return tmp_path / "outside"


@pytest.mark.parametrize("name", ["../outside/data-00000-of-00001.arrow", "/etc/data.arrow", "a/../../b.arrow"])
def test_a_saved_dataset_that_names_files_elsewhere_is_refused(tmp_path, outside, name):
    folder = tmp_path / "saved"
    shutil.copytree(outside, folder)
    state = json.loads((folder / "state.json").read_text())
    (folder / "state.json").write_text(json.dumps(state | {"_data_files": [{"filename": name}]}))
    refused(folder, tmp_path / "cache", "state.json takes data from .*, out of the dataset; save")


def test_splits_that_lie_elsewhere_are_refused(tmp_path, outside):
    folder = tmp_path / "saved"
    folder.mkdir()
    (folder / "dataset_dict.json").write_text(json.dumps({"splits": ["../outside"]}))
    refused(folder, tmp_path / "cache", r"dataset_dict\.json takes data from \.\./outside")
    shutil.copytree(outside, folder / "train")
    state = json.loads((folder / "train" / "state.json").read_text())
    (folder / "dataset_dict.json").write_text(json.dumps({"splits": ["train"]}))
    assert len(opened(folder, tmp_path / "cache").keys()) == 1
    changed = state | {"_data_files": [{"filename": "../../outside/data-00000-of-00001.arrow"}]}
    (folder / "train" / "state.json").write_text(json.dumps(changed))
    refused(folder, tmp_path / "cache", r"train/state\.json takes data from")


def test_links_out_of_a_dataset_are_refused_and_those_of_the_hubs_cache_are_not(tmp_path, outside):
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "train.parquet").symlink_to(outside / "train.parquet")
    refused(folder, tmp_path / "cache", r"train\.parquet is a link out of the dataset; put the file itself there")
    (folder / "train.parquet").unlink()
    (folder / "train").symlink_to(outside)
    refused(folder, tmp_path / "cache", "train is a link out")
    # As the hub's library keeps a snapshot: links into a folder of contents beside it.
    blobs, snapshot = tmp_path / "datasets--a--b" / "blobs", tmp_path / "datasets--a--b" / "snapshots" / ("0" * 40)
    blobs.mkdir(parents=True)
    snapshot.mkdir(parents=True)
    shutil.copy(outside / "train.parquet", blobs / "ab12")
    (snapshot / "train.parquet").symlink_to(Path("../../blobs/ab12"))
    assert len(opened(snapshot, tmp_path / "cache").keys()) == 1


@pytest.mark.parametrize("content", ["[" * 100_000, '{"splits": 3}', '{"splits": [3, null]}', "[]", "", "\x00"])
def test_damaged_records_are_one_line(tmp_path, content):
    (tmp_path / "dataset_dict.json").write_text(content)
    (tmp_path / "state.json").write_text(content)
    refused(tmp_path, tmp_path / "cache", "cannot be read as a dataset")


def test_records_of_gigabytes_are_refused_unread(tmp_path):
    with (tmp_path / "state.json").open("wb") as file:
        file.truncate(2**31)
    refused(tmp_path, tmp_path / "cache", r"state\.json is larger than")
