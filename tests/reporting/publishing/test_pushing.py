"""`bench publish --push`, against a server on this machine: what is sent where, and one line for everything that fails."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants

from bench.cli import main
from bench.errors import RequestError
from bench.publishing import Publication
from bench.pushing import PushRequest, check_push, push

Contents = Callable[[Path], dict[str, bytes]]


def refusal(publication: Publication, request: PushRequest) -> str:
    with pytest.raises(RequestError) as raised:
        push(publication, request)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_every_part_arrives_in_a_private_repository_of_its_own(
    upload_hub: Any, published: Publication, contents: Contents
) -> None:
    addresses = push(published, PushRequest("me/manga", endpoint=upload_hub.url))
    assert addresses[0] == f"{upload_hub.url}/me/manga-pix2pix"
    assert sorted(upload_hub.repositories) == [
        "datasets/me/manga-results", *(f"models/me/manga-{name}" for name in ("cyclegan", "pix2pix", "pix2pixhd", "unet-l1"))
    ]  # fmt: skip
    assert all(upload_hub.private.values())
    assert upload_hub.tokens == {"Bearer hf_test"}
    for part in published.parts:
        there = dict(upload_hub.repositories[f"{'models' if part.is_model else 'datasets'}/me/manga-{part.name}"])
        del there[".gitattributes"]
        assert there == contents(part.path)


def test_public_where_it_is_said(upload_hub: Any, published: Publication) -> None:
    push(published, PushRequest("me/manga", public=True, endpoint=upload_hub.url))
    assert not any(upload_hub.private.values())


def test_pushed_again_stale_seeds_go_and_other_files_stay(upload_hub: Any, published: Publication) -> None:
    request = PushRequest("me/manga", endpoint=upload_hub.url)
    push(published, request)
    files = upload_hub.repositories["models/me/manga-pix2pix"]
    files |= {"seed7/generator.safetensors": b"old", "notes.md": b"mine"}
    push(published, request)
    assert "seed7/generator.safetensors" not in files
    assert files["notes.md"] == b"mine"


def test_a_repository_of_something_else_is_not_written_into(upload_hub: Any, published: Publication) -> None:
    mine = {"pytorch_model.bin": b"mine", "README.md": b"mine"}
    upload_hub.repositories["models/me/manga-pix2pix"] = dict(mine)
    said = refusal(published, PushRequest("me/manga", endpoint=upload_hub.url))
    assert "which `bench publish` did not write" in said
    assert upload_hub.repositories == {"models/me/manga-pix2pix": mine}


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("create", 401, "does not know the token"),
        ("create", 403, "may not write there"),
        ("create", 500, "the Hub refused it"),
        ("commit", 413, "the Hub refused it"),
    ],
)
def test_what_the_hub_refuses_is_one_line(
    upload_hub: Any, published: Publication, path: str, status: int, words: str
) -> None:
    upload_hub.refuse[path] = status
    said = refusal(published, PushRequest("me/manga", endpoint=upload_hub.url))
    assert words in said
    assert said.startswith("me/manga-pix2pix: ")
    assert "run the same command again" in said


def test_a_hub_out_of_reach_is_one_line_and_soon(published: Publication, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_test")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{free.getsockname()[1]}"
    began = time.monotonic()
    said = refusal(published, PushRequest("me/manga", endpoint=endpoint))
    assert time.monotonic() - began < 5
    assert "the Hub cannot be reached" in said


def test_what_cannot_succeed_is_refused_before_anything_is_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_test")
    check_push(PushRequest("me/manga"), None)
    for name in ("manga", "a/b/c", "https://huggingface.co/me/manga", "me/", "me/ma nga"):
        with pytest.raises(RequestError, match="give owner/name"):
            check_push(PushRequest(name), None)
    for licence in (None, "unknown"):
        with pytest.raises(RequestError, match="--license"):
            check_push(PushRequest("me/manga", public=True), licence)
    with monkeypatch.context() as patched, pytest.raises(RequestError, match="HF_HUB_OFFLINE"):
        patched.setattr(constants, "HF_HUB_OFFLINE", True)
        check_push(PushRequest("me/manga"), None)
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr("huggingface_hub.utils._auth.constants.HF_TOKEN_PATH", str(tmp_path / "none"))
    with pytest.raises(RequestError, match=r"no token .* `hf auth login`"):
        check_push(PushRequest("me/manga"), None)


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """`bench publish` in this process: exit code, stdout, stderr."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["bench", "publish", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main()
        said = capfd.readouterr()
        return int(stopped.value.code or 0), said.out, said.err

    return run


def test_the_command_writes_beside_the_run_and_says_what(command: Callable[..., Any], own_trained_run: Path) -> None:
    code, out, _ = command(own_trained_run)
    assert code == 0
    assert out == f"pix2pix, pix2pixhd, cyclegan, unet-l1, results written into {own_trained_run / 'published'}\n"
    assert "OWNER/NAME-pix2pix" in (own_trained_run / "published/models/pix2pix/README.md").read_text()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--push"], "say where to with --repo"),
        (["--public"], "--public goes with --push"),
        (["--push", "--repo", "manga"], "give owner/name"),
        (["--license", "Apache License"], "identifier of the Hub's list"),
    ],
)
def test_wrong_requests_are_one_line(
    command: Callable[..., Any], own_trained_run: Path, options: list[str], words: str
) -> None:
    code, _, err = command(own_trained_run, *options)
    assert code == 2
    assert len(err.splitlines()) == 1
    assert words in err
    assert not (own_trained_run / "published").exists()


def test_a_folder_without_a_run_is_one_line(command: Callable[..., Any], tmp_path: Path) -> None:
    code, _, err = command(tmp_path / "nothing")
    assert (code, len(err.splitlines())) == (2, 1)
    assert "no run here" in err
