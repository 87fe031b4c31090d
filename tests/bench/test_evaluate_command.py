"""`bench evaluate` on folders of colourings that others made."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageFilter

from bench.cli import main
from bench.external_pages import spooled
from bench.metrics import colour, structural
from bench.reporting.grid import chosen_windows, grid_figure
from bench.reporting.overlay import overlay_caption, overlay_figure
from bench.reporting.reading import read_run
from bench.runfolder import RunFolder
from data.pair import PairKey, RawPair
from data.sources.file_source import FileSource
from data.synthetic import SyntheticSource


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six square pages in three chapters: truth, B/W, a blurred colouring, a grey one."""
    root = tmp_path_factory.mktemp("evaluate")
    source = SyntheticSource(24, 64)
    for at, key in enumerate(list(source.keys())[::4]):
        page = source.read(key)
        color, bw = Image.fromarray(page.color[:64]), Image.fromarray(page.bw[:64])
        pictures = {
            "truth": color,
            "bw": bw,
            "blurred": color.filter(ImageFilter.GaussianBlur(1)),
            "grey": color.convert("L"),
        }
        for name, picture in pictures.items():
            (root / name / f"c{at // 2}").mkdir(parents=True, exist_ok=True)
            picture.save(root / name / f"c{at // 2}" / f"{at}.png")
    return root


def evaluate(*arguments: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["bench", "evaluate", *arguments])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert isinstance(stopped.value.code, int)
    return stopped.value.code


def test_folders_are_scored_into_tables(folders: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    arguments = (
        "--pred", str(folders / "blurred"), "--pred", f"none={folders / 'grey'}", "--truth", str(folders / "truth"),
        "--input", str(folders / "bw"), "--out", str(tmp_path / "run"),
    )  # fmt: skip
    assert evaluate(*arguments, monkeypatch=monkeypatch) == 0
    printed = capsys.readouterr()
    assert all(f"| {row}" in printed.out for row in ("blurred", "none", "oracle", "copy"))
    assert "none: 6 of 6 pages have no colour" in printed.err
    run = RunFolder(tmp_path / "run")
    frame = pd.read_parquet(run.cell("blurred").images)
    assert list(frame["group"]) == [f"c{at // 2}" for at in range(6)]
    for at, row in frame.iterrows():
        files = [np.asarray(Image.open(folders / name / f"c{at // 2}" / f"{at}.png")) for name in ("blurred", "truth")]
        assert row["ssim"] == structural.ssim(*files)
        assert row["ciede2000"] == colour.ciede2000(*files)
    chance = pd.read_parquet(run.cell("blurred").shuffled)
    assert (chance["ssim"].to_numpy() < frame["ssim"].to_numpy()).all()
    assert pd.read_parquet(run.cell("copy").images)["line_f1"].dropna().eq(1).all()
    before = (run.cell("blurred").sets.read_bytes(), run.cell("blurred").images.read_bytes())
    assert evaluate(*arguments, monkeypatch=monkeypatch) == 0
    assert (run.cell("blurred").sets.read_bytes(), run.cell("blurred").images.read_bytes()) == before


def test_other_sizes_are_brought_to_a_resolution(folders: Path, tmp_path: Path, monkeypatch) -> None:
    for page in (folders / "truth").rglob("*.png"):
        larger = tmp_path / "large" / page.relative_to(folders / "truth")
        larger.parent.mkdir(parents=True, exist_ok=True)
        Image.open(page).resize((96, 128)).save(larger)
    truth = str(tmp_path / "large")
    arguments = ("--pred", f"same={truth}", "--truth", truth, "--out", str(tmp_path / "run"))
    assert evaluate(*arguments, monkeypatch=monkeypatch) == 2
    assert evaluate(*arguments, "--resolution", "64", monkeypatch=monkeypatch) == 0
    frame = pd.read_parquet(RunFolder(tmp_path / "run").cell("same").images)
    assert len(frame) == 12
    assert frame["ssim"].eq(1).all()
    sets = json.loads(RunFolder(tmp_path / "run").cell("same").sets.read_text())["scores"]
    assert next(record for record in sets if record["metric"] == "rfd")["value"] < 1e-9


def test_pictures_are_read_once_and_without_bw_pages_no_input_is_shown(folders, tmp_path, monkeypatch) -> None:
    read: Counter[str] = Counter()
    original = FileSource.read

    def counting(self: FileSource, key: PairKey) -> RawPair:
        read[f"{self.spec} {key.id}"] += 1
        return original(self, key)

    monkeypatch.setattr(FileSource, "read", counting)
    run, truth = RunFolder(tmp_path / "run"), str(folders / "truth")
    predictions = ("--pred", str(folders / "blurred"), "--pred", str(folders / "grey"))
    assert evaluate(*predictions, "--truth", truth, "--out", str(run.path), monkeypatch=monkeypatch) == 0
    assert len(read) == 3 * 6
    assert set(read.values()) == {1}
    assert not run.test_inputs.exists()
    assert not list(tmp_path.glob("*.tmp"))
    found = read_run(run.path)
    figure = grid_figure(found)
    assert figure is not None
    assert [axes.get_title() for axes in figure.axes[:3]] == ["blurred", "grey", "truth"]
    assert len(figure.axes) == 3 * 4
    lines = overlay_figure(found)
    assert lines is not None
    scored = found.scored_cells("blurred")[0].images.set_index("window")["line_f1"]
    assert lines.axes[0].get_xlabel() == f"{scored[chosen_windows(found)[0]]:.2f}"
    assert "lines of the truth that are kept" in overlay_caption(found)
    # The same with B/W pages shows them.
    with_input = RunFolder(tmp_path / "with input")
    evaluate(
        *predictions,
        "--truth",
        truth,
        "--input",
        str(folders / "bw"),
        "--out",
        str(with_input.path),
        monkeypatch=monkeypatch,
    )
    figure = grid_figure(read_run(with_input.path))
    assert figure is not None
    assert [axes.get_title() for axes in figure.axes[:4]] == ["input", "blurred", "grey", "truth"]


def test_windows_lie_on_the_disk_and_leave_nothing_behind(tmp_path: Path) -> None:
    drawn = np.random.default_rng(0).integers(0, 256, (5, 8, 6, 3), np.uint8)
    windows = spooled((window for window in drawn), tmp_path / "not yet" / "there").windows()
    assert isinstance(windows, np.memmap)
    np.testing.assert_array_equal(windows, drawn)
    assert not list(tmp_path.iterdir())


def copied(folders: Path, target: Path) -> Path:
    for page in (folders / "blurred").rglob("*.png"):
        copy = target / page.relative_to(folders / "blurred")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(page.read_bytes())
    return target


def break_missing(folder: Path) -> None:
    (folder / "c1" / "3.png").unlink()


def break_size(folder: Path) -> None:
    Image.new("RGB", (64, 72)).save(folder / "c1" / "3.png")


def break_lossy(folder: Path) -> None:
    Image.open(folder / "c1" / "3.png").save(folder / "c1" / "3.jpg")
    (folder / "c1" / "3.png").unlink()


def break_name(folder: Path) -> None:
    """JPEG under the name of a PNG."""
    Image.open(folder / "c1" / "3.png").convert("RGB").save(folder / "c1" / "3.png", format="JPEG")


def break_content(folder: Path) -> None:
    (folder / "c1" / "3.png").write_bytes(b"no picture")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (break_missing, "1 of 6 pages are missing (c1_3)"),
        (break_size, "page c1_3 has 64x72 px, the truth 64x64"),
        (break_lossy, "compressed with loss (c1/3.jpg)"),
        (break_name, "compressed with loss (c1/3.png)"),
        (break_content, "3.png"),
    ],
)
def test_faults_are_one_line_and_nothing_is_written(folders, tmp_path, monkeypatch, capsys, change, words) -> None:
    theirs = copied(folders, tmp_path / "theirs")
    change(theirs)
    arguments = ("--pred", str(theirs), "--truth", str(folders / "truth"), "--out", str(tmp_path / "run"))
    assert evaluate(*arguments, monkeypatch=monkeypatch) == 2
    said = capsys.readouterr().err.strip()
    assert words in said
    assert "\n" not in said
    assert not (tmp_path / "run").exists()


def test_lossy_outputs_are_scored_under_a_label(folders, tmp_path, monkeypatch, capsys) -> None:
    theirs = copied(folders, tmp_path / "theirs")
    break_lossy(theirs)
    arguments = ("--pred", str(theirs), "--truth", str(folders / "truth"), "--out", str(tmp_path / "run"))
    assert evaluate(*arguments, "--allow-lossy", monkeypatch=monkeypatch) == 0
    printed = capsys.readouterr().out
    assert "theirs (lossy)" in printed
    assert "1 of 6 outputs compressed with loss" in printed


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "name a RUN, or give --pred FOLDER and --truth FOLDER"),
        (("--pred", "x"), "name a RUN, or give --pred FOLDER and --truth FOLDER"),
        (("somewhere", "--pred", "x"), "RUN stands alone"),
        (("nowhere",), "nowhere"),
        (("--pred", "oracle=TRUTH", "--truth", "TRUTH"), "--pred 'oracle'"),
        (("--pred", "mine-seed0=TRUTH", "--truth", "TRUTH"), "--pred 'mine-seed0'"),
        (("--pred", "a/b=TRUTH", "--truth", "TRUTH"), "--pred 'a/b'"),
        (("--pred", "TRUTH", "--pred", "TRUTH", "--truth", "TRUTH"), "twice"),
        (("--pred", "missing", "--truth", "TRUTH"), "missing: no such folder"),
        (("--pred", "TRUTH", "--truth", "TRUTH", "--resolution", "32"), "--resolution 32"),
    ],
)
def test_wrong_requests_are_one_line(folders, tmp_path, monkeypatch, capsys, arguments, words) -> None:
    monkeypatch.chdir(tmp_path)
    given = [argument.replace("TRUTH", str(folders / "truth")) for argument in arguments]
    assert evaluate(*given, monkeypatch=monkeypatch) == 2
    said = capsys.readouterr().err.strip()
    assert words in said
    assert "\n" not in said


def test_a_folder_with_something_else_is_left_alone(folders, tmp_path, monkeypatch, capsys) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("years of work")
    (tmp_path / "mine" / "docs").mkdir()
    (tmp_path / "mine" / "docs" / ".notes.tmp").write_text("more work")
    truth = str(folders / "truth")
    assert evaluate("--pred", truth, "--truth", truth, "--out", str(tmp_path / "mine"), monkeypatch=monkeypatch) == 2
    assert "is not empty and holds no run" in capsys.readouterr().err
    assert (tmp_path / "mine" / "docs" / ".notes.tmp").read_text() == "more work"
    assert sorted(path.name for path in (tmp_path / "mine").iterdir()) == ["docs", "thesis.tex"]
    assert (tmp_path / "mine" / "thesis.tex").read_text() == "years of work"


def test_another_truth_or_other_rows_do_not_join_a_table(folders, tmp_path, monkeypatch, capsys) -> None:
    blurred, truth, out = str(folders / "blurred"), str(folders / "truth"), str(tmp_path / "run")
    assert evaluate("--pred", blurred, "--truth", truth, "--out", out, monkeypatch=monkeypatch) == 0
    capsys.readouterr()
    for pred, other in ((blurred, str(folders / "bw")), (f"more={blurred}", truth)):
        assert evaluate("--pred", pred, "--truth", other, "--out", out, monkeypatch=monkeypatch) == 2
        assert "other rows, another truth or another input" in capsys.readouterr().err
