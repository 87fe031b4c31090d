"""A picture of some pages with what each recipe makes of them, at the size that networks are tested at."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from data.contact_sheet import evenly_spaced, saved
from data.errors import DataError, UnreadableImage
from data.geometry import resize_pair, short_side
from data.pair import PairSource, Pixels, RawPair, shown_name
from data.recipes import Recipe, RecipeSettings, apply_recipe, recipe_settings

_MARGIN = 8
_HEADING = 20
"""Height of the line of headings, px; letters have 14."""
_LETTERS = 14
_MOST_ASPECT = 2
"""Strips are cut to so many widths of the window, and double pages likewise: one page must not make the sheet endless."""


def recipe_sheet(
    source: PairSource, path: Path, recipes: Sequence[Recipe], *, resolution: int, aspect: int = 1, pages: int = 6
) -> None:
    """Write a PNG with a row for each of some pages evenly spaced through the source: the stored B/W page where there is
    one, the colour page, and the input that each recipe makes with its default settings.

    Pages are shown pixel by pixel at the size of testing, since screentone that is resized turns into grey and moiré.

    Args:
        source: any source.
        path: of the PNG.
        recipes: in the order of the columns.
        resolution, aspect: as in `data.geometry`.
        pages: how many, at most.

    Raises:
        DataError: "original" where there is only colour, no page can be read, or the file cannot be written.
    """
    settings = [(recipe, recipe_settings(recipe)) for recipe in recipes]
    rows = []
    for key in (chosen := evenly_spaced(source.keys(), pages)):
        try:
            raw = source.read(key)
            pair = resize_pair(raw, short_side(resolution, "test"), shown_name(source, key), aspect)
        except UnreadableImage:
            continue
        rows.append(_row(_cut(pair), settings))
    if not rows:
        raise DataError(f"{source.spec}: none of the {len(chosen)} pages for the contact sheet can be read")
    headings = [*(["B/W"] if len(rows[0]) > len(settings) + 1 else []), "colour", *recipes]
    saved(_table(headings, rows), path)


def _cut(pair: RawPair) -> RawPair:
    height, width = pair.color.shape[:2]
    most = _MOST_ASPECT * min(height, width)
    bw = None if pair.bw is None else pair.bw[:most, :most]
    return RawPair(bw, pair.color[:most, :most])


def _row(pair: RawPair, settings: Sequence[tuple[Recipe, RecipeSettings]]) -> list[Pixels]:
    made = [apply_recipe(recipe, values, pair.bw, pair.color) for recipe, values in settings]
    return [*([] if pair.bw is None else [pair.bw]), pair.color, *made]


def _table(headings: Sequence[str], rows: Sequence[Sequence[Pixels]]) -> Image.Image:
    width = max(picture.shape[1] for row in rows for picture in row) + _MARGIN
    heights = [row[0].shape[0] + _MARGIN for row in rows]
    size = len(headings) * width + _MARGIN, _HEADING + _MARGIN + sum(heights)
    sheet = Image.new("RGB", size, "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(_LETTERS)
    for column, heading in enumerate(headings):
        draw.text((_MARGIN + column * width, _MARGIN // 2), heading, fill="black", font=font)
    top = _HEADING + _MARGIN
    for row, height in zip(rows, heights, strict=True):
        for column, picture in enumerate(row):
            sheet.paste(Image.fromarray(np.ascontiguousarray(picture)), (_MARGIN + column * width, top))
        top += height
    return sheet
