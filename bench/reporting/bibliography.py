"""references.bib: what a methods section cites, the data set and the report itself among it, and nothing else."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources

from bench.reporting.escaping import escape_latex
from bench.reporting.naming import listed, short_digest
from bench.reporting.reading import Run

PROJECT = "mangaganbench"
"""Key of the project itself."""

_QUESTION = "Which {GAN} colours manga best, at the same compute, and how sure are we?"

_HUB_DATASET = re.compile(r"hf:([A-Za-z0-9][\w.-]*)/([A-Za-z0-9][\w.-]*)", re.ASCII)
"""owner/name; a dataset read from a folder has a path there, which may look the same but has no revision."""

_COMMIT = re.compile(r"[0-9a-f]{12,64}")
_DATE = re.compile(r"(\d{4})-\d{2}-\d{2}", re.ASCII)

_ENTRY = re.compile(r"^@[a-z]+\{([^,]+),\n.*?^\}\n", re.MULTILINE | re.DOTALL)


@functools.cache
def literature() -> Mapping[str, str]:
    """Return the entry of every work that reports can cite, by its key."""
    text = resources.files("bench.reporting").joinpath("literature.bib").read_text(encoding="utf-8")
    return {match[1]: match[0] for match in _ENTRY.finditer(text)}


def references(keys: Iterable[str], own: Mapping[str, str]) -> str:
    """Return the BibTeX file with an entry for each of `keys`, ordered by key; `own` are those of this report alone."""
    entries = {**literature(), **own}
    return "\n".join([_HEAD, *(entries[key] for key in sorted(set(keys)))])


_HEAD = (
    "% What methods.tex cites. Add to the entry of the report its author, whoever ran it, and where it can be had.\n"
)


def own_entries(runs: Sequence[Run]) -> dict[str, str]:
    """Return the entries that no literature holds: the project, data sets of the Hub, the report of `runs`."""
    data = {key: _dataset(run, key) for run in runs if (key := data_key(run))}
    return {PROJECT: _project(runs[0]), report_key(runs): _report(runs)} | data


def report_key(runs: Sequence[Run]) -> str:
    """Return the key of the report of `runs`: the experiment's digest names it, or one of their digests where they are several."""
    digests = [str(run.plan.get("experiment_digest") or "") for run in runs]
    if len(digests) > 1:
        return f"report-{short_digest(hashlib.sha256(' '.join(digests).encode()).hexdigest())}"
    return f"report-{short_digest(digests[0])}" if _COMMIT.fullmatch(digests[0]) else "report"


def data_key(run: Run) -> str:
    """Return the key of the data set, "" where it is none of the Hub whose revision is known."""
    source, recorded = str(run.experiment.get("data", {}).get("source", "")), run.split.get("source")
    revision = recorded.get("revision") if isinstance(recorded, dict) else None
    match = _HUB_DATASET.fullmatch(source)
    return f"data-{match[2].lower()}" if match and _COMMIT.fullmatch(str(revision)) else ""


def year_of(run: Run) -> str:
    """Return the year in which the run was begun, "" where it did not record a date."""
    match = _DATE.fullmatch(str(run.provenance.get("date")))
    return match[1] if match else ""


def version_of(run: Run) -> str:
    """Return "version 0.1.0, commit 0123456789ab" of the project that made the run, as far as they are known."""
    version, commit = (run.provenance.get("versions") or {}).get("manga-gan-bench"), run.provenance.get("commit")
    parts = [f"version {version}" if version else "", f"commit {short_digest(commit)}" if commit else ""]
    return ", ".join(part for part in parts if part)


def _project(run: Run) -> str:
    note = version_of(run)
    fields = {
        "author": "{The manga-gan-bench authors}",
        "title": f"{{manga-gan-bench}}: {_QUESTION}",
        "note": _value(f"{note[:1].upper()}{note[1:]}"),
        "year": year_of(run),
    }
    return _entry("misc", PROJECT, fields)


def _report(runs: Sequence[Run]) -> str:
    made_with = listed(
        list(dict.fromkeys(" ".join(filter(None, ["manga-gan-bench", version_of(run)])) for run in runs))
    )
    experiments = listed([short_digest(run.plan.get("experiment_digest")) for run in runs])
    runs_named = f"{{{_value(listed([run.name for run in runs]))}}}"
    fields = {
        "key": "manga-gan-bench",
        "title": f"{_QUESTION} {{Report}} of the {'run' if len(runs) == 1 else 'runs'} {runs_named}",
        "howpublished": _value(f"Made with {made_with}"),
        "note": _value(f"Experiment {experiments}; split {short_digest(runs[0].split.get('digest'))}"),
        "year": max(map(year_of, runs)),
    }
    return _entry("misc", report_key(runs), fields)


def _dataset(run: Run, key: str) -> str:
    match = _HUB_DATASET.fullmatch(str(run.experiment["data"]["source"]))
    assert match is not None
    fields = {
        "author": f"{{{_value(match[1])}}}",
        "title": f"{{{_value(match[2])}}}",
        "howpublished": "Data set on the Hugging Face Hub",
        "note": _value(f"Revision {short_digest(run.split['source']['revision'])}"),
        "url": f"https://huggingface.co/datasets/{match[1]}/{match[2]}",
    }
    return _entry("misc", key, fields)


def _entry(kind: str, key: str, fields: Mapping[str, str]) -> str:
    width = max(map(len, fields))
    lines = [f"  {name.ljust(width)} = {{{value}}}," for name, value in fields.items() if value]
    return "\n".join([f"@{kind}{{{key},", *lines, "}"]) + "\n"


def _value(text: str) -> str:
    """Return `text` escaped for a field. BibTeX counts braces whatever stands before them, so none of its own are left."""
    return escape_latex(text).replace(r"\{", r"\textbraceleft{}").replace(r"\}", r"\textbraceright{}")
