"""Verifies a report: its tables rebuilt from the scores that it ships, every printed cell compared, its digests checked.

Nothing is taken from elsewhere and no torch is imported, so that a reader verifies on a laptop what a GPU computed.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from bench.errors import RequestError
from bench.files import read_json, sha256_of
from bench.metrics.weights import KNOWN
from bench.reporting.build import present_pictures, report_texts
from bench.reporting.joined.across import score_joined
from bench.reporting.joined.build import joined_texts, present_joined_pictures
from bench.reporting.joined.reading import read_joined
from bench.reporting.reading import CellResult, Run, read_run
from bench.reporting.scores import score_run
from bench.reporting.shipped import broken_seals, shipped_runs
from bench.reporting.viewer_files import held_pictures
from data.split_files import stored_digest

MOST_LINES = 20
"""Differences of one file that are named; the rest is counted."""

INCEPTION_METRICS = frozenset({"fid", "kid", "precision", "recall"})

SHOWN = 100
"""Letters of a line that are shown where it differs."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What was compared, and what differs, one line each."""

    texts: int
    cells: int
    digests: int
    differences: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """One line that says how it went."""
        what = f"{self.texts} texts, {self.cells:,} cells of tables and {self.digests} digests"
        return f"{what}: {'all equal' if not self.differences else f'{len(self.differences)} differences'}"


def verify_report(report: Path) -> Verification:
    """Rebuild every text of the report from the data that it ships, compare it to the byte, and check the digests.

    Raises RequestError where the folder is no report, or what it ships cannot be read.
    """
    if not (report / "tables").is_dir():
        raise RequestError(f"{report}: no report here (no tables/): name the folder that `bench report` wrote")
    differences = broken_seals(report)
    runs = [read_run(path) for path in shipped_runs(report)]
    texts = _rebuilt([run.folder.path for run in runs], report)
    cells = 0
    for name, text in sorted(texts.items()):
        differences += _compared(report / name, name, text)
        cells += sum(len(row) for row in _rows(text)) if name.endswith(".csv") else 0
    checked = [_digests(run) for run in runs]
    differences += [line for _, lines in checked for line in lines]
    return Verification(len(texts), cells, sum(count for count, _ in checked), tuple(dict.fromkeys(differences)))


def _rebuilt(runs: Sequence[Path], report: Path) -> dict[str, str]:
    if len(runs) == 1:
        run = read_run(runs[0])
        scores = score_run(run)
        return report_texts(run, scores, present_pictures(run, scores, report), held_pictures(report))
    # The originals, which are compared when a report is written, are not shipped.
    joined = read_joined(runs, with_pictures=False)
    across = score_joined(joined)
    return joined_texts(joined, across, present_joined_pictures(joined, across, report))


def _compared(path: Path, name: str, rebuilt: str) -> list[str]:
    """Return what differs between the file and the text that it should hold: cells of CSV, lines of everything else."""
    try:
        printed = path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        return [f"{name}: cannot be read ({error})"]
    if printed == rebuilt:
        return []
    lines = _cells(name, printed, rebuilt) if name.endswith(".csv") else _lines(name, printed, rebuilt)
    more = [f"{name}: {len(lines) - MOST_LINES} further differences"] if len(lines) > MOST_LINES else []
    return lines[:MOST_LINES] + more or [f"{name}: other line ends or spaces than its data give"]


def _cells(name: str, printed: str, rebuilt: str) -> list[str]:
    ours, theirs = _rows(rebuilt), _rows(printed)
    heads = ours[0] if ours else []
    nothing: list[str] = []
    return [
        f"{name}: row {_row_name(row or other)}, {head}: {was!r} is printed, its data give {should!r}"
        for row, other in zip_longest(ours, theirs, fillvalue=nothing)
        for head, should, was in zip_longest(heads, row, other, fillvalue="")
        if should != was
    ]


def _rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def _row_name(row: Sequence[str]) -> str:
    return repr(row[0]) if row else "that is missing"


def _lines(name: str, printed: str, rebuilt: str) -> list[str]:
    pairs = enumerate(zip_longest(printed.splitlines(), rebuilt.splitlines(), fillvalue=""), 1)
    return [f"{name}, line {number}: {_apart(was, should)}" for number, (was, should) in pairs if was != should]


def _apart(was: str, should: str) -> str:
    """Return two lines from shortly before the place where they part."""
    pairs = enumerate(zip(was, should, strict=False))
    parts = next((at for at, (one, other) in pairs if one != other), min(len(was), len(should)))
    start = max(0, parts - SHOWN // 4)
    return f"{was[start : start + SHOWN]!r} is printed, its data give {should[start : start + SHOWN]!r}"


def _digests(run: Run) -> tuple[int, list[str]]:
    """Return how many digests were checked, and what is wrong: of the experiment, the split, generators and metric weights."""
    checks = [_generator(run, cell) for cell in run.cells] + [_weights(cell) for cell in run.cells]
    if "kind" not in run.experiment:
        # Colourings that were made elsewhere have neither an experiment of ours nor a split.
        checks += [_experiment(run), _split(run)]
    lines = [f"{run.name}: {line}" for _, found in checks for line in found]
    return sum(count for count, _ in checks), lines


def _experiment(run: Run) -> tuple[int, list[str]]:
    wanted = run.plan.get("experiment_sha256")
    if not wanted:
        return 0, []
    same = sha256_of(run.folder.experiment) == wanted
    return 1, [] if same else ["experiment.toml is not the one that the plan was made for, by its sha256"]


def _split(run: Run) -> tuple[int, list[str]]:
    found, stored = stored_digest(run.folder.split), str(run.split.get("digest"))
    return 1, [] if found == stored else [f"split.json has the digest {found[:12]}, and says {stored[:12]}"]


def _generator(run: Run, cell: CellResult) -> tuple[int, list[str]]:
    card = run.folder.cell(cell.name).generator_card
    if not (cell.status.generator_sha256 and card.is_file()):
        return 0, []
    stored = read_json(card)
    same = isinstance(stored, dict) and stored.get("sha256") == cell.status.generator_sha256
    return 1, [] if same else [f"{cell.name}: its card names another generator than its status"]


def _weights(cell: CellResult) -> tuple[int, list[str]]:
    """Scores under a calibrated name stand on the published weights, by their digest."""
    wanted = KNOWN["inception"].sha256
    judged = [score for score in cell.sets if score.get("calibrated") and score["metric"] in INCEPTION_METRICS]
    return len(judged), [
        f"{cell.name}: {score['metric']} stands on other weights than the published ones"
        for score in judged
        if score.get("weights_sha256") != wanted
    ]
