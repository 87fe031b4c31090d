"""The cards of what `bench publish` writes: README.md of a model's repository, and of that of the results.

All text of a run is a stranger's and is escaped; where a folder lies on the publisher's machine is not told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.metrics.registry import METRICS
from bench.published_metadata import (
    DRAWN,
    NOT_STATED,
    WINDOWS,
    Names,
    is_plain,
    is_private,
    main_scores,
    model_metadata,
    not_better_than_input,
    results_metadata,
    shown_source,
    source_spec,
)
from bench.reporting import certainty, methods, narrating, sentences
from bench.reporting.citing import plain
from bench.reporting.escaping import escape_markdown
from bench.reporting.layout import Column, Entry, printed_parts
from bench.reporting.naming import counted, listed, metric_titles, short_digest
from bench.reporting.reading import CellResult, Run
from bench.reporting.scores import Scores
from bench.reporting.tables import main_table, scaled, score_columns
from bench.reporting.writing import to_markdown
from bench.statistics import Interval

PAPERS = {
    "pix2pix": ("Isola et al. 2017", "1611.07004"),
    "pix2pixhd": ("Wang et al. 2018", "1711.11585"),
    "cyclegan": ("Zhu et al. 2017", "1703.10593"),
}
"""The papers of the built-in models, by the first word of a model's name, with their numbers at arXiv."""

Section = tuple[str, Sequence[str]]
"""A heading and the lines below it."""


@dataclass(frozen=True, slots=True)
class PublishedSeed:
    """One seed of a published model: its cell, and what its generator.json says."""

    cell: CellResult
    card: dict[str, Any]

    @property
    def folder(self) -> str:
        """The name of its folder in the repository."""
        return f"seed{self.cell.seed}"


def model_card(run: Run, scores: Scores, model: str, seeds: Sequence[PublishedSeed], names: Names, licence: str) -> str:
    """Return README.md of a model's repository."""
    title = f"# {escape_markdown(run.shown(model))}: colours for black-and-white manga"
    return _document(
        model_metadata(run, scores, model, licence),
        [
            (title, _opening(run, model, seeds)),
            ("## Use", _use(run, model, seeds, names)),
            ("## Scores", _scores(run, scores, model)),
            ("## Training", _training(run, model)),
            ("## Data and licence", _licence(run, licence)),
            ("## Limits", _limits(run, scores, model, seeds)),
            ("## Cite", _cite(run)),
        ],
    )


def results_card(
    run: Run, scores: Scores, models: Sequence[str], left_out: Sequence[str], names: Names, licence: str
) -> str:
    """Return README.md of the results' repository; `left_out` has a line for every cell that was not published."""
    holds = [
        "- `tables/`: every table as CSV, Markdown and LaTeX; `results.json`: the main results for programs; `index.html`: all.",
        f"- `{WINDOWS}`: the scores of every held-out window, by model and seed.",
        "- `data/`: what the tables are computed from: `bench verify FOLDER` rebuilds every table from it and compares each cell.",
        "- No pictures: held-out pages belong to whoever drew them, and so does what models made of them.",
    ]
    published = [f"- {escape_markdown(run.shown(model))}: `{names.of(model)}`" for model in models if is_plain(model)]
    missing = [f"- {escape_markdown(line)}" for line in left_out]
    return _document(
        results_metadata(run, licence),
        [
            (f"# Scores of manga colouring: {escape_markdown(run.name)}", to_markdown(main_table(run, scores)).splitlines()),
            ("## What lies here", holds),
            ("## The models", published),
            ("## Cells without a published generator", missing),
            ("## Data and licence", _licence(run, licence)),
            ("## Cite", _cite(run)),
        ],
    )  # fmt: skip


def _document(front: str, sections: Sequence[Section]) -> str:
    text = "\n\n".join(f"{heading}\n\n" + "\n".join(lines).strip("\n") for heading, lines in sections if lines)
    return f"---\n{front}\n---\n\n{text}\n"


def _opening(run: Run, model: str, seeds: Sequence[PublishedSeed]) -> list[str]:
    role = "a competitor" if model in run.ranked else "a reference that is shown and never ranked,"
    lines = [
        f"{escape_markdown(run.shown(model))}, {role} in the run *{escape_markdown(run.name)}* of manga-gan-bench: "
        f"{counted(len(seeds), 'generator')} that colour black-and-white manga, trained on the same pages and with the same "
        "share of compute as the models beside it."
    ]
    if paper := PAPERS.get(model.partition("-")[0]):
        lines += ["", f"Method: {paper[0]}, [arXiv:{paper[1]}](https://arxiv.org/abs/{paper[1]})."]
    return lines


def _use(run: Run, model: str, seeds: Sequence[PublishedSeed], names: Names) -> list[str]:
    rows = [
        f"| `{seed.folder}` | {seed.cell.status.step:,} | {seed.cell.status.images:,} | {seed.cell.status.state} "
        f"| `{seed.card['sha256'][:16]}…` |"
        for seed in seeds
    ]
    folder = model if is_plain(model) else "MODEL"
    return [
        "With manga-gan-bench installed:",
        "",
        f"    hf download {names.of(folder)} --local-dir {folder}",
        f"    bench colorize PAGES --from {folder}/{seeds[0].folder} --out coloured",
        "",
        "A folder holds one seed: `generator.safetensors` (weights alone, nothing pickled) and `generator.json`, from which the "
        f"network is built again. It was trained at {sentences.size(run)}; `bench colorize` takes pages of any size.",
        "",
        "| folder | steps | images | ended | sha256 of the weights |",
        "|---|--:|--:|---|---|",
        *rows,
    ]


def _scores(run: Run, scores: Scores, model: str) -> list[str]:
    """Return a table of the main scores beside those of the input passed through, and what they hold under."""
    found = main_scores(scores, model)
    names = [name for name, _ in found]
    rows = [
        f"| {escape_markdown(_head(column))} | {_printed(score, column)} | {_printed(scores.get('copy', score.metric), column)} |"
        for (_, score), column in zip(found, score_columns(names), strict=True)
    ]
    notes = [
        certainty.intervals_sentence(run, scores, names),
        methods.setting_sentence(run),
        *methods.set_notes(run, names),
        methods.halves_sentence(run, names),
        *methods.image_notes(run, scores, names),
    ]
    return [
        f"Over {sentences.extent(run)}: mean ± half-width of the 95 % interval. *Input*: the black-and-white page passed through.",
        "",
        f"| score | {escape_markdown(run.shown(model))} | input |",
        "|---|--:|--:|",
        *rows,
        "",
        *_paragraphs(run, notes),
    ]


def _head(column: Column) -> str:
    return f"{column.shown}, {column.group}" if column.group else column.shown


def _printed(score: Interval | None, column: Column) -> str:
    if score is None:
        return printed_parts(Entry(), column)[0]
    metric = METRICS[score.metric]
    value, half_width = printed_parts(Entry(scaled(score.value, metric), scaled(score.half_width, metric)), column)
    return value if half_width is None else f"{value} ± {half_width}"


def _training(run: Run, model: str) -> list[str]:
    planned = run.planned(model)
    remarks = [str(remark) for remark in planned.get("remarks") or ()]
    return _paragraphs(run, [
        narrating.data_sentence(run),
        sentences.split_sentence(run),
        narrating.geometry_sentence(run),
        sentences.budget_sentence(run),
        narrating.schedule_sentence(run),
        f"Inference: {planned['inference_mode']}." if planned.get("inference_mode") else "",
        f"Apart from the original: {listed(remarks)}." if remarks else "",
        sentences.hardware_sentence(run),
        narrating.software_sentence(run),
    ])  # fmt: skip


def _paragraphs(run: Run, texts: Sequence[str]) -> list[str]:
    """Return a line of Markdown for each text that is not empty, broken after each."""
    return [f"{escape_markdown(_without_place(run, plain(text)))}  " for text in texts if text]


def _without_place(run: Run, text: str) -> str:
    """Return `text` with a folder's name where its place on the publisher's machine stands."""
    if not is_private(run):
        return text
    shown = shown_source(run)
    for before, after in (("data: ", ";"), ("Pairs from ", ";")):
        text = text.replace(f"{before}{source_spec(run)}{after}", f"{before}{shown}{after}")
    return text


def _licence(run: Run, licence: str) -> list[str]:
    said = sentences.licence_sentence(run) or "Nothing was recorded of the licence of the data."
    if source_spec(run) == DRAWN:
        said = "The project drew these pages itself, and gives them under its own licence (Apache-2.0)."
    stated = f"The publisher gives this under `{licence}`."
    if licence == NOT_STATED:
        stated = "No licence is stated (`unknown`)."
    return [
        f"Trained on {escape_markdown(shown_source(run))}, none of whose pages are in this repository. {escape_markdown(said)}",
        "",
        f"{stated} Whether what was learned from these pages may be shared and used depends on the rights in the pages; judge for "
        "yourself. Name those who drew them.",
    ]


def _limits(run: Run, scores: Scores, model: str, seeds: Sequence[PublishedSeed]) -> list[str]:
    scored, group = len(run.scored_cells(model)), run.split.get("group_by") or "page"
    lines = [
        "Colours are guesses: no drawing says which colour a coat has. Scores say how near the guesses come on average, and of "
        "no single colour that it is right.",
        f"Measured at {sentences.size(run)} on input of the recipe “{run.experiment['recipe']}” and on nothing else. Another way "
        "to make the input moves scores as much as another model does.",
        f"The held-out pages are from the same collection as the training pages, split by {group}.",
        f"Trained for an equal share of compute ({sentences.share_of_budget(run)}), not until it gets no better.",
    ]
    if "-small" in run.shown(model):
        lines.append("Narrower or shallower than the original: says nothing of the model at full size.")
    if worse := not_better_than_input(scores, model):
        lines.append(f"In {listed(metric_titles(worse))} no better than the input passed through.")
    if scored == 1:
        lines.append("One seed: nothing is claimed of others.")
    if scored != len(seeds):
        lines.append(f"The scores are those of {counted(scored, 'seed')}; {len(seeds)} of their generators are here.")
    if loose := [name for name, _ in main_scores(scores, model) if not METRICS[name].calibrated]:
        lines.append(f"{listed(metric_titles(loose))}: random features, which compare models of this run alone.")
    cells = {seed.cell.name for seed in seeds}
    lines += [line for line in (*sentences.holes(run), *sentences.collapses(run)) if line.partition(": ")[0] in cells]
    return [f"- {escape_markdown(line)}" for line in lines]


def _cite(run: Run) -> list[str]:
    experiment, split = short_digest(run.plan.get("experiment_digest")), short_digest(run.split.get("digest"))
    commit = short_digest(run.provenance.get("commit"))
    words = f"manga-gan-bench (CITATION.cff of the project), commit {commit}; experiment {experiment}, split {split}."
    return [escape_markdown(words)]
