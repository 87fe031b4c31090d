"""A small plausible run folder, as the harness leaves one: three models and unet-l1 with two seeds, three untrained rows."""

import json
import os
import shutil
import subprocess
import time
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageDraw

from bench.reporting.reading import read_run
from bench.reporting.scores import score_run

SIZE = 64
PAGES = tuple(f"moon-garden_ch{chapter}_p{page}" for chapter in (1, 2) for page in (1, 2, 3))
WINDOWS = tuple(f"{page}-{end}" for page in PAGES for end in (0, 1))
SEEDS = (0, 1)
QUALITY = {
    "pix2pix": 0.60,
    "pix2pixhd": 0.90,
    "cyclegan": 0.35,
    "unet-l1": 0.62,
    "copy": 0.0,
    "mean-chroma": 0.12,
    "oracle": 1.0,
}
TRAINED = ("pix2pix", "pix2pixhd", "cyclegan", "unet-l1")
SHOWN = {
    "pix2pix": "pix2pix-small",
    "pix2pixhd": "pix2pixhd-small",
    "cyclegan": "cyclegan-small",
    "unet-l1": "unet-l1-small",
}
FLOPS = {"pix2pix": 2.4e9, "pix2pixhd": 1.9e10, "cyclegan": 5.2e10, "unet-l1": 1.1e9}
STEPS = {"pix2pix": 4200, "pix2pixhd": 1500, "cyclegan": 610, "unet-l1": 7600}


def draw_page(rng):
    """A face with hair before a hill and a sun, in flat colours, and its ink on white."""
    colour, ink = Image.new("RGB", (SIZE, SIZE)), Image.new("RGB", (SIZE, SIZE), "white")
    paint, pen = ImageDraw.Draw(colour), ImageDraw.Draw(ink)
    sky, hill, skin, hair, cloth, sun = (tuple(int(v) for v in rng.integers(*limits, 3)) for limits in
        ((140, 250), (60, 160), (200, 250), (20, 190), (40, 230), (200, 256)))  # fmt: skip
    paint.rectangle((0, 0, SIZE, SIZE), fill=sky)
    x, y = (int(v) for v in rng.integers(22, 42, 2))
    shapes = [
        ("ellipse", (46 - x // 3, 4, 58 - x // 3, 16), sun),
        ("polygon", [(0, 64), (0, 44), (18, 36), (40, 46), (64, 38), (64, 64)], hill),
        ("polygon", [(x - 16, 64), (x - 9, y + 12), (x + 9, y + 12), (x + 16, 64)], cloth),
        ("ellipse", (x - 13, y - 17, x + 13, y + 12), hair),
        ("ellipse", (x - 9, y - 10, x + 9, y + 13), skin),
    ]
    for kind, place, fill in shapes:
        getattr(paint, kind)(place, fill=fill, outline=(20, 20, 30))
        getattr(pen, kind)(place, outline="black", fill="white")
    for drawing in (paint, pen):
        drawing.ellipse((x - 5, y - 1, x - 2, y + 3), fill="black")
        drawing.ellipse((x + 2, y - 1, x + 5, y + 3), fill="black")
        drawing.arc((x - 4, y + 3, x + 4, y + 9), 20, 160, fill="black")
    return np.asarray(ink), np.asarray(colour)


def coloured(ink, truth, quality, rng):
    """Truth faded towards grey and towards a wrong hue, as far as `quality` is away from 1."""
    grey = truth.mean(axis=-1, keepdims=True).repeat(3, axis=-1)
    wrong = np.roll(truth, 1, axis=-1)
    mix = quality * truth + (1 - quality) * (0.6 * grey + 0.4 * wrong) + rng.normal(0, 6 * (1 - quality), truth.shape)
    return np.where(ink < 128, ink, np.clip(mix, 0, 255)).astype(np.uint8)


def save_png(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def save_json(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")


def image_scores(quality, seed, rng):
    """Scores of every window for a model of this quality; the oracle's are the optimum, exactly."""
    lost = 1 - quality
    page = np.repeat(np.random.default_rng(5).normal(0, 1, len(PAGES)), 2)
    noise = page * 0.5 + rng.normal(0, 0.5, len(WINDOWS)) + (0 if seed is None else 0.35 * (-1) ** seed)
    return {
        "psnr": 12 + 14 * quality - lost * noise if lost else np.full(len(WINDOWS), 100.0),
        "ssim": 1 - lost * (0.22 + 0.02 * noise),
        "ciede2000": lost * (19 + 2 * noise),
        "ciede2000_median": lost * (16 + 2 * noise),
        "line_f1": 1 - lost * (0.12 + 0.01 * noise),
        "line_precision": 1 - lost * (0.10 + 0.01 * noise),
        "line_recall": 1 - lost * (0.14 + 0.01 * noise),
        "line_f1_loose": 1 - lost * (0.10 + 0.01 * noise),
        "line_f1_strict": 1 - lost * (0.30 + 0.01 * noise),
        "edge_f1": 0.9 - lost * (0.10 + 0.01 * noise),
        "gmsd": lost * (0.12 + 0.01 * noise),
        "rlpips": lost * (0.31 + 0.03 * noise),
        "colourfulness_difference": lost * (30 + 4 * noise),
        "colourfulness": 40 * quality + noise,
        "chroma_error": lost * (25 + 3 * noise),
    }


def set_scores(quality, seed, rng):
    lost = 1 - quality
    common = {
        "standard_error": 0.05 * lost, "n_generated": len(WINDOWS), "n_reference": len(WINDOWS),
        "extractor": "random-he-network", "layer": "pool", "weights_sha256": "ab" * 32, "resize": "none",
        "pairing": "same pages", "calibrated": False, "dimension": 64,
        "jackknife_unit": "page block", "jackknife_sizes": [2] * len(PAGES),
    }  # fmt: skip
    shift = 0 if seed is None else 0.03 * (-1) ** seed * lost
    scores = []
    values = {
        "rfd": lost * 2.4 + shift, "rkid": lost * 0.021 + shift / 100 - 0.0004, "rprecision": 1 - lost / 2, "rrecall": 1 - lost / 3,
        "colour_consistency": 0.97 * quality,
    }  # fmt: skip
    for metric, value in values.items():
        error = common["standard_error"] / (100 if metric == "rkid" else 1)
        jackknife = [float(v) for v in value + rng.normal(0, error / 2, 6)]
        scores.append(
            common
            | {
                "metric": metric,
                "metric_id": f"{metric}:random",
                "value": value,
                "standard_error": error,
                "jackknife": jackknife,
            }
        )
    return {"format": 1, "scores": scores}


def curve(model, seed, rng):
    steps = STEPS[model]
    rows = []
    for step in np.linspace(steps / 6, steps, 6).round().astype(int):
        lost = (1 - QUALITY[model]) * (1 + 1.5 * np.exp(-3 * step / steps)) * (1 + 0.04 * (-1) ** seed)
        values = {"ciede2000": 19 * lost, "psnr": 30 - 9 * lost + rng.normal(0, 0.1), "ssim": 1 - 0.25 * lost}
        head = (int(step), 45.0 * step / steps, int(step), float(step * FLOPS[model]))
        rows += [(*head, "validation", name, value) for name, value in values.items()]
        rows.append((*head, "train", "G_L1", 0.3 * lost))
    return pd.DataFrame(rows, columns=["step", "seconds", "images", "flops", "kind", "name", "value"])


def write_cell(run, model, seed, pictures):
    name = model if seed is None else f"{model}-seed{seed}"
    cell, rng = run / "cells" / name, np.random.default_rng([len(model), seed or 0])
    status = {"state": "done"}
    if seed is not None:
        steps = STEPS[model]
        status |= {
            "step": steps, "steps": steps, "seconds": 44.2 + seed, "data_wait_seconds": 0.3, "images": steps,
            "peak_memory_bytes": 812_000_000, "generator_sha256": "cd" * 32,
        }  # fmt: skip
    save_json(cell / "status.json", status)
    for window, (ink, truth) in pictures.items():
        save_png(cell / "predictions" / f"{window}.png", coloured(ink, truth, QUALITY[model], rng))
    pages = [window.rpartition("-")[0] for window in WINDOWS]
    chapters = [page.split("_")[1] for page in pages]
    frame = {"window": WINDOWS, "page": pages, "group": chapters, "series": "moon-garden", "chapter": chapters}
    pd.DataFrame(frame | image_scores(QUALITY[model], seed, rng)).to_parquet(cell / "images.parquet")
    if seed == 0 and model != "unet-l1":
        pd.DataFrame(frame | image_scores(-0.4, seed, rng)).to_parquet(cell / "shuffled.parquet")
    save_json(cell / "sets.json", set_scores(QUALITY[model], seed, rng))
    if seed is not None:
        curve(model, seed, rng).to_parquet(cell / "curve.parquet")


def plan():
    models = {}
    for name in (*TRAINED, "copy", "mean-chroma", "oracle"):
        trained, ranked = name in TRAINED, name in ("pix2pix", "pix2pixhd", "cyclegan")
        models[name] = {
            "shown_name": SHOWN.get(name, name),
            "ranked": ranked,
            "trained": trained,
            "steps": 0,
            "remarks": [],
        }
        if trained:
            models[name] |= {
                "steps": STEPS[name], "batch_size": 1, "images": STEPS[name], "seconds_per_step": 45 / STEPS[name], "seconds": 45.0,
                "flops_per_step": FLOPS[name], "parameters": {"generator": 13_605_443, "discriminator": 693_729},
                "inference_mode": "dropout off, batch-norm statistics of each image",
                "remarks": ["without VGG loss"] if name == "pix2pixhd" else [],
            }  # fmt: skip
    head = {
        "format": 1,
        "experiment_digest": "0123456789abcdef" * 4,
        "budget": "6m",
        "budget_unit": "seconds",
        "share": 45.0,
    }
    return head | {"trained_cells": 8, "device": "cpu", "precision": "fp32", "models": models}


EXPERIMENT = """preset = "demo"
models = ["pix2pix", "pix2pixhd", "cyclegan"]
references = ["unet-l1", "copy", "mean-chroma", "oracle"]
seeds = [0, 1]
budget = "6m"
resolution = 64
recipe = "original"
precision = "fp32"
require_calibrated = false

[data]
source = "synthetic"
group_by = "chapter"

[training]
batch_size = 1
validation_windows = 24
"""


def write_run(run):
    rng = np.random.default_rng(11)
    pictures = {window: draw_page(rng) for window in WINDOWS}
    run.mkdir(parents=True)
    (run / "experiment.toml").write_text(EXPERIMENT, encoding="utf-8")
    save_json(run / "plan.json", plan())
    hardware = {"cpu": "Example CPU @ 2.10GHz", "cores": 2, "memory_gib": 23.4, "gpu": None}
    versions = {"torch": "2.8.0+cpu", "python": "3.11.7"}
    provenance = {
        "hardware": hardware,
        "versions": versions,
        "commit": "f" * 40,
        "dirty": False,
        "threads": 2,
        "platform": "Linux",
    }
    save_json(run / "provenance.json", provenance)
    split = {"digest": "9f" * 32, "train": ["a"], "validation": ["b"], "test": list(PAGES), "group_by": "chapter",
             "groups": {}, "dropped_near_duplicates": 3, "dropped_gap": 0, "unreadable": 0}  # fmt: skip
    save_json(run / "split.json", split)
    halves = {"metric": "rfd", "value": 0.31, "n_generated": 6, "n_reference": 6, "pairing": "disjoint"}
    save_json(run / "truth-halves.json", {"format": 1, "scores": [halves]})
    for window, (ink, truth) in pictures.items():
        save_png(run / "test" / "input" / f"{window}.png", ink)
        save_png(run / "test" / "truth" / f"{window}.png", truth)
    for model in (*TRAINED, "copy", "mean-chroma", "oracle"):
        for seed in SEEDS if model in TRAINED else (None,):
            write_cell(run, model, seed, pictures)
    return run


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory) -> Path:
    """The run, shared by tests that only read it."""
    return write_run(tmp_path_factory.mktemp("runs") / "tiny-demo")


@pytest.fixture(scope="session")
def run(finished_run):
    return read_run(finished_run)


@pytest.fixture(scope="session")
def scores(run):
    return score_run(run)


@pytest.fixture
def own_run(finished_run, tmp_path) -> Path:
    """A copy of the run that a test may break."""
    return Path(shutil.copytree(finished_run, tmp_path / "tiny-demo"))


@pytest.fixture(scope="session")
def built(finished_run, tmp_path_factory) -> Path:
    """The report of the run, shared by tests that only read it."""
    from bench.reporting.build import build_report

    return build_report(finished_run, tmp_path_factory.mktemp("reports") / "tiny").folder


@pytest.fixture(scope="session")
def written(finished_run, tmp_path_factory) -> Path:
    """The texts of the report without its figures, which take most of the time; shared by tests that only read them."""
    from bench.reporting.build import report_texts, write_texts
    from bench.reporting.reading import read_run
    from bench.reporting.scores import score_run

    folder, run = tmp_path_factory.mktemp("texts"), read_run(finished_run)
    (folder / "tables").mkdir()
    write_texts(report_texts(run, score_run(run), []), folder)
    return folder


@pytest.fixture
def change_json():
    """Change values of a JSON file in place."""

    def change(path, **values):
        save_json(path, json.loads(path.read_text(encoding="utf-8")) | values)

    return change


@pytest.fixture
def unrendered(monkeypatch):
    """Compose figures without rendering them, which takes most of the time of a report."""

    def save(figure, folder, name, kinds):
        for kind in kinds:
            (folder / f"{name}.{kind}").write_bytes(b"")

    monkeypatch.setattr("bench.reporting.build.save", save)


class Links(HTMLParser):
    """Collects what a page loads or links to, its tags, and what stands in them: scripts by their type, and styles."""

    def __init__(self):
        super().__init__()
        self.targets, self.tags, self.handlers, self.policy = [], set(), [], ""
        self.scripts, self.styles, self.into = [], [], None

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.tags.add(tag)
        self.targets += [
            values[name] for name in ("src", "href") if name in values and not values[name].startswith("#")
        ]
        self.handlers += [name for name in values if name.startswith("on") or name == "style"]
        if values.get("http-equiv") == "Content-Security-Policy":
            self.policy = values["content"]
        self.into = {"script": self.scripts, "style": self.styles}.get(tag)
        if self.into is not None:
            self.into.append((values.get("type", ""), ""))

    def handle_endtag(self, tag):
        if tag in ("script", "style"):
            self.into = None

    def handle_data(self, data):
        if self.into is not None:
            kind, text = self.into[-1]
            self.into[-1] = (kind, text + data)


@pytest.fixture
def links_of():
    """What a page loads, links to and is made of."""

    def parsed(page):
        links = Links()
        links.feed(page)
        return links

    return parsed


def chromium():
    """Where the system's Chromium lies, None where there is none; none is ever fetched."""
    return next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
    )


@pytest.fixture(scope="module")
def browser():
    """A real browser without a window."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if chromium() is None:
        pytest.skip("there is no Chromium here: `apt-get install chromium`")
    # A container's root has no sandbox for it.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=chromium(), args=arguments)
        yield started
        started.close()


@pytest.fixture
def open_page(browser):
    """Open index.html of a report; whatever a page says to the console, asks for elsewhere or pops up fails the test."""
    complaints, contexts = [], []

    def opened(report, width=1440, height=900, **settings):
        context = browser.new_context(viewport={"width": width, "height": height}, **settings)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(f"dialog {dialog.message}"))
        page.on("request", lambda asked: asked.url.startswith("file://") or complaints.append(asked.url))
        # A picture that is no longer wanted is aborted.
        page.on("requestfailed", lambda asked: "ABORTED" in asked.failure or complaints.append(f"missing {asked.url}"))
        page.goto((report / "index.html").as_uri())
        return page

    def waited(page, condition, seconds=10):
        """Wait until the condition, an expression of JavaScript, holds; the page's own policy allows no polling inside it."""
        end = time.monotonic() + seconds
        while not page.evaluate(condition):
            assert time.monotonic() < end, f"not within {seconds} s: {condition}"
            page.wait_for_timeout(10)

    opened.complaints, opened.waited = complaints, waited
    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


class Typesetter:
    """Compiles tables as a paper would, where LaTeX is there."""

    def __init__(self, folder):
        self.folder = folder

    @staticmethod
    def has(*files):
        """Whether LaTeX is there, with these of its files."""
        found = shutil.which("pdflatex") and shutil.which("kpsewhich")
        return bool(found) and all(
            subprocess.run(["kpsewhich", name], capture_output=True, check=False).returncode == 0 for name in files
        )

    def log(self, document_class, texts, siunitx=""):
        """Compile `texts`, by name, in one document; returns what LaTeX says."""
        for name, text in texts.items():
            (self.folder / f"{name}.tex").write_text(text, encoding="utf-8")
        head = f"\\documentclass{document_class}\n\\usepackage{{booktabs}}\n\\usepackage{{siunitx}}{siunitx}\n"
        body = "\n".join(rf"\input{{{name}}}" for name in texts)
        document = f"{head}\\begin{{document}}\n{body}\n\\end{{document}}\n"
        (self.folder / "paper.tex").write_text(document, encoding="utf-8")
        command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "paper.tex"]
        done = subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, errors="replace", timeout=120, check=False
        )
        assert done.returncode == 0, done.stdout[-2000:]
        assert (self.folder / "paper.pdf").stat().st_size > 10_000
        return done.stdout


@pytest.fixture
def typesetter(tmp_path):
    """Compile tables; skips where LaTeX or siunitx is missing."""
    if not Typesetter.has("booktabs.sty", "siunitx.sty"):
        pytest.skip("pdflatex, booktabs or siunitx is not installed")
    folder = tmp_path / "typeset"
    folder.mkdir()
    return Typesetter(folder)
