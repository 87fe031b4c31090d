import numpy as np
import pytest
from scipy.signal import convolve2d
from skimage import data
from skimage.morphology import disk

from bench.metrics.colour import lab
from bench.metrics.edges import EdgeReference, edge_map
from bench.metrics.gradients import gmsd
from bench.metrics.lineart import near


def authors_gmsd(first, second):
    """The authors' MATLAB code, line by line: conv2 'same', every second pixel, zero padding, std2."""
    kernel = np.full((2, 2), 0.25)
    across = np.array([[1, 0, -1]] * 3) / 3
    maps = []
    for image in (first, second):
        padded = np.pad(image, ((0, 1), (0, 1)))
        halved = convolve2d(padded, kernel, mode="valid")[::2, ::2]
        maps.append(
            np.sqrt(convolve2d(halved, across, mode="same") ** 2 + convolve2d(halved, across.T, mode="same") ** 2)
        )
    quality = (2 * maps[0] * maps[1] + 170) / (maps[0] ** 2 + maps[1] ** 2 + 170)
    return quality.std(ddof=1)


def test_gmsd_is_the_authors_code():
    rng = np.random.default_rng(0)
    photo = data.astronaut()[:256, :256]
    noisy = np.clip(photo + rng.normal(0, 20, photo.shape), 0, 255).astype(np.uint8)
    luma = (0.299, 0.587, 0.114)
    assert gmsd(noisy, photo) == pytest.approx(authors_gmsd(noisy @ luma, photo @ luma), abs=1e-12)
    assert gmsd(photo, photo) == 0.0


def test_gmsd_of_a_band_against_nothing_in_closed_form():
    # A band of 30 levels, 16 columns of 40 from top to bottom: at half size 20 x 20, both its borders are seen in 2 columns each
    # with a gradient of 30, and of 18 rows alike; the first and the last row see a third less across, and the band's own end.
    band = np.zeros((40, 40, 3), np.uint8)
    band[:, 12:28] = 30
    blank = np.zeros_like(band)

    def seen(gradient):
        return 170 / (gradient**2 + 170)

    end = 30 * np.array([1 / 3, 2 / 3, *[1] * 6, 2 / 3, 1 / 3])
    across = 20 * np.array([1, 1, *[0] * 6, 1, 1])
    quality = np.ones((20, 20))
    quality[1:-1, [5, 6, 13, 14]] = seen(30)
    quality[[0, -1], 5:15] = seen(np.hypot(end, across))
    assert gmsd(band, blank) == pytest.approx(quality.std(ddof=1), abs=1e-9)
    assert gmsd(band, blank) == pytest.approx(gmsd(blank, band), abs=1e-15)


def test_gmsd_sees_blur_and_not_colour(scene):
    from scipy.ndimage import gaussian_filter

    values = [gmsd(gaussian_filter(scene.truth, (sigma, sigma, 0)), scene.truth) for sigma in (0.0, 0.5, 1.0, 2.0, 4.0)]
    assert values == sorted(values)
    assert values[0] == 0.0
    grey = np.repeat(np.rint(scene.truth @ (0.299, 0.587, 0.114)).astype(np.uint8)[..., None], 3, axis=2)
    assert gmsd(grey, scene.truth) < 0.005


def lightness(pixels):
    return lab(pixels)[..., 0]


def edge_f1(output, source):
    return EdgeReference.of(lightness(source)).f1(lightness(output))


def test_edge_f1_of_a_page_with_itself_is_1_and_of_nothing_0(scene):
    blank = np.full_like(scene.truth, 255)
    assert edge_f1(scene.lineart, scene.lineart) == 1.0
    assert edge_f1(blank, scene.lineart) == 0.0
    assert edge_f1(scene.lineart, blank) == 0.0
    assert edge_f1(blank, blank) == 1.0


def test_edge_f1_is_fooled_by_fills_where_line_f1_is_not(scene):
    # What facts are known of Canny on drawings: bare fills keep about half of the score.
    assert 0.4 < edge_f1(scene.fills, scene.truth) < 0.7


def test_matching_by_distance_is_dilation_by_a_disk(scene):
    from scipy.ndimage import binary_dilation

    edges = edge_map(lightness(scene.truth))
    for radius in (1, 2, 3):
        np.testing.assert_array_equal(near(edges, radius), binary_dilation(edges, disk(radius)))


def test_shifts_within_the_tolerance_cost_nothing(scene):
    moved = np.roll(scene.lineart, 2, axis=0)
    assert edge_f1(moved, scene.lineart) > 0.97
    assert edge_f1(np.roll(scene.lineart, 5, axis=0), scene.lineart) < 0.6
