"""`bench data prepare`: everything that a run of an experiment needs is brought onto this machine, and listed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

import data
from bench.errors import RequestError
from bench.experiment import Experiment
from bench.fetching import fetch_weights, wrong_content
from bench.metrics.choice import PERCEPTUAL_FILES, SET_FILES
from bench.metrics.dinov2_file import (
    FILE_NAME,
    HUB_FILE,
    PACKAGE_MEND,
    REPOSITORY,
    SIZE_MIB,
    fetch_dinov2,
    find_dinov2,
    has_package,
)
from bench.metrics.weights import KNOWN, WeightStore
from bench.preparation import open_source, prepare_data
from bench.progress import Bar
from data.errors import NotFetched
from models.pretrained import VGG19, KnownWeights

_log = logging.getLogger("bench")

_MIB = 2**20

State = Literal["there", "fetched", "made", "missing", "not needed"]


@dataclass(frozen=True)
class Item:
    """One thing that a run uses: its state, bytes on the disk (None: takes none), and its place, or why it is missing.

    `optional`: a run goes on without it, and says so.
    """

    what: str
    state: State
    size: int | None
    place: str
    optional: bool = False


@dataclass(frozen=True)
class PrepareRequest:
    """One `bench data prepare`. `offline`: nothing is fetched, pages are prepared from what is there; `weights_only`: no pages."""

    experiment: Experiment
    cache: Path
    allow_uncalibrated: bool
    offline: bool
    weights: WeightStore
    weights_only: bool = False


def default_weights() -> WeightStore:
    """Return the weights that scores and losses can use, in the folders where they are looked for."""
    return WeightStore({**KNOWN, VGG19.name: VGG19})


def make_ready(request: PrepareRequest, console: Console, safe_point: Callable[[], None]) -> list[Item]:
    """Fetch and prepare what is missing, as far as that is possible, and return everything with its state.

    `safe_point` is called after each prepared page and may raise. Raises data.DataError or RequestError for a wrong request.
    """
    weights = [*_weights(request, console), *_second_extractor(request)]
    return weights if request.weights_only else [*weights, *_data(request, console, safe_point)]


def complete(items: Sequence[Item]) -> bool:
    """Return whether nothing is missing that a run cannot do without."""
    return all(item.state != "missing" or item.optional for item in items)


def print_items(items: Sequence[Item], console: Console) -> None:
    """Print a row an item."""
    table = Table("what", "state", "size", "place, or why it is missing", box=None, padding=(0, 3, 0, 0))
    table.columns[2].justify = "right"
    for item in items:
        size = "" if item.size is None else f"{item.size / _MIB:,.1f} MiB"
        # Text, since names of folders may hold what looks like markup.
        table.add_row(Text(item.what), Text(item.state), Text(size), Text(item.place, overflow="fold"))
    console.print(table)


def wanted_weights(experiment: Experiment) -> list[str]:
    """Return the names of the weights that scores and losses of the experiment use where they are there."""
    return [*SET_FILES, *PERCEPTUAL_FILES, *([VGG19.name] if _vgg_losses(experiment) else [])]


def _vgg_losses(experiment: Experiment) -> set[str]:
    """Return what the trained models that can use the VGG loss say of it: "on", "auto"."""
    settings = [experiment.model_settings[model] for model in experiment.trained_models]
    return {one["vgg_loss"] for one in settings if one.get("vgg_loss", "off") != "off" and one.get("lambda_vgg", 0) > 0}


def _weights(request: PrepareRequest, console: Console) -> Iterator[Item]:
    for name in wanted_weights(request.experiment):
        item = _one_weights_file(request, name, console, unwanted=request.allow_uncalibrated and name != VGG19.name)
        found = request.weights.find(name) is not None
        if item.state == "missing" and name == VGG19.name and "on" not in _vgg_losses(request.experiment) and not found:
            # A wrong file that lies there would stop the run; none at all does not.
            item = replace(item, optional=True, place=f"{item.place}; vgg_loss=auto goes on without")
        yield item


def _second_extractor(request: PrepareRequest) -> Iterator[Item]:
    """What scores on DINOv2 need, where the experiment asks for them."""
    wish = request.experiment.metrics.dinov2
    if wish == "off":
        return
    going_on = "; metrics.dinov2 = auto goes on without" if wish == "auto" else ""
    if not has_package():
        yield Item("package timm", "missing", None, f"{PACKAGE_MEND}{going_on}", optional=wish == "auto")
    what, found = "weights dinov2", find_dinov2(request.weights.places)
    if found is not None:
        yield Item(what, "there", found.stat().st_size, str(found))
    elif request.offline:
        place = f"put {HUB_FILE} of https://huggingface.co/{REPOSITORY} as {FILE_NAME} into {request.weights.places[0]}"
        yield Item(what, "missing", None, f"{place}{going_on}", optional=wish == "auto")
    else:
        try:
            _log.info("fetching %s of %s (%d MiB)", HUB_FILE, REPOSITORY, SIZE_MIB)
            fetched = fetch_dinov2()
            yield Item(what, "fetched", fetched.stat().st_size, str(fetched))
        except RequestError as error:
            yield Item(what, "missing", None, f"{error}{going_on}", optional=wish == "auto")


def _one_weights_file(request: PrepareRequest, name: str, console: Console, *, unwanted: bool) -> Item:
    known, found = request.weights.known[name], request.weights.find(name)
    what = f"weights {name}"
    if found is not None:
        wrong = wrong_content(known, found)
        if wrong is None:
            return Item(what, "there", known.size, str(found))
        return Item(what, "missing", None, f"{wrong}; delete it and run the same command again")
    if unwanted:
        return Item(what, "not needed", None, "--allow-uncalibrated goes without them")
    if not known.published.startswith(("https://", "http://")):
        return Item(what, "missing", None, f"it comes {known.published}; install the project again")
    if request.offline:
        folder = request.weights.places[0]
        return Item(what, "missing", None, f"put {known.file_names[0]} into {folder} (from {known.published})")
    try:
        return Item(what, "fetched", known.size, str(_fetched(request, known, console)))
    except RequestError as error:
        return Item(what, "missing", None, str(error))


def _fetched(request: PrepareRequest, known: KnownWeights, console: Console) -> Path:
    _log.info("fetching %s (%.0f MiB)", known.published, known.size / _MIB)
    with Bar(console, known.name, known.size // _MIB, "MiB") as bar:
        return fetch_weights(known, request.weights.places[0], lambda have: bar.update(have // _MIB))


def _data(request: PrepareRequest, console: Console, safe_point: Callable[[], None]) -> Iterator[Item]:
    spec = request.experiment.data.source
    try:
        source = open_source(request.experiment, offline=request.offline)
    except NotFetched as error:
        yield Item(f"dataset {spec}", "missing", None, str(error))
        yield Item("prepared pages", "missing", None, "they are made of the dataset")
        return
    yield _dataset(source)
    began = time.time()
    prepared = prepare_data(request.experiment, source, request.cache, console, safe_point)
    size = _bytes_in(prepared.folder)
    state: State = "made" if prepared.folder.stat().st_mtime >= began else "there"
    yield Item("prepared pages", state, size, str(prepared.folder))


def _dataset(source: data.PairSource) -> Item:
    revision = getattr(source, "revision", None)
    what = f"dataset {source.title}" + (f" at {revision[:12]}" if revision else "")
    if source.spec == "synthetic":
        return Item(what, "there", None, "drawn by the project")
    place = getattr(source, "folder", None) or Path(source.spec).expanduser()
    return Item(what, "fetched" if getattr(source, "fetched", False) else "there", _bytes_in(place), str(place))


def _bytes_in(place: Path) -> int:
    if place.is_file():
        return place.stat().st_size
    return sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
