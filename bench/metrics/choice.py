"""Which metrics a run can have: calibrated ones where the verified weights are there, named stand-ins where they are not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench.errors import RequestError
from bench.metrics.dinov2_file import Wish, find_dinov2, missing_for_dinov2
from bench.metrics.registry import METRICS
from bench.metrics.weights import WeightStore

PERCEPTUAL_FILES = ("alexnet", "lpips-alex-heads")
SET_FILES = ("inception",)

CALIBRATED_SETS = ("fid", "kid", "precision", "recall")
RANDOM_SETS = ("rfd", "rkid", "rprecision", "rrecall")
"""Their stand-ins on random networks."""
DINOV2_SETS = ("fd_dinov2", "kd_dinov2", "precision_dinov2", "recall_dinov2")
"""Further ones on a second extractor; they stand beside the others and never in their place."""


@dataclass(frozen=True)
class MetricChoice:
    """The perceptual and the set metrics of a run, one line for log and tables that says why, and where the weights are.

    `dinov2` is the file of the second extractor; None where it is not used.
    """

    perceptual: str
    sets: tuple[str, str, str, str]
    line: str
    store: WeightStore
    dinov2: Path | None = None

    @property
    def second_sets(self) -> tuple[str, ...]:
        """The set metrics of the second extractor; empty where it is not used."""
        return () if self.dinov2 is None else DINOV2_SETS

    @property
    def calibrated(self) -> bool:
        """Whether every score of the run stands on trained, verified weights."""
        return all(METRICS[name].calibrated for name in (self.perceptual, *self.sets))


def choose_metrics(
    *,
    require_calibrated: bool = False,
    dinov2: Wish = "off",
    store: WeightStore | None = None,
    otherwise: str = ", or give --allow-uncalibrated",
) -> MetricChoice:
    """Return the metrics that the weights at hand allow: LPIPS or rLPIPS; FID, KID, precision and recall, or rFD and so on.

    Every file that is there is verified now, before a long run, not after it. Raises RequestError where one is not the published
    file (that is never answered by a fallback), where `require_calibrated` is set and one is missing (`otherwise` says what the
    command offers in place of it), and where `dinov2` is "require" and its package or weights are missing.
    """
    store = store or WeightStore()
    files = (*PERCEPTUAL_FILES, *SET_FILES)
    missing = [name for name in files if store.find(name) is None]
    for name in files:
        if name not in missing:
            store.verified(name)
    wanted = ", ".join(f"{store.known[name].file_names[0]} ({store.known[name].published})" for name in missing)
    if missing and require_calibrated:
        raise RequestError(
            f"calibrated scores need {wanted} in {store.places[0]}; `bench data prepare --weights-only` fetches them{otherwise}"
        )
    perceptual = "rlpips" if set(missing) & set(PERCEPTUAL_FILES) else "lpips"
    sets = RANDOM_SETS if set(missing) & set(SET_FILES) else CALIBRATED_SETS
    line = _line(perceptual, sets, wanted, store)
    if dinov2 == "off":
        return MetricChoice(perceptual, sets, line, store)
    lacking = missing_for_dinov2(store.places)
    if lacking and dinov2 == "require":
        raise RequestError(f"metrics.dinov2 = require: {lacking}")
    if lacking:
        return MetricChoice(perceptual, sets, f"{line}; no scores on DINOv2: {lacking}", store)
    return MetricChoice(perceptual, sets, f"{line}; DINOv2 as a second extractor", store, find_dinov2(store.places))


def _line(perceptual: str, sets: tuple[str, ...], wanted: str, store: WeightStore) -> str:
    names = (perceptual, *sets)
    stand_ins = [METRICS[name].shown.split(" ")[0] for name in names if not METRICS[name].calibrated]
    if not stand_ins:
        return "calibrated metrics: the weights of AlexNet, LPIPS 0.1 and Inception were found and verified"
    return (
        f"uncalibrated metrics: {', '.join(stand_ins)} use fixed random networks and are valid only within this table; "
        f"missing in {store.places[0]}: {wanted}"
    )
