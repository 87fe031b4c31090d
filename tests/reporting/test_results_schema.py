"""results.json: reports of every kind fit the published schema, and the schema is that of the code."""

import json
from pathlib import Path

import pytest

from bench.reporting.reading import read_run
from bench.reporting.results import results_text
from bench.reporting.results_schema import json_schema
from bench.reporting.scores import score_run

jsonschema = pytest.importorskip("jsonschema")

PUBLISHED = Path(__file__).parents[2] / "docs" / "results.schema.json"


@pytest.fixture(scope="module")
def validator():
    schema = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def shape(schema):
    """What a schema allows, object by object, whatever words another version of pydantic puts beside it."""
    return {
        name: (set(part["properties"]), set(part["required"]), part["additionalProperties"])
        for name, part in schema["$defs"].items()
    }


def test_the_published_schema_is_that_of_the_code():
    """Written by `python -m bench.reporting.results_schema > docs/results.schema.json`."""
    published = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    assert shape(published) == shape(json.loads(json.dumps(json_schema())))
    assert published["$id"] == json_schema()["$id"]


def test_a_report_fits(written, validator):
    validator.validate(json.loads((written / "results.json").read_text(encoding="utf-8")))


def test_a_joined_report_fits(joined_results, validator):
    validator.validate(joined_results)
    assert joined_results["kind"] == "joined report"


@pytest.fixture(scope="module")
def joined_results(finished_run, tmp_path_factory):
    """results.json of two runs side by side."""
    import shutil

    from bench.reporting.joined.across import score_joined
    from bench.reporting.joined.reading import read_joined
    from bench.reporting.joined.results import joined_results_text

    other = shutil.copytree(finished_run, tmp_path_factory.mktemp("other") / "other")
    toml = other / "experiment.toml"
    toml.write_text(toml.read_text().replace('recipe = "original"', 'recipe = "lines"'))
    joined = read_joined([finished_run, other])
    return json.loads(joined_results_text(joined, score_joined(joined)))


def test_a_report_with_holes_and_one_seed_fits(own_run, change_json, validator):
    change_json(own_run / "cells" / "cyclegan-seed0" / "status.json", state="failed", reason="out of memory")
    toml = own_run / "experiment.toml"
    toml.write_text(toml.read_text().replace("seeds = [0, 1]", "seeds = [0]"))
    for folder in own_run.glob("cells/*-seed1"):
        folder.rename(own_run / folder.name)
    run = read_run(own_run)
    value = json.loads(results_text(run, score_run(run)))
    validator.validate(value)
    assert [cell["hole"] for row in value["rows"] for cell in row["cells"] if cell["hole"]] == ["failed: out of memory"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda value: value.pop("seeds"),
        lambda value: value.update(kind="poster"),
        lambda value: value.update(more=1),
        lambda value: value["rows"][0]["scores"]["ssim"].update(value="high"),
        lambda value: value["metrics"]["ssim"].update(direction="sideways"),
        lambda value: value["differences"][0].pop("p_holm"),
    ],
)
def test_what_is_no_report_does_not_fit(written, validator, spoil):
    value = json.loads((written / "results.json").read_text(encoding="utf-8"))
    spoil(value)
    assert not validator.is_valid(value)
