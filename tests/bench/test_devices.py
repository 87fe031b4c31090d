"""Energy as a GPU's counter tells it: stretches add up, and what was not counted from the start is not told at all."""

from __future__ import annotations

import itertools

import pytest

from bench import devices
from bench.devices import EnergyMeter


@pytest.fixture
def counter(monkeypatch: pytest.MonkeyPatch) -> None:
    """A counter that stands 10 joules further every time it is read."""
    ticks = itertools.count(step=10)
    monkeypatch.setattr(devices, "_energy_counter", lambda device: lambda: float(next(ticks)))


@pytest.mark.usefixtures("counter")
def test_stretches_add_up_and_go_on_from_what_was_counted_before() -> None:
    meter = EnergyMeter("cuda:0")
    for _ in range(2):
        meter.start()
        meter.pause()
    meter.pause()
    assert meter.joules == 20
    later = EnergyMeter("cuda:0", meter.joules)
    later.start()
    later.pause()
    assert later.joules == 30


@pytest.mark.usefixtures("counter")
def test_a_cell_that_began_without_a_counter_has_no_figure() -> None:
    meter = EnergyMeter("cuda:0", None)
    meter.start()
    meter.pause()
    assert meter.joules is None


def test_without_a_counter_there_is_no_figure() -> None:
    meter = EnergyMeter("cpu", 12.0)
    meter.start()
    meter.pause()
    assert meter.joules is None
