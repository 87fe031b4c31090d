"""Archives that are hostile, damaged, too large, changed, or read by several threads at once."""

import io
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from data import UnreadableImage, archives
from data.archives import PART_BYTES, list_archive, read_entry, short_part


def image_bytes(level: int = 0) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.full((6, 4, 3), level, np.uint8)).save(stream, format="PNG")
    return stream.getvalue()


def packed(path: Path, *entries: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return path


def link(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.external_attr = 0o120777 << 16
    return entry


def test_images_are_listed_and_read(tmp_path):
    path = packed(tmp_path / "x.cbz", ("b/1.PNG", image_bytes(1)), ("notes.txt", b"-"), ("a.png", image_bytes(2)))
    listing = list_archive(path)
    assert [str(name) for _, name in listing.pages] == ["b/1.PNG", "a.png"]
    assert listing.skipped == 1
    assert [read_entry(path, index, "page") for index, _ in listing.pages] == [image_bytes(1), image_bytes(2)]


def test_names_that_begin_with_a_dot_and_a_slash_are_no_hidden_files(tmp_path):
    path = packed(tmp_path / "x.cbz", ("./ch1/1.png", image_bytes(1)), ("./.hidden/2.png", image_bytes(2)))
    listing = list_archive(path)
    assert [str(name) for _, name in listing.pages] == ["ch1/1.png"]


def test_names_that_lead_out_are_named_and_left_out(tmp_path):
    names = ["../up.png", "/abs.png", "a/../../up.png", "..\\up.png", "C:\\up.png"]
    path = packed(tmp_path / "x.cbz", *((name, image_bytes()) for name in names), (link("link.png"), b"/etc/passwd"))
    listing = list_archive(path)
    assert listing.pages == ()
    assert sum("leads out of the archive" in line for line in listing.unusable) == 5
    assert "a link" in listing.unusable[5]


def test_names_are_printable(tmp_path):
    listing = list_archive(packed(tmp_path / "x.cbz", ("bad\x1b[31m:name?.png", b""), ("../\x1b[31m.png", b"")))
    assert str(listing.pages[0][1]) == "bad_[31m_name_.png"
    assert "\x1b" not in listing.unusable[0]


@pytest.mark.parametrize(
    ("limit", "value", "word"),
    [
        ("MAX_ENTRIES", 1, "2 entries"),
        ("MAX_UNPACKED_BYTES", 1000, "unpacks to more"),
        ("MAX_DIRECTORY_BYTES", 50, "table of contents"),
    ],
)
def test_archives_are_bounded(tmp_path, monkeypatch, limit, value, word):
    monkeypatch.setattr(archives, limit, value)
    with pytest.raises(UnreadableImage, match=word):
        list_archive(packed(tmp_path / "x.cbz", ("good.png", image_bytes()), ("bomb.png", bytes(100_000))))


def test_entries_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_BYTES", 5000)
    path = packed(tmp_path / "x.cbz", ("good.png", image_bytes()), ("bomb.png", bytes(100_000)))
    listing = list_archive(path)
    assert [str(name) for _, name in listing.pages] == ["good.png"]
    assert "100,000 bytes" in listing.unusable[0]
    with pytest.raises(UnreadableImage, match="unpacks to more"):
        read_entry(path, 1, "page")


def test_entry_that_claims_to_be_small_is_not_read_further(tmp_path):
    path = packed(tmp_path / "x.cbz", ("bomb.png", bytes(100_000)))
    content = path.read_bytes()
    assert content.count((100_000).to_bytes(4, "little")) == 2
    path.write_bytes(content.replace((100_000).to_bytes(4, "little"), (10).to_bytes(4, "little")))
    with pytest.raises(UnreadableImage, match="page: the ZIP archive is damaged"):
        read_entry(path, 0, "page")


def test_encrypted_archives_are_refused(tmp_path):
    path = packed(tmp_path / "x.cbz", ("a.png", image_bytes()))
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(UnreadableImage, match="encrypted"):
        list_archive(path)
    with pytest.raises(UnreadableImage, match="page: "):
        read_entry(path, 0, "page")


@pytest.mark.parametrize("content", [b"", b"PK but no archive"])
def test_what_is_no_archive_says_so(tmp_path, content):
    path = tmp_path / "x.cbz"
    path.write_bytes(content)
    for read in (lambda: list_archive(path), lambda: read_entry(path, 0, f"{path}: 1.png")):
        with pytest.raises(UnreadableImage, match=r"x\.cbz.*damaged"):
            read()


def test_archive_that_changed_is_read_anew(tmp_path):
    path = packed(tmp_path / "x.cbz", ("a.png", image_bytes(1)), ("b.png", image_bytes(2)))
    assert read_entry(path, 1, "page") == image_bytes(2)
    packed(path, ("a.png", image_bytes(3)))
    assert read_entry(path, 0, "page") == image_bytes(3)
    with pytest.raises(UnreadableImage, match="changed meanwhile"):
        read_entry(path, 1, "page")
    path.unlink()
    with pytest.raises(UnreadableImage, match="No such file"):
        read_entry(path, 0, "page")


def test_threads_share_archives_of_which_few_stay_open(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_OPEN", 2)
    paths = [
        packed(tmp_path / f"{at}.cbz", *((f"{page}.png", image_bytes(10 * at + page)) for page in range(10)))
        for at in range(5)
    ]
    wanted = [(at, page) for _ in range(8) for page in range(10) for at in range(5)]
    with ThreadPoolExecutor(8) as pool:
        read = list(pool.map(lambda of: read_entry(paths[of[0]], of[1], "page"), wanted))
    assert read == [image_bytes(10 * at + page) for at, page in wanted]
    assert len(archives._open_archives._held) <= 2


def test_reading_does_not_parse_the_table_of_contents_again(tmp_path):
    path = packed(tmp_path / "x.zip", *((f"{page}.png", b"-") for page in range(5000)))
    start = time.process_time()
    list_archive(path)
    listing = time.process_time() - start
    read_entry(path, 0, "page")
    start = time.process_time()
    for page in range(200):
        assert read_entry(path, page, "page") == b"-"
    # Parsed each time, 200 pages would take 200 times the listing.
    assert time.process_time() - start < 10 * listing


@given(st.text(min_size=1, max_size=300))
def test_long_names_are_shortened_without_meeting(text):
    short = short_part(text.replace("/", "_"))
    assert len(short.encode("utf-8", "surrogateescape")) <= PART_BYTES
    assert short_part("x" * 300) != short_part("x" * 301)


@given(st.binary(max_size=300), st.integers(0, 10**6))
@settings(deadline=None, max_examples=60)
def test_damaged_archives_give_one_line_and_nothing_else(tmp_path_factory, noise, at):
    path = tmp_path_factory.mktemp("damaged") / "x.cbz"
    content = bytearray(packed(path, ("good.png", image_bytes()), ("b/c.png", image_bytes(1))).read_bytes())
    at %= len(content)
    content[at : at + len(noise)] = noise
    path.write_bytes(content)
    try:
        for index, name in list_archive(path).pages:
            assert not name.is_absolute()
            assert ".." not in name.parts
            read_entry(path, index, str(name))
    except UnreadableImage as error:
        said = str(error)
        assert "\n" not in said
