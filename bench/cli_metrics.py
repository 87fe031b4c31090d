"""Commands about scores: `bench metrics`, and its `ladder`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.console import Console


@click.group(invoke_without_command=True)
@click.pass_context
def metrics(context: click.Context) -> int:
    """List the scores: direction, unit, range, source, and whether they are calibrated on this machine."""
    if context.invoked_subcommand is None:
        from bench.overview import print_metrics

        print_metrics(Console() if Console().is_terminal else Console(width=160))
    return 0


@metrics.command()
@click.argument("source", default="synthetic")
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Folder for ladder.md, .csv, .pdf and .png."
)
@click.option("--pages", default=32, show_default=True, help="Pages to damage, evenly spaced through the source.")
@click.option("--resolution", default=256, show_default=True, help="Short side and window of the pages, px.")
@click.option(
    "--recipe", type=click.Choice(["original", "gray", "lines", "screentone"]), default="original", show_default=True,
    help="How the B/W input is made, which the line scores are held against.",
)  # fmt: skip
@click.option("--seed", default=0, show_default=True, help="Of noise, dropped and invented lines.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda:N.")
def ladder(source: str, out: Path, pages: int, resolution: int, recipe: Any, seed: int, device: str) -> int:
    """Damage true pages of SOURCE step by step (blur, noise, lost colour, turned hue, lost and invented lines, shift, JPEG)
    and write what every score makes of it: what a difference is worth, and on which axes a score is blind."""
    from bench.devices import choose_device
    from bench.laddering import LadderRequest
    from bench.laddering import ladder as climb

    request = LadderRequest(source, out, pages, resolution, recipe, seed, choose_device(device))
    click.echo(climb(request, Console(stderr=True)))
    click.echo(f"figure: {out / 'ladder.pdf'}")
    return 0
