"""Every score the benchmark prints: its name, direction, unit, range and source. Imports neither torch nor the metrics.

LPIPS and rLPIPS, FID and rFD are different metrics and never share a column: the r-variants use random, uncalibrated networks
and are valid only for comparisons within one table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Direction = Literal["higher", "lower", "none"]


@dataclass(frozen=True)
class Metric:
    """One score: how it is named and printed, which way is better, and where its definition comes from.

    A printed number is `value * scale` with `decimals` digits after the point. `kind` is "image" for scores of one window and
    "set" for scores of a whole collection. `calibrated` is False where random weights stand in for trained ones.
    """

    name: str
    shown: str
    latex: str
    direction: Direction
    unit: str
    range: str
    source: str
    calibrated: bool
    kind: Literal["image", "set"]
    decimals: int
    scale: float = 1.0


_METRICS = (
    Metric(
        name="psnr",
        shown="PSNR",
        latex=r"PSNR",
        direction="higher",
        unit="dB",
        range="0 to 100 (capped at 100; identical images score 100)",
        source="10 log10(255^2 / MSE) over RGB, 8 bit",
        calibrated=True,
        kind="image",
        decimals=2,
    ),
    Metric(
        name="ssim",
        shown="SSIM",
        latex=r"SSIM",
        direction="higher",
        unit="",
        range="-1 to 1",
        source="Wang et al. 2004: 11x11 Gaussian of sigma 1.5, population covariance, mean over RGB (scikit-image)",
        calibrated=True,
        kind="image",
        decimals=4,
    ),
    Metric(
        name="gmsd",
        shown="GMSD",
        latex=r"GMSD",
        direction="lower",
        unit="",
        range="0 to about 0.35",
        source="Xue et al. 2014: deviation of gradient similarity, luma at half size, c = 170",
        calibrated=True,
        kind="image",
        decimals=4,
    ),
    Metric(
        name="ciede2000",
        shown="CIEDE2000",
        latex=r"$\overline{\Delta E_{00}}$",
        direction="lower",
        unit="ΔE00",
        range="0 to about 120",
        source="CIE 142-2001, Sharma, Wu and Dalal 2005: mean over pixels (scikit-image)",
        calibrated=True,
        kind="image",
        decimals=2,
    ),
    Metric(
        name="ciede2000_median",
        shown="CIEDE2000 median",
        latex=r"$\mathrm{med}\,\Delta E_{00}$",
        direction="lower",
        unit="ΔE00",
        range="0 to about 120",
        source="CIE 142-2001, Sharma, Wu and Dalal 2005: median over pixels (scikit-image)",
        calibrated=True,
        kind="image",
        decimals=2,
    ),
    Metric(
        name="line_f1",
        shown="LineF1",
        latex=r"LineF$_1$",
        direction="higher",
        unit="",
        range="0 to 1",
        source="defined by this project: dark lines of input and truth found again within 1.5 px at 256 px",
        calibrated=True,
        kind="image",
        decimals=3,
    ),
    Metric(
        name="line_precision",
        shown="Line precision",
        latex=r"Line $P$",
        direction="higher",
        unit="",
        range="0 to 1",
        source="defined by this project: share of the output's lines that input or truth has too",
        calibrated=True,
        kind="image",
        decimals=3,
    ),
    Metric(
        name="line_recall",
        shown="Line recall",
        latex=r"Line $R$",
        direction="higher",
        unit="",
        range="0 to 1",
        source="defined by this project: share of the lines common to input and truth that the output has too",
        calibrated=True,
        kind="image",
        decimals=3,
    ),
    Metric(
        name="edge_f1",
        shown="EdgeF1-Canny",
        latex=r"EdgeF$_1$",
        direction="higher",
        unit="",
        range="0 to 1",
        source="Canny edges of the input found again within 2 px at 256 px (DAVIS matching); answers to fills too",
        calibrated=True,
        kind="image",
        decimals=3,
    ),
    Metric(
        name="lpips",
        shown="LPIPS",
        latex=r"LPIPS",
        direction="lower",
        unit="",
        range="0 to about 1",
        source="Zhang et al. 2018: AlexNet, version 0.1, at the evaluation resolution",
        calibrated=True,
        kind="image",
        decimals=4,
    ),
    Metric(
        name="rlpips",
        shown="rLPIPS",
        latex=r"rLPIPS",
        direction="lower",
        unit="",
        range="0 and up",
        source="LPIPS form of Zhang et al. 2018 without learned weights: mean over 8 random He-initialised AlexNets",
        calibrated=False,
        kind="image",
        decimals=4,
    ),
    Metric(
        name="colourfulness_difference",
        shown="ΔCF",
        latex=r"$|\Delta\mathrm{CF}|$",
        direction="lower",
        unit="",
        range="0 and up",
        source="Hasler and Süsstrunk 2003 (original, signed opponents): absolute difference to the truth's colourfulness",
        calibrated=True,
        kind="image",
        decimals=2,
    ),
    Metric(
        name="chroma_error",
        shown="Chroma error",
        latex=r"$\overline{\Delta C_{ab}}$",
        direction="lower",
        unit="CIELAB",
        range="0 to about 260",
        source="mean over pixels of sqrt(Δa*^2 + Δb*^2), CIELAB D65",
        calibrated=True,
        kind="image",
        decimals=2,
    ),
    Metric(
        name="fid",
        shown="FID",
        latex=r"FID",
        direction="lower",
        unit="",
        range="0 and up",
        source="Heusel et al. 2017: Inception pool features, Fréchet distance; biased in n",
        calibrated=True,
        kind="set",
        decimals=2,
    ),
    Metric(
        name="kid",
        shown="KID x 10^3",
        latex=r"KID $\times 10^{3}$",
        direction="lower",
        unit="",
        range="about 0 and up (unbiased, so it may fall slightly below 0)",
        source="Bińkowski et al. 2018: Inception pool features, cubic kernel, full U-statistic",
        calibrated=True,
        kind="set",
        decimals=3,
        scale=1000.0,
    ),
    Metric(
        name="precision",
        shown="Precision",
        latex=r"Precision",
        direction="higher",
        unit="",
        range="0 to 1 (about 0.7 for two samples of one distribution)",
        source="precision of Kynkäänniemi et al. 2019: Inception pool features, k = 3",
        calibrated=True,
        kind="set",
        decimals=3,
    ),
    Metric(
        name="recall",
        shown="Recall",
        latex=r"Recall",
        direction="higher",
        unit="",
        range="0 to 1 (about 0.7 for two samples of one distribution)",
        source="recall of Kynkäänniemi et al. 2019: Inception pool features, k = 3",
        calibrated=True,
        kind="set",
        decimals=3,
    ),
    Metric(
        name="rfd",
        shown="rFD",
        latex=r"rFD",
        direction="lower",
        unit="",
        range="0 and up",
        source="Fréchet distance of Heusel et al. 2017 on 8 random He-initialised networks (Naeem et al. 2020), mean",
        calibrated=False,
        kind="set",
        decimals=3,
    ),
    Metric(
        name="rkid",
        shown="rKID x 10^3",
        latex=r"rKID $\times 10^{3}$",
        direction="lower",
        unit="",
        range="about 0 and up (unbiased, so it may fall slightly below 0)",
        source="kernel distance of Bińkowski et al. 2018 on 8 random He-initialised networks (Naeem et al. 2020), mean",
        calibrated=False,
        kind="set",
        decimals=2,
        scale=1000.0,
    ),
    Metric(
        name="rprecision",
        shown="rPrecision",
        latex=r"rPrecision",
        direction="higher",
        unit="",
        range="0 to 1 (about 0.7 for two samples of one distribution)",
        source="precision of Kynkäänniemi et al. 2019 on 8 random He-initialised networks (Naeem et al. 2020), mean",
        calibrated=False,
        kind="set",
        decimals=3,
    ),
    Metric(
        name="rrecall",
        shown="rRecall",
        latex=r"rRecall",
        direction="higher",
        unit="",
        range="0 to 1 (about 0.7 for two samples of one distribution)",
        source="recall of Kynkäänniemi et al. 2019 on 8 random He-initialised networks (Naeem et al. 2020), mean",
        calibrated=False,
        kind="set",
        decimals=3,
    ),
    Metric(
        name="colour_consistency",
        shown="Consistency",
        latex=r"Consistency",
        direction="higher",
        unit="",
        range="0 to 1",
        source="defined by this project: share of the variance of predicted chroma that true colours decide within a chapter",
        calibrated=True,
        kind="set",
        decimals=3,
    ),
)

METRICS: dict[str, Metric] = {metric.name: metric for metric in _METRICS}
"""Every metric by name, in the order in which tables print them."""
