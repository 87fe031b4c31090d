"""Uploads what `bench publish` wrote to the Hugging Face Hub: a repository a model, and one of results. Nothing else is sent.

A repository that is there is only written into if `bench publish` wrote it before.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.errors import RequestError
from bench.published_metadata import NOT_STATED, Names
from bench.publishing import MARK, Part, Publication
from data.printing import reason

if TYPE_CHECKING:
    from huggingface_hub import HfApi

_OWNER_AND_NAME = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*", re.ASCII)

OWN_FOLDERS = {True: ["seed*/*"], False: ["tables/*", "data/*"]}
"""What of an earlier upload goes when it is not uploaded again, of models and of results: stale seeds and tables would mislead."""

THE_HUBS_OWN = {".gitattributes"}
"""Files that the Hub puts into every new repository."""


@dataclass(frozen=True, slots=True)
class PushRequest:
    """Where it goes: "owner/name", for everybody or for the owner alone; `endpoint` None is the library's (HF_ENDPOINT)."""

    repository: str
    public: bool = False
    endpoint: str | None = None


def check_push(request: PushRequest, licence: str | None) -> None:
    """Raise RequestError where the push cannot succeed: a wrong name, no network wanted, no token, no licence for the public."""
    from huggingface_hub import constants, get_token

    if not _OWNER_AND_NAME.fullmatch(request.repository):
        raise RequestError(
            f"--repo {request.repository!r:.80}: give owner/name, such as me/manga; the parts' names are put behind it"
        )
    if request.public and (licence is None or licence == NOT_STATED):
        raise RequestError("--public: say with --license under which licence the weights may be used")
    if constants.HF_HUB_OFFLINE:
        raise RequestError("--push: nothing is sent while HF_HUB_OFFLINE is set; unset it, or publish without --push")
    if get_token() is None:
        raise RequestError("--push: no token for the Hub; log in with `hf auth login`, or set HF_TOKEN")


def push(publication: Publication, request: PushRequest) -> list[str]:
    """Upload every part; returns the repositories' addresses. Raises RequestError in one line where the Hub does not take it.

    What was uploaded before stays; the same command goes on.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

    names = [Names(request.repository).of(part.name) for part in publication.parts]
    try:
        # All of them before anything is sent.
        for name in names:
            validate_repo_id(name)
    except HFValidationError as error:
        raise RequestError(f"--repo {request.repository}: {reason(error)}") from None
    api = HfApi(endpoint=request.endpoint, library_name="manga-gan-bench")
    return [_push_part(api, part, name, request) for part, name in zip(publication.parts, names, strict=True)]


def _push_part(api: HfApi, part: Part, name: str, request: PushRequest) -> str:
    kind = "model" if part.is_model else "dataset"
    try:
        url = api.create_repo(name, repo_type=kind, private=not request.public, exist_ok=True)
        _refuse_foreign(api.list_repo_files(name, repo_type=kind), name)
        api.upload_folder(
            repo_id=name, folder_path=part.path, repo_type=kind, commit_message="Published by manga-gan-bench",
            delete_patterns=OWN_FOLDERS[part.is_model],
        )  # fmt: skip
    except RequestError:
        raise
    # Connection errors come from whichever HTTP library the hub's client uses in its release.
    except Exception as error:
        raise RequestError(
            f"{name}: {_refusal(error)}; the folder is whole, run the same command again to go on"
        ) from error
    return str(url)


def _refuse_foreign(files: list[str], name: str) -> None:
    strangers = sorted(set(files) - THE_HUBS_OWN)
    if strangers and MARK not in strangers:
        raise RequestError(
            f"{name} holds {strangers[0]!r:.80}, which `bench publish` did not write: give another --repo"
        )


def _refusal(error: Exception) -> str:
    """Return what went wrong, and the mend where it is known, in a few words."""
    response: Any = getattr(error, "response", None)
    status = getattr(response, "status_code", None)
    if status == 401:
        return "the Hub does not know the token; log in again with `hf auth login`"
    if status == 403:
        return "the token may not write there; take one with the right to write, or another --repo"
    if status is None and isinstance(error, ValueError):
        return f"refused ({reason(error)})"
    return f"the Hub refused it ({reason(error)})" if status else f"the Hub cannot be reached ({reason(error)})"
