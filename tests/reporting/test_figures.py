"""What the figures show, against the files of the run, and whether it can be read, whatever the run is like."""

import json
import re
import shutil
import tomllib

import numpy as np
import pandas as pd
import pytest
import tomli_w
from matplotlib.figure import Figure
from matplotlib.text import Text

from bench.metrics.registry import METRICS
from bench.reporting import build
from bench.reporting.curves import curves_figure, curves_of
from bench.reporting.grid import SCORE
from bench.reporting.lettering import fitted, shortened, text_width, told_apart, wrapped
from bench.reporting.page_differences import page_differences, pages_caption, pages_figure
from bench.reporting.ranked import ranked_caption, ranked_windows
from bench.reporting.reading import read_run
from bench.reporting.scores import score_run
from bench.reporting.seeds import seed_means, seeds_figure
from bench.reporting.speed import Point, Speed, pareto_front, speed_caption, speed_figure, speeds
from bench.reporting.style import COLUMN_WIDTH, SMALL, TEXT_WIDTH, figure_style, lay_out, looks
from bench.reporting.ticks import log_ticks

SLACK = 4
"""Pixels at 300 dpi, about a point: less than the space that a font leaves around its letters."""

COMPETITORS = ("pix2pix", "pix2pixhd", "cyclegan")
MILLISECONDS = {"pix2pix": (9.0, 11.0), "pix2pixhd": (80.0, 82.0), "cyclegan": (30.0, 31.0), "unet-l1": (9.5, 9.5)}


def timed(folder, milliseconds=MILLISECONDS):
    for model, times in milliseconds.items():
        for seed, time in enumerate(times):
            cell = folder / "cells" / f"{model}-seed{seed}"
            if cell.is_dir():
                (cell / "inference.json").write_text(json.dumps({"seconds_per_window": time / 1000}))
    return folder


@pytest.fixture(scope="module")
def timed_run(finished_run, tmp_path_factory):
    return timed(shutil.copytree(finished_run, tmp_path_factory.mktemp("timed") / "timed"))


def images(folder, cell):
    return pd.read_parquet(folder / "cells" / cell / "images.parquet").set_index("window").sort_index()


def by_page(folder, model, metric):
    """Scores of the pages of a model: means over windows and seeds."""
    frames = [images(folder, f"{model}-seed{seed}") for seed in (0, 1)]
    return sum(frame.groupby("page")[metric].mean() for frame in frames) / 2


def test_the_ranked_windows_are_those_that_the_scores_name(finished_run):
    cells = [images(finished_run, f"{model}-seed{seed}")[SCORE] for model in COMPETITORS for seed in (0, 1)]
    order = sorted(cells[0].index, key=lambda window: (np.mean([cell[window] for cell in cells]), window))
    found = ranked_windows(read_run(finished_run))
    assert [each.place for each in found] == ["best", "median", "worst"]
    assert [each.window for each in found] == [order[0], order[(len(order) - 1) // 2], order[-1]]
    assert found[1].score == pytest.approx(np.mean([cell[found[1].window] for cell in cells]))
    caption = ranked_caption(read_run(finished_run))
    assert f"worst: {order[-1]} ({found[2].score:.2f})" in caption
    assert "The best, the median and the worst of 12 held-out windows by the mean CIEDE2000" in caption


def test_equal_scores_are_ranked_by_id_and_windows_without_one_not_at_all(own_run):
    for path in own_run.glob("cells/*/images.parquet"):
        frame = pd.read_parquet(path).sort_values("window", ignore_index=True)
        frame.assign(**{SCORE: [np.nan] * 2 + [1.0] * 10}).to_parquet(path)
    windows = sorted(images(own_run, "copy").index)[2:]
    assert [each.window for each in ranked_windows(read_run(own_run))] == [windows[0], windows[4], windows[-1]]


@pytest.mark.parametrize("metric", ["ssim", "ciede2000"])
def test_page_differences_are_those_of_the_files(finished_run, metric):
    run = read_run(finished_run)
    scores = score_run(run)
    for found, pair in zip(
        page_differences(run, scores, metric),
        (("pix2pix", "pix2pixhd"), ("pix2pix", "cyclegan"), ("pix2pixhd", "cyclegan")),
        strict=True,
    ):
        sign = 1 if METRICS[metric].direction == "higher" else -1
        gaps = sign * (by_page(finished_run, pair[0], metric) - by_page(finished_run, pair[1], metric))
        assert (found.first, found.second) == pair
        assert found.advantages == pytest.approx(sorted(gaps, reverse=True))
        assert found.mean == pytest.approx(gaps.mean())
        assert found.share_won(by_first=True) == (gaps > 0).mean()
        tested = next(d for d in scores.differences if d.metric == metric and (d.first, d.second) == pair)
        assert found.half_width == tested.half_width


def test_seeds_are_their_means(finished_run):
    run = read_run(finished_run)
    scores = score_run(run)
    found = seed_means(run, scores, "ssim", run.rows)
    for model in COMPETITORS:
        own = [images(finished_run, f"{model}-seed{seed}").groupby("page")["ssim"].mean().mean() for seed in (0, 1)]
        assert found[model] == pytest.approx(own)
    stored = [json.loads((finished_run / f"cells/pix2pix-seed{s}/sets.json").read_text())["scores"] for s in (0, 1)]
    rkid = [next(score["value"] for score in each if score["metric"] == "rkid") for each in stored]
    assert seed_means(run, scores, "rkid", run.rows)["pix2pix"] == pytest.approx([1000 * value for value in rkid])


def test_a_band_of_seeds_goes_from_the_smallest_to_the_largest(finished_run):
    run = read_run(finished_run)
    curve = next(c for c in curves_of(run, "ciede2000", looks(run)) if c.model == "cyclegan")
    frames = [pd.read_parquet(finished_run / "cells" / f"cyclegan-seed{seed}" / "curve.parquet") for seed in (0, 1)]
    values = [frame[(frame["kind"] == "validation") & (frame["name"] == "ciede2000")]["value"] for frame in frames]
    assert curve.in_step
    assert curve.together["low"].to_numpy() == pytest.approx(np.minimum(*(each.to_numpy() for each in values)))
    assert curve.together["high"].to_numpy() == pytest.approx(np.maximum(*(each.to_numpy() for each in values)))


def test_a_seed_that_ended_early_keeps_its_line(own_run):
    path = own_run / "cells" / "pix2pix-seed1" / "curve.parquet"
    frame = pd.read_parquet(path)
    frame[frame["step"] <= frame["step"].max() / 2].to_parquet(path)
    run = read_run(own_run)
    curve = curves_of(run, "psnr", looks(run))[0]
    assert not curve.in_step
    assert [len(seed) for seed in curve.seeds] == [6, 3]
    assert len(curve.together) == 3


def test_the_front_holds_what_no_other_beats():
    def point(name, time, value):
        return Point(name, Speed(time, time, time), value, 0.0)

    points = [
        point("slow-best", 9, 30), point("beaten", 10, 20), point("fast", 1, 10), point("twin-a", 5, 25),
        point("twin-b", 5, 25), point("as-fast-but-worse", 1, 9), point("as-good-but-slower", 6, 25),
    ]  # fmt: skip
    names = [each.model for each in pareto_front(points, METRICS["psnr"])]
    assert names == ["fast", "twin-a", "twin-b", "slow-best"]
    assert [each.model for each in pareto_front(points, METRICS["ciede2000"])] == ["as-fast-but-worse"]


def test_without_times_there_is_no_figure_of_speed_and_untimed_models_are_named(finished_run, own_run):
    run = read_run(finished_run)
    assert speed_figure(run, score_run(run)) is None
    timed(own_run, {"pix2pix": (9.0, 12.0), "pix2pixhd": (80.0,), "unet-l1": (0.0, 9.5)})
    run = read_run(own_run)
    found = speeds(run)
    assert {model: speed.milliseconds for model, speed in found.items()} == pytest.approx(
        {"pix2pix": 10.5, "pix2pixhd": 80, "unet-l1": 9.5}
    )
    assert (found["pix2pix"].fastest, found["pix2pix"].slowest) == pytest.approx((9, 12))
    assert speed_figure(run, score_run(run)) is not None
    assert "Not timed, and so not shown: cyclegan-small." in speed_caption(run, score_run(run))


# Runs of every kind, each a change of the small one.


def edit(path, change):
    value = json.loads(path.read_text(encoding="utf-8"))
    change(value)
    path.write_text(json.dumps(value), encoding="utf-8")


def experiment(folder, **changes):
    path = folder / "experiment.toml"
    path.write_text(tomli_w.dumps(tomllib.loads(path.read_text()) | changes), encoding="utf-8")


def without_cells(folder, *patterns):
    for pattern in patterns:
        for cell in folder.glob(f"cells/{pattern}"):
            shutil.rmtree(cell)


def one_seed(folder):
    without_cells(folder, "*-seed1")
    experiment(folder, seeds=[0])


def one_model(folder):
    without_cells(folder, "cyclegan*", "pix2pixhd*")
    experiment(folder, models=["pix2pix"])
    edit(folder / "plan.json", lambda plan: [plan["models"].pop(name) for name in ("cyclegan", "pix2pixhd")])


def one_page(folder):
    for path in folder.glob("cells/*/*.parquet"):
        frame = pd.read_parquet(path)
        if "page" in frame:
            frame[frame["page"] == frame["page"].min()].to_parquet(path)
    for path in folder.glob("cells/*/sets.json"):
        edit(path, lambda sets: [s.update(jackknife=s["jackknife"][:1], jackknife_sizes=[2]) for s in sets["scores"]])


def holes(folder):
    without_cells(folder, "cyclegan-seed0", "unet-l1*", "copy")
    (folder / "cells" / "pix2pix-seed1" / "images.parquet").unlink()
    for number, picture in enumerate(sorted(folder.glob("cells/*/predictions/*.png"))):
        if number % 3 == 0:
            picture.unlink()


def odd_scores(folder):
    """Windows without a score, one score that is missing altogether, curves with what is no finite number."""
    for path in folder.glob("cells/*/images.parquet"):
        frame = pd.read_parquet(path)
        frame.loc[frame.index[:3], "line_f1"] = np.nan
        frame = frame.assign(psnr=np.nan)
        (frame.assign(ssim=0.5) if "seed" in path.parent.name else frame).to_parquet(path)
    for path in folder.glob("cells/*/curve.parquet"):
        frame = pd.read_parquet(path)
        values = frame["value"].to_numpy(copy=True)
        values[::4], values[1::7], values[2::9] = np.nan, np.inf, 1e300
        frame.assign(value=values).to_parquet(path)


def twelve_models(folder):
    """Twelve models with names as long as they may be, that begin and end alike."""
    names = [f"{'a-rather-long-name-of-a-model-' * 4}{number}-{'trained-on-everything-' * 3}" for number in range(9)]
    plan = json.loads((folder / "plan.json").read_text())
    for number, name in enumerate(names):
        model = COMPETITORS[number % 3]
        plan["models"][name] = plan["models"][model] | {"shown_name": name}
        for seed in (0, 1):
            source = folder / "cells" / f"{model}-seed{seed}"
            target = shutil.copytree(source, folder / "cells" / f"{name}-seed{seed}")
            frame = pd.read_parquet(target / "images.parquet")
            frame.assign(ssim=frame["ssim"] - 0.01 * number).to_parquet(target / "images.parquet")
        timed(folder, {name: (5.0 * 1.7**number, 5.5 * 1.7**number)})
    (folder / "plan.json").write_text(json.dumps(plan))
    experiment(folder, models=[*COMPETITORS, *names])


def broken(folder):
    holes(folder)
    odd_scores(folder)


def least(folder):
    for change in (one_model, one_seed, one_page):
        change(folder)


def fewer_metrics(folder):
    """Leave out metrics whose panels are like others: every test is faster for it."""
    for path in folder.glob("cells/*/images.parquet"):
        frame = pd.read_parquet(path)
        frame[[*frame.columns[:5], "psnr", "ssim", "ciede2000", "line_f1"]].to_parquet(path)
    for path in folder.glob("cells/*/sets.json"):
        edit(path, lambda sets: sets.update(scores=[s for s in sets["scores"] if s["metric"] == "rkid"]))


@pytest.fixture
def changed_run(timed_run, tmp_path, request):
    folder = shutil.copytree(timed_run, tmp_path / "run")
    fewer_metrics(folder)
    request.param(folder)
    return read_run(folder)


def visible_texts(figure):
    """Every text that is printed, with its box in pixels."""
    lay_out(figure)
    figure.draw_without_rendering()
    drawn = []
    for artist in figure.findobj(Text):
        hidden = not artist.get_visible() or (artist.axes is not None and not artist.axes.get_visible())
        if artist.get_text().strip() and not hidden:
            drawn.append((artist, artist.get_window_extent()))
    unused = {id(label) for axes in figure.axes for axis in (axes.xaxis, axes.yaxis) for label in unused_labels(axis)}
    return [(artist, box) for artist, box in drawn if id(artist) not in unused]


def unused_labels(axis):
    """Labels of ticks that lie outside of their axis: made, and never drawn."""
    drawn = {id(tick) for tick in axis._update_ticks()}
    ticks = [tick for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()) if id(tick) not in drawn]
    return [label for tick in ticks for label in (tick.label1, tick.label2)]


@pytest.mark.parametrize(
    ("changed_run", "width"),
    [
        (broken, TEXT_WIDTH), (least, COLUMN_WIDTH), (twelve_models, TEXT_WIDTH), (twelve_models, COLUMN_WIDTH),
    ],
    indirect=["changed_run"],
)  # fmt: skip
def test_every_figure_of_every_run_can_be_read(changed_run, width):
    """No type below the smallest size, no text beyond the edge, none on another."""
    scores = score_run(changed_run)
    with figure_style():
        for drawing in build._drawings(changed_run, scores):
            assert drawing.caption.isprintable()
            figure = drawing.draw(width)
            if figure is not None:
                check_legible(figure, drawing.name)


def check_legible(figure, name):
    assert figure.get_figwidth() <= TEXT_WIDTH + 1e-9
    texts = visible_texts(figure)
    assert texts, name
    width, height = figure.bbox.width, figure.bbox.height
    for text, box in texts:
        assert text.get_fontsize() >= SMALL, (name, text.get_text())
        inside = box.x0 >= -SLACK and box.y0 >= -SLACK and box.x1 <= width + SLACK and box.y1 <= height + SLACK
        assert inside, (name, text.get_text(), box, width, height)
    for number, (text, box) in enumerate(texts):
        for other, second in texts[number + 1 :]:
            across = min(box.x1, second.x1) - max(box.x0, second.x0)
            down = min(box.y1, second.y1) - max(box.y0, second.y0)
            assert min(across, down) <= SLACK, (name, text.get_text(), other.get_text())


def test_figures_that_need_more_are_left_out(timed_run, tmp_path):
    for change, figure in ((one_seed, seeds_figure), (one_model, pages_figure)):
        folder = shutil.copytree(timed_run, tmp_path / change.__name__)
        fewer_metrics(folder)
        change(folder)
        run = read_run(folder)
        assert figure(run, score_run(run)) is None


def test_many_models_are_held_against_the_best(timed_run, tmp_path):
    folder = shutil.copytree(timed_run, tmp_path / "run")
    fewer_metrics(folder)
    twelve_models(folder)
    run = read_run(folder)
    scores = score_run(run)
    found = page_differences(run, scores, "ssim")
    assert len(found) == 12
    assert [run.ranked[at] for at, each in enumerate(found) if each is None] == [scores.verdicts["ssim"].best]
    assert {each.second for each in found if each} == {scores.verdicts["ssim"].best}
    assert all(each.mean <= 0 for each in found if each)
    assert "better than the best competitor in that metric" in pages_caption(run, scores)


def test_captions_are_made_without_drawing(built, finished_run, monkeypatch):
    monkeypatch.setattr("matplotlib.figure.Figure.__init__", None)
    run = read_run(finished_run)
    names = [picture.name for picture in build.present_pictures(run, score_run(run), built)]
    assert names == ["grid", "ranked", "lines", "scores", "seeds", "pages", "curves"]


def test_names_are_broken_and_shortened_to_what_fits():
    assert shortened("abcdefgh", 5) == "ab…gh"
    assert wrapped("pix2pixhd-small", 1.0) == "pix2pixhd-small"
    assert wrapped("pix2pixhd-small", 0.6) == "pix2pixhd-\nsmall"
    assert re.fullmatch(r"x+…\nx+tail|x+\n…x*tail|x+\nx*…x*tail|x+…x*\nx*tail", wrapped("x" * 50 + "tail", 0.5))
    for text in ("word-and-another-word", "W" * 40, "i" * 40, "漢字の名前" * 9, "\U0001f600" * 9):
        for inches in (0.3, 0.5, 1.0):
            assert text_width(fitted(text, inches)) <= inches
            lines = wrapped(text, inches).split("\n")
            assert len(lines) <= 2
            assert all(text_width(line) <= inches for line in lines)


def test_names_that_would_read_alike_keep_what_sets_them_apart():
    names = [f"{'a-rather-long-name-' * 4}{number}{'-of-a-model' * 5}" for number in (1, 2, 13)]
    shown = told_apart([*names, "short", names[0]], 1.2)
    assert shown[3:] == ["short", shown[0]]
    assert len(set(shown[:3])) == 3
    assert [re.fullmatch(r"a-rather-[a-z-]*…(\d*)…", text)[1] for text in shown[:3]] == ["1", "2", "13"]
    assert all(text_width(text) <= 1.2 for text in shown)


def test_the_width_of_text_is_that_of_the_font():
    figure = Figure(dpi=300)
    with figure_style():
        for text in ("pix2pixhd-small", "WWW iii 0.123", "a-rather-long-name"):
            box = figure.text(0, 0, text, fontsize=7).get_window_extent(figure._get_renderer())
            assert text_width(text, 7) == pytest.approx(box.width / 300, rel=0.03)


@pytest.mark.parametrize(("low", "high"), [(1, 10), (0.3, 0.7), (45, 46), (2e-3, 9e8), (7, 7e5)])
@pytest.mark.parametrize("most", [2, 4])
def test_ticks_are_few_and_inside(low, high, most):
    ticks = log_ticks(low, high, most)
    assert len(ticks) <= most
    assert all(low <= tick <= high for tick in ticks)
    assert ticks == sorted(ticks)
    if high / low > 30:
        assert ticks


def test_the_band_of_the_noise_floor_stands_around_the_best(finished_run):
    run = read_run(finished_run)
    scores = score_run(run)
    figure = seeds_figure(run, scores)
    axes = next(axes for axes in figure.axes if axes.get_title(loc="left").startswith("SSIM"))
    band = axes.patches[0].get_extents().transformed(axes.transData.inverted())
    best = scores.get("pix2pixhd", "ssim").value
    assert (band.x0, band.x1) == pytest.approx((best - scores.noise["ssim"], best + scores.noise["ssim"]))


def test_curves_stand_against_seconds_images_and_flops(finished_run):
    figure = curves_figure(read_run(finished_run))
    labels = [axes.get_xlabel() for axes in figure.axes if axes.get_xlabel()]
    assert labels == ["training seconds", "images seen", "training FLOPs"]


@pytest.mark.parametrize(("low", "high"), [(3, 11), (9, 24), (10, 20), (0.05, 0.2), (40, 110)])
def test_a_short_range_has_enough_ticks_to_read_its_scale(low, high):
    """With two, a logarithmic axis looks like any other."""
    assert len(log_ticks(low, high, 4)) >= 3
