"""The cards: metadata that the Hub's own library reads, the table's own numbers, no uncalibrated score under a calibrated name."""

from __future__ import annotations

import csv
import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import DatasetCard, ModelCard, metadata_load
from markdown_it import MarkdownIt

from bench.errors import RequestError
from bench.published_cards import PublishedSeed, model_card
from bench.published_metadata import Names, weights_licence
from bench.publishing import Publication, publish
from bench.reporting.reading import Run, read_run
from bench.reporting.scores import Scores, score_run

COMMIT = "5503434ddd753f426f4b38109466949a1217c2bb"


@pytest.fixture(scope="module")
def run(trained_run: Path) -> Run:
    return read_run(trained_run)


@pytest.fixture(scope="module")
def scores(run: Run) -> Scores:
    return score_run(run)


def from_source(run: Run, spec: str, **recorded: str) -> Run:
    """The run, had its pages come from elsewhere."""
    experiment = run.experiment | {"data": {"source": spec, "group_by": "chapter"}}
    return dataclasses.replace(run, experiment=experiment, split=run.split | {"source": {"spec": spec, **recorded}})


def card_of(run: Run, scores: Scores, model: str = "pix2pix", licence: str | None = None) -> ModelCard:
    seeds = [PublishedSeed(cell, {"sha256": "0" * 64}) for cell in run.cells_of(model)]
    return ModelCard(model_card(run, scores, model, seeds, Names(), weights_licence(licence, run)))


def model_file(publication: Publication, model: str = "pix2pix") -> Path:
    return publication.folder / "models" / model / "README.md"


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
    assert all(re.search(r"not (FID or KID|FID, KID or LPIPS|LPIPS)\b", line) for line in bare)


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
def test_licence_is_an_identifier(run: Run, licence: str) -> None:
    with pytest.raises(RequestError, match="identifier of the Hub's list"):
        weights_licence(licence, run)


def test_licence_of_the_projects_own_pages_is_known_and_of_others_is_not(run: Run, scores: Scores) -> None:
    assert card_of(run, scores).data.license == "apache-2.0"
    card = card_of(from_source(run, "pages"), scores)
    assert card.data.license == "unknown"
    assert "No licence is stated" in card.text


def test_data_of_the_hub_is_linked_at_its_commit(run: Run, scores: Scores) -> None:
    note = "licence of the dataset: cc-by-nc-4.0"
    pages = from_source(run, "hf:owner/pages", revision=COMMIT, licence_note=note, title="owner/pages")
    card = card_of(pages, scores, licence="cc-by-nc-4.0")
    assert card.data.datasets == ["owner/pages"]
    assert {(found.dataset_type, found.dataset_revision) for found in card.data.eval_results} == {
        ("owner/pages", COMMIT)
    }
    assert "Licence of the dataset: cc-by-nc-4.0." in card.text


@pytest.mark.parametrize("place", ["/home/somebody/secret/one-page", "hf:/home/somebody/secret/one-page", "."])
def test_where_a_folder_lies_is_not_told(run: Run, scores: Scores, place: str) -> None:
    card = card_of(from_source(run, place, title="one-page"), scores)
    assert "secret" not in str(card)
    assert "Pairs from one-page;" in card.text
    assert {found.dataset_type for found in card.data.eval_results} == {"other"}


def test_calibrated_scores_keep_theirs(run: Run, scores: Scores) -> None:
    """Scores under the names of FID and LPIPS, had the weights been there."""
    names = {"rfd": "fid", "rkid": "kid", "rlpips": "lpips"}
    intervals = {
        (model, names.get(name, name)): dataclasses.replace(score, metric=names.get(name, name))
        for (model, name), score in scores.intervals.items()
    }
    card = card_of(run, dataclasses.replace(scores, intervals=intervals))
    assert [found.metric_type for found in card.data.eval_results][:3] == ["fid", "kid", "lpips"]
    assert all(found.metric_args["calibrated"] for found in card.data.eval_results)
    assert "uncalibrated" not in card.text


def test_a_model_that_learned_nothing_says_so(run: Run, scores: Scores) -> None:
    assert "no better than the input" not in card_of(run, scores, "cyclegan").text
    floor = scores.intervals["copy", "ciede2000"]
    worse = {("cyclegan", "ciede2000"): dataclasses.replace(floor, model="cyclegan", value=floor.value + 1)}
    card = card_of(run, dataclasses.replace(scores, intervals={**scores.intervals, **worse}), "cyclegan")
    assert "In CIEDE2000 no better than the input passed through." in card.text


HOSTILE = "<script>alert(1)</script>[a](javascript:x) ![b](http://x/y.png) | --- \x1b[31m\n---\nlicense: mit\n# {{7*7}}"


def hostile(run: Path) -> None:
    def change(name: str, **values: Any) -> None:
        (run / name).write_text(json.dumps(json.loads((run / name).read_text()) | values))

    plan = json.loads((run / "plan.json").read_text())
    plan["models"]["pix2pix"] |= {"shown_name": HOSTILE, "remarks": [HOSTILE], "inference_mode": HOSTILE}
    change("plan.json", models=plan["models"], budget=HOSTILE, experiment_digest=HOSTILE)
    change("split.json", source={"spec": HOSTILE, "licence_note": HOSTILE, "title": HOSTILE}, group_by=HOSTILE)
    experiment = run / "experiment.toml"
    experiment.write_text(experiment.read_text().replace('"synthetic"', json.dumps(HOSTILE)), encoding="utf-8")


def test_text_of_a_stranger_stays_text(own_trained_run: Path, tmp_path: Path) -> None:
    hostile(own_trained_run)
    publication = publish(own_trained_run, tmp_path / "out", Names(), None)
    for path in (model_file(publication), publication.folder / "results/README.md"):
        card = ModelCard.load(path)
        assert card.data.license == "unknown"
        page = MarkdownIt("commonmark", {"html": True}).enable("table").render(card.text)
        assert "<script" not in page
        assert "<img" not in page
        assert not re.search(r'href="(?!https://arxiv)', page)
        assert "\x1b" not in path.read_text()
    assert ModelCard.load(model_file(publication)).data.model_name.startswith("<script>")
    assert "--license names one" in publication.warnings[0]
    assert "names the data as this run did" in publication.warnings[1]
