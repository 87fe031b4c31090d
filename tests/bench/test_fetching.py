"""Downloads of weights, over HTTP from a server on this machine."""

import hashlib
import socket
import threading

import pytest

from bench.errors import RequestError
from bench.fetching import fetch_weights, wrong_content
from models.pretrained import KnownWeights

CONTENT = bytes(range(256)) * 9000
"""More than two of the pieces that are read at once."""


@pytest.fixture
def known(file_server):
    file_server.files["/net.pth"] = CONTENT
    return KnownWeights(
        "net", ("net-file.pth",), len(CONTENT), hashlib.sha256(CONTENT).hexdigest(), f"{file_server.url}/net.pth"
    )


def part_of(known, folder):
    return folder / f".{known.file_names[0]}.{known.sha256[:16]}.part"


def refusal(known, folder):
    with pytest.raises(RequestError) as raised:
        fetch_weights(known, folder, lambda _: None)
    assert "\n" not in str(raised.value)
    assert not (folder / known.file_names[0]).exists()
    return str(raised.value)


def test_a_file_comes_whole_under_its_name(file_server, known, tmp_path):
    seen = []
    path = fetch_weights(known, tmp_path / "hub" / "checkpoints", seen.append)
    assert path == tmp_path / "hub" / "checkpoints" / "net-file.pth"
    assert path.read_bytes() == CONTENT
    assert seen == sorted(seen)
    assert seen[-1] == len(CONTENT)
    assert wrong_content(known, path) is None
    assert not part_of(known, path.parent).exists()


@pytest.mark.parametrize("ranges", [True, False])
def test_a_broken_connection_is_taken_up_again(file_server, known, tmp_path, ranges):
    file_server.ranges = ranges
    file_server.cut["/net.pth"] = 1_500_000
    assert fetch_weights(known, tmp_path, lambda _: None).read_bytes() == CONTENT
    assert [span for _, span in file_server.asked_for("/net.pth")] == [None, "bytes=1500000-"]


def test_a_download_of_an_earlier_process_is_gone_on_with(file_server, known, tmp_path):
    part_of(known, tmp_path).write_bytes(CONTENT[:1_000_000])
    assert fetch_weights(known, tmp_path, lambda _: None).read_bytes() == CONTENT
    assert [span for _, span in file_server.asked_for("/net.pth")] == ["bytes=1000000-"]


def test_a_whole_part_only_needs_its_name(file_server, known, tmp_path):
    part_of(known, tmp_path).write_bytes(CONTENT)
    assert fetch_weights(known, tmp_path, lambda _: None).read_bytes() == CONTENT
    assert not file_server.requests


def test_another_content_is_removed_and_named(file_server, known, tmp_path):
    file_server.files["/net.pth"] = CONTENT[:-1] + b"x"
    said = refusal(known, tmp_path)
    assert "not the published weights net" in said
    assert known.published in said
    assert "was removed" in said
    assert not part_of(known, tmp_path).exists()


def test_a_damaged_part_is_not_built_on_for_ever(file_server, known, tmp_path):
    part_of(known, tmp_path).write_bytes(b"damaged")
    assert "was removed" in refusal(known, tmp_path)
    assert fetch_weights(known, tmp_path, lambda _: None).read_bytes() == CONTENT


def test_more_than_the_published_size_is_never_taken(file_server, known, tmp_path):
    file_server.files["/net.pth"] = CONTENT + bytes(50_000_000)
    most = 0

    def show(have):
        nonlocal most
        most = max(most, have, part_of(known, tmp_path).stat().st_size)

    with pytest.raises(RequestError, match="was removed"):
        fetch_weights(known, tmp_path, show)
    assert most <= len(CONTENT) + 1
    assert list(tmp_path.iterdir()) == [tmp_path / ".net-file.pth.lock"]


def test_a_part_that_is_too_long_is_removed(known, tmp_path):
    part_of(known, tmp_path).write_bytes(CONTENT + b"more")
    assert "was removed" in refusal(known, tmp_path)


def test_a_shorter_file_is_no_endless_loop(file_server, known, tmp_path):
    file_server.files["/net.pth"] = CONTENT[:1000]
    said = refusal(known, tmp_path)
    assert "gives nothing" in said
    assert len(file_server.requests) <= 3


@pytest.mark.parametrize("status", [404, 503])
def test_a_server_that_refuses_is_named_with_its_status(file_server, known, tmp_path, status):
    file_server.statuses["/net.pth"] = status
    said = refusal(known, tmp_path)
    assert f"status {status}" in said
    assert f"put net-file.pth into {tmp_path}" in said


def test_no_connection_is_one_line(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    known = KnownWeights("net", ("net.pth",), 10, "0" * 64, f"http://127.0.0.1:{port}/net.pth")
    assert "check the connection" in refusal(known, tmp_path)


def test_no_room_is_said_before_anything_comes(file_server, known, tmp_path):
    huge = KnownWeights("net", known.file_names, 10**18, known.sha256, known.published)
    assert "are free" in refusal(huge, tmp_path)
    assert not file_server.requests


def test_a_place_that_is_no_folder_is_one_line(known, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(RequestError, match="cannot be stored"):
        fetch_weights(known, tmp_path / "file", lambda _: None)


def test_two_at_once_fetch_it_once(file_server, known, tmp_path):
    threads = [threading.Thread(target=fetch_weights, args=(known, tmp_path, lambda _: None)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "net-file.pth").read_bytes() == CONTENT
    assert len(file_server.asked_for("/net.pth")) == 1
