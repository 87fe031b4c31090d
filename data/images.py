"""Reads one image safely: whatever the file holds becomes uint8 RGB, or one line that says why not."""

import errno
import hashlib
import io
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from data.errors import DiskError, UnreadableImage
from data.pair import Pixels
from data.printing import reason

MAX_PIXELS = 100_000_000
"""Larger images are refused before decoding: a small file can unpack to more memory than a machine has."""

MAX_BYTES = 512 * 1024 * 1024
"""Larger files are refused before reading."""

MAX_ASPECT = 64
"""Long side over short side; the longest webtoon strips are about 40."""

MAX_SCANS = 100
"""Of a progressive JPEG, which has about ten: each one passes over all pixels, and takes a few bytes where it holds nothing."""

_START_OF_SCAN = b"\xff\xda"
"""ITU-T T.81, table B.1. In compressed pixels a byte of 255 is followed by 0 or by a restart marker."""

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"})
"""File name endings that count as images, compared in lower case."""

# Only these decoders are asked: others in Pillow start external programs or have no use for pages.
_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")

# What is wrong with an image is said once, by us: Pillow's warnings would stand beside that line, or beside none where
# the damage does not matter. Filters are process-wide and not safe to change from decoding threads, hence here.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\..*")


PASSING = frozenset(
    {
        errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.ENOTCONN,
        errno.EACCES, errno.EPERM,
    }
)  # fmt: skip
"""Failures that come and go, or can be mended without touching the file: a page must not be left out of a benchmark for one."""


def read_image(path: Path, name: str) -> Pixels:
    """Decode the file to uint8 HxWx3.

    Args:
        path: the file.
        name: what messages call it.

    Raises:
        UnreadableImage: missing, empty, truncated, too large, or not an image.
    """
    return decode_image(read_bytes(path, name), name)


def read_bytes(path: Path, name: str) -> bytes:
    """The content of the file, at most `MAX_BYTES`.

    Raises:
        UnreadableImage: missing, unreadable or too large.
        DiskError: the disk or the network failed, or the file may not be read, which says nothing of it.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise UnreadableImage(f"{name}: {size:,} bytes, more than the limit of {MAX_BYTES:,}; reduce or remove it")
        return path.read_bytes()
    except OSError as error:
        if error.errno in PASSING:
            raise DiskError(f"{name}: cannot be read now ({error.strerror}); mend it and run again") from error
        raise UnreadableImage(f"{name}: cannot be read ({error.strerror or error}); repair or remove it") from error


def decode_image(content: bytes, name: str) -> Pixels:
    """`decode_with_mode` without the mode."""
    return decode_with_mode(content, name)[0]


def decode_with_mode(content: bytes, name: str) -> tuple[Pixels, str]:
    """Decode the bytes of an image file to uint8 HxWx3, upright, first frame, transparency over white; and the mode that
    they are stored in, in Pillow's words ("RGB", "L", "P", "CMYK", "I;16", …).

    16-bit and 1-bit grey become 8-bit, palettes, CMYK and other colour spaces become RGB as Pillow converts them
    (colour profiles are not applied).

    Raises:
        UnreadableImage: naming `name` and what is wrong.
        DiskError: there is not enough memory now.
    """
    if len(content) > MAX_BYTES:
        raise UnreadableImage(
            f"{name}: {len(content):,} bytes, more than the limit of {MAX_BYTES:,}; reduce or remove it"
        )
    if not content:
        raise UnreadableImage(f"{name}: the file is empty; repair or remove it")
    try:
        # verify() checks what decoding skips (the checksums of a PNG) and leaves the image unusable.
        with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
            _check_size(image, name)
            _check_scans(image, content, name)
            image.verify()
        with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
            image.seek(0)
            mode = image.mode
            return _pixels(ImageOps.exif_transpose(image), name), mode
    except UnidentifiedImageError as error:
        raise UnreadableImage(f"{name}: not a PNG, JPEG, WebP, BMP, GIF or TIFF image; repair or remove it") from error
    except Image.DecompressionBombError as error:
        raise UnreadableImage(f"{name}: more than {MAX_PIXELS:,} pixels; reduce or remove it") from error
    except UnreadableImage:
        raise
    except MemoryError as error:
        # That of the moment: a page must not be left out of a benchmark for it.
        raise DiskError(f"{name}: not enough memory to decode it; end other programs, or reduce it") from error
    # An image is what a stranger wrote; what Pillow's decoders raise on a damaged one is not a closed list.
    except Exception as error:
        raise UnreadableImage(f"{name}: damaged image ({reason(error)}); repair or remove it") from error


def compressed_with_loss(content: bytes) -> bool:
    """Whether the bytes of an image file are compressed with loss, whatever the file is called; False where they are no image."""
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
            if image.format == "TIFF":
                return image.info.get("compression") in ("jpeg", "tiff_jpeg", "webp")
            return image.format == "JPEG" or (image.format == "WEBP" and not _webp_without_loss(content))
    except MemoryError:
        raise
    # As in decoding: not a closed list.
    except Exception:
        return False


def _webp_without_loss(content: bytes) -> bool:
    """Whether the first image chunk of a WebP file is the lossless one; others may stand before it, such as a colour profile."""
    at = len(b"RIFF") + 4 + len(b"WEBP")
    while at + 8 <= len(content):
        kind, size = content[at : at + 4], int.from_bytes(content[at + 4 : at + 8], "little")
        if kind in (b"VP8 ", b"VP8L"):
            return kind == b"VP8L"
        # Frames of an animation hold chunks of their own; others end on an even byte.
        at += 8 + (16 if kind == b"ANMF" else size + size % 2)
    return False


def content_digest(*contents: bytes) -> str:
    """sha256 in hex of a page's stored files, the colour file first, each after its length in 8 bytes (big-endian)."""
    digest = hashlib.sha256()
    for content in contents:
        digest.update(len(content).to_bytes(8, "big"))
        digest.update(content)
    return digest.hexdigest()


def _check_size(image: Image.Image, name: str) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise UnreadableImage(
            f"{name}: {width}x{height} is more than {MAX_PIXELS:,} pixels, the limit; reduce or remove it"
        )
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise UnreadableImage(f"{name}: {width}x{height} is longer than {MAX_ASPECT} times its width; cut or remove it")


def _check_scans(image: Image.Image, content: bytes, name: str) -> None:
    if image.format == "JPEG" and content.count(_START_OF_SCAN) > MAX_SCANS:
        raise UnreadableImage(
            f"{name}: more than {MAX_SCANS} scans, which take hours to decode; save it anew or remove it"
        )


def _pixels(image: Image.Image, name: str) -> Pixels:
    if image.mode == "F":
        raise UnreadableImage(f"{name}: floating-point pixels have no agreed range; save it with 8 or 16 bits")
    if image.mode == "I" or image.mode.startswith("I;16"):
        image = _sixteen_bits(image)
    if image.has_transparency_data:
        upright = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", upright.size, (255, 255, 255, 255)), upright)
    return np.array(image.convert("RGB"), dtype=np.uint8)


def _sixteen_bits(image: Image.Image) -> Image.Image:
    """65,535 is white: divided by 257 and rounded, so that 8-bit values stored in 16 bits come back exactly."""
    values = np.asarray(image).astype(np.int64).clip(0, 65_535)
    return Image.fromarray(((values + 128) // 257).astype(np.uint8))
