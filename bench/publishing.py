"""`bench publish`: a run's trained generators and its results in a folder, laid out as the Hugging Face Hub takes them.

OUT/models/<model>/ becomes a repository of a model: its card, and a folder a seed that `bench colorize --from` takes.
OUT/results/ becomes a repository of a data set: a report without pictures, which `bench verify` verifies, and the scores of every
window in one table. Pictures of pages are never published: they belong to whoever drew them.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import pydantic
import safetensors

from bench.errors import RequestError
from bench.files import read_json, sha256_of, write_bytes, write_json
from bench.links import refuse_link
from bench.metrics.registry import METRICS
from bench.published_cards import PublishedSeed, model_card, results_card
from bench.published_metadata import NOT_STATED, WINDOWS, Names, is_private, source_spec, weights_licence
from bench.reporting.build import report_texts, write_texts
from bench.reporting.escaping import escape_csv
from bench.reporting.layout import SIGNIFICANT_DIGITS
from bench.reporting.reading import IMAGE_COLUMNS, SHUFFLED, CellResult, Run, read_run
from bench.reporting.replacing import Kind, replace_folder
from bench.reporting.scores import Scores, score_run
from bench.reporting.shipped import seal, ship
from bench.reporting.stored_schema import Count, Name, Stored, checked
from bench.reporting.viewer_files import held_pictures
from bench.runfolder import CellFolder

MARK = "published.json"
"""In every folder that becomes a repository: says that `bench publish` wrote it, of what, and the sha256 of its files."""

FORMAT = 1
"""Version of the layout."""

PUBLICATION = Kind("publication", frozenset({"models", "results"}), f"results/{MARK}", ("models", "results/tables"))

LARGEST_WEIGHTS = 8 * 2**30
"""Bytes of a generator: what `--load` takes (MAX_WEIGHTS_BYTES in models/weight_files.py, which would bring torch with it)."""

LARGEST_CARD = 2**20
"""Bytes of a generator.json: a few settings."""

PRIVATE_KEYS = ("status",)
"""Entries of generator.json that are the run's own business: on which machine it was trained, and how long that took."""


class StoredGenerator(Stored):
    """generator.json: what is needed to build the network that the weights beside it belong to."""

    model: Name
    settings: dict[str, Any]
    resolution: Count
    seed: Count
    recipe: str
    sha256: Annotated[str, pydantic.Field(pattern=r"^[0-9a-f]{64}$")]


@dataclass(frozen=True, slots=True)
class Part:
    """A folder that becomes a repository of its own: `name` is the model's, or "results"."""

    name: str
    is_model: bool
    path: Path


@dataclass(frozen=True, slots=True)
class Publication:
    """What was written: its folder, the parts that become repositories, a line for every cell that was left out, and what the
    publisher must know, one line each."""

    folder: Path
    parts: tuple[Part, ...]
    left_out: tuple[str, ...]
    warnings: tuple[str, ...]


def publish(run_folder: Path, out: Path, names: Names, licence: str | None) -> Publication:
    """Write the models and the results of the run into `out`; returns what was written.

    An earlier publication in `out` is replaced whole, or not at all. Cells without a sound generator and scores are left out and
    named. Raises RequestError where no cell is left, where `out` holds something else, and where `licence` is no identifier.
    """
    run = read_run(run_folder)
    licence = weights_licence(licence, run)
    seeds, left_out = _publishable(run)
    if not seeds:
        raise RequestError(
            f"{run_folder}: no generator to publish ({'; '.join(left_out[:3]) or 'nothing was trained'})"
        )
    refuse_link(out)
    out = out.resolve()
    _refuse_inside(out, run)
    replace_folder(out, lambda folder: _write(run, seeds, left_out, names, licence, folder), PUBLICATION)
    models = [Part(model, True, out / "models" / model) for model in seeds]
    parts = (*models, Part("results", False, out / "results"))
    return Publication(out, parts, tuple(left_out), tuple(_warnings(run, licence)))


def _warnings(run: Run, licence: str) -> list[str]:
    lines = []
    if licence == NOT_STATED:
        lines.append("the cards state no licence (`unknown`): --license names one, if the rights in the data let you")
    if is_private(run):
        lines.append(f"results/ names the data as this run did ({source_spec(run)}), and pages by their files' names")
    return lines


def _refuse_inside(out: Path, run: Run) -> None:
    whole = run.folder.path.resolve()
    if out.is_relative_to(whole) and out != whole / run.folder.published.name:
        raise RequestError(
            f"{out}: inside of the run; give an --out elsewhere, or leave it out for {run.folder.published}"
        )


def _publishable(run: Run) -> tuple[dict[str, list[PublishedSeed]], list[str]]:
    """Return the seeds to publish by model, in the order of the tables, and a line for every other cell with weights or without."""
    chosen: dict[str, list[PublishedSeed]] = {}
    left_out = []
    for cell in (cell for model in run.rows for cell in run.cells_of(model)):
        folder = run.folder.cell(cell.name)
        if cell.model.endswith(SHUFFLED) or not (_is_trained(run, cell) or folder.has_generator()):
            continue
        try:
            seed = _seed(run, cell, folder)
        except RequestError as error:
            left_out.append(f"{cell.name}: {error}")
        else:
            chosen.setdefault(cell.model, []).append(seed)
    return chosen, left_out


def _is_trained(run: Run, cell: CellResult) -> bool:
    return bool(run.planned(cell.model).get("trained"))


def _seed(run: Run, cell: CellResult, folder: CellFolder) -> PublishedSeed:
    """Return what is published of a cell; raises RequestError, without the cell's name, where there is nothing sound."""
    if not _is_trained(run, cell) or cell.seed is None:
        raise RequestError("loaded, not trained here: publishing it is up to whoever trained it")
    if cell.hole:
        raise RequestError(cell.hole)
    if not folder.has_generator():
        raise RequestError("has no generator; run the same `bench run` again")
    if folder.generator_card.stat().st_size > LARGEST_CARD:
        raise RequestError(f"generator.json is larger than {LARGEST_CARD:,} bytes, so it is none")
    card = checked(StoredGenerator, read_json(folder.generator_card), folder.generator_card.name)
    if (card["model"], card["seed"]) != (cell.model, cell.seed):
        raise RequestError(f"generator.json is that of {card['model']}-seed{card['seed']}")
    _check_weights(folder.generator, card["sha256"], cell.status.generator_sha256)
    return PublishedSeed(cell, {key: value for key, value in card.items() if key not in PRIVATE_KEYS})


def _check_weights(path: Path, named: str, trained: str | None) -> None:
    """Raise RequestError where the file is not the one that card and status name, or holds something else than tensors."""
    if path.stat().st_size > LARGEST_WEIGHTS:
        raise RequestError(f"generator.safetensors is larger than {LARGEST_WEIGHTS:,} bytes")
    if trained is not None and trained != named:
        raise RequestError("generator.json names another generator than status.json")
    if sha256_of(path) != named:
        raise RequestError("generator.safetensors is not the file that generator.json names, by its sha256")
    try:
        with safetensors.safe_open(path, framework="numpy"):
            pass
    except (safetensors.SafetensorError, OSError):
        raise RequestError("generator.safetensors is no safetensors file") from None


def _write(
    run: Run, seeds: dict[str, list[PublishedSeed]], left_out: Sequence[str], names: Names, licence: str, folder: Path
) -> None:
    scores = score_run(run)
    for model, published in seeds.items():
        card = model_card(run, scores, model, published, names, licence)
        _write_model(run, model, published, card, folder / "models" / model)
    _write_results(run, scores, results_card(run, scores, list(seeds), left_out, names, licence), folder / "results")


def _write_model(run: Run, model: str, published: Sequence[PublishedSeed], card: str, folder: Path) -> None:
    for seed in published:
        source, copy = run.folder.cell(seed.cell.name), CellFolder(folder / seed.folder)
        copy.path.mkdir(parents=True)
        shutil.copyfile(source.generator, copy.generator)
        if sha256_of(copy.generator) != seed.card["sha256"]:
            raise RequestError(f"{source.generator}: changed while it was published; run the same command again")
        write_json(copy.generator_card, seed.card)
    write_bytes(folder / "README.md", card.encode())
    digests = {
        path.relative_to(folder).as_posix(): sha256_of(path) for path in sorted(folder.rglob("*")) if path.is_file()
    }
    write_json(folder / MARK, _mark(run) | {"kind": "model", "model": model, "files": digests})


def _write_results(run: Run, scores: Scores, card: str, folder: Path) -> None:
    write_texts(report_texts(run, scores, (), held_pictures(folder)), folder)
    ship([run.folder.path], folder)
    write_bytes(folder / WINDOWS, _windows(run).encode())
    write_bytes(folder / "README.md", card.encode())
    write_json(folder / MARK, _mark(run) | {"kind": "results"})
    # Last, so that `bench verify` knows every file.
    seal(folder)


def _mark(run: Run) -> dict[str, Any]:
    return {"format": FORMAT, "run": run.name, "experiment_digest": run.plan.get("experiment_digest")}


def _windows(run: Run) -> str:
    """Return the scores of all cells by window as CSV, one cell below the other; untrained rows have no seed."""
    frames = [
        cell.images.assign(model=cell.model, seed=pd.array([cell.seed] * len(cell.images), dtype="Int64"))
        for cell in run.cells
        if cell.images is not None
    ]
    measured = [name for name in METRICS if any(name in frame.columns for frame in frames)]
    frame = pd.concat(frames, ignore_index=True)[["model", "seed", *IMAGE_COLUMNS, *measured]]
    texts = {name: frame[name].map(escape_csv) for name in ("model", *IMAGE_COLUMNS)}
    return frame.assign(**texts).to_csv(index=False, float_format=f"%.{SIGNIFICANT_DIGITS}g", lineterminator="\n")
