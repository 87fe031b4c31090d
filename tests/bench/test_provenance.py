"""Which code made a run, wherever it was installed from."""

from __future__ import annotations

from importlib import metadata

import pytest

from bench import provenance


class Installed:
    def __init__(self, text: str | None) -> None:
        self.text = text

    def read_text(self, name: str) -> str | None:
        return self.text if name == "direct_url.json" else None


@pytest.mark.parametrize(
    ("record", "commit"),
    [
        ('{"url": "https://example.org/x.git", "vcs_info": {"vcs": "git", "commit_id": "5a5a"}}', "5a5a"),
        ('{"url": "file:///checkout", "dir_info": {"editable": false}}', None),
        ("{", None),
        ("[]", None),
        (None, None),
    ],
)
def test_the_commit_that_pip_recorded_is_taken_outside_of_a_checkout(
    record: str | None, commit: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provenance, "_git", lambda *_: None)
    monkeypatch.setattr(metadata, "distribution", lambda _: Installed(record))
    assert provenance._commit() == {"commit": commit, "dirty": None if commit is None else False}
