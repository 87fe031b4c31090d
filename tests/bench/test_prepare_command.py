"""`bench data prepare` and `--offline`: what is there, what is fetched, what is missing, and a run with the network cut."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
import tomli_w
from huggingface_hub import constants
from PIL import Image
from rich.console import Console

from bench import dryrun
from bench.cli import main
from bench.errors import RequestError
from bench.experiment import Experiment
from bench.files import read_json, write_json
from bench.metrics.dinov2_file import find_dinov2
from bench.metrics.weights import KNOWN, KnownWeights, WeightStore
from bench.preparation import open_source, prepare_data, recorded_revision, write_test_set
from bench.readiness import Item, PrepareRequest, complete, make_ready, wanted_weights
from bench.runfolder import RunFolder
from models.pretrained import VGG19

ROWS = 140
"""Enough for three blocks of rows with gaps between."""

NO_NETWORK = """
import os, socket

def refuse(name):
    def refused(*arguments, **options):
        with open(os.environ["NETWORK_LOG"], "a") as log:
            log.write(f"{name} {arguments}\\n")
        raise OSError(101, "Network is unreachable")
    return refused

socket.socket.connect = refuse("connect")
socket.socket.connect_ex = refuse("connect")
socket.getaddrinfo = refuse("look up")
"""


def shard(first: int = 0) -> bytes:
    cells: list[dict[str, bytes | None]] = []
    for row in range(first, first + ROWS):
        pixels = np.random.default_rng(row).integers(0, 256, (5, 4, 3), np.uint8)
        stream = io.BytesIO()
        Image.fromarray(pixels).resize((72, 90), Image.Resampling.BICUBIC).save(stream, "PNG")
        cells.append({"bytes": stream.getvalue(), "path": None})
    features = datasets.Features({"bw_image": datasets.Image(), "color_image": datasets.Image()})
    stream = io.BytesIO()
    datasets.Dataset.from_dict({"bw_image": cells, "color_image": cells}, features=features).to_parquet(stream)
    return stream.getvalue()


class Machine:
    """Commands in a folder, with homes of its own for everything that is kept outside of runs."""

    def __init__(self, folder: Path, values: dict[str, Any], endpoint: str) -> None:
        self.folder = folder
        (folder / "no-network").mkdir()
        (folder / "no-network" / "sitecustomize.py").write_text(NO_NETWORK)
        (folder / "tiny.toml").write_text(tomli_w.dumps(values | {"models": ["pix2pix"], "budget": "8-steps"}))
        homes = {name: str(folder / name.lower()) for name in ("HF_HOME", "TORCH_HOME", "XDG_CACHE_HOME")}
        self._environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("HF_", "MANGA_"))
        } | {**homes, "HF_ENDPOINT": endpoint, "NETWORK_LOG": str(folder / "network.log"), "OMP_NUM_THREADS": "1"}

    def bench(self, *arguments: str, network: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the command; without a network, every attempt to use it fails and is noted."""
        path = {} if network else {"PYTHONPATH": str(self.folder / "no-network")}
        command = [sys.executable, "-c", "from bench.cli import main; main()", *arguments, "--preset", "tiny.toml"]
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self._environment | path,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )

    @property
    def attempts(self) -> str:
        """What tried to use the network where there was none."""
        log = self.folder / "network.log"
        return log.read_text() if log.exists() else ""


@pytest.fixture
def machine(tmp_path: Path, tiny_values: dict[str, Any], fake_hub: Any) -> Machine:
    fake_hub.publish({"README.md": b"---\nlicense: mit\n---\n", "train.parquet": shard()})
    return Machine(tmp_path, tiny_values, fake_hub.url)


@pytest.mark.endurance
@pytest.mark.timeout(3600)
def test_prepare_then_run_with_the_network_cut_then_go_on_when_the_hub_moved(machine: Machine, fake_hub: Any) -> None:
    data = ("--data", "hf:owner/name", "--allow-uncalibrated")
    prepared = machine.bench("data", "prepare", *data)
    assert prepared.returncode == 0, prepared.stderr
    assert "dataset owner/name at" in prepared.stdout
    assert "fetched" in prepared.stdout

    run = machine.bench("run", *data, "--offline", "--out", "run", network=False)
    assert run.returncode == 0, run.stderr
    assert not machine.attempts
    assert "preparing" not in run.stderr
    source = json.loads((machine.folder / "run" / "split.json").read_text())["source"]
    assert (source["spec"], source["title"], source["rows"]) == ("hf:owner/name", "owner/name", ROWS)
    assert source["revision"] == fake_hub.newest
    assert source["licence_note"] == "licence of the dataset: mit"
    assert len(source["fingerprint"]) == 64

    fake_hub.publish({"README.md": b"", "train.parquet": shard(first=ROWS)})
    fake_hub.requests.clear()
    resumed = machine.bench("run", *data, "--out", "run")
    assert resumed.returncode == 0, resumed.stderr
    assert not fake_hub.requests, "the recorded revision is here, whatever the hub has by now"


@pytest.fixture
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fake_hub: Any) -> None:
    """The hub's library in this process, which has read its variables already, asks the server here and keeps files here."""
    # The template holds the address that was read at import: left alone, files would be asked of the true hub.
    template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants.ENDPOINT, fake_hub.url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "ENDPOINT", fake_hub.url)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "tables")


@pytest.mark.usefixtures("at_home")
def test_a_run_goes_on_with_the_revision_that_it_was_begun_with(
    tmp_path: Path, tiny_values: dict[str, Any], fake_hub: Any
) -> None:
    begun = fake_hub.publish({"README.md": b"---\nlicense: mit\n---\n", "train.parquet": shard()})
    values = tiny_values | {"data": tiny_values["data"] | {"source": "hf:owner/name"}}
    experiment, folder = Experiment.parse(values, "test"), RunFolder(tmp_path / "run")

    def go_on(revision: str | None) -> None:
        source = open_source(experiment, revision=revision)
        prepared = prepare_data(experiment, source, tmp_path / "cache", Console(stderr=True), lambda: None)
        write_test_set(folder, experiment, source, prepared)

    go_on(recorded_revision(folder, experiment))
    source = read_json(folder.split)["source"]
    assert (source["spec"], source["title"], source["rows"]) == ("hf:owner/name", "owner/name", ROWS)
    assert (source["revision"], source["licence_note"]) == (begun, "licence of the dataset: mit")
    assert source["fingerprint"] == open_source(experiment).fingerprint()

    moved = fake_hub.publish({"README.md": b"", "train.parquet": shard(first=ROWS)})
    fake_hub.requests.clear()
    go_on(recorded_revision(folder, experiment))
    assert not fake_hub.requests, "the recorded revision is here, whatever the hub has by now"
    with pytest.raises(RequestError, match="the data has changed"):
        go_on(moved)


def test_local_data_never_reaches_for_the_network(machine: Machine) -> None:
    (machine.folder / "set").mkdir()
    (machine.folder / "set" / "train.parquet").write_bytes(shard())
    result = machine.bench("data", "prepare", "--data", "hf:set", "--allow-uncalibrated", network=False)
    assert result.returncode == 0, result.stderr
    assert not machine.attempts


def test_offline_and_nothing_there_is_exit_code_1_and_names_everything(machine: Machine) -> None:
    result = machine.bench("data", "prepare", "--data", "hf:owner/name", "--offline", network=False)
    assert result.returncode == 1, result.stderr
    assert not machine.attempts
    for words in (
        "weights inception",
        "weights alexnet",
        "dataset hf:owner/name",
        "prepared pages",
        "bench data prepare",
    ):
        assert words in result.stdout
    assert "fetched" not in result.stdout.replace("nothing is fetched", "")


def test_a_wrong_request_is_exit_code_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for arguments, said in ((["--data", "missing"], "missing: no such"), (["--preset", "huge"], "'huge' is unknown")):
        monkeypatch.setattr(sys, "argv", ["bench", "data", "prepare", "--allow-uncalibrated", *arguments])
        with pytest.raises(SystemExit) as stopped:
            main()
        assert stopped.value.code == 2
        assert said in capfd.readouterr().err.splitlines()[-1]


CONTENTS = {name: name.encode() * 1000 for name in ("inception", "alexnet", "lpips-alex-heads", "vgg19")}


@pytest.fixture
def store(file_server: Any, tmp_path: Path) -> WeightStore:
    """Stand-ins of the weights, on the server; the heads come with a package, as they do in truth."""
    known = {}
    for name, content in CONTENTS.items():
        file_server.files[f"/{name}.pth"] = content
        url = "inside a package" if name == "lpips-alex-heads" else f"{file_server.url}/{name}.pth"
        known[name] = KnownWeights(name, (f"{name}.pth",), len(content), hashlib.sha256(content).hexdigest(), url)
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "lpips-alex-heads.pth").write_bytes(CONTENTS["lpips-alex-heads"])
    return WeightStore(known, [tmp_path / "checkpoints", tmp_path / "package"])


@pytest.fixture
def request_all(tmp_path: Path, tiny_experiment: Experiment, store: WeightStore) -> PrepareRequest:
    return PrepareRequest(tiny_experiment, tmp_path / "cache", False, False, store)


def ready(request: PrepareRequest) -> dict[str, Item]:
    return {item.what: item for item in make_ready(request, Console(stderr=True), lambda: None)}


def test_everything_is_fetched_once_and_there_after(
    request_all: PrepareRequest, file_server: Any, store: WeightStore
) -> None:
    first = ready(request_all)
    assert {what: item.state for what, item in first.items()} == {
        "weights inception": "fetched",
        "weights alexnet": "fetched",
        "weights lpips-alex-heads": "there",
        "weights vgg19": "fetched",
        "dataset synthetic manga": "there",
        "prepared pages": "made",
    }
    assert all(store.verified(name) == content for name, content in CONTENTS.items())
    file_server.requests.clear()
    second = ready(request_all)
    assert {item.state for item in second.values()} == {"there"}
    assert complete(list(second.values()))
    assert not file_server.requests
    assert second["prepared pages"].size == first["prepared pages"].size


def test_what_fails_is_named_and_the_rest_stays(
    request_all: PrepareRequest, file_server: Any, store: WeightStore, tmp_path: Path
) -> None:
    file_server.files["/alexnet.pth"] = b"something else".ljust(len(CONTENTS["alexnet"]))
    (tmp_path / "package" / "lpips-alex-heads.pth").unlink()
    items = ready(request_all)
    assert not complete(list(items.values()))
    assert "not the published weights alexnet" in items["weights alexnet"].place
    assert "install the project again" in items["weights lpips-alex-heads"].place
    assert items["weights inception"].state == "fetched"
    assert items["prepared pages"].state == "made"
    assert store.find("alexnet") is None


def test_a_wrong_file_that_lies_there_is_named_and_left(
    request_all: PrepareRequest, file_server: Any, tmp_path: Path
) -> None:
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "vgg19.pth").write_bytes(b"mine")
    items = ready(request_all)
    item = items["weights vgg19"]
    assert not complete(list(items.values())), "the run would stop at it"
    assert (item.state, item.size) == ("missing", None)
    assert "delete it" in item.place
    assert (tmp_path / "checkpoints" / "vgg19.pth").read_bytes() == b"mine"


def test_offline_only_looks_for_weights(request_all: PrepareRequest, file_server: Any, tmp_path: Path) -> None:
    items = ready(replace(request_all, offline=True))
    assert not file_server.requests
    assert items["weights vgg19"].state == "missing"
    assert f"put vgg19.pth into {tmp_path / 'checkpoints'}" in items["weights vgg19"].place
    assert items["weights vgg19"].place.endswith("vgg_loss=auto goes on without")
    assert items["prepared pages"].state == "made"


def test_weights_alone_bring_no_pages(request_all: PrepareRequest, file_server: Any) -> None:
    items = ready(replace(request_all, weights_only=True))
    assert items["weights inception"].state == "fetched"
    assert all(what.startswith("weights") for what in items)
    assert complete(list(items.values()))
    assert not request_all.cache.exists()


def test_dry_run_fetches_no_data_set(
    fake_hub: Any, tiny_values: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", fake_hub.url)
    asked = len(fake_hub.requests)
    data = tiny_values["data"] | {"source": "hf:owner/never-fetched"}
    estimate = dryrun._look_at_data(Experiment.parse(tiny_values | {"data": data}, "tiny"))
    assert "not on this machine" in (estimate.problem or "")
    assert len(fake_hub.requests) == asked


def test_uncalibrated_does_without_metric_weights_but_not_without_a_loss(
    request_all: PrepareRequest, file_server: Any
) -> None:
    items = ready(replace(request_all, allow_uncalibrated=True))
    assert items["weights inception"].state == items["weights alexnet"].state == "not needed"
    assert items["weights vgg19"].state == "fetched"
    assert complete(list(items.values()))
    assert {path for _, path, _ in file_server.requests} == {"/vgg19.pth"}


@pytest.mark.parametrize(("loss", "ready_to_run"), [("auto", True), ("on", False)])
def test_only_what_a_run_needs_is_missed(
    request_all: PrepareRequest, file_server: Any, tiny_values: dict[str, Any], loss: str, ready_to_run: bool
) -> None:
    del file_server.files["/vgg19.pth"]
    settings = tiny_values["model_settings"]
    settings = settings | {"pix2pixhd": settings["pix2pixhd"] | {"vgg_loss": loss}}
    experiment = Experiment.parse(tiny_values | {"model_settings": settings}, "test")
    items = ready(replace(request_all, experiment=experiment))
    assert items["weights vgg19"].state == "missing"
    assert ("goes on without" in items["weights vgg19"].place) == ready_to_run
    assert complete(list(items.values())) == ready_to_run


@pytest.mark.usefixtures("at_home")
@pytest.mark.parametrize("wish", ["off", "auto", "require"])
def test_dinov2_is_fetched_where_asked_for(
    request_all: PrepareRequest, fake_hub: Any, tiny_values: dict[str, Any], monkeypatch: pytest.MonkeyPatch, wish: str
) -> None:
    monkeypatch.setattr("bench.readiness.has_package", lambda: True)
    experiment = Experiment.parse(tiny_values | {"metrics": {"dinov2": wish}}, "test")
    request = replace(request_all, experiment=experiment)
    if wish == "off":
        assert "weights dinov2" not in ready(request)
        return
    offline = ready(replace(request, offline=True))["weights dinov2"]
    assert (offline.state, offline.optional) == ("missing", wish == "auto")
    assert ("goes on without" in offline.place) == (wish == "auto")
    refused = ready(request)
    assert refused["weights dinov2"].state == "missing"
    assert "cannot be fetched" in refused["weights dinov2"].place
    assert complete(list(refused.values())) == (wish == "auto")
    monkeypatch.setattr("bench.metrics.dinov2_file.REPOSITORY", "owner/name")
    fake_hub.publish({"model.safetensors": b"numbers alone"})
    fetched = ready(request)["weights dinov2"]
    assert (fetched.state, fetched.size) == ("fetched", 13)
    assert ready(request)["weights dinov2"].state == "there"
    assert find_dinov2([]) == Path(fetched.place)
    monkeypatch.setattr("bench.readiness.has_package", lambda: False)
    assert "pip install -e '.[dinov2]'" in ready(request)["package timm"].place


def test_vgg_is_wanted_where_the_loss_is(tiny_values: dict[str, Any]) -> None:
    def wanted(models: list[str], **settings: Any) -> bool:
        model_settings = tiny_values["model_settings"]
        model_settings = model_settings | {"pix2pixhd": model_settings["pix2pixhd"] | settings}
        experiment = Experiment.parse(tiny_values | {"models": models, "model_settings": model_settings}, "test")
        return VGG19.name in wanted_weights(experiment)

    assert wanted(["pix2pixhd"])
    assert wanted(["pix2pixhd"], vgg_loss="on")
    assert not wanted(["pix2pixhd"], vgg_loss="off")
    assert not wanted(["pix2pixhd"], lambda_vgg=0.0)
    assert not wanted(["pix2pix", "cyclegan"])


def test_every_weights_file_that_can_be_wanted_is_known(tiny_experiment: Experiment) -> None:
    assert set(wanted_weights(tiny_experiment)) <= {*KNOWN, VGG19.name}


def test_the_recorded_revision_is_that_of_the_same_source(tmp_path: Path, tiny_experiment: Experiment) -> None:
    folder = RunFolder(tmp_path)
    assert recorded_revision(folder, tiny_experiment) is None
    write_json(folder.split, {"source": {"spec": tiny_experiment.data.source, "revision": "a" * 40}})
    assert recorded_revision(folder, tiny_experiment) == "a" * 40
    write_json(folder.split, {"source": {"spec": "hf:owner/other", "revision": "a" * 40}})
    assert recorded_revision(folder, tiny_experiment) is None
    write_json(folder.split, {"train": []})
    assert recorded_revision(folder, tiny_experiment) is None
    assert open_source(tiny_experiment, offline=True).spec == "synthetic"
