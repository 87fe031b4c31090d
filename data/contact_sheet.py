"""A picture of pages from all over a source, to see at a glance what it holds."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from data.errors import DataError, UnreadableImage
from data.pair import PairKey, PairSource, RawPair


def contact_sheet(source: PairSource, path: Path, *, pages: int = 12, height: int = 240) -> None:
    """Write a PNG of pages evenly spaced through the source, B/W beside colour, `height` px each.

    Raises:
        DataError: none of them can be read, or the file cannot be written.
    """
    tiles = []
    for key in (chosen := evenly_spaced(source.keys(), pages)):
        try:
            tiles.append(_tile(source.read(key), height))
        except UnreadableImage:
            continue
    if not tiles:
        raise DataError(f"{source.spec}: none of the {len(chosen)} pages for the contact sheet can be read")
    saved(_grid(tiles), path)


def evenly_spaced(keys: Sequence[PairKey], count: int) -> list[PairKey]:
    """At most `count` of the keys, from all over the source."""
    chosen = min(count, len(keys))
    return [keys[at * len(keys) // chosen] for at in range(chosen)]


def saved(sheet: Image.Image, path: Path) -> None:
    """Write a PNG; raises DataError where that fails."""
    try:
        sheet.save(path, format="PNG")
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error.strerror or error}); give another file") from error


def _tile(raw: RawPair, height: int) -> Image.Image:
    pictures = []
    for picture in (raw.bw, raw.color):
        if picture is not None:
            image = Image.fromarray(picture)
            # Strips are cut to two heights, so that one page cannot make the sheet endless.
            width = min(2 * height, max(1, round(image.width * height / image.height)))
            pictures.append(image.resize((width, height), Image.Resampling.BICUBIC))
    tile = Image.new("RGB", (sum(image.width for image in pictures), height), "white")
    left = 0
    for image in pictures:
        tile.paste(image, (left, 0))
        left += image.width
    return tile


def _grid(tiles: Sequence[Image.Image], columns: int = 4, margin: int = 8) -> Image.Image:
    width, height = max(tile.width for tile in tiles) + margin, tiles[0].height + margin
    rows = -(-len(tiles) // columns)
    sheet = Image.new("RGB", (min(columns, len(tiles)) * width + margin, rows * height + margin), "white")
    for at, tile in enumerate(tiles):
        sheet.paste(tile, (margin + at % columns * width, margin + at // columns * height))
    return sheet
