"""Scores of windows in one pass: what depends on input and truth alone is computed once and shared by all cells."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from bench.metrics import colour, structural
from bench.metrics.choice import MetricChoice
from bench.metrics.edges import EdgeReference
from bench.metrics.gradients import Gradients, gmsd_of_gradients, gradient_magnitude
from bench.metrics.identity import PAIRING, metric_id
from bench.metrics.inference import available_cores, exact_workers
from bench.metrics.lineart import DEFAULT, LOOSE, STRICT, LineReference, line_response
from bench.metrics.perceptual import Features, open_perceptual
from bench.metrics.registry import METRICS
from bench.metrics.windows import Windows, as_tensor, batches, check_windows

BATCH_SIZE = 4
"""Windows per batch, the work of one thread: few, so that activations stay in a core's cache. Another size moves a float32
network's scores by about 1e-6 of themselves; the number of workers moves nothing."""

REFERENCE_BYTES = 2**30
"""How much memory may hold what was computed of the truth; batches beyond it are computed anew for each call."""


@dataclass(frozen=True, slots=True)
class _Reference:
    """What the scores of one window need of input and truth."""

    truth: Windows
    lab: NDArray[np.float64]
    colourfulness: float
    gradients: Gradients
    lines: tuple[LineReference, LineReference, LineReference]
    """At the metric's thresholds, at looser and at stricter ones."""
    edges: EdgeReference

    @classmethod
    def of(cls, source: Windows, truth: Windows) -> _Reference:
        lab, source_lightness = colour.lab(truth), colour.lab(source)[..., 0]
        responses = line_response(source_lightness), line_response(lab[..., 0])
        lines = [LineReference.of_responses(*responses, settings) for settings in (DEFAULT, LOOSE, STRICT)]
        return cls(
            truth,
            lab,
            colour.colourfulness(truth),
            gradient_magnitude(truth),
            (lines[0], lines[1], lines[2]),
            EdgeReference.of(source_lightness),
        )

    def scores(self, output: Windows) -> dict[str, float]:
        lab, colourfulness = colour.lab(output), colour.colourfulness(output)
        mean, median = colour.ciede2000_of_lab(lab, self.lab)
        response = line_response(lab[..., 0])
        lines, loose, strict = (reference.score_response(response) for reference in self.lines)
        return {
            "psnr": structural.psnr(output, self.truth),
            "ssim": structural.ssim(output, self.truth),
            "gmsd": gmsd_of_gradients(gradient_magnitude(output), self.gradients),
            "ciede2000": mean,
            "ciede2000_median": median,
            "line_f1": lines.f1,
            "line_precision": lines.precision,
            "line_recall": lines.recall,
            "line_f1_loose": loose.f1,
            "line_f1_strict": strict.f1,
            "edge_f1": self.edges.f1(lab[..., 0]),
            "colourfulness_difference": abs(colourfulness - self.colourfulness),
            "colourfulness": colourfulness,
            "chroma_error": colour.chroma_error(lab, self.lab),
        }

    @property
    def nbytes(self) -> int:
        lines = sum(each.to_keep.nbytes + each.allowed.nbytes for each in self.lines)
        edges = self.edges.edges.nbytes + self.edges.allowed.nbytes
        return self.truth.nbytes + self.lab.nbytes + self.gradients.nbytes + lines + edges


@dataclass(frozen=True, slots=True)
class _ReferenceBatch:
    windows: list[_Reference]
    perceptual: Features

    @property
    def nbytes(self) -> int:
        layers = (layer for trunk in self.perceptual for layer in trunk)
        return sum(window.nbytes for window in self.windows) + sum(layer.nbytes for layer in layers)


class ImageScorer:
    """Scores windows against their true colouring, with every image metric of the registry that `choice` allows.

    `inputs` and `truths` are uint8 RGB [N, H, W, 3] of equal shape, sides of at least 64 px. Scores do not depend on the number
    of `workers` (threads; default: every core this process may use) nor on the order of the windows. Raises RequestError for
    other shapes, or where chosen weights are wrong.
    """

    def __init__(
        self,
        inputs: Windows,
        truths: Windows,
        choice: MetricChoice,
        *,
        device: str | torch.device = "cpu",
        workers: int | None = None,
        batch_size: int = BATCH_SIZE,
        reference_bytes: int = REFERENCE_BYTES,
    ) -> None:
        check_windows(truths, "truth")
        check_windows(inputs, "input", truths.shape)
        self._inputs, self._truths = inputs, truths
        self._perceptual = open_perceptual(choice, device)
        self._workers = workers or available_cores()
        self._batches = list(batches(len(truths), batch_size))
        self._kept: dict[int, _ReferenceBatch] = {}
        self._free_bytes = reference_bytes
        self._lock = Lock()

    @property
    def columns(self) -> list[str]:
        """The metrics that are scored, in the registry's order."""
        absent = {"lpips", "rlpips"} - {self._perceptual.name}
        return [name for name, metric in METRICS.items() if metric.kind == "image" and name not in absent]

    def metric_ids(self) -> dict[str, str]:
        """Return the ids of the feature metrics among the columns: scores with different ids must not be compared."""
        count, name = len(self._truths), self._perceptual.name
        return {name: metric_id(name, self._perceptual.identity, n_generated=count, n_reference=count, pairing=PAIRING)}

    def score(self, outputs: Windows) -> pd.DataFrame:
        """Return one row a window, in the windows' order, and one float64 column a metric.

        The line scores are NaN where input and truth share no line. Raises RequestError where the outputs do not fit.
        """
        return self.score_cells({"output": outputs})["output"]

    def score_cells(
        self, cells: Mapping[str, Windows], progress: Callable[[int, int], None] | None = None
    ) -> dict[str, pd.DataFrame]:
        """Return `score` of several cells at once; what depends on the truth is computed once for all of them at any size.

        `progress(done, total)` is called after each batch with the number of windows scored so far over all cells.
        """
        for name, outputs in cells.items():
            check_windows(outputs, name, self._truths.shape)
        rows: dict[str, list[dict[str, float]]] = {name: [] for name in cells}
        total = len(self._truths) * len(cells)
        with exact_workers(self._perceptual.device, self._workers) as pool:
            for batch, scored in zip(
                self._batches, pool.map(lambda b: self._score_batch(b, cells), self._batches), strict=True
            ):
                for name, few in scored.items():
                    rows[name].extend(few)
                if progress:
                    progress(batch.stop * len(cells), total)
        return {name: pd.DataFrame(scored, columns=self.columns, dtype=np.float64) for name, scored in rows.items()}

    def _score_batch(self, batch: slice, cells: Mapping[str, Windows]) -> dict[str, list[dict[str, float]]]:
        reference = self._reference(batch)
        return {name: self._score_cell(np.asarray(outputs[batch]), reference) for name, outputs in cells.items()}

    def _score_cell(self, outputs: Windows, reference: _ReferenceBatch) -> list[dict[str, float]]:
        scores = [window.scores(output) for window, output in zip(reference.windows, outputs, strict=True)]
        distances = self._perceptual.distance(self._perceptual.features(as_tensor(outputs)), reference.perceptual)
        for row, distance in zip(scores, distances, strict=True):
            row[self._perceptual.name] = float(distance)
        return scores

    def _reference(self, batch: slice) -> _ReferenceBatch:
        kept = self._kept.get(batch.start)
        if kept is not None:
            return kept
        sources, truths = np.asarray(self._inputs[batch]), np.asarray(self._truths[batch])
        windows = [_Reference.of(source, truth) for source, truth in zip(sources, truths, strict=True)]
        reference = _ReferenceBatch(windows, self._perceptual.features(as_tensor(truths)))
        with self._lock:
            if reference.nbytes <= self._free_bytes:
                self._free_bytes -= reference.nbytes
                self._kept[batch.start] = reference
        return reference
