"""The command line: parse, call, print. Nothing else is decided here."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, Literal

import click
from rich.console import Console

from bench.cli_metrics import evaluate, metrics
from bench.cli_prepare import prepare
from bench.cli_publish import publish
from bench.cli_run import run, show_table, status, wide_console
from bench.cli_verify import verify
from bench.errors import RequestError
from bench.run_log import one_line


def main() -> None:
    """Run the command line; every foreseen error is one line on stderr and an exit code (2: a wrong request)."""
    from bench.provenance import check_packages

    try:
        check_packages()
    except RequestError as error:
        _fail(str(error), 2)

    from data import DataError
    from models import ModelError

    try:
        sys.exit(bench.main(standalone_mode=False) or 0)
    except (RequestError, DataError, ModelError) as error:
        _fail(str(error), 2)
    except click.UsageError as error:
        _fail(error.format_message(), 2, error.ctx)
    except click.ClickException as error:
        _fail(error.format_message(), 2)
    except (click.Abort, KeyboardInterrupt):
        _fail("interrupted; the same command goes on where the last checkpoint was written", 130)
    except RuntimeError as error:
        # What pathlib says of ~name where nobody is called so.
        if "home directory" not in str(error):
            raise
        _fail("a path begins with ~ and a name that no user of this machine has; give the whole path", 2)
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)
        where = f"{error.filename}: " if error.filename else ""
        _fail(f"{where}{error.strerror or error}; what is done is kept, mend it and run the same command again", 2)


def _fail(message: str, exit_code: int, context: click.Context | None = None) -> None:
    # Names of files and what a stranger wrote into them may hold what a terminal would obey.
    line = one_line(message)
    mend = f" (see `{context.command_path} --help`)" if context is not None else ""
    click.echo(f"bench: {line}{mend}", err=True)
    sys.exit(exit_code)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="manga-gan-bench", prog_name="bench")
def bench() -> None:
    """Which GAN colours manga best, at the same compute, and how sure are we?

    \b
    bench run --preset demo                       the demo: three models on the embedded synthetic manga
    bench run --data FOLDER --recipe lines        your own drawings
    bench run --models all --budget 10h           the benchmark: Hub dataset, full widths (needs a GPU)
    bench colorize PAGES --from CELL --out DIR    whole pages, folders and archives, with a trained cell
    bench report --out reports/                   tables, figures and a page from the newest run
    """


bench.add_command(run)
bench.add_command(status)


@bench.command()
@click.argument("runs", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder of reports; this one goes into OUT/<run>, or OUT/<run>+<run>. Default: the run's own report folder, and "
    "reports/ for several runs.",
)
@click.option("--name", help="Name of the report's folder in OUT, in place of the names of the runs.")
@click.option(
    "--pictures", type=click.FloatRange(0, 1_000_000), metavar="MB", default=24, show_default=True,
    help="Room for the pictures of the page's viewer, which a report of one run has; 0: none.",
)  # fmt: skip
@click.option(
    "--figures", type=click.Choice(["all", "png"]), default="all", show_default=True,
    help="Forms of the figures: PDF and SVG for papers too, or what the page shows alone, a third of the bytes.",
)  # fmt: skip
@click.option(
    "--no-pages", is_flag=True,
    help="Show no part of a page, in figures or viewer: for pages that you may not pass on. Figures of scores stay.",
)  # fmt: skip
def report(
    runs: tuple[Path, ...],
    out: Path | None,
    name: str | None,
    pictures: float,
    figures: Literal["all", "png"],
    no_pages: bool,
) -> int:
    """Write tables, figures and a page from the files of RUNS (default: the newest run).

    Several runs make one report, side by side: other recipes, budgets, machines, seeds, models or precisions. They must have
    been scored on the same pages in the same way; what does not compare is refused.
    """
    from bench.reporting.request import make_report

    made = make_report(runs, out, name, pictures, figures, show_pages=not no_pages)
    for warning in made.warnings:
        click.echo(f"bench: {warning}", err=True)
    show_table(made.folder)
    return 0


@bench.group(invoke_without_command=True)
@click.pass_context
def models(context: click.Context) -> int:
    """List the models, their parameters and what they need; `show` looks into one."""
    if context.invoked_subcommand is None:
        from bench.outside_models import print_outside_models
        from bench.overview import print_models

        print_models(wide_console())
        print_outside_models(wide_console())
    return 0


@models.command()
@click.argument("name")
@click.option("--resolution", default="256", show_default=True, help="64, 128, 256, 512 or 1024 px, or 2048x1024.")
@click.option(
    "--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Change a setting of the model, such as ngf=32."
)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def show(name: str, resolution: str, assignments: tuple[str, ...], as_json: bool) -> int:
    """Say what model NAME is: papers, settings, layers, parameters, FLOPs, memory to train."""
    from bench.model_card import model_card
    from bench.model_card_text import print_card
    from bench.requesting import parse_resolution

    height, aspect = parse_resolution(resolution)
    print_card(model_card(name, height, assignments, aspect), wide_console(), as_json=as_json)
    return 0


@models.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
def conform(files: tuple[Path, ...]) -> int:
    """Compare the models with numbers of the original implementations, in float64; exit code 1 where one deviates."""
    from bench.conformance import conform as conforms

    return 0 if conforms(files, wide_console()) else 1


@bench.command()
@click.argument("pages", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--from", "cell", required=True, type=click.Path(path_type=Path),
    help="The trained cell, such as runs/mine/cells/pix2pix-seed0.",
)  # fmt: skip
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for the pictures.")
@click.option("--force", is_flag=True, help="Colour pages again whose picture is there already.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda:N.")
@click.option(
    "--short-side", type=click.IntRange(min=0), metavar="PX",
    help="Short side of the page as the network sees it; 0: the page's own. Default: the cell's resolution.",
)  # fmt: skip
@click.option(
    "--detail", type=click.Choice(["page", "network"]), default="page", show_default=True,
    help="What is finer than --short-side: the page's own lines and tones, or nothing (the network's output enlarged).",
)  # fmt: skip
@click.option(
    "--input", "made_from", type=click.Choice(["page", "recipe"]), default="page", show_default=True,
    help="What the network gets: the page's grey values, or what the cell's recipe makes of them.",
)  # fmt: skip
@click.option(
    "--tile", type=click.IntRange(min=0), metavar="PX",
    help="Cut what the network sees into tiles of this side; 0: never. Default: where its features take over 768 MiB.",
)  # fmt: skip
@click.option(
    "--precision", type=click.Choice(["fp32", "bf16"]), default="fp32", show_default=True,
    help="bf16: faster on a GPU that has it, and other pixels by a few levels. Scores are always of fp32.",
)  # fmt: skip
def colorize(
    pages: tuple[Path, ...], cell: Path, out: Path, force: bool, device: str, short_side: int | None, detail: Any,
    made_from: Any, tile: int | None, precision: Any,
) -> int:  # fmt: skip
    """Colour PAGES (images, folders, CBZ archives) with a trained cell, each at its own size.

    The network colours a page at the size it was trained on, its short side at the cell's resolution, since larger pages
    are foreign to it. The colours are then enlarged to the page's size, and the page's own lines are laid over them as
    ink over paint: the picture is as sharp as the page. `--detail network` shows the bare output instead, and
    `--short-side 0` colours at the page's own size, in overlapping tiles where it is large (slow: every layer that
    normalises needs a pass over all tiles).

    Pictures are lossless: OUT/<stem>.png, and OUT/<archive>/... for archives; sub-folders are kept. Run the same command
    again to go on where it stopped.
    """
    from bench.colorizing import ColorizeRequest
    from bench.devices import choose_device
    from bench.page_colouring import Choices

    choices = Choices(made_from, detail, short_side, tile, precision)
    return _colorize(ColorizeRequest(pages, cell, out, choose_device(device), choices, force))


def _colorize(request: Any) -> int:
    from bench.colorizing import colorize
    from bench.run_log import logging_to
    from bench.stopping import Stopped, listening

    console = Console(stderr=True)
    with logging_to(None, console), listening() as stop:
        try:
            outcome = colorize(request, console, stop.check)
        except Stopped as stopped:
            click.echo("bench: stopped; the pictures that are done stay, the same command goes on from here", err=True)
            return stopped.exit_code
    click.echo(outcome.sentence(request.out))
    return int(outcome.exit_code())


bench.add_command(metrics)
bench.add_command(evaluate)
bench.add_command(verify)
bench.add_command(publish)


@bench.group()
def data() -> None:
    """Look at data, and bring it here, before it is used."""


data.add_command(prepare)


@data.command()
@click.argument("spec")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.option("--layout", default="auto", show_default=True, help="pairs, side-by-side or color; auto looks.")
@click.option(
    "--bw-side", default="auto", show_default=True, help="A or B: the B/W one of two folders or halves; auto looks."
)
@click.option("--contact-sheet", type=click.Path(path_type=Path), help="Also write a picture of some pairs (PNG).")
@click.option(
    "--recipe", "recipes", multiple=True, metavar="NAME|all",
    help="Show on it what this recipe makes of the pages. May be given several times.",
)  # fmt: skip
@click.option("--resolution", help="Size at which recipes are applied, as in `bench run`.  [default: 256]")
@click.option(
    "--bw-column", default="bw_image", show_default=True, help="Column of the B/W pages in a Hub or parquet dataset."
)
@click.option("--color-column", default="color_image", show_default=True, help="Column of the coloured pages.")
def info(
    spec: str, as_json: bool, layout: str, bw_side: str, contact_sheet: Path | None, recipes: tuple[str, ...],
    resolution: str | None, bw_column: str, color_column: str,
) -> int:  # fmt: skip
    """Say what SPEC holds: layout, counts, sizes, groups, near-duplicates, doubtful pairs.

    SPEC is a folder, a CBZ or ZIP archive, a manifest (.csv or .parquet), hf:owner/name, hf:PATH, or synthetic.
    docs/data.md shows the layouts and says what is found.
    """
    from bench.data_info import DataInfoRequest, print_data

    request = DataInfoRequest(
        spec, layout, bw_side, bw_column, color_column, as_json, contact_sheet, recipes, resolution
    )
    print_data(request, wide_console())
    return 0
