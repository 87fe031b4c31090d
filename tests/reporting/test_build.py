import csv
import json
import re

import pytest
from PIL import Image

from bench.errors import RequestError
from bench.reporting.build import build_report
from bench.reporting.grid import chosen_windows, grid_caption
from bench.reporting.reading import read_run
from bench.reporting.verify import verify_report

FIGURES = ("grid", "ranked", "lines", "scores", "seeds", "pages", "curves")
EXPECTED = {
    "index.html", "results.json", "methods.md", "methods.tex", "references.bib",
    *(
        f"tables/{name}{kind}"
        for name in ("main", "cost", "differences", "lines", "colour")
        for kind in (".csv", ".md", ".tex", "-narrow.tex")
    ),
    *(f"figures/{name}{end}" for name in FIGURES for end in (".pdf", ".svg", ".png", "-column.pdf")),
}  # fmt: skip


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def shown(folder):
    """The files but for the data that a report ships, and the pictures of its viewer."""
    return {name for name in contents(folder) if not name.startswith(("data/", "pictures/"))}


def test_a_report_has_its_files(built):
    assert shown(built) == EXPECTED
    assert built.stat().st_mode & 0o777 == 0o755


def test_a_rebuild_elsewhere_has_the_same_bytes(finished_run, built, tmp_path):
    again = build_report(finished_run, tmp_path / "other" / "report")
    assert contents(again.folder) == contents(built)
    assert [path.name for path in tmp_path.iterdir()] == ["other"]
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["report"]
    assert [line for line in again.warnings if "uncalibrated" in line]


def test_figures_are_pictures_with_embedded_fonts(built):
    for name in FIGURES:
        for end, width in (("", 5.5), ("-column", 3.25)):
            pdf = (built / "figures" / f"{name}{end}.pdf").read_bytes()
            assert b"/FontFile2" in pdf
            assert b"/Type3" not in pdf
            assert b"CreationDate" not in pdf
            across = float(re.search(rb"/MediaBox \[ 0 0 ([\d.]+) ", pdf)[1])
            assert across == pytest.approx(width * 72, abs=0.5)
        with Image.open(built / "figures" / f"{name}.png") as picture:
            assert picture.width == pytest.approx(5.5 * 300, abs=1)
            assert len(picture.convert("RGB").getcolors(2**24)) > 20
        svg = (built / "figures" / f"{name}.svg").read_text(encoding="utf-8")
        points = float(re.search(r'<svg[^>]*\bwidth="([\d.]+)pt"', svg)[1])
        assert points == pytest.approx(5.5 * 72, abs=0.5)
        assert not re.search(r"<text|<script|<dc:date|href=\"http|font-family", svg)


def test_the_page_stands_alone(built, links_of):
    page = (built / "index.html").read_text(encoding="utf-8")
    links = links_of(page)
    assert {"figures/grid.png", "figures/grid.pdf", "tables/main.tex", "results.json"} <= set(links.targets)
    assert all((built / target).is_file() for target in links.targets)
    assert not re.search(r"https?://|url\(|@import", page)
    assert not links.tags & {"link", "iframe"}
    assert links.handlers == []
    assert [kind for kind, _ in links.scripts] == ["", "application/json"]
    assert "prefers-color-scheme: dark" in page
    assert "width=device-width" in page
    assert 'class="notice">rFD, rKID ×10³ and rLPIPS are uncalibrated' in page


def test_every_number_of_the_page_is_in_the_csv(built):
    page = (built / "index.html").read_text(encoding="utf-8")
    table = page.partition("<table ")[2].partition("</table>")[0]
    shown = re.findall(r"<td[^>]*>([-\d.]+)<span class=\"interval\"> ± ([\d.]+)</span></td>", table)
    with (built / "tables" / "main.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    stored = {key: [float(row[key]) for row in rows if row[key]] for key in rows[0] if key.endswith("_half_width")}
    halves = [value for key in stored for value in stored[key]]
    # Rows of shuffled pages have no scores of the set.
    assert len(shown) == 7 * 7 + 3 * 5
    for _, half in shown:
        assert any(f"{value:.{len(half.partition('.')[2])}f}" == half for value in halves)


def test_results_hold_the_unrounded_scores(built):
    results = json.loads((built / "results.json").read_text(encoding="utf-8"))
    with (built / "tables" / "main.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["model"]: row for row in csv.DictReader(file)}
    for row in results["rows"]:
        assert row["scores"]["ssim"]["value"] == pytest.approx(float(rows[row["model"]]["ssim"]), rel=1e-9)
        assert row["ranked"] == (rows[row["model"]]["row"] == "ranked")
    assert results["metrics"]["rfd"]["calibrated"] is False
    assert results["metrics"]["ssim"]["best"] == ["pix2pixhd"]
    assert results["seeds"] == [0, 1]


def hostile(run_folder):
    """Rename a model to something that no format should act on."""
    plan = json.loads((run_folder / "plan.json").read_text())
    plan["models"]["pix2pix"] |= {
        "shown_name": "=evil</td><script>alert(1)</script>|_$%&#{",
        "remarks": ["<img src=x>"],
    }
    (run_folder / "plan.json").write_text(json.dumps(plan))


def test_hostile_names_are_escaped_everywhere(own_run, tmp_path, unrendered):
    hostile(own_run)
    folder = build_report(own_run, tmp_path / "report").folder
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert "<img src=x>" not in page
    assert "=evil&lt;/td&gt;&lt;script&gt;" in page
    assert r"|\_\$\%\&\#\{" in (folder / "tables" / "main.tex").read_text().replace("$|$", "|")
    assert "'=evil" in (folder / "tables" / "main.csv").read_text()
    assert "<script" not in (folder / "tables" / "main.md").read_text()


def test_an_incomplete_run_is_reported_with_its_holes(own_run, tmp_path, change_json, unrendered):
    change_json(own_run / "cells" / "cyclegan-seed0" / "status.json", state="diverged", reason="D_A = nan by step 300")
    (own_run / "cells" / "cyclegan-seed1" / "images.parquet").unlink()
    for path in own_run.glob("cells/*/curve.parquet"):
        path.unlink()
    report = build_report(own_run, tmp_path / "report")
    page = (report.folder / "index.html").read_text(encoding="utf-8")
    assert "cyclegan-seed0: no scores, diverged: D_A = nan by step 300" in report.warnings
    assert "cyclegan-seed0: no scores, diverged: D_A = nan by step 300" in page
    assert "Without scores, and so not compared: cyclegan-small." in page
    assert not (report.folder / "figures" / "curves.png").exists()
    assert (report.folder / "figures" / "grid.png").exists()


def test_figures_for_the_page_alone_leave_no_link_without_a_file(finished_run, tmp_path, unrendered):
    folder = build_report(finished_run, tmp_path / "report", figures="png").folder
    assert {path.suffix for path in (folder / "figures").iterdir()} == {".png"}
    page = (folder / "index.html").read_text(encoding="utf-8")
    linked = re.findall(r'(?:href|src)="((?:figures|tables)/[^"]+)"', page)
    assert any(link.startswith("figures/") for link in linked)
    assert [link for link in linked if not (folder / link).is_file()] == []
    # The fixture's split has a digest that is none.
    assert [each for each in verify_report(folder).differences if "split.json" not in each] == []


def test_report_without_pages_shows_none(finished_run, tmp_path, unrendered):
    folder = build_report(finished_run, tmp_path / "report", figures="png", show_pages=False).folder
    drawn = {path.stem for path in (folder / "figures").iterdir()}
    assert drawn == set(FIGURES) - {"grid", "ranked", "lines"}
    assert not (folder / "pictures").exists()
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert "Compare pages" not in page
    assert not re.search(r'(?:href|src)="(?:pictures|figures/(?:grid|ranked|lines))', page)
    assert [each for each in verify_report(folder).differences if "split.json" not in each] == []


def test_an_old_report_is_replaced_and_strangers_are_not(finished_run, tmp_path, unrendered):
    out = tmp_path / "report"
    (out / "figures").mkdir(parents=True)
    (out / "figures" / "old.png").write_bytes(b"old")
    (out / "results.json").write_text("{}")
    build_report(finished_run, out)
    assert shown(out) == EXPECTED
    (out / "thesis.docx").write_bytes(b"mine")
    with pytest.raises(RequestError, match=r"thesis\.docx"):
        build_report(finished_run, out)
    assert (out / "thesis.docx").read_bytes() == b"mine"


def test_a_run_folder_is_never_replaced_by_its_report(own_run):
    before = contents(own_run)
    with pytest.raises(RequestError, match="no report wrote"):
        build_report(own_run, own_run)
    assert contents(own_run) == before


def test_a_failed_build_leaves_the_old_report_and_no_rubbish(own_run, tmp_path, monkeypatch):
    out = tmp_path / "place" / "report"
    out.mkdir(parents=True)
    (out / "results.json").write_text("old")

    def broken(*_):
        raise OSError("disk full")

    monkeypatch.setattr("bench.reporting.build.dots_figure", broken)
    with pytest.raises(OSError, match="disk full"):
        build_report(own_run, out)
    assert contents(out) == {"results.json": b"old"}
    assert [path.name for path in out.parent.iterdir()] == ["report"]


def test_nothing_to_report_writes_nothing(tmp_path):
    with pytest.raises(RequestError):
        build_report(tmp_path, tmp_path / "report")
    assert list(tmp_path.iterdir()) == []


def test_the_shown_pages_are_chosen_by_the_stated_rule(finished_run):
    run = read_run(finished_run)
    pages = sorted(run.windows["page"].unique())
    assert chosen_windows(run) == [f"{pages[i]}-0" for i in (0, 2, 3, 5)]
    assert "4 evenly spaced ids" in grid_caption(run)
    assert "(seed 0)" in grid_caption(run)
