import hashlib
import io
import json

import datasets
import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from PIL import Image

from data import DataError, UnreadableImage, open_pairs
from data.own_split import own_split
from data.sources.dataset_card import licence_note
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


def test_splits_of_a_dataset_are_its_own_parts(tmp_path, table):
    parts = {"train": table.select([0, 1, 2]), "VAL": table.select([3]), "test": table.select([4])}
    datasets.DatasetDict(parts).save_to_disk(str(tmp_path / "saved"))
    source = HubSource(f"hf:{tmp_path / 'saved'}")
    assert [key.part for key in source.keys()] == ["train"] * 3 + ["validation", "test"]  # noqa: SIM118
    assert source.warning is None
    split = own_split(source.keys(), grouped=False, group_by="chapter", seed=0, validation_share=0.1)
    assert (split.test, split.validation) == (("row-000004",), ("row-000003",))


@pytest.mark.parametrize(("names", "warned"), [(["pages"], False), (["train"], False), (["train", "extra"], True)])
def test_splits_of_other_names_are_no_parts(tmp_path, table, names, warned):
    parts = {name: table.select(range(place, 5, len(names))) for place, name in enumerate(names)}
    datasets.DatasetDict(parts).save_to_disk(str(tmp_path / "saved"))
    source = HubSource(f"hf:{tmp_path / 'saved'}")
    assert {key.part for key in source.keys()} == {None}  # noqa: SIM118
    assert ("rows are split anew" in (source.warning or "")) == warned


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


def test_dataset_without_rows(tmp_path, table):
    table.select([]).to_parquet(str(tmp_path / "empty.parquet"))
    with pytest.raises(DataError, match=r"no (rows|data)"):
        HubSource(f"hf:{tmp_path / 'empty.parquet'}", cache_dir=tmp_path / "cache")


def test_digest_and_modes_are_those_of_the_stored_bytes(tmp_path, table, rows):
    table.save_to_disk(str(tmp_path / "saved"))
    source = open_pairs(f"hf:{tmp_path / 'saved'}")
    raw = source.read(source.keys()[1])
    stored = [png(rows[1][1]), png(rows[1][0])]
    expected = hashlib.sha256(b"".join(len(content).to_bytes(8, "big") + content for content in stored))
    assert raw.digest == expected.hexdigest()
    assert (raw.color_mode, raw.bw_mode) == ("RGB", "L")
    assert len({source.read(key).digest for key in source.keys()[:3]}) == 3


def saved_with_paths(folder, paths):
    datasets.Dataset.from_dict({"bw_image": paths, "color_image": paths}).save_to_disk(str(folder))


def test_a_row_may_name_a_file_of_the_dataset_and_no_other(tmp_path, rows, save):
    outside = save(rows[0][1], tmp_path / "outside.png")
    saved_with_paths(tmp_path / "saved", ["inside.png", str(outside), "../outside.png", "link.png"])
    save(rows[1][1], tmp_path / "saved" / "inside.png")
    (tmp_path / "saved" / "link.png").symlink_to(outside)
    source = open_pairs(f"hf:{tmp_path / 'saved'}")
    np.testing.assert_array_equal(source.read(source.keys()[0]).color, rows[1][1])
    for key in source.keys()[1:]:
        with pytest.raises(UnreadableImage, match=f"row {key.page - 1}, .*outside of the dataset"):
            source.read(key)


@pytest.mark.parametrize(
    "pattern", ["../elsewhere/*.parquet", "/srv/*.parquet", "https://example.org/a.parquet", "a/../../b.parquet"]
)
def test_a_card_that_takes_data_from_elsewhere_is_refused(tmp_path, table, pattern):
    folder = tmp_path / "set"
    folder.mkdir()
    table.to_parquet(str(folder / "train.parquet"))
    configs = [{"config_name": "default", "data_files": [{"split": "train", "path": ["train.parquet", pattern]}]}]
    (folder / "README.md").write_text(f"---\nlicense: mit\nconfigs: {json.dumps(configs)}\n---\ntext\n")
    with pytest.raises(DataError, match=r"README\.md takes data from .* out of the dataset"):
        open_pairs(f"hf:{folder}")


def test_a_card_of_gigabytes_is_refused_unread(tmp_path, table):
    table.to_parquet(str(tmp_path / "train.parquet"))
    with (tmp_path / "README.md").open("wb") as card:
        card.truncate(2**31)
    with pytest.raises(DataError, match=r"README\.md is larger than"):
        open_pairs(f"hf:{tmp_path}")


@pytest.mark.parametrize(
    ("card", "said"),
    [
        ("---\nlicense: cc-by-4.0\n---\n", "licence of the dataset: cc-by-4.0"),
        ("---\nlicense: mit\nattribution: A\n---\n", "licence of the dataset: mit; attribution: A"),
        ("---\nlicense: [mit, other]\n---\n", "licence of the dataset: mit, other"),
        ('---\nlicense: "mit\\e[31m"\n---\n', "licence of the dataset: mit?[31m"),
        ("---\npretty_name: pages\n---\n", "no licence tag"),
        ("---\nlicense: {a: b}\n---\n", "no licence tag"),
        ("---\nlicense: [\n---\n", "no licence tag"),
        ("license: mit", "no licence tag"),
        ("", "no licence tag"),
    ],
)
def test_licence_is_what_the_card_says(tmp_path, card, said):
    (tmp_path / "README.md").write_text(card)
    assert said in licence_note(tmp_path)
    assert licence_note(tmp_path / "no-card", "mit") == "licence of the dataset: mit"
