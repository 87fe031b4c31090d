"""The page of a report: one index.html that needs nothing but the files beside it, and the methods text as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from bench.reporting import certainty, methods, sentences
from bench.reporting.escaping import escape_markdown, script_json
from bench.reporting.inlining import content_policy, script, style
from bench.reporting.layout import Table, digits, printed_parts
from bench.reporting.naming import MAIN_METRICS, counted, duration, listed, metric_titles, short_digest
from bench.reporting.reading import Run
from bench.reporting.scores import Scores
from bench.reporting.viewer import viewer_caption, viewer_data
from bench.reporting.viewer_files import HeldPictures

QUESTION = "Which GAN colours manga best, at the same compute, and how sure are we?"


TABLE_KINDS = ((".csv", "CSV"), (".md", "Markdown"), (".tex", "LaTeX"), ("-narrow.tex", "LaTeX, one column"))
"""What follows a table's name in the names of its files, and what they are called."""

FIGURE_KINDS = ((".pdf", "PDF"), ("-column.pdf", "PDF, one column"), (".svg", "SVG"), (".png", "PNG"))
"""What follows a figure's name in the names of the files that it may have, and what they are called."""

TEXTS = (
    ("Methods, for LaTeX, with its references", ("methods.tex", "references.bib")),
    ("Methods and captions, for Markdown", ("methods.md",)),
    ("All results, for programs", ("results.json",)),
)
"""What can be downloaded besides tables and figures."""

SCRIPTS = ("theme.js", "sorting.js")
"""Scripts of every page."""

VIEWER_SCRIPTS = (
    "viewer_data.js", "viewer_choosing.js", "viewer_strip.js", "viewer_stage.js", "viewer_gestures.js", "viewer_scores.js",
    "viewer.js",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Picture:
    """One figure of the page: a title, a caption, and the forms in which it lies in figures/, one of them a PNG."""

    name: str
    title: str
    caption: str
    kinds: tuple[tuple[str, str], ...] = FIGURE_KINDS[-1:]


def picture_in(folder: Path, name: str, title: str, caption: str) -> Picture:
    """Return the figure `name` with the forms that lie in `folder`."""
    there = tuple(kind for kind in FIGURE_KINDS if (folder / f"{name}{kind[0]}").is_file())
    return Picture(name, title, caption, there)


def page(
    run: Run, scores: Scores, tables: Sequence[Table], pictures: Sequence[Picture], held: HeldPictures | None = None
) -> str:
    """Return index.html, with a viewer of the pictures that the report holds; every text that comes from the run is escaped."""
    viewer = viewer_values(run, held or HeldPictures())
    values: dict[str, Any] = {
        "question": QUESTION,
        "run": run.name,
        "answer": answer(run, scores),
        "facts": facts(run),
        "notice": notice(scores),
        "holes": sentences.holes(run),
        "tables": tables,
        "pictures": pictures,
        "viewer": viewer,
        "methods": methods.methods_text(run, scores),
        "provenance": provenance(run),
    }
    return render("index.html.jinja", values, with_viewer=viewer is not None)


def viewer_values(run: Run, held: HeldPictures) -> dict[str, str] | None:
    """Return caption and data of the comparison viewer, None where the report holds no pictures."""
    data = viewer_data(run, held)
    return None if data is None else {"caption": viewer_caption(run, held), "data": Markup(script_json(data))}


def render(template: str, values: dict[str, Any], *, with_viewer: bool = False) -> str:
    """Return the page that `template` makes of `values`, every text in them escaped."""
    scripts = script(*SCRIPTS, *(VIEWER_SCRIPTS if with_viewer else ()))
    styles = style("style.css", *(["viewer.css"] if with_viewer else []))
    inlined = {"script": scripts, "style": styles, "policy": content_policy(scripts, styles)}
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("bench.reporting"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"printed_parts": printed_parts, "sort_value": _sort_value}
    environment.globals |= {"table_kinds": TABLE_KINDS, "texts": TEXTS}
    return environment.get_template(template).render(values | {"inlined": inlined}) + "\n"


def _sort_value(value: float) -> str:
    """Return `value` as JavaScript reads it, in the digits of CSV."""
    return digits(value).replace("inf", "Infinity")


def answer(run: Run, scores: Scores) -> list[str]:
    """Return the result in sentences: for every main metric who is best, or that nobody can tell; like metrics together."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for name in MAIN_METRICS:
        verdict = scores.verdicts.get(name)
        if verdict and verdict.tested:
            others = tuple(model for model in verdict.indistinguishable if model != verdict.best)
            alike.setdefault(() if verdict.everything else (verdict.best, *others), []).append(name)
    lines = [_verdict_line(run, scores, models, metrics) for models, metrics in alike.items()]
    if untested := certainty.untested_sentence(scores, MAIN_METRICS):
        lines.append(untested)
    if lines and (caution := certainty.one_seed_sentence(run)):
        lines.append(f"{caution} What is said of models holds for these checkpoints.")
    missing = [run.shown(model) for model in run.ranked if not run.scored_cells(model)]
    left_out = [f"Without scores, and so not compared: {listed(missing)}."] if missing else []
    return (lines or ["There are not two competitors with scores: nothing can be ranked."]) + left_out


def _verdict_line(run: Run, scores: Scores, models: tuple[str, ...], metrics: Sequence[str]) -> str:
    """Return who is best in `metrics`: the first of `models`, from which the others cannot be told; nobody if there are none."""
    titles, (best, *others) = listed(metric_titles(metrics)), [run.shown(model) for model in models] or [""]
    if not best:
        return f"{titles}: indistinguishable at n = {certainty.fewest_seeds(run, scores)}."
    if not others:
        return f"{titles}: {best} is best."
    return f"{titles}: {best} has the best mean; {listed(others)} cannot be told from it."


def facts(run: Run) -> list[tuple[str, str]]:
    """Return the conditions in a few words each, for the top of the page."""
    share, groups = float(run.plan["share"]), run.windows["group"].nunique()
    each = f" ({duration(share)} a cell)" if run.plan["budget_unit"] == "seconds" else ""
    return [
        ("Data", sentences.source(run)),
        ("Input recipe", str(run.experiment["recipe"])),
        ("Resolution", sentences.size(run)),
        (
            "Held out",
            f"{counted(run.pages, 'page')} of {counted(groups, 'group')}, {counted(len(run.windows), 'window')}",
        ),
        ("Seeds", listed([str(seed) for seed in run.seeds])),
        ("Budget", f"{sentences.budget_words(run)}{each}"),
    ]


def notice(scores: Scores) -> str:
    """Return the visible line about metrics that rest on random features, "" where there are none."""
    loose = metric_titles(methods.uncalibrated(scores))
    if not loose:
        return ""
    return (
        f"{listed(loose)} are uncalibrated: they rest on random features, since no verified network weights were there. "
        "They are valid only within this page, and are not FID, KID or LPIPS."
    )


def provenance(run: Run) -> list[tuple[str, str]]:
    """Return commit, digests, machine and software for the foot of the page."""
    digests = [("Experiment", run.plan.get("experiment_digest")), ("Split", run.split.get("digest"))]
    commit = str(run.provenance.get("commit") or "unknown") + (
        " (with uncommitted changes)" if run.provenance.get("dirty") else ""
    )
    return [
        ("Commit", commit),
        *((name, str(digest or "unknown")) for name, digest in digests),
        ("Hardware", sentences.hardware_sentence(run).removeprefix("Hardware: ")),
        ("Software", sentences.versions_sentence(run).removeprefix("Software: ")),
    ]


def methods_markdown(run: Run, scores: Scores, pictures: Sequence[Picture]) -> str:
    """Return methods.md: the caption of the main table, the methods text, and the captions of the figures, to copy from."""
    main = [name for name in MAIN_METRICS if name in scores.metrics]
    parts = [("Caption of the main table", methods.caption(run, scores, main)), *methods.methods_text(run, scores)]
    parts += [(f"Figure: {picture.title}", picture.caption) for picture in pictures]
    digest = short_digest(run.plan.get("experiment_digest"))
    title = f"# {escape_markdown(QUESTION)}\n\nRun {escape_markdown(run.name)}, experiment {digest}."
    return (
        "\n\n".join([title, *(f"## {escape_markdown(head)}\n\n{escape_markdown(text)}" for head, text in parts)]) + "\n"
    )
