"""The page of a joined report: one index.html that needs nothing but the files beside it, and the methods text as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.reporting import page as single
from bench.reporting import sentences
from bench.reporting.escaping import escape_markdown
from bench.reporting.joined import words
from bench.reporting.joined.across import Across
from bench.reporting.joined.reading import Joined
from bench.reporting.joined.telling import merged, told_of
from bench.reporting.layout import Table
from bench.reporting.naming import counted, listed
from bench.reporting.page import Picture
from bench.reporting.reading import Run


def joined_page(joined: Joined, across: Across, tables: Sequence[Table], pictures: Sequence[Picture]) -> str:
    """Return index.html; every text that comes from the runs is escaped."""
    both = list(zip(joined.runs, across.scores, strict=True))
    values: dict[str, Any] = {
        "question": question(joined),
        "names": joined.names,
        "within": [
            f"[{label}] {sentence}"
            for label, (run, scores) in zip(joined.labels, both, strict=True)
            for sentence in single.answer(run, scores)
        ],
        "between": words.answer(joined, across),
        "facts": _facts(joined),
        "notices": list(dict.fromkeys(text for _, scores in both if (text := single.notice(scores)))),
        "holes": merged(joined, [sentences.holes(run) for run in joined.runs]),
        "tables": tables,
        "pictures": pictures,
        "methods": words.methods_text(joined, across),
        "provenance": [
            (label, [("Run", name), *_own_facts(run), *single.provenance(run)])
            for name, label, run in zip(joined.names, joined.labels, joined.runs, strict=True)
        ],
    }
    return single.render("joined.html.jinja", values)


def _own_facts(run: Run) -> list[tuple[str, str]]:
    return [fact for fact in single.facts(run) if fact[0] in ("Input recipe", "Seeds", "Budget")]


def question(joined: Joined) -> str:
    """Return what the report answers."""
    named = [f"the {axis.name}" for axis in joined.axes if axis.in_label]
    return f"Which GAN colours manga best, and how much does that depend on {listed(named) or 'the run'}?"


def _facts(joined: Joined) -> list[tuple[str, str]]:
    run = joined.runs[0]
    facts = [
        ("Runs", str(len(joined.runs))),
        ("Data", told_of(joined, sentences.source)),
        ("Resolution", sentences.size(run)),
        ("Held out", f"{counted(run.pages, 'page')}, {counted(len(run.windows), 'window')}"),
    ]
    return facts + [(f"Differing: {axis.name}", "; ".join(axis.distinct)) for axis in joined.axes if axis.in_label]


def joined_methods(joined: Joined, across: Across, pictures: Sequence[Picture]) -> str:
    """Return methods.md: the caption of the main table, the methods text, and the captions of the figures, to copy from."""
    parts = [("Caption of the main table", words.main_caption(joined, across)), *words.methods_text(joined, across)]
    parts += [(f"Figure: {picture.title}", picture.caption) for picture in pictures]
    title = f"# {escape_markdown(question(joined))}\n\nRuns {escape_markdown(listed(list(joined.names)))}."
    texts = [f"## {escape_markdown(head)}\n\n{escape_markdown(text)}" for head, text in parts]
    return "\n\n".join([title, *texts]) + "\n"
