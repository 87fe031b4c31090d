"""A local dataset may be a stranger's: refused where `datasets` would take files from outside of its folder."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from data.errors import DataError
from data.images import SUFFIXES
from data.printing import printable

_MOST_BYTES = 16 * 2**20
"""Of a file that `save_to_disk` keeps its records in; a larger one is refused."""

_SPLITS, _STATE = "dataset_dict.json", "state.json"


def leads_out(name: str) -> bool:
    """Whether the name of a file, or a pattern of names, stands for something outside of the folder it is used in."""
    return "://" in name or name.startswith(("/", "~", "\\")) or ".." in name.replace("\\", "/").split("/")


def refuse_outside_links(spec: str, folder: Path, root: Path) -> None:
    """Raise DataError where a link below `folder` leads out of `root`, a resolved path that the folder lies in.

    Images that rows name are not looked at: those that lie outside are refused one by one, when they are read.
    """
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(parent) / name
            if path.is_symlink() and path.suffix.lower() not in SUFFIXES and not _stays_in(path, root):
                place = printable(str(path.relative_to(folder)))
                raise DataError(f"{spec}: {place} is a link out of the dataset; put the file itself there")


def refuse_outside_records(spec: str, folder: Path) -> None:
    """Raise DataError where the records of a folder that `save_to_disk` wrote name files outside of it."""
    for name in (_SPLITS, *(f"{split}/{_STATE}" for split in ("", *_splits(spec, folder)))):
        for file in _named_files(_record(spec, folder, name)):
            if leads_out(file):
                raise DataError(
                    f"{spec}: {name.lstrip('/')} takes data from {printable(file)}, out of the dataset; save the dataset anew"
                )


def snapshot_root(folder: Path) -> Path:
    """The resolved folder that all files of the dataset in `folder` must lie in: itself.

    Of a snapshot in the hub's cache, whose files are links into a folder beside it, that is the folder of both.
    """
    place = folder.resolve()
    return place.parent.parent if place.parent.name == "snapshots" else place


def _stays_in(link: Path, root: Path) -> bool:
    try:
        return link.resolve(strict=True).is_relative_to(root)
    # A link to nothing, or to itself: RuntimeError before Python 3.13.
    except (OSError, RuntimeError):
        return False


def _splits(spec: str, folder: Path) -> list[str]:
    return [name for name in _texts(_record(spec, folder, _SPLITS).get("splits")) if not leads_out(name)]


def _named_files(record: dict[str, Any]) -> Iterator[str]:
    yield from _texts(record.get("splits"))
    entries = record.get("_data_files")
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict):
            yield from _texts([entry.get("filename")])


def _texts(values: object) -> list[str]:
    return [value for value in values if isinstance(value, str)] if isinstance(values, list) else []


def _record(spec: str, folder: Path, name: str) -> dict[str, Any]:
    """The record, empty where there is none that can be read: `datasets` says then what is wrong."""
    path = folder / name.lstrip("/")
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise DataError(f"{spec}: {printable(name)} is larger than {_MOST_BYTES:,} bytes; save the dataset anew")
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}
