import hashlib

import pytest

from bench.errors import RequestError
from bench.metrics.choice import CALIBRATED_SETS, RANDOM_SETS, choose_metrics
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


def test_calibrated_scores_are_not_promised_without_their_weights(tmp_path):
    with pytest.raises(RequestError, match=r"inception\.pth .*--allow-uncalibrated"):
        choose_metrics(require_calibrated=True, store=store(tmp_path, ("alexnet", "lpips-alex-heads")))
    assert choose_metrics(require_calibrated=True, store=store(tmp_path, FILES)).calibrated


@pytest.mark.parametrize("wrong", FILES)
def test_a_wrong_file_is_refused_and_never_answered_by_a_fallback(tmp_path, wrong):
    with pytest.raises(RequestError, match=f"not the published weights {wrong}"):
        choose_metrics(store=store(tmp_path, FILES, {wrong}))
