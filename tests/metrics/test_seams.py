"""The seam score against closed forms: steps of known height, ramps, noise, and what is on the page itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import RequestError
from bench.metrics.seams import page_seam_score, seam_score

SEAM = 40


def stepped(height, at=SEAM, side=100, base=100):
    """Return a flat picture that is `height` levels lighter from column `at` on."""
    picture = np.full((side, side, 3), base, np.uint8)
    picture[:, at:] += np.uint8(height)
    return picture


@given(height=st.integers(0, 150), at=st.integers(8, 92), reach=st.sampled_from([1, 3, 8]))
def test_step_of_known_height_on_a_flat_picture_scores_one_more_than_its_height(height, at, reach):
    picture = stepped(height, at)
    assert seam_score(picture, [], [at], reach=reach) == pytest.approx(1 + height)
    assert seam_score(picture.swapaxes(0, 1), [at], [], reach=reach) == pytest.approx(1 + height)


def test_score_falls_where_the_step_is_not_at_the_seam():
    assert seam_score(stepped(50), [], [SEAM + 5]) < 1.0


def test_smooth_picture_scores_one():
    ramp = np.broadcast_to(np.arange(100, dtype=np.uint8)[None, :, None] * 2, (100, 100, 3))
    assert seam_score(ramp, [], [30, 60]) == pytest.approx(1.0)
    assert seam_score(ramp, [30, 60], []) == pytest.approx(1.0)


def test_noise_scores_nearly_one():
    noise = np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    assert seam_score(noise, [64, 128], [64, 128]) == pytest.approx(1.0, abs=0.03)


def test_reference_takes_out_what_is_drawn_on_the_page():
    page = np.random.default_rng(0).integers(50, 200, (100, 100, 3), dtype=np.uint8)
    shifted = page.copy()
    shifted[:, SEAM:] += 9
    assert seam_score(shifted, [], [SEAM], reference=page) == pytest.approx(10.0)
    assert seam_score(shifted, [], [SEAM]) < 1.2
    assert seam_score(page, [], [SEAM], reference=page) == 1.0


def test_rows_and_columns_count_alike():
    picture = stepped(20)
    assert seam_score(picture, [50], [SEAM]) == pytest.approx((20 / 2 + 1) / (0 + 1), rel=0.05)


def test_soft_change_of_tone_shows_at_a_larger_reach_alone():
    blended = np.broadcast_to(
        np.interp(np.arange(200), [80, 120], [100, 180]).round().astype(np.uint8)[None, :, None], (50, 200, 3)
    )
    assert seam_score(blended, [], [100], reach=1) < 3
    assert seam_score(blended, [], [100], reach=20) > 2 * seam_score(blended, [], [100], reach=1)


@pytest.mark.parametrize(
    ("rows", "columns", "reference"),
    [([], [], None), ([], [0], None), ([], [100], None), ([500], [], None), ([], [50], np.zeros((3, 3, 3), np.uint8))],
)
def test_what_cannot_be_measured_is_refused_in_one_line(rows, columns, reference):
    with pytest.raises(RequestError) as refused:
        seam_score(stepped(10), rows, columns, reference=reference)
    assert "\n" not in str(refused.value)


@given(height=st.integers(0, 100), ink=st.integers(10, 100))
def test_what_is_drawn_on_a_seam_is_none_and_a_step_beside_it_is(height, ink):
    page = np.full((100, 100), 150, np.uint8)
    page[30:, SEAM:] -= np.uint8(ink)
    picture = np.repeat(page[..., None], 3, axis=2)
    assert page_seam_score(picture, page, [], [SEAM]) == pytest.approx(1)
    assert page_seam_score(picture.swapaxes(0, 1), page.T, [SEAM], []) == pytest.approx(1)
    picture[:, SEAM:] += np.uint8(height)
    assert page_seam_score(picture, page, [], [SEAM]) == pytest.approx(1 + height)


def test_a_page_that_is_flat_nowhere_at_its_seams_cannot_be_judged():
    page = np.full((100, 100), 150, np.uint8)
    page[:, SEAM:] = 0
    assert np.isnan(page_seam_score(np.repeat(page[..., None], 3, axis=2), page, [], [SEAM]))
