"""Brings one revision of a dataset of the Hugging Face hub onto this machine, or finds it here.

Files are kept where the hub's own library keeps them, below HF_HOME, so that a copy of that folder serves a machine
without internet. A shard that is complete is never fetched again.
"""

import os
import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from data.errors import DataError, NotFetched
from data.printing import printable

REACH_SECONDS = 10.0
"""How long the hub may take to answer before it counts as unreachable."""

NOT_FETCHED = ("*.py", "*.pkl", "*.pickle", "*.pt", "*.pth")
"""Code, and files that run code when they are opened: other people's code never runs here."""

NAME = re.compile(r"(?P<name>\w[\w.-]*/\w[\w.-]*)(?:@(?P<revision>\w[\w.-]*(?:/\w[\w.-]*)*))?", re.ASCII)
"""owner/name, or owner/name@REVISION: a commit, a tag or a branch."""

_COMMIT = re.compile(r"[0-9a-f]{40}")
_NEWEST = "main"
_GIGABYTE = 1e9


@dataclass(frozen=True)
class Hub:
    """Which hub, and where its files are kept; where None, the library's own (HF_ENDPOINT, and HF_HOME/hub)."""

    endpoint: str | None = None
    folder: Path | None = None

    def files(self) -> Path:
        """The folder of downloaded files."""
        from huggingface_hub import constants

        return self.folder or Path(constants.HF_HUB_CACHE)


@dataclass(frozen=True)
class Snapshot:
    """The files of a dataset at one commit.

    Attributes:
        folder: the files, under their names in the repository.
        revision: the commit, 40 hex digits.
        warning: one line where another revision than the newest may have been taken.
        fetched: whether any of the files came over the network just now.
    """

    folder: Path
    revision: str
    warning: str | None = None
    fetched: bool = False


def fetch_snapshot(spec: str, name: str, revision: str | None, *, offline: bool, hub: Hub) -> Snapshot:
    """Return the files of dataset `name` at `revision` (the newest if None), downloaded where they are not here.

    A commit that is here is taken without asking the hub. Offline, and where the hub does not answer, what was downloaded
    before is taken.

    Raises:
        DataError: no such dataset or revision.
        NotFetched: no access, no room, or neither a connection nor a downloaded copy.
    """
    here = _downloaded(name, revision, hub)
    if offline or (here and revision and _COMMIT.fullmatch(revision)):
        return here or _refuse_offline(spec)
    from huggingface_hub.errors import OfflineModeIsEnabled

    try:
        info = _ask(spec, name, revision, hub)
    except OfflineModeIsEnabled:
        return here or _refuse_offline(spec)
    except _Unreachable as error:
        if here is None:
            raise NotFetched(
                f"{spec}: the hub cannot be reached ({error}); check the connection, or download the dataset elsewhere"
                " and give its folder as hf:PATH"
            ) from error
        known = f"its revision {here.revision[:12]}, downloaded before, is used"
        return replace(here, warning=f"{spec}: the hub cannot be reached ({error}); {known}")
    missing = _missing_bytes(spec, name, info, hub)
    snapshot = _download(spec, name, info.sha, hub)
    _remember(snapshot, revision or _NEWEST)
    return replace(snapshot, fetched=missing > 0)


def reason(error: BaseException) -> str:
    """The first line of what a library or a server said, without anything that a terminal might obey."""
    lines = str(error).strip().splitlines()
    return printable(lines[0]) if lines else type(error).__name__


class _Unreachable(Exception):
    """The hub did not answer, or not as a hub does."""


def _downloaded(name: str, revision: str | None, hub: Hub) -> Snapshot | None:
    try:
        folder = _snapshot(name, revision, hub, fetch=False)
    except (OSError, ValueError):
        # Not here, or not all of it.
        return None
    return Snapshot(folder, folder.name)


def _snapshot(name: str, revision: str | None, hub: Hub, *, fetch: bool) -> Path:
    """The folder of a dataset's files; `fetch`: what is missing is downloaded. Raises what the library raises."""
    import huggingface_hub

    return Path(
        huggingface_hub.snapshot_download(
            name,
            repo_type="dataset",
            revision=revision,
            cache_dir=hub.files(),
            ignore_patterns=list(NOT_FETCHED),
            endpoint=hub.endpoint,
            local_files_only=not fetch,
        )
    )


def _refuse_offline(spec: str) -> Snapshot:
    raise NotFetched(
        f"{spec}: not on this machine, and nothing is fetched offline; run `bench data prepare --data {spec}` where there is"
        " internet and copy its HF_HOME here"
    )


def _ask(spec: str, name: str, revision: str | None, hub: Hub) -> Any:
    """The hub's record of the dataset; raises _Unreachable, OfflineModeIsEnabled, or DataError where the hub says no."""
    import huggingface_hub
    from huggingface_hub import errors

    api = huggingface_hub.HfApi(endpoint=hub.endpoint)
    try:
        info = api.dataset_info(name, revision=revision, timeout=REACH_SECONDS, files_metadata=True)
    except errors.OfflineModeIsEnabled:
        raise
    except errors.RevisionNotFoundError as error:
        raise DataError(f"{spec}: the dataset has no revision {revision}; give a commit, a tag or a branch") from error
    except errors.RepositoryNotFoundError as error:
        raise DataError(
            f"{spec}: no such dataset on the hub, or it is private; check the name, or log in with `hf auth login`"
        ) from error
    # Connection errors come from whichever HTTP library the hub's client uses in its release.
    except Exception as error:
        raise _Unreachable(reason(error)) from error
    if not _COMMIT.fullmatch(info.sha or ""):
        raise _Unreachable("it names no commit")
    return info


def _missing_bytes(spec: str, name: str, info: Any, hub: Hub) -> int:
    """What is to be downloaded; raises NotFetched where the disk has no room for it.

    What is missing is written once as it comes, and all of it once more as the table that is opened.
    """
    import fnmatch

    from huggingface_hub.file_download import repo_folder_name

    files = hub.files()
    snapshot = files / repo_folder_name(repo_id=name, repo_type="dataset") / "snapshots" / info.sha
    sizes = {
        file.rfilename: file.size or 0
        for file in info.siblings or ()
        if not any(fnmatch.fnmatch(file.rfilename, pattern) for pattern in NOT_FETCHED)
    }
    missing = sum(size for file, size in sizes.items() if not (snapshot / file).exists())
    if not missing:
        return 0
    needed = missing + sum(sizes.values())
    free = shutil.disk_usage(next(place for place in (files, *files.absolute().parents) if place.exists())).free
    if free < needed:
        raise NotFetched(
            f"{spec}: {needed / _GIGABYTE:,.1f} GB are needed in {files} for the download and its table,"
            f" {free / _GIGABYTE:,.1f} GB are free; free some space, or set HF_HOME to a folder on a larger disk"
        )
    return missing


def _download(spec: str, name: str, commit: str, hub: Hub) -> Snapshot:
    from huggingface_hub import errors

    try:
        folder = _snapshot(name, commit, hub, fetch=True)
    except errors.GatedRepoError as error:
        raise NotFetched(
            f"{spec}: its owner grants access to those who ask; ask on the dataset's page, then log in with `hf auth login`"
        ) from error
    except Exception as error:
        raise NotFetched(
            f"{spec}: the download stopped ({reason(error)}); whole files are kept, run the same command again to go on"
        ) from error
    return Snapshot(folder, commit)


def _remember(snapshot: Snapshot, revision: str) -> None:
    """Note the commit under the revision's name, as the library does; only now, when all files are here."""
    if _COMMIT.fullmatch(revision):
        return
    note = snapshot.folder.parent.parent / "refs" / revision
    note.parent.mkdir(parents=True, exist_ok=True)
    unfinished = note.with_name(f"{note.name}.{os.getpid()}.tmp")
    unfinished.write_text(snapshot.revision, encoding="ascii")
    unfinished.replace(note)
