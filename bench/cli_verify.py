"""The command `bench verify`: parse, call, print."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console


@click.command()
@click.argument("report", type=click.Path(path_type=Path))
@click.option(
    "--run", "run_folder", type=click.Path(path_type=Path),
    help="Also compute the scores again from this run's pictures, and hold them against those that the report ships.",
)  # fmt: skip
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda:N, for --run.")
def verify(report: Path, run_folder: Path | None, device: str) -> int:
    """Rebuild the tables of REPORT from the scores that it ships, compare every cell, check every digest.

    Needs the report's folder alone, and no GPU. Exit code 1 where something differs, with a line for each difference.
    """
    from bench.reporting.verify import verify_report
    from bench.stopping import Stopped

    found = verify_report(report)
    differences = list(found.differences)
    if run_folder is not None:
        try:
            differences += _recomputed(report, run_folder, device)
        except Stopped as stopped:
            click.echo("bench: stopped before the scores were computed again", err=True)
            return stopped.exit_code
    for line in differences:
        click.echo(f"bench: {line}", err=True)
    click.echo(f"{report}: {found.sentence}")
    if run_folder is not None:
        click.echo(
            f"{run_folder}: scores computed again, {'all equal' if len(differences) == len(found.differences) else 'some differ'}"
        )
    return 1 if differences else 0


def _recomputed(report: Path, run: Path, device: str) -> list[str]:
    from bench.devices import choose_device
    from bench.recomputing import compare_with_run
    from bench.run_log import logging_to
    from bench.stopping import listening

    console = Console(stderr=True)
    with logging_to(None, console), listening() as stop:
        return compare_with_run(report, run, choose_device(device), console, stop.check)
