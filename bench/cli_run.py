"""The commands `bench run` and `bench status`: parse, call, print."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from bench.errors import RequestError


def wide_console() -> Console:
    """Return standard output: as wide as the terminal, wide enough for every table where it is not one."""
    return Console() if sys.stdout.isatty() else Console(width=140)


@click.command()
@click.option(
    "--preset",
    help="demo, small, paper, or a .toml file. Default: paper for Hub data, small for a folder, demo for synthetic.",
)
@click.option(
    "--data",
    "source",
    help="synthetic, a folder, a CBZ or ZIP archive, a manifest (.csv, .parquet), hf:owner/name[@REVISION], or hf:PATH of a "
    "local parquet dataset.",
)
@click.option(
    "--models", "names", help="Models by comma, or `all` (the three GANs). Reference rows come by themselves."
)
@click.option(
    "--load",
    "loads",
    multiple=True,
    metavar="NAME=FILE",
    help="Also score a generator trained elsewhere, such as pix2pix=latest_net_G.pth; `--models none` scores it alone.",
)
@click.option("--budget", help="Training compute of the whole experiment: 10h, 6m, 2-pflop, 200k-images, 5k-steps.")
@click.option("--seeds", help="A number N for the seeds 0 to N-1, or seeds by comma such as 3,7.")
@click.option("--recipe", help="How the black-and-white input is made: original, gray, lines or screentone.")
@click.option("--resolution", help="64, 128, 256, 512 or 1024 px, or 2048x1024.")
@click.option("--precision", help="fp32 or bf16, the same for all models.")
@click.option("--group-by", help="What is kept whole by the split: chapter or series (harder).")
@click.option("--split", "split_file", help="Take the split of another run: its split.json. One that leaks is refused.")
@click.option("--out", type=click.Path(path_type=Path), help="The run's folder. Default: runs/<preset>-<digest>.")
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change any number of the preset, such as training.batch_size=4.",
)
@click.option("--plan", type=click.Path(path_type=Path), help="Repeat the steps of another run's plan.json.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda:N.")
@click.option(
    "--cache",
    type=click.Path(path_type=Path),
    help="Folder for decoded pages. Default: $MANGA_GAN_BENCH_CACHE, else ~/.cache/manga-gan-bench.",
)
@click.option(
    "--deterministic", is_flag=True, help="The same bits every time on a GPU too (slower); the CPU always is."
)
@click.option(
    "--allow-uncalibrated", is_flag=True, help="Go on without metric weights: rFD and rLPIPS instead of FID and LPIPS."
)
@click.option(
    "--offline", is_flag=True, help="Reach for nothing over the network; `bench data prepare` brings everything before."
)
@click.option(
    "--cell", "cells", multiple=True, metavar="NAME",
    help="Train and colour this cell alone, such as pix2pix-seed0, beside other processes that work on others. The command "
    "without --cell then scores them all and reports.",
)  # fmt: skip
@click.option("--retry-failed", is_flag=True, help="Take up cells again that failed, for instance out of memory.")
@click.option(
    "--executor", type=click.Choice(["local", "ray"]), default="local", show_default=True,
    help="Where cells are worked on: in this process, or as tasks of Ray on all GPUs and machines of a cluster.",
)  # fmt: skip
@click.option(
    "--address", metavar="ADDRESS", help="Ray's cluster, such as auto or HOST:6379. Default: one for this run."
)
@click.option(
    "--gpus-per-cell", type=click.FloatRange(min=0), metavar="SHARE",
    help="GPUs that Ray gives a cell; 0.5: two cells share one. Default: 1 where the cluster has GPUs.",
)  # fmt: skip
@click.option(
    "--cpus-per-cell", type=click.IntRange(min=1), metavar="N",
    help="Processor cores that Ray gives a cell.  [default: 1]",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Only say what would be done: cells, shares, steps, time, disk.")
def run(
    preset: str | None, source: str | None, names: str | None, loads: tuple[str, ...], budget: str | None, seeds: str | None,
    recipe: str | None, resolution: str | None, precision: str | None, group_by: str | None, split_file: str | None,
    out: Path | None, assignments: tuple[str, ...], plan: Path | None, device: str, cache: Path | None,
    deterministic: bool, allow_uncalibrated: bool, offline: bool, cells: tuple[str, ...], retry_failed: bool,
    executor: str, address: str | None, gpus_per_cell: float | None, cpus_per_cell: int | None, dry_run: bool,
) -> int:  # fmt: skip
    """Train, colour, score and report; run again to go on where it stopped.

    Exit codes: 0 complete; 1 a cell without a result; 2 a wrong request or unusable data; 75 stopped by SIGTERM with
    everything saved; 130 stopped by Ctrl-C. docs/running.md says what happens when something goes wrong.
    """
    from bench.offline import go_offline
    from bench.requesting import build_experiment, default_cache

    given: dict[str, Any] = {
        "models": names, "budget": budget, "seeds": seeds, "recipe": recipe, "resolution": resolution,
        "precision": precision, "data.group_by": group_by, "data.source": source,
        "data.split_file": split_file,
    }  # fmt: skip
    experiment = build_experiment(preset, given, assignments, allow_uncalibrated, loads)
    if offline:
        go_offline()
    # After the request is known to be right: these imports take seconds.
    from bench.devices import choose_device
    from bench.run_request import Request

    _refuse_idle_options(executor, address, cells, gpus_per_cell, cpus_per_cell, device, dry_run)
    out = out or Path("runs") / f"{Path(experiment.preset).stem}-{experiment.digest()[:8]}"
    request = Request(
        experiment, out, choose_device(device), cache or default_cache(), plan, deterministic, offline, retry_failed
    )
    if dry_run:
        return _dry_run(request)
    if executor == "ray" or address is not None:
        return _run_on_ray(request, address, gpus_per_cell, cpus_per_cell or 1)
    return _run_cells(request, cells) if cells else _run(request)


def _refuse_idle_options(
    executor: str, address: str | None, cells: tuple[str, ...], gpus: float | None, cpus: int | None, device: str, dry_run: bool
) -> None:  # fmt: skip
    """Raise RequestError for options that would be passed over beside the others."""
    on_ray = executor == "ray" or address is not None
    if on_ray and cells:
        raise RequestError("--cell goes without --executor ray: Ray gives out the cells itself")
    if on_ray and device != "auto":
        raise RequestError(
            f"--device {device} goes without --executor ray: give --gpus-per-cell 0 for the CPU, 1 for a GPU a cell"
        )
    if not on_ray and (gpus is not None or cpus is not None):
        raise RequestError("--gpus-per-cell and --cpus-per-cell go with --executor ray")
    if cells and dry_run:
        raise RequestError("--dry-run shows the whole run: leave --cell out")


def _run(request: Any) -> int:
    from bench import orchestrate
    from bench.runfolder import RunFolder

    folder = RunFolder(request.out)
    with folder.locked():
        return _in_the_open(folder.log, lambda console, stop: orchestrate.run(request, console, stop), folder.report)


def _run_cells(request: Any, cells: tuple[str, ...]) -> int:
    from bench import orchestrate
    from bench.runfolder import RunFolder

    folder = RunFolder(request.out)
    # Known before a folder is made for it.
    log = folder.cell(orchestrate.named_cell(request.experiment, cells[0]).name).log
    with folder.shared():
        return _in_the_open(log, lambda console, stop: orchestrate.run_cells(request, cells, console, stop), None)


def _run_on_ray(request: Any, address: str | None, gpus: float | None, cpus: int) -> int:
    from bench import ray_cells
    from bench.runfolder import RunFolder

    folder = RunFolder(request.out)
    cluster = ray_cells.Cluster(address, gpus, cpus)
    with folder.locked():
        return _in_the_open(
            folder.log, lambda console, stop: ray_cells.run(request, cluster, console, stop), folder.report
        )


def _in_the_open(log: Path, work: Callable[[Console, Any], bool], report: Path | None) -> int:
    """Do the work, watched: with a log, stoppable, its warnings gathered at the end; returns the exit code."""
    from bench.run_log import logging_to
    from bench.stopping import Stopped, listening

    console = Console(stderr=True)
    with contextlib.ExitStack() as stack:
        warnings = stack.enter_context(logging_to(log, console))
        stop = stack.enter_context(listening())
        try:
            complete = work(console, stop)
        except Stopped as stopped:
            click.echo("bench: stopped with everything saved; the same command goes on from here", err=True)
            return stopped.exit_code
        finally:
            _show_warnings(warnings.texts, log)
    if report is not None:
        show_table(report)
    return 0 if complete else 1


def _show_warnings(texts: list[str], log: Path) -> None:
    if texts:
        click.echo(f"\n{len(texts)} warning{'s' if len(texts) > 1 else ''} (also in {log}):", err=True)
        for text in texts:
            click.echo(f"  - {text}", err=True)
        click.echo("", err=True)


def _dry_run(request: Any) -> int:
    from bench.dryrun import print_dry_run

    print_dry_run(request, wide_console())
    return 0


def show_table(report: Path) -> None:
    """Print the main table of the report in this folder, and where its page is."""
    click.echo((report / "tables" / "main.md").read_text(encoding="utf-8"))
    click.echo(f"report: {report / 'index.html'}")


@click.command()
@click.argument("run_folder", required=False, type=click.Path(path_type=Path))
@click.option("--watch", is_flag=True, help="Keep showing it until every cell has ended and is scored, or Ctrl-C.")
@click.option(
    "--interval", type=click.FloatRange(min=0.2, max=3600), default=2.0, show_default=True, metavar="SECONDS",
    help="How often --watch looks.",
)  # fmt: skip
def status(run_folder: Path | None, watch: bool, interval: float) -> int:
    """Show how far the cells of a run are (default: the newest run)."""
    from bench.runfolder import newest_run, open_run
    from bench.status_view import print_status, watch_status

    folder = open_run(run_folder) if run_folder else newest_run(Path("runs"))
    if watch:
        watch_status(folder, Console(), interval)
    else:
        print_status(folder, wide_console())
    return 0
