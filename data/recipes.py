"""How the B/W input of a page comes about. It moves scores as much as a model does, so every table names it.

A recipe is applied to the page at its working size, after the resize and before the crop: screentone that is resized
afterwards aliases into grey and moiré (arXiv 2203.03396), and a stroke must be as wide for the network as its settings
say. Lengths in settings are px of a page whose short side
is 256 px and grow with the short side, so that pages look alike at every resolution. All recipes are deterministic.
"""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self, get_args

import numpy as np
import numpy.typing as npt
import pydantic
from PIL import Image

from data.errors import DataError
from data.ink import halftone, ink_lines
from data.pair import Pixels
from data.printing import one_line
from data.randomness import raw_words

Recipe = Literal["original", "gray", "lines", "screentone"]
RECIPES: tuple[Recipe, ...] = get_args(Recipe)

_MOST_VARIED = 6
"""Random numbers that a version needs at most."""

_Share = Annotated[float, pydantic.Field(ge=0.0, le=1.0)]


class RecipeSettings(pydantic.BaseModel):
    """The base of all recipe settings: frozen, unknown keys refused."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    def training_variants(self, page: str) -> tuple[Self, ...]:
        """The settings of each B/W version of a training page, by its id; the first one is what test pages get.

        A page that always looks the same teaches the recipe's own numbers along with the colours.
        """
        return (self,)


class OriginalSettings(RecipeSettings):
    """The stored B/W page, as grey; nothing to set."""


class GraySettings(RecipeSettings):
    """The luma of the colour page (ITU-R BT.601, Pillow's "L"); nothing to set. It leaks exact luminance."""


class LinesSettings(RecipeSettings):
    """Ink lines: XDoG (Winnemöller, Kyprianidis and Olsen 2012, "XDoG: An eXtended difference-of-Gaussians compendium").

    Always binary: lines that keep greys leak the colour they were taken from (AniDoc 2024 finds that a colouriser then
    restores the truth from an empty reference).
    """

    sigma_px: float = pydantic.Field(default=0.6, gt=0.0, le=8.0)
    """Standard deviation of the finer Gaussian, px at short side 256. Chosen by eye on Pepper&Carrot pages."""
    least_sigma_px: float = pydantic.Field(default=0.5, gt=0.0, le=8.0)
    """The finer Gaussian is never narrower than this, true px: below it a pixel grid holds no difference."""
    scale_ratio: float = pydantic.Field(default=1.6, gt=1.0, le=10.0)
    """Coarser over finer Gaussian, k of the paper: 1.6 approximates the Laplacian (Marr and Hildreth 1980)."""
    sharpness: float = pydantic.Field(default=30.0, ge=0.0, le=500.0)
    """p of the paper: how strongly edges are raised over tone. Chosen by eye."""
    threshold: float = pydantic.Field(default=0.2, ge=0.0, le=1.0)
    """epsilon of the paper, in luma of 0 to 1: darker is ink. Chosen by eye: dark hair and deep shadow are spotted black."""
    smallest_stroke_px2: float = pydantic.Field(default=4.0, ge=0.0, le=1000.0)
    """Ink spots up to this area, px^2 at short side 256, are dust and go."""
    smallest_hole_px2: float = pydantic.Field(default=3.0, ge=0.0, le=1000.0)
    """White spots inside ink up to this area, px^2 at short side 256, are filled."""
    variants: int = pydantic.Field(default=3, ge=1, le=16)
    """B/W versions of each training page; 1 for none but the settings above. Three, as in Golyadkin and Makarov 2020
    (manga-colorization: three synthetic B/W versions of a colour page)."""
    variant_seed: int = pydantic.Field(default=0, ge=0, lt=2**64)
    """Of the versions: they follow from it, the page's id and the version's number alone, the same for every model."""
    sigma_spread: float = pydantic.Field(default=0.25, ge=0.0, lt=1.0)
    """Versions have sigma_px times 1 - spread to 1 + spread: from fine to broad pens. Chosen by eye, as the next two."""
    sharpness_spread: float = pydantic.Field(default=0.3, ge=0.0, lt=1.0)
    """The same for sharpness."""
    threshold_spread: float = pydantic.Field(default=0.05, ge=0.0, le=0.5)
    """Versions have threshold - spread to threshold + spread, luma: more or less spotted black."""

    def training_variants(self, page: str) -> tuple[Self, ...]:
        """The settings as they are, then `variants` - 1 of their neighbours."""
        return (self, *(self._neighbour(page, number) for number in range(1, self.variants)))

    def _neighbour(self, page: str, number: int) -> Self:
        return self.model_copy(update=self._varied(_signed_shares(self.variant_seed, page, number)))

    def _varied(self, shares: Iterator[float]) -> dict[str, Any]:
        """The settings that differ in a version, from random numbers in [-1, 1)."""
        return {
            "sigma_px": self.sigma_px * (1.0 + self.sigma_spread * next(shares)),
            "sharpness": self.sharpness * (1.0 + self.sharpness_spread * next(shares)),
            "threshold": min(1.0, max(0.0, self.threshold + self.threshold_spread * next(shares))),
        }


class ScreentoneSettings(LinesSettings):
    """Ink lines over halftone dots at 45 degrees, in the few fixed densities that screentone sheets are sold in.

    Dots are anchored to the page's corner and drawn on whole pixels, so that a flat tone is exactly periodic. Training
    versions lay them elsewhere.
    """

    threshold: float = pydantic.Field(default=0.1, ge=0.0, le=1.0)
    """As in `LinesSettings`, lower: the darks are given by tone here."""
    period_px: float = pydantic.Field(default=4.0, gt=0.0, le=64.0)
    """Distance of dots along a row, px at short side 256, rounded to an even number of true px; dots of neighbouring
    rows are offset by half. 4 is the finest that shows three densities; prints have finer dots, which 256 px cannot hold."""
    least_period_px: int = pydantic.Field(default=4, ge=2, le=64, multiple_of=2)
    """The period is never shorter than this, true px."""
    tone_blur_px: float = pydantic.Field(default=1.5, ge=0.0, le=32.0)
    """Standard deviation of the blur before tones are chosen, px at short side 256: tones fill areas, not strokes."""
    tone_luma: tuple[_Share, ...] = (0.18, 0.32, 0.5, 0.72)
    """Where one tone ends and the next lighter one begins, luma of 0 to 1, ascending. Chosen by eye."""
    tone_coverage: tuple[_Share, ...] = (1.0, 0.375, 0.25, 0.125, 0.0)
    """Share of ink of each tone from the darkest to the lightest; one more than `tone_luma`."""
    tone_luma_spread: float = pydantic.Field(default=0.05, ge=0.0, le=0.5)
    """Training versions shift all of `tone_luma` by -spread to +spread. Chosen by eye."""
    dot_offset: tuple[_Share, _Share] = (0.0, 0.0)
    """Where the grid of dots begins, down and right, in periods; versions draw their own."""

    def _varied(self, shares: Iterator[float]) -> dict[str, Any]:
        lines = super()._varied(shares)
        shift = self.tone_luma_spread * next(shares)
        return {
            **lines,
            "tone_luma": tuple(min(1.0, max(0.0, luma + shift)) for luma in self.tone_luma),
            "dot_offset": (0.5 * (next(shares) + 1.0), 0.5 * (next(shares) + 1.0)),
        }

    @pydantic.model_validator(mode="after")
    def _tones_fit(self) -> Self:
        if len(self.tone_coverage) != len(self.tone_luma) + 1:
            raise ValueError("tone_coverage needs one value more than tone_luma")
        if list(self.tone_luma) != sorted(set(self.tone_luma)):
            raise ValueError("tone_luma must ascend")
        return self


_SETTINGS: dict[str, type[RecipeSettings]] = {
    "original": OriginalSettings,
    "gray": GraySettings,
    "lines": LinesSettings,
    "screentone": ScreentoneSettings,
}


def recipe_settings(recipe: str, values: Mapping[str, Any] | None = None) -> RecipeSettings:
    """The settings of a recipe: its defaults with `values` in place.

    Raises:
        DataError: unknown recipe, unknown key or value out of range.
    """
    settings_type = _SETTINGS.get(recipe) if isinstance(recipe, str) else None
    if settings_type is None:
        raise DataError(f"unknown recipe {recipe!r:.80}; choose one of {', '.join(RECIPES)}")
    try:
        return settings_type(**(values or {}))
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the settings"
        known = ", ".join(settings_type.model_fields) or "none"
        raise DataError(one_line(f"recipe {recipe}: {where}: {first['msg']}; its settings are: {known}")) from error


def apply_recipe(recipe: Recipe, settings: RecipeSettings, raw_bw: Pixels | None, color: Pixels) -> Pixels:
    """The B/W input uint8 HxWx3 of a page at its working size; its three channels are equal, so it holds no colour.

    Args:
        recipe: one of `RECIPES`.
        settings: of the type that belongs to the recipe, from `recipe_settings`.
        raw_bw: the stored B/W page HxWx3, which only "original" uses.
        color: the colour page HxWx3 of the same size.

    Raises:
        DataError: "original" where only colour is stored.
    """
    grey = apply_recipe_grey(recipe, settings, raw_bw, color)
    return np.repeat(grey[:, :, None], 3, axis=2)


def apply_recipe_grey(recipe: Recipe, settings: RecipeSettings, raw_bw: Pixels | None, color: Pixels) -> Pixels:
    """`apply_recipe` as one channel: uint8 HxW."""
    if type(settings) is not _SETTINGS[recipe]:
        raise DataError(f"recipe {recipe}: got {type(settings).__name__}, needs {_SETTINGS[recipe].__name__}")
    if isinstance(settings, ScreentoneSettings):
        return _screentone(settings, _luma(color))
    if isinstance(settings, LinesSettings):
        return _to_paper(_lines(settings, _luma(color)))
    if recipe == "gray":
        return _grey(color)
    if raw_bw is None:
        raise DataError(
            "recipe original: the source has colour pages only; make the input with --recipe lines (or screentone, gray)"
        )
    return _grey(raw_bw)


def _grey(picture: Pixels) -> Pixels:
    return np.asarray(Image.fromarray(picture).convert("L"), dtype=np.uint8)


def _luma(color: Pixels) -> npt.NDArray[np.float64]:
    """0 to 1."""
    return _grey(color) / 255.0


def _unit(luma: npt.NDArray[np.float64]) -> float:
    """True px in one px of a page with short side 256."""
    return float(min(luma.shape)) / 256.0


def _lines(settings: LinesSettings, luma: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    unit = _unit(luma)
    return ink_lines(
        luma,
        sigma=max(settings.sigma_px * unit, settings.least_sigma_px),
        scale_ratio=settings.scale_ratio,
        sharpness=settings.sharpness,
        threshold=settings.threshold,
        smallest_stroke=round(settings.smallest_stroke_px2 * unit**2),
        smallest_hole=round(settings.smallest_hole_px2 * unit**2),
    )


def _screentone(settings: ScreentoneSettings, luma: npt.NDArray[np.float64]) -> Pixels:
    unit = _unit(luma)
    period = max(settings.least_period_px, 2 * round(settings.period_px * unit / 2))
    down, right = (int(share * period) for share in settings.dot_offset)
    dots = halftone(
        luma,
        period=period,
        offset=(down, right),
        blur=settings.tone_blur_px * unit,
        edges=settings.tone_luma,
        coverages=settings.tone_coverage,
    )
    return _to_paper(_lines(settings, luma) | dots)


def _signed_shares(seed: int, page: str, number: int) -> Iterator[float]:
    """Random numbers in [-1, 1) that belong to one version of one page."""
    name = int.from_bytes(hashlib.sha256(page.encode()).digest()[:8], "big")
    return (float(word) / 2**63 - 1.0 for word in raw_words(seed, name, number, _MOST_VARIED))


def _to_paper(ink: npt.NDArray[np.bool_]) -> Pixels:
    return np.where(ink, 0, 255).astype(np.uint8)
