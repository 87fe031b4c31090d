"""Downloads a published weights file: under a temporary name, never more than its size, its sha256 before it counts.

Only `bench data prepare` calls this; a run takes what is there.
"""

from __future__ import annotations

import hashlib
import http.client
import re
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from bench.errors import RequestError
from models.pretrained import KnownWeights

ANSWER_SECONDS = 20.0
"""How long a server may be silent."""

MOST_ATTEMPTS = 20
"""Connections for one file; each after the first goes on where the one before broke, and must have brought something."""

_CHUNK_BYTES = 2**20
_PARTIAL, _WHOLE_RANGE_IS_THERE = 206, 416

Show = Callable[[int], None]
"""Called with the bytes that are there."""


def fetch_weights(known: KnownWeights, folder: Path, show: Show) -> Path:
    """Download the weights into `folder` and return their path; a download that stopped before is gone on with.

    Raises RequestError, one line: no connection, no room, or not the published file, which is then removed.
    """
    target = folder / known.file_names[0]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # The lock's file stays: removed, it could be held twice.
        with FileLock(folder / f".{target.name}.lock"):
            if not target.exists():
                _fetch(known, target, show)
    except OSError as error:
        raise RequestError(f"{target}: weights {known.name} cannot be stored ({error.strerror or error})") from None
    return target


def wrong_content(known: KnownWeights, path: Path) -> str | None:
    """Return how the file differs from the published one, None where it does not; read in pieces."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return f"{path}: cannot be read ({error.strerror})"
    if digest == known.sha256:
        return None
    return (
        f"{path}: not the published weights {known.name} ({size:,} bytes with sha256 {digest[:16]}…, expected"
        f" {known.size:,} bytes with {known.sha256[:16]}…)"
    )


def _fetch(known: KnownWeights, target: Path, show: Show) -> None:
    # The digest is in the name, so that what is gone on with is a part of the same file.
    part = target.with_name(f".{target.name}.{known.sha256[:16]}.part")
    _check_room(known, part)
    for _ in range(MOST_ATTEMPTS):
        before = _size(part)
        if before >= known.size:
            break
        problem = _continue(known, part, show)
        if _size(part) <= before and _size(part) < known.size:
            raise RequestError(
                f"weights {known.name}: {known.published} gives nothing ({problem}); check the connection, or put"
                f" {target.name} into {target.parent}"
            )
    if _size(part) < known.size:
        raise RequestError(f"weights {known.name}: the connection breaks too often; run the same command to go on")
    if wrong := wrong_content(known, part):
        part.unlink()
        raise RequestError(f"{wrong}; what {known.published} gave was removed: try again, or get the file elsewhere")
    part.replace(target)


def _continue(known: KnownWeights, part: Path, show: Show) -> str:
    """Add what the server gives to the part, up to one byte more than the published size; returns what ended it."""
    have = _size(part)
    request = urllib.request.Request(known.published, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
            if not _goes_on(answer, have):
                have = 0
            with part.open("ab" if have else "wb") as file:
                # One byte more than is right shows that the file is too long.
                while have <= known.size and (chunk := answer.read(min(_CHUNK_BYTES, known.size + 1 - have))):
                    file.write(chunk)
                    have += len(chunk)
                    show(min(have, known.size))
        return "it ended early"
    except urllib.error.HTTPError as error:
        if error.code == _WHOLE_RANGE_IS_THERE:
            part.unlink(missing_ok=True)
        return f"status {error.code}"
    except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError, ValueError) as error:
        return " ".join(str(getattr(error, "reason", None) or error).split()) or type(error).__name__


def _goes_on(answer: http.client.HTTPResponse, first: int) -> bool:
    """Whether the answer begins at byte `first`; servers that know no ranges give the whole file."""
    span = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range") or "")
    return first > 0 and answer.status == _PARTIAL and span is not None and int(span[1]) == first


def _check_room(known: KnownWeights, part: Path) -> None:
    needed, free = known.size - _size(part), shutil.disk_usage(part.parent).free
    if free < needed:
        raise RequestError(
            f"weights {known.name}: {needed:,} bytes are needed in {part.parent}, {free:,} are free; free some space, or set"
            " TORCH_HOME to a folder on a larger disk"
        )


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
