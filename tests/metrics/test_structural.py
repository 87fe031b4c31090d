import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage import data
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from bench.metrics.structural import PSNR_CAP, psnr, ssim


def images(seed, side=24):
    return np.random.default_rng(seed).integers(0, 256, (2, side, side, 3), dtype=np.uint8)


def test_ssim_of_the_camera_pair_is_wangs_and_not_the_default():
    camera = data.camera()
    noise = 20 * np.random.RandomState(5).randn(*camera.shape)
    noisy = np.clip(camera + noise, 0, 255).astype(np.uint8)
    grey = np.repeat(camera[..., None], 3, axis=-1), np.repeat(noisy[..., None], 3, axis=-1)
    assert ssim(*grey) == pytest.approx(0.3579642362, abs=1e-10)


def test_ssim_is_the_mean_of_the_three_channels():
    one, two = images(1)
    settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255}
    channels = [structural_similarity(one[..., c], two[..., c], **settings) for c in range(3)]
    assert ssim(one, two) == pytest.approx(np.mean(channels), abs=1e-12)


@given(st.integers(0, 2**32 - 1))
def test_psnr_is_scikit_images_and_symmetric(seed):
    one, two = images(seed, 8)
    assert psnr(one, two) == pytest.approx(peak_signal_noise_ratio(one, two, data_range=255), rel=1e-12)
    assert psnr(one, two) == psnr(two, one)


def test_psnr_of_one_level_everywhere_is_the_textbook_value():
    grey = np.full((8, 8, 3), 100, np.uint8)
    assert psnr(grey, grey + np.uint8(1)) == pytest.approx(20 * math.log10(255), abs=1e-12)


def test_identical_images_score_the_cap_and_nothing_scores_more():
    image = images(0, 256)[0]
    nearly = image.copy()
    nearly[0, 0, 0] ^= 1
    assert psnr(image, image) == PSNR_CAP == 100
    assert psnr(nearly, image) == PSNR_CAP
    nearly[0, 0, :2] ^= 1
    assert psnr(nearly, image) == PSNR_CAP
    nearly[0, 1] ^= 1
    assert 90 < psnr(nearly, image) < PSNR_CAP
