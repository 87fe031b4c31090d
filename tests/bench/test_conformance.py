"""`bench models conform`: the numbers of the original implementations pass, and anything else does not."""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

from bench.conformance import check_file, conform, deviation
from bench.errors import RequestError

REFERENCE = Path(__file__).parent.parent / "reference"
FILES = [REFERENCE / "pix2pix_cyclegan.json", REFERENCE / "pix2pixhd.json"]


@pytest.fixture(scope="module")
def cases() -> dict[str, Any]:
    return {name: case for file in FILES for name, case in json.loads(file.read_text()).items()}


def written(folder: Path, **changed: Any) -> Path:
    path = folder / "cases.json"
    path.write_text(json.dumps(changed))
    return path


def failures(path: Path) -> dict[str, str]:
    return {check.quantity: check.problem for check in check_file(path) if not check.passed}


def test_every_number_of_the_originals_passes(capsys: pytest.CaptureFixture[str]) -> None:
    assert conform(FILES, Console(width=120))
    said = capsys.readouterr().out
    assert "110 passed, 0 failed" in said
    for quantity in ("encoder_output", "edge_map", "local_default_ngf32", "step 3 G_GAN_Feat", "step 3 idt_B"):
        assert quantity in said


def change_l1(case: dict[str, Any]) -> None:
    case["losses_by_step"][2]["G_L1"] *= 1 + 2e-9


def change_sample(case: dict[str, Any]) -> None:
    case["generator_output"]["samples"][4] = 0.25


def change_edges(case: dict[str, Any]) -> None:
    case["edge_map"]["mean"] = 0.2


@pytest.mark.parametrize(
    ("name", "change", "quantity"),
    [
        ("pix2pix", change_l1, "step 3 G_L1"),
        ("pix2pixhd_local", change_sample, "generator_output"),
        ("cyclegan", lambda case: case.update(lambda_B=9.0), "step 1 cycle_B"),
        ("pix2pixhd_global", lambda case: case.update(num_D=3), "discriminator keys and shapes"),
        ("pix2pixhd_instance_features", change_edges, "edge_map"),
    ],
)
def test_a_changed_number_fails(cases: dict[str, Any], tmp_path: Path, name: str, change: Any, quantity: str) -> None:
    case = copy.deepcopy(cases[name])
    change(case)
    assert quantity in failures(written(tmp_path, **{name: case}))


def test_a_wrong_parameter_count_fails(tmp_path: Path) -> None:
    path = written(tmp_path, parameter_counts_default={"unet_256": 54_413_956, "transformer": 1})
    assert failures(path) == {
        "unet_256": "54,413,955 parameters, not 54,413,956",
        "transformer": "no such network here",
    }


def test_a_missing_loss_fails(cases: dict[str, Any], tmp_path: Path) -> None:
    case = copy.deepcopy(cases["pix2pixhd_global"])
    case["losses_by_step"][0]["G_VGG"] = 1.0
    assert failures(written(tmp_path, hd=case)) == {"step 1 G_VGG": "not computed here"}


def test_a_quantity_that_is_not_computed_here_fails(cases: dict[str, Any], tmp_path: Path) -> None:
    case = cases["pix2pix"] | {"generator_output_eval_mode": {"shape": [1]}}
    assert failures(written(tmp_path, pix2pix=case)) == {"generator_output_eval_mode": "not computed here"}


@pytest.mark.parametrize("change", [{"size": 62}, {"size": 0}, {"generator_keys": ["model.1.weight"]}])
def test_a_case_that_cannot_run_is_a_wrong_request(
    cases: dict[str, Any], tmp_path: Path, change: dict[str, Any]
) -> None:
    path = written(tmp_path, local=cases["pix2pixhd_local"] | change)
    with pytest.raises(RequestError, match="case 'local'"):
        list(check_file(path))


def test_not_a_number_fails() -> None:
    probe = {"shape": [2], "mean": 0.0, "abs_mean": 1.0, "std": 1.0, "samples": [0.0] * 17}
    assert math.isnan(deviation(torch.tensor([math.nan, 0.0]), probe))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[]", "an object of cases"),
        ("{", "not a conformance file"),
        ("{}", "holds no case"),
        ('{"pix2pix": {"generator": "unet_256"}}', "not of the format"),
        ('{"pix2pix": {"generator": "vit"}}', "generator 'vit' is unknown"),
    ],
)
def test_a_file_of_another_format_is_a_wrong_request(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "cases.json"
    path.write_text(content)
    with pytest.raises(RequestError, match=said):
        conform([path], Console())
