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
@click.option(
    "--pages",
    type=click.IntRange(min=2),
    default=32,
    show_default=True,
    help="Pages to damage, evenly spaced through the source.",
)
@click.option(
    "--resolution",
    type=click.IntRange(min=64),
    default=256,
    show_default=True,
    help="Short side and window of the pages, px.",
)
@click.option(
    "--recipe", type=click.Choice(["original", "gray", "lines", "screentone"]), default="original", show_default=True,
    help="How the B/W input is made, which the line scores are held against.",
)  # fmt: skip
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of noise, dropped and invented lines."
)
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


@click.command()
@click.argument("run_folder", required=False, type=click.Path(path_type=Path))
@click.option(
    "--pred", "predictions", multiple=True, metavar="[NAME=]FOLDER",
    help="A folder of colourings, named as the truth's pages are; may be given several times. NAME: its row.",
)  # fmt: skip
@click.option("--truth", type=click.Path(path_type=Path), help="The coloured originals.")
@click.option("--input", "source", type=click.Path(path_type=Path), help="The B/W pages, for line scores and `copy`.")
@click.option(
    "--resolution", type=int, help="Bring every page's short side to this and score windows, as a run does, px."
)
@click.option("--out", type=click.Path(path_type=Path), help="Where scores and report go. Default: runs/evaluation.")
@click.option("--allow-lossy", is_flag=True, help="Score JPEG and WebP outputs too; their row says so.")
@click.option("--require-calibrated", is_flag=True, help="Stop where the weights for FID and LPIPS are missing.")
@click.option(
    "--dinov2", type=click.Choice(["off", "auto", "require"]),
    help="Scores on DINOv2 beside FID: never, where they can be had, or not without. Default: what RUN asked for, else off.",
)  # fmt: skip
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda:N.")
def evaluate(
    run_folder: Path | None, predictions: tuple[str, ...], truth: Path | None, source: Path | None, resolution: int | None,
    out: Path | None, allow_lossy: bool, require_calibrated: bool, dinov2: Any, device: str,
) -> int:  # fmt: skip
    """Score colourings without training: those of RUN again, from its PNGs, or any folders against their truth.

    \b
    bench evaluate runs/mine
    bench evaluate --pred theirs=outputs/ --truth originals/ --input lineart/ --resolution 256 --out runs/theirs
    """
    from bench.devices import choose_device
    from bench.external import ExternalRequest
    from bench.requesting import named_folders

    if run_folder is None:
        if truth is None or not predictions:
            raise click.UsageError("name a RUN, or give --pred FOLDER and --truth FOLDER")
        request = ExternalRequest(
            named_folders(predictions), truth, source, resolution, out or Path("runs") / "evaluation", allow_lossy,
            require_calibrated, choose_device(device), dinov2 or "off",
        )  # fmt: skip
        return _evaluate_external(request)
    if predictions or truth or source or resolution or out or allow_lossy:
        raise click.UsageError("RUN stands alone: it has its own pages, sizes and folder")
    return _evaluate_run(run_folder, require_calibrated, dinov2, choose_device(device))


def _evaluate_external(request: Any) -> int:
    from bench.external import evaluate_external
    from bench.run_log import logging_to

    console = Console(stderr=True)
    with logging_to(None, console):
        evaluate_external(request, console)
    return _report(request.out)


def _evaluate_run(path: Path, require_calibrated: bool, dinov2: Any, device: str) -> int:
    from bench.rescoring import rescore
    from bench.run_log import logging_to
    from bench.stopping import Stopped, listening

    console = Console(stderr=True)
    with logging_to(None, console), listening() as stop:
        try:
            rescore(path, require_calibrated, dinov2, device, console, stop.check)
        except Stopped as stopped:
            click.echo("bench: stopped; cells that are scored stay, the same command scores all again", err=True)
            return stopped.exit_code
    return _report(path)


def _report(path: Path) -> int:
    from bench.reporting.build import build_report
    from bench.runfolder import RunFolder

    folder = RunFolder(path)
    for warning in build_report(path, folder.report).warnings:
        click.echo(f"bench: {warning}", err=True)
    click.echo((folder.report / "tables" / "main.md").read_text(encoding="utf-8"))
    click.echo(f"report: {folder.report / 'index.html'}")
    return 0
