"""Full-width networks from a parquet dataset to the report: minutes, so run by `nox -s endurance` alone."""

from __future__ import annotations

import io
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from data.synthetic import SyntheticSource

PAGES, SIZE = 40, 256
GENERATORS = {"pix2pix": 54_413_955, "pix2pixhd": 182_443_267, "cyclegan": 11_378_179}
"""Parameters of the originals' generators at their default widths."""


def write_dataset(folder: Path) -> Path:
    """Square pages in the schema of the Hub dataset: columns bw_image and color_image with encoded bytes."""
    source = SyntheticSource(PAGES, SIZE)
    columns: dict[str, list[dict[str, bytes]]] = {"bw_image": [], "color_image": []}
    for key in source.keys():  # noqa: SIM118 -- not a dictionary
        pair = source.read(key)
        for name, pixels in (("bw_image", pair.bw), ("color_image", pair.color)):
            buffer = io.BytesIO()
            Image.fromarray(pixels[:SIZE, :SIZE]).save(buffer, format="PNG")
            columns[name].append({"bytes": buffer.getvalue(), "path": f"{key.id}.png"})
    folder.mkdir()
    pq.write_table(pa.table(columns), folder / "train-00000-of-00001.parquet")
    return folder


@pytest.mark.endurance
def test_paper_preset_runs_at_full_width_from_parquet_to_report(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path / "dataset")
    command = [
        sys.executable, "-c", "from bench.cli import main; main()", "run", "--preset", "paper", "--data", f"hf:{dataset}",
        "--budget", "48-steps", "--seeds", "1", "--allow-uncalibrated", "--out", "run", "--cache", "cache",
    ]  # fmt: skip
    environment = os.environ | {"HF_HOME": str(tmp_path / "hub")}
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    plan = json.loads((tmp_path / "run/plan.json").read_text())
    for name, count in GENERATORS.items():
        assert plan["models"][name]["parameters"]["generator"] == count
        assert plan["models"][name]["shown_name"] == name
        assert plan["models"][name]["steps"] == 12
    assert len(list((tmp_path / "run/test/truth").glob("*.png"))) >= 8
    assert (tmp_path / "run/report/tables/main.tex").is_file()
    print(f"peak memory {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20:.1f} GiB")
    print((tmp_path / "run/report/tables/cost.md").read_text())


FORWARD = """
import resource, time, torch, models
settings = models.parse_settings("pix2pixhd", {"netG": "local", "ngf": 32, "num_D": 3, "vgg_loss": "off"})
translator = models.build("pix2pixhd", settings, 1024, seed=0)
assert sum(p.numel() for p in translator.generator.parameters()) == 182_701_827
started = time.perf_counter()
colour = translator.colorize(torch.rand(1, 3, 1024, 2048) * 2 - 1)
seconds = time.perf_counter() - started
assert colour.shape == (1, 3, 1024, 2048) and colour.isfinite().all()
print(f"2048x1024 forward of the local enhancer: {seconds:.0f} s,", end=" ")
print(f"peak memory of the process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GiB")
"""


@pytest.mark.endurance
def test_full_width_local_enhancer_colours_2048_by_1024_on_the_cpu() -> None:
    result = subprocess.run([sys.executable, "-c", FORWARD], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    print(result.stdout)
