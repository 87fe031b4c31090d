"""run.log: one line an event whatever is said, readable by a program, warnings gathered."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.run_log import PASSING, fields, logging_to, read_log

_log = logging.getLogger("bench")


def test_lines_come_back_with_time_level_text_and_fields(tmp_path: Path) -> None:
    with logging_to(tmp_path / "run.log", None):
        _log.info("a cell of %s ends", "pix2pix", extra=fields("cell ended", {"step": 3, "seconds": 0.5}))
        _log.warning("careful")
    first, second = read_log(tmp_path / "run.log")
    assert (first.level, first.text) == ("INFO", "a cell of pix2pix ends")
    assert dict(first.fields) == {"event": "cell ended", "step": 3, "seconds": 0.5}
    assert abs(datetime.now(UTC) - first.time) < timedelta(minutes=1)
    assert (second.level, second.text, dict(second.fields)) == ("WARNING", "careful", {})


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(text=st.text(), value=st.text())
def test_whatever_is_said_is_one_line_that_can_be_read(tmp_path: Path, text: str, value: str) -> None:
    path = tmp_path / "any.log"
    path.unlink(missing_ok=True)
    with logging_to(path, None):
        _log.info("%s", text, extra=fields("said", {"value": value}))
    (line,) = read_log(path)
    assert line.text.isprintable()
    assert line.fields["value"] == value


def test_warnings_are_gathered_once_each_and_passing_ones_are_not(tmp_path: Path) -> None:
    with logging_to(tmp_path / "run.log", None) as warnings:
        for _ in range(2):
            _log.warning("the disk is nearly full")
        _log.warning("for now", extra=fields(PASSING, {}))
        _log.info("all is well")
    assert warnings.texts == ["the disk is nearly full"]
    assert len(read_log(tmp_path / "run.log")) == 4


def test_half_a_line_of_a_crash_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "run.log"
    with logging_to(path, None):
        _log.info("whole")
    with path.open("a") as file:
        file.write("2026-01-01T00:00:00+00:00\tINFO\thal")
    assert [line.text for line in read_log(path)] == ["whole"]


def test_no_handler_is_left_behind(tmp_path: Path) -> None:
    before = list(_log.handlers)
    with logging_to(tmp_path / "run.log", None):
        pass
    assert _log.handlers == before


def test_a_log_that_cannot_be_written_is_said_once_and_hides_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """/dev/full is a disk without room."""
    with pytest.raises(KeyError), logging_to(Path("/dev/full"), None) as warnings:
        for number in range(3):
            _log.warning("line %d", number)
        raise KeyError
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith("bench: /dev/full: lines are missing (")
    assert len(warnings.texts) == 3
