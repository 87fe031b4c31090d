"""What differs between runs, and what a run is therefore called."""

import dataclasses

import pytest

from bench.reporting.joined.differing import differing, differing_settings, labels
from bench.reporting.joined.reading import folder_name
from bench.reporting.reading import read_run


@pytest.fixture(scope="module")
def run(finished_run):
    return read_run(finished_run)


def changed(run, **parts):
    """The run with some values of its files in place: experiment=…, plan=…, provenance=…."""
    return dataclasses.replace(run, **{name: getattr(run, name) | values for name, values in parts.items()})


def named(*runs):
    return {axis.name: axis.values for axis in differing(runs)}


def called(*runs):
    return labels(differing(runs), [f"run{i}" for i in range(len(runs))])


def test_equal_runs_differ_in_nothing_and_are_called_by_their_names(run):
    assert named(run, run) == {}
    assert called(run, run) == ("run0", "run1")


def test_what_differs_makes_the_label(run):
    other = changed(run, experiment={"recipe": "lines"}, plan={"budget": "10h"})
    assert named(run, other) == {"recipe": ("original", "lines"), "budget": ("6m", "10h")}
    assert called(run, other) == ("original · 6m", "lines · 10h")


def test_labels_that_do_not_tell_runs_apart_get_the_name(run):
    lines = changed(run, experiment={"recipe": "lines"})
    assert called(run, lines, lines) == ("original", "lines · run1", "lines · run2")


def test_recipes_with_other_settings_are_other_recipes(run):
    one, two = (changed(run, experiment={"recipe_settings": {"threshold": t, "variants": 3}}) for t in (0.2, 0.3))
    assert named(one, two) == {"recipe": ("original (threshold 0.2)", "original (threshold 0.3)")}
    assert named(changed(one, experiment={"recipe": "lines"}), two)["recipe"] == ("lines", "original")


def test_equal_budgets_shared_by_more_cells_differ(run):
    other = changed(run, plan={"share": 90.0, "trained_cells": 4})
    assert named(run, other)["budget"] == ("6m (45 s a cell)", "6m (90 s a cell)")


def test_steps_differ_only_where_the_budget_does_not_say_so(run):
    models = run.plan["models"] | {"pix2pix": run.plan["models"]["pix2pix"] | {"steps": 5000}}
    faster = changed(run, plan={"models": models})
    assert named(run, faster)["steps"][1].startswith("pix2pix-small 5,000, pix2pixhd-small 1,500")
    assert called(run, faster) == ("run0", "run1")
    assert list(named(run, changed(faster, plan={"budget": "10h"}))) == ["budget"]


def test_the_device_that_trained_is_the_machine(run):
    hardware = run.provenance["hardware"] | {"gpu": "Example GPU"}
    gpu = changed(run, plan={"device": "cuda:0"}, provenance={"hardware": hardware})
    assert named(run, gpu)["machine"] == ("Example CPU @ 2.10GHz (2 cores, 2 threads)", "Example GPU")


def test_seeds_precision_and_software_differ(run):
    other = changed(
        run, experiment={"seeds": [2, 3]}, plan={"precision": "bf16"},
        provenance={"commit": "e" * 40, "versions": {"torch": "2.9.0", "python": "3.11.7"}},
    )  # fmt: skip
    found = named(run, other)
    assert found["seeds"] == ("seeds 0 and 1", "seeds 2 and 3")
    assert found["precision"] == ("fp32", "bf16")
    assert found["software"] == ("commit ffffffffffff, torch 2.8.0+cpu", "commit eeeeeeeeeeee, torch 2.9.0")
    assert called(run, other) == ("fp32 · seeds 0 and 1", "bf16 · seeds 2 and 3")


def training(run, **values):
    return changed(run, experiment={"training": run.experiment["training"] | values})


def test_settings_of_training_differ_and_how_a_run_is_watched_does_not_count(run):
    disjoint = training(training(run, unpaired="disjoint"), validation_windows=7)
    shuffled = training(run, unpaired="shuffled")
    assert called(shuffled, disjoint) == ("unpaired shuffled", "unpaired disjoint")
    assert differing_settings([shuffled, disjoint]) == [("training.unpaired", ["shuffled", "disjoint"])]
    # An older run has no such key, which says nothing of a difference.
    assert named(run, disjoint) == {}


def test_compiled_networks_are_a_difference_on_a_gpu_alone(run):
    """And runs that were made before they could be asked for were made without."""
    compiled = training(run, compile="auto")
    assert differing_settings([run, compiled]) == []
    on_gpu = [changed(each, plan={"device": "cuda:0"}) for each in (run, compiled)]
    assert differing_settings(on_gpu) == [("training.compile", ["off", "auto"])]


def test_many_settings_are_called_by_a_digest(run):
    two = training(run, batch_size=4, constant_lr_share=0.5, unpaired="shuffled")
    one = training(run, batch_size=8, constant_lr_share=0.7, unpaired="disjoint")
    first, second = called(two, one)
    assert first.startswith("settings ")
    assert first != second
    assert len(differing_settings([two, one])) == 3


def test_where_pages_lie_is_no_difference(run):
    assert named(run, changed(run, experiment={"data": {"source": "/elsewhere", "split_file": "x"}})) == {}


def test_the_folder_is_named_after_the_runs(tmp_path):
    assert folder_name([tmp_path / "lines", tmp_path / "gray"]) == "lines+gray"
    long = [tmp_path / f"{'x' * 60}-{i}" for i in range(5)]
    assert len(folder_name(long)) < 120
    assert folder_name(long).endswith(f"+4-more-{folder_name(long)[-8:]}")
    assert folder_name(long) != folder_name(long[::-1])
