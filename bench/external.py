"""`bench evaluate --pred`: colourings that others made, scored into a run folder, so that they get the same tables and figures."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import tomli_w
from rich.console import Console

import data
from bench import provenance
from bench.errors import RequestError
from bench.evaluation import Scoring
from bench.external_pages import (
    Folder,
    Place,
    Truth,
    Windows,
    check_names,
    check_resolution,
    grey_pages,
    matching_windows,
    read_truth,
    spooled,
)
from bench.files import write_bytes, write_json, write_parquet, write_png
from bench.metrics.choice import choose_metrics
from bench.metrics.dinov2_file import Wish
from bench.progress import Bar
from bench.reporting.naming import counted
from bench.runfolder import FORMAT, RunFolder

_log = logging.getLogger("bench")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_TAKEN = re.compile(r".*(-seed\d+|-pages-shuffled)")
"""Endings that a run gives to cells of its own."""

_ROWS = ("oracle", "copy")
_RESERVED = ("oracle", "copy", "mean-chroma", "unet-l1")


@dataclass(frozen=True)
class ExternalRequest:
    """Folders of colourings by name, their truth, their B/W pages where given, and how all of it is scored."""

    predictions: Mapping[str, Path]
    truth: Path
    input: Path | None
    resolution: int | None
    out: Path
    allow_lossy: bool
    require_calibrated: bool
    device: str
    dinov2: Wish = "off"


def evaluate_external(request: ExternalRequest, console: Console) -> None:
    """Write a run folder with the scores of every folder of colourings, the oracle and, where B/W pages are given, `copy`.

    Every picture is read once, and a page at a time is in memory. Raises RequestError or data.DataError, one line, before
    anything is written.
    """
    choice = choose_metrics(require_calibrated=request.require_calibrated, dinov2=request.dinov2)
    check_resolution(request.resolution)
    originals = Folder.open("truth", request.truth)
    folders = [Folder.open(_checked(name), path) for name, path in request.predictions.items()]
    given = None if request.input is None else Folder.open("input", request.input)
    for folder in folders:
        _check_lossless(folder, originals, request)
    for folder in (*folders, *([given] if given is not None else [])):
        check_names(folder, originals)
    truth = read_truth(originals, request.resolution, request.out)
    # Without B/W pages lines are held against the truth alone.
    inputs = truth.windows if given is None else spooled(_grey(matching_windows(given, truth)), request.out).windows()
    outputs = {folder.name: spooled(matching_windows(folder, truth), request.out) for folder in folders}
    for folder in folders:
        _note_doubts(folder, originals, outputs[folder.name].windows(), truth.places)
    references = {"oracle": truth.windows} | ({"copy": inputs} if given is not None else {})
    rows = [*outputs, *references]
    run = RunFolder(request.out)
    with run.locked():
        pixels = {"truth_sha256": _sha256(truth.windows), "input_sha256": _sha256(inputs)}
        _write_run(run, request, folders, originals, truth, pixels)
        windows = pd.DataFrame([asdict(place) for place in truth.places])
        write_parquet(run.test_windows, windows)
        _write_windows(run.test_truths, truth.places, truth.windows)
        if given is not None:
            _write_windows(run.test_inputs, truth.places, inputs)
        with Bar(console, "scoring", len(rows), "row") as bar:
            bar.update(0, "features of the truth")
            scoring = Scoring.of(run, windows, inputs, truth.windows, choice, request.device)
            for number, name in enumerate(rows):
                bar.update(number, name)
                cell, theirs = run.cell(name), name in outputs
                pictures = outputs[name].windows() if theirs else references[name]
                if theirs:
                    _write_windows(cell.predictions, truth.places, pictures)
                scoring.score(cell, pictures, by_network=theirs, chance=theirs)


def _write_windows(folder: Path, places: list[Place], windows: Windows) -> None:
    for place, window in zip(places, windows, strict=True):
        write_png(folder / f"{place.window}.png", window)


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name) or name in _RESERVED or _TAKEN.fullmatch(name):
        raise RequestError(
            f"--pred {name!r}: a row's name has letters, digits, dots, dashes and underscores, at most 64, is none of "
            f"{', '.join(_RESERVED)}, and does not end as -seed0 or -pages-shuffled; give it as NAME=FOLDER"
        )
    return name


def _check_lossless(folder: Folder, truth: Folder, request: ExternalRequest) -> None:
    lossy = folder.lossy([page for page in truth.keys if page in folder.keys])
    if lossy and not request.allow_lossy:
        raise RequestError(
            f"{folder.source.spec}: {counted(len(lossy), 'picture')} compressed with loss ({lossy[0]}), which moves every score, "
            "FID by several points: save them as PNG, or give --allow-lossy, which labels the row"
        )


def _note_doubts(folder: Folder, truth: Folder, windows: Windows, places: list[Place]) -> None:
    if grey := grey_pages(windows, places):
        _log.warning("%s: %d of %d pages have no colour (%s)", folder.name, len(grey), len(truth.keys), grey[0])
    if more := [page for page in folder.keys if page not in truth.keys]:
        _log.warning("%s: %s without a truth left out (%s)", folder.name, counted(len(more), "picture"), more[0])


def _sha256(windows: Windows) -> str:
    digest = hashlib.sha256(repr(windows.shape).encode())
    for window in windows:
        digest.update(window.tobytes())
    return digest.hexdigest()


def _grey(windows: Iterable[data.Pixels]) -> Iterator[data.Pixels]:
    """What a model sees of B/W pages: their luma on three channels, as a run's recipe gives it."""
    settings = data.recipe_settings("original")
    return (data.apply_recipe("original", settings, window, window) for window in windows)


def _write_run(
    run: RunFolder, request: ExternalRequest, folders: list[Folder], originals: Folder, truth: Truth, pixels: dict[str, str],
) -> None:  # fmt: skip
    """Write what a report reads beside the scores; refuse a folder of other rows, another truth or another input."""
    experiment = _experiment(request, originals, truth) | pixels
    content = tomli_w.dumps(experiment).encode()
    if run.experiment.exists() and run.experiment.read_bytes() != content:
        raise RequestError(
            f"{run.path}: holds another run, or one with other rows, another truth or another input; give another --out, or "
            "delete it"
        )
    write_bytes(run.experiment, content)
    write_json(run.provenance, provenance.collect(request.device) | {"deterministic": False})
    groups = {place.page: place.group for place in truth.places}
    split: dict[str, Any] = {
        "group_by": "chapter",
        "train": [],
        "validation": [],
        "test": list(groups),
        "groups": groups,
    }
    contents = [f"{place.window}\0{place.group}" for place in truth.places]
    write_json(run.split, split | {"digest": hashlib.sha256("\n".join(contents).encode()).hexdigest()})
    write_json(run.plan, _plan(request, folders, originals, hashlib.sha256(content).hexdigest()))


def _experiment(request: ExternalRequest, originals: Folder, truth: Truth) -> dict[str, Any]:
    height, width = truth.geometry.window
    return {
        "kind": "evaluation of colourings that were made elsewhere",
        "models": [],
        "rows": sorted(request.predictions),
        "references": ["oracle"] + (["copy"] if request.input is not None else []),
        "seeds": [0],
        "budget": "none",
        "resolution": height,
        "window_aspect": width // height,
        "recipe": "as given"
        if request.input is not None
        else "not given (lines and edges are held against the truth alone)",
        "data": {"source": originals.source.title, "group_by": "chapter"},
    }


def _plan(request: ExternalRequest, folders: list[Folder], originals: Folder, digest: str) -> dict[str, Any]:
    rows: dict[str, Any] = {name: {"shown_name": name, "ranked": False, "trained": False} for name in _ROWS}
    for folder in folders:
        lossy = folder.lossy(list(originals.keys))
        remarks = [f"{len(lossy)} of {len(originals.keys)} outputs compressed with loss"] if lossy else []
        shown = f"{folder.name} (lossy)" if lossy else folder.name
        mode = "unknown, the outputs were made elsewhere"
        rows[folder.name] = {
            "shown_name": shown, "ranked": False, "trained": False, "inference_mode": mode, "remarks": remarks,
        }  # fmt: skip
    return {
        "format": FORMAT,
        "experiment_digest": digest,
        "budget": "none",
        "budget_unit": "steps",
        "share": 0.0,
        "trained_cells": 0,
        "device": request.device,
        "precision": "fp32",
        "models": rows,
    }
