"""The command `bench data prepare`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console


@click.command()
@click.option(
    "--preset",
    help="demo, small, paper, or a .toml file. Default: paper for Hub data, small for a folder, demo for synthetic.",
)
@click.option(
    "--data", "source", help="What `bench run` takes: synthetic, a folder, hf:owner/name[@REVISION], hf:PATH."
)
@click.option("--models", "names", help="Models by comma, or `all`: some use weights of their own.")
@click.option("--recipe", help="How the black-and-white input is made: original, gray, lines or screentone.")
@click.option("--resolution", help="64, 128, 256, 512 or 1024 px, or 2048x1024.")
@click.option("--group-by", help="What is kept whole by the split: chapter or series (harder).")
@click.option("--split", "split_file", help="The split of another run: its split.json.")
@click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Change any number of the preset.")
@click.option(
    "--cache",
    type=click.Path(path_type=Path),
    help="Folder for decoded pages. Default: $MANGA_GAN_BENCH_CACHE, else ~/.cache/manga-gan-bench.",
)
@click.option("--allow-uncalibrated", is_flag=True, help="Do without metric weights.")
@click.option("--weights-only", is_flag=True, help="Bring the weights of scores and losses alone, and no data.")
@click.option("--offline", is_flag=True, help="Fetch nothing: prepare the pages that are here, say what is missing.")
def prepare(
    preset: str | None, source: str | None, names: str | None, recipe: str | None, resolution: str | None,
    group_by: str | None, split_file: str | None, assignments: tuple[str, ...], cache: Path | None,
    allow_uncalibrated: bool, weights_only: bool, offline: bool,
) -> int:  # fmt: skip
    """Bring everything that `bench run` with the same options needs onto this machine: dataset, weights, decoded pages.

    After it, `bench run --offline` needs no network. Exit code 1 where something is missing that the run needs; what was
    fetched stays, and the same command goes on.
    """
    from bench.offline import go_offline
    from bench.requesting import build_experiment, default_cache

    given: dict[str, Any] = {
        "models": names, "recipe": recipe, "resolution": resolution, "data.group_by": group_by, "data.source": source,
        "data.split_file": split_file,
    }  # fmt: skip
    experiment = build_experiment(preset, given, assignments, allow_uncalibrated)
    if offline:
        go_offline()
    # After the request is known to be right: these imports take seconds.
    from bench.readiness import PrepareRequest, default_weights

    return _prepare(
        PrepareRequest(
            experiment,
            cache or default_cache(),
            allow_uncalibrated,
            offline,
            default_weights(),
            weights_only=weights_only,
        )
    )


def _prepare(request: Any) -> int:
    from bench.readiness import complete, make_ready, print_items
    from bench.run_log import logging_to

    console = Console(stderr=True)
    # Ctrl-C ends a download or a preparation at once; both go on from there.
    with logging_to(None, console):
        items = make_ready(request, console, lambda: None)
    print_items(items, Console() if sys.stdout.isatty() else Console(width=200))
    return 0 if complete(items) else 1
