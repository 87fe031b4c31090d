"""What must be equal in joined runs, and that a mixture is refused in one line that says what differs."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bench.errors import RequestError
from bench.reporting.joined.reading import read_joined


def refusal(runs):
    with pytest.raises(RequestError) as caught:
        read_joined(runs)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_runs_of_other_recipes_compare(joined):
    assert [run.experiment["recipe"] for run in joined.runs] == ["lines", "screentone", "gray"]


def other_test_pages(run, edit):
    pages = json.loads((run / "split.json").read_text())["test"]
    edit.json(run / "split.json", test=[*pages[:-1], "moon-garden_ch9_p9"])


def repaint(run, _):
    path = next((run / "test" / "truth").glob("*.png"))
    pixels = np.asarray(Image.open(path)).copy()
    pixels[0, 0] ^= 1
    Image.fromarray(pixels).save(path)


def change_scores(run, change):
    for path in run.glob("cells/*/sets.json"):
        stored = json.loads(path.read_text())
        stored["scores"] = [change(score) for score in stored["scores"]]
        path.write_text(json.dumps(stored))


def calibrated(run, _):
    change_scores(run, lambda s: s | ({"metric": "fid"} if s["metric"] == "rfd" else {}))


def another_network(run, _):
    change_scores(run, lambda s: s | ({"metric_id": "rkid:another"} if s["metric"] == "rkid" else {}))


def other_units(run, _):
    change_scores(run, lambda s: s | {"jackknife_sizes": [4, 4, 1, 1, 1, 1]})


def with_lpips(run, _):
    for path in run.glob("cells/*/*.parquet"):
        pd.read_parquet(path).rename(columns={"rlpips": "lpips"}).to_parquet(path)


def regrouped(run, _):
    for path in run.glob("cells/*/*.parquet"):
        frame = pd.read_parquet(path)
        (frame.assign(group="one") if "group" in frame.columns else frame).to_parquet(path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda run, edit: edit.toml(run / "experiment.toml", "resolution = 64", "resolution = 128"),
         "another resolution (128 × 128 px against 64 × 64 px)"),
        (lambda run, edit: edit.toml(run / "experiment.toml", "resolution = 64", "resolution = 64\nwindow_aspect = 2"),
         "another resolution (128 × 64 px against 64 × 64 px)"),
        (other_test_pages, "another split (6 test pages against 6, 5 in common)"),
        (lambda run, edit: edit.json(run / "split.json", train=["a", "c"]), "another split (2 train pages against 1, 1 in common)"),
        (repaint, "another truth (the original of the window"),
        (lambda run, _: next((run / "test" / "truth").glob("*.png")).unlink(), "is not there, so that the truth cannot"),
        (regrouped, "test windows of other pages or groups (12 of 12)"),
        (calibrated, "FID against rFD, which share no column"),
        (with_lpips, "LPIPS against rLPIPS, which share no column"),
        (another_network, "rKID ×10³ computed in another way (rkid:another against rkid:random)"),
        (other_units, "rFD computed in another way (over other units of pages)"),
    ],
)  # fmt: skip
def test_a_mixture_is_refused_and_named(pair, edit, change, said):
    change(pair[1], edit)
    line = refusal(pair)
    assert line.startswith(f"{pair[1]}: cannot stand beside {pair[0]}: ")
    assert said in line


@pytest.mark.parametrize(
    ("key", "ours", "theirs", "said"),
    [
        ("groups", {"a": "one"}, {"a": "two", "z": "three"}, "1 page in other groups"),
        ("contents", {"a": "00", "b": "11"}, {"a": "00", "b": "22"}, "1 page with other contents"),
    ],
)
def test_groups_and_contents_count_where_both_runs_recorded_them(pair, edit, key, ours, theirs, said):
    edit.json(pair[0] / "split.json", **{key: ours})
    edit.json(pair[1] / "split.json", **{key: {}})
    read_joined(pair)
    edit.json(pair[1] / "split.json", **{key: theirs})
    assert said in refusal(pair)


def test_other_windows_are_refused(pair):
    for path in pair[1].glob("cells/*/*.parquet"):
        frame = pd.read_parquet(path)
        if "window" in frame.columns:
            frame[:-2].to_parquet(path)
    assert "other test windows (10 against 12, 10 in common)" in refusal(pair)


def test_pixels_decide_and_not_how_they_are_packed(pair):
    for path in (pair[1] / "test" / "truth").glob("*.png"):
        before, pixels = path.read_bytes(), np.asarray(Image.open(path))
        Image.fromarray(pixels).save(path, compress_level=0)
        assert path.read_bytes() != before
    read_joined(pair)


def test_the_same_run_is_named_once(recipe_runs, tmp_path):
    copy = shutil.copytree(recipe_runs[0], tmp_path / "copy")
    assert "the same run as" in refusal([recipe_runs[0], recipe_runs[0]])
    assert refusal([*recipe_runs, copy]).startswith(f"{copy}: the same run as {recipe_runs[0]}")


def test_the_same_experiment_on_another_machine_is_another_run(recipe_runs, tmp_path, edit):
    copy = shutil.copytree(recipe_runs[0], tmp_path / "copy")
    edit.json(copy / "provenance.json", hardware={"cpu": "Other CPU", "cores": 8, "memory_gib": 15.0, "gpu": None})
    joined = read_joined([recipe_runs[0], copy])
    assert [axis.name for axis in joined.axes] == ["machine"]
    assert joined.labels == ("Example CPU @ 2.10GHz (2 cores, 2 threads)", "Other CPU (8 cores, 2 threads)")


def test_one_run_is_not_joined(recipe_runs):
    assert "name two runs or more" in refusal(recipe_runs[:1])


def test_a_broken_run_is_named(pair):
    (pair[1] / "plan.json").write_text("{")
    assert str(pair[1] / "plan.json") in refusal(pair)
