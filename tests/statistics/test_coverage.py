"""Do intervals cover what they promise? Simulated scores with known truth, sizes as measured on real ones."""

import numpy as np
import pandas as pd
import pytest

from bench.sampling import image_sample
from bench.statistics import differences

PAGES, SIMULATIONS = 200, 250
PAGE_SD, METHOD_PAGE_SD, RESIDUAL_SD = 0.1, 0.05, 0.04


def blank(seeds, groups):
    """Return the rows of two models' scores without the scores."""
    names = [f"p{page:03d}" for page in range(PAGES)]
    chapters = [f"g{page * groups // PAGES:02d}" for page in range(PAGES)]
    rows = [(m, s, *place) for m in "ab" for s in range(seeds) for place in zip(names, chapters, strict=True)]
    return pd.DataFrame(rows, columns=["model", "seed", "page", "group"])


def samples(drawn, seeds, seed_sd, groups, method_chapter_sd=0.0):
    """Return simulated samples of two models that do not differ in truth, over all chapters that there are."""
    rows, size = blank(seeds, groups), (seeds, PAGES)
    for _ in range(SIMULATIONS):
        difficulty = drawn.normal(0, PAGE_SD, PAGES)
        values = [
            difficulty
            + drawn.normal(0, METHOD_PAGE_SD, PAGES)
            + np.repeat(drawn.normal(0, method_chapter_sd, groups), PAGES // groups)
            + drawn.normal(0, seed_sd, (seeds, 1))
            + drawn.normal(0, RESIDUAL_SD, size)
            for _ in "ab"
        ]
        yield image_sample(rows.assign(ssim=np.concatenate(values).ravel()), "ssim")


def page_bootstrap_covers(sample, drawn):
    gaps = sample.scores["a"].mean(axis=0) - sample.scores["b"].mean(axis=0)
    means = gaps[drawn.integers(0, PAGES, (300, PAGES))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return low <= 0 <= high


@pytest.mark.parametrize(("seed_sd", "groups"), [(0.0, 25), (0.01, 4), (0.01, 25), (0.03, 25)])
def test_the_two_way_interval_covers_with_three_seeds(seed_sd, groups):
    drawn = np.random.default_rng(1)
    simulated = list(samples(drawn, 3, seed_sd, groups))
    results = [differences(sample)[0] for sample in simulated]
    assert np.mean([abs(result.value) <= result.half_width for result in results]) >= 0.92
    if seed_sd == 0.01:
        bootstrap = np.mean([page_bootstrap_covers(sample, drawn) for sample in simulated])
        assert bootstrap < 0.80, "negative control: pages alone are not enough"


def covered(simulated):
    results = [differences(sample)[0] for sample in simulated]
    return np.mean([abs(result.value) <= result.half_width for result in results])


@pytest.mark.parametrize("groups", [5, 8, 20])
def test_it_covers_where_models_differ_from_chapter_to_chapter(groups):
    assert covered(samples(np.random.default_rng(3), 3, 0.01, groups, 0.03)) >= 0.92


def test_four_chapters_do_not_speak_for_others():
    """Why captions say so: blocks of the pages of four chapters cover what these chapters give, not what others would."""
    assert covered(samples(np.random.default_rng(4), 3, 0.0, 4, 0.03)) < 0.85


def test_two_seeds_cover_too():
    results = [differences(sample)[0] for sample in samples(np.random.default_rng(2), 2, 0.03, 25)]
    assert np.mean([abs(result.value) <= result.half_width for result in results]) >= 0.92
