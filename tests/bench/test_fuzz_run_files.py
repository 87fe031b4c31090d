"""The files of a run, damaged or made up: a valid value or one line, and no memory taken for what a header claims."""

from __future__ import annotations

import io
import json
import math
import os
import pickle
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.errors import RequestError
from bench.files import read_array, read_json, read_png, write_json, write_png
from bench.planning import Plan
from bench.runfolder import CellFolder
from bench.status import CellStatus

FUZZED = settings(
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "60")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)

STATUS = CellStatus(state="done", reason="x", step=3, steps=5, seconds=1.5, generator_sha256="ab" * 32).model_dump(
    mode="json"
)
MODEL = {
    "shown_name": "pix2pix-small", "ranked": True, "trained": True, "steps": 4, "batch_size": 1, "images": 4,
    "seconds_per_step": 0.1, "seconds_by_phase": {"all": 0.1}, "seconds": 0.4, "flops_per_step": 1e9,
    "parameters": {"generator": 3}, "remarks": ["small"],
}  # fmt: skip
PLAN = {
    "format": 1, "experiment_digest": "ab" * 32, "budget": "6m", "budget_unit": "seconds", "share": 45.0, "trained_cells": 1,
    "device": "cpu", "precision": "fp32", "models": {"pix2pix": MODEL},
}  # fmt: skip


def outcome(read: Callable[[], Any]) -> Any:
    """What is read, None where it is refused; the refusal is one line."""
    try:
        return read()
    except RequestError as error:
        said = str(error)
        assert said.isprintable(), repr(said)
        assert len(said) < 2500
        return None


def plain_and_finite(value: Any) -> bool:
    """Whether every text can be written and every number is one."""
    if isinstance(value, dict):
        return all(plain_and_finite(part) for part in [*value, *value.values()])
    if isinstance(value, list | tuple):
        return all(plain_and_finite(part) for part in value)
    return (
        math.isfinite(value) if isinstance(value, float) else not isinstance(value, str) or bool(value.encode() or True)
    )


@pytest.mark.parametrize(("name", "good"), [("status.json", STATUS), ("plan.json", PLAN)])
@FUZZED
@given(chance=st.randoms(use_true_random=False), damaged=st.booleans())
def test_status_and_plan_are_read_or_refused(
    tmp_path: Path, mutated_bytes: Any, mutated_value: Any, name: str, good: Any, chance: random.Random, damaged: bool
) -> None:
    written = json.dumps(good if damaged else mutated_value(chance, good)).encode()
    (tmp_path / name).write_bytes(mutated_bytes(chance, written) if damaged else written)
    read = (
        (lambda: CellStatus.load(CellFolder(tmp_path)))
        if name == "status.json"
        else (lambda: Plan.load(tmp_path / name))
    )
    found = outcome(read)
    if found is not None:
        assert plain_and_finite(found.model_dump())
        write_json(tmp_path / name, found.model_dump(mode="json"))
        assert read() == found


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda x: st.lists(x) | st.dictionaries(st.text(), x),
)


@FUZZED
@given(st.one_of(st.binary(max_size=60), JSON.map(lambda value: json.dumps(value).encode("utf-8", "surrogatepass"))))
def test_any_json_is_read_or_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "any.json"
    path.write_bytes(content)
    assert plain_and_finite(outcome(lambda: read_json(path)))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[" * 200_000, "brackets in brackets"),
        ('{"a":' * 200_000, "brackets in brackets"),
        ("1" * 5000, "limit"),
        ("NaN", "holds NaN"),
        ('{"value": -Infinity}', "holds -Infinity"),
        ("1e999", "too large"),
        ('"\\ud800"', "surrogates not allowed"),
        ("\ufeff{}", "BOM"),
        ("", "Expecting value"),
    ],
)
def test_json_that_once_broke_it_is_refused(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "x.json").write_text(content, encoding="utf-8")
    with pytest.raises(RequestError, match=rf"x\.json: cannot be read \(.*{words}"):
        read_json(tmp_path / "x.json")


def test_json_of_gigabytes_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "x.json").open("wb") as file:
        file.truncate(2**33)
    with pytest.raises(RequestError, match="larger than 268,435,456 bytes"):
        read_json(tmp_path / "x.json")


def npy(values: Any, **options: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, values, **options)
    return stream.getvalue()


@FUZZED
@given(chance=st.randoms(use_true_random=False))
def test_damaged_arrays_and_pictures_are_read_or_refused(
    tmp_path: Path, mutated_bytes: Any, chance: random.Random
) -> None:
    good = npy(np.arange(6.0).reshape(2, 3))
    (tmp_path / "a.npy").write_bytes(mutated_bytes(chance, good))
    found = outcome(lambda: read_array(tmp_path / "a.npy"))
    assert found is None or found.dtype == np.float64
    write_png(tmp_path / "a.png", np.zeros((4, 5, 3), np.uint8))
    (tmp_path / "a.png").write_bytes(mutated_bytes(chance, (tmp_path / "a.png").read_bytes()))
    found = outcome(lambda: read_png(tmp_path / "a.png"))
    assert found is None or (found.dtype == np.uint8 and found.shape[2] == 3)


class Payload:
    """Makes a folder where it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.marker),)


def header(text: str) -> bytes:
    padded = text.encode() + b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(padded).to_bytes(2, "little") + padded


CLAIM = "{'descr': '<f8', 'fortran_order': False, 'shape': (9999999999999,), }"


@pytest.mark.parametrize(
    "form", ["pickle", "objects", "archive", "claim", "negative", "brackets", "text", "cut", "empty"]
)
def test_feature_files_that_are_none_are_refused_and_nothing_in_them_is_run(tmp_path: Path, form: str) -> None:
    marker = tmp_path / "ran"
    payload = pickle.dumps(Payload(marker))
    archive = io.BytesIO()
    np.savez(archive, a=np.array([Payload(marker)], dtype=object), allow_pickle=True)
    content = {
        "pickle": payload,
        "objects": npy(np.array([Payload(marker)], dtype=object), allow_pickle=True),
        "archive": archive.getvalue(),
        "claim": header(CLAIM) + bytes(24),
        "negative": header(CLAIM.replace("9999999999999", "-3")) + bytes(24),
        "brackets": header("(" * 3000),
        "text": npy(np.array(["1.5"])),
        "cut": npy(np.arange(100.0))[:-8],
        "empty": b"",
    }[form]
    path = tmp_path / "features.npy"
    path.write_bytes(content)
    with pytest.raises(RequestError, match=r"features\.npy: not a readable array"):
        read_array(path)
    assert not marker.exists()
    pickle.loads(payload)
    assert marker.exists(), "the payload works where it is run"


def test_arrays_of_numbers_are_read(tmp_path: Path) -> None:
    for values in (
        np.zeros((0, 8)),
        np.arange(6).reshape(2, 3),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.float32(3),
    ):
        (tmp_path / "a.npy").write_bytes(npy(values))
        np.testing.assert_array_equal(read_array(tmp_path / "a.npy"), values)


def test_a_checkpoint_with_code_in_it_is_not_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Its digest beside it is right: whoever plants a checkpoint plants that too."""
    import torch

    from bench import checkpoints
    from bench.files import sha256_of

    marker, cell = tmp_path / "ran", CellFolder(tmp_path / "cell")
    cell.path.mkdir()
    checkpoints.save(cell, 1, {"good": 1}, "cpu")
    for step, content in ((2, {"format": 1, "step": 2, "x": Payload(marker)}), (3, Payload(marker))):
        torch.save(content, cell.checkpoint(step))
        cell.checkpoint(step).with_suffix(".sha256").write_text(sha256_of(cell.checkpoint(step)))
    state = checkpoints.load_newest(cell, "cpu")
    assert state is not None
    assert state["good"] == 1
    assert not marker.exists()
