import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from data.errors import UnreadableImage
from data.geometry import resize, resize_pair, short_side, target_size, window_id, window_origins
from data.pair import RawPair


@pytest.mark.parametrize(("resolution", "side"), [(64, 72), (128, 143), (256, 286), (512, 572)])
def test_training_pages_are_286_for_256(resolution, side):
    assert short_side(resolution, "train") == side
    assert short_side(resolution, "test") == resolution


@given(st.integers(1, 3000), st.integers(1, 3000), st.integers(16, 600))
def test_aspect_is_kept_to_half_a_pixel(height, width, short):
    new_height, new_width = target_size(height, width, short)
    assert min(new_height, new_width) == short
    assert abs(max(new_height, new_width) - max(height, width) * short / min(height, width)) <= 0.5


def test_resize_is_pillows_bicubic(draw):
    page = draw(0, 101, 73)
    expected = np.asarray(Image.fromarray(page).resize((32, 44), Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(resize(page, 44, 32), expected)


def test_shrinking_is_antialiased():
    stripes = np.zeros((64, 64, 3), dtype=np.uint8)
    stripes[:, ::2] = 255
    assert np.abs(resize(stripes, 16, 16)[2:-2, 2:-2].astype(int) - 127).max() <= 1


def test_pair_follows_the_colour_page(draw):
    pair = resize_pair(RawPair(draw(1, 120, 88), draw(2, 60, 44)), 32, "page")
    assert pair.bw.shape == pair.color.shape == (44, 32, 3)


def test_different_shapes_are_no_pair(draw):
    with pytest.raises(UnreadableImage, match=r"page1: .*44x60 and 60x60"):
        resize_pair(RawPair(draw(1, 60, 44), draw(2, 60, 60)), 32, "page1")


@given(st.integers(16, 600), st.integers(0, 2000), st.booleans())
def test_windows_touch_both_ends(side, more, upright):
    height, width = (side + more, side) if upright else (side, side + more)
    origins = window_origins(height, width)
    assert len(origins) == (1 if more == 0 else 2)
    assert origins[0] == (0, 0)
    assert (origins[-1][0] + side, origins[-1][1] + side) == (height, width)


@given(st.integers(1, 3000), st.integers(1, 3000), st.integers(16, 600))
def test_page_just_covers_a_wide_window(height, width, short):
    new_height, new_width = target_size(height, width, short, aspect=2)
    assert new_height >= short
    assert new_width >= 2 * short
    assert new_height == short or new_width == 2 * short
    origins = window_origins(new_height, new_width, aspect=2)
    assert len(origins) == (1 if (new_height, new_width) == (short, 2 * short) else 2)
    assert origins[0] == (0, 0)
    assert (origins[-1][0] + short, origins[-1][1] + 2 * short) == (new_height, new_width)


def test_window_ids():
    assert window_id("series_c1_p1", 1) == "series_c1_p1-1"
