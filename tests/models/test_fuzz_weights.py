"""Files of weights, damaged at random: a generator or one line, and nothing in them is run."""

import io
import os

import pytest
import safetensors.torch
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models import ModelError, build, parse_settings
from models.official_weights import read_generator

FUZZED = settings(
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "40")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="module")
def saved_generators():
    """A tiny generator in the three forms that files have."""
    values = {"netG": "resnet", "ngf": 2, "n_blocks": 1}
    state = build("cyclegan", parse_settings("cyclegan", values), 64, 0).generator.state_dict()
    forms = {}
    for name, zipped in (("x.pth", True), ("old.pth", False)):
        stream = io.BytesIO()
        torch.save(dict(state), stream, _use_new_zipfile_serialization=zipped)
        forms[name] = stream.getvalue()
    return forms | {"x.safetensors": safetensors.torch.save(dict(state))}


@FUZZED
@given(name=st.sampled_from(["x.pth", "old.pth", "x.safetensors"]), chance=st.randoms(use_true_random=False))
def test_damaged_weights_are_a_generator_or_one_line(tmp_path, mutated_bytes, saved_generators, name, chance):
    content = saved_generators[name]
    # Most of a file is weights; its head and tail say what they are.
    head = chance.choice([64, 512, len(content)])
    path = tmp_path / name
    path.write_bytes(
        mutated_bytes(chance, content[:head]) + content[head:]
        if chance.random() < 0.7
        else content[:-head] + mutated_bytes(chance, content[-head:])
    )
    try:
        assert read_generator("cyclegan", path).state
    except ModelError as error:
        said = str(error)
        assert said.isprintable(), repr(said)
        assert len(said) < 2500


def test_an_archive_that_claims_to_span_disks_is_one_line(tmp_path, saved_generators):
    """`zipfile` raises on it when it is only asked whether a file is an archive."""
    content = bytearray(saved_generators["x.pth"])
    end = content.rindex(b"PK\x05\x06")
    # A locator of ZIP64's end record on the second of two disks.
    content[end:end] = b"PK\x06\x07" + (1).to_bytes(4, "little") + bytes(8) + (2).to_bytes(4, "little")
    (tmp_path / "x.pth").write_bytes(content)
    with pytest.raises(ModelError, match=r"x\.pth: is damaged \(zipfiles that span multiple disks"):
        read_generator("cyclegan", tmp_path / "x.pth")
