"""Datasets of the hub, through the hub's real library and a server on this machine."""

import hashlib
import io
import socket
import time

import datasets
import numpy as np
import pytest
from huggingface_hub import constants
from PIL import Image

from data import DataError
from data.sources.hub import HubSource
from data.sources.hub_download import Hub

CARD = b"---\nlicense: cc-by-4.0\n---\nPages.\n"
FIRST, SECOND = "data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"


def shard(pictures) -> bytes:
    cells = []
    for picture in pictures:
        stream = io.BytesIO()
        Image.fromarray(picture).save(stream, "PNG")
        cells.append({"bytes": stream.getvalue(), "path": None})
    features = datasets.Features({"bw_image": datasets.Image(), "color_image": datasets.Image()})
    stream = io.BytesIO()
    datasets.Dataset.from_dict({"bw_image": cells, "color_image": cells}, features=features).to_parquet(stream)
    return stream.getvalue()


@pytest.fixture
def pages(draw):
    return [draw(row) for row in range(4)]


@pytest.fixture
def files(pages):
    return {"README.md": CARD, FIRST: shard(pages[:2]), SECOND: shard(pages[2:]), "name.py": b"raise SystemExit\n"}


@pytest.fixture
def open_hub(fake_hub, tmp_path):
    def opened(spec="hf:owner/name", *, offline=False, endpoint=fake_hub.url, folder=tmp_path / "hub"):
        return HubSource(spec, offline=offline, cache_dir=tmp_path / "tables", hub=Hub(endpoint, folder))

    return opened


def resolved(fake_hub, name, commit=None):
    return f"/datasets/owner/name/resolve/{commit or fake_hub.newest}/{name}"


def closed_port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def refusal(open_hub, *arguments, **options) -> str:
    with pytest.raises(DataError) as raised:
        open_hub(*arguments, **options)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_first_download_then_offline_without_a_single_request(fake_hub, open_hub, files, pages, tmp_path):
    commit = fake_hub.publish(files)
    source = open_hub()
    assert (source.revision, source.title, source.warning) == (commit, "owner/name", None)
    assert source.licence_note == "licence of the dataset: cc-by-4.0"
    assert [key.id for key in source.keys()] == [f"row-{row:06d}" for row in range(4)]  # noqa: SIM118
    for key, picture in zip(source.keys(), pages, strict=True):
        np.testing.assert_array_equal(source.read(key).color, picture)
    assert not list((tmp_path / "hub").rglob("*.py"))
    assert not fake_hub.asked_for(resolved(fake_hub, "name.py"))
    fake_hub.requests.clear()
    again = open_hub(offline=True)
    assert not fake_hub.requests
    assert (again.revision, again.fingerprint(), again.licence_note) == (
        commit,
        source.fingerprint(),
        source.licence_note,
    )
    np.testing.assert_array_equal(again.read(again.keys()[3]).color, pages[3])


def test_a_download_that_is_there_is_not_fetched_again(fake_hub, open_hub, files):
    fake_hub.publish(files)
    open_hub()
    fake_hub.requests.clear()
    open_hub()
    assert [path for _, path, _ in fake_hub.requests] == ["/api/datasets/owner/name"]


def test_a_pinned_revision_stays_when_the_hub_moves_on(fake_hub, open_hub, files, pages):
    old = fake_hub.publish(files)
    open_hub()
    new = fake_hub.publish(files | {SECOND: shard([255 - picture for picture in pages[2:]])})
    fake_hub.requests.clear()
    pinned = open_hub(f"hf:owner/name@{old}")
    assert not fake_hub.requests, "a commit that is here needs no hub"
    assert (pinned.revision, pinned.title) == (old, "owner/name")
    newest = open_hub()
    assert newest.revision == new
    assert newest.fingerprint() != pinned.fingerprint()
    np.testing.assert_array_equal(pinned.read(pinned.keys()[3]).color, pages[3])
    np.testing.assert_array_equal(newest.read(newest.keys()[3]).color, 255 - pages[3])
    assert open_hub(offline=True).revision == new


def test_a_revision_that_is_not_here_yet_is_fetched(fake_hub, open_hub, files):
    old = fake_hub.publish(files)
    fake_hub.publish(files | {"README.md": b"changed"})
    assert open_hub(f"hf:owner/name@{old}").revision == old


def test_a_connection_that_breaks_is_taken_up_where_it_broke(fake_hub, open_hub, files, pages, monkeypatch):
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 1024)
    fake_hub.publish(files)
    path = resolved(fake_hub, SECOND)
    fake_hub.cut[path] = len(files[SECOND]) // 2
    source = open_hub()
    np.testing.assert_array_equal(source.read(source.keys()[3]).color, pages[3])
    spans = [span for method, span in fake_hub.asked_for(path) if method == "GET"]
    assert spans[0] is None
    assert 0 < int(spans[1].removeprefix("bytes=").rstrip("-")) <= len(files[SECOND]) // 2


def test_an_interrupted_download_keeps_whole_shards(fake_hub, open_hub, files, pages):
    fake_hub.publish(files)
    fake_hub.statuses[resolved(fake_hub, SECOND)] = 403
    said = refusal(open_hub)
    assert "the download stopped" in said
    assert "run the same command again" in said
    assert "not on this machine" in refusal(open_hub, offline=True), "half a dataset is none"
    fake_hub.statuses.clear()
    fake_hub.requests.clear()
    source = open_hub()
    assert not fake_hub.asked_for(resolved(fake_hub, FIRST))
    assert len(source.keys()) == 4
    np.testing.assert_array_equal(source.read(source.keys()[0]).color, pages[0])


def test_unreachable_hub_leaves_what_was_downloaded(fake_hub, open_hub, files):
    commit = fake_hub.publish(files)
    open_hub()
    began = time.monotonic()
    source = open_hub(endpoint=closed_port())
    assert time.monotonic() - began < 5
    assert source.revision == commit
    assert "cannot be reached" in source.warning
    assert commit[:12] in source.warning


def test_unreachable_hub_and_nothing_downloaded(open_hub):
    assert "the hub cannot be reached" in refusal(open_hub, endpoint=closed_port())


def test_offline_and_nothing_downloaded_names_the_mend(fake_hub, open_hub, files):
    commit = fake_hub.publish(files)
    said = refusal(open_hub, offline=True)
    assert "bench data prepare --data hf:owner/name" in said
    assert "HF_HOME" in said
    assert "not on this machine" in refusal(open_hub, f"hf:owner/name@{commit}", offline=True)
    assert not fake_hub.requests


def test_unknown_names_and_revisions(fake_hub, open_hub, files):
    fake_hub.publish(files)
    assert "no such dataset" in refusal(open_hub, "hf:owner/other")
    assert "no revision v9" in refusal(open_hub, "hf:owner/name@v9")
    for spec in ("hf:name", "hf:../name", "hf:owner/name@../x", "hf:owner/name@", "hf:a/b/c", "hf:-a/b"):
        assert "neither an existing path nor a name" in refusal(open_hub, spec)


def test_no_licence_tag(fake_hub, open_hub, files):
    fake_hub.publish(files | {"README.md": b"Pages."})
    assert "no licence tag" in open_hub().licence_note


def test_a_dataset_that_does_not_fit_on_the_disk_is_refused_before_it_comes(fake_hub, open_hub, files, tmp_path):
    fake_hub.publish(files)
    fake_hub.sizes[SECOND] = 10**18
    said = refusal(open_hub)
    assert "2,000,000,000.0 GB are needed" in said
    assert str(tmp_path / "hub") in said
    assert not fake_hub.asked_for(resolved(fake_hub, FIRST))


def test_the_table_is_the_stored_bytes(fake_hub, open_hub, files, pages):
    fake_hub.publish(files)
    source = open_hub()
    stream = io.BytesIO()
    Image.fromarray(pages[0]).save(stream, "PNG")
    length = len(stream.getvalue()).to_bytes(8, "big")
    expected = hashlib.sha256(2 * (length + stream.getvalue())).hexdigest()
    assert source.read(source.keys()[0]).digest == expected
