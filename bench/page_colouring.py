"""One page through a trained generator: its size and shape in, the same size and shape out, in colour.

A network is at its best on pages of the size it was trained and scored on, with the short side at its resolution R: on
larger ones it no longer sees what the lines enclose, and colours their surroundings alone. So by default the page is
coloured at that working size, and what is finer comes from the page itself (`with_detail`). At the page's own size the
picture is the network's own, pixel by pixel.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from bench.devices import autocast
from bench.errors import RequestError
from bench.metrics.seams import page_seam_score
from bench.prediction import to_pixels, to_tensor
from bench.tiling import PIECE_BYTES, colour_in_tiles, features_a_pixel, page_seams, side_for
from data import Pixels, Recipe, recipe_settings
from data.geometry import resize, target_size
from data.recipes import apply_recipe_grey
from models.translator import Translator

Grey = NDArray[np.uint8]

INPUTS = ("page", "recipe")
DETAILS = ("page", "network")

OWN_SIZE = 0
"""As a short side: the page's own size. As a tile: never in tiles."""

INK_LEVELS = 16.0
"""Levels of 255 added to both sides of the quotient that brings detail back: black has no quotient, and nearly black ones
are noise. Chosen by eye on pages with screentone and solid blacks."""

STRIP_ROWS = 256
"""Rows that are worked on at once in float32, so that a large page takes no memory to speak of."""

COLOUR_SPREAD = 24
"""A pixel whose channels differ by more levels is in colour; JPEG leaves a few in grey scans."""

COLOUR_SHARE = 0.02
"""A page with a larger share of such pixels is a colour page: yellowed paper and coloured stamps are not."""

Heartbeat = Callable[[str], None]


@dataclass(frozen=True)
class Choices:
    """How pages are coloured; the defaults are those of the command line, where each is explained."""

    input: Literal["page", "recipe"] = "page"
    detail: Literal["page", "network"] = "page"
    short_side: int | None = None
    tile: int | None = None
    precision: Literal["fp32", "bf16"] = "fp32"


class PageColourist:
    """A trained generator that colours pages of any size.

    `seam_score` is that of the page coloured last, at the size at which the network saw it (see `page_seam_score`); None where
    it went through the network in one piece.
    """

    def __init__(
        self, translator: Translator, recipe: Recipe, recipe_values: Mapping[str, Any], choices: Choices, device: str
    ) -> None:
        """Take the translator and the recipe it was trained on; nothing is computed yet."""
        self._translator = translator
        self._recipe = recipe
        self._settings = recipe_settings(recipe, recipe_values)
        self._choices = choices
        self._device = device
        self._features_a_pixel: float | None = None
        self.seam_score: float | None = None
        # It is not trained any more, so no pass has to switch its modules over and back.
        translator.generator.eval()

    def colour(self, page: Pixels, heartbeat: Heartbeat) -> Pixels:
        """Return the page uint8 [H, W, 3] in colour. `heartbeat` is called now and then and may raise to stop.

        Raises RequestError where the page needs tiles and the model cannot be used in tiles.
        """
        grey = grey_of(page)
        working = resize(grey, *self.working_size(*grey.shape))
        colour = self._colour_at_working_size(self._network_page(working), heartbeat)
        if working.shape == grey.shape:
            return colour
        if self._choices.detail == "network":
            return resize(colour, *grey.shape)
        return with_detail(colour, working, grey)

    def working_size(self, height: int, width: int) -> tuple[int, int]:
        """Return the height and width at which the network sees a page; never more than the page's own."""
        wanted = self._choices.short_side
        short = self._translator.resolution if wanted is None else wanted
        if short == OWN_SIZE or min(height, width) <= short:
            return height, width
        return target_size(height, width, short)

    def sees_foreign_input(self, page: Pixels) -> bool:
        """Whether a colour page comes as grey to a network that has only seen ink."""
        return self._choices.input == "page" and self._recipe in ("lines", "screentone") and is_colour(page)

    def _network_page(self, working: Grey) -> Grey:
        if self._choices.input == "page" or self._recipe == "original":
            return working
        return apply_recipe_grey(self._recipe, self._settings, None, _as_rgb(working))

    def _colour_at_working_size(self, grey: Grey, heartbeat: Heartbeat) -> Pixels:
        """Return uint8 [h, w, 3] for `grey` [h, w], padded by mirroring to what the network takes and cut back."""
        height, width = grey.shape
        multiple, least = self._translator.size_multiple, self._translator.resolution
        rows, columns = (math.ceil(max(length, least) / multiple) * multiple - length for length in grey.shape)
        top, left = rows // 2, columns // 2
        padded = np.pad(grey, ((top, rows - top), (left, columns - left)), mode="reflect")
        heartbeat("")
        output, rows_and_columns = self._forward(to_tensor(_as_rgb(padded)[None], self._device), heartbeat)
        colour = to_pixels(output)[0]
        del output
        self.seam_score = page_seam_score(colour, padded, *rows_and_columns) if any(rows_and_columns) else None
        return np.ascontiguousarray(colour[top : top + height, left : left + width])

    def _forward(
        self, bw: torch.Tensor, heartbeat: Heartbeat
    ) -> tuple[torch.Tensor, tuple[tuple[int, ...], tuple[int, ...]]]:
        """Return the network's output for `bw`, and y and x of the seams where it was put together from tiles."""
        translator, multiple = self._translator, self._translator.size_multiple
        height, width = bw.shape[-2:]
        with torch.no_grad():
            page = translator.network_input(bw)
        side = self._side(page.shape[1], height, width)
        with autocast(self._device, self._choices.precision):
            if side is None:
                return translator.colorize(bw), ((), ())
            del bw
            self._check_tiles(height, width)
            tiled = colour_in_tiles(translator.generator, page, side, multiple, heartbeat)
        return tiled, page_seams(height, width, side, multiple)

    def _side(self, channels: int, height: int, width: int) -> int | None:
        """Return the side of the tiles in px, None where the page goes through the network in one piece."""
        generator, multiple = self._translator.generator, self._translator.size_multiple
        if self._choices.tile == OWN_SIZE:
            return None
        if self._choices.tile is not None:
            side = math.ceil(self._choices.tile / multiple) * multiple
            return None if max(height, width) <= side else side
        if self._features_a_pixel is None:
            self._features_a_pixel = features_a_pixel(generator, channels, multiple)
        if self._features_a_pixel * height * width <= PIECE_BYTES:
            return None
        return side_for(generator, channels, multiple)

    def _check_tiles(self, height: int, width: int) -> None:
        mend = "give a smaller --short-side, or --tile 0 where there is memory"
        where = f"{self._translator.name}: a page of {width}x{height} px needs tiles"
        if self._translator.inference_dropout_seed() is not None:
            raise RequestError(f"{where}, and its dropout would draw other masks in each; {mend}")
        if type(self._translator).colorize is not Translator.colorize:
            raise RequestError(f"{where}, and the model colours in a way of its own; {mend}")


def grey_of(page: Pixels) -> Grey:
    """Return the luma [H, W] of uint8 [H, W, 3] (ITU-R BT.601, as in the recipes)."""
    return apply_recipe_grey("gray", recipe_settings("gray"), None, page)


def is_colour(page: Pixels) -> bool:
    """Whether uint8 [H, W, 3] shows a colour page; paper with a tint and scans with a little noise do not count."""
    spread = page.max(axis=2) - page.min(axis=2)
    return bool((spread > COLOUR_SPREAD).mean() > COLOUR_SHARE)


def with_detail(colour: Pixels, working: Grey, page: Grey) -> Pixels:
    """Return `colour` [h, w, 3] at the size of `page` [H, W], with the page's own detail.

    colour * page / working, all at the page's size and with INK_LEVELS added: as ink over paint, the page darkens the
    colours exactly where it is darker than the blurred page that the network saw. `working` [h, w] is the page at the
    working size. Where `colour` equals `working`, the result equals the page.
    """
    paint, blurred = resize(colour, *page.shape), resize(working, *page.shape)
    result = np.empty_like(paint)
    for start in range(0, len(page), STRIP_ROWS):
        strip = slice(start, start + STRIP_ROWS)
        ink = (page[strip] + INK_LEVELS) / (blurred[strip] + INK_LEVELS)
        levels = (paint[strip] + INK_LEVELS) * ink[:, :, None] - INK_LEVELS
        result[strip] = levels.round().clip(0, 255)
    return result


def _as_rgb(grey: Grey) -> Pixels:
    return np.repeat(grey[:, :, None], 3, axis=2)
