import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage import data

from bench.metrics.colour import (
    chroma_error,
    ciede2000,
    ciede2000_of_lab,
    colourfulness,
    colourfulness_difference,
    lab,
)

# Sharma, Wu and Dalal 2005, table 1: pairs that catch the usual mistakes in hue and in the rotation term.
SHARMA = [
    ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
    ((50, 3.1571, -77.2803), (50, 0, -82.7485), 2.8615),
    ((50, -1.3802, -84.2814), (50, 0, -82.7485), 1.0000),
    ((50, 2.5, 0), (50, 0, -2.5), 4.3065),
    ((50, 2.5, 0), (73, 25, -18), 27.1492),
    ((50, 2.5, 0), (61, -5, 29), 22.8977),
    ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
]


def plain(*colour, side=8):
    return np.full((side, side, 3), colour, dtype=np.uint8)


@pytest.mark.parametrize(("one", "two", "expected"), SHARMA)
def test_ciede2000_gives_sharmas_pairs(one, two, expected):
    first, second = (np.full((3, 3, 3), colour, dtype=np.float64) for colour in (one, two))
    assert ciede2000_of_lab(first, second) == pytest.approx((expected, expected), abs=1e-4)
    assert ciede2000_of_lab(second, first) == pytest.approx((expected, expected), abs=1e-4)


def test_ciede2000_of_images_is_0_for_equal_and_100_for_black_on_white():
    assert ciede2000(plain(10, 200, 60), plain(10, 200, 60)) == 0
    assert ciede2000(plain(0, 0, 0), plain(255, 255, 255)) == pytest.approx(100, abs=1e-3)


def test_mean_and_median_part_where_a_few_pixels_are_wrong():
    truth, output = plain(200, 120, 90), plain(200, 120, 90)
    output[0] = 0
    mean, median = ciede2000_of_lab(lab(output), lab(truth))
    assert median == 0
    assert mean == pytest.approx(ciede2000(plain(0, 0, 0), plain(200, 120, 90)) / 8)


def test_chroma_error_sees_hue_and_not_light():
    truth = np.full((4, 4, 3), (50.0, 30.0, 40.0))
    assert chroma_error(truth - (20, 0, 0), truth) == 0
    assert chroma_error(truth * (1, 0, 0), truth) == pytest.approx(50)


def test_colourfulness_has_the_closed_form_values():
    assert colourfulness(plain(255, 0, 0)) == pytest.approx(85.5296, abs=1e-4)
    assert colourfulness(plain(77, 77, 77)) == 0


@pytest.mark.parametrize(("name", "expected"), [("astronaut", 72.605), ("coffee", 76.918), ("chelsea", 37.957)])
def test_colourfulness_is_the_original_and_not_the_absolute_variant(name, expected):
    assert colourfulness(getattr(data, name)()) == pytest.approx(expected, abs=1e-3)


@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255))
def test_greying_an_image_costs_exactly_its_colourfulness(red, green, blue):
    truth = plain(red, green, blue)
    truth[::2] = 255 - truth[::2]
    grey = np.repeat(truth[..., :1], 3, axis=-1)
    assert colourfulness_difference(grey, truth) == colourfulness(truth) == colourfulness_difference(truth, grey)
