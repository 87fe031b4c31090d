"""What `bench data info` prints and writes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console

import data
from bench.errors import RequestError
from bench.experiment import RESOLUTIONS
from bench.progress import Bar
from bench.requesting import parse_resolution
from bench.run_log import logging_to

DEFAULT_RESOLUTION = "256"
ALL_RECIPES = "all"


@dataclass(frozen=True)
class DataInfoRequest:
    """What was asked of a source: how to open it, and a contact sheet with what some recipes make of its pages."""

    spec: str
    layout: str
    bw_side: str
    bw_column: str
    color_column: str
    as_json: bool
    contact_sheet: Path | None
    recipes: tuple[str, ...]
    resolution: str | None


def print_data(request: DataInfoRequest, console: Console) -> None:
    """Print what the source holds, as text or as JSON; write a contact sheet where asked.

    Raises:
        RequestError: recipes without a sheet to show them on, or a wrong resolution.
        data.DataError: the source is unusable, or a recipe is unknown or cannot be applied.
    """
    height, aspect = _resolution(request)
    for recipe in request.recipes:
        if recipe != ALL_RECIPES:
            data.recipe_settings(recipe)
    source = data.open_pairs(
        request.spec, layout=request.layout, bw_side=request.bw_side, bw_column=request.bw_column,
        color_column=request.color_column,
    )  # fmt: skip
    description = _described(source)
    if request.as_json:
        click.echo(json.dumps(description.model_dump(mode="json"), indent=1, sort_keys=True))
    else:
        console.print(description.text(), markup=False, highlight=False, soft_wrap=True)
    if request.contact_sheet is None:
        return
    recipes = _recipes(request.recipes, has_bw=description.pairs > 0)
    if recipes:
        data.recipe_sheet(source, request.contact_sheet, recipes, resolution=height, aspect=aspect)
    else:
        data.contact_sheet(source, request.contact_sheet)
    click.echo(f"contact sheet: {request.contact_sheet}", err=request.as_json)


def _resolution(request: DataInfoRequest) -> tuple[int, int]:
    if request.recipes and request.contact_sheet is None:
        raise RequestError(
            "--recipe: inputs are shown on the contact sheet; name its file with --contact-sheet FILE.png"
        )
    if request.resolution is not None and not request.recipes:
        raise RequestError("--resolution: says at what size inputs are made; name recipes with --recipe")
    height, aspect = parse_resolution(request.resolution or DEFAULT_RESOLUTION)
    if height not in RESOLUTIONS:
        raise RequestError(f"--resolution {height}: choose one of {', '.join(map(str, RESOLUTIONS))}, or 2048x1024")
    return height, aspect


def _described(source: data.PairSource) -> data.Description:
    """The description; on stderr a bar shows how far it is."""
    console = Console(stderr=True)
    total = len(source.keys())
    with logging_to(None, console), Bar(console, "reading pages", total, "page") as bar:
        return data.describe(source, on_progress=lambda done, total: bar.update(done))


def _recipes(names: Sequence[str], *, has_bw: bool) -> list[data.Recipe]:
    """The recipes in the order asked for; `all` leaves out "original" where no page has B/W."""
    possible = [recipe for recipe in data.RECIPES if has_bw or recipe != "original"]
    chosen = [
        recipe
        for name in names
        for recipe in (possible if name == ALL_RECIPES else [known for known in data.RECIPES if known == name])
    ]
    return list(dict.fromkeys(chosen))
