"""The page of a report in a real browser: tables are sorted, pages compared, everything by mouse, finger and keyboard."""

import io
import json
import re
import shutil
import time

import pandas as pd
import pytest
from PIL import Image

from bench.reporting.build import build_report

MODELS = ("pix2pix", "pix2pixhd", "cyclegan", "unet-l1")
PAGE, CELLS = 1_000, 9
"""Of the large report that has to stay quick."""

STORED = 100
"""Windows of it whose pictures are files of their own: more than are turned to, so that none was loaded before."""

READY_WITHIN = 10.0
TURNED_WITHIN = 1.0
"""Seconds on a machine that is busy with other tests; alone it is a tenth of them."""


@pytest.fixture
def page(open_page, built):
    """The page of the small report on a desktop, its viewer ready."""
    opened = open_page(built)
    opened.wait_for_selector("#strip [aria-current=true]")
    return opened


def texts(page, selector):
    return page.locator(selector).all_text_contents()


def column(page, table, number):
    return texts(page, f"#table-{table} tbody:first-of-type tr > :nth-child({number})")


def scores(built, cell, metric):
    """Scores by window, from what the report ships."""
    frame = pd.read_parquet(next(built.glob(f"data/1/*/cells/{cell}/images.parquet")))
    return frame.sort_values("window").set_index("window")[metric]


def shown_window(page):
    return page.locator("#page-name").text_content()


def divider(page):
    return float(page.locator(".divider").get_attribute("aria-valuenow"))


def zoom(page):
    return float(page.locator("#zoom-level").text_content().removesuffix("×"))


def transforms(page):
    """How the pictures of both sides lie; they must lie alike."""
    return page.locator(".layer img").evaluate_all("images => [...new Set(images.map(i => i.style.transform))]")


THERE = "[...document.querySelectorAll('.layer .picture')].every(i => i.complete && i.naturalWidth)"
"""The pictures of both sides are."""


def test_a_table_is_sorted_by_mouse_and_keyboard(page):
    head = page.locator("#table-main thead th", has_text="PSNR")
    before = column(page, "main", 1)
    place = page.locator("#table-main thead tr:last-child > *").all_text_contents().index(head.text_content()) + 1

    def numbers():
        return [float(text.split()[0]) for text in column(page, "main", place)]

    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "descending", "the better end comes first"
    assert numbers() == sorted(numbers(), reverse=True)
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    assert numbers() == sorted(numbers())
    page.keyboard.press("Space")
    assert head.get_attribute("aria-sort") is None
    assert column(page, "main", 1) == before

    lower = page.locator("#table-main thead th", has_text="CIEDE2000").first
    lower.locator("button").click()
    assert lower.get_attribute("aria-sort") == "ascending"
    assert page.locator("#table-main [aria-sort]").count() == 1


def test_holes_come_last_both_ways_and_references_stay_below(page):
    rows = page.locator("#table-main tbody.reference tr")
    models = page.locator("#table-main tbody:first-of-type th").all_text_contents()
    head = page.locator("#table-main thead th", has_text="rFD")
    place = page.locator("#table-main thead tr:last-child > *").all_text_contents().index(head.text_content()) + 1
    for _ in range(2):
        head.locator("button").click()
        holes = [row.locator(f":nth-child({place})").text_content() == "—" for row in rows.all()]
        assert any(holes)
        assert holes == sorted(holes)
    assert sorted(page.locator("#table-main tbody:first-of-type th").all_text_contents()) == sorted(models)


def test_names_are_sorted_too(page):
    page.locator("#table-main thead .names button").click()
    assert column(page, "main", 1) == sorted(column(page, "main", 1))


def test_a_page_is_picked_and_its_scores_are_those_of_the_run(page, built, open_page):
    page.locator("#strip button").nth(4).click()
    window = shown_window(page)
    assert window == sorted(scores(built, "copy", "psnr").index)[4]
    heads = texts(page, "#page-scores thead th")
    for label, cell in (("pix2pix-small, seed 1", "pix2pix-seed1"), ("input", "copy"), ("truth", "oracle")):
        row = page.locator("#page-scores tbody tr").filter(has=page.get_by_role("rowheader", name=label, exact=True))
        shown = dict(zip(heads, row.locator("td").all_text_contents(), strict=True))
        assert float(shown["PSNR (dB)\u00a0↑"]) == pytest.approx(scores(built, cell, "psnr")[window], abs=0.005)
        assert float(shown["CIEDE2000\u00a0↓"]) == pytest.approx(scores(built, cell, "ciede2000")[window], abs=0.005)
    open_page.waited(page, THERE)
    assert "pictures/4/" in page.locator(".layer .picture").first.get_attribute("src")


def test_the_divider_is_dragged_and_moved_by_keys(page, open_page):
    open_page.waited(page, THERE)
    stage = page.locator("#stage")
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.2 * box["width"], middle, steps=4)
    page.mouse.up()
    assert divider(page) == pytest.approx(20, abs=1)
    clips = page.locator(".layer").evaluate_all("layers => layers.map(l => l.style.clipPath)")
    assert re.fullmatch(r"inset\(0(px)? 80(\.\d+)?% 0(px)? 0(px)?\)", clips[0])
    assert re.fullmatch(r"inset\(0(px)? 0(px)? 0(px)? 20(\.\d+)?%\)", clips[1])
    page.keyboard.press("ArrowRight")
    assert divider(page) == pytest.approx(22, abs=1)
    page.keyboard.press("End")
    assert divider(page) == 100


def test_zoom_is_shared_and_stays_within_the_window(page, open_page):
    open_page.waited(page, THERE)
    page.locator("#zoom-in").click()
    assert zoom(page) > 1
    assert len(transforms(page)) == 1
    page.locator("#zoom-fit").click()
    assert zoom(page) == 1

    stage = page.locator("#stage")
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    x, y = box["x"] + 0.25 * box["width"], box["y"] + 0.25 * box["height"]
    page.mouse.move(x, y)
    page.locator("#zoom-fit").focus()
    page.mouse.wheel(0, -300)
    page.wait_for_timeout(50)
    assert zoom(page) == 1, "the wheel scrolls the page before the picture was clicked"
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    x, y = box["x"] + 0.25 * box["width"], box["y"] + 0.25 * box["height"]
    page.mouse.click(x, y)
    page.mouse.wheel(0, -300)
    open_page.waited(page, "document.querySelector('#zoom-level').textContent !== '1.0×'")
    (transform,) = transforms(page)
    left, scale = (
        float(re.search(pattern, transform)[1]) for pattern in (r"translate\(([-\d.]+)%", r"scale\(([\d.]+)")
    )
    assert left == pytest.approx(25 * (1 - scale), abs=0.5), "what is under the pointer stays there"

    page.mouse.down()
    page.mouse.move(x + 0.6 * box["width"], y + 0.6 * box["height"], steps=3)
    page.mouse.up()
    assert transforms(page)[0].startswith("translate(0%, 0%)"), "the window fills the stage wherever it is moved"
    page.keyboard.press("0")
    assert zoom(page) == 1


def test_two_fingers_zoom_and_one_drags_the_divider(open_page, built):
    page = open_page(built, 390, 844, has_touch=True, is_mobile=True)
    open_page.waited(page, THERE)
    page.locator("#stage").scroll_into_view_if_needed()
    box = page.locator("#stage").bounding_box()
    fingers = page.context.new_cdp_session(page)

    def touch(kind, *places):
        points = [
            {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"], "id": i}
            for i, (x, y) in enumerate(places)
        ]
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", (0.5, 0.5))
    for share in (0.6, 0.7, 0.8):
        touch("touchMove", (share, 0.5))
    touch("touchEnd")
    assert divider(page) == pytest.approx(80, abs=2)
    touch("touchStart", (0.4, 0.5), (0.6, 0.5))
    for spread in (0.15, 0.2, 0.3):
        touch("touchMove", (0.5 - spread, 0.5), (0.5 + spread, 0.5))
    touch("touchEnd")
    assert zoom(page) == pytest.approx(3, rel=0.2)


def test_lines_are_laid_over_both_sides_on_a_switch(page, open_page):
    open_page.waited(page, THERE)
    lines = page.locator(".layer .lines")
    assert [line.is_visible() for line in lines.all()] == [False, False]
    page.get_by_role("switch", name="Lines").check()
    open_page.waited(page, THERE.replace(".picture", ".lines"))
    assert [line.is_visible() for line in lines.all()] == [True, True]
    assert page.locator("#lines-key").is_visible()
    page.get_by_role("switch", name="Lines").uncheck()
    assert [line.is_visible() for line in lines.all()] == [False, False]


def test_windows_are_filtered_and_sorted(page, built):
    assert page.locator("#viewer-count").text_content() == "12 windows"
    page.get_by_label("Chapter").select_option(label="ch2")
    assert page.locator("#viewer-count").text_content() == "1 to 6 of 6 (of 12) windows"
    assert all("ch2" in title for title in page.locator("#strip button").evaluate_all("all => all.map(b => b.title)"))
    page.get_by_label("Page id").fill("_P3-")
    assert page.locator("#strip button").count() == 2
    page.get_by_label("Page id").fill("nothing")
    assert page.locator("#viewer-count").text_content() == "No window of 12 passes the filters"
    assert not page.locator("#stage").is_visible()
    page.get_by_label("Page id").fill("")
    page.get_by_label("Chapter").select_option(label="all")

    page.get_by_label("Sort by").select_option(label="CIEDE2000\u00a0↓")
    page.get_by_label("of", exact=True).select_option(label="cyclegan-small")
    mean = sum(scores(built, f"cyclegan-seed{seed}", "ciede2000").round(2) for seed in (0, 1)) / 2
    shown = page.locator("#strip button").evaluate_all("all => all.map(b => b.title)")
    assert list(mean[shown]) == sorted(mean, reverse=True)
    assert shown_window(page) == shown[0]
    page.get_by_label("Order").select_option(label="best first")
    shown = page.locator("#strip button").evaluate_all("all => all.map(b => b.title)")
    assert list(mean[shown]) == sorted(mean)


def test_models_that_are_not_ticked_are_not_shown(page):
    assert (
        texts(page, "#side-left option") == texts(page, "#page-scores tbody th") == texts(page, "#film .caption-line")
    )
    page.get_by_label("pix2pix-small", exact=True).uncheck()
    left = texts(page, "#side-left option")
    assert left[:2] == ["input", "truth"]
    assert not any("pix2pix-small" in text for text in left)
    assert left == texts(page, "#page-scores tbody th") == texts(page, "#film .caption-line")
    assert page.locator("#side-left").input_value() == "0", "a side that is gone makes room for the input"


def test_rows_without_pictures_have_scores_alone(open_page, own_run, tmp_path, unrendered):
    shutil.rmtree(own_run / "cells" / "mean-chroma" / "predictions")
    page = open_page(build_report(own_run, tmp_path / "report").folder)
    assert "mean-chroma" in texts(page, "#page-scores tbody th")
    assert "mean-chroma" not in texts(page, "#side-left option") + texts(page, "#film .caption-line")


def test_everything_is_reached_by_keys(page):
    page.locator("#stage").focus()
    first = shown_window(page)
    page.keyboard.press("ArrowRight")
    assert shown_window(page) != first
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert shown_window(page) == first
    page.keyboard.press("3")
    page.keyboard.press("Shift+2")
    assert (page.locator("#side-left").input_value(), page.locator("#side-right").input_value()) == ("1", "2")
    page.keyboard.press("x")
    assert (page.locator("#side-left").input_value(), page.locator("#side-right").input_value()) == ("2", "1")
    page.keyboard.press("j")
    page.keyboard.press("Shift+K")
    assert (page.locator("#side-left").input_value(), page.locator("#side-right").input_value()) == ("1", "2")
    page.keyboard.press("l")
    assert page.locator("#lines").is_checked()
    page.keyboard.press("+")
    page.keyboard.press("Shift+ArrowRight")
    assert zoom(page) > 1
    page.keyboard.press("0")

    page.locator("#strip [aria-current=true]").focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.title") == shown_window(page), "the focus goes along the strip"
    assert page.evaluate("document.activeElement.matches(':focus-visible')")
    page.get_by_label("Page id").focus()
    page.keyboard.type("x3l")
    assert page.get_by_label("Page id").input_value() == "x3l"


def test_every_control_has_a_name_and_a_visible_focus(page):
    for role in ("button", "combobox", "slider", "switch", "checkbox", "radio", "searchbox", "link"):
        for control in page.get_by_role(role).all():
            named = control.evaluate(
                """c => c.ariaLabel || c.title || c.textContent.trim() || c.labels?.[0]?.textContent.trim()
                    || c.querySelector("img")?.alt"""
            )
            assert named, control.evaluate("c => c.outerHTML")
    page.locator("#viewer .choosing select").first.focus()
    for _ in range(12):
        page.keyboard.press("Tab")
        outlined = "e => getComputedStyle(e).outlineStyle !== 'none' || !!e.querySelector('.knob')"
        assert page.evaluate(f"({outlined})(document.activeElement)")


def test_light_and_dark_follow_the_system_and_the_switch(open_page, built):
    page = open_page(built, color_scheme="dark")

    def brightness():
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return sum(map(int, re.findall(r"\d+", colour)[:3])) / 3

    assert brightness() < 60
    page.get_by_role("radio", name="Light").check(force=True)
    assert brightness() > 230
    page.reload()
    assert brightness() > 230, "the choice is kept"
    page.emulate_media(color_scheme="light")
    page.get_by_role("radio", name="Dark").check(force=True)
    assert brightness() < 60
    page.get_by_role("radio", name="Auto").check(force=True)
    assert brightness() > 230


@pytest.mark.parametrize("width", [390, 320, 768])
def test_narrow_screens_scroll_down_alone(open_page, built, width):
    page = open_page(built, width, 844, is_mobile=True, has_touch=True)
    open_page.waited(page, THERE)
    page.locator(".choosing summary").click()
    page.locator("#lines").check()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    stage = page.locator("#stage").bounding_box()
    assert stage["x"] >= 0
    assert stage["x"] + stage["width"] <= width


def test_nothing_reaches_the_network(open_page, built, file_server):
    file_server.files = {"/x.png": b"x"}
    page = open_page(built)
    outcome = page.evaluate(
        """async (url) => {
            const image = new Image();
            const pictured = new Promise((done) => { image.onload = () => done("loaded"); image.onerror = () => done("refused"); });
            image.src = url;
            const fetched = await fetch(url).then(() => "fetched", () => "refused");
            return [await pictured, fetched];
        }""",
        f"{file_server.url}/x.png",
    )
    assert outcome == ["refused", "refused"]
    assert file_server.requests == []
    refused = [text for text in open_page.complaints if "Content Security Policy" in text or file_server.url in text]
    assert open_page.complaints == refused
    open_page.complaints.clear()


def test_without_scripts_tables_and_figures_are_there(open_page, built):
    page = open_page(built, java_script_enabled=False)
    assert page.locator("#table-main tbody tr").count() > 3
    assert page.locator("#viewer .notice").is_visible()
    assert not page.locator("#theme").is_visible()


def large_report(built, folder):
    """The small report with the data of a large one: 1,000 pages and 9 cells beside input, truth and two reference rows."""
    text = (built / "index.html").read_text(encoding="utf-8")
    start = text.index('id="viewer-data">') + len('id="viewer-data">')
    data = json.loads(text[start : text.index("</script>", start)])
    sides = CELLS + 4
    data["models"] = [{"label": f"model {n}", "ranked": n < 3} for n in range(5)]
    data["sides"] = [{"label": f"side {n}", "model": min((n - 2) // 3, 4) if n > 1 else -1} for n in range(sides)]
    data["windows"] = {
        "number": [n % STORED for n in range(PAGE)],
        "id": [f"series_{n // 100}-chapter_{n // 20}-page-{n:04d}" for n in range(PAGE)],
        "series": [n // 100 for n in range(PAGE)], "seriesNames": [f"series {n}" for n in range(PAGE // 100)],
        "chapter": [n // 20 for n in range(PAGE)], "chapterNames": [f"chapter {n}" for n in range(PAGE // 20)],
    }  # fmt: skip
    data |= {"thumbnails": "1" * PAGE, "pictures": ["1" * PAGE] * sides, "lines": ["0" * PAGE] * sides}
    data["scores"] = [
        [[(n * 37 + side) % 1000 / 100 for n in range(PAGE)] for side in range(sides)] for _ in data["metrics"]
    ]
    buffer = io.BytesIO()
    Image.effect_noise((128, 128), 60).convert("RGB").save(buffer, format="WEBP", lossless=True, quality=0)
    for number in range(STORED):
        for name in (f"thumbnails/{number}.webp", *(f"{number}/{side}.webp" for side in range(sides))):
            path = folder / "pictures" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(buffer.getvalue())
    end = text.index("</script>", start)
    (folder / "index.html").write_text(text[:start] + json.dumps(data) + text[end:], encoding="utf-8")
    (folder / "figures").symlink_to(built / "figures")
    return folder


def test_a_thousand_pages_of_nine_cells_stay_quick(open_page, built, tmp_path, record_property):
    report = large_report(built, tmp_path)
    asked = []
    start = time.perf_counter()
    page = open_page(report)
    page.on("request", lambda request: asked.append(request.url))
    open_page.waited(page, THERE)
    ready = time.perf_counter() - start
    assert page.locator("#strip button").count() == 48

    turn = """() => new Promise((done) => {
        const start = performance.now();
        document.querySelector("#stage").dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
        const images = [...document.querySelectorAll(".layer .picture")];
        Promise.all(images.map((image) => image.decode())).then(
            () => requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - start))));
    })"""
    turns = sorted(page.evaluate(turn) / 1000 for _ in range(60))
    sort = """() => {
        const start = performance.now();
        const select = document.querySelector("#sort-metric");
        select.value = "1";
        select.dispatchEvent(new Event("input", { bubbles: true }));
        return performance.now() - start;
    }"""
    sorting = page.evaluate(sort) / 1000
    figures = {"ready": ready, "turn": turns[30], "slowest turn": turns[-1], "sorting": sorting}
    print({name: f"{value * 1000:.0f} ms" for name, value in figures.items()})
    for name, value in figures.items():
        record_property(name, value)
    assert ready < READY_WITHIN
    assert turns[30] < TURNED_WITHIN
    assert sorting < TURNED_WITHIN
    assert len(asked) < 2 * 48 + 61 * 20, "what is not looked at is not loaded"
