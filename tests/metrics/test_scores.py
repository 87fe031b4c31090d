import json

import numpy as np
import pandas as pd
import pytest
import torch

from bench.errors import RequestError
from bench.metrics import colour, edges, gradients, structural
from bench.metrics.choice import choose_metrics
from bench.metrics.frechet import frechet_distance, frechet_jackknife
from bench.metrics.image_scores import ImageScorer
from bench.metrics.kernel import kernel_distance
from bench.metrics.manifold import precision_recall
from bench.metrics.perceptual import open_perceptual
from bench.metrics.set_scores import FeatureReader, SetScorer
from bench.metrics.weights import KNOWN, WeightStore
from bench.metrics.windows import as_tensor

PAGES = [f"p{index // 2}" for index in range(12)]
GROUPS = [f"g{index // 4}" for index in range(12)]


@pytest.fixture(scope="module")
def choice(tmp_path_factory):
    return choose_metrics(store=WeightStore(KNOWN, [tmp_path_factory.mktemp("no-weights")]))


@pytest.fixture(scope="module")
def outputs(pages):
    source, truth = pages
    return ((source.astype(int) + truth) // 2).astype(np.uint8)


@pytest.fixture(scope="module")
def scored(pages, outputs, choice):
    return ImageScorer(*pages, choice).score(outputs)


@pytest.fixture(scope="module")
def sets(pages, choice):
    return SetScorer(pages[1], PAGES, GROUPS, FeatureReader(choice))


def test_one_row_a_window_one_finite_column_a_metric(scored):
    assert list(scored.columns) == [
        "psnr", "ssim", "gmsd", "ciede2000", "ciede2000_median", "line_f1", "line_precision", "line_recall",
        "line_f1_loose", "line_f1_strict", "edge_f1", "rlpips", "colourfulness_difference", "colourfulness", "chroma_error",
    ]  # fmt: skip
    assert len(scored) == 12
    assert (scored.dtypes == np.float64).all()
    assert np.isfinite(scored.drop(columns=[column for column in scored if column.startswith("line_")])).all(axis=None)


def test_values_are_those_of_the_metrics_alone(scored, pages, outputs, choice):
    _, truth = pages
    perceptual = open_perceptual(choice)
    features = [perceptual.features(as_tensor(images[3:4])) for images in (outputs, truth)]
    row = scored.iloc[3]
    assert row["psnr"] == structural.psnr(outputs[3], truth[3])
    assert row["ssim"] == structural.ssim(outputs[3], truth[3])
    assert row["ciede2000"] == colour.ciede2000(outputs[3], truth[3])
    assert row["gmsd"] == gradients.gmsd(outputs[3], truth[3])
    assert row["edge_f1"] == edges.EdgeReference.of(colour.lab(pages[0][3])[..., 0]).f1(colour.lab(outputs[3])[..., 0])
    assert row["chroma_error"] == colour.chroma_error(colour.lab(outputs[3]), colour.lab(truth[3]))
    assert row["colourfulness_difference"] == colour.colourfulness_difference(outputs[3], truth[3])
    assert row["rlpips"] == pytest.approx(perceptual.distance(*features)[0], rel=1e-5)


def test_the_oracle_attains_every_optimum(pages, choice):
    _, truth = pages
    lined = truth.copy()
    lined[:, 20:22, 8:56] = 0
    best = ImageScorer(lined, lined, choice).score(lined).agg(["min", "max"])
    for column in ("gmsd", "ciede2000", "ciede2000_median", "rlpips", "colourfulness_difference", "chroma_error"):
        assert best[column].tolist() == [0, 0]
    for column in ("ssim", "line_f1", "line_precision", "line_recall", "edge_f1"):
        assert best[column].tolist() == [1, 1]
    assert best["psnr"].tolist() == [100, 100]


def test_workers_batches_memory_and_company_change_nothing(scored, pages, outputs, choice):
    before = torch.get_num_threads()
    other = ImageScorer(*pages, choice, workers=3, batch_size=5, reference_bytes=0)
    together = other.score_cells({"copy": pages[0], "mine": outputs})
    pd.testing.assert_frame_equal(together["mine"], scored, rtol=1e-5, atol=1e-6)
    for workers in (1, 5):
        again = ImageScorer(*pages, choice, workers=workers)
        again.score(pages[0])
        pd.testing.assert_frame_equal(again.score(outputs), scored, check_exact=True)
    assert torch.get_num_threads() == before


def test_order_of_windows_changes_nothing(scored, pages, outputs, choice):
    order = np.random.default_rng(0).permutation(12)
    shuffled = ImageScorer(pages[0][order], pages[1][order], choice).score(outputs[order])
    pd.testing.assert_frame_equal(shuffled, scored.iloc[order].reset_index(drop=True), rtol=1e-5, atol=1e-6)


def test_truth_features_are_computed_once(pages, outputs, choice, monkeypatch):
    scorer = ImageScorer(*pages, choice)
    calls = []
    original = scorer._perceptual.features
    monkeypatch.setattr(scorer._perceptual, "features", lambda images: calls.append(1) or original(images))
    scorer.score(outputs)
    assert len(calls) == 3 + 3
    scorer.score(pages[0])
    assert len(calls) == 3 + 3 + 3


def test_progress_counts_windows_of_all_cells(pages, outputs, choice):
    steps = []
    ImageScorer(*pages, choice, batch_size=8).score_cells(
        {"a": outputs, "b": outputs}, lambda *done: steps.append(done)
    )
    assert steps == [(16, 24), (24, 24)]


def test_records_are_json_and_name_all_that_moves_a_score(sets, outputs, choice):
    frechet, kernel, *others = records = sets.score(outputs)
    assert json.loads(json.dumps(records, allow_nan=False)) == records
    assert (frechet["metric"], kernel["metric"]) == choice.sets[:2] == ("rfd", "rkid")
    assert [record["metric"] for record in others] == ["rprecision", "rrecall", "colour_consistency"]
    assert (frechet["n_generated"], frechet["n_reference"], frechet["dimension"]) == (12, 12, 64)
    assert frechet["calibrated"] is False
    assert frechet["metric_id"].startswith("rfd:random-he-x8:mean-of-relu4-64:ddc44905a6cbf9e0:none:12x12:same-pages")
    assert len(frechet["jackknife"]) == len(frechet["jackknife_sizes"]) == sets.units.count == 6
    assert sum(frechet["jackknife_sizes"]) == 12
    assert frechet["jackknife_unit"] == "page block"


def test_set_scores_are_means_over_networks(sets, outputs):
    frechet, kernel, precision, recall, _ = sets.score(outputs)
    pairs = list(zip(sets.reader.features(outputs), sets.truth_features, strict=True))
    assert frechet["value"] == pytest.approx(np.mean([frechet_distance(*pair) for pair in pairs]), rel=1e-10)
    assert kernel["value"] == pytest.approx(np.mean([kernel_distance(*pair) for pair in pairs]), rel=1e-10)
    manifolds = np.array([precision_recall(*pair) for pair in pairs])
    np.testing.assert_allclose((precision["value"], recall["value"]), manifolds.mean(axis=0), rtol=1e-12)
    replicates = [frechet_jackknife(*pair, sets.units.numbers).replicates for pair in pairs]
    np.testing.assert_allclose(frechet["jackknife"], np.mean(replicates, axis=0), rtol=1e-10)
    assert frechet["standard_error"] > 0


def test_set_scores_of_the_truth_are_0(sets, pages):
    frechet, kernel, precision, recall, consistency = sets.score(pages[1])
    assert (precision["value"], recall["value"]) == (1.0, 1.0)
    assert consistency["value"] > 0.9
    assert 0 <= frechet["value"] < 1e-10
    assert abs(kernel["value"]) < 1e-10


def test_set_scores_do_not_depend_on_order_or_batches(sets, pages, outputs, choice):
    order = np.random.default_rng(2).permutation(12)
    pages_of, groups_of = [PAGES[i] for i in order], [GROUPS[i] for i in order]
    other = SetScorer(pages[1][order], pages_of, groups_of, FeatureReader(choice, batch_size=5)).score(outputs[order])
    for ours, theirs in zip(sets.score(outputs), other, strict=True):
        assert ours["metric"] == theirs["metric"]
        assert ours["value"] == pytest.approx(theirs["value"], rel=1e-9)
        assert ours["standard_error"] == pytest.approx(theirs["standard_error"], rel=1e-6)
        np.testing.assert_allclose(ours["jackknife"], theirs["jackknife"], rtol=1e-9)


def test_verified_weights_fill_the_calibrated_columns_and_no_other(pages, outputs, stand_ins):
    choice = choose_metrics(require_calibrated=True, store=stand_ins)
    images = ImageScorer(pages[0][:2], pages[1][:2], choice)
    scored = images.score(outputs[:2])
    assert "lpips" in scored
    assert "rlpips" not in scored
    assert (scored["lpips"] > 0).all()
    assert stand_ins.known["alexnet"].sha256[:8] in images.metric_ids()["lpips"]
    records = SetScorer(pages[1][:4], PAGES[:4], GROUPS[:4], FeatureReader(choice)).score(outputs[:4])
    assert [record["metric"] for record in records] == ["fid", "kid", "precision", "recall", "colour_consistency"]
    assert all(record["calibrated"] for record in records)
    assert all(record["weights_sha256"] == stand_ins.known["inception"].sha256 for record in records[:4])


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (np.zeros((11, 64, 64, 3), np.uint8), "differs from the truth's"),
        (np.zeros((12, 32, 64, 3), np.uint8), "differs from the truth's"),
        (np.zeros((12, 64, 64, 3)), "uint8 RGB windows"),
        (np.zeros((12, 64, 64), np.uint8), "uint8 RGB windows"),
    ],
)
def test_outputs_that_do_not_fit_are_refused(pages, sets, choice, bad, said):
    with pytest.raises(RequestError, match=said):
        ImageScorer(*pages, choice).score(bad)
    with pytest.raises(RequestError, match=said):
        sets.score(bad)


def test_windows_without_page_or_group_are_refused(pages, choice):
    with pytest.raises(RequestError, match="12 windows need a page and a group each, not 12 and 11"):
        SetScorer(pages[1], PAGES, GROUPS[:-1], FeatureReader(choice))
