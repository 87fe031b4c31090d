"""EdgeF1-Canny: the edge score that reviewers know, beside LineF1. It answers to the borders of fills as much as to lines.

Canny edges of lightness, matched by distance as in DAVIS (Perazzi et al. 2016, boundary F); the reference is the input page, so
that no truth is needed. A picture with all ink removed and its fills kept still scores about 0.5.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from skimage.feature import canny

from bench.metrics.lineart import Lightness, Mask, near


@dataclass(frozen=True, slots=True)
class EdgeSettings:
    """Canny's Gaussian (px at a short side of 256) and thresholds (shares of the lightness range), and how far edges may move."""

    sigma: float = 1.0
    low: float = 0.05
    high: float = 0.15
    tolerance: float = 2.0


DEFAULT = EdgeSettings()


@dataclass(frozen=True, slots=True)
class EdgeReference:
    """The edges of the input page, bool [H, W], and what lies near them."""

    edges: Mask
    allowed: Mask
    settings: EdgeSettings

    @classmethod
    def of(cls, source: Lightness, settings: EdgeSettings = DEFAULT) -> EdgeReference:
        """Return the reference of an input page, given as L* (0 to 100), float64 [H, W]."""
        edges = edge_map(source, settings)
        return cls(edges, near(edges, _scaled(settings.tolerance, source)), settings)

    def f1(self, output: Lightness) -> float:
        """Return the F1 of an output's edges against the input's, 0 to 1: 1 where neither has any, 0 where one alone has none."""
        edges = edge_map(output, self.settings)
        found, wanted = int(edges.sum()), int(self.edges.sum())
        if not found or not wanted:
            return float(found == wanted)
        precision = int((edges & self.allowed).sum()) / found
        recall = int((self.edges & near(edges, _scaled(self.settings.tolerance, output))).sum()) / wanted
        return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def edge_map(lightness: Lightness, settings: EdgeSettings = DEFAULT) -> Mask:
    """Return the Canny edges, bool [H, W], of an image of L* (0 to 100), float64 [H, W]."""
    edges = canny(  # type: ignore[no-untyped-call]
        lightness / 100,
        sigma=_scaled(settings.sigma, lightness),
        low_threshold=settings.low,
        high_threshold=settings.high,
    )
    return np.asarray(edges, dtype=np.bool_)


def _scaled(length: float, lightness: Lightness) -> float:
    return length * float(min(lightness.shape)) / 256
