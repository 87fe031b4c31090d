import hashlib
import pickle
from pathlib import Path

import pytest
import torch

from bench.errors import RequestError
from bench.metrics.weights import KNOWN, KnownWeights, WeightStore, default_folders


def known_as(path, sha256=None):
    content = path.read_bytes()
    digest = sha256 or hashlib.sha256(content).hexdigest()
    return KnownWeights("net", ("other-name.pth", path.name), len(content), digest, "https://example.org/net.pth")


@pytest.fixture
def stand_in(tmp_path):
    path = tmp_path / "net.pth"
    torch.save({"weight": torch.arange(6.0).reshape(2, 3)}, path)
    return path


def test_a_stand_in_with_its_digest_is_found_verified_and_loaded(stand_in):
    store = WeightStore({"net": known_as(stand_in)}, [stand_in.parent / "absent", stand_in.parent])
    assert store.find("net") == stand_in
    assert store.verified("net") == stand_in.read_bytes()
    assert torch.equal(store.load("net")["weight"], torch.arange(6.0).reshape(2, 3))


class Bomb:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return (Path.touch, (self.mark,))


def test_one_flipped_byte_is_refused_before_anything_is_unpickled(tmp_path):
    path, mark = tmp_path / "net.pth", tmp_path / "unpickled"
    content = bytearray(pickle.dumps(Bomb(mark)))
    pickle.loads(content)
    assert mark.exists(), "the bomb works, so its silence below means something"
    mark.unlink()
    path.write_bytes(content)
    known = known_as(path)
    content[-2] ^= 1
    path.write_bytes(content)
    with pytest.raises(
        RequestError, match=r"net\.pth: not the published weights net .* delete it and get it again from https"
    ):
        WeightStore({"net": known}, [tmp_path]).load("net")
    assert not mark.exists()


def test_pickled_code_is_not_run_even_with_the_right_digest(tmp_path):
    path, mark = tmp_path / "net.pth", tmp_path / "unpickled"
    torch.save({"weight": Bomb(mark)}, path)
    with pytest.raises(RequestError, match="are no plain state dictionary"):
        WeightStore({"net": known_as(path)}, [tmp_path]).load("net")
    assert not mark.exists()


def test_what_is_no_state_dictionary_is_refused(tmp_path):
    path = tmp_path / "net.pth"
    torch.save([torch.zeros(2)], path)
    with pytest.raises(RequestError, match="no plain state dictionary of tensors"):
        WeightStore({"net": known_as(path)}, [tmp_path]).load("net")


def test_a_missing_file_is_named_with_its_place_and_source(tmp_path):
    known = KnownWeights("net", ("net.pth",), 1, "0" * 64, "https://example.org/net.pth")
    store = WeightStore({"net": known}, [tmp_path])
    assert store.find("net") is None
    with pytest.raises(RequestError) as refusal:
        store.verified("net")
    assert all(part in str(refusal.value) for part in ("net.pth", str(tmp_path), "https://example.org/net.pth"))
    assert "\n" not in str(refusal.value)


def test_folders_follow_torch_hub(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    assert default_folders()[0] == tmp_path / "torch" / "hub" / "checkpoints"
    monkeypatch.delenv("TORCH_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_folders()[0] == tmp_path / "torch" / "hub" / "checkpoints"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_folders()[0] == Path.home() / ".cache" / "torch" / "hub" / "checkpoints"


def test_file_names_carry_the_start_of_their_published_digest():
    for name in ("inception", "alexnet", "vgg16"):
        assert all(Path(file).stem.split("-")[-1] == KNOWN[name].sha256[:8] for file in KNOWN[name].file_names)


def test_the_installed_lpips_heads_are_the_published_ones():
    heads = WeightStore().load("lpips-alex-heads")
    assert len(heads) == 5
    assert all(value.min() >= 0 for value in heads.values())
    assert len(WeightStore().verified("lpips-alex-heads")) == KNOWN["lpips-alex-heads"].size
