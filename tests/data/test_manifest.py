"""Manifests: what they become, and that every wrong row is named with its mend."""

import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data import DataError, open_pairs
from data.pair import shown_name
from data.sources import manifest_rows


@pytest.fixture
def folder(tmp_path, draw, save):
    """Colour pages c/0.png to c/4.png and their B/W pages b/0.png to b/4.png, in a folder with a neighbour outside."""
    root = tmp_path / "set"
    for page in range(5):
        save(draw(page), root / "c" / f"{page}.png")
        save(draw(page).mean(axis=2).astype(np.uint8), root / "b" / f"{page}.png")
    save(draw(9), tmp_path / "outside.png")
    return root


def written(folder, text, name="pages.csv", encoding="utf-8"):
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def refused(path, words):
    with pytest.raises(DataError, match=words) as error:
        open_pairs(str(path))
    said = str(error.value)
    assert "\n" not in said
    assert str(path) in said
    return said


FULL = """color,bw,series,chapter,page,split,artist
c/0.png,b/0.png,Ao,1,10,train,someone
c/1.png,b/1.png,Ao,1,11,Train,
c/2.png,b/2.png,Ao,2,7,val,"x, y"
c/3.png,b/3.png,夜,1,1,dev,
c/4.png,b/4.png,夜,2,0,test,
"""


def test_columns_become_keys(folder, draw):
    source = open_pairs(str(written(folder, FULL)))
    keys = source.keys()
    assert [(key.series, key.chapter, key.page, key.part) for key in keys] == [
        ("Ao", "1", 10, "train"), ("Ao", "1", 11, "train"), ("Ao", "2", 7, "validation"),
        ("夜", "1", 1, "validation"), ("夜", "2", 0, "test"),
    ]  # fmt: skip
    assert [key.id for key in keys] == ["c_0", "c_1", "c_2", "c_3", "c_4"]
    assert source.grouped
    assert (source.title, source.layout) == ("set (pages.csv)", "pairs of the manifest pages.csv")
    assert shown_name(source, keys[2]) == "c/2.png"
    raw = source.read(keys[2])
    np.testing.assert_array_equal(raw.color, draw(2))
    np.testing.assert_array_equal(raw.bw[..., 0], draw(2).mean(axis=2).astype(np.uint8))
    assert (raw.color_mode, raw.bw_mode) == ("RGB", "L")


@pytest.mark.parametrize(
    "text",
    [
        "color\nc/0.png\nc/1.png\n",
        "\ufeffnote, color \r\nx,c/0.png\r\n\r\n,./c/1.png\r\n",
        '"color"\n"c/0.png"\nc//1.png',
    ],
)
def test_color_is_enough(folder, text):
    source = open_pairs(str(written(folder, text)))
    assert [(key.id, key.page, key.part) for key in source.keys()] == [("c_0", 1, None), ("c_1", 2, None)]  # noqa: SIM118
    assert not source.grouped
    assert source.read(source.keys()[0]).bw is None


def test_parquet_says_the_same_as_csv(folder):
    rows = [line.split(",")[:6] for line in FULL.splitlines()[1:]]
    names = FULL.splitlines()[0].split(",")[:6]
    columns = {name: [row[at] for row in rows] for at, name in enumerate(names)}
    table = pa.table(
        columns
        | {
            "page": pa.array([int(page) for page in columns["page"]], pa.int32()),
            "series": pa.array(columns["series"]).dictionary_encode(),
            "embedding": [[0.5]] * 5,
        }
    )
    pq.write_table(table, folder / "pages.parquet")
    from_csv, from_parquet = open_pairs(str(written(folder, FULL))), open_pairs(str(folder / "pages.parquet"))
    assert from_parquet.keys() == from_csv.keys()
    assert from_parquet.read(from_parquet.keys()[0]).digest == from_csv.read(from_csv.keys()[0]).digest


def test_pages_of_a_single_chapter_are_neighbours_by_their_numbers(folder):
    """Blocks of a flat source are cut along this order: rows may be shuffled."""
    rows = ["color,page", *(f"c/{page}.png,{10 * page}" for page in (3, 0, 4, 1, 2))]
    source = open_pairs(str(written(folder, "\n".join(rows))))
    assert [key.page for key in source.keys()] == [0, 10, 20, 30, 40]  # noqa: SIM118
    chapters = ["color,chapter,page", "c/3.png,b,2", "c/0.png,a,1", "c/1.png,b,1"]
    source = open_pairs(str(written(folder, "\n".join(chapters))))
    assert [(key.chapter, key.page) for key in source.keys()] == [("b", 2), ("a", 1), ("b", 1)]  # noqa: SIM118


def test_fingerprint_follows_rows_and_files(folder):
    prints = [
        open_pairs(str(written(folder, text))).fingerprint()
        for text in (FULL, FULL.replace("Ao", "Aka"), FULL.replace("test", "train"), FULL.replace(",b/4", ",b/3"))
    ]
    assert len(set(prints)) == 4
    assert open_pairs(str(written(folder, FULL))).fingerprint() == prints[0]


def test_files_that_share_a_stem_are_two_pages(folder, draw, save):
    save(draw(7), folder / "c" / "0.bmp")
    source = open_pairs(str(written(folder, "color\nc/0.png\nc/0.bmp\n")))
    assert {key.id for key in source.keys()} == {"c_0.png", "c_0.bmp"}  # noqa: SIM118


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("/etc/passwd,b/1.png,,,2,", r"row 2 \(line 3\): color '/etc/passwd' leads out of the manifest's folder; give"),
        ("../outside.png,b/1.png,,,2,", "row 2.*leads out"),
        ("c/../../outside.png,b/1.png,,,2,", "row 2.*leads out"),
        ("C:\\c\\1.png,b/1.png,,,2,", "row 2.*leads out"),
        ("c\\1.png,b/1.png,,,2,", 'row 2.*backslash; write "/"'),
        ("linked.png,b/1.png,,,2,", "row 2.*link out of the manifest's folder; put"),
        ("outer/outside.png,b/1.png,,,2,", "row 2.*link out"),
        ("loop.png,b/1.png,,,2,", "row 2.*does not exist"),
        ("c/1.png,../outside.png,,,2,", r"row 2.*bw '\.\./outside\.png' leads out"),
        ("c/9.png,b/1.png,,,2,", "row 2.*does not exist; mend the path or remove the row"),
        ("c,b/1.png,,,2,", "row 2.*is no file"),
        (",b/1.png,,,2,", "row 2.*color is empty"),
        ("c/1.png,,,,2,", "row 2.*bw is empty, as in 1 of 2 rows"),
        ("c/1.png,b/1.png,,,,", "row 2.*page is empty, as in 1 of 2 rows"),
        ("c/1.png,b/1.png,,,two,", "row 2.*page 'two' is no page number"),
        ("c/1.png,b/1.png,,,-1,", "row 2.*page '-1'"),
        ("c/1.png,b/1.png,,,1.5,", "row 2.*page '1.5'"),
        ("c/1.png,b/1.png,,,9999999999,", "row 2.*page '9999999999'"),
        ("c/1.png,b/1.png,,,2,holdout", "row 2.*split 'holdout' is unknown; give one of train, val, validation, dev, test"),
        ("c/0.png,b/1.png,,,2,", r"row 2.*color 'c/0\.png' is that of row 1 \(line 2\) too"),
        ("c/./0.png,b/1.png,,,2,", r"row 2.*is that of row 1"),
        ("c/1.png,c/1.png,,,2,", "row 2.*bw and color are the same file"),
        ("c/1.png,b/1.png,,,1,", "row 2.*page 1 is that of row 1"),
        ("c/1.png,b/1.png,\x1b[31m,,2,", "row 2.*series holds control characters"),
        ("c/1.png,b/1.png,,2", r"row 2 \(line 3\): 4 cells under 6 columns"),
    ],
)  # fmt: skip
def test_wrong_rows_are_named_with_their_mend(folder, row, words):
    (folder / "linked.png").symlink_to(folder.parent / "outside.png")
    (folder / "outer").symlink_to(folder.parent)
    (folder / "loop.png").symlink_to(folder / "loop.png")
    path = written(folder, f"color,bw,series,chapter,page,split\nc/0.png,b/0.png,,,1,\n{row}\n")
    assert "\x1b" not in refused(path, words)


def test_links_inside_the_folder_are_fine(folder):
    (folder / "again.png").symlink_to(folder / "c" / "1.png")
    assert len(open_pairs(str(written(folder, "color\nagain.png\n"))).keys()) == 1
    refused(written(folder, "color\nc/1.png\nagain.png\n"), "is that of row 1")


def test_further_faults_are_counted(folder):
    refused(written(folder, "color\nc/7.png\nc/8.png\nc/0.png\nc/9.png\n"), r"row 1 .*\(2 more faults in 4 rows\)")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no column `color`, it has: none"),
        ("color\n", "without rows"),
        ("color\n\n , \n", "without rows"),
        ("colour,bw\nc/0.png,b/0.png\n", "no column `color`, it has: colour, bw"),
        ("color;bw\nc/0.png;b/0.png\n", "separated by commas"),
        ("color,color\nc/0.png,c/1.png\n", "2 columns are called color"),
        ('color\n"c/0.png\n', "not CSV"),
        ("color\n" + "x" * 2000, "more than 1,024 letters"),
        ("color\n" + "x" * 200_000, "not CSV"),
    ],
)
def test_what_is_no_manifest_says_so(folder, text, words):
    refused(written(folder, text), words)


def test_other_encodings_are_refused(folder):
    refused(written(folder, "color,series\nc/0.png,Çiğdem\n", encoding="iso8859-9"), "not UTF-8")
    refused(written(folder, FULL, encoding="utf-16"), "not UTF-8|no column")


@pytest.mark.parametrize(
    ("limit", "words"), [("MAX_TABLE_BYTES", "more than the limit"), ("MAX_ROWS", "more than 3 rows")]
)
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_size_is_bounded(folder, monkeypatch, limit, words, ending):
    path = written(folder, "color\nc/0.png\nc/1.png\nc/2.png\nc/3.png\n")
    if ending == "parquet":
        path = folder / "pages.parquet"
        pq.write_table(pa.table({"color": [f"c/{page}.png" for page in range(4)]}), path)
    monkeypatch.setattr(manifest_rows, limit, 3)
    refused(path, words)


def test_parquet_that_unpacks_to_much_is_refused(folder, monkeypatch):
    path = folder / "bomb.parquet"
    pq.write_table(pa.table({"color": ["x" * 1000] * 200_000}), path)
    assert path.stat().st_size < 100_000
    monkeypatch.setattr(manifest_rows, "MAX_TABLE_BYTES", 1_000_000)
    refused(path, "more than 1,000,000 letters")
    # Stored once, named by every row: 4 GB if it were written out.
    once = pa.DictionaryArray.from_arrays(pa.array([0] * 4000, pa.int32()), ["x" * 1_000_000])
    pq.write_table(pa.table({"color": once}), path, dictionary_pagesize_limit=2**24)
    assert path.stat().st_size < 100_000
    refused(path, "a cell of 1,000,000 bytes")


def test_parquet_of_images_is_pointed_to_the_hub_source(folder):
    image = {"bytes": b"png", "path": None}
    for names, words in ((("bw_image", "color_image"), "no column `color`"), (("bw", "color"), "holds struct")):
        path = folder / "train.parquet"
        pq.write_table(pa.table({name: [image] for name in names}), path)
        assert f"hf:{path}" in refused(path, words)
    path.write_bytes(b"PAR1 cut")
    refused(path, "cannot be read as parquet")
    refused(folder / "nowhere.csv", "No such file")


def test_pages_that_cannot_be_decoded_are_pages_still(folder):
    (folder / "c" / "1.png").write_bytes(b"")
    source = open_pairs(str(written(folder, FULL)))
    assert len(source.keys()) == 5
    with pytest.raises(DataError, match=re.escape("c/1.png: the file is empty")):
        source.read(source.keys()[1])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.data())
def test_no_table_raises_anything_else(folder, data):
    cell = st.one_of(st.sampled_from(["c/0.png", "c/1.png", "b/0.png", "1", "train", ""]), st.text(max_size=12))
    header = data.draw(st.lists(st.sampled_from(["color", "bw", "series", "page", "split"]), min_size=1, unique=True))
    rows = data.draw(st.lists(st.lists(cell, min_size=1, max_size=5), max_size=4))
    text = "\n".join(",".join(row) for row in [header, *rows]).encode("utf-8", "replace").decode()
    try:
        source = open_pairs(str(written(folder, text, encoding="utf-8")))
    except DataError as error:
        said = str(error)
        assert said.isprintable()
        return
    assert all(source.read(key).color is not None for key in source.keys())  # noqa: SIM118
