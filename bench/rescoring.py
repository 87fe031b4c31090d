"""`bench evaluate RUN`: the scores of a run computed again from its PNGs, without training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from bench.beginning import keep_threads
from bench.devices import use_exact_float32
from bench.errors import RequestError
from bench.evaluation import calibrated_scores, evaluate
from bench.experiment import Experiment
from bench.metrics.choice import DINOV2_SETS, MetricChoice, choose_metrics
from bench.metrics.dinov2_file import Wish
from bench.preset_files import read_toml
from bench.runfolder import RunFolder, open_run


def rescore(
    path: Path, require_calibrated: bool, dinov2: Wish | None, device: str, console: Console, safe_point: Callable[[], None],
) -> None:  # fmt: skip
    """Write images.parquet and sets.json of every cell of the run at `path` anew; its outputs are not touched.

    The metrics are those that the weights of this machine allow now; `dinov2` stands in place of what the run asked for. Raises
    RequestError where the folder is no finished run, or has scores that this machine cannot compute again.
    """
    folder = open_run(path)
    if "kind" in read_toml(folder.experiment):
        raise RequestError(
            f"{path}: colourings of others; score them again with the same `bench evaluate --pred` command"
        )
    experiment = Experiment.load(folder.experiment)
    if not folder.test_windows.exists():
        raise RequestError(f"{path}: has no test pages yet; let `bench run` finish")
    stored = _calibrated_scores(folder, experiment)
    # A run may have got its scores on DINOv2 from this command, without having asked for them itself.
    own = "auto" if stored & set(DINOV2_SETS) and experiment.metrics.dinov2 == "off" else experiment.metrics.dinov2
    choice = choose_metrics(
        require_calibrated=require_calibrated or experiment.require_calibrated, dinov2=dinov2 or own, otherwise=""
    )
    if dinov2 != "off":
        _refuse_to_lose(stored & set(DINOV2_SETS[:2]), folder, choice)
    use_exact_float32()
    keep_threads(folder)
    with folder.locked():
        evaluate(folder, experiment, choice, console, safe_point, device, again=True)


def _calibrated_scores(folder: RunFolder, experiment: Experiment) -> set[str]:
    """Return the scores that any cell of the run has and that stand on trained weights."""
    return set[str]().union(*(calibrated_scores(folder.cell(cell.name)) for cell in experiment.cells))


def _refuse_to_lose(scores: set[str], folder: RunFolder, choice: MetricChoice) -> None:
    """Raise RequestError where scores on DINOv2 are there that this machine cannot compute again."""
    lost = sorted(scores - {*choice.second_sets})
    if lost:
        raise RequestError(
            f"{folder.path}: has {', '.join(lost)}, which cannot be computed again here ({choice.line}); bring the weights"
        )
