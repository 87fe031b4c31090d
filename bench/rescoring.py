"""`bench evaluate RUN`: the scores of a run computed again from its PNGs, without training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from bench.devices import use_exact_float32
from bench.errors import RequestError
from bench.evaluation import evaluate
from bench.experiment import Experiment
from bench.metrics.choice import DINOV2_SETS, MetricChoice, choose_metrics
from bench.metrics.dinov2_file import Wish
from bench.preset_files import read_toml
from bench.runfolder import RunFolder, open_run, read_json


def rescore(
    path: Path, require_calibrated: bool, dinov2: Wish | None, device: str, console: Console, safe_point: Callable[[], None],
) -> None:  # fmt: skip
    """Write images.parquet and sets.json of every cell of the run at `path` anew; its outputs are not touched.

    The metrics are those that the weights of this machine allow now; `dinov2` stands in place of what the run asked for. Raises
    RequestError where the folder is no finished run.
    """
    folder = open_run(path)
    if "kind" in read_toml(folder.experiment):
        raise RequestError(
            f"{path}: colourings of others; score them again with the same `bench evaluate --pred` command"
        )
    experiment = Experiment.load(folder.experiment)
    if not folder.test_windows.exists():
        raise RequestError(f"{path}: has no test pages yet; let `bench run` finish")
    choice = choose_metrics(
        require_calibrated=require_calibrated or experiment.require_calibrated,
        dinov2=dinov2 or experiment.metrics.dinov2,
    )
    _refuse_to_lose_calibration(folder, experiment, choice)
    use_exact_float32()
    with folder.locked():
        evaluate(folder, experiment, choice, console, safe_point, device, again=True)


def _refuse_to_lose_calibration(folder: RunFolder, experiment: Experiment, choice: MetricChoice) -> None:
    """Raise RequestError where FID or LPIPS are there and this machine could only put stand-ins in their place."""
    for cell in experiment.cells:
        path = folder.cell(cell.name).sets
        if not path.exists():
            continue
        stored = {score["metric"] for score in read_json(path)["scores"] if score.get("calibrated")}
        lost = sorted((stored & {"fid", "kid", *DINOV2_SETS[:2]}) - {*choice.sets, *choice.second_sets})
        if lost:
            raise RequestError(
                f"{folder.path}: has {', '.join(lost)}, which cannot be computed again here ({choice.line}); bring the weights"
            )
