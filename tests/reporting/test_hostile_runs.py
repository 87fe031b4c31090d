"""A run of a stranger: hostile names through to the finished report, pictures elsewhere, links, code in its tables."""

import csv
import json
import os
import pickle
import re
from xml.etree import ElementTree

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from markdown_it import MarkdownIt

from bench.errors import RequestError
from bench.reporting.build import build_report
from bench.reporting.grid import chosen_windows
from bench.reporting.reading import read_run
from data.printing import printable

FORMULA, SCRIPT, INPUT = '=HYPERLINK("http://x")', "<script>alert(1)</script>", "\\input{/etc/passwd}"
MATHS, LINK, PICTURE, COLOUR = (
    r"$\frac$",
    "[a](javascript:alert(1))",
    "![b](http://x/y.png)",
    "\x1b]0;title\x07\x1b[31m",
)
EVERYTHING = (
    f'{FORMULA}{SCRIPT}{INPUT}{MATHS}{LINK}{PICTURE}{COLOUR}" onload="alert(1)\n^^5cinput{{x}} \u202e{{{{7*7}}}}'
)


def change(path, alter):
    value = json.loads(path.read_text(encoding="utf-8"))
    alter(value)
    path.write_text(json.dumps(value), encoding="utf-8")


@pytest.fixture
def hostile_run(own_run):
    """The run with every text in it that can be anything, and folders called after formulas."""

    def plan(value):
        for name, shown in zip(
            ("pix2pix", "pix2pixhd", "cyclegan", "unet-l1"), (FORMULA, SCRIPT, INPUT, MATHS), strict=True
        ):
            value["models"][name] |= {"shown_name": shown, "remarks": [EVERYTHING], "inference_mode": EVERYTHING}
        value |= {"budget": EVERYTHING, "device": EVERYTHING, "experiment_digest": EVERYTHING}

    def provenance(value):
        value |= {"commit": EVERYTHING, "versions": {EVERYTHING: EVERYTHING}}
        value["hardware"] |= {"cpu": EVERYTHING, "gpu": LINK}

    def split(value):
        value |= {
            "digest": EVERYTHING,
            "group_by": EVERYTHING,
            "source": {"revision": EVERYTHING, "licence_note": EVERYTHING},
        }

    def sets(value):
        for score in value["scores"]:
            score |= {"layer": EVERYTHING, "extractor": EVERYTHING, "resize": EVERYTHING, "pairing": EVERYTHING}

    change(own_run / "plan.json", plan)
    change(own_run / "provenance.json", provenance)
    change(own_run / "split.json", split)
    change(own_run / "cells" / "copy" / "status.json", lambda value: value.update(state="failed", reason=EVERYTHING))
    change(
        own_run / "cells" / "pix2pix-seed1" / "status.json",
        lambda value: value.update(state="truncated", reason=EVERYTHING),
    )
    experiment = own_run / "experiment.toml"
    experiment.write_text(experiment.read_text().replace('"synthetic"', json.dumps(EVERYTHING)), encoding="utf-8")
    for path in own_run.glob("cells/*/*.parquet"):
        frame = pd.read_parquet(path)
        if "chapter" in frame:
            frame.assign(chapter=FORMULA, series=SCRIPT, group=frame["group"] + EVERYTHING).to_parquet(path)
    for path in own_run.glob("cells/*/sets.json"):
        change(path, sets)
    for name in (FORMULA.replace("/", "_"), SCRIPT.replace("/", "_"), "a\x1b[31m\nb", "x" * 255):
        (own_run / "cells" / name).mkdir()
    return own_run.rename(own_run.with_name(FORMULA.replace("/", "_") + "<script>\x1b[31m"))


def is_number(text):
    return bool(re.fullmatch(r"[-+]?[\d.]+(e[-+]?\d+)?", text))


def test_hostile_names_do_nothing_in_the_finished_report(hostile_run, tmp_path, links_of):
    report = build_report(hostile_run, tmp_path / "report")
    for file in report.files:
        if file.suffix in (".html", ".tex", ".csv", ".md", ".json"):
            text = file.read_text(encoding="utf-8")
            assert all(letter.isprintable() or letter == "\n" or letter in "\u202f\u2009\u00a0" for letter in text), (
                file
            )
    assert all(line.isprintable() for line in report.warnings)

    page = links_of((report.folder / "index.html").read_text(encoding="utf-8"))
    assert not page.tags & {"iframe", "object", "embed", "form", "base", "meta-refresh"}
    assert all((report.folder / target).is_file() for target in page.targets)
    assert page.handlers == []
    (kind, own), (other, data) = page.scripts
    assert (kind, other) == ("", "application/json")
    assert "alert" not in own
    assert not set(data) & set("<>&")
    stored = json.loads(data)
    assert {FORMULA, SCRIPT, INPUT, MATHS} == {model["label"] for model in stored["models"]} - {"mean-chroma"}
    assert stored["windows"]["seriesNames"] == [SCRIPT]
    names = {path.relative_to(report.folder).as_posix() for path in report.folder.glob("pictures/**/*.*")}
    assert names
    assert all(re.fullmatch(r"pictures/(thumbnails/\d+\.webp|\d+/\d+(\.webp|-lines\.png))", name) for name in names)
    assert "onload=&#34;" in (report.folder / "index.html").read_text(encoding="utf-8")

    for file in report.folder.glob("tables/*.csv"):
        with file.open(encoding="utf-8", newline="") as opened:
            rows = list(csv.reader(opened))
        assert all(
            is_number(cell) or not cell.lstrip().startswith(("=", "+", "-", "@")) for row in rows for cell in row
        )
    with (report.folder / "tables" / "main.csv").open(encoding="utf-8", newline="") as opened:
        main = list(csv.DictReader(opened))
    assert main[0]["shown_name"] == f"'{FORMULA}"
    differences = (report.folder / "tables" / "differences.csv").read_text(encoding="utf-8")
    assert re.search(r",-\d", differences), "negative numbers stay numbers"

    for file in report.folder.glob("tables/*.tex"):
        text = file.read_text(encoding="utf-8")
        assert text.isascii()
        assert not re.search(r"\\(input|include|write|openin|read|catcode|csname|frac)|\^\^", text), file
    for file in report.folder.glob("figures/*.svg"):
        drawing = ElementTree.parse(file)
        tags = {element.tag.rpartition("}")[2] for element in drawing.iter()}
        assert tags <= {
            "svg",
            "metadata",
            "RDF",
            "Work",
            "type",
            "format",
            "defs",
            "style",
            "g",
            "path",
            "use",
            "image",
            "clipPath",
            "rect",
        }
        links = [value for element in drawing.iter() for key, value in element.attrib.items() if key.endswith("href")]
        assert all(link.startswith(("#", "data:image/png;base64,")) for link in links)

    for file in (*report.folder.glob("tables/*.md"), report.folder / "methods.md"):
        shown = MarkdownIt("commonmark").enable("table").render(file.read_text(encoding="utf-8"))
        assert set(re.findall(r"<(\w+)", shown)) <= {
            "p", "strong", "em", "table", "thead", "tbody", "tr", "th", "td", "br", "sup", "h1", "h2",
        }, file  # fmt: skip


def test_hostile_names_do_nothing_in_a_browser(hostile_run, tmp_path, open_page, unrendered):
    """Whatever ran, loaded or popped up would fail the test."""
    windows = [f"a\"'><script>alert(1)<\u2215script>#?%2e%2e{n}<!--\u2028" for n in range(12)]
    for path in hostile_run.glob("cells/*/*.parquet"):
        frame = pd.read_parquet(path)
        if "window" in frame:
            frame.assign(window=windows).to_parquet(path)
    for folder in (*hostile_run.glob("cells/*/predictions"), *hostile_run.glob("test/*")):
        for window, picture in zip(windows, sorted(folder.iterdir()), strict=True):
            picture.rename(picture.with_name(f"{printable(window)}.png"))
    page = open_page(build_report(hostile_run, tmp_path / "report").folder)
    open_page.waited(page, "[...document.querySelectorAll('.layer .picture')].some(i => i.complete && i.naturalWidth)")
    assert "<script>" in page.locator("#page-name").text_content()
    assert FORMULA in page.locator("#side-left option").all_text_contents()[2]
    assert SCRIPT in page.locator("#page-group").text_content()
    page.get_by_label("Page id").fill("<script>")
    page.keyboard.press("Tab")
    assert page.locator("#strip button").count() == 12


@pytest.mark.parametrize("name", ["../../outside", "/etc/outside", "a\\b", "x" * 300])
def test_windows_are_called_as_files_of_their_folder(own_run, name):
    """A report shows the pictures that windows are called after: none from elsewhere."""
    for path in own_run.glob("cells/*/*.parquet"):
        frame = pd.read_parquet(path)
        if "window" in frame:
            frame.assign(window=[name, *frame["window"][1:]]).to_parquet(path)
    with pytest.raises(RequestError, match=r"nothing to report.*window whose name is none of a file"):
        read_run(own_run)


def test_models_are_called_as_folders_of_the_run(own_run):
    for name in ("../../cells/copy", "a/b", "..", "a\\\\b"):
        path = own_run / "experiment.toml"
        before = path.read_text()
        path.write_text(before.replace('"cyclegan"]', f'"cyclegan", "{name}"]'))
        with pytest.raises(RequestError, match=r"experiment\.toml: "):
            read_run(own_run)
        path.write_text(before)
    assert chosen_windows(read_run(own_run))


@pytest.mark.parametrize("place", ["report", "cells/copy/predictions", "test/input/planted.png", "plan.json"])
def test_links_out_of_a_run_are_refused(own_run, tmp_path, place):
    outside = tmp_path / "outside"
    outside.mkdir()
    link = own_run / place
    if link.exists():
        link.rename(outside / "moved")
    link.symlink_to(outside / "moved" if (outside / "moved").exists() else outside)
    with pytest.raises(RequestError, match=f"{place}: a link out of"):
        build_report(own_run, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_report_does_not_take_the_place_of_what_a_link_leads_to(finished_run, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "thesis")
    with pytest.raises(RequestError, match="out: a link; name the folder itself"):
        build_report(finished_run, tmp_path / "out")
    assert list((tmp_path / "thesis").iterdir()) == []


class Payload:
    """Makes a folder where it is unpickled."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


def test_pickled_code_in_a_table_of_a_run_is_not_run(own_run, tmp_path):
    path = own_run / "cells" / "pix2pix-seed1" / "images.parquet"
    payload = pickle.dumps(Payload(tmp_path / "ran"))
    hostile = {b"ARROW:extension:name": b"arrow.py_extension_type", b"ARROW:extension:metadata": payload}
    table = pq.read_table(path)
    fields = [pa.field(field.name, field.type, metadata=hostile) for field in table.schema]
    pq.write_table(pa.table(table.columns, schema=pa.schema(fields)), path)
    assert all(cell.scored for cell in read_run(own_run).cells)
    assert not (tmp_path / "ran").exists()
    pickle.loads(payload)
    assert (tmp_path / "ran").exists(), "the payload works where it is run"
