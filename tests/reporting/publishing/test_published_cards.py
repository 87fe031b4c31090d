"""The cards: metadata that the Hub's own library reads, the table's own numbers, no uncalibrated score under a calibrated name."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
from huggingface_hub import DatasetCard, ModelCard, metadata_load
from markdown_it import MarkdownIt

from bench.errors import RequestError
from bench.published_metadata import Names
from bench.publishing import Publication, publish

COMMIT = "5503434ddd753f426f4b38109466949a1217c2bb"


def model_file(publication: Publication, model: str = "pix2pix") -> Path:
    return publication.folder / "models" / model / "README.md"


def republished(run: Path, out: Path, licence: str | None = None) -> Publication:
    return publish(run, out, Names(), licence)


def set_source(run: Path, source: str, **recorded: str) -> None:
    experiment = run / "experiment.toml"
    experiment.write_text(experiment.read_text().replace('"synthetic"', json.dumps(source)), encoding="utf-8")
    split = json.loads((run / "split.json").read_text())
    (run / "split.json").write_text(json.dumps(split | {"source": {"spec": source, **recorded}}))


def test_metadata_is_what_the_hubs_library_reads(published: Publication) -> None:
    data = ModelCard.load(model_file(published)).data
    assert (data.license, data.library_name, data.pipeline_tag) == ("cc-by-4.0", "manga-gan-bench", "image-to-image")
    assert data.model_name == "pix2pix-small"
    results = json.loads((published.folder / "results/results.json").read_text())
    scores = next(row for row in results["rows"] if row["model"] == "pix2pix")["scores"]
    for found in data.eval_results:
        score = scores[found.metric_type]
        assert found.metric_value == pytest.approx(score["value"], rel=1e-9)
        assert found.metric_args["low_95"] == pytest.approx(score["low"], rel=1e-9)
        assert (found.task_type, found.dataset_type, found.dataset_split) == ("image-to-image", "synthetic", "test")
        assert found.dataset_args["recipe"] == "original"
    assert {found.metric_type for found in data.eval_results} >= {
        "ciede2000",
        "ssim",
        "psnr",
        "line_f1",
        "rfd",
        "rkid",
        "rlpips",
    }
    # As plain YAML: the specification's own keys and no others.
    (index,) = metadata_load(model_file(published))["model-index"]
    (result,) = index["results"]
    assert index.keys() == {"name", "results"}
    assert result.keys() == {"task", "dataset", "metrics"}
    assert all(metric.keys() == {"type", "value", "name", "args"} for metric in result["metrics"])


def test_uncalibrated_scores_never_carry_a_calibrated_name(published: Publication) -> None:
    data = ModelCard.load(model_file(published)).data
    for found in data.eval_results:
        assert found.metric_type not in ("fid", "kid", "lpips")
        assert not re.search(r"(?<!r)(FID|KID|LPIPS)", found.metric_name)
        assert ("random features" in found.metric_name) == (not found.metric_args["calibrated"])
    text = model_file(published).read_text().split("---\n", 2)[2]
    assert "| rFD ↓, uncalibrated |" in text
    bare = [line for line in text.splitlines() if re.search(r"(?<![r])\b(FID|LPIPS)\b", line)]
    assert all("not FID, KID or LPIPS" in line for line in bare)


def test_printed_scores_are_those_of_the_table(published: Publication) -> None:
    with (published.folder / "results/tables/main.csv").open(encoding="utf-8") as file:
        row = next(row for row in csv.DictReader(file) if row["model"] == "cyclegan")
    text = model_file(published, "cyclegan").read_text()
    printed = f"{float(row['ciede2000']):.2f} ± {float(row['ciede2000_half_width']):.2f}"
    assert f"| CIEDE2000 ↓ | {printed} |" in text


def test_card_says_how_to_use_it_what_it_holds_under_and_where_it_ends(published: Publication) -> None:
    text = model_file(published).read_text()
    assert "hf download me/manga-pix2pix --local-dir pix2pix" in text
    assert "bench colorize PAGES --from pix2pix/seed0 --out coloured" in text
    for words in (
        "2 seeds and 6 held-out pages", "Input recipe: original", "arxiv.org/abs/1611.07004", "Narrower or shallower",
        "Example CPU @ 2.10GHz", "experiment 0123456789ab", "gives this under `cc-by-4.0`", "drew these pages itself",
    ):  # fmt: skip
        assert words in text
    assert "a reference that is shown and never ranked" in model_file(published, "unet-l1").read_text()


def test_results_name_their_tables_and_models(published: Publication) -> None:
    card = DatasetCard.load(published.folder / "results/README.md")
    assert card.data.license == "cc-by-4.0"
    assert [config["config_name"] for config in card.data.configs] == ["main", "windows"]
    assert "`me/manga-pix2pixhd`" in card.text
    assert "Colouring of held-out manga pages" in card.text


@pytest.mark.parametrize("licence", ["Apache 2.0", "other", "", "x" * 99, "mit\nlanguage: en"])
def test_licence_is_an_identifier(trained_run: Path, tmp_path: Path, licence: str) -> None:
    with pytest.raises(RequestError, match="identifier of the Hub's list"):
        republished(trained_run, tmp_path / "out", licence)


def test_licence_of_the_projects_own_pages_is_known_and_of_others_is_not(own_trained_run: Path, tmp_path: Path) -> None:
    assert ModelCard.load(model_file(republished(own_trained_run, tmp_path / "drawn"))).data.license == "apache-2.0"
    set_source(own_trained_run, "pages")
    publication = republished(own_trained_run, tmp_path / "folder")
    assert ModelCard.load(model_file(publication)).data.license == "unknown"
    assert "--license names one" in publication.warnings[0]
    assert "No licence is stated" in model_file(publication).read_text()


def test_data_of_the_hub_is_linked_at_its_commit(own_trained_run: Path, tmp_path: Path) -> None:
    note = "licence of the dataset: cc-by-nc-4.0"
    set_source(own_trained_run, "hf:owner/pages", revision=COMMIT, licence_note=note, title="owner/pages")
    publication = republished(own_trained_run, tmp_path / "out", "cc-by-nc-4.0")
    data = ModelCard.load(model_file(publication)).data
    assert data.datasets == ["owner/pages"]
    assert {(found.dataset_type, found.dataset_revision) for found in data.eval_results} == {("owner/pages", COMMIT)}
    assert "Licence of the dataset: cc-by-nc-4.0." in model_file(publication).read_text()
    assert publication.warnings == ()


@pytest.mark.parametrize("place", ["/home/somebody/secret/one-page", "hf:/home/somebody/secret/one-page", "."])
def test_where_a_folder_lies_is_not_told_by_a_model(own_trained_run: Path, tmp_path: Path, place: str) -> None:
    set_source(own_trained_run, place, title="one-page")
    publication = republished(own_trained_run, tmp_path / "out", "mit")
    text = model_file(publication).read_text()
    assert "secret" not in text
    assert "Pairs from one-page;" in text
    assert {found.dataset_type for found in ModelCard.load(model_file(publication)).data.eval_results} == {"other"}
    assert "names the data as this run did" in publication.warnings[0]


HOSTILE = "<script>alert(1)</script>[a](javascript:x) ![b](http://x/y.png) | --- \x1b[31m\n---\nlicense: mit\n# {{7*7}}"


def test_text_of_a_stranger_stays_text(own_trained_run: Path, tmp_path: Path) -> None:
    plan = json.loads((own_trained_run / "plan.json").read_text())
    plan["models"]["pix2pix"] |= {"shown_name": HOSTILE, "remarks": [HOSTILE], "inference_mode": HOSTILE}
    (own_trained_run / "plan.json").write_text(json.dumps(plan | {"budget": HOSTILE, "experiment_digest": HOSTILE}))
    set_source(own_trained_run, HOSTILE, licence_note=HOSTILE, title=HOSTILE)
    publication = republished(own_trained_run, tmp_path / "out")
    for path in (model_file(publication), publication.folder / "results/README.md"):
        card = ModelCard.load(path)
        assert card.data.license == "unknown"
        page = MarkdownIt("commonmark", {"html": True}).enable("table").render(card.text)
        assert "<script" not in page
        assert "javascript:" not in re.sub(r">[^<]*<", "><", page)
        assert "<img" not in page
        assert "\x1b" not in path.read_text()
    assert ModelCard.load(model_file(publication)).data.model_name.startswith("<script>")
