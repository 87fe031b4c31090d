"""methods.tex and references.bib: the methods section with its citations, to be pasted into a paper."""

from __future__ import annotations

from collections.abc import Sequence

from bench.reporting.bibliography import own_entries, references, report_key
from bench.reporting.citing import cite, cited_keys, cited_latex
from bench.reporting.escaping import escape_latex
from bench.reporting.reading import Run

_HEAD = """% The experiment in the words of a methods section, a sentence a line. Needs no package.
% It cites what is in references.bib: \\bibliography{references} at the end of the paper.
"""


def methods_texts(parts: Sequence[tuple[str, Sequence[str]]], runs: Sequence[Run]) -> dict[str, str]:
    """Return methods.tex and references.bib of a report of `runs`.

    `parts` are the methods section as (heading, sentences) pairs with marks of citations. Every key that is cited has an entry,
    and no entry is there that is not cited.
    """
    told = [*parts, ("Availability", [_availability(runs)])]
    keys = [key for _, sentences in told for sentence in sentences for key in cited_keys(sentence)]
    return {"methods.tex": _latex(told), "references.bib": references(keys, own_entries(runs))}


def _availability(runs: Sequence[Run]) -> str:
    return (
        f"All scores, tables and figures are in the report{cite(report_key(runs))}, with the data that their numbers are "
        "computed from, so that anybody can compute them again (bench verify)."
    )


def _latex(parts: Sequence[tuple[str, Sequence[str]]]) -> str:
    return "\n".join([_HEAD, *(_paragraph(heading, sentences) for heading, sentences in parts)])


def _paragraph(heading: str, sentences: Sequence[str]) -> str:
    lines = [cited_latex(sentence) for sentence in sentences if sentence]
    return "\n".join([rf"\paragraph{{{escape_latex(heading)}.}}", *lines]) + "\n"
