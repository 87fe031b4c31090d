"""Files that people give, damaged or made up: pages or one line, whatever decoder, archive or table reader is asked."""

import io
import os
import random
import zipfile
import zlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from data import DataError, UnreadableImage, open_pairs
from data.archives import list_archive, read_entry
from data.images import compressed_with_loss, decode_image

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "60"))
FUZZED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
PAGE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (9, 6, 3), dtype=np.uint8))


def encoded(image, form, **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def pictures() -> dict[str, bytes]:
    """Of every kind that is read."""
    exif, other = Image.Exif(), PAGE.rotate(180)
    exif[0x0112], exif[0x8769] = 6, {0x9003: "2026"}
    animated = {"save_all": True, "append_images": [other]}
    palette = PAGE.convert("P")
    return {
        "png": encoded(PAGE, "PNG", exif=exif), "palette": encoded(palette, "PNG", transparency=0),
        "one bit": encoded(PAGE.convert("1"), "PNG"), "sixteen": encoded(Image.fromarray(np.zeros((9, 6), np.uint16)), "PNG"),
        "animated png": encoded(PAGE, "PNG", **animated), "jpeg": encoded(PAGE, "JPEG", exif=exif),
        "cmyk": encoded(PAGE.convert("CMYK"), "JPEG"), "progressive": encoded(PAGE, "JPEG", progressive=True),
        "webp": encoded(PAGE, "WEBP", exif=exif), "lossless": encoded(PAGE, "WEBP", lossless=True),
        "bmp": encoded(PAGE, "BMP"), "bmp palette": encoded(palette, "BMP"), "gif": encoded(PAGE, "GIF", **animated),
        "tiff": encoded(PAGE, "TIFF"), "lzw": encoded(PAGE, "TIFF", compression="tiff_lzw"),
        "fax": encoded(PAGE.convert("1"), "TIFF", compression="group4"), "tiff jpeg": encoded(PAGE, "TIFF", compression="jpeg"),
        "pages": encoded(PAGE, "TIFF", **animated),
    }  # fmt: skip


PICTURES = pictures()


def with_right_checksums(png: bytes) -> bytes:
    """Damage behind a right checksum reaches the decoder."""
    changed, at = bytearray(png), 8
    while at + 12 <= len(changed):
        length = int.from_bytes(changed[at : at + 4], "big")
        if at + 12 + length > len(changed):
            break
        checksum = zlib.crc32(bytes(changed[at + 4 : at + 8 + length]))
        changed[at + 8 + length : at + 12 + length] = checksum.to_bytes(4, "big")
        at += 12 + length
    return bytes(changed)


def one_line(error: Exception) -> None:
    said = str(error)
    assert said.isprintable(), repr(said)
    assert len(said) < 2500


@settings(FUZZED, max_examples=5 * EXAMPLES)
@given(kind=st.sampled_from(sorted(PICTURES)), chance=st.randoms(use_true_random=False), mended=st.booleans())
def test_damaged_pictures_are_pixels_or_one_line(mutated_bytes, kind, chance, mended):
    content = mutated_bytes(chance, PICTURES[kind])
    content = with_right_checksums(content) if mended else content
    compressed_with_loss(content)
    try:
        pixels = decode_image(content, "page")
    except DataError as error:
        one_line(error)
        return
    assert (pixels.dtype, pixels.ndim, pixels.shape[2]) == (np.uint8, 3, 3)


NAMES = st.one_of(
    st.text(min_size=1, max_size=12).map(lambda text: f"{text}.png"),
    st.sampled_from(
        [
            "../a.png", "/a.png", "C:a.png", "C:\\a.png", "\\\\host\\a.png", "a/../../b.png", "a.png", "A.PNG", "./a.png",
            "a//b.png", "con.png", ".png", "a\x00b.png", "x" * 300 + ".png", "a/" * 100 + "b.png", "a.png/",
            "\u202egnp.a.png", "é.png", "e\u0301.png",
        ]
    ),
)  # fmt: skip


@FUZZED
@given(names=st.lists(NAMES, min_size=1, max_size=5), chance=st.randoms(use_true_random=False), damaged=st.booleans())
def test_archives_of_any_names_give_places_inside_or_one_line(tmp_path, mutated_bytes, names, chance, damaged):
    path = tmp_path / "x.cbz"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            kind = chance.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
            entry = zipfile.ZipInfo(name.encode("utf-8", "replace").decode())
            entry.external_attr = chance.choice([0o100644, 0o120777, 0o010644, 0]) << 16
            archive.writestr(entry, PICTURES["png"], kind)
    if damaged:
        path.write_bytes(mutated_bytes(chance, path.read_bytes()))
    try:
        listing = list_archive(path)
    except UnreadableImage as error:
        one_line(error)
        return
    assert all(line.isprintable() for line in listing.unusable)
    for index, place in listing.pages:
        assert not place.is_absolute()
        assert ".." not in place.parts
        assert str(place).isprintable()
        assert all(len(part.encode()) <= 255 for part in place.parts)
        try:
            read_entry(path, index, "page")
        except UnreadableImage as error:
            one_line(error)


@pytest.fixture(scope="module")
def manifest_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("set")
    for page in range(3):
        (folder / f"{page}.png").write_bytes(PICTURES["png"])
    return folder


GOOD = {"color": ["0.png", "1.png", "2.png"], "series": ["a", "a", "b"], "chapter": ["1", "2", "3"], "page": [1, 2, 3]}


def opened(path) -> None:
    try:
        source = open_pairs(str(path))
    except DataError as error:
        one_line(error)
        return
    keys = source.keys()
    assert 0 < len(keys) <= 3
    assert all(str(key.series + key.chapter).isprintable() or key.series for key in keys)


@FUZZED
@given(chance=st.randoms(use_true_random=False), form=st.sampled_from(["csv", "parquet"]))
def test_damaged_manifests_are_pages_or_one_line(manifest_folder, mutated_bytes, chance, form):
    stream = io.BytesIO()
    if form == "parquet":
        pq.write_table(pa.table(GOOD), stream)
    else:
        rows = zip(*GOOD.values(), strict=True)
        stream.write("\n".join(",".join(map(str, row)) for row in [GOOD, *rows]).encode())
    path = manifest_folder / f"pages.{form}"
    path.write_bytes(mutated_bytes(chance, stream.getvalue()))
    opened(path)


ODD_CELLS = st.sampled_from(
    [None, "", "0.png", "../x.png", "/etc/passwd", "\x00", "a\x1b[31m", "\u202e", "x" * 2000, 1, -1, 2**63 - 1, 1.5, float("nan"),
     True, b"\xff", [1], {"a": 1}]
)  # fmt: skip


@FUZZED
@given(
    columns=st.dictionaries(
        st.sampled_from(["color", "bw", "series", "chapter", "page", "split", "a\x1b[31m", ""]), ODD_CELLS, min_size=1
    )
)
def test_parquet_of_odd_columns_is_pages_or_one_line(manifest_folder, columns):
    path = manifest_folder / "odd.parquet"
    pq.write_table(pa.table({name: [cell] for name, cell in columns.items()}), path)
    opened(path)


@FUZZED
@given(
    content=st.one_of(
        st.binary(max_size=200), st.text(max_size=60).map(lambda text: ("color," + text).encode("utf-8", "replace"))
    )
)
def test_any_bytes_are_a_table_or_one_line(manifest_folder, content):
    for form in ("csv", "parquet"):
        (manifest_folder / f"any.{form}").write_bytes(content)
        opened(manifest_folder / f"any.{form}")


@pytest.mark.parametrize(
    "content",
    [
        b"color\n0.png\x00\n",
        b"\xef\xbb\xbfcolor\n\x00\n",
        "color\n夜.png\n".encode("latin-1", "replace"),
        b"color\n\xe9.png\n",
    ],
)
def test_tables_with_nothing_bytes_and_other_encodings_are_one_line(manifest_folder, content):
    path = manifest_folder / "odd.csv"
    path.write_bytes(content)
    with pytest.raises(DataError) as raised:
        open_pairs(str(path))
    one_line(raised.value)


def test_chance_is_repeated_from_its_seed(mutated_bytes):
    """What fails once can be looked at again."""
    assert mutated_bytes(random.Random(3), PICTURES["png"]) == mutated_bytes(random.Random(3), PICTURES["png"])
