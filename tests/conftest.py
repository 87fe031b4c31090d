"""Servers on this machine in place of those that downloads come from, and damage done to files that parsers are given."""

from __future__ import annotations

import copy
import hashlib
import json
import random
import re
import threading
from collections.abc import Callable, Iterator
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
    """The part of the hub's interface that a download uses, for one dataset (and the files of one model), "owner/name"."""

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
        found = re.fullmatch(r"(?:/datasets)?/owner/name/resolve/([^/]+)/(.+)", path)
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


@pytest.fixture(scope="session")
def mutated_bytes() -> Callable[[random.Random, bytes], bytes]:
    """Damage a file as disks, transfers and strangers do: bytes changed, cut off, left out, put in or said twice."""
    numbers = [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\x80"]

    def mutated(chance: random.Random, content: bytes) -> bytes:
        changed = bytearray(content)
        for _ in range(chance.randint(1, 4)):
            at, length = chance.randrange(len(changed) + 1), chance.randint(1, 8)
            kind = chance.randrange(6)
            if kind == 0:
                changed[at : at + 1] = bytes([chance.randrange(256)])
            elif kind == 1:
                changed[at : at + 4] = chance.choice(numbers)
            elif kind == 2:
                del changed[at:]
            elif kind == 3:
                del changed[at : at + length]
            elif kind == 4:
                changed[at:at] = bytes(chance.randrange(256) for _ in range(length))
            else:
                changed[at:at] = changed[at : at + 16 * length]
        return bytes(changed)

    return mutated


ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, 10**40, -0.5, 1e308, float("nan"), float("inf"), "", "x", "../../up", "/etc/passwd",
    "a\x1b[31m\nb", "\x00", "\ud800", "漫画\u3000", '=HYPERLINK("http://x")', "<script>", "\\input{/etc/passwd}", "y" * 3000,
    [], [[]], {}, [None], {"": None}, {"a": {"b": []}}, [1, "x", None], {"\x1b[31m\n": 1},
)  # fmt: skip
"""What a stranger may put where something else belongs."""


@pytest.fixture(scope="session")
def mutated_value() -> Callable[[random.Random, Any], Any]:
    """Change a nested value of dictionaries and lists: other types, odd values, parts left out, moved, renamed or repeated."""

    def mutated(chance: random.Random, value: Any) -> Any:
        changed = {"": copy.deepcopy(value)}
        for _ in range(chance.randint(1, 3)):
            _change(chance, changed)
        return changed.get("")

    return mutated


def _change(chance: random.Random, value: Any) -> None:
    """Change one entry of the container `value`, or of one inside it."""
    places = list(value) if isinstance(value, dict) else list(range(len(value)))
    if not places:
        return
    place = chance.choice(places)
    inner = value[place]
    if isinstance(inner, dict | list) and inner and chance.random() < 0.8:
        return _change(chance, inner)
    kind = chance.randrange(5)
    if kind == 0 and place != "":
        del value[place]
    elif kind == 1 and isinstance(value, dict) and place != "":
        value[chance.choice([str(odd)[:40] for odd in ODD_VALUES])] = value.pop(place)
    elif kind == 2:
        value[place] = [copy.deepcopy(inner), copy.deepcopy(inner)]
    elif kind == 3 and isinstance(value, dict) and place != "":
        other = chance.choice(places)
        value[place], value[other] = value[other], value[place]
    else:
        value[place] = copy.deepcopy(chance.choice(ODD_VALUES))
    return None
