"""A joined report ships all its runs and verifies from them."""

import shutil

from bench.reporting.shipped import shipped_runs
from bench.reporting.verify import verify_report


def test_joined_report_verifies_far_from_its_runs(joined_report, recipe_runs, tmp_path):
    moved = shutil.copytree(joined_report, tmp_path / "moved")
    found = verify_report(moved).differences
    # The made-up runs have digests of no experiment and no split.
    assert all("split.json has the digest" in line for line in found)
    assert [run.name for run in shipped_runs(moved)] == [run.name for run in recipe_runs]
