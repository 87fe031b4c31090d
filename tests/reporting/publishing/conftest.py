"""A finished run with generators to publish, and a server that takes uploads as the Hub does."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

import models
from bench.files import sha256_of, write_json
from bench.published_metadata import Names
from bench.publishing import Publication, publish
from bench.runfolder import CellFolder

NARROW: dict[str, dict[str, Any]] = {
    "pix2pix": {"ngf": 4, "ndf": 4},
    "pix2pixhd": {"ngf": 4, "ndf": 4, "n_downsample": 2, "n_blocks": 1},
    "cyclegan": {"ngf": 4, "ndf": 4, "n_blocks": 6},
    "unet-l1": {"ngf": 4},
}
RESOLUTION = 64


def write_generators(run: Path, model: str) -> None:
    """Give the model's two cells generators with random weights."""
    settings = models.parse_settings(model, NARROW[model])
    state = models.build(model, settings, RESOLUTION, seed=0).generator.state_dict()
    for seed in (0, 1):
        weights = {name: value * (1 + seed) if value.is_floating_point() else value for name, value in state.items()}
        write_generator(CellFolder(run / "cells" / f"{model}-seed{seed}"), model, seed, weights)


def write_generator(cell: CellFolder, model: str, seed: int, weights: dict[str, torch.Tensor]) -> None:
    """Give the cell a generator, its card and its status, as training leaves them."""
    settings = models.parse_settings(model, NARROW[model])
    safetensors.torch.save_file(weights, cell.generator)
    status = json.loads(cell.status.read_text()) | {
        "generator_sha256": sha256_of(cell.generator),
        "machine": "Secret CPU",
    }
    write_json(cell.status, status)
    card = {
        "model": model, "shown_name": f"{model}-small", "seed": seed, "resolution": RESOLUTION, "recipe": "original",
        "recipe_settings": {}, "steps": status["step"], "settings": json.loads(settings.model_dump_json()),
        "inference_mode": "dropout off", "remarks": [], "experiment_digest": "0123456789abcdef" * 4,
        "sha256": status["generator_sha256"], "status": status,
    }  # fmt: skip
    write_json(cell.generator_card, card)


@pytest.fixture(scope="session")
def trained_run(finished_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run with its generators, shared by tests that only read it."""
    run = Path(shutil.copytree(finished_run, tmp_path_factory.mktemp("trained") / "tiny-demo"))
    for model in NARROW:
        write_generators(run, model)
    return run


@pytest.fixture
def own_trained_run(trained_run: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may break."""
    return Path(shutil.copytree(trained_run, tmp_path / "tiny-demo"))


@pytest.fixture(scope="session")
def published(trained_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Publication:
    """What is published of the run, shared by tests that only read it."""
    return publish(trained_run, tmp_path_factory.mktemp("published") / "tiny", Names("me/manga"), "cc-by-4.0")


@dataclass
class UploadHub:
    """The part of the Hub's interface that an upload uses. `repositories`: files by repository, `refuse`: a status by path."""

    url: str = ""
    repositories: dict[str, dict[str, bytes]] = field(default_factory=dict)
    private: dict[str, bool] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)
    refuse: dict[str, int] = field(default_factory=dict)

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        """Return status and answer for a request."""
        if status := next((status for part, status in self.refuse.items() if part in path), None):
            return status, {"error": "no"}
        if path == "/api/repos/create":
            return self._create(json.loads(body))
        if path == "/api/validate-yaml":
            return 200, {"errors": [], "warnings": []}
        kind, owner, name, what = [*path.removeprefix("/api/").split("/"), ""][:4]
        files = self.repositories.get(f"{kind}/{owner}/{name}")
        if files is None:
            return 404, {"error": "Repository not found"}
        if what == "tree":
            return 200, [
                {"type": "file", "path": file, "size": len(text), "oid": _blob(text)} for file, text in files.items()
            ]
        if what == "preupload":
            asked = [file["path"] for file in json.loads(body)["files"]]
            known = {file: _blob(files[file]) for file in asked if file in files}
            return 200, {"files": [
                {"path": file, "uploadMode": "regular", "shouldIgnore": False, "oid": known.get(file)} for file in asked
            ]}  # fmt: skip
        if what == "revision":
            return 200, {"id": f"{owner}/{name}", "sha": "0" * 40, "siblings": []}
        assert what == "commit", path
        self._commit(files, [json.loads(line) for line in body.splitlines()])
        address = f"{self.url}/{'datasets/' * (kind == 'datasets')}{owner}/{name}/commit/{'0' * 40}"
        return 200, {"commitUrl": address, "commitOid": "0" * 40, "success": True}

    def _create(self, wanted: dict[str, Any]) -> tuple[int, Any]:
        name = f"{wanted.get('type', 'model')}s/{wanted['organization']}/{wanted['name']}"
        url = f"{self.url}/{name.removeprefix('models/')}"
        if name in self.repositories:
            return 409, {"error": "You already created this repo", "url": url}
        self.private[name] = wanted.get("visibility") == "private" or bool(wanted.get("private"))
        self.repositories[name] = {".gitattributes": b"*.safetensors filter=lfs"}
        return 200, {"url": url}

    def _commit(self, files: dict[str, bytes], lines: list[dict[str, Any]]) -> None:
        for line in lines:
            if line["key"] == "file":
                files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            elif line["key"] == "deletedFile":
                del files[line["value"]["path"]]


def _blob(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def _handler(hub: UploadHub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._respond()

        def do_POST(self) -> None:
            self._respond()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def _respond(self) -> None:
            hub.tokens.add(self.headers.get("Authorization", ""))
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, value = hub.answer(self.command, self.path.partition("?")[0], body)
            text = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

    return Handler


@pytest.fixture
def upload_hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[UploadHub]:
    """A Hub that takes uploads from whoever has the token "hf_test"."""
    monkeypatch.setenv("HF_TOKEN", "hf_test")
    hub = UploadHub()
    http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(hub))
    hub.url = f"http://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


@pytest.fixture
def contents() -> Callable[[Path], dict[str, bytes]]:
    """The files of a folder by their paths in it."""

    def read(folder: Path) -> dict[str, bytes]:
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    return read
