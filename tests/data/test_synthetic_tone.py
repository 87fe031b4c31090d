"""Screentone and developing: coverage is what was asked for, patterns repeat, both pages agree in every pixel."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.synthetic.canvas import WHITE, Canvas, Material, MaterialTable, develop
from data.synthetic.geometry import rectangle
from data.synthetic.panels import MARGIN, PAGE_HEIGHT, PAGE_WIDTH, lay_out
from data.synthetic.tone import Screen, Tone, screened


@given(screen=st.sampled_from(Screen), coverage=st.integers(0, 255), side=st.integers(24, 120))
@settings(max_examples=40, deadline=None)
def test_a_tone_blackens_the_share_that_was_asked_for(screen, coverage, side):
    plane = np.full((side, side), screen, dtype=np.uint8)
    toned = screened(plane, np.full_like(plane, coverage), side)
    assert set(np.unique(toned)) <= {0, 255}
    assert (toned == 0).mean() == pytest.approx(coverage / 255, abs=1 / 255 + 2 / side**2)


@pytest.mark.parametrize("screen", list(Screen))
def test_a_tone_repeats_with_its_tile(screen):
    plane = np.full((96, 96), screen, dtype=np.uint8)
    toned = screened(plane, np.full_like(plane, 80), 48)
    assert np.array_equal(toned[:48], toned[48:])
    assert np.array_equal(toned[:, :48], toned[:, 48:])


def test_what_is_painted_later_hides_lines_below_in_both_pages():
    canvas = Canvas(20, 20, 4, MaterialTable())
    canvas.line([(0, 10), (20, 10)])
    canvas.fill(rectangle(-1, -1, 11, 21), Material((200, 40, 40)))
    page = develop(canvas, 4)
    assert not page.ink[:, :9].any()
    assert page.ink[10, 15]
    assert (page.bw[:, :9] == 255).all()
    assert (page.color[5, 5] == (200, 40, 40)).all()


def test_recolouring_spares_lines_and_other_materials():
    red, blue, dark = Material((255, 0, 0)), Material((0, 0, 255)), Material((90, 0, 0))
    canvas = Canvas(20, 20, 4, MaterialTable())
    canvas.fill(rectangle(-1, -1, 10, 21), red)
    canvas.fill(rectangle(10, -1, 21, 21), blue)
    canvas.line([(0, 15), (20, 15)])
    canvas.recolour(rectangle(5, -1, 21, 21), red, dark)
    page = develop(canvas, 4)
    assert [tuple(page.color[3, x]) for x in (2, 7, 15)] == [(255, 0, 0), (90, 0, 0), (0, 0, 255)]
    assert page.ink[15, 2]
    assert page.ink[15, 7]


def test_a_sky_fades_linearly_and_its_tone_thins_out():
    canvas = Canvas(24, 96, 4, MaterialTable())
    sky = canvas.sky((0, 0, 200), (200, 200, 200), Tone(Screen.FINE, 0.8), 0.0, 96)
    canvas.fill(rectangle(-1, -1, 25, 97), sky)
    page = develop(canvas, 4)
    assert page.color[48, 5, 0] == pytest.approx(200 * 48.5 / 96, abs=1)
    assert (page.color[..., 2] == 200).all()
    upper, lower = page.bw[:24].mean() / 255, page.bw[72:].mean() / 255
    assert upper == pytest.approx(0.3, abs=0.02)
    assert lower == pytest.approx(0.9, abs=0.02)


def test_a_page_holds_at_most_256_materials():
    table = MaterialTable()
    for level in range(255):
        table.number(Material((level, 0, 0)))
    assert len(table.materials) == 256
    assert table.number(Material((7, 0, 0))) == table.number(Material((7, 0, 0)))
    with pytest.raises(ValueError, match="256 materials"):
        table.number(WHITE)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_panels_lie_inside_the_margins_and_keep_their_gutters(seed):
    panels = lay_out(np.random.default_rng(seed))
    assert 1 <= len(panels) <= 4
    canvas = Canvas(PAGE_WIDTH, PAGE_HEIGHT, 1, MaterialTable())
    painted = 0
    for index, panel in enumerate(panels):
        left, top, right, bottom = panel.box
        assert min(left, top) >= MARGIN
        assert right <= PAGE_WIDTH - MARGIN
        assert bottom <= PAGE_HEIGHT - MARGIN
        before = np.asarray(canvas.image).copy()
        canvas.fill(panel.corners, Material((index, index, 1)))
        changed = np.asarray(canvas.image) != before
        assert (before[changed] == canvas.table.number(WHITE)).all()
        painted += int(changed.sum())
    assert painted / (PAGE_WIDTH * PAGE_HEIGHT) > 0.82
