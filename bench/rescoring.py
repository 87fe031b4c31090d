"""`bench evaluate RUN`: the scores of a run computed again from its PNGs, without training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from bench.devices import use_exact_float32
from bench.errors import RequestError
from bench.evaluation import evaluate
from bench.experiment import Experiment
from bench.metrics.choice import choose_metrics
from bench.runfolder import open_run


def rescore(
    path: Path, require_calibrated: bool, device: str, console: Console, safe_point: Callable[[], None]
) -> None:
    """Write images.parquet and sets.json of every cell of the run at `path` anew; its outputs are not touched.

    The metrics are those that the weights of this machine allow now. Raises RequestError where the folder is no finished run.
    """
    folder = open_run(path)
    if "kind" in folder.experiment.read_text(encoding="utf-8").partition("=")[0]:
        raise RequestError(
            f"{path}: colourings of others; score them again with the same `bench evaluate --pred` command"
        )
    experiment = Experiment.load(folder.experiment)
    if not folder.test_windows.exists():
        raise RequestError(f"{path}: has no test pages yet; let `bench run` finish")
    choice = choose_metrics(require_calibrated=require_calibrated or experiment.require_calibrated)
    use_exact_float32()
    with folder.locked():
        evaluate(folder, experiment, choice, console, safe_point, device, again=True)
