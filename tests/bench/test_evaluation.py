"""Scoring a run: features kept by content, and the pages that stand in for others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from safetensors.torch import save_file

from bench import evaluation, feature_files, rescoring, second_extractor
from bench.errors import RequestError
from bench.evaluation import Scoring, chance_cells, other_pages
from bench.experiment import Experiment
from bench.feature_files import kept_features
from bench.files import read_json, write_bytes, write_json, write_parquet
from bench.metrics.choice import choose_metrics
from bench.metrics.registry import METRICS
from bench.metrics.set_scores import FeatureReader, SetScorer
from bench.runfolder import RunFolder
from bench.sampling import sampling_units


@pytest.fixture(scope="module")
def windows() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (12, 64, 64, 3), np.uint8)


class CountingReader(FeatureReader):
    """The real one, and how often it was asked."""

    asked = 0

    def features(self, windows: np.ndarray) -> np.ndarray:
        self.asked += 1
        return super().features(windows)


def test_features_are_computed_once_and_again_where_the_content_changed(windows: np.ndarray, tmp_path: Path) -> None:
    reader = CountingReader(choose_metrics())
    first = kept_features(tmp_path, windows, reader)
    np.testing.assert_array_equal(kept_features(tmp_path, windows, reader), first)
    assert (reader.asked, first.dtype) == (1, np.float64)
    other = windows.copy()
    other[3, 5, 7] ^= 1
    changed = kept_features(tmp_path, other, reader)
    assert reader.asked == 2
    assert (changed != first).any()
    # Another network's card is not believed.
    card = next(tmp_path.glob("*.json"))
    card.write_text(json.dumps(json.loads(card.read_text()) | {"weights_sha256": "0" * 64}))
    np.testing.assert_array_equal(kept_features(tmp_path, other, reader), changed)
    assert reader.asked == 3


@pytest.mark.parametrize("fails", ["write_array", "write_json"])
def test_an_interrupted_write_leaves_nothing_to_be_believed(
    windows: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    """Features of other windows lie there: after a write that failed they, or the new ones, never pass for each other."""
    reader = CountingReader(choose_metrics())
    before = kept_features(tmp_path, windows[::-1].copy(), reader)

    def full_disk(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space left"):
        patch.setattr(feature_files, fails, full_disk)
        kept_features(tmp_path, windows, reader)
    assert not list(tmp_path.glob("*.json"))
    after = kept_features(tmp_path, windows, reader)
    assert reader.asked == 3
    np.testing.assert_array_equal(after, before[:, ::-1])


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4), st.integers(1, 2)), min_size=1, max_size=12))
def test_no_window_keeps_its_page(drawn: list[tuple[int, int, int]]) -> None:
    sizes = {f"g{group}-p{page}": (f"g{group}", count) for group, page, count in drawn}
    rows = [(page, group) for page, (group, count) in sizes.items() for _ in range(count)]
    pages, groups = [page for page, _ in rows], [group for _, group in rows]
    elsewhere = other_pages(pages, groups)
    if len(sizes) < 2:
        assert elsewhere is None
        return
    assert elsewhere is not None
    for row, other in enumerate(elsewhere):
        assert pages[other] != pages[row]
        if len(set(groups)) > 1:
            assert groups[other] != groups[row]


def test_halves_of_the_truth_are_disjoint_and_far_apart_enough_to_be_a_floor(windows: np.ndarray) -> None:
    pages, groups = [f"p{at // 2}" for at in range(12)], ["g"] * 12
    scorer = SetScorer(windows, pages, groups, FeatureReader(choose_metrics()))
    halves = {record["metric"]: record for record in scorer.halves()}
    assert set(halves) == {"rfd", "rkid", "rprecision", "rrecall"}
    assert halves["rfd"]["n_generated"] + halves["rfd"]["n_reference"] == 12
    assert halves["rfd"]["value"] > 0
    assert halves["rfd"]["metric_id"].endswith(":6x6:disjoint")
    assert not SetScorer(windows[:4], pages[:4], groups[:4], FeatureReader(choose_metrics())).halves()


@pytest.fixture
def tiny_dinov2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second extractor as a tiny transformer with random weights in a safetensors file."""
    timm = pytest.importorskip("timm", reason="needs timm: pip install 'manga-gan-bench[dinov2]'")
    from bench.metrics.dinov2 import DinoExtractor, Shape

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = timm.create_model(
            "vit_large_patch14_dinov2", num_classes=0, img_size=518, embed_dim=32, depth=2, num_heads=2
        )
        for parameter in network.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
    save_file(network.state_dict(), tmp_path / "tiny.safetensors")
    monkeypatch.setattr(
        second_extractor,
        "open_second",
        lambda _choice, device: DinoExtractor(tmp_path / "tiny.safetensors", device, Shape(32, 2, 2)),
    )


@pytest.mark.usefixtures("tiny_dinov2")
def test_scores_on_dinov2_stand_beside_the_others_in_files_of_their_own(windows: np.ndarray, tmp_path: Path) -> None:
    frame = pd.DataFrame({"window": range(12), "page": [f"p{at // 2}" for at in range(12)], "group": "g"})
    run = RunFolder(tmp_path / "run")
    scoring = Scoring.of(run, frame, windows, windows, choose_metrics(), "cpu")
    scoring.score(run.cell("oracle"), windows, by_network=False, chance=False)
    scoring.score(run.cell("worse"), windows // 2, by_network=True, chance=False)
    assert {path.name for path in run.truth_features.glob("*.npy")} == {"random-he-x8.npy", "vit-32x2-dinov2.npy"}
    assert (run.cell("worse").features / "vit-32x2-dinov2.npy").exists()
    names = ["fd_dinov2", "kd_dinov2", "precision_dinov2", "recall_dinov2"]
    values = {}
    for cell in ("oracle", "worse"):
        records = {record["metric"]: record for record in read_json(run.cell(cell).sets)["scores"]}
        assert {"rfd", "rkid", *names} <= set(records)
        values[cell] = [records[name]["value"] for name in names]
        assert records["fd_dinov2"]["metric_id"].startswith("fd_dinov2:vit-32x2-dinov2:class-token:")
        assert records["fd_dinov2"]["dimension"] == 32
        assert records["fd_dinov2"]["calibrated"]
    assert values["oracle"] == pytest.approx([0, 0, 1, 1], abs=1e-9)
    assert values["worse"][0] > 0.1
    assert {record["metric"] for record in read_json(run.halves)["scores"]} >= {"rfd", *names}


def test_chance_is_what_the_first_seed_with_outputs_gives(tmp_path: Path, tiny_values: dict[str, Any]) -> None:
    values = tiny_values | {"seeds": [3, 1], "models": ["pix2pix", "cyclegan"]}
    experiment, folder = Experiment.parse(values, "test"), RunFolder(tmp_path)
    assert not chance_cells(folder, experiment)
    for name in ("pix2pix-seed3", "pix2pix-seed1", "cyclegan-seed1", "unet-l1-seed3"):
        cell = folder.cell(name)
        cell.predictions.mkdir(parents=True)
        cell.generator_card.touch()
    assert chance_cells(folder, experiment) == {"pix2pix-seed3", "cyclegan-seed1"}


@pytest.mark.parametrize(
    ("stored", "wish", "lost"),
    [
        ("fid", None, "fid"), ("lpips", None, "lpips"), ("fd_dinov2", None, "fd_dinov2"), ("fd_dinov2", "off", None),
        ("rfd", None, None),
    ],
)  # fmt: skip
def test_scoring_again_loses_no_score_on_trained_weights(
    tmp_path: Path,
    tiny_experiment: Experiment,
    monkeypatch: pytest.MonkeyPatch,
    stored: str,
    wish: Any,
    lost: str | None,
) -> None:
    run = RunFolder(tmp_path / "run")
    write_bytes(run.experiment, tiny_experiment.to_toml().encode())
    write_parquet(run.test_windows, pd.DataFrame({"window": ["a"], "page": ["a"], "group": ["g"]}))
    write_json(run.provenance, {"threads": 1})
    record = {"metric": stored, "calibrated": stored != "rfd"}
    if stored == "lpips":
        write_parquet(run.cell("oracle").images, pd.DataFrame({"window": ["a"], "lpips": [0.1]}))
    else:
        write_json(run.cell("oracle").sets, {"format": 1, "scores": [record]})
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "no weights"))
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_: None)

    class Scored(Exception):
        """Is raised where pictures would be read to be scored."""

    def read(*_: Any) -> None:
        raise Scored

    monkeypatch.setattr(evaluation, "_read_windows", read)
    with pytest.raises(RequestError, match=f"has {lost}, which cannot") if lost else pytest.raises(Scored):
        rescoring.rescore(run.path, False, wish, "cpu", Console(stderr=True), lambda: None)


ONE_BLOCK = sampling_units(["a"], ["g"])


def test_scores_over_other_units_of_pages_are_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks were cut in another order before, and stood in the place of five to nine groups; groups are what they were."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "no weights"))
    cell, choice = RunFolder(tmp_path / "run").cell("oracle"), choose_metrics()
    columns = {name: [0.5] for name, metric in METRICS.items() if metric.kind == "image" and name != "lpips"}
    write_parquet(cell.images, pd.DataFrame({"window": ["a"], **columns}))
    groups = sampling_units([f"p{page}" for page in range(9)], [f"g{page}" for page in range(9)])
    blocks = sampling_units([f"p{page}" for page in range(9)], ["g"] * 9)

    def stored(**units: str) -> None:
        scores = [units | {"metric": name, "calibrated": False} for name in choice.sets]
        write_json(cell.sets, {"format": 1, "scores": scores})

    stored(jackknife_unit="page block", jackknife_units_sha256=blocks.digest)
    assert not evaluation._needs_scores(cell, choice, blocks, chance=False)
    assert evaluation._needs_scores(cell, choice, groups, chance=False)
    stored(jackknife_unit="page block")
    assert evaluation._needs_scores(cell, choice, blocks, chance=False)
    stored(jackknife_unit="group")
    assert not evaluation._needs_scores(cell, choice, groups, chance=False)


def test_finished_run_keeps_its_scores_where_the_weights_are_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FID and LPIPS stand in the place of what this machine could compute; unscored cells beside them are refused."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "no weights"))
    cell, choice = RunFolder(tmp_path / "run").cell("oracle"), choose_metrics()
    assert choice.perceptual == "rlpips"
    columns = {name: [0.5] for name, metric in METRICS.items() if metric.kind == "image" and name != "rlpips"}
    record = {"calibrated": True, "jackknife_unit": "page block", "jackknife_units_sha256": ONE_BLOCK.digest}
    write_parquet(cell.images, pd.DataFrame({"window": ["a"], **columns}))
    write_json(cell.sets, {"format": 1, "scores": [record | {"metric": name} for name in ("fid", "kid")]})
    assert not evaluation._needs_scores(cell, choice, ONE_BLOCK, chance=False)
    write_parquet(cell.images, pd.DataFrame({"window": ["a"]} | {name: [0.5] for name in columns if name != "lpips"}))
    assert evaluation._needs_scores(cell, choice, ONE_BLOCK, chance=False)


def test_cells_without_scores_beside_better_ones_are_refused_before_they_are_trained(
    tmp_path: Path, tiny_experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "no weights"))
    folder, choice = RunFolder(tmp_path / "run"), choose_metrics()
    evaluation.refuse_mixed_scores(folder, tiny_experiment, choice)
    for cell in tiny_experiment.cells:
        write_json(folder.cell(cell.name).sets, {"format": 1, "scores": [{"metric": "fid", "calibrated": True}]})
    # All scored: nothing would be computed here.
    evaluation.refuse_mixed_scores(folder, tiny_experiment, choice)
    folder.cell("oracle").sets.unlink()
    with pytest.raises(RequestError, match=r"has fid, which cannot be computed again here .* `bench data prepare"):
        evaluation.refuse_mixed_scores(folder, tiny_experiment, choice)
