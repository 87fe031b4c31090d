"""`bench data info`: what goes where, and what is refused."""

import json
import sys

import numpy as np
import pytest
from PIL import Image

from bench.cli import main
from data.synthetic import SyntheticSource


@pytest.fixture
def info(monkeypatch, capfd):
    """The command in this process: returns exit code, stdout and stderr."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["bench", "data", "info", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main()
        said = capfd.readouterr()
        return int(stopped.value.code or 0), said.out, said.err

    return run


@pytest.fixture
def folder(tmp_path):
    """Four drawn pages in trainA (B/W) and trainB, one of them shifted."""
    source = SyntheticSource(4, 96)
    for key in source.keys():  # noqa: SIM118
        raw = source.read(key)
        bw = np.roll(raw.bw, 6, axis=1) if key is source.keys()[2] else raw.bw
        for side, picture in (("A", bw), ("B", raw.color)):
            (tmp_path / "set" / f"train{side}").mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(tmp_path / "set" / f"train{side}" / f"{key.id}.png")
    return tmp_path / "set"


def test_text_names_layout_and_faults(info, folder):
    code, said, _ = info(folder)
    assert code == 0
    assert said.startswith("set: 4 pages, 4 with a B/W page\nlayout: pairs in trainA/ and trainB/ (B/W is A)\n")
    assert "1 pairs whose two pictures do not lie on each other:" in said
    assert "moved by -6 px right" in said


def test_json_is_all_of_stdout_and_the_sheet_holds_all_recipes(info, folder, tmp_path):
    sheet = tmp_path / "sheet.png"
    code, said, errors = info(folder, "--json", "--contact-sheet", sheet, "--recipe", "all", "--resolution", 64)
    assert code == 0
    found = json.loads(said)
    assert found["near_duplicate_pairs"] == []
    assert len(found["misaligned"]) == 1
    assert (found["parts"], found["layout"]) == ({"train": 4}, "pairs in trainA/ and trainB/ (B/W is A)")
    assert f"contact sheet: {sheet}" in errors
    # B/W, colour, and four recipes at 64 px.
    assert Image.open(sheet).width == 6 * (64 + 8) + 8


def test_all_recipes_of_colour_pages_are_those_that_can_be_made(info, folder, tmp_path):
    sheet = tmp_path / "sheet.png"
    assert info(folder / "trainB", "--contact-sheet", sheet, "--recipe", "all", "--resolution", 64)[0] == 0
    assert Image.open(sheet).width == 4 * (64 + 8) + 8
    code, _, errors = info(folder / "trainB", "--contact-sheet", sheet, "--recipe", "original")
    assert code == 2
    assert "colour pages only" in errors


def test_side_and_layout_may_be_named(info, folder):
    assert "(B/W is B)" in info(folder, "--bw-side", "B")[1]
    assert "colour pages alone" in info(folder / "trainB", "--layout", "color")[1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--recipe", "lines"), "name its file with --contact-sheet"),
        (("--contact-sheet", "x.png", "--resolution", "64"), "name recipes with --recipe"),
        (
            ("--contact-sheet", "x.png", "--recipe", "lines", "--resolution", "100"),
            "--resolution 100: choose one of 64",
        ),
        (("--contact-sheet", "x.png", "--recipe", "pencil"), "unknown recipe 'pencil'"),
        (("--layout", "stacked"), "layout 'stacked': give one of auto, pairs, side-by-side, color"),
        (("--layout", "side-by-side"), "which half is the B/W one"),
        (("--bw-side", "C"), "bw_side 'C': give A, B or auto"),
    ],
)
def test_wrong_requests_are_one_line(info, folder, arguments, words):
    code, said, errors = info(folder, *arguments)
    assert (code, said) == (2, "")
    assert words in errors
    assert len(errors.splitlines()) == 1
