"""Known answers of LineF1 on a drawn scene; bounds follow those published with the definition, measured on another scene."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage
from skimage.feature import canny
from skimage.morphology import black_tophat, disk

from bench.metrics.colour import lab
from bench.metrics.lineart import LineReference, LineSettings, line_map, near


def lightness(image):
    return lab(image)[..., 0]


@pytest.fixture(scope="module")
def reference(scene):
    """Line art as input: no screentone, so that every line is to be kept."""
    return LineReference.of(lightness(scene.lineart), lightness(scene.truth))


@pytest.fixture(scope="module")
def halftone_reference(scene):
    return LineReference.of(lightness(scene.halftone), lightness(scene.truth))


@pytest.fixture(scope="module")
def own_reference(scene):
    """The truth against itself: no difference but the one that the test makes."""
    return LineReference.of(lightness(scene.truth), lightness(scene.truth))


def score(reference, image):
    return reference.score(lightness(np.ascontiguousarray(image)))


def blurred(image, sigma):
    return np.rint(ndimage.gaussian_filter(image.astype(float), (sigma, sigma, 0))).astype(np.uint8)


def test_truth_and_unmodified_input_score_exactly_1_on_a_page_with_screentone(scene, halftone_reference):
    for image in (scene.truth, scene.halftone):
        result = score(halftone_reference, image)
        assert (result.f1, result.precision, result.recall) == (1.0, 1.0, 1.0)


def test_without_a_truth_the_reference_punishes_removing_screentone(scene):
    result = LineReference.of(lightness(scene.halftone), None).score(lightness(scene.truth))
    assert result.precision > 0.98
    assert 0.5 < result.f1 < 0.65


@pytest.mark.parametrize(
    ("shift", "low", "high"), [((1, 0), 1, 1), ((1, 1), 1, 1), ((2, 0), 0.2, 0.8), ((3, 0), 0.1, 0.5)]
)
def test_shifts_up_to_the_tolerance_are_free_and_larger_ones_are_not(scene, own_reference, shift, low, high):
    assert low <= score(own_reference, np.roll(scene.truth, shift, (0, 1))).f1 <= high


@pytest.mark.parametrize("level", [128, 255])
def test_a_blank_output_scores_0(scene, reference, level):
    result = score(reference, np.full_like(scene.truth, level))
    assert (result.f1, result.precision, result.recall, result.drawn) == (0.0, 0.0, 0.0, 0)


def test_fills_without_ink_are_no_lines_although_canny_says_so(scene, reference):
    assert score(reference, scene.fills).recall < 0.05
    wanted, found = canny(lightness(scene.lineart) / 100, 1.0), canny(lightness(scene.fills) / 100, 1.0)
    assert (wanted & near(found, 2.0)).sum() / wanted.sum() > 0.25


def test_blur_never_helps(scene, reference):
    ladder = [score(reference, blurred(scene.truth, sigma)).f1 for sigma in (0, 0.5, 1, 1.5, 2, 2.5, 3, 4)]
    assert all(later <= earlier for earlier, later in itertools.pairwise(ladder))
    assert ladder[0] == 1
    assert ladder[4] > 0.9
    assert ladder[-1] == 0


def test_lost_ink_costs_recall_alone(scene, reference):
    results = [score(reference, scene.ink(scene.fills, scene.strokes[lost:])) for lost in (0, 4, 8, 12, 17)]
    recalls = [result.recall for result in results]
    assert recalls == sorted(recalls, reverse=True)
    assert recalls[0] == 1
    assert recalls[2] == pytest.approx(0.5, abs=0.05)
    assert recalls[-1] == 0
    assert all(result.precision > 0.98 for result in results[:-1])


def test_invented_lines_cost_precision_alone(scene, reference):
    invented = [scene.stroke((30 + 20 * i, 40), (200 - 10 * i, 230)) for i in range(8)]
    results = [score(reference, scene.ink(scene.truth, invented[:count])) for count in (0, 1, 2, 4, 8)]
    precisions = [result.precision for result in results]
    assert precisions == sorted(precisions, reverse=True)
    assert precisions[0] == 1
    assert 0.6 < precisions[-1] < 0.75
    assert all(result.recall > 0.98 for result in results)


@pytest.mark.parametrize("gamma", [0.5, 0.8, 1.25, 2.0])
def test_gamma_hardly_matters(scene, reference, gamma):
    assert score(reference, np.rint(255 * (scene.truth / 255) ** gamma).astype(np.uint8)).f1 >= 0.997


@pytest.mark.parametrize(("contrast", "low", "high"), [(0.5, 0.99, 1), (0.3, 0.99, 1), (0.2, 0.99, 1), (0.1, 0, 0)])
def test_contrast_matters_only_once_lines_are_hardly_seen(scene, reference, contrast, low, high):
    faint = np.rint(255 - contrast * (255 - scene.truth.astype(float))).astype(np.uint8)
    assert low <= score(reference, faint).f1 <= high


def test_noise_and_other_colours_hardly_matter(scene, reference):
    noise = np.random.default_rng(0).normal(0, 8, scene.truth.shape)
    assert score(reference, np.clip(np.rint(scene.truth + noise), 0, 255).astype(np.uint8)).f1 >= 0.99
    assert score(reference, scene.truth[..., ::-1]).f1 >= 0.99


def test_another_page_scores_the_chance_floor(scene, reference):
    assert score(reference, np.rot90(scene.truth, 1)).f1 < 0.3


@pytest.mark.parametrize("turn", [np.flipud, np.fliplr, np.rot90])
def test_turning_input_truth_and_output_together_changes_nothing(scene, turn):
    turned = [lightness(np.ascontiguousarray(turn(image))) for image in (scene.lineart, scene.truth)]
    assert LineReference.of(*turned).score(turned[1]).f1 == 1
    kept = lightness(np.ascontiguousarray(turn(scene.ink(scene.fills, scene.strokes[8:]))))
    straight = LineReference.of(lightness(scene.lineart), lightness(scene.truth))
    there = straight.score(lightness(scene.ink(scene.fills, scene.strokes[8:]))).f1
    assert LineReference.of(*turned).score(kept).f1 == pytest.approx(there, abs=0.02)


def test_pages_without_lines_have_no_score():
    paper = np.full((64, 64), 100.0)
    result = LineReference.of(paper, paper).score(paper)
    assert math.isnan(result.f1)
    assert math.isnan(result.precision)
    assert math.isnan(result.recall)
    assert result.to_keep == 0


def test_lengths_scale_with_the_page(scene):
    smaller = {name: getattr(scene, name)[::2, ::2] for name in ("truth", "lineart")}
    reference = LineReference.of(lightness(smaller["lineart"]), lightness(smaller["truth"]))
    assert score(reference, smaller["truth"]).f1 == 1
    assert score(reference, np.roll(smaller["truth"], 3, 0)).f1 < 0.5


def test_the_detector_is_the_black_top_hat(scene):
    settings = LineSettings(smoothing=0.0)
    dark = black_tophat(lightness(scene.truth) / 100, disk(3))
    lines = line_map(lightness(scene.truth), settings)
    assert lines.any()
    assert dark[lines].min() >= settings.low


@given(arrays(np.bool_, (12, 14)), st.sampled_from([1, 2, 3]))
def test_matching_is_dilation_by_a_disk_for_whole_tolerances(lines, tolerance):
    assert np.array_equal(near(lines, tolerance), ndimage.binary_dilation(lines, disk(tolerance)))


@given(arrays(np.bool_, (16, 16)), arrays(np.bool_, (16, 16)), arrays(np.bool_, (16, 16)))
def test_scores_stay_in_their_range(keep, allowed, drawn):
    reference = LineReference(keep, allowed, LineSettings())
    result = reference.score_lines(drawn, 1.5)
    if not keep.any():
        assert math.isnan(result.f1)
        return
    low, high = sorted((result.precision, result.recall))
    assert 0 <= low <= high <= 1
    assert low - 1e-12 <= result.f1 <= high + 1e-12
