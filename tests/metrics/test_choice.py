import hashlib

import pytest

from bench.errors import RequestError
from bench.metrics.choice import CALIBRATED_SETS, DINOV2_SETS, RANDOM_SETS, choose_metrics
from bench.metrics.dinov2_file import FILE_NAME
from bench.metrics.weights import KnownWeights, WeightStore

FILES = ("alexnet", "lpips-alex-heads", "inception")


def store(folder, present, wrong=()):
    """Return a store where `present` files lie in `folder`, those in `wrong` with other content than published."""
    known = {}
    for name in FILES:
        content = name.encode()
        known[name] = KnownWeights(
            name, (f"{name}.pth",), len(content), hashlib.sha256(content).hexdigest(), "https://x.org"
        )
        if name in present:
            (folder / f"{name}.pth").write_bytes(content + b"!" * (name in wrong))
    return WeightStore(known, [folder])


@pytest.mark.parametrize(
    ("present", "perceptual", "sets"),
    [
        ((), "rlpips", RANDOM_SETS),
        (("lpips-alex-heads",), "rlpips", RANDOM_SETS),
        (("alexnet", "lpips-alex-heads"), "lpips", RANDOM_SETS),
        (("inception",), "rlpips", CALIBRATED_SETS),
        (FILES, "lpips", CALIBRATED_SETS),
    ],
)
def test_each_family_is_calibrated_where_its_own_weights_are(tmp_path, present, perceptual, sets):
    choice = choose_metrics(store=store(tmp_path, present))
    assert (choice.perceptual, choice.sets) == (perceptual, sets)
    assert choice.calibrated == (set(present) == set(FILES))
    assert "\n" not in choice.line


def test_the_line_names_stand_ins_and_the_missing_files(tmp_path):
    line = choose_metrics(store=store(tmp_path, ("alexnet", "lpips-alex-heads"))).line
    assert "rFD, rKID" in line
    assert "inception.pth" in line
    assert "rLPIPS" not in line
    assert "alexnet.pth" not in line
    assert "verified" in choose_metrics(store=store(tmp_path, FILES)).line


def test_dinov2_is_used_where_asked_for_and_there_and_its_absence_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr("bench.metrics.dinov2_file.has_package", lambda: True)
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_: None)
    given = store(tmp_path, FILES)
    assert "DINOv2" not in choose_metrics(store=given).line
    without = choose_metrics(store=given, dinov2="auto")
    assert without.second_sets == ()
    assert f"no scores on DINOv2: no {FILE_NAME} in {tmp_path}" in without.line
    assert "bench data prepare" in without.line
    with pytest.raises(RequestError, match=r"^metrics\.dinov2 = require: no [^\n]*bench data prepare[^\n]*$"):
        choose_metrics(store=given, dinov2="require")
    (tmp_path / FILE_NAME).touch()
    choice = choose_metrics(store=given, dinov2="require")
    assert (choice.dinov2, choice.sets) == (tmp_path / FILE_NAME, CALIBRATED_SETS)
    assert choice.second_sets == DINOV2_SETS
    assert choose_metrics(store=given).second_sets == ()
    monkeypatch.setattr("bench.metrics.dinov2_file.has_package", lambda: False)
    assert "timm is not installed: pip install" in choose_metrics(store=given, dinov2="auto").line


def test_calibrated_scores_are_not_promised_without_their_weights(tmp_path):
    with pytest.raises(RequestError, match=r"inception\.pth .*--allow-uncalibrated"):
        choose_metrics(require_calibrated=True, store=store(tmp_path, ("alexnet", "lpips-alex-heads")))
    assert choose_metrics(require_calibrated=True, store=store(tmp_path, FILES)).calibrated


@pytest.mark.parametrize("wrong", FILES)
def test_a_wrong_file_is_refused_and_never_answered_by_a_fallback(tmp_path, wrong):
    with pytest.raises(RequestError, match=f"not the published weights {wrong}"):
        choose_metrics(store=store(tmp_path, FILES, {wrong}))
