import io

import datasets
import huggingface_hub
import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from PIL import Image

from data import DataError, UnreadableImage, open_pairs
from data.sources.hub import HubSource


def png(picture) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def rows(draw):
    return [(draw(2 * row).mean(axis=2).astype(np.uint8), draw(2 * row + 1)) for row in range(5)]


@pytest.fixture
def table(rows):
    """A datasets table with typed image columns; its fourth colour image is damaged."""
    cells = {
        "bw_image": [{"bytes": png(bw), "path": None} for bw, _ in rows],
        "color_image": [{"bytes": png(color), "path": None} for _, color in rows],
        "note": ["x"] * len(rows),
    }
    cells["color_image"][3] = {"bytes": b"damaged", "path": None}
    image = datasets.Image()
    features = datasets.Features({"bw_image": image, "color_image": image, "note": datasets.Value("string")})
    return datasets.Dataset.from_dict(cells, features=features)


def check(source, rows):
    assert [key.id for key in source.keys()] == [f"row-{row:06d}" for row in range(5)]  # noqa: SIM118
    raw = source.read(source.keys()[2])
    np.testing.assert_array_equal(raw.color, rows[2][1])
    np.testing.assert_array_equal(raw.bw[..., 1], rows[2][0])
    assert not source.grouped
    assert source.revision is None
    assert "licence" in source.licence_note


def test_parquet_folder_is_read_row_by_row(tmp_path, table, rows):
    (tmp_path / "set").mkdir()
    table.to_parquet(str(tmp_path / "set" / "train-00000.parquet"))
    source = HubSource(f"hf:{tmp_path / 'set'}", cache_dir=tmp_path / "cache")
    check(source, rows)
    # The damaged row was not touched before it is asked for, and spoils none but itself.
    with pytest.raises(UnreadableImage, match="row 3, color_image"):
        source.read(source.keys()[3])
    np.testing.assert_array_equal(source.read(source.keys()[4]).color, rows[4][1])


def test_saved_dataset_is_read_through_the_front_door(tmp_path, table, rows):
    table.save_to_disk(str(tmp_path / "saved"))
    check(open_pairs(f"hf:{tmp_path / 'saved'}"), rows)


def test_all_splits_are_read_in_order(tmp_path, table, rows):
    parts = datasets.DatasetDict({"train": table.select([0, 1]), "test": table.select([2, 3, 4])})
    parts.save_to_disk(str(tmp_path / "saved"))
    check(HubSource(f"hf:{tmp_path / 'saved'}"), rows)


def test_plain_bytes_in_other_columns(tmp_path, rows):
    plain = pyarrow.table({"ink": [png(bw) for bw, _ in rows], "paint": [png(color) for _, color in rows]})
    pyarrow.parquet.write_table(plain, tmp_path / "plain.parquet")
    source = HubSource(
        f"hf:{tmp_path / 'plain.parquet'}", bw_column="ink", color_column="paint", cache_dir=tmp_path / "cache"
    )
    check(source, rows)


def test_missing_column_names_those_there_are(tmp_path, table):
    table.save_to_disk(str(tmp_path / "saved"))
    with pytest.raises(DataError, match=r"no column 'ink'.*bw_image, color_image, note.*--bw-column"):
        open_pairs(f"hf:{tmp_path / 'saved'}", bw_column="ink")


def test_column_that_holds_no_image(tmp_path, table):
    table.save_to_disk(str(tmp_path / "saved"))
    source = open_pairs(f"hf:{tmp_path / 'saved'}", bw_column="note")
    with pytest.raises(UnreadableImage, match="row 0, note"):
        source.read(source.keys()[0])


def test_unusable_specs_are_one_clear_line(tmp_path):
    (tmp_path / "empty").mkdir()
    cases = {
        "hf:": "names no dataset",
        "hf:no-owner": "neither an existing path nor a name",
        f"hf:{tmp_path / 'empty'}": "cannot be read as a dataset",
    }
    for spec, words in cases.items():
        with pytest.raises(DataError, match=words) as raised:
            open_pairs(spec)
        assert "\n" not in str(raised.value)


def test_unreachable_hub_is_one_clear_line(monkeypatch):
    def unreachable(*_args, **_options):
        raise ConnectionError("Name or service not known\nand a second line")

    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", unreachable)
    with pytest.raises(DataError, match=r"hf:owner/name: the hub cannot be reached.*hf:PATH") as raised:
        open_pairs("hf:owner/name")
    assert "\n" not in str(raised.value)


def test_revision_and_licence_of_the_hub(monkeypatch, table):
    class Info:
        sha = "0123456789abcdef0123456789abcdef01234567"
        card_data = None

    asked = {}

    def load(name, revision=None, cache_dir=None):
        asked.update(name=name, revision=revision)
        return datasets.DatasetDict({"train": table})

    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", lambda *_args, **_options: Info())
    monkeypatch.setattr(datasets, "load_dataset", load)
    source = HubSource("hf:owner/name")
    assert asked == {"name": "owner/name", "revision": Info.sha}
    assert source.revision == Info.sha
    assert source.title == "owner/name"
    assert "no licence tag" in source.licence_note
    Info.card_data = {"license": "cc-by-4.0"}
    assert "cc-by-4.0" in HubSource("hf:owner/name").licence_note
    before = source.fingerprint()
    Info.sha = Info.sha[::-1]
    assert HubSource("hf:owner/name").fingerprint() != before


def test_dataset_without_rows(monkeypatch, table, tmp_path):
    monkeypatch.setattr(datasets, "load_dataset", lambda *_args, **_options: table.select([]))
    with pytest.raises(DataError, match="no rows"):
        HubSource(f"hf:{tmp_path}")
