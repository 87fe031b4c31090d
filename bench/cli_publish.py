"""The command `bench publish`: parse, call, print."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bench.errors import RequestError


@click.command()
@click.argument("run_folder", metavar="RUN", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), help="Where it is written. Default: the run's folder `published`."
)
@click.option(
    "--license", "licence", metavar="ID",
    help="Licence of the weights, by the Hub's identifier, such as cc-by-nc-4.0. Default: unknown; apache-2.0 where the pages are "
    "the project's own.",
)  # fmt: skip
@click.option(
    "--repo", metavar="OWNER/NAME", help="What the repositories are called: OWNER/NAME-pix2pix, OWNER/NAME-results."
)
@click.option(
    "--push", "pushed", is_flag=True, help="Upload to the Hub, into private repositories unless --public is given."
)
@click.option(
    "--public", is_flag=True, help="With --push: repositories that do not exist yet are made for everybody to see."
)
def publish(
    run_folder: Path, out: Path | None, licence: str | None, repo: str | None, pushed: bool, public: bool
) -> int:
    """Write the trained generators of RUN and its results as the Hugging Face Hub takes them: weights, settings, cards.

    A repository a model, with a folder a seed that `bench colorize --from` takes, and one of results, which `bench verify`
    verifies. No pictures of pages are in it. Cells that did not finish are left out and named.
    """
    from bench.published_metadata import Names
    from bench.publishing import publish as write
    from bench.pushing import PushRequest, check_push
    from bench.runfolder import open_run

    request = _push_request(PushRequest, repo, pushed, public)
    if request is not None:
        check_push(request, licence)
    folder = open_run(run_folder)
    publication = write(run_folder, out or folder.published, Names(repo) if repo else Names(), licence)
    for line in (*(f"left out: {line}" for line in publication.left_out), *publication.warnings):
        click.echo(f"bench: {line}", err=True)
    names = ", ".join(part.name for part in publication.parts)
    click.echo(f"{names} written into {publication.folder}")
    return _push(publication, request)


def _push_request(kind: Any, repo: str | None, pushed: bool, public: bool) -> Any:
    """Return what --push asks for, None without it; raises RequestError for options that would be passed over."""
    if public and not pushed:
        raise RequestError("--public goes with --push")
    if pushed and repo is None:
        raise RequestError("--push: say where to with --repo OWNER/NAME")
    return kind(repo, public) if pushed else None


def _push(publication: Any, request: Any) -> int:
    from bench.pushing import push

    if request is not None:
        for address in push(publication, request):
            click.echo(f"uploaded: {address}")
    return 0
