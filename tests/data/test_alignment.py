"""Pairs that lie on each other raise no alarm, whatever made the B/W; shifts of 2 % and other drawings do."""

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import uniform_filter

from data.alignment import alignment
from data.recipes import apply_recipe, recipe_settings
from data.synthetic import SyntheticSource


@pytest.fixture(scope="module")
def pages():
    """Drawn pages (B/W with screentone, colour) of all series."""
    source = SyntheticSource(12, 256)
    return [source.read(key) for key in source.keys()]  # noqa: SIM118


def luma_of(color):
    return np.asarray(Image.fromarray(color).convert("L"))


def rgb(grey):
    return np.repeat(grey[:, :, None], 3, axis=2)


def locally_thresholded(color):
    luma = luma_of(color).astype(np.float32)
    return rgb(np.where(luma < uniform_filter(luma, 15) - 8, 0, 255).astype(np.uint8))


MAKERS = {
    "screentone as drawn": None,
    "luma": lambda color: rgb(luma_of(color)),
    "lines": lambda color: apply_recipe("lines", recipe_settings("lines"), None, color),
    "screentone": lambda color: apply_recipe("screentone", recipe_settings("screentone"), None, color),
    "coarse screentone": lambda color: apply_recipe(
        "screentone", recipe_settings("screentone", {"period_px": 8}), None, color
    ),
    "dark threshold": lambda color: rgb(np.where(luma_of(color) > 80, 255, 0).astype(np.uint8)),
    "light threshold": lambda color: rgb(np.where(luma_of(color) > 170, 255, 0).astype(np.uint8)),
    "local threshold": locally_thresholded,
    "inverted": lambda color: 255 - rgb(luma_of(color)),
}


@pytest.fixture(scope="module", params=list(MAKERS))
def pairs(request, pages):
    make = MAKERS[request.param]
    return [(raw.bw if make is None else make(raw.color), raw.color) for raw in pages]


def moved(picture, right, down):
    """The picture moved, its edge repeated where it leaves."""
    padded = np.pad(picture, ((abs(down), abs(down)), (abs(right), abs(right)), (0, 0)), mode="edge")
    height, width = picture.shape[:2]
    return padded[abs(down) - down :, abs(right) - right :][:height, :width]


def test_good_pairs_raise_no_alarm(pairs):
    assert {alignment(bw, color).verdict for bw, color in pairs} == {"aligned"}


@pytest.mark.parametrize("share", [0.005, 0.009])
def test_shifts_below_the_tolerance_raise_no_alarm(pairs, share):
    for bw, color in pairs:
        shift = round(share * color.shape[1]), -round(share * color.shape[0])
        assert alignment(moved(bw, *shift), color).verdict == "aligned"


@pytest.mark.parametrize("share", [(0.02, 0.0), (0.0, -0.02), (-0.1, 0.07)])
def test_shifts_are_found_and_measured(pairs, share):
    for bw, color in pairs:
        height, width = color.shape[:2]
        right, down = round(share[0] * width), round(share[1] * height)
        found = alignment(moved(bw, right, down), color)
        assert found.verdict == "shifted"
        # To a px of the reduced picture.
        assert found.right * width == pytest.approx(-right, abs=2)
        assert found.down * height == pytest.approx(-down, abs=2)


def test_other_drawings_are_found(pairs):
    pairs_of_two = zip(pairs, pairs[2:] + pairs[:2], strict=True)
    verdicts = [alignment(bw, other[: len(bw), : bw.shape[1]]).verdict for (bw, _), (_, other) in pairs_of_two]
    assert verdicts.count("different") >= len(verdicts) - 1


def test_half_of_a_page_at_the_size_of_the_whole_is_another(pages):
    for raw in pages[:6]:
        half = Image.fromarray(raw.bw[: len(raw.bw) // 2]).resize(raw.bw.shape[1::-1])
        assert alignment(np.asarray(half), raw.color).verdict == "different"


def test_sizes_may_differ(pages):
    for raw in pages[:6]:
        small = Image.fromarray(raw.bw).resize((raw.bw.shape[1] // 2, raw.bw.shape[0] // 2))
        assert alignment(np.asarray(small), raw.color).verdict == "aligned"


def test_empty_and_tiny_pictures(pages):
    color = pages[0].color
    blank = np.full_like(color, 255)
    assert alignment(blank, blank).verdict == "unknown"
    assert alignment(blank, color).verdict == "different"
    assert alignment(color[:40], color[:40]).verdict == "unknown"
    assert alignment(color[:1, :1], color[:1, :1]).verdict == "unknown"
