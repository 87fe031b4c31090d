"""Citations in sentences: marks that plain texts drop and LaTeX turns into \\cite, and which works stand behind what a run used."""

from __future__ import annotations

import re

from bench.metrics.registry import METRICS
from bench.reporting.escaping import escape_latex

_BEGIN, _END = "\ue000", "\ue001"
"""Around the keys of a mark. Characters for private use: no text of a run holds any, since none of them can be printed."""

_MARK = re.compile(f"{_BEGIN}([^{_END}]*){_END}")

MODELS = {
    "pix2pix": ("isola2017image",),
    "pix2pixhd": ("wang2018high",),
    "pix2pixhd-local": ("wang2018high",),
    "pix2pixhd-regions": ("wang2018high",),
    "pix2pixhd-features": ("wang2018high",),
    "cyclegan": ("zhu2017unpaired",),
    "unet-l1": ("isola2017image",),
}
"""Works behind the models that are built in."""

_RANDOM = "naeem2020reliable"

METRIC_WORKS = {
    "ssim": ("wang2004image", "vanderwalt2014scikit"),
    "gmsd": ("xue2014gradient",),
    "ciede2000": ("sharma2005ciede2000", "vanderwalt2014scikit"),
    "ciede2000_median": ("sharma2005ciede2000", "vanderwalt2014scikit"),
    "edge_f1": ("canny1986computational", "perazzi2016benchmark"),
    "lpips": ("zhang2018unreasonable",),
    "rlpips": ("zhang2018unreasonable", "he2015delving"),
    "colourfulness_difference": ("hasler2003measuring",),
    "colourfulness": ("hasler2003measuring",),
    "fid": ("heusel2017gans", "szegedy2016rethinking", "obukhov2020high"),
    "kid": ("binkowski2018demystifying", "obukhov2020high"),
    "precision": ("kynkaanniemi2019improved",),
    "recall": ("kynkaanniemi2019improved",),
    "fd_dinov2": ("stein2023exposing", "heusel2017gans", "oquab2024dinov2"),
    "kd_dinov2": ("stein2023exposing", "binkowski2018demystifying"),
    "precision_dinov2": ("stein2023exposing", "kynkaanniemi2019improved"),
    "recall_dinov2": ("stein2023exposing", "kynkaanniemi2019improved"),
    "rfd": ("heusel2017gans", _RANDOM, "he2015delving"),
    "rkid": ("binkowski2018demystifying", _RANDOM, "he2015delving"),
    "rprecision": ("kynkaanniemi2019improved", _RANDOM, "he2015delving"),
    "rrecall": ("kynkaanniemi2019improved", _RANDOM, "he2015delving"),
}
"""Works that define a metric, or the code that computes it; those that are missing are plain formulas, or this project's own."""

RECIPES = {"lines": ("winnemoeller2012xdog",), "screentone": ("winnemoeller2012xdog",)}
"""Works behind the input recipes."""

SOFTWARE = {
    "torch": ("paszke2019pytorch",),
    "numpy": ("harris2020array",),
    "scipy": ("virtanen2020scipy",),
    "scikit-image": ("vanderwalt2014scikit",),
    "pandas": ("mckinney2010data",),
}
"""Works that the authors of a package ask to be cited."""

DEGREES_OF_FREEDOM = ("satterthwaite1946approximate",)
JACKKNIFE = ("busing1999delete",)
ADJUSTMENT = ("holm1979simple",)
IMPROVEMENT = ("agarwal2021deep",)


def cite(*keys: str) -> str:
    """Return a mark that cites `keys`, to stand behind a word; "" where there are none."""
    return f"{_BEGIN}{','.join(keys)}{_END}" if keys else ""


def metric_source(name: str) -> str:
    """Return where the definition of a metric comes from, with its citation."""
    return METRICS[name].source + cite(*METRIC_WORKS.get(name, ()))


def plain(text: str) -> str:
    """Return `text` without its marks."""
    return _MARK.sub("", text)


def cited_keys(text: str) -> list[str]:
    """Return the keys that `text` cites, each once, in the order of their first citation."""
    return list(dict.fromkeys(key for mark in _MARK.findall(text) for key in mark.split(",")))


def cited_latex(text: str) -> str:
    """Return `text` as LaTeX, everything else in it escaped, its marks as \\cite."""
    parts = _MARK.split(text)
    return "".join(rf"~\cite{{{part}}}" if place % 2 else _escaped(part) for place, part in enumerate(parts))


def _escaped(part: str) -> str:
    """Return a stretch between marks escaped; escaping drops spaces at its ends, which part words here."""
    before, after = " " * part.startswith(" "), " " * (part.endswith(" ") and bool(part.strip()))
    return f"{before}{escape_latex(part)}{after}"
