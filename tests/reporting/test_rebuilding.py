"""Every text of a report has the same bytes in another locale, time zone, encoding and order of hashes."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

CODE = """
import hashlib, json, locale, sys, time
from pathlib import Path
try:
    locale.setlocale(locale.LC_ALL, "")
except locale.Error:
    locale.setlocale(locale.LC_ALL, "C.UTF-8")
time.tzset()
from bench.reporting.build import report_texts, write_texts
from bench.reporting.joined.across import score_joined
from bench.reporting.joined.build import joined_texts
from bench.reporting.joined.reading import read_joined
from bench.reporting.reading import read_run
from bench.reporting.scores import score_run
one, other, out = map(Path, sys.argv[1:])
run = read_run(one)
joined = read_joined([one, other])
for name, texts in (("single", report_texts(run, score_run(run), [])), ("joined", joined_texts(joined, score_joined(joined), []))):
    (out / name / "tables").mkdir(parents=True)
    write_texts(texts, out / name)
assert "torch" not in sys.modules
files = sorted(path for path in out.rglob("*") if path.is_file())
print(json.dumps({str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}))
"""

PLACES = (
    {"LC_ALL": "C", "TZ": "UTC", "PYTHONHASHSEED": "1", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    {"LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8", "TZ": "Asia/Tokyo", "PYTHONHASHSEED": "77"},
)


def begun(runs, out, place):
    command = [sys.executable, "-c", CODE, *map(str, runs), str(out)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=os.environ | place)


def digests(process):
    said, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors[-2000:]
    return json.loads(said)


@pytest.fixture
def runs(own_run):
    """Two runs that differ in their recipe, with several series."""
    for path in own_run.glob("cells/*/*.parquet"):
        frame = pd.read_parquet(path)
        if "page" in frame.columns:
            frame.assign(series=frame["page"].str[-2:]).to_parquet(path)
    other = Path(shutil.copytree(own_run, own_run.with_name("other")))
    toml = other / "experiment.toml"
    toml.write_text(toml.read_text().replace('recipe = "original"', 'recipe = "lines"'))
    return own_run, other


def test_texts_have_the_same_bytes_everywhere(runs, tmp_path):
    processes = [begun(runs, tmp_path / str(number), place) for number, place in enumerate(PLACES)]
    here, there = map(digests, processes)
    assert here == there
    assert {name.rpartition(".")[2] for name in here} == {"csv", "md", "tex", "bib", "json", "html"}
    assert len(here) > 60
