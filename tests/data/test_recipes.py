import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import DataError
from data.recipes import RECIPES, apply_recipe, recipe_settings


def flat(level: int, side: int = 256) -> np.ndarray:
    return np.full((side, side, 3), level, dtype=np.uint8)


def made(recipe, color, raw_bw=None, **values):
    return apply_recipe(recipe, recipe_settings(recipe, values), raw_bw, color)


def test_gray_is_rec_601_luma():
    color = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]], dtype=np.uint8)
    # 0.299, 0.587 and 0.114 of 255, rounded (ITU-R BT.601)
    assert made("gray", color)[0, :, 0].tolist() == [76, 150, 29, 255]


def test_original_keeps_grey_and_drops_tint(draw):
    grey = np.repeat(np.arange(256, dtype=np.uint8).reshape(16, 16, 1), 3, axis=2)
    np.testing.assert_array_equal(made("original", draw(0, 16, 16), grey), grey)
    tinted = made("original", draw(0, 16, 16), draw(1, 16, 16))
    np.testing.assert_array_equal(tinted[..., 0], tinted[..., 2])


def test_original_without_bw_names_the_mend(draw):
    with pytest.raises(DataError, match="--recipe lines"):
        made("original", draw(0))


@pytest.mark.parametrize("recipe", RECIPES)
def test_recipes_keep_size_and_repeat_exactly(recipe, draw):
    color, raw = draw(3, 80, 57), draw(4, 80, 57)
    first = made(recipe, color, raw)
    assert first.shape == color.shape
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, made(recipe, color.copy(), raw.copy()))
    np.testing.assert_array_equal(first[..., 0], first[..., 1])


@pytest.mark.parametrize("recipe", ["lines", "screentone"])
def test_ink_is_binary(recipe, draw):
    assert set(np.unique(made(recipe, draw(5, 120, 90)))) == {0, 255}


@given(st.integers(0, 255).filter(lambda level: level != 51))  # 51 / 255 is epsilon itself
def test_flat_tone_is_all_paper_or_all_ink(level):
    # The Gaussians of a constant are that constant, so XDoG is (1 + p) L - p L = L, ink below epsilon = 0.2.
    expected = 0 if level / 255 < 0.2 else 255
    assert set(np.unique(made("lines", flat(level, 64)))) == {expected}


def test_a_stroke_becomes_ink_where_it_is():
    color = flat(255, 128)
    color[:, 60:64] = (90, 60, 20)
    lines = made("lines", color)[..., 0]
    assert (lines[:, 61:63] == 0).all()
    assert (lines[:, :57] == 255).all()
    assert (lines[:, 67:] == 255).all()


def test_an_edge_between_light_tones_is_drawn():
    color = flat(240, 128)
    color[:, 64:] = (150, 190, 60)
    lines = made("lines", color)[..., 0]
    assert (lines[:, 60:68] == 0).any(axis=1).all()
    assert (lines[:, :56] == 255).all()
    assert (lines[:, 72:] == 255).all()


def test_dust_goes_and_pinholes_are_filled():
    color = flat(255, 256)
    color[100:102, 100:101] = 0
    assert made("lines", color).min() == 255
    ink = flat(0, 256)
    ink[50, 50] = 255
    assert made("lines", ink, sharpness=0.0, sigma_px=0.5).max() == 0


@given(st.integers(0, 255), st.sampled_from([(256, 4), (512, 8), (64, 4)]))
def test_screentone_coverage_is_that_of_its_tone(level, size):
    side, period = size
    tone = made("screentone", flat(level, side))[..., 0]
    edges, coverages = (0.18, 0.32, 0.5, 0.72), (1.0, 0.375, 0.25, 0.125, 0.0)
    expected = coverages[sum(level / 255 >= edge for edge in edges)]
    assert (tone == 0).mean() == pytest.approx(expected, abs=1e-12)
    np.testing.assert_array_equal(tone[period:], tone[:-period])
    half = period // 2
    if 0 < expected <= 0.25:
        # 45 degrees: shifted by half a period both ways the dots fall on dots.
        np.testing.assert_array_equal(tone[half:, half:], tone[:-half, :-half])


def test_stroke_width_grows_with_the_page():
    widths = []
    for side in (256, 512):
        color = flat(255, side)
        color[:, side // 2 :] = 150
        widths.append((made("lines", color)[..., 0] == 0).sum(axis=1).mean() / side)
    assert widths[1] == pytest.approx(widths[0], rel=0.35)


@pytest.mark.parametrize(
    ("recipe", "values", "words"),
    [
        ("sketch", {}, "original, gray, lines, screentone"),
        ("lines", {"sigma": 1}, "sigma_px"),
        ("lines", {"sigma_px": -1}, "sigma_px"),
        ("screentone", {"tone_luma": (0.5,)}, "one value more"),
        ("screentone", {"tone_luma": (0.5, 0.3, 0.6, 0.7)}, "ascend"),
    ],
)
def test_wrong_settings_are_one_clear_line(recipe, values, words):
    with pytest.raises(DataError, match=words) as raised:
        recipe_settings(recipe, values)
    assert "\n" not in str(raised.value)


def test_settings_of_another_recipe_are_refused(draw):
    with pytest.raises(DataError, match="LinesSettings"):
        apply_recipe("lines", recipe_settings("gray"), None, draw(0))


@given(st.text(min_size=1, max_size=20), st.integers(0, 2**64 - 1))
def test_variants_stay_within_their_spreads_and_repeat(page, seed):
    settings = recipe_settings("screentone", {"variant_seed": seed, "variants": 4})
    first, *others = settings.training_variants(page)
    assert first is settings
    assert others == list(settings.training_variants(page)[1:])
    assert len({other.sigma_px for other in others}) == 3
    for other in others:
        assert 0.75 * settings.sigma_px <= other.sigma_px <= 1.25 * settings.sigma_px
        assert 0.7 * settings.sharpness <= other.sharpness <= 1.3 * settings.sharpness
        assert abs(other.threshold - settings.threshold) <= 0.05
        shifts = np.subtract(other.tone_luma, settings.tone_luma)
        assert np.ptp(shifts) < 1e-12
        assert abs(shifts[0]) <= 0.05
        # They must pass as settings of their own.
        assert recipe_settings("screentone", other.model_dump()) == other


def test_variants_differ_between_pages_and_fill_their_range():
    settings = recipe_settings("lines", {"variants": 2})
    sigmas = np.array([settings.training_variants(f"page {page}")[1].sigma_px for page in range(2000)])
    # Uniform on 0.45 to 0.75: mean 0.6 and standard deviation 0.3 / sqrt(12), with 5 standard errors of room.
    assert sigmas.mean() == pytest.approx(0.6, abs=5 * 0.0866 / 2000**0.5)
    assert sigmas.std() == pytest.approx(0.0866, rel=0.05)


@pytest.mark.parametrize("recipe", ["original", "gray"])
def test_recipes_without_numbers_have_one_version(recipe):
    settings = recipe_settings(recipe)
    assert settings.training_variants("page") == (settings,)


def test_dot_offset_moves_the_dots_and_keeps_the_tone():
    grey = flat(115)
    here, there = made("screentone", grey), made("screentone", grey, dot_offset=(0.25, 0.5))
    np.testing.assert_array_equal(np.roll(here, (1, 2), axis=(0, 1)), there)
    assert (here != there).any()
