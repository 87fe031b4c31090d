"""What the comparison viewer shows: pictures without loss, lines as the metric counts them, the chosen windows, its data."""

import base64
import hashlib
import json
import re

import numpy as np
import pytest
from PIL import Image

from bench.files import read_png
from bench.metrics.colour import lab
from bench.metrics.lineart import LineReference
from bench.reporting.build import build_report
from bench.reporting.escaping import script_json
from bench.reporting.grid import chosen_windows
from bench.reporting.inlining import script
from bench.reporting.page import SCRIPTS, VIEWER_SCRIPTS
from bench.reporting.reading import read_run
from bench.reporting.shipped import seal
from bench.reporting.verify import verify_report
from bench.reporting.viewer import viewer_caption, viewer_data
from bench.reporting.viewer_choice import in_turn, spread
from bench.reporting.viewer_files import HeldPictures, held_pictures
from bench.reporting.viewer_pictures import write_viewer_pictures
from bench.reporting.viewer_sides import sides

COLOURS = {"kept": "#4d4d4d", "lost": "#D55E00", "invented": "#0072B2"}


@pytest.fixture
def run(finished_run):
    return read_run(finished_run)


def lightness(path):
    return lab(read_png(path))[..., 0]


def count_of(picture, colour):
    wanted = [*(int(colour[at : at + 2], 16) for at in (1, 3, 5)), 255]
    return int((np.asarray(picture.convert("RGBA")) == wanted).all(axis=2).sum())


def test_pictures_are_those_of_the_run_to_the_bit(built, finished_run, run):
    windows = list(run.windows["window"])
    names = [side.label for side in sides(run)]
    assert names[:3] == ["input", "truth", "pix2pix-small, seed 0"]
    for number in (0, 7):
        for place, folder in ((0, "test/input"), (1, "test/truth"), (2, "cells/pix2pix-seed0/predictions")):
            with Image.open(built / "pictures" / str(number) / f"{place}.webp") as image:
                shown = np.asarray(image.convert("RGB"))
            np.testing.assert_array_equal(shown, read_png(finished_run / folder / f"{windows[number]}.png"))


def test_lines_are_counted_as_the_metric_counts_them(built, finished_run, run):
    window = list(run.windows["window"])[3]
    source, truth = (lightness(finished_run / "test" / kind / f"{window}.png") for kind in ("input", "truth"))
    reference = LineReference.of(source, truth)
    for place, side in enumerate(sides(run)):
        if place == 0:
            assert not (built / "pictures/3/0-lines.png").exists(), "what the input keeps is what the truth keeps"
            continue
        score = reference.score(lightness(side.pictures / f"{window}.png"))
        with Image.open(built / "pictures/3" / f"{place}-lines.png") as picture:
            assert picture.info["transparency"] == 0
            counts = {name: count_of(picture, colour) for name, colour in COLOURS.items()}
        expected = {"kept": score.kept, "lost": score.to_keep - score.kept, "invented": score.drawn - score.allowed}
        assert counts == expected
    assert score.to_keep > 100


def test_a_thumbnail_is_small_and_looks_like_the_truth(built, finished_run, run):
    truth = read_png(finished_run / "test/truth" / f"{run.windows['window'].iloc[5]}.png")
    path = built / "pictures/thumbnails/5.webp"
    with Image.open(path) as image:
        assert np.abs(np.asarray(image.convert("RGB")).astype(int) - truth).mean() < 12
    assert path.stat().st_size < 3_000


def test_pictures_stay_within_their_budget(run, tmp_path):
    write_viewer_pictures(run, tmp_path / "all", 10**9)
    whole = held_pictures(tmp_path / "all")
    assert len(whole.pictures) == len(whole.thumbnails) == 12
    budget = whole.size // 2
    write_viewer_pictures(run, tmp_path / "half", budget)
    half = held_pictures(tmp_path / "half")
    assert 0.6 * budget < half.size <= budget
    assert half.size == sum(path.stat().st_size for path in (tmp_path / "half").rglob("*.*"))
    assert list(half.pictures) != list(whole.pictures)
    assert set(half.pictures) == set(list(in_turn(run))[: len(half.pictures)])
    assert all(half.pictures[number] == whole.pictures[number] for number in half.pictures)
    caption = viewer_caption(run, half)
    assert caption.startswith(f"{len(half.pictures)} windows of 12 can be looked at")
    assert "Scores are here for all 12." in caption
    write_viewer_pictures(run, tmp_path / "none", 0)
    assert held_pictures(tmp_path / "none").size == 0
    assert viewer_data(run, held_pictures(tmp_path / "none")) is None


def test_the_windows_of_the_figures_come_first_and_then_the_rule(run):
    windows = list(run.windows["window"])
    order = list(in_turn(run))
    assert sorted(order) == list(range(12))
    assert [windows[place] for place in order[: len(chosen_windows(run))]] == chosen_windows(run)
    cells = [run.scored_cells(model) for model in run.ranked]
    means = [sum(cell.images["ciede2000"] for cell in each) / len(each) for each in cells]
    extremes = {int(mean.idxmax()) for mean in means} | {int(mean.idxmin()) for mean in means}
    assert extremes <= set(order[: 4 + 2 * 2 * len(means)])


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 100, 1000])
def test_spread_covers_all_and_its_first_places_lie_evenly(count):
    places = list(spread(count))
    assert sorted(places) == list(range(count))
    for first in (5, 9, 17, 33):
        if first < count / 4:
            gaps = np.diff(sorted(places[:first]))
            assert gaps.max() <= gaps.min() + 1


def test_data_holds_the_scores_as_they_are_printed(built, run):
    data = viewer_data(run, held_pictures(built))
    labels = [metric["label"] for metric in data["metrics"]]
    assert labels == ["SSIM\u00a0↑", "PSNR (dB)\u00a0↑", "CIEDE2000\u00a0↓", "LineF1\u00a0↑", "rLPIPS\u00a0↓"]
    for place, side in enumerate(sides(run)):
        stored = side.cell.images["ssim"].round(4)
        assert data["scores"][0][place] == pytest.approx(list(stored))
    assert data["windows"]["chapterNames"] == ["ch1", "ch2"]
    assert [data["windows"]["chapter"][n] for n in (0, 11)] == [0, 1]
    assert data["pictures"] == ["1" * 12] * len(data["sides"])
    assert len(json.dumps(data)) < 20_000


def test_missing_and_odd_pictures_are_left_out(own_run, tmp_path):
    windows = sorted(path.stem for path in (own_run / "test/truth").iterdir())
    predictions = own_run / "cells/pix2pix-seed0/predictions"
    (predictions / f"{windows[0]}.png").unlink()
    (predictions / f"{windows[1]}.png").write_bytes(b"no picture")
    Image.new("RGB", (4_000, 4_000)).save(predictions / f"{windows[2]}.png")
    (own_run / "test/truth" / f"{windows[3]}.png").unlink()
    run = read_run(own_run)
    write_viewer_pictures(run, tmp_path)
    held = held_pictures(tmp_path)
    assert [2 in held.pictures[number] for number in range(5)] == [False, False, False, True, True]
    assert 3 not in held.lines, "there is nothing to hold lines against"
    assert 3 not in held.thumbnails
    data = viewer_data(run, held)
    assert data["pictures"][2][:5] == "00011"
    assert data["pictures"][1][3] == "0"


def test_a_run_without_pictures_has_no_viewer(own_run, tmp_path, unrendered):
    for folder in (*own_run.glob("cells/*/predictions"), own_run / "test"):
        for path in folder.rglob("*.png"):
            path.unlink()
    report = build_report(own_run, tmp_path / "report").folder
    assert not (report / "pictures").exists()
    page = (report / "index.html").read_text(encoding="utf-8")
    assert 'id="viewer"' not in page
    assert "class Viewer" not in page


def test_more_scores_than_the_page_can_carry_are_not_in_it(run, monkeypatch):
    monkeypatch.setattr("bench.reporting.viewer_choice.MOST_NUMBERS", 5 * len(sides(run)) * 5)
    held = HeldPictures(pictures={0: {0, 1}})
    assert len(viewer_data(run, held)["windows"]["id"]) == 5
    assert "Scores are here for 5 of the 12." in viewer_caption(run, held)


def test_a_changed_picture_is_found_by_verify(built, tmp_path):
    import shutil

    report = shutil.copytree(built, tmp_path / "report")
    picture = report / "pictures/3/2.webp"
    picture.write_bytes((report / "pictures/3/1.webp").read_bytes())
    found = [line for line in verify_report(report).differences if "split.json" not in line]
    assert found[0] == "pictures/3/2.webp: changed since the report was written"
    (report / "pictures/4/2.webp").unlink()
    seal(report)
    found = verify_report(report).differences
    assert any(line.startswith("index.html, line") for line in found), "the page names pictures that are not there"


def test_the_policy_names_the_script_and_the_style_and_nothing_else(built, links_of):
    page = links_of((built / "index.html").read_bytes().decode())
    policy = dict(part.split(" ", 1) for part in page.policy.split("; "))
    for name, (_, text) in (("script-src", page.scripts[0]), ("style-src", page.styles[0])):
        assert policy[name] == f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert policy["img-src"] == "'self' file:"
    assert set(policy) == {"default-src", "img-src", "script-src", "style-src", "base-uri", "form-action"}


def test_scripts_make_no_markup_of_text_and_ask_for_nothing():
    text = script(*SCRIPTS, *VIEWER_SCRIPTS).text
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|Function\(|fetch\(|XMLHttpRequest|import", text
    )
    assert "</" not in text


@pytest.mark.parametrize("text", ["</script>", "<!--", "]]>", "\u2028\u2029", "&lt;", '"\\', "漫画", "😀"])
def test_data_in_a_script_ends_it_nowhere_and_is_read_again(text):
    written = script_json({text: [text]})
    assert written.isascii()
    assert not set(written) & set("<>&\n")
    assert json.loads(written) == {text: [text]}
