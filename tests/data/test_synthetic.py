"""The drawn manga as a source of pairs: repeatable bytes, true ink, fixed palettes, colours worth learning."""

import re

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from data.errors import DataError
from data.synthetic import SyntheticSource
from data.synthetic.series import SERIES

SIZE = 96


@pytest.fixture(scope="module")
def source():
    return SyntheticSource(pages=60, size=SIZE)


@pytest.fixture(scope="module")
def drawn(source):
    return [source.draw(index) for index in range(0, 60, 5)]


def test_same_arguments_draw_the_same_bytes(source, drawn):
    again = SyntheticSource(pages=60, size=SIZE).draw(10)
    assert again.color.tobytes() == drawn[2].color.tobytes()
    assert again.bw.tobytes() == drawn[2].bw.tobytes()
    assert again.ink.tobytes() == drawn[2].ink.tobytes()


def test_another_seed_and_another_page_draw_other_pages(source, drawn):
    other = SyntheticSource(pages=60, size=SIZE, seed=1).draw(10)
    assert not np.array_equal(other.color, drawn[2].color)
    assert not np.array_equal(drawn[0].color, drawn[1].color)


def test_a_page_of_an_id_does_not_depend_on_how_many_are_asked_for(source):
    larger = SyntheticSource(pages=600, size=SIZE)
    few, many = source.keys(), larger.keys()
    shared = sorted({key.id for key in few} & {key.id for key in many})
    assert len(shared) == 60
    for page_id in shared[::17]:
        first, second = (next(key for key in keys if key.id == page_id) for keys in (few, many))
        assert np.array_equal(source.read(first).color, larger.read(second).color)


def test_drawing_leaves_the_global_random_state_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002 - the global state is what is checked
    SyntheticSource(pages=6, size=64).draw(0)
    assert np.array_equal(before, np.random.get_state()[1])  # noqa: NPY002


@pytest.mark.parametrize("size", [64, 96, 256])
def test_pages_are_upright_uint8_with_the_asked_short_side(size):
    page = SyntheticSource(pages=6, size=size).draw(3)
    height, width = page.ink.shape
    assert width == size
    assert width / height == pytest.approx(0.70, abs=0.01)
    assert page.color.shape == page.bw.shape == (height, width, 3)
    assert page.color.dtype == page.bw.dtype == np.uint8
    assert page.ink.dtype == np.bool_


def test_read_gives_both_pages_of_the_key(source, drawn):
    pair = source.read(source.keys()[25])
    assert pair.bw is not None
    assert np.array_equal(pair.color, drawn[5].color)
    assert np.array_equal(pair.bw, drawn[5].bw)


def test_the_black_and_white_page_is_grey(drawn):
    for page in drawn:
        assert (page.bw == page.bw[..., :1]).all()


def test_ink_is_dark_in_both_pages_and_covers_a_sensible_share(drawn):
    # A pixel that ink covers at least half is at most half as bright as paper, whatever lies beside the line.
    for page in drawn:
        assert page.color[page.ink].max() <= 128
        assert page.bw[page.ink].max() <= 128
        assert 0.04 < page.ink.mean() < 0.40


def test_fully_covered_pixels_are_the_same_black_in_both_pages():
    page = SyntheticSource(pages=6, size=256).draw(0)
    black = (page.color == 0).all(axis=2)
    assert black.mean() > 0.03
    assert (page.bw[black] == 0).all()
    assert page.ink[black].all()


def test_gutters_are_white_in_both_pages(drawn):
    for page in drawn:
        assert (page.color[0] == 255).all()
        assert (page.bw[0] == 255).all()


def test_palettes_stay_fixed_across_chapters_and_name_only_the_series_characters(source, drawn):
    seen: dict[str, tuple[int, int, int]] = {}
    for index, page in zip(range(0, 60, 5), drawn, strict=True):
        series = next(series for series in SERIES if series.name == source.keys()[index].series)
        names = {character.name for character in series.characters}
        for name, colour in page.palette.items():
            assert name.split()[0] in names
            assert seen.setdefault(name, colour) == colour
    assert len(seen) > 40


def test_palette_colours_are_on_the_page():
    source = SyntheticSource(pages=60, size=256)
    for index in (0, 20, 40):
        page = source.draw(index)
        flat = page.color.reshape(-1, 3)
        for name, colour in page.palette.items():
            if name.endswith(("hair", "skin")):
                assert (flat == colour).all(axis=1).sum() > 20, name


def test_pages_are_colourful_and_paper_stays_modest(drawn):
    for page in drawn:
        lab = rgb2lab(page.color)
        assert np.hypot(lab[..., 1], lab[..., 2]).mean() > 12
        assert (page.color == 255).all(axis=2).mean() < 0.45


def test_copying_the_input_is_a_poor_answer(drawn):
    errors = [deltaE_ciede2000(rgb2lab(page.bw), rgb2lab(page.color)).mean() for page in drawn]
    assert np.mean(errors) > 14
    assert min(errors) > 8


def test_ids_are_unique_safe_and_in_the_order_of_series_chapter_page():
    keys = SyntheticSource(pages=600).keys()
    assert len({key.id for key in keys}) == len(keys) == 600
    assert all(re.fullmatch(r"[a-z]+-c\d\d-p\d\d", key.id) for key in keys)
    order = [series.name for series in SERIES]
    places = [(order.index(key.series), key.chapter, key.page) for key in keys]
    assert places == sorted(places)
    assert all(key.id.startswith(key.chapter) and key.chapter.startswith(key.series) for key in keys)


@pytest.mark.parametrize("pages", [1, 5, 6, 24, 61, 600])
def test_any_number_of_pages_is_spread_over_series_and_chapters(pages):
    keys = SyntheticSource(pages=pages).keys()
    assert len(keys) == pages
    assert len({key.series for key in keys}) == min(pages, 6)
    if pages >= 24:
        assert all(len({key.chapter for key in keys if key.series == series.name}) >= 4 for series in SERIES)


def test_fingerprint_tells_arguments_apart():
    prints = {
        SyntheticSource(pages, size, seed).fingerprint()
        for pages, size, seed in ((6, 64, 0), (7, 64, 0), (6, 65, 0), (6, 64, 1))
    }
    assert len(prints) == 4
    assert SyntheticSource(6, 64, 0).fingerprint() in prints
    assert all(re.fullmatch(r"[0-9a-f]{64}", text) for text in prints)


@pytest.mark.parametrize(("pages", "size", "seed"), [(0, 256, 0), (6, 8, 0), (6, 256, -1)])
def test_impossible_requests_are_refused_in_one_line(pages, size, seed):
    with pytest.raises(DataError, match="pages >= 1, size >= 16 and seed >= 0") as caught:
        SyntheticSource(pages, size, seed)
    assert "\n" not in str(caught.value)
