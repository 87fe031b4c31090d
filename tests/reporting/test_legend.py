"""The legend above panels: names stand whole where there is room for them in fewer columns."""

import json

import pytest

from bench.reporting.legend import NAMES, columns_for, legend_height, name_width
from bench.reporting.lettering import text_width
from bench.reporting.reading import read_run
from bench.reporting.scores import score_run
from bench.reporting.speed import speed_figure
from bench.reporting.style import COLUMN_WIDTH, TEXT_WIDTH, figure_style


@pytest.mark.parametrize("width", [TEXT_WIDTH, COLUMN_WIDTH])
def test_names_and_sizes_of_the_speed_figure_are_whole(own_run, width):
    for cell in (own_run / "cells").glob("*-seed*"):
        (cell / "inference.json").write_text(json.dumps({"seconds_per_window": 0.01}))
    plan = json.loads((own_run / "plan.json").read_text())
    for values in plan["models"].values():
        values["parameters"] = {"generator": 54_413_955}
    (own_run / "plan.json").write_text(json.dumps(plan))
    run = read_run(own_run)
    with figure_style():
        figure = speed_figure(run, score_run(run), width)
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert "pix2pixhd-small (54.4 M)" in texts
    assert not any("…" in text for text in texts)


def test_columns_are_as_many_as_the_longest_name_allows():
    assert columns_for(["a", "b"], TEXT_WIDTH) == NAMES
    assert columns_for([], TEXT_WIDTH) == NAMES
    for length in range(1, 200, 7):
        name = "m" * length
        columns = columns_for(["a", name], TEXT_WIDTH)
        assert columns == 1 or text_width(name) <= name_width(TEXT_WIDTH, columns)
        assert columns == NAMES or columns == 1 or text_width(name) > name_width(TEXT_WIDTH, columns + 1)


def test_fewer_columns_take_more_lines():
    heights = [legend_height(4, TEXT_WIDTH, columns) for columns in (4, 2, 1)]
    assert heights == sorted(heights)
    assert legend_height(4, TEXT_WIDTH) == legend_height(4, TEXT_WIDTH, NAMES)
