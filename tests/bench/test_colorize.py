"""`bench colorize`: sizes, names, refusals, hostile archives, resuming, and what the pictures are made of."""

from __future__ import annotations

import functools
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import models
from bench.cli import main
from bench.errors import RequestError
from bench.files import sha256_of, write_json
from bench.page_colouring import Choices, PageColourist, grey_of, is_colour, with_detail
from bench.prediction import to_pixels, to_tensor
from bench.runfolder import CellFolder
from data import archives
from data.geometry import resize
from data.recipes import apply_recipe_grey, recipe_settings

RESOLUTION = 64
TINY = {"ngf": 4, "ndf": 4}
FAST = settings(deadline=None, max_examples=20)


def silent(_note):
    """Take a heartbeat and go on."""


def make_cell(folder: Path, model: str, values: dict[str, Any], resolution: int = RESOLUTION, recipe: str = "lines"):
    """Write a cell as a run leaves it, with random weights."""
    wanted = models.parse_settings(model, values)
    translator = models.build(model, wanted, resolution, seed=0)
    cell = CellFolder(folder)
    folder.mkdir(parents=True)
    safetensors.torch.save_file(translator.generator.state_dict(), cell.generator)
    card = {
        "model": model, "settings": json.loads(wanted.model_dump_json()), "resolution": resolution, "seed": 0,
        "recipe": recipe, "sha256": sha256_of(cell.generator),
    }  # fmt: skip
    write_json(cell.generator_card, card)
    return folder


@pytest.fixture(scope="module")
def cell(tmp_path_factory):
    return make_cell(tmp_path_factory.mktemp("run") / "cells" / "pix2pix-seed0", "pix2pix", TINY)


@pytest.fixture(scope="module")
def copy_cell(tmp_path_factory):
    """Colours nothing: what comes out is what the page went through on its way."""
    return make_cell(tmp_path_factory.mktemp("run") / "cells" / "copy", "copy", {})


@functools.cache
def colourist(model: str, choices: Choices, recipe: Any = "lines"):
    values = TINY | {"inference_dropout_seed": 1} if model == "with dropout" else TINY if model == "pix2pix" else {}
    name = model if model in models.MODEL_NAMES else "pix2pix"
    translator = models.build(name, models.parse_settings(name, values), RESOLUTION, seed=0)
    return PageColourist(translator, recipe, {}, choices, "cpu")


def drawing(height, width, seed=0):
    """Return a grey page of patches and strokes, uint8 [H, W, 3]."""
    random = np.random.default_rng(seed)
    patches = random.integers(0, 256, (height // 16 + 1, width // 16 + 1), dtype=np.uint8)
    page = np.kron(patches, np.ones((16, 16), np.uint8))[:height, :width]
    page[::7] = 0
    return np.repeat(page[:, :, None], 3, axis=2)


def save(path: Path, pixels=None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(drawing(40, 30) if pixels is None else pixels).save(path)
    return path


def image_bytes(pixels=None) -> bytes:
    import io

    buffer = io.BytesIO()
    Image.fromarray(drawing(20, 30) if pixels is None else pixels).save(buffer, format="PNG")
    return buffer.getvalue()


@pytest.fixture
def command(tmp_path, monkeypatch, capfd):
    """The command in this process, which saves seconds of imports: returns exit code, stdout, and stderr but for progress."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["bench", "colorize", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main()
        said = capfd.readouterr()
        lines = said.err.splitlines(keepends=True)
        # On a slow machine lines of progress come between.
        return int(stopped.value.code or 0), said.out, "".join(line for line in lines if "colouring: " not in line)

    return run


def pictures(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


# What pictures are made of


@FAST
@given(st.integers(1, 150), st.integers(1, 150), st.sampled_from([None, 0, 16, 1]), st.integers(0, 9))
def test_network_that_returns_its_input_gives_the_page_back_exactly(height, width, short_side, seed):
    page = np.repeat(np.random.default_rng(seed).integers(0, 256, (height, width, 1), dtype=np.uint8), 3, axis=2)
    assert (colourist("copy", Choices(short_side=short_side)).colour(page, silent) == page).all()


@FAST
@given(st.integers(1, 130), st.integers(1, 130))
def test_pages_of_any_size_keep_it(height, width):
    picture = colourist("pix2pix", Choices()).colour(drawing(height, width), silent)
    assert picture.shape == (height, width, 3)
    assert picture.dtype == np.uint8


def test_at_its_own_size_the_picture_is_the_networks_own():
    page = drawing(128, 192)
    mine = colourist("pix2pix", Choices(short_side=0))
    expected = to_pixels(mine._translator.colorize(to_tensor(page[None], "cpu")))[0]
    assert (mine.colour(page, silent) == expected).all()


def test_large_page_is_coloured_with_its_short_side_at_the_resolution():
    page = drawing(256, 128)
    small = resize(page[:, :, 0], 128, 64)
    translator = colourist("pix2pix", Choices())._translator
    seen = np.repeat(small[:, :, None], 3, axis=2)
    colour = to_pixels(translator.colorize(to_tensor(seen[None], "cpu")))[0]
    bare = colourist("pix2pix", Choices(detail="network")).colour(page, silent)
    assert (bare == resize(colour, 256, 128)).all()
    sharp = colourist("pix2pix", Choices()).colour(page, silent)
    assert (sharp == with_detail(colour, small, page[:, :, 0])).all()
    # Strokes one pixel wide are as good as gone from the enlarged output.
    strokes, between = slice(14, -14, 7), slice(17, -14, 7)
    assert abs(bare[strokes].mean() - bare[between].mean()) < 5
    assert sharp[strokes].mean() < sharp[between].mean() - 80


def test_ink_darkens_flat_colour_and_leaves_it_unchanged_elsewhere():
    page = np.full((80, 80), 255, np.uint8)
    page[40] = 0
    working = resize(page, 10, 10)
    paint = np.array([200, 120, 60])
    # A network that colours by multiplying its input.
    colour = np.rint(working[:, :, None] / 255 * paint).astype(np.uint8)
    picture = with_detail(colour, working, page).astype(int)
    assert picture[40].max() <= 12
    assert np.abs(picture[:40] - paint).max() <= 14
    assert np.abs(picture[:20] - paint).max() <= 1


def test_input_recipe_makes_what_training_saw():
    page = drawing(64, 64)
    ink = apply_recipe_grey("lines", recipe_settings("lines"), None, page)
    assert (colourist("copy", Choices(input="recipe")).colour(page, silent)[:, :, 0] == ink).all()
    assert (colourist("copy", Choices(input="recipe"), "original").colour(page, silent) == page).all()


def test_tiles_are_used_where_asked_for_and_come_near_the_whole():
    page = drawing(448, 640)
    whole = colourist("pix2pix", Choices(short_side=0, tile=0)).colour(page, silent).astype(int)
    notes: list[str] = []
    in_tiles = colourist("pix2pix", Choices(short_side=0, tile=500))
    tiled = in_tiles.colour(page, notes.append).astype(int)
    assert "colour, tile 2 of 2" in notes
    assert in_tiles.seam_score == pytest.approx(1, abs=0.1)
    assert 0 < np.abs(tiled - whole).mean() < 0.5


@pytest.mark.parametrize("tile", [None, 576])
def test_bfloat16_gives_the_same_picture_but_for_levels(tile):
    page = drawing(700, 620)
    choices = [Choices(short_side=0, tile=tile, precision=precision) for precision in ("fp32", "bf16")]
    exact, coarse = (colourist("pix2pix", each).colour(page, silent).astype(int) for each in choices)
    apart = np.abs(exact - coarse)
    assert 0 < apart.mean() < 1.5
    assert apart.max() < 24


def test_dropout_in_tiles_is_refused_and_works_in_one_piece():
    page = drawing(64, 1000)
    with pytest.raises(RequestError, match=r"1024x64 px needs tiles.*dropout.*--short-side"):
        colourist("with dropout", Choices(tile=512)).colour(page, silent)
    assert colourist("with dropout", Choices(tile=0)).colour(page, silent).shape == page.shape


def test_colour_pages_are_told_from_tinted_paper():
    yellowed = drawing(64, 64) * np.array([1.0, 0.97, 0.92])
    assert not is_colour(drawing(64, 64))
    assert not is_colour(yellowed.astype(np.uint8))
    painted = drawing(64, 64)
    painted[:20, :20] = (200, 40, 40)
    assert is_colour(painted)
    assert grey_of(painted).shape == (64, 64)


# Names and places


def test_the_largest_seam_score_of_pages_in_tiles_is_said(tmp_path, command, copy_cell):
    save(tmp_path / "wide.png", np.full((64, 900, 3), 200, np.uint8))
    save(tmp_path / "small.png", drawing(64, 64))
    options = ("--from", copy_cell, "--out", "out", "--short-side", "0", "--tile", "512")
    assert command("wide.png", "small.png", *options)[:2] == (
        0,
        "2 pages coloured into out, 1 of them in tiles (largest seam score 1.00, wide.png; 1: no seam to see)\n",
    )


def test_files_folders_and_archives_keep_their_names_and_places(tmp_path, command, copy_cell):
    page = drawing(33, 47, seed=3)
    save(tmp_path / "one.jpg")
    save(tmp_path / "scans/ch 1/page 10.png", page)
    save(tmp_path / "scans/ch 1/.hidden.png")
    save(tmp_path / "scans/.thumbs/a.png")
    (tmp_path / "scans/notes.txt").write_text("no page")
    with zipfile.ZipFile(tmp_path / "scans/vol.1.cbz", "w") as archive:
        archive.writestr("001.png", image_bytes(page))
        archive.writestr("extra/002.PNG", image_bytes())
        archive.writestr("ComicInfo.xml", "<x/>")
        archive.writestr("__MACOSX/._001.png", "junk")
    code, said, warned = command("one.jpg", "scans", "--from", copy_cell, "--out", "out")
    assert (code, warned) == (0, "")
    assert said == "4 pages coloured into out, 2 other files passed over\n"
    assert pictures(tmp_path / "out") == ["ch 1/page 10.png", "one.png", "vol.1/001.png", "vol.1/extra/002.png"]
    for name in ("ch 1/page 10.png", "vol.1/001.png"):
        assert (np.asarray(Image.open(tmp_path / "out" / name)) == page).all()


def test_output_folder_inside_the_pages_is_not_coloured_again(tmp_path, command, copy_cell):
    save(tmp_path / "scans/a.jpg")
    arguments = (".", "--from", copy_cell, "--out", "coloured")
    assert command(*arguments)[0] == 0
    code, said, _ = command(*arguments)
    assert (code, said) == (0, "0 pages coloured into coloured, 1 there already (--force colours them again)\n")
    assert pictures(tmp_path / "coloured") == ["scans/a.png"]


def test_page_named_twice_is_coloured_once(tmp_path, command, copy_cell):
    save(tmp_path / "scans/a.jpg")
    code, said, _ = command("scans", "scans/a.jpg", "scans", "--from", copy_cell, "--out", "out")
    assert (code, said) == (0, "1 page coloured into out\n")


@pytest.mark.parametrize("names", [("x/a.jpg", "y/a.png"), ("x/a.jpg", "x/a.png"), ("x/a.jpg", "y/A.jpg")])
def test_two_pages_for_one_picture_are_refused_before_anything_is_computed(tmp_path, command, copy_cell, names):
    for name in names:
        save(tmp_path / name)
    code, _, said = command(*names, "--from", copy_cell, "--out", "out")
    assert code == 2
    assert f"{names[0]} and {names[1]} would both become" in said
    assert not (tmp_path / "out").exists()


def test_pages_are_never_overwritten_even_with_force(tmp_path, command, copy_cell):
    before = save(tmp_path / "scans/a.png").read_bytes()
    for arguments in (("scans", "--out", "scans"), ("scans/a.png", "--out", "scans")):
        code, _, said = command(*arguments, "--from", copy_cell, "--force")
        assert code == 2
        assert "another --out" in said
    assert (tmp_path / "scans/a.png").read_bytes() == before


def test_existing_pictures_are_left_alone_unless_forced(tmp_path, command, cell):
    save(tmp_path / "scans/a.jpg")
    save(tmp_path / "scans/b.jpg")
    save(tmp_path / "out/a.png", np.zeros((1, 1, 3), np.uint8))
    mine = (tmp_path / "out/a.png").read_bytes()
    code, said, _ = command("scans", "--from", cell, "--out", "out")
    assert (code, said) == (0, "1 page coloured into out, 1 there already (--force colours them again)\n")
    assert (tmp_path / "out/a.png").read_bytes() == mine
    first = (tmp_path / "out/b.png").read_bytes()
    assert command("scans", "--from", cell, "--out", "out", "--force")[1] == "2 pages coloured into out\n"
    assert (tmp_path / "out/a.png").read_bytes() != mine
    assert (tmp_path / "out/b.png").read_bytes() == first


# What cannot be used


def test_want_of_memory_is_one_line_on_a_processor_too(tmp_path, command, copy_cell, monkeypatch):
    def refuse(*_arguments):
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(PageColourist, "colour", refuse)
    save(tmp_path / "scans/a.png")
    code, said, warned = command("scans", "--from", copy_cell, "--out", "out")
    assert (code, said) == (2, "")
    assert "a.png: out of memory; give a smaller --short-side or --tile" in warned
    assert "Traceback" not in warned


def test_unreadable_pages_are_named_and_the_others_go_on(tmp_path, command, copy_cell):
    save(tmp_path / "scans/a.png")
    (tmp_path / "scans/b.png").write_bytes(b"not an image")
    (tmp_path / "scans/c.jpg").write_bytes(save(tmp_path / "scans/d.jpg", drawing(200, 200)).read_bytes()[:900])
    (tmp_path / "scans/e.cbz").write_bytes(b"PK but no archive")
    code, said, warned = command("scans", "--from", copy_cell, "--out", "out")
    assert code == 1
    assert said == "2 pages coloured into out, 3 not usable, named above\n"
    assert len(warned.splitlines()) == 3
    assert all(name in warned for name in ("scans/b.png", "scans/c.jpg", "scans/e.cbz"))
    assert pictures(tmp_path / "out") == ["a.png", "d.png"]


def test_nothing_readable_is_an_error_of_its_own(tmp_path, command, copy_cell):
    (tmp_path / "b.png").write_bytes(b"not an image")
    assert command("b.png", "--from", copy_cell, "--out", "out")[0] == 2
    (tmp_path / "empty").mkdir()
    code, _, said = command("empty", "--from", copy_cell, "--out", "out")
    assert code == 2
    assert "no pages in empty" in said
    code, _, said = command("missing.png", "--from", copy_cell, "--out", "out")
    assert code == 2
    assert "no such file or folder" in said


def hostile(path: Path, *entries: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("good.png", image_bytes())
        for name, content in entries:
            archive.writestr(name, content)
    return path


def link(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.external_attr = 0o120777 << 16
    return entry


def test_hostile_names_never_leave_the_output_folder(tmp_path, command, copy_cell):
    names = ["../up.png", "/abs.png", "a/../../up.png", "..\\up.png", "C:\\up.png"]
    place = tmp_path / "place"
    place.mkdir()
    hostile(place / "x.cbz", *((name, image_bytes()) for name in names), (link("link.png"), b"/etc/passwd"))
    hostile(place / "y.cbz", ("win\\dir\\p.png", image_bytes()), ("bad\x1b[31m:name?.png", image_bytes()))
    code, said, warned = command("place", "--from", copy_cell, "--out", "out/deep")
    assert code == 1
    assert said == "4 pages coloured into out/deep, 6 not usable, named above\n"
    assert pictures(tmp_path / "out") == [
        "deep/x/good.png", "deep/y/bad_[31m_name_.png", "deep/y/good.png", "deep/y/win/dir/p.png",
    ]  # fmt: skip
    assert len(pictures(tmp_path)) == 4 + 2
    assert warned.count("leads out of the archive") == 5
    assert "\x1b" not in warned


def test_encrypted_archives_are_refused(tmp_path, command, copy_cell):
    path = hostile(tmp_path / "x.cbz")
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    code, _, said = command("x.cbz", "--from", copy_cell, "--out", "out")
    assert code == 2
    assert "encrypted" in said


def test_archives_are_bounded(tmp_path, command, copy_cell, monkeypatch):
    monkeypatch.setattr(archives, "MAX_ENTRIES", 1)
    hostile(tmp_path / "x.cbz", ("more.png", image_bytes()))
    code, _, said = command("x.cbz", "--from", copy_cell, "--out", "out")
    assert code == 2
    assert "2 entries" in said


def test_entry_that_claims_to_be_small_is_not_read_further(tmp_path, command, copy_cell):
    path = hostile(tmp_path / "x.cbz", ("bomb.png", bytes(100_000)))
    content = path.read_bytes()
    assert content.count((100_000).to_bytes(4, "little")) == 2
    path.write_bytes(content.replace((100_000).to_bytes(4, "little"), (10).to_bytes(4, "little")))
    code, said, warned = command("x.cbz", "--from", copy_cell, "--out", "out")
    assert (code, said) == (1, "1 page coloured into out, 1 not usable, named above\n")
    assert "bomb.png" in warned


def test_wrong_cells_are_refused_with_what_to_name(tmp_path, command, cell, copy_cell):
    save(tmp_path / "a.png")
    run = cell.parent.parent
    (run / "experiment.toml").write_text("")
    unfinished = run / "cells" / "cyclegan-seed0"
    unfinished.mkdir(exist_ok=True)
    write_json(unfinished / "status.json", {"state": "running"})
    damaged = make_cell(tmp_path / "damaged", "pix2pix", TINY)
    (damaged / "generator.safetensors").write_bytes(b"x")
    narrower = make_cell(tmp_path / "narrower", "pix2pix", TINY)
    card = json.loads((narrower / "generator.json").read_text())
    write_json(narrower / "generator.json", card | {"settings": card["settings"] | {"ngf": 5}})
    partial = make_cell(tmp_path / "partial", "copy", {})
    write_json(partial / "generator.json", {"model": "copy"})
    cases = {
        tmp_path / "none": "no such folder",
        run: "name one of its cells in",
        run / "cells": "pix2pix-seed0",
        unfinished: "state: running",
        tmp_path: "not a cell",
        damaged: "digest",
        narrower: "does not fit its generator.json",
        partial: "lacks settings, resolution",
    }
    for folder, word in cases.items():
        code, _, said = command("a.png", "--from", folder, "--out", "out")
        assert (code, said.count("\n")) == (2, 1)
        assert word in said
    assert not (tmp_path / "out").exists()


def test_colour_page_for_a_network_that_knows_ink_alone_is_pointed_out_once(tmp_path, command, copy_cell):
    painted = drawing(64, 64)
    painted[:40] = (220, 60, 60)
    save(tmp_path / "a.png", painted)
    save(tmp_path / "b.png", painted)
    code, _, said = command("a.png", "b.png", "--from", copy_cell, "--out", "out")
    assert (code, said.count("\n")) == (0, 1)
    assert "a.png is a colour page" in said
    assert "--input recipe" in said
    assert command("a.png", "--from", copy_cell, "--out", "other", "--input", "recipe")[2] == ""


def test_recipe_settings_come_from_the_cells_card(tmp_path, command):
    page = save(tmp_path / "a.png", drawing(64, 64))
    folder = make_cell(tmp_path / "run/cells/copy", "copy", {})
    card = json.loads((folder / "generator.json").read_text())
    (folder / "generator.json").write_text(json.dumps(card | {"recipe_settings": {"threshold": 0.9}}))
    assert command(page, "--from", folder, "--out", "out", "--input", "recipe")[0] == 0
    ink = apply_recipe_grey("lines", recipe_settings("lines", {"threshold": 0.9}), None, drawing(64, 64))
    assert (np.asarray(Image.open(tmp_path / "out/a.png"))[:, :, 0] == ink).all()


def test_ctrl_c_keeps_what_is_done_and_the_same_command_goes_on(tmp_path, command, cell):
    for number in range(30):
        save(tmp_path / f"scans/{number:02d}.png", drawing(200, 150, seed=number))

    def interrupt():
        deadline = time.monotonic() + 60
        while not (tmp_path / "out/00.png").exists() and time.monotonic() < deadline:
            time.sleep(0.001)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    code, _, said = command("scans", "--from", cell, "--out", "out")
    thread.join()
    assert code == 130
    assert "goes on from here" in said
    done = pictures(tmp_path / "out")
    assert 0 < len(done) < 30
    assert done == [f"{number:02d}.png" for number in range(len(done))]
    code, said, _ = command("scans", "--from", cell, "--out", "out")
    assert code == 0
    assert said.startswith(f"{30 - len(done)} pages coloured into out, {len(done)} there already")


def test_page_of_six_million_pixels_takes_little_memory(tmp_path, command, cell):
    save(tmp_path / "large.png", drawing(3000, 2000))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert command("large.png", "--from", cell, "--out", "out")[0] == 0
    with Image.open(tmp_path / "out/large.png") as picture:
        assert picture.size == (2000, 3000)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400 * 2**10


@pytest.mark.endurance
@pytest.mark.timeout(7200)
@pytest.mark.parametrize(("model", "more"), [("pix2pix", ()), ("pix2pixhd", ()), ("pix2pix", ("--short-side", "0"))])
def test_page_of_4000x6000_stays_below_4_gib_at_full_width(tmp_path, model, more):
    make_cell(tmp_path / "cell", model, {}, resolution=256)
    save(tmp_path / "page.png", drawing(6000, 4000))
    program = (
        "import atexit, resource\n"
        "atexit.register(lambda: print('peak', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))\n"
        "from bench.cli import main\n"
        "main()"
    )
    arguments = ["colorize", "page.png", "--from", "cell", "--out", "out", *more]
    began = time.monotonic()
    result = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    peak = int(result.stdout.rsplit("peak ", 1)[1]) / 2**20
    print(f"{model} {' '.join(more)}: {peak:.2f} GiB, {time.monotonic() - began:.0f} s")
    assert peak < 4
    with Image.open(tmp_path / "out/page.png") as picture:
        assert picture.size == (4000, 6000)
