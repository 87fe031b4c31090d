import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.color import lab2rgb, rgb2lab

from bench.metrics.consistency import Cells, consistency, consistency_jackknife
from data.synthetic import SyntheticSource

RED, BLUE, GREEN, GREY = (220, 60, 60), (60, 90, 220), (60, 180, 80), (128, 128, 128)


def lab(*colours, side=20):
    """Stripes of equal height, in CIELAB."""
    rows = np.repeat(np.array(colours, dtype=np.uint8), side // len(colours), axis=0)
    return rgb2lab(np.repeat(rows[:, None], side, axis=1))


def scored(truths, outputs, pages=None, groups=None):
    pages = pages or [str(page) for page in range(len(truths))]
    cells = Cells.of(truths, pages, groups or ["chapter"] * len(truths))
    chroma = np.concatenate([cells.chroma(window, output) for window, output in enumerate(outputs)])
    return cells, chroma


def score(*arguments, **options):
    return consistency(*scored(*arguments, **options))


TRUTHS = [lab(RED, BLUE), lab(BLUE, RED), lab(RED, BLUE)]


def distance(first, second):
    """Squared distance of two colours in the a*b* plane."""
    return float(((lab(first, first)[0, 0, 1:] - lab(second, second)[0, 0, 1:]) ** 2).sum())


def drawn_pages():
    source = SyntheticSource(48, 64, series=1)
    return [source.read(key).color[:64] for key in list(source.keys())[:8]]


def faded(page, share):
    """The page with a share of its chroma, as stored bytes."""
    colours = rgb2lab(page)
    colours[..., 1:] *= share
    return rgb2lab(np.rint(255 * np.clip(lab2rgb(colours), 0, 1)).astype(np.uint8))


def test_grey_and_faint_pages_do_not_pass_for_consistent_ones():
    """Grey bytes have traces of chroma that follow lightness, which true colours predict: no reason for a high score."""
    truths = drawn_pages()
    pages = [rgb2lab(page) for page in truths]
    luma = [
        rgb2lab(np.repeat(np.rint(page @ (0.299, 0.587, 0.114)).astype(np.uint8)[..., None], 3, axis=2))
        for page in truths
    ]
    sepia = [
        rgb2lab(np.minimum(np.rint(page.mean(axis=2))[..., None] * (1.0, 0.95, 0.85), 255).astype(np.uint8))
        for page in truths
    ]
    assert score(pages, pages) > 0.95
    assert score(pages, luma) < 1e-4
    assert score(pages, sepia) < 0.05
    scores = [score(pages, [faded(page, share) for page in truths]) for share in (1.0, 0.75, 0.5, 0.25, 0.1)]
    assert scores == sorted(scores, reverse=True)
    assert scores[2] < 0.5
    assert scores[-1] < 0.05


def test_truth_is_consistent_and_so_is_any_palette_that_is_kept():
    assert score(TRUTHS, TRUTHS) == pytest.approx(1.0, abs=1e-12)
    swapped = [lab(BLUE, RED), lab(RED, BLUE), lab(BLUE, RED)]
    assert score(TRUTHS, swapped) == pytest.approx(1.0, abs=1e-12)
    # A palette of its own counts fully where its colours lie as far apart as the true ones.
    assert score([lab(RED, GREEN), lab(GREEN, RED)] * 2, [lab(RED, BLUE), lab(BLUE, RED)] * 2) == pytest.approx(
        min(1.0, distance(RED, BLUE) / distance(RED, GREEN)), abs=1e-12
    )


def test_no_colour_and_colours_by_place_score_nothing():
    assert score(TRUTHS, [lab(GREY, GREY)] * 3) == 0.0
    # The upper half red, the lower green, whatever is drawn there: of six means, three a cell, in closed form.
    by_place = [lab(RED, GREEN)] * 3
    red, green = (lab(colour, colour)[0, 0, 1:] for colour in (RED, GREEN))
    first, second = (2 * red + green) / 3, (red + 2 * green) / 3
    middle = (red + green) / 2
    between = 3 * (((first - middle) ** 2).sum() + ((second - middle) ** 2).sum())
    true_between = 2 * 3 * distance(RED, BLUE) / 4
    total = 3 * (((red - middle) ** 2).sum() + ((green - middle) ** 2).sum())
    assert between < true_between
    expected = between / (true_between + total - between)
    assert score(TRUTHS, by_place) == pytest.approx(expected, rel=1e-9)


def test_it_falls_as_one_colour_drifts_from_page_to_page():
    def drifting(step):
        return [lab((220, 60 + step * page, 60), BLUE) for page in range(3)]

    truths = [lab(RED, BLUE)] * 3
    scores = [score(truths, drifting(step)) for step in (0, 10, 30, 60)]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == pytest.approx(1.0)
    assert scores[-1] < 0.95


def test_groups_have_palettes_of_their_own():
    truths = [lab(RED, BLUE)] * 4
    outputs = [lab(RED, BLUE)] * 2 + [lab(BLUE, RED)] * 2
    assert score(truths, outputs, groups=["a", "a", "b", "b"]) == pytest.approx(1.0)
    assert score(truths, outputs, groups=["a"] * 4) == pytest.approx(0.0, abs=1e-12)


def test_windows_of_one_page_are_one_page():
    truths = [lab(RED, BLUE)] * 2
    assert np.isnan(score(truths, truths, pages=["p", "p"]))
    assert not np.isnan(score(truths, truths, pages=["p", "q"]))
    # Two windows of a page that disagree are averaged before pages are compared.
    outputs = [lab(RED, BLUE), lab(GREEN, BLUE), lab(RED, BLUE), lab(GREEN, BLUE)]
    assert score([lab(RED, BLUE)] * 4, outputs, pages=["p", "p", "q", "q"]) == pytest.approx(1.0)


def test_colours_on_one_page_and_grey_ones_do_not_count():
    truths = [lab(RED, GREY), lab(RED, GREEN)]
    assert np.isnan(score(truths, truths))


@given(st.lists(st.sampled_from([RED, BLUE, GREEN, GREY]), min_size=12, max_size=12), st.randoms())
def test_it_is_a_share_and_order_does_not_matter(colours, random):
    outputs = [lab(*colours[2 * page : 2 * page + 2]) for page in range(6)]
    truths = (TRUTHS * 2)[:6]
    groups = ["a", "a", "a", "b", "b", "b"]
    value = score(truths, outputs, groups=groups)
    assert 0.0 <= value <= 1.0
    order = list(range(6))
    random.shuffle(order)
    pages = [str(page) for page in order]
    shuffled = score(
        [truths[at] for at in order], [outputs[at] for at in order], pages=pages, groups=[groups[at] for at in order]
    )
    assert shuffled == pytest.approx(value, abs=1e-9)


def test_jackknife_leaves_units_out():
    truths = [lab(RED, BLUE)] * 8
    outputs = [lab((220, 40 + 15 * page, 60), BLUE) for page in range(8)]
    cells, chroma = scored(truths, outputs)
    labels = np.repeat(np.arange(4), 2)
    result = consistency_jackknife(cells, chroma, labels)
    assert result.value == consistency(cells, chroma)
    assert result.sizes.tolist() == [2] * 4
    for unit in range(4):
        kept = [page for page in range(8) if page // 2 != unit]
        assert result.replicates[unit] == pytest.approx(score([truths[p] for p in kept], [outputs[p] for p in kept]))
