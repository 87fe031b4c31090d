"""The degradation ladder: damages do what their names say, and responses are read off it rightly."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr
from skimage.color import rgb2lab

from bench.cli import main
from bench.damage import AXES
from bench.ladder_responses import equivalent, responses
from bench.metrics.colour import lab
from bench.metrics.lineart import LineReference, line_map, near
from data.synthetic import SyntheticSource


@pytest.fixture(scope="module")
def drawn():
    """A drawn page at 256 px with the truth about its ink: the window at its top."""
    page = SyntheticSource(40, 256).draw(7)
    return page.color[:256], page.bw[:256], page.ink[:256]


@pytest.mark.parametrize("name", AXES)
def test_the_first_level_changes_nothing_and_the_same_seed_gives_the_same(name, drawn):
    axis, (color, _, _) = AXES[name], drawn
    first, last = axis.levels[0], axis.levels[-1]
    np.testing.assert_array_less(np.abs(axis.apply(color, first, np.random.default_rng(0)).astype(int) - color), 2)
    once, twice = (axis.apply(color, last, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(once, twice)
    assert once.shape == color.shape
    assert once.dtype == np.uint8
    assert (once != color).any()


def test_colour_damage_leaves_lightness_alone(drawn):
    color = drawn[0]
    before = rgb2lab(color)
    grey = AXES["desaturation"].apply(color, 1.0, np.random.default_rng(0))
    assert np.ptp(grey.astype(int), axis=2).max() <= 2
    assert np.abs(rgb2lab(grey)[..., 0] - before[..., 0]).mean() < 0.5
    # Soft colours stay inside sRGB when their hue turns.
    soft = AXES["desaturation"].apply(color, 0.8, np.random.default_rng(0))
    turned = rgb2lab(AXES["hue rotation"].apply(soft, 90.0, np.random.default_rng(0)))
    a, b = rgb2lab(soft)[..., 1], rgb2lab(soft)[..., 2]
    assert np.abs(turned[..., 1] + b).mean() < 1.0
    assert np.abs(turned[..., 2] - a).mean() < 1.0


def test_shift_moves_the_picture(drawn):
    moved = AXES["shift"].apply(drawn[0], 3.0, np.random.default_rng(0))
    np.testing.assert_array_equal(moved[:, 3:], drawn[0][:, :-3])


def test_line_recall_follows_the_ink_that_is_truly_left(drawn):
    """The drawing knows its ink: what LineF1 finds lost is what was taken away."""
    color, _, ink = drawn
    # Truly inked strokes thin enough to be lines: solid blacks have no line response by definition.
    reference = LineReference.of(lab(color)[..., 0], None)
    kept, recall = [], []
    for share in np.linspace(0, 1, 9):
        damaged = AXES["lines dropped"].apply(color, share, np.random.default_rng(1))
        strokes = line_map(lab(color)[..., 0]) & near(ink, 1.5)
        still_dark = lab(damaged)[..., 0] < 45
        kept.append((strokes & near(still_dark & ink, 1.0)).sum() / strokes.sum())
        recall.append(reference.score(lab(damaged)[..., 0]).recall)
    assert spearmanr(kept, recall).statistic > 0.98
    assert np.abs(np.subtract(kept, recall)).mean() < 0.12
    assert recall[0] == 1.0
    assert recall[-1] < 0.1


def test_nearly_all_lines_that_are_found_are_ink(drawn):
    color, _, ink = drawn
    found = line_map(lab(color)[..., 0])
    assert (found & near(ink, 1.5)).sum() / found.sum() > 0.9


def table(metric="ssim", **curves):
    rows = [
        (metric, axis, "px", float(level), value)
        for axis, values in curves.items()
        for level, value in enumerate(values)
    ]
    return pd.DataFrame(rows, columns=["metric", "axis", "unit", "level", "value"]).rename_axis(None)


def test_responses_are_told_apart():
    given = table(falls=(1.0, 0.8, 0.5), turns=(1.0, 0.6, 0.9), still=(1.0, 0.99, 0.98), rises=(0.5, 0.7, 0.9))
    found = responses(given).set_index("axis")["response"].to_dict()
    assert found == {"falls": "monotone", "turns": "not monotone", "still": "blind", "rises": "not monotone"}


def test_a_cap_is_no_place_to_measure_from():
    """PSNR falls from its cap to the mildest damage by what the cap is set to: that says nothing of the axis."""
    given = table("psnr", strong=(100.0, 40.0, 20.0), mild=(100.0, 39.5, 39.0), none=(100.0, 100.0, 100.0))
    found = responses(given).set_index("axis")
    assert found["response"].to_dict() == {"strong": "monotone", "mild": "blind", "none": "blind"}
    assert found["largest"].to_dict() == {"strong": 1.0, "mild": 0.5 / 20, "none": 0.0}
    infinite = given.replace(100.0, np.inf)
    pd.testing.assert_frame_equal(responses(infinite), responses(given))


def test_equivalents_lie_between_levels():
    given = table(falls=(1.0, 0.8, 0.5))
    assert equivalent(given, "ssim", "falls", 0.1) == pytest.approx(0.5)
    assert equivalent(given, "ssim", "falls", 0.35) == pytest.approx(1.5)
    assert equivalent(given, "ssim", "falls", 0.6) is None


def test_the_command_writes_table_text_and_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    arguments = ["metrics", "ladder", "synthetic", "--out", str(tmp_path), "--pages", "3", "--resolution", "64"]
    monkeypatch.setattr(sys, "argv", ["bench", *arguments])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 0
    written = pd.read_csv(tmp_path / "ladder.csv")
    assert set(written["axis"]) == set(AXES)
    assert {"ssim", "line_f1", "rlpips", "rfd"} <= set(written["metric"])
    ssim = written[(written["metric"] == "ssim") & (written["level"] == 0)]["value"]
    assert np.allclose(ssim, 1.0)
    assert (tmp_path / "ladder.md").read_text() in capsys.readouterr().out
    assert (tmp_path / "ladder.pdf").read_bytes().startswith(b"%PDF")
    monkeypatch.setattr(sys, "argv", ["bench", *arguments[:-4], "--pages", "1"])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    assert "'--pages': 1 is not in the range x>=2" in capsys.readouterr().err
