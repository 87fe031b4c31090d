"""The joined report as files: complete, the same bytes again, and safe whatever the runs are called."""

import json
import re
import shutil
import sys
from pathlib import Path

import pytest
from PIL import Image

from bench.cli import main
from bench.errors import RequestError
from bench.reporting.joined.build import build_joined_report
from bench.reporting.joined.grid import grid_caption
from bench.reporting.joined.reading import read_joined
from bench.reporting.request import make_report, report_folder
from bench.runfolder import RunFolder

TABLES = ("main", "across", "gaps", "differences", "cost", "lines", "colour")
FIGURES = ("moves", "grid", "curves")
EXPECTED = {
    "index.html", "results.json", "methods.md", "methods.tex", "references.bib",
    *(f"tables/{name}{kind}" for name in TABLES for kind in (".csv", ".md", ".tex", "-narrow.tex")),
    *(f"figures/{name}{end}" for name in FIGURES for end in (".pdf", ".svg", ".png", "-column.pdf")),
}  # fmt: skip


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_joined_report_has_its_files(joined_report):
    assert {name for name in contents(joined_report) if not name.startswith("data/")} == EXPECTED


def test_a_rebuild_elsewhere_has_the_same_bytes(recipe_runs, joined_report, tmp_path):
    again = build_joined_report(recipe_runs, tmp_path / "other" / "report")
    assert contents(again.folder) == contents(joined_report)
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["report"]
    assert any("uncalibrated" in line for line in again.warnings)


def test_figures_are_pictures_with_embedded_fonts(joined_report):
    for name in FIGURES:
        pdf = (joined_report / "figures" / f"{name}.pdf").read_bytes()
        assert b"/FontFile2" in pdf
        assert b"/Type3" not in pdf
        with Image.open(joined_report / "figures" / f"{name}.png") as picture:
            assert picture.width == pytest.approx(5.5 * 300, abs=1)
            assert len(picture.convert("RGB").getcolors(2**24)) > 20


def test_report_without_pages_shows_none(recipe_runs, tmp_path, unrendered):
    folder = build_joined_report(recipe_runs, tmp_path / "report", figures="png", show_pages=False).folder
    assert {path.name for path in (folder / "figures").iterdir()} == {"moves.png", "curves.png"}
    assert "figures/grid" not in (folder / "index.html").read_text(encoding="utf-8")


def test_the_page_stands_alone(joined_report, links_of):
    page = (joined_report / "index.html").read_text(encoding="utf-8")
    links = links_of(page)
    assert {"figures/moves.png", "figures/grid.pdf", "tables/gaps.tex", "results.json", "methods.md"} <= set(
        links.targets
    )
    assert all((joined_report / target).is_file() for target in links.targets)
    assert not re.search(r"https?://|url\(|@import", page)
    assert not links.tags & {"link", "iframe"}
    assert [kind for kind, _ in links.scripts] == [""]
    assert links.handlers == []
    assert "how much does that depend on the recipe?" in page
    for recipe in ("lines", "screentone", "gray"):
        assert f'<h3 class="label">{recipe}</h3>' in page
        assert f"<dt>Run</dt><dd>tiny-{recipe}</dd>" in page
        assert f"<li>[{recipe}] SSIM" in page


def test_blocks_of_runs_are_sorted_each_by_itself(open_page, joined_report):
    page = open_page(joined_report)
    blocks = "blocks => blocks.map(block => [...block.rows].map(row => row.cells[0].textContent))"
    before = page.locator("#table-main tbody.block").evaluate_all(blocks)
    page.locator("#table-main thead th", has_text="PSNR").locator("button").click()
    after = page.locator("#table-main tbody.block").evaluate_all(blocks)
    assert [block[0] for block in after] == [block[0] for block in before] == ["lines", "screentone", "gray"]
    assert all(block[1:] == ["pix2pixhd-small", "pix2pix-small", "cyclegan-small"] for block in after)
    assert before[0][1:] != after[0][1:]


def test_the_methods_text_says_what_was_joined(joined_report):
    text = (joined_report / "methods.md").read_text(encoding="utf-8")
    assert "3 runs stand side by side: tiny-lines (experiment lines0000000, shown as “lines”)" in text
    assert "They differ in recipe (lines; screentone; gray)." in text
    assert (
        "Equal in all, and checked: split 9f9f9f9f9f9f, the 12 test windows and the pixels of their originals" in text
    )
    assert text.count("Wang et al. 2004") == 1


def test_results_hold_all_runs_and_what_lies_between_them(joined_report):
    results = json.loads((joined_report / "results.json").read_text(encoding="utf-8"))
    assert results["differing"] == {"recipe": ["lines", "screentone", "gray"]}
    assert [(run["name"], run["label"], run["recipe"]) for run in results["runs"]] == [
        (f"tiny-{recipe}", recipe, recipe) for recipe in ("lines", "screentone", "gray")
    ]
    psnr = [
        next(r for r in run["rows"] if r["model"] == "cyclegan")["scores"]["psnr"]["value"] for run in results["runs"]
    ]
    (gap,) = [
        gap for gap in results["differences_between_runs"]
        if (gap["model"], gap["metric"], gap["first"], gap["second"]) == ("cyclegan", "psnr", "tiny-gray", "tiny-lines")
    ]  # fmt: skip
    assert gap["value"] == pytest.approx(psnr[2] - psnr[0])
    assert gap["seeds_paired"]


def test_the_pictures_are_those_of_the_stated_rule(joined):
    caption = grid_caption(joined)
    assert re.search(r"2 evenly spaced ids .*\(moon-garden_ch1_p1-0, moon-garden_ch2_p3-0\)", caption)


def test_hostile_names_are_escaped_everywhere(recipe_runs, tmp_path, unrendered, edit):
    evil = "=evil<b>|_$%&#{[x]" if sys.platform != "win32" else "=evil_$%&#{[x]"
    runs = [shutil.copytree(recipe_runs[0], tmp_path / name) for name in (evil, "漫画")]
    plan = json.loads((runs[1] / "plan.json").read_text())
    plan["models"]["pix2pix"]["shown_name"] = "[x]<script>alert(1)</script>"
    plan |= {"experiment_digest": "77" * 32}
    (runs[1] / "plan.json").write_text(json.dumps(plan))
    edit.toml(runs[1] / "experiment.toml", "batch_size = 1", 'batch_size = 1\nunpaired = "</td><script>"')
    edit.toml(
        runs[0] / "experiment.toml", "batch_size = 1", 'batch_size = 1\nunpaired = "$x_1 & \\\\input{/etc/passwd}"'
    )
    folder = build_joined_report(runs, tmp_path / "report").folder
    for path in folder.rglob("*"):
        if path.suffix in (".html", ".md"):
            assert "<script>alert" not in path.read_text(encoding="utf-8")
        if path.suffix == ".csv":
            assert not re.search(r"(^|,)\"?=", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        if path.suffix == ".tex":
            text = path.read_text(encoding="utf-8")
            assert text.isascii()
            assert "\\input" not in text
            assert not re.search(r"\\\\\n\s*\[", text)


@pytest.mark.parametrize(("document_class", "suffix"), [("{article}", ""), ("[twocolumn,a4paper]{article}", "-narrow")])
def test_tables_compile_and_fit_the_narrowest_page(joined_report, typesetter, document_class, suffix):
    texts = {name: (joined_report / "tables" / f"{name}{suffix}.tex").read_text(encoding="utf-8") for name in TABLES}
    log = typesetter.log(document_class, texts)
    assert "Overfull" not in log
    assert "Float too large" not in log


def test_one_run_gives_the_single_report(recipe_runs, tmp_path, unrendered):
    made = make_report(recipe_runs[:1], tmp_path, None)
    assert made.folder == tmp_path / "tiny-lines"
    assert "across.csv" not in {path.name for path in made.files}
    assert json.loads((made.folder / "results.json").read_text())["kind"] == "report"


@pytest.mark.parametrize(
    ("count", "out", "name", "expected"),
    [
        (1, None, None, "runs/a/report"),
        (1, "out", None, "out/a"),
        (1, "out", "mine", "out/mine"),
        (2, None, None, "reports/a+b"),
        (2, "out", None, "out/a+b"),
        (2, "out", "mine", "out/mine"),
        (2, None, "mine", "reports/mine"),
    ],
)
def test_the_folder_is_named_after_the_runs_or_as_asked(count, out, name, expected):
    runs = [RunFolder(Path("runs") / run) for run in ("a", "b")][:count]
    assert report_folder(runs, Path(out) if out else None, name) == Path(expected)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../a", "/a", "a\nb"])
def test_a_name_leads_nowhere_else(recipe_runs, tmp_path, name):
    with pytest.raises(RequestError, match="plain folder name"):
        make_report(recipe_runs, tmp_path, name)
    assert list(tmp_path.iterdir()) == []


def test_a_name_without_a_place_is_refused_for_one_run(recipe_runs):
    with pytest.raises(RequestError, match="give --out too"):
        make_report(recipe_runs[:1], None, "mine")


def test_the_command_refuses_a_mixture_with_exit_code_2(pair, tmp_path, edit, monkeypatch, capsys):
    edit.toml(pair[1] / "experiment.toml", "resolution = 64", "resolution = 128")
    monkeypatch.setattr(sys, "argv", ["bench", "report", *map(str, pair), "--out", str(tmp_path / "out")])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"bench: {pair[1]}: cannot stand beside {pair[0]}: another resolution")
    assert not (tmp_path / "out").exists()


def test_the_command_prints_the_joined_table(pair, tmp_path, monkeypatch, capsys, unrendered):
    monkeypatch.setattr(sys, "argv", ["bench", "report", *map(str, pair), "--out", str(tmp_path / "out")])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 0
    printed = capsys.readouterr().out
    assert "| *screentone* " in printed
    assert printed.strip().endswith("tiny-lines+tiny-screentone/index.html")


def test_runs_that_differ_in_their_seeds_alone_are_told_apart(recipe_runs, tmp_path, edit):
    copy = shutil.copytree(recipe_runs[0], tmp_path / "copy")
    edit.toml(copy / "experiment.toml", "seeds = [0, 1]", "seeds = [2, 3]")
    for seed in (0, 1):
        for cell in copy.glob(f"cells/*-seed{seed}"):
            cell.rename(cell.with_name(cell.name.replace(f"-seed{seed}", f"-seed{seed + 2}")))
    assert read_joined([recipe_runs[0], copy]).labels == ("seeds 0 and 1", "seeds 2 and 3")
