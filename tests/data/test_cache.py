import errno
import json
import shutil
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
from PIL import Image

import data.cache_files
import data.images
from data import DataError, load_split, make_split, open_pairs, prepare, recipe_settings
from data.images import read_image
from data.recipes import apply_recipe


def prepared(source, cache_root, *, split=None, recipe="lines", resolution=32, **options):
    return prepare(
        source,
        split or make_split(source.keys(), grouped=source.grouped, seed=0),
        recipe=recipe,
        recipe_settings=recipe_settings(recipe),
        resolution=resolution,
        cache_root=cache_root,
        **options,
    )


def contents(ready):
    pages = [ready.train.bw(at).tobytes() + ready.train.color(at).tobytes() for at in range(len(ready.train))]
    windows = [window.bw.tobytes() + window.color.tobytes() for window in [*ready.validation, *ready.test]]
    return ready.train.ids, ready.validation.ids, ready.test.ids, pages, windows


def leftovers(cache):
    """All but the empty lock files."""
    return [path.name for path in cache.iterdir() if not path.name.startswith(".lock-")]


def test_pixels_are_those_of_the_direct_path(chapters, tmp_path):
    source = open_pairs(str(chapters))
    ready = prepared(source, tmp_path / "cache", resolution=32)
    keys = {key.id: key for key in source.keys()}  # noqa: SIM118

    def direct(page, short):
        stored = Image.fromarray(read_image(chapters / source.file_name(keys[page]), page))
        size = (short, round(stored.height * short / stored.width))
        color = np.asarray(stored.resize(size, Image.Resampling.BICUBIC))
        return apply_recipe("lines", recipe_settings("lines"), None, color), color

    for at, page in enumerate(ready.train.ids):
        bw, color = direct(page, 36)
        np.testing.assert_array_equal(ready.train.bw(at), bw)
        np.testing.assert_array_equal(ready.train.color(at), color)
        assert ready.train.size(at) == color.shape[:2]
    for window in [*ready.validation, *ready.test]:
        bw, color = direct(window.page_id, 32)
        rows = slice(0, 32) if window.id == f"{window.page_id}-0" else slice(-32, None)
        np.testing.assert_array_equal(window.bw, bw[rows])
        np.testing.assert_array_equal(window.color, color[rows])
        assert window.group == f"{window.series}/{window.chapter}" == ready.split.groups[window.page_id]


def test_wide_windows_are_the_ends_of_a_page_that_just_covers_them(chapters, tmp_path):
    source = open_pairs(str(chapters))
    square, wide = (prepared(source, tmp_path / "cache", resolution=32, aspect=aspect) for aspect in (1, 2))
    assert square.folder != wide.folder
    assert square.digest != wide.digest
    keys = {key.id: key for key in source.keys()}  # noqa: SIM118
    for window in [*wide.validation, *wide.test]:
        stored = Image.fromarray(read_image(chapters / source.file_name(keys[window.page_id]), window.page_id))
        page = np.asarray(stored.resize((64, round(stored.height * 64 / stored.width)), Image.Resampling.BICUBIC))
        rows = slice(0, 32) if window.id == f"{window.page_id}-0" else slice(-32, None)
        np.testing.assert_array_equal(window.color, page[rows])
    assert all(wide.train.size(at) >= (36, 72) for at in range(len(wide.train)))


def test_views_cannot_be_written(chapters, tmp_path):
    ready = prepared(open_pairs(str(chapters)), tmp_path)
    for view in (ready.train.bw(0), ready.train.color(0), ready.test[0].bw, ready.test[0].color):
        with pytest.raises(ValueError, match="read-only"):
            view[0, 0, 0] = 1


def test_windows_are_a_sequence(chapters, tmp_path):
    windows = prepared(open_pairs(str(chapters)), tmp_path).test
    assert [window.id for window in windows[1:3]] == list(windows.ids[1:3])
    assert windows[-1].id == windows.ids[-1]
    with pytest.raises(IndexError):
        windows[len(windows)]


def test_number_of_threads_does_not_matter(pairs, tmp_path):
    source = open_pairs(str(pairs))
    one, many = (prepared(source, tmp_path / str(n), recipe="original", threads=n) for n in (1, 5))
    assert one.digest == many.digest
    assert contents(one) == contents(many)


def test_second_time_opens_what_is_there(chapters, tmp_path):
    source = open_pairs(str(chapters))
    calls = []
    first = prepared(source, tmp_path, on_progress=lambda done, total: calls.append((done, total)))
    assert calls == [(done, 32) for done in range(1, 33)]
    again = prepared(source, tmp_path, on_progress=lambda done, total: calls.append((done, total)))
    assert len(calls) == 32
    assert (again.folder, again.digest) == (first.folder, first.digest)
    assert contents(again) == contents(first)


def test_folder_depends_on_all_that_decides_its_content(chapters, tmp_path):
    source = open_pairs(str(chapters))
    base = prepared(source, tmp_path)
    others = [
        prepared(source, tmp_path, resolution=24),
        prepared(source, tmp_path, recipe="gray"),
        prepared(source, tmp_path, split=make_split(source.keys(), grouped=True, seed=1)),
    ]
    assert len({base.folder, *(other.folder for other in others)}) == 4
    assert len({base.digest, *(other.digest for other in others)}) == 4


class StopError(Exception):
    pass


def stopped_after(pages):
    def stop(done, total):
        if done == pages:
            raise StopError

    return stop


def interrupted(source, cache, pages=20):
    with pytest.raises(StopError):
        prepared(source, cache, on_progress=stopped_after(pages))
    (building,) = cache.glob(".building-*")
    assert not [path for path in cache.iterdir() if path.name[0] != "."]
    return building


def test_interrupted_preparation_is_gone_on_with(chapters, tmp_path):
    source = open_pairs(str(chapters))
    cache = tmp_path / "cache"
    interrupted(source, cache)
    seen = []
    again = prepared(source, cache, on_progress=lambda done, total: seen.append((done, total)))
    assert seen == [(page, 32) for page in range(21, 33)]
    assert contents(again) == contents(prepared(source, tmp_path / "other"))
    assert index_of(again) == index_of(prepared(source, tmp_path / "other"))
    assert not list(cache.glob(".building-*"))
    assert not {path.name for path in again.folder.iterdir()} & {"journal.jsonl", "thumbnails.bin"}


def index_of(ready):
    return json.loads((ready.folder / "index.json").read_text())


@pytest.mark.parametrize(
    "damage", ["a flipped byte", "a short file", "no file", "a torn line", "no thumbnails", "strange lines"]
)
def test_damage_in_what_was_interrupted_costs_pages_not_truth(chapters, tmp_path, damage):
    source = open_pairs(str(chapters))
    building = interrupted(source, tmp_path / "cache")
    pixels, journal = building / "train-color.bin", building / "journal.jsonl"
    stored = bytearray(pixels.read_bytes())
    if damage == "a flipped byte":
        stored[len(stored) // 2] ^= 1
        pixels.write_bytes(stored)
    elif damage == "a short file":
        pixels.write_bytes(stored[: len(stored) // 2])
    elif damage == "no file":
        pixels.unlink()
    elif damage == "a torn line":
        journal.write_bytes(journal.read_bytes()[:-30])
    elif damage == "no thumbnails":
        (building / "thumbnails.bin").unlink()
    else:
        journal.write_bytes(b"[1]\n" + journal.read_bytes())
    seen = []
    again = prepared(source, tmp_path / "cache", on_progress=lambda done, total: seen.append(done))
    assert 1 <= seen[0] <= 20
    assert seen[-1] == 32
    assert contents(again) == contents(prepared(source, tmp_path / "other"))
    assert index_of(again) == index_of(prepared(source, tmp_path / "other"))


KILLED = """
import os, signal, sys
from data import make_split, open_pairs, prepare, recipe_settings
from pathlib import Path

def kill(done, total):
    if done == 17:
        os.kill(os.getpid(), signal.SIGKILL)

source = open_pairs(sys.argv[1])
split = make_split(source.keys(), grouped=source.grouped, seed=0)
prepare(source, split, recipe="lines", recipe_settings=recipe_settings("lines"), resolution=32,
        cache_root=Path(sys.argv[2]), on_progress=kill)
"""


def test_killed_preparation_ends_with_the_same_bytes(chapters, tmp_path):
    command = [sys.executable, "-c", KILLED, str(chapters), str(tmp_path / "cache")]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    source = open_pairs(str(chapters))
    again, whole = prepared(source, tmp_path / "cache"), prepared(source, tmp_path / "other")
    assert again.digest == whole.digest
    assert contents(again) == contents(whole)


@pytest.mark.parametrize("damage", ["truncated", "no index", "half an index"])
def test_damaged_cache_is_made_again(chapters, tmp_path, damage):
    source = open_pairs(str(chapters))
    first = prepared(source, tmp_path / "cache")
    expected = contents(first)
    index = first.folder / "index.json"
    if damage == "truncated":
        pixels = first.folder / "train-color.bin"
        pixels.write_bytes(pixels.read_bytes()[:-1])
    elif damage == "no index":
        index.unlink()
    else:
        index.write_text(index.read_text()[:100])
    assert contents(prepared(source, tmp_path / "cache")) == expected


def test_two_at_once_agree(chapters, tmp_path):
    source = open_pairs(str(chapters))
    results, barrier = [], threading.Barrier(3)

    def work():
        barrier.wait()
        results.append(prepared(source, tmp_path / "cache", threads=1))

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len({ready.digest for ready in results}) == 1
    assert len(results) == 3
    assert [path.name for path in (tmp_path / "cache").iterdir() if path.name[0] != "."] == [results[0].folder.name]


def test_near_duplicates_of_held_out_pages_are_dropped_and_named(chapters, tmp_path):
    source = open_pairs(str(chapters))
    split = make_split(source.keys(), grouped=True, seed=0)
    held_out, training = split.test[0], split.train[3]
    names = {key.id: chapters / source.file_name(key) for key in source.keys()}  # noqa: SIM118
    copy = Image.open(names[held_out])
    copy.resize((40, 55), Image.Resampling.BICUBIC).save(names[training])
    source = open_pairs(str(chapters))
    ready = prepared(source, tmp_path, split=split)
    assert ready.report.near_duplicates == ((training, held_out),)
    assert ready.split.dropped_near_duplicates == (training,)
    assert training not in ready.train.ids
    assert ready.train.ids == ready.split.train == tuple(page for page in split.train if page != training)
    assert any("1 training page dropped" in line for line in ready.report.lines())
    with pytest.raises(DataError, match=f"leaks.*{training} and {held_out}"):
        prepared(source, tmp_path, split=split, duplicates="refuse")
    ready.split.save(tmp_path / "split.json")
    given = load_split(tmp_path / "split.json", source.keys(), grouped=True)
    assert prepared(source, tmp_path, split=given, duplicates="refuse").digest == ready.digest


@pytest.fixture
def many(tmp_path, draw, save):
    for page in range(202):
        save(draw(page, 20, 16), tmp_path / "many" / f"c{page // 10}" / f"{page}.png")
    return tmp_path / "many"


def test_few_unreadable_pages_are_left_out_and_named(many, tmp_path):
    (many / "c3" / "33.png").write_bytes(b"")
    source = open_pairs(str(many))
    ready = prepared(source, tmp_path / "cache", resolution=16)
    assert [page for page, _ in ready.report.unreadable] == ["c3_33"]
    assert ready.report.unreadable[0][1].startswith("c3/33.png: ")
    assert ready.report.lines() == ["1 unreadable: c3/33.png: the file is empty; repair or remove it"]
    assert ready.split.unreadable == ("c3_33",)
    assert "c3_33" not in ready.split.ids
    assert len(ready.split.ids) == 201


def test_pages_that_had_to_be_enlarged_are_counted(many, tmp_path, draw, save):
    """Every other page is 32 px wide, the rest 16: at 16 px none counts, though training takes 286/256 of that."""
    for page in range(0, 200, 2):
        save(draw(page, 40, 32), many / f"c{page // 10}" / f"{page}.png")
    small = {f"c{page // 10}_{page}" for page in range(202) if page % 2 or page == 200}
    assert not prepared(open_pairs(str(many)), tmp_path / "cache", resolution=16).report.enlarged
    ready = prepared(open_pairs(str(many)), tmp_path / "cache", resolution=32)
    parts = {"train": ready.split.train, "validation": ready.split.validation, "test": ready.split.test}
    assert ready.report.enlarged == {part: len(small.intersection(pages)) for part, pages in parts.items()}
    assert f"enlarged: {ready.report.enlarged['train']} of train" in ready.report.lines()[-1]
    # Opened again, not made again.
    assert prepared(open_pairs(str(many)), tmp_path / "cache", resolution=32).report == ready.report


def test_many_unreadable_pages_stop(many, tmp_path):
    for page in (31, 32, 33):
        (many / "c3" / f"{page}.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"more than 1% of the 202 pages.*31\.png") as raised:
        prepared(open_pairs(str(many)), tmp_path / "cache", resolution=16)
    assert "\n" not in str(raised.value)
    assert not leftovers(tmp_path / "cache")


def test_original_on_colour_pages_names_the_mend(chapters, tmp_path):
    with pytest.raises(DataError, match="--recipe lines"):
        prepared(open_pairs(str(chapters)), tmp_path, recipe="original")


def test_part_without_pages_left(pairs, tmp_path):
    first = Image.open(pairs / "color" / "0.png")
    for page in range(12):
        first.save(pairs / "color" / f"{page}.png")
    with pytest.raises(DataError, match="no pages are left in the part train"):
        prepared(open_pairs(str(pairs)), tmp_path, recipe="original")


def test_split_of_another_source(chapters, pairs, tmp_path):
    split = make_split(open_pairs(str(chapters)).keys(), grouped=True)
    with pytest.raises(DataError, match="pages of the split are not in it"):
        prepared(open_pairs(str(pairs)), tmp_path, split=split, recipe="original")


def test_unwritable_cache_is_one_clear_line(chapters, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written") as raised:
        prepared(open_pairs(str(chapters)), tmp_path / "file" / "cache")
    assert "\n" not in str(raised.value)


def test_a_failing_disk_costs_no_page(chapters, tmp_path, monkeypatch):
    """An error that passes must not be taken for a broken page: the numbers would hang on it for ever."""
    source, read, failing = open_pairs(str(chapters)), data.images.Path.read_bytes, []

    def flaky(path):
        if path.name == "page2.png" and path.parent.name == "chapter5" and not failing:
            failing.append(path)
            raise OSError(errno.EIO, "Input/output error")
        return read(path)

    monkeypatch.setattr(data.images.Path, "read_bytes", flaky)
    with pytest.raises(DataError, match=r"page2.png: cannot be read now \(Input/output error\)"):
        prepared(source, tmp_path / "cache", threads=1)
    seen = []
    again = prepared(source, tmp_path / "cache", on_progress=lambda done, total: seen.append(done))
    assert seen[0] > 1
    assert contents(again) == contents(prepared(source, tmp_path / "other"))


def test_full_disk_is_one_clear_line_and_what_is_done_is_kept(chapters, tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(data.cache_files.os, "fsync", full)
    source = open_pairs(str(chapters))
    with pytest.raises(DataError, match="disk is full; free some space"):
        prepared(source, tmp_path / "cache")
    monkeypatch.undo()
    seen = []
    again = prepared(source, tmp_path / "cache", on_progress=lambda done, total: seen.append(done))
    assert not seen
    assert contents(again) == contents(prepared(source, tmp_path / "other"))


def test_stale_leftovers_are_removed_and_fresh_ones_kept(chapters, tmp_path):
    stale, fresh = tmp_path / ".building-a", tmp_path / ".building-b"
    for folder in (stale, fresh):
        folder.mkdir()
        (folder / "train-bw.bin").write_bytes(b"1")
    for path in (stale / "train-bw.bin", stale):
        data.cache_files.os.utime(path, (1, 1))
    prepared(open_pairs(str(chapters)), tmp_path)
    assert not stale.exists()
    assert fresh.exists()


def test_split_that_was_made_with_other_pages_is_refused(pairs, tmp_path, draw, save):
    source = open_pairs(str(pairs))
    first = prepared(source, tmp_path / "cache", recipe="original")
    assert set(first.split.contents) == set(first.split.ids)
    first.split.save(tmp_path / "split.json")

    def again():
        source = open_pairs(str(pairs))
        given = load_split(tmp_path / "split.json", source.keys(), grouped=source.grouped)
        return prepared(source, tmp_path / "cache", split=given, recipe="original", duplicates="refuse")

    assert again().split == first.split
    save(draw(4711), pairs / "color" / f"{first.split.test[0]}.png")
    with pytest.raises(DataError, match=f"made with other pages.*{first.split.test[0]}"):
        again()


def test_training_pages_have_variants_and_test_pages_do_not(chapters, tmp_path):
    source = open_pairs(str(chapters))
    ready = prepared(source, tmp_path, recipe="screentone")
    settings = recipe_settings("screentone")
    assert ready.train.variants == settings.variants == 3
    for at, page in enumerate(ready.train.ids):
        versions = [ready.train.bw(at, variant) for variant in range(3)]
        expected = [
            apply_recipe("screentone", each, None, np.asarray(ready.train.color(at)))
            for each in settings.training_variants(page)
        ]
        np.testing.assert_array_equal(versions, expected)
        assert len({version.tobytes() for version in versions}) == 3
    for window in ready.test:
        whole = prepared_window(source, window, 32)
        np.testing.assert_array_equal(window.bw, whole)


def prepared_window(source, window, side):
    """A test window made on the direct path: the whole page at its size, then the crop."""
    key = next(key for key in source.keys() if key.id == window.page_id)  # noqa: SIM118
    color = source.read(key).color
    height = round(color.shape[0] * side / color.shape[1])
    page = np.asarray(Image.fromarray(color).resize((side, height), Image.Resampling.BICUBIC))
    bw = apply_recipe("screentone", recipe_settings("screentone"), None, page)
    return bw[:side] if window.id.endswith("-0") else bw[-side:]


def test_index_holds_a_digest_of_each_page(pairs, tmp_path):
    source = open_pairs(str(pairs))
    first = prepared(source, tmp_path, recipe="original")
    index = json.loads((first.folder / "index.json").read_text())
    assert set(index["sha256"]) == set(first.split.ids)
    shutil.copy(pairs / "color" / "1.png", pairs / "color" / "0.png")
    shutil.copy(pairs / "bw" / "1.png", pairs / "bw" / "0.png")
    second = prepared(open_pairs(str(pairs)), tmp_path, recipe="original")
    assert second.digest != first.digest
