"""The fuzzed parsers with many more examples: minutes, so run by `nox -s endurance` alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent.parent
MANY = {
    "data/test_fuzz_intake.py": 4000,
    "bench/test_fuzz_requests.py": 2000,
    "bench/test_fuzz_run_files.py": 3000,
    "models/test_fuzz_weights.py": 1500,
    "reporting/test_fuzz_reading.py": 150,
}
"""Examples of each property."""


@pytest.mark.endurance
@pytest.mark.parametrize("file", MANY)
def test_many_examples_find_nothing(file: str) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "--timeout=3000", str(TESTS / file)]
    environment = os.environ | {"FUZZ_EXAMPLES": str(MANY[file])}
    done = subprocess.run(command, env=environment, cwd=TESTS.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6000:]
    print(file, MANY[file], done.stdout.splitlines()[-1])
