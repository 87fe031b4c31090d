"""Servers on this machine in place of those that downloads come from."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest


@dataclass
class FileServer:
    """Serves `files` by path, with ranges; `cut` breaks the connection off once, after so many bytes of a file."""

    files: dict[str, bytes] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    cut: dict[str, int] = field(default_factory=dict)
    ranges: bool = True
    declared: dict[str, int] = field(default_factory=dict)
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    url: str = ""

    def asked_for(self, path: str) -> list[tuple[str, str | None]]:
        """(method, range) of every request for the path."""
        return [(method, span) for method, asked, span in self.requests if asked == path]

    def content(self, path: str) -> bytes | None:
        """What the path gives, None where there is nothing."""
        return self.files.get(path)


@dataclass
class FakeHub(FileServer):
    """The part of the hub's interface that a download uses, for one dataset, "owner/name"."""

    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    newest: str = ""
    sizes: dict[str, int] = field(default_factory=dict)

    def publish(self, files: dict[str, bytes]) -> str:
        """Add a commit of these files and return it."""
        commit = hashlib.sha1(repr(sorted(files.items())).encode()).hexdigest()
        self.commits[commit] = files
        self.newest = commit
        return commit

    def content(self, path: str) -> bytes | None:
        """The answer of the interface, or a file of a commit."""
        found = re.fullmatch(r"/api/datasets/owner/name(?:/(revision|tree)/([^/]+))?", path)
        if found:
            return self._answer(found[1] or "revision", found[2] or self.newest)
        found = re.fullmatch(r"/datasets/owner/name/resolve/([^/]+)/(.+)", path)
        commit = self._commit(found[1]) if found else None
        if found is None or commit is None:
            return None
        self.headers["X-Repo-Commit"] = commit
        return self.commits[commit].get(found[2])

    def _commit(self, revision: str) -> str | None:
        revision = self.newest if revision == "main" else revision
        return revision if revision in self.commits else None

    def _answer(self, kind: str, revision: str) -> bytes | None:
        commit = self._commit(revision)
        if commit is None:
            return None
        files = {name: self.sizes.get(name, len(content)) for name, content in self.commits[commit].items()}
        if kind == "tree":
            listed: Any = [
                {"type": "file", "path": name, "size": size, "oid": hashlib.sha1(name.encode()).hexdigest()}
                for name, size in files.items()
            ]
        else:
            siblings = [{"rfilename": name, "size": size} for name, size in files.items()]
            listed = {"id": "owner/name", "sha": commit, "siblings": siblings}
        return json.dumps(listed).encode()


def _handler(server: FileServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._respond(with_body=False)

        def do_GET(self) -> None:
            self._respond(with_body=True)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def _respond(self, *, with_body: bool) -> None:
            path = self.path.partition("?")[0]
            span = self.headers.get("Range")
            server.requests.append((self.command, path, span))
            content = server.content(path)
            # A file may be looked at and yet not be had.
            status = server.statuses.get(path) if with_body else None
            if content is None or status:
                self.send_response(status or 404)
                if content is None:
                    self.send_header("X-Error-Code", "RevisionNotFound" if "/revision/" in path else "RepoNotFound")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            first = int(span.removeprefix("bytes=").partition("-")[0]) if span and server.ranges else 0
            if first and first >= len(content):
                self.send_response(416)
                self.end_headers()
                return
            self.send_response(206 if first else 200)
            if first:
                self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
            for name, value in server.headers.items():
                self.send_header(name, value)
            self.send_header("ETag", f'"{hashlib.sha1(content).hexdigest()}"')
            self.send_header("Content-Length", str(server.declared.get(path, len(content) - first)))
            self.end_headers()
            if with_body:
                self.wfile.write(content[first : server.cut.pop(path, None)])

    return Handler


def _serving(server: FileServer) -> Iterator[Any]:
    http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(server))
    server.url = f"http://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


@pytest.fixture
def file_server() -> Iterator[FileServer]:
    """A server of files."""
    yield from _serving(FileServer())


@pytest.fixture
def fake_hub() -> Iterator[FakeHub]:
    """A hub with one dataset."""
    yield from _serving(FakeHub())
