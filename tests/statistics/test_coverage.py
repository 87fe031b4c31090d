"""Do intervals cover what they promise? Simulated scores with known truth, sizes as measured on real ones."""

import numpy as np
import pandas as pd
import pytest

from bench.sampling import image_sample
from bench.statistics import differences

PAGES, SIMULATIONS = 200, 250
PAGE_SD, METHOD_PAGE_SD, RESIDUAL_SD = 0.1, 0.05, 0.04


def simulate(drawn, seeds, seed_sd, groups):
    """Return the scores of two models that do not differ in truth."""
    difficulty = drawn.normal(0, PAGE_SD, PAGES)
    parts = []
    for model in "ab":
        own = difficulty + drawn.normal(0, METHOD_PAGE_SD, PAGES)
        values = own + drawn.normal(0, seed_sd, (seeds, 1)) + drawn.normal(0, RESIDUAL_SD, (seeds, PAGES))
        parts.append(values)
    pages = np.arange(PAGES)
    return pd.DataFrame(
        {
            "model": np.repeat(["a", "b"], seeds * PAGES),
            "seed": np.tile(np.repeat(np.arange(seeds), PAGES), 2),
            "page": np.tile([f"p{page:03d}" for page in pages], 2 * seeds),
            "group": np.tile([f"g{page * groups // PAGES:02d}" for page in pages], 2 * seeds),
            "ssim": np.concatenate([values.ravel() for values in parts]),
        }
    )


def page_bootstrap_covers(sample, drawn):
    gaps = sample.scores["a"].mean(axis=0) - sample.scores["b"].mean(axis=0)
    means = gaps[drawn.integers(0, PAGES, (300, PAGES))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return low <= 0 <= high


@pytest.mark.parametrize("groups", [4, 25])
@pytest.mark.parametrize("seed_sd", [0.0, 0.01, 0.03])
def test_the_two_way_interval_covers_with_three_seeds(seed_sd, groups):
    drawn = np.random.default_rng(1)
    samples = [image_sample(simulate(drawn, 3, seed_sd, groups), "ssim") for _ in range(SIMULATIONS)]
    results = [differences(sample)[0] for sample in samples]
    assert np.mean([abs(result.value) <= result.half_width for result in results]) >= 0.92
    if seed_sd == 0.01:
        bootstrap = np.mean([page_bootstrap_covers(sample, drawn) for sample in samples])
        assert bootstrap < 0.80, "negative control: pages alone are not enough"


def test_two_seeds_cover_too():
    drawn = np.random.default_rng(2)
    results = [differences(image_sample(simulate(drawn, 2, 0.03, 25), "ssim"))[0] for _ in range(SIMULATIONS)]
    assert np.mean([abs(result.value) <= result.half_width for result in results]) >= 0.92
