"""What a table says of its own certainty: what intervals cover, what bold means, what was not tested."""

import dataclasses

from bench.reporting import certainty
from bench.reporting.naming import MAIN_METRICS
from bench.reporting.page import answer
from bench.reporting.reading import read_run
from bench.reporting.scores import score_run


def with_verdict(scores, metric, **changes):
    verdicts = dict(scores.verdicts)
    verdicts[metric] = dataclasses.replace(verdicts[metric], **changes)
    return dataclasses.replace(scores, verdicts=verdicts)


def test_blocks_of_pages_do_not_speak_for_other_groups(run, scores):
    said = certainty.intervals_sentence(run, scores, MAIN_METRICS)
    groups = run.windows["group"].nunique()
    assert f"These pages are of {groups} test groups alone" in said
    assert "and of shuffled pages, which are one seed’s, cover pages" in said
    intervals = {place: dataclasses.replace(score, unit_kind="group") for place, score in scores.intervals.items()}
    grouped = dataclasses.replace(scores, intervals=intervals)
    assert "alone" not in certainty.intervals_sentence(run, grouped, MAIN_METRICS)


def test_metrics_with_other_units_are_named(run, scores):
    intervals = {
        (model, metric): dataclasses.replace(score, unit_kind="group", units=20 if metric == "rfd" else 53)
        for (model, metric), score in scores.intervals.items()
    }
    said = certainty.intervals_sentence(run, dataclasses.replace(scores, intervals=intervals), MAIN_METRICS)
    assert "(53 test groups; rFD: 20)" in said


def test_metrics_of_other_tables_are_not_spoken_of(run, scores):
    undecided = with_verdict(scores, "rlpips", everything=True, indistinguishable=run.ranked)
    assert "rLPIPS" in certainty.unclear_sentence(run, undecided, ["rlpips", "ssim"])
    assert certainty.unclear_sentence(run, undecided, ["line_precision"]) == ""


def test_bold_for_a_wide_interval_is_called_undecided(run, scores):
    """The worst of three is bold beside the best, since its seeds lie far apart; the second is not."""
    order = sorted(run.ranked, key=lambda model: scores.get(model, "ciede2000").value)
    wide = with_verdict(scores, "ciede2000", best=order[0], indistinguishable=(order[0], order[2]), everything=False)
    said = certainty.bold_sentence(run, wide, ["ciede2000"])
    assert f"{run.shown(order[2])} (CIEDE2000); that is undecided, not good" in said
    close = with_verdict(scores, "ciede2000", best=order[0], indistinguishable=tuple(order[:2]), everything=False)
    assert "undecided" not in certainty.bold_sentence(run, close, ["ciede2000"])
    lines = answer(run, wide)
    assert f"{run.shown(order[0])} has the best mean; {run.shown(order[2])} cannot be told from it." in " ".join(lines)
    assert not any("lead" in line for line in lines)


def test_what_was_not_tested_is_not_bold_and_is_named(run, scores):
    untested = with_verdict(scores, "ssim", indistinguishable=(), everything=False, tested=False)
    said = certainty.bold_sentence(run, untested, ["ssim", "psnr"])
    assert "Not tested, for want of intervals, and so without bold: SSIM." in said
    assert untested.best("ssim") == ()
    assert "Not tested, for want of intervals, and so without bold: SSIM." in answer(run, untested)


def test_one_seed_is_said_at_the_top_of_the_page(own_run):
    toml = own_run / "experiment.toml"
    toml.write_text(toml.read_text().replace("seeds = [0, 1]", "seeds = [0]"))
    for folder in own_run.glob("cells/*-seed1"):
        folder.rename(own_run / folder.name)
    run = read_run(own_run)
    assert "hold" in answer(run, score_run(run))[-1]
    assert "n = 1 seed" in answer(run, score_run(run))[-1]


def test_model_with_one_scored_seed_is_told_of(own_run):
    (own_run / "cells" / "cyclegan-seed1" / "images.parquet").unlink()
    (own_run / "cells" / "cyclegan-seed1" / "sets.json").unlink()
    run = read_run(own_run)
    said = certainty.intervals_sentence(run, score_run(run), MAIN_METRICS)
    assert "With one scored seed, cyclegan-small covers pages only: too narrow an interval." in said
    assert "In tests cyclegan-small, with one scored seed, is lent the variance between the others’ seeds." in said


def test_metrics_without_scores_have_nothing_to_cover(run, scores):
    assert certainty.intervals_sentence(run, scores, ["fd_dinov2"]) == ""


def test_where_units_are_mixed_the_metrics_are_named(run, scores):
    intervals = {
        (model, metric): dataclasses.replace(score, unit_kind="page block" if metric == "rfd" else "group")
        for (model, metric), score in scores.intervals.items()
    }
    said = certainty.intervals_sentence(run, dataclasses.replace(scores, intervals=intervals), MAIN_METRICS)
    assert "the intervals of rFD do not cover the pages of others" in said
