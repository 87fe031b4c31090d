import errno
import hashlib
import io
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from data.errors import DiskError, UnreadableImage
from data.images import MAX_PIXELS, compressed_with_loss, content_digest, decode_image, decode_with_mode, read_image


def encoded(image: Image.Image, form: str = "PNG", **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


PAGE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (9, 6, 3), dtype=np.uint8))


def test_rgb_comes_back_exactly():
    np.testing.assert_array_equal(decode_image(encoded(PAGE), "page"), np.asarray(PAGE))


def test_exif_rotation_is_applied():
    exif = Image.Exif()
    exif[0x0112] = 6  # EXIF 2.3: the 0th row is the visual right-hand side
    stored = encoded(PAGE, exif=exif)
    np.testing.assert_array_equal(decode_image(stored, "page"), np.rot90(np.asarray(PAGE), -1))


def test_transparency_lies_over_white():
    rgba = Image.new("RGBA", (2, 2), (0, 0, 0, 128))
    assert decode_image(encoded(rgba), "page").tolist() == [[[127] * 3] * 2] * 2
    grey = Image.new("LA", (2, 2), (10, 0))
    assert decode_image(encoded(grey), "page").min() == 255


def test_palette_and_its_transparency():
    palette = Image.new("P", (2, 1))
    palette.putpalette([255, 0, 0, 0, 0, 255])
    palette.putdata([0, 1])
    assert decode_image(encoded(palette), "page").tolist() == [[[255, 0, 0], [0, 0, 255]]]
    assert decode_image(encoded(palette, transparency=0), "page").tolist() == [[[255, 255, 255], [0, 0, 255]]]


def test_cmyk_becomes_rgb():
    cmyk = Image.new("CMYK", (1, 1), (0, 255, 255, 0))
    assert decode_image(encoded(cmyk, "TIFF"), "page").tolist() == [[[255, 0, 0]]]


def test_sixteen_bit_grey_keeps_every_eight_bit_level():
    levels = np.arange(256, dtype=np.uint16).reshape(16, 16)
    decoded = decode_image(encoded(Image.fromarray(levels * 257)), "page")
    np.testing.assert_array_equal(decoded, np.repeat(levels[..., None], 3, axis=2))


def test_one_bit_and_grey():
    assert decode_image(encoded(Image.new("1", (3, 2), 1)), "page").tolist() == [[[255] * 3] * 3] * 2
    assert decode_image(encoded(Image.new("L", (1, 1), 77)), "page").tolist() == [[[77] * 3]]


@pytest.mark.parametrize(
    ("image", "form", "mode"),
    [
        (PAGE, "PNG", "RGB"),
        (PAGE, "JPEG", "RGB"),
        (PAGE.convert("L"), "JPEG", "L"),
        (PAGE.convert("P"), "PNG", "P"),
        (PAGE.convert("1"), "PNG", "1"),
        (PAGE.convert("RGBA"), "PNG", "RGBA"),
        (PAGE.convert("CMYK"), "TIFF", "CMYK"),
        (Image.fromarray(np.zeros((9, 6), dtype=np.uint16)), "PNG", "I;16"),
    ],
)
def test_mode_is_the_stored_one_and_pixels_are_always_rgb(image, form, mode):
    pixels, found = decode_with_mode(encoded(image, form), "page")
    assert found == mode
    assert (pixels.shape, pixels.dtype) == ((9, 6, 3), np.uint8)


def test_page_of_one_pixel_is_a_page():
    assert decode_image(encoded(Image.new("RGB", (1, 1), (1, 2, 3))), "page").tolist() == [[[1, 2, 3]]]


def test_digest_tells_where_one_file_ends():
    parts = [(b"ab", b"c"), (b"a", b"bc"), (b"abc",), (b"c", b"ab"), (b"abc", b"")]
    assert len({content_digest(*part) for part in parts}) == len(parts)
    assert content_digest(b"abc") == hashlib.sha256(b"\0\0\0\0\0\0\0\3abc").hexdigest()


def test_first_frame_of_an_animation():
    frames = [Image.new("RGB", (2, 2), colour) for colour in ("red", "blue")]
    stored = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert decode_image(stored, "page")[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_truncated_image_is_named(tmp_path, form):
    stored = encoded(PAGE.resize((90, 60)), form)
    path = tmp_path / f"page.{form.lower()}"
    path.write_bytes(stored[: len(stored) * 2 // 3])
    with pytest.raises(UnreadableImage, match=path.name) as raised:
        read_image(path, path.name)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(("chunk", "place"), [(b"IDAT", 12), (b"IEND", -6)])
def test_flipped_byte_in_a_png_is_found(chunk, place):
    # In the compressed pixels; in the checksum that precedes IEND, which decoding alone would skip.
    stored = bytearray(encoded(PAGE))
    stored[stored.index(chunk) + place] ^= 0xFF
    with pytest.raises(UnreadableImage, match="damaged"):
        decode_image(bytes(stored), "page")


@pytest.mark.parametrize(
    ("content", "reason"), [(b"", "empty"), (b"not an image at all", "not a PNG"), (b"%!PS-Adobe-3.0", "not a PNG")]
)
def test_what_is_no_image_says_so(tmp_path, content, reason):
    path = tmp_path / "page.png"
    path.write_bytes(content)
    with pytest.raises(UnreadableImage, match=reason):
        read_image(path, "page.png")


def test_missing_file_is_named(tmp_path):
    with pytest.raises(UnreadableImage, match=r"nowhere\.png"):
        read_image(tmp_path / "nowhere.png", "nowhere.png")


def test_file_that_may_not_be_read_is_no_page_to_leave_out(tmp_path, monkeypatch):
    """It would be remembered as unreadable when its rights have long been mended."""

    def denied(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", denied)
    (tmp_path / "page.png").touch()
    with pytest.raises(DiskError, match="Permission denied"):
        read_image(tmp_path / "page.png", "page.png")


@pytest.mark.parametrize("profile", [None, b"p" * 333])
@pytest.mark.parametrize("lossless", [True, False])
def test_webp_is_judged_by_its_pixels_chunk(lossless, profile):
    stream = io.BytesIO()
    Image.new("RGB", (9, 7), (10, 200, 30)).save(stream, "WEBP", lossless=lossless, icc_profile=profile)
    assert compressed_with_loss(stream.getvalue()) != lossless


@pytest.mark.parametrize("width", [11_000, 19_000])
def test_decompression_bomb_is_refused_without_a_warning(width):
    bomb = encoded(Image.new("1", (width, 10_000)))
    assert len(bomb) < 100_000
    with warnings.catch_warnings(), pytest.raises(UnreadableImage, match=f"{MAX_PIXELS:,} pixels"):
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
        decode_image(bomb, "page")


def test_page_of_30000_pixels_a_side_is_refused_before_it_is_decoded():
    def chunk(name: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(name + content)
        return len(content).to_bytes(4, "big") + name + content + checksum.to_bytes(4, "big")

    header = chunk(b"IHDR", (30_000).to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0]))
    stored = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    with pytest.raises(UnreadableImage, match=r"page: .*100,000,000 pixels"):
        decode_image(stored, "page")


def test_endless_strip_and_float_pixels_are_refused():
    with pytest.raises(UnreadableImage, match="longer than 64"):
        decode_image(encoded(Image.new("L", (2, 200))), "page")
    with pytest.raises(UnreadableImage, match="floating-point"):
        decode_image(encoded(Image.new("F", (2, 2)), "TIFF"), "page")


@given(st.binary(max_size=200))
def test_arbitrary_bytes_never_escape(content):
    with pytest.raises(UnreadableImage):
        decode_image(content, "page")


@pytest.mark.filterwarnings("ignore::UserWarning")
@given(st.sampled_from(["PNG", "JPEG", "GIF", "BMP", "TIFF"]), st.data())
def test_damaged_files_decode_or_say_so(form, data):
    stored = bytearray(encoded(PAGE, form))
    for _ in range(data.draw(st.integers(1, 4))):
        stored[data.draw(st.integers(0, len(stored) - 1))] = data.draw(st.integers(0, 255))
    try:
        decoded = decode_image(bytes(stored), "page")
    except UnreadableImage:
        return
    assert decoded.dtype == np.uint8
    assert decoded.ndim == 3
    assert decoded.shape[2] == 3
