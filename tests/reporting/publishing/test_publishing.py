"""`bench publish`: what lies in the folder, that it loads again, what is left out, and where nothing may be written."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from rich.console import Console

from bench import publishing
from bench.colorizing import ColorizeRequest, colorize
from bench.errors import RequestError
from bench.published_metadata import Names
from bench.publishing import Publication, publish
from bench.reporting.verify import verify_report
from models.weight_files import MAX_WEIGHTS_BYTES

MODELS = ("pix2pix", "pix2pixhd", "cyclegan", "unet-l1")

Contents = Callable[[Path], dict[str, bytes]]


def again(run: Path, out: Path, licence: str | None = "cc-by-4.0") -> Publication:
    return publish(run, out, Names("me/manga"), licence)


def refusal(run: Path, out: Path) -> str:
    with pytest.raises(RequestError) as raised:
        again(run, out)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def change(path: Path, **values: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_a_repository_a_model_with_a_folder_a_seed(published: Publication, contents: Contents) -> None:
    assert [part.name for part in published.parts] == [*MODELS, "results"]
    assert (published.left_out, published.warnings) == ((), ())
    for model in MODELS:
        seeds = [f"seed{seed}/generator.{kind}" for seed in (0, 1) for kind in ("json", "safetensors")]
        assert sorted(contents(published.folder / "models" / model)) == ["README.md", "published.json", *seeds]
    assert sorted(path.name for path in published.folder.iterdir()) == ["models", "results"]


def test_published_generator_colours_the_same_bytes(published: Publication, trained_run: Path, tmp_path: Path) -> None:
    page = np.random.default_rng(3).integers(0, 256, (90, 70), np.uint8)
    Image.fromarray(page).save(tmp_path / "page.png")
    for model in MODELS:
        pictures = []
        for cell in (trained_run / "cells" / f"{model}-seed1", published.folder / "models" / model / "seed1"):
            out = tmp_path / cell.parent.name / model
            colorize(ColorizeRequest([tmp_path / "page.png"], cell, out, "cpu"), Console(quiet=True), lambda: None)
            pictures.append((out / "page.png").read_bytes())
        assert pictures[0] == pictures[1]


def test_published_twice_are_the_same_bytes(
    published: Publication, trained_run: Path, tmp_path: Path, contents: Contents
) -> None:
    assert contents(again(trained_run, tmp_path / "tiny").folder) == contents(published.folder)


def test_results_verify_and_hold_no_picture(published: Publication) -> None:
    results = published.folder / "results"
    found = verify_report(results)
    # The made-up run of these tests has no split that its digest was taken of.
    assert [line for line in found.differences if "split.json has the digest" not in line] == []
    assert found.cells > 300
    kinds = {path.suffix for path in published.folder.rglob("*") if path.is_file()}
    assert kinds <= {".md", ".json", ".safetensors", ".csv", ".tex", ".bib", ".html", ".parquet", ".toml"}
    assert b"data:image" not in (results / "index.html").read_bytes()


def test_scores_by_window_open_as_a_data_set_of_the_hub(
    published: Publication, trained_run: Path, tmp_path: Path
) -> None:
    import datasets

    folder, cache = str(published.folder / "results"), str(tmp_path / "cache")
    windows = datasets.load_dataset(folder, "windows", split="train", cache_dir=cache).to_pandas()
    mine = windows[(windows["model"] == "cyclegan") & (windows["seed"] == 1)]
    stored = pd.read_parquet(trained_run / "cells" / "cyclegan-seed1" / "images.parquet").sort_values("window")
    np.testing.assert_allclose(mine["ciede2000"], stored["ciede2000"], rtol=1e-9)
    assert windows[windows["model"] == "oracle"]["seed"].isna().all()
    main = datasets.load_dataset(folder, split="train", cache_dir=cache)
    assert main["model"][:3] == ["pix2pix", "pix2pixhd", "cyclegan"]


def test_where_it_was_trained_is_nobodys_business(published: Publication) -> None:
    card = json.loads((published.folder / "models" / "pix2pix" / "seed0" / "generator.json").read_text())
    assert {"model", "settings", "resolution", "seed", "recipe", "sha256"} <= card.keys()
    assert "status" not in card


def spoil(run: Path) -> dict[str, str]:
    """Break cells in every way; returns what is said of each."""
    cells = run / "cells"
    change(cells / "pix2pix-seed0" / "status.json", state="diverged", reason="G_L1 is no number")
    (cells / "pix2pix-seed1" / "generator.safetensors").unlink()
    weights = cells / "pix2pixhd-seed0" / "generator.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    change(cells / "pix2pixhd-seed1" / "generator.json", seed=0)
    change(cells / "cyclegan-seed0" / "status.json", state="running")
    change(cells / "cyclegan-seed1" / "generator.json", sha256="0" * 64)
    (cells / "unet-l1-seed0" / "generator.json").write_text("[" * 2_000_000)
    return {
        "pix2pix-seed0": "diverged: G_L1 is no number",
        "pix2pix-seed1": "has no generator",
        "pix2pixhd-seed0": "not the file that generator.json names",
        "pix2pixhd-seed1": "that of pix2pixhd-seed0",
        "cyclegan-seed0": "unfinished at step",
        "cyclegan-seed1": "names another generator than status.json",
        "unet-l1-seed0": "larger than 1,048,576 bytes",
    }


def test_cells_that_are_not_whole_are_left_out_and_named(own_trained_run: Path, tmp_path: Path) -> None:
    said = spoil(own_trained_run)
    publication = again(own_trained_run, tmp_path / "out")
    assert [part.name for part in publication.parts] == ["unet-l1", "results"]
    assert len(publication.left_out) == len(said)
    card = (tmp_path / "out/results/README.md").read_text()
    for line in publication.left_out:
        cell, _, reason = line.partition(": ")
        assert said[cell] in reason
        assert f"- {cell}: " in card
    assert "2 seeds; 1 of their generators" in (tmp_path / "out/models/unet-l1/README.md").read_text()


def test_code_under_the_name_of_weights_is_left_out(own_trained_run: Path, tmp_path: Path) -> None:
    from bench.files import sha256_of

    cell = own_trained_run / "cells" / "pix2pix-seed0"
    (cell / "generator.safetensors").write_bytes(b"\x80\x04cos\nsystem\n.")
    digest = sha256_of(cell / "generator.safetensors")
    change(cell / "generator.json", sha256=digest)
    change(cell / "status.json", generator_sha256=digest)
    assert again(own_trained_run, tmp_path / "out").left_out == (
        "pix2pix-seed0: generator.safetensors is no safetensors file",
    )


def test_weights_that_could_not_be_loaded_are_left_out(
    own_trained_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert publishing.LARGEST_WEIGHTS == MAX_WEIGHTS_BYTES
    sizes = [path.stat().st_size for path in own_trained_run.rglob("generator.safetensors")]
    monkeypatch.setattr(publishing, "LARGEST_WEIGHTS", max(sizes) - 1)
    left_out = again(own_trained_run, tmp_path / "out").left_out
    assert left_out
    assert all("generator.safetensors is larger than" in line for line in left_out)


def test_publishing_imports_no_torch() -> None:
    subprocess.run(
        [sys.executable, "-c", "import sys, bench.publishing; assert 'torch' not in sys.modules"], check=True
    )


def test_generators_of_others_are_not_published(own_trained_run: Path, tmp_path: Path) -> None:
    cells = own_trained_run / "cells"
    shutil.copytree(cells / "pix2pix-seed0", cells / "pix2pix-loaded-12345678")
    publication = again(own_trained_run, tmp_path / "out")
    assert publication.left_out == (
        "pix2pix-loaded-12345678: loaded, not trained here: publishing it is up to whoever trained it",
    )
    assert "pix2pix-loaded-12345678" not in [part.name for part in publication.parts]


def test_nothing_to_publish_is_one_line(finished_run: Path, tmp_path: Path) -> None:
    said = refusal(finished_run, tmp_path / "out")
    assert "no generator to publish (pix2pix-seed0: has no generator" in said
    assert not (tmp_path / "out").exists()


def test_folders_of_others_stay_as_they_are(trained_run: Path, tmp_path: Path, contents: Contents) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "thesis.tex").write_text("mine")
    assert "thesis.tex" in refusal(trained_run, tmp_path / "thesis")
    (tmp_path / "other" / "models").mkdir(parents=True)
    assert "holds no publication" in refusal(trained_run, tmp_path / "other")
    (tmp_path / "link").symlink_to(tmp_path / "thesis")
    assert "a link" in refusal(trained_run, tmp_path / "link")
    (tmp_path / "file").write_text("mine")
    assert "a file, not a folder" in refusal(trained_run, tmp_path / "file")
    assert contents(tmp_path) == {"thesis/thesis.tex": b"mine", "file": b"mine"}


def test_nothing_is_written_among_the_cells(own_trained_run: Path) -> None:
    assert "inside of the run" in refusal(own_trained_run, own_trained_run / "cells" / "new")
    again(own_trained_run, own_trained_run / "published")
    # It is no part of the run: published again, the same.
    assert again(own_trained_run, own_trained_run / "published").left_out == ()


def test_a_run_with_a_link_out_of_it_is_refused(own_trained_run: Path, tmp_path: Path) -> None:
    weights = own_trained_run / "cells" / "pix2pix-seed0" / "generator.safetensors"
    weights.rename(tmp_path / "elsewhere")
    weights.symlink_to(tmp_path / "elsewhere")
    assert "a link out of" in refusal(own_trained_run, tmp_path / "out")


def test_an_earlier_publication_is_replaced_whole_or_not_at_all(
    own_trained_run: Path, tmp_path: Path, contents: Contents, monkeypatch: pytest.MonkeyPatch
) -> None:
    again(own_trained_run, tmp_path / "out")
    before = contents(tmp_path / "out")
    change(own_trained_run / "cells" / "pix2pix-seed1" / "status.json", state="failed", reason="out of memory")

    def full(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as patched, pytest.raises(OSError, match="No space left"):
        patched.setattr("bench.publishing.seal", full)
        again(own_trained_run, tmp_path / "out")
    assert contents(tmp_path / "out") == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "tiny-demo"]
    again(own_trained_run, tmp_path / "out")
    assert not (tmp_path / "out/models/pix2pix/seed1").exists()
