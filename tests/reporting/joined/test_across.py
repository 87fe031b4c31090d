"""Differences between runs, against the formulas written out here."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bench.reporting.joined.across import compared_pairs, score_joined
from bench.reporting.joined.reading import read_joined


@pytest.fixture(scope="module")
def across(joined):
    return score_joined(joined)


def gap_of(across, model, metric, first, second):
    (gap,) = [
        g for g in across.gaps
        if (g.model, g.difference.metric, g.first, g.second) == (model, metric, first, second)
    ]  # fmt: skip
    return gap


def page_scores(run, model, metric, seeds=(0, 1)):
    """[seeds, pages], windows averaged."""
    frames = [pd.read_parquet(run / "cells" / f"{model}-seed{seed}" / "images.parquet") for seed in seeds]
    return np.stack([frame.groupby("page")[metric].mean().to_numpy() for frame in frames])


def two_way(parts):
    """Half-width of the sum of variances (variance, degrees of freedom), by Satterthwaite."""
    variance = sum(v for v, _ in parts)
    degrees = variance**2 / sum(v**2 / d for v, d in parts)
    return stats.t.ppf(0.975, degrees) * np.sqrt(variance), degrees


def vary(run, edit, metric="ciede2000"):
    """Make every cell of the run move by other amounts, page by page and seed by seed."""
    rng = np.random.default_rng(3)
    for cell in sorted(run.glob("cells/*-seed*")):
        path = cell / "images.parquet"
        frame = pd.read_parquet(path)
        frame.assign(**{metric: frame[metric] + 0.5 + rng.normal(0, 0.3, len(frame))}).to_parquet(path)


def test_equal_seeds_are_paired(pair, edit):
    """Six pages are six blocks of one: the variance between units is that of page means over their number."""
    vary(pair[1], edit)
    gap = gap_of(score_joined(read_joined(pair)), "cyclegan", "ciede2000", 1, 0)
    d = page_scores(pair[1], "cyclegan", "ciede2000") - page_scores(pair[0], "cyclegan", "ciede2000")
    pages, seeds = d.mean(axis=0), d.mean(axis=1)
    half_width, degrees = two_way([(pages.var(ddof=1) / 6, 5), (seeds.var(ddof=1) / 2, 1)])
    assert gap.seeds_paired
    assert gap.difference.value == pytest.approx(d.mean(), rel=1e-9)
    assert gap.difference.half_width == pytest.approx(half_width, rel=1e-9)
    error = half_width / stats.t.ppf(0.975, degrees)
    assert gap.difference.p == pytest.approx(2 * stats.t.sf(abs(d.mean()) / error, degrees), rel=1e-9)
    # Lower is better here: the share of pages and seeds that got better is that of negative differences.
    assert gap.difference.improvement == pytest.approx((d < 0).mean())


def test_other_seeds_are_paired_on_pages_alone(pair, edit):
    vary(pair[1], edit)
    edit.toml(pair[1] / "experiment.toml", "seeds = [0, 1]", "seeds = [4, 7]")
    for seed, new in ((0, 4), (1, 7)):
        for cell in pair[1].glob(f"cells/*-seed{seed}"):
            cell.rename(cell.with_name(cell.name.replace(f"-seed{seed}", f"-seed{new}")))
    gap = gap_of(score_joined(read_joined(pair)), "cyclegan", "ciede2000", 1, 0)
    ours = page_scores(pair[1], "cyclegan", "ciede2000", (4, 7))
    theirs = page_scores(pair[0], "cyclegan", "ciede2000")
    pages = ours.mean(axis=0) - theirs.mean(axis=0)
    seeds = [(each.mean(axis=1).var(ddof=1) / 2, 1) for each in (ours, theirs)]
    assert not gap.seeds_paired
    assert gap.difference.value == pytest.approx(pages.mean(), rel=1e-9)
    assert gap.difference.half_width == pytest.approx(two_way([(pages.var(ddof=1) / 6, 5), *seeds])[0], rel=1e-9)


def test_what_is_common_to_both_runs_cancels(across):
    """PSNR was shifted by a constant: seeds and pages differ a lot, and the difference is certain all the same."""
    for first, second, expected in ((1, 0, -0.4), (2, 0, 1.5), (2, 1, 1.9)):
        gap = gap_of(across, "pix2pix", "psnr", first, second)
        assert gap.difference.value == pytest.approx(expected)
        assert gap.difference.half_width == pytest.approx(0, abs=1e-6)
        assert gap.difference.significant
    assert across.scores[0].get("pix2pix", "psnr").half_width > 0.1


def test_what_did_not_change_is_no_difference(across):
    for metric in ("ssim", "rfd", "rkid"):
        gap = gap_of(across, "pix2pix", metric, 1, 0)
        assert (gap.difference.value, gap.difference.significant) == (0, False)
        assert gap.difference.improvement == 0.5


def test_differences_are_those_of_the_blocks_and_turn_with_the_order(recipe_runs, across):
    """With the order of the runs turned, every difference has the other sign."""
    turned = score_joined(read_joined(recipe_runs[::-1]))
    for model in ("pix2pix", "cyclegan", "unet-l1"):
        gap, back = gap_of(across, model, "psnr", 2, 0), gap_of(turned, model, "psnr", 2, 0)
        blocks = [scores.get(model, "psnr").value for scores in across.scores]
        assert gap.difference.value == pytest.approx(blocks[2] - blocks[0], rel=1e-9)
        assert back.difference.value == pytest.approx(-gap.difference.value, rel=1e-9)


def test_set_scores_are_paired_by_their_replicates(pair, across):
    """The same replicates on both sides: the interval of the difference is nothing, that of each score is not."""
    gap = gap_of(across, "cyclegan", "rfd", 1, 0)
    assert gap.difference.half_width == pytest.approx(0, abs=1e-12)
    assert across.scores[0].get("cyclegan", "rfd").half_width > 0


def test_p_values_are_adjusted_within_a_metric(pair, edit):
    vary(pair[1], edit)
    across = score_joined(read_joined(pair))
    own = [gap.difference for gap in across.gaps if gap.difference.metric == "ciede2000"]
    assert len(own) == 4
    raw = sorted(difference.p for difference in own)
    holm = np.maximum.accumulate([min(1, (len(raw) - rank) * p) for rank, p in enumerate(raw)])
    assert sorted(difference.p_holm for difference in own) == pytest.approx(holm, rel=1e-9)
    assert all(difference.significant == (difference.p_holm < 0.05) for difference in own)


def test_rows_that_no_network_makes_are_not_tested(across):
    assert {gap.model for gap in across.gaps} == {"pix2pix", "pix2pixhd", "cyclegan", "unet-l1"}


def test_a_model_of_one_run_alone_is_shown_and_not_compared(pair, edit):
    for seed in (0, 1):
        edit.json(pair[1] / "cells" / f"cyclegan-seed{seed}" / "status.json", state="failed", reason="out of memory")
    across = score_joined(read_joined(pair))
    assert "cyclegan" not in {gap.model for gap in across.gaps}
    assert across.scores[0].get("cyclegan", "psnr") is not None


def test_a_failed_seed_leaves_the_seeds_unpaired(pair, edit):
    edit.json(pair[1] / "cells" / "cyclegan-seed1" / "status.json", state="failed", reason="out of memory")
    across = score_joined(read_joined(pair))
    assert not gap_of(across, "cyclegan", "psnr", 1, 0).seeds_paired
    assert gap_of(across, "pix2pix", "psnr", 1, 0).seeds_paired


def test_pages_without_a_score_in_one_run_are_left_out_of_the_difference(pair):
    for seed in (0, 1):
        path = pair[1] / "cells" / f"pix2pix-seed{seed}" / "images.parquet"
        frame = pd.read_parquet(path)
        frame.loc[:1, "line_f1"] = np.nan
        frame.to_parquet(path)
    across = score_joined(read_joined(pair))
    assert gap_of(across, "pix2pix", "line_f1", 1, 0).left_out == 1
    assert gap_of(across, "cyclegan", "line_f1", 1, 0).left_out == 0


def test_many_runs_are_compared_with_the_first_alone():
    assert compared_pairs(2) == [(1, 0)]
    assert compared_pairs(3) == [(1, 0), (2, 0), (2, 1)]
    assert len(compared_pairs(4)) == 6
    assert compared_pairs(5) == [(1, 0), (2, 0), (3, 0), (4, 0)]
