import dataclasses
import json

import pytest

from bench.errors import RequestError
from bench.reporting import citing, methods, narrating, sentences
from bench.reporting.naming import MAIN_METRICS
from bench.reporting.reading import read_run
from bench.reporting.scores import score_run

CALIBRATED = {"rfd": "fid", "rkid": "kid", "rprecision": "precision", "rrecall": "recall"}


def everything(run, scores):
    """All that stands on and around the main table."""
    notes = [*methods.footnotes(run, scores, list(scores.metrics)), *methods.conditions(run)]
    return " ".join([methods.caption(run, scores, MAIN_METRICS), *notes])


@pytest.mark.parametrize(
    "stated",
    [
        "2 seeds and 6 held-out pages (12 windows)", "recipe: original", "data: synthetic", "64 × 64 px", "dropout off",
        "extractor random-he-network", "layer pool", "weights sha256 abababab", "n = 12 against 12 (same pages)",
        "Budget: 6 min of training, shared equally by 8 trained cells (45 s each)", "pix2pix-small 4,200 steps (4,200 images)",
        "Example CPU @ 2.10GHz, 2 cores, 23.4 GiB memory", "Commit ffffffffffff", "experiment 0123456789ab",
        "split 9f9f9f9f9f9f", "pix2pixhd-small: without VGG loss", "narrower or shallower", "6 blocks of neighbouring pages",
        "left out: 3 near-duplicates of held-out pages",
    ],
)  # fmt: skip
def test_every_table_states_its_conditions(run, scores, stated):
    assert stated in everything(run, scores)


def test_the_methods_text_tells_what_was_left_out(run, scores):
    text = dict(methods.methods_text(run, scores))
    assert "left out: 3 near-duplicates of held-out pages" in text["Data"]
    assert "Split by chapter into 1 train, 1 validation and 6 test pages (digest 9f9f9f9f9f9f)" in text["Data"]
    assert "Noise floor" in text["Statistics"]
    assert f"PSNR (dB) {scores.noise['psnr']:.2f}" in text["Statistics"]
    assert text["Inference"] == "Dropout off, batch-norm statistics of each image."
    assert "torch 2.8.0+cpu" in text["Machine and software"]


def test_data_that_brought_its_split_and_recipes_with_versions_are_told(own_run, change_json):
    change_json(own_run / "split.json", origin="source")
    path = own_run / "experiment.toml"
    path.write_text(path.read_text() + "\n[recipe_settings]\nvariants = 3\n")
    run = read_run(own_run)
    assert "The data’s own test part, split by chapter into" in sentences.split_sentence(run)
    assert (
        "input recipe original, the B/W page as it is stored, in grey (3 versions of each training page)"
        in citing.plain(narrating.data_sentence(run))
    )


def test_one_seed_covers_pages_only(own_run):
    toml = own_run / "experiment.toml"
    toml.write_text(toml.read_text().replace("seeds = [0, 1]", "seeds = [0]"))
    for folder in own_run.glob("cells/*-seed1"):
        folder.rename(own_run / folder.name)
    run = read_run(own_run)
    scores = score_run(run)
    assert "n = 1 seed: the interval covers pages only" in methods.caption(run, scores, MAIN_METRICS)
    assert "n = 1 seed: the intervals cover pages only" in methods.warnings(run, scores)
    assert methods.noise_sentence(scores) == ""
    assert "noise floor" not in methods.differences_caption(run, scores)


def as_calibrated(score):
    metric = CALIBRATED.get(score["metric"], score["metric"])
    return score | {"metric": metric, "metric_id": f"{metric}:inception", "calibrated": True, "dimension": 2048}


def test_fid_at_small_n_carries_the_rank_warning(run):
    """2,049 windows are the fewest whose covariance has full rank in 2,048 dimensions."""
    cells = tuple(dataclasses.replace(cell, sets=tuple(map(as_calibrated, cell.sets))) for cell in run.cells)
    calibrated = dataclasses.replace(run, cells=cells)
    scores = score_run(calibrated)
    (warning,) = [line for line in methods.warnings(calibrated, scores) if "FID" in line]
    assert warning.startswith("FID at n = 12 < 2,049 windows is rank-deficient")
    assert any("rank-deficient" in note for note in methods.footnotes(calibrated, scores, ["fid", "kid"]))
    large = dataclasses.replace(calibrated, windows=run.windows.loc[run.windows.index.repeat(171)].head(2049))
    assert methods.rank_warning(large) == ""


def test_uncalibrated_metrics_are_warned_of(run, scores):
    assert (
        "rFD, rKID ×10³ and rLPIPS are uncalibrated: random features, valid only within this report"
        in methods.warnings(run, scores)
    )


def test_a_missing_oracle_is_warned_of(own_run):
    (own_run / "cells" / "oracle" / "sets.json").unlink()
    run = read_run(own_run)
    assert any("oracle" in line and "not checked" in line for line in methods.warnings(run, score_run(run)))


def test_lost_work_is_reported(own_run, change_json):
    change_json(own_run / "cells" / "pix2pix-seed0" / "status.json", lost_seconds=12.0)
    assert "pix2pix-seed0 12 s" in methods.cost_caption(read_run(own_run), "")


def test_different_inference_modes_are_told_apart(own_run, finished_run):
    run = read_run(finished_run)
    models = run.plan["models"] | {"cyclegan": run.plan["models"]["cyclegan"] | {"inference_mode": "instance norm"}}
    changed = dataclasses.replace(run, plan=run.plan | {"models": models})
    assert "; instance norm (cyclegan-small)" in sentences.inference_modes(changed)


@pytest.mark.parametrize(
    ("unit", "share", "said"),
    [
        ("seconds", 4500.0, "75 min"),
        ("flops", 2.5e14, "250 TFLOPs"),
        ("images", 25000, "25,000 images"),
        ("steps", 625, "625 steps"),
    ],
)
def test_budgets_are_told_in_their_unit(run, unit, share, said):
    changed = dataclasses.replace(run, plan=run.plan | {"budget_unit": unit, "share": share})
    assert f"({said} each)" in sentences.budget_sentence(changed)


REVISION = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("recorded", "said"),
    [
        ({"spec": "synthetic", "title": "Drawn pages", "revision": REVISION}, "synthetic (revision 0123456789ab)"),
        ({"spec": "synthetic", "revision": None}, "synthetic"),
        ({"spec": "synthetic", "revision": "<script>main</script>"}, "synthetic"),
        ("a text", "synthetic"),
        (None, "synthetic"),
    ],
)
def test_the_revision_of_a_dataset_is_named_where_it_is_known(run, scores, recorded, said):
    known = dataclasses.replace(run, split=run.split | {"source": recorded})
    assert f"data: {said}; resolution" in methods.caption(known, scores, MAIN_METRICS)
    assert dict(methods.methods_text(known, scores))["Data"].startswith(
        f"Pairs from {said} (manga drawn by the project itself); input recipe"
    )


@pytest.mark.parametrize(
    ("recorded", "said"),
    [
        ({"licence_note": "licence of the dataset: mit"}, "Licence of the dataset: mit."),
        ({"licence_note": "one\n two."}, "One two."),
        ({"licence_note": None}, ""),
        ({"licence_note": ["mit"]}, ""),
        ("a text", ""),
        (None, ""),
    ],
)
def test_the_licence_of_the_data_is_said_where_it_is_recorded(run, scores, recorded, said):
    known = dataclasses.replace(run, split=run.split | {"source": recorded})
    assert (said in methods.conditions(known)) == bool(said)
    assert "" not in methods.conditions(known)
    assert said in dict(methods.methods_text(known, scores))["Data"]
    assert sentences.licence_sentence(known) == said


@pytest.mark.parametrize("wish", ["off", "auto"])
def test_scores_that_were_asked_for_and_could_not_be_had_are_missed(run, scores, wish):
    asked = dataclasses.replace(run, experiment=run.experiment | {"metrics": {"dinov2": wish}})
    assert any("DINOv2" in line for line in methods.warnings(asked, scores)) == (wish == "auto")
    assert not any("DINOv2" in line for line in methods.warnings(run, scores))


def test_the_methods_text_has_every_number_that_a_model_was_trained_with(own_run, change_json):
    path = own_run / "experiment.toml"
    path.write_text(path.read_text() + '\n[model_settings.pix2pix]\nlr = 0.0002\nngf = 16\nnorm = "batch"\n')
    assert "Settings: pix2pix-small: lr 0.0002, ngf 16, norm batch." in narrating.settings_sentence(read_run(own_run))
    plan = json.loads((own_run / "plan.json").read_text())
    plan["models"]["pix2pix"]["decided"] = {"norm": "instance"}
    change_json(own_run / "plan.json", models=plan["models"])
    assert "norm instance." in narrating.settings_sentence(read_run(own_run))
    plan["models"]["pix2pix"]["decided"] = "on"
    change_json(own_run / "plan.json", models=plan["models"])
    with pytest.raises(RequestError, match="decided"):
        read_run(own_run)


@pytest.mark.parametrize(
    ("budget", "said"), [("1h30m", "1 h 30 min"), ("90s", "90 s"), ("2-pflop", "2-pflop"), ("1d", "1 d")]
)
def test_budgets_are_written_as_people_write_them(run, budget, said):
    known = dataclasses.replace(run, plan=run.plan | {"budget": budget})
    assert f"Budget: {said} of training" in sentences.budget_sentence(known)


def test_the_time_that_planned_steps_took_is_told(run):
    assert (
        "Steps come from timing each model once, before training; cells took 44.2 s to 45.2 s."
        in sentences.calibrated_sentence(run)
    )
    repeated = dataclasses.replace(run, plan=run.plan | {"repeats": "ab" * 32})
    assert sentences.calibrated_sentence(repeated).startswith("Steps are those of another run’s plan; ")
    assert sentences.calibrated_sentence(dataclasses.replace(run, plan=run.plan | {"budget_unit": "flops"})) == ""


@pytest.mark.parametrize(
    ("resolution", "said"), [(64, "0.38 px, so that their pixels must coincide"), (512, "within 3 px."), (256, "")]
)
def test_the_tolerance_of_lines_is_told_at_the_size_that_was_scored(run, resolution, said):
    sentence = methods.tolerance_sentence(
        dataclasses.replace(run, experiment=run.experiment | {"resolution": resolution})
    )
    assert said in sentence
    assert bool(sentence) == bool(said)
