import json

import numpy as np
import pandas as pd
import pytest

from bench.errors import RequestError
from bench.reporting.reading import read_run
from bench.reporting.scores import score_run


@pytest.fixture(scope="module")
def scores(finished_run):
    return score_run(read_run(finished_run))


def set_column(run, cell, metric, values):
    path = run / "cells" / cell / "images.parquet"
    pd.read_parquet(path).assign(**{metric: values}).to_parquet(path)


def set_value(run, cell, metric, **values):
    path = run / "cells" / cell / "sets.json"
    stored = json.loads(path.read_text())
    stored["scores"] = [score | values if score["metric"] == metric else score for score in stored["scores"]]
    path.write_text(json.dumps(stored))


@pytest.mark.parametrize("metric", ["ssim", "psnr", "ciede2000", "line_f1", "rlpips"])
def test_image_scores_are_means_over_windows_pages_and_seeds(finished_run, scores, metric):
    frames = [pd.read_parquet(finished_run / "cells" / f"pix2pix-seed{seed}" / "images.parquet") for seed in (0, 1)]
    expected = np.mean([frame[metric].to_numpy().reshape(6, 2).mean(axis=1).mean() for frame in frames])
    assert scores.get("pix2pix", metric).value == pytest.approx(expected, rel=1e-12)
    assert scores.get("pix2pix", metric).covers == "seeds and pages"


def test_set_scores_are_means_over_seeds(finished_run, scores):
    stored = [json.loads((finished_run / "cells" / f"cyclegan-seed{s}" / "sets.json").read_text()) for s in (0, 1)]
    expected = np.mean([value["scores"][0]["value"] for value in stored])
    assert scores.get("cyclegan", "rfd").value == pytest.approx(expected, rel=1e-12)
    assert scores.get("cyclegan", "rfd").half_width > 0


def test_the_oracle_is_at_its_optimum(scores):
    optimum = {"ssim": 1, "psnr": 100, "ciede2000": 0, "line_f1": 1, "rlpips": 0, "rfd": 0}
    for metric, value in optimum.items():
        assert scores.get("oracle", metric).value == value
        assert scores.get("oracle", metric).half_width == 0


@pytest.mark.parametrize(("metric", "value"), [("ssim", 1.01), ("ciede2000", -0.1), ("psnr", 101.0)])
def test_a_model_better_than_the_truth_is_refused(own_run, metric, value):
    for seed in (0, 1):
        set_column(own_run, f"pix2pix-seed{seed}", metric, value)
    with pytest.raises(RequestError, match=f"pix2pix has {metric} .* better than the truth itself"):
        score_run(read_run(own_run))


def test_a_model_better_than_the_truth_in_a_set_metric_is_refused(own_run):
    for seed in (0, 1):
        set_value(own_run, f"pix2pix-seed{seed}", "rfd", value=-0.5)
    with pytest.raises(RequestError, match="pix2pix has rfd"):
        score_run(read_run(own_run))


def test_an_oracle_off_its_optimum_is_refused(own_run):
    set_column(own_run, "oracle", "ssim", 0.98)
    with pytest.raises(RequestError, match=r"the oracle has ssim 0\.98, but the truth must get 1"):
        score_run(read_run(own_run))


def test_an_unbiased_estimate_may_fall_below_the_oracles(own_run):
    for seed in (0, 1):
        set_value(own_run, f"pix2pixhd-seed{seed}", "rkid", value=-0.0005)
    assert score_run(read_run(own_run)).get("pix2pixhd", "rkid").value == -0.0005


def test_scores_of_different_identity_share_no_column(own_run):
    set_value(own_run, "pix2pix-seed0", "rfd", metric_id="rfd:another-network")
    with pytest.raises(RequestError, match="rfd was computed in two ways"):
        score_run(read_run(own_run))


def test_reference_rows_are_never_best(own_run):
    """unet-l1 gets better scores than every competitor here, and still is not ranked."""
    for seed in (0, 1):
        set_column(own_run, f"unet-l1-seed{seed}", "ssim", 0.9999)
    scores = score_run(read_run(own_run))
    assert scores.best("ssim") == ("pix2pixhd",)
    named = {model for difference in scores.differences for model in (difference.first, difference.second)}
    assert named == {"pix2pix", "pix2pixhd", "cyclegan"}


def test_equal_models_are_indistinguishable(own_run):
    for model in ("pix2pix", "pix2pixhd", "cyclegan"):
        for seed in (0, 1):
            pages = np.linspace(0.7, 0.8, 12) + 0.01 * seed
            set_column(own_run, f"{model}-seed{seed}", "ssim", pages)
    verdict = score_run(read_run(own_run)).verdicts["ssim"]
    assert verdict.everything
    assert "indistinguishable at n = 2 seeds" in verdict.text


def test_one_competitor_alone_is_not_best(own_run, change_json):
    for model in ("pix2pix", "cyclegan"):
        for seed in (0, 1):
            change_json(
                own_run / "cells" / f"{model}-seed{seed}" / "status.json", state="failed", reason="out of memory"
            )
    scores = score_run(read_run(own_run))
    assert scores.best("ssim") == ()
    assert scores.differences == ()


def test_pages_without_lines_are_left_out_for_all(own_run):
    path = own_run / "cells" / "copy" / "images.parquet"
    values = pd.read_parquet(path)["line_f1"].to_numpy().copy()
    values[:2] = np.nan
    set_column(own_run, "copy", "line_f1", values)
    scores = score_run(read_run(own_run))
    assert scores.excluded == {"line_f1": 1}
    assert scores.get("pix2pix", "line_f1").pages == 5


def test_the_noise_floor_is_the_gap_between_two_seeds(finished_run, scores):
    gaps = []
    for model in ("pix2pix", "pix2pixhd", "cyclegan"):
        frames = [pd.read_parquet(finished_run / "cells" / f"{model}-seed{seed}" / "images.parquet") for seed in (0, 1)]
        gaps.append(frames[0]["psnr"].mean() - frames[1]["psnr"].mean())
    assert scores.noise["psnr"] == pytest.approx(np.sqrt(np.mean(np.square(gaps))), rel=1e-9)
