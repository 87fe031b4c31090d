"""Small files that unpack to more memory, disk or time than a machine has, made for real."""

import bz2
import io
import lzma
import time
import tracemalloc
import zipfile
import zlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from data import DataError, UnreadableImage, open_pairs
from data.archives import list_archive, read_entry
from data.images import MAX_SCANS, decode_image
from data.sources.manifest_rows import MAX_COLUMNS

MIB = 2**20


def encoded(image: Image.Image, form: str = "PNG", **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


PAGE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (9, 6, 3), dtype=np.uint8))


def refused_in_little_memory(action, error, words):
    """The line that `action` is refused with; it may take 32 MiB of Python's memory."""
    tracemalloc.start()
    try:
        with pytest.raises(error, match=words) as raised:
            action()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 32 * MIB, f"{peak / MIB:.0f} MiB"
    assert str(raised.value).isprintable()
    return str(raised.value)


def chunk(name: bytes, content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + name + content + zlib.crc32(name + content).to_bytes(4, "big")


def squeezed(size: int) -> bytes:
    """Zeros, deflated."""
    press = zlib.compressobj(1)
    return b"".join([*(press.compress(bytes(MIB)) for _ in range(size // MIB)), press.flush()])


def test_one_bit_page_of_50000_pixels_a_side_is_refused_before_it_is_decoded():
    row = 1 + 50_000 // 8
    header = chunk(b"IHDR", (50_000).to_bytes(4, "big") * 2 + bytes([1, 0, 0, 0, 0]))
    bomb = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", squeezed(50_000 * row)) + chunk(b"IEND", b"")
    assert len(bomb) < 2 * MIB
    refused_in_little_memory(lambda: decode_image(bomb, "page"), UnreadableImage, "page: .*100,000,000 pixels")


def test_other_formats_with_too_many_pixels_are_refused():
    fax = encoded(Image.new("1", (20_000, 20_000)), "TIFF", compression="group4")
    screen = bytearray(encoded(PAGE.convert("P"), "GIF"))
    screen[6:10] = b"\xff\xff\xff\xff"
    bitmap = bytearray(encoded(PAGE, "BMP"))
    bitmap[18:26] = (20_000).to_bytes(4, "little") * 2
    for bomb in (fax, bytes(screen), bytes(bitmap)):
        assert len(bomb) < MIB
        refused_in_little_memory(lambda bomb=bomb: decode_image(bomb, "page"), UnreadableImage, "100,000,000 pixels")


@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt", b"iCCP"])
@pytest.mark.parametrize("before_pixels", [True, False])
def test_text_and_profile_of_a_png_that_unpack_to_much_are_refused(kind, before_pixels):
    head = {b"zTXt": b"k\0\0", b"iTXt": b"k\0\1\0\0\0", b"iCCP": b"k\0\0"}[kind]
    page = encoded(PAGE)
    at = 33 if before_pixels else len(page) - 12
    bomb = page[:at] + chunk(kind, head + squeezed(128 * MIB)) + page[at:]
    assert len(bomb) < MIB
    refused_in_little_memory(lambda: decode_image(bomb, "page"), UnreadableImage, "page: damaged image")


def test_many_texts_that_unpack_to_much_together_are_refused():
    page, text = encoded(PAGE), chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(MIB)))
    refused_in_little_memory(
        lambda: decode_image(page[:33] + text * 200 + page[33:], "page"), UnreadableImage, "page: damaged image"
    )


def test_jpeg_of_endless_scans_is_refused_at_once():
    page = encoded(PAGE.resize((800, 600)), "JPEG", progressive=True)
    at = page.rindex(b"\xff\xda")
    scan = page[at:-2]
    start = time.perf_counter()
    with pytest.raises(UnreadableImage, match=f"more than {MAX_SCANS} scans"):
        decode_image(page[:-2] + scan * 20_000 + page[-2:], "page")
    assert time.perf_counter() - start < 1.0
    assert decode_image(page, "page").shape == (600, 800, 3)


@pytest.mark.parametrize("kind", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_entries_that_unpack_faster_than_they_can_be_counted_are_refused(tmp_path, kind):
    path = tmp_path / "x.cbz"
    with zipfile.ZipFile(path, "w", kind) as archive:
        archive.writestr("bomb.png", bytes(96 * MIB))
    # The size that the archive claims is a lie, as the sizes of a bomb are.
    path.write_bytes(path.read_bytes().replace((96 * MIB).to_bytes(4, "little"), (10).to_bytes(4, "little")))
    assert path.stat().st_size < MIB
    assert list_archive(path).pages == ()
    assert "compressed in another way" in list_archive(path).unusable[0]
    refused_in_little_memory(lambda: read_entry(path, 0, "page"), UnreadableImage, "compressed in another way")


def test_deflated_entry_that_claims_to_be_small_takes_little_memory(tmp_path):
    path = tmp_path / "x.cbz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.png", bytes(96 * MIB))
    path.write_bytes(path.read_bytes().replace((96 * MIB).to_bytes(4, "little"), (10).to_bytes(4, "little")))
    refused_in_little_memory(lambda: read_entry(path, 0, "page"), UnreadableImage, "damaged")


@pytest.mark.parametrize("kind", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_damage_in_other_compressions_is_one_line(tmp_path, kind):
    path = tmp_path / "x.cbz"
    with zipfile.ZipFile(path, "w", kind) as archive:
        archive.writestr("page.png", np.random.default_rng(0).bytes(4000))
    content = bytearray(path.read_bytes())
    content[500:700] = bytes(200)
    path.write_bytes(content)
    with pytest.raises(UnreadableImage, match="page: "):
        read_entry(path, 0, "page")
    with pytest.raises((OSError, lzma.LZMAError)):
        bz2.decompress(content) if kind == zipfile.ZIP_BZIP2 else lzma.decompress(content)


def test_archives_of_many_entries_and_archives_in_archives(tmp_path):
    many = tmp_path / "many.cbz"
    with zipfile.ZipFile(many, "w") as archive:
        for page in range(10_001):
            archive.writestr(f"{page}.png", b"")
    with pytest.raises(UnreadableImage, match="10,001 entries, more than the limit of 10,000"):
        list_archive(many)
    nested = tmp_path / "nested.cbz"
    with zipfile.ZipFile(nested, "w") as archive:
        archive.write(many, "inner.cbz")
        archive.writestr("inner.zip", b"")
        archive.writestr("page.png", encoded(PAGE))
    listing = list_archive(nested)
    assert [str(name) for _, name in listing.pages] == ["page.png"]
    assert listing.skipped == 2


def refused_table(path, words):
    return refused_in_little_memory(lambda: open_pairs(str(path)), DataError, words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("color," + "," * 30 * MIB + "\nc/0.png\n", "line 1: more than 1,048,576 letters"),
        ("color\n" + "," * 30 * MIB, "line 2: more than 1,048,576 letters"),
        ("color" + ",x" * MAX_COLUMNS + "\n", "1,001 columns, more than the limit of 1,000"),
        (",".join(f"column{at}" for at in range(900)) + "\n", r"no column `color`, it has: column0, .*890 more"),
        ("x" * 60_000 + "\n", "no column `color`"),
    ],
)
def test_tables_of_endless_columns_are_refused(tmp_path, text, words):
    path = tmp_path / "pages.csv"
    path.write_text(text)
    # The file itself is read whole, as bytes and as letters.
    with pytest.raises(DataError, match=words) as raised:
        open_pairs(str(path))
    assert len(str(raised.value)) < 1500


def test_parquet_that_claims_to_unpack_to_gigabytes_is_refused(tmp_path):
    path = tmp_path / "pages.parquet"
    pq.write_table(pa.table({"color": pa.repeat("x" * 1000, 200_000)}), path, compression="zstd", use_dictionary=False)
    assert path.stat().st_size < MIB
    refused_table(path, "column color unpacks to more than 134,217,728 bytes")


def test_parquet_of_many_rows_is_refused_unread(tmp_path):
    path = tmp_path / "pages.parquet"
    rows = pa.DictionaryArray.from_arrays(pa.array(np.zeros(20_000_000, np.int8)), ["c/0.png"])
    pq.write_table(pa.table({"color": rows}), path)
    assert path.stat().st_size < MIB
    refused_table(path, "more than 500,000 rows")
