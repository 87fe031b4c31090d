"""A drawn scene with known lines, and random page windows, shared by the tests of the metrics."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import itertools
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import settings
from scipy import ndimage

from bench.metrics.perceptual import random_trunk
from bench.metrics.weights import KNOWN, WeightStore, default_folders

# A busy machine is no failure of the code.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

SIDE = 256
FILLS = (((90, 90), 46, (240, 170, 150)), ((160, 150), 52, (150, 200, 235)), ((95, 180), 36, (190, 225, 150)))
STROKES = tuple(((28 + 14 * i, 30 + 5 * i), (34 + 13 * i, 225 - 9 * i)) for i in range(14))


def near_line(points, width):
    """Return the coverage in [0, 1] of a stroke of `width` px through (row, column) `points`, float [SIDE, SIDE]."""
    rows, columns = np.mgrid[:SIDE, :SIDE].astype(float)
    coverage = np.zeros((SIDE, SIDE))
    for (r0, c0), (r1, c1) in itertools.pairwise(points):
        length = (r1 - r0) ** 2 + (c1 - c0) ** 2
        along = np.clip(((rows - r0) * (r1 - r0) + (columns - c0) * (c1 - c0)) / length, 0, 1)
        distance = np.hypot(rows - r0 - along * (r1 - r0), columns - c0 - along * (c1 - c0))
        coverage = np.maximum(coverage, np.clip(width / 2 + 0.5 - distance, 0, 1))
    return coverage


def ink(image, coverage):
    """Return uint8 `image` with black laid over it by `coverage` in [0, 1]."""
    return np.rint(image * (1 - coverage[..., None])).astype(np.uint8)


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Small tensors gain nothing from threads, and lose much where other processes want the cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@dataclass(frozen=True)
class Scene:
    """A drawing at 256 px: coloured truth, its line art, the line art with screentone, the bare fills, and each stroke alone."""

    truth: np.ndarray
    lineart: np.ndarray
    halftone: np.ndarray
    fills: np.ndarray
    strokes: tuple[np.ndarray, ...]

    def ink(self, image, strokes):
        """Return uint8 `image` with the strokes, coverages in [0, 1], drawn over it in black."""
        return ink(image, np.max([np.zeros((SIDE, SIDE)), *strokes], axis=0))

    def stroke(self, *points):
        """Return the coverage of a new stroke of 2 px through (row, column) `points`."""
        return near_line(points, 2.0)


@pytest.fixture(scope="session")
def scene():
    rows, columns = np.mgrid[:SIDE, :SIDE]
    fills = np.full((SIDE, SIDE, 3), 255.0)
    screen = np.zeros((SIDE, SIDE))
    dots = ((rows % 6 - 2.5) ** 2 + (columns % 6 - 2.5) ** 2 <= 3).astype(float)
    strokes = [near_line(points, 2.0) for points in STROKES]
    for (row, column), radius, colour in FILLS:
        distance = np.hypot(rows - row, columns - column)
        fills[distance < radius] = colour
        screen[distance < radius - 4] = dots[distance < radius - 4]
        strokes.append(np.clip(1.5 - np.abs(distance - radius), 0, 1))
    lines = np.max(strokes, axis=0)
    fills = fills.astype(np.uint8)
    white = np.full_like(fills, 255)
    halftone = ink(white, np.maximum(lines, screen))
    return Scene(ink(fills, lines), ink(white, lines), halftone, fills, tuple(strokes))


@pytest.fixture(scope="session")
def pages():
    """Twelve smooth random colour windows of 64 px and their grey inputs, uint8 [12, 64, 64, 3] each."""
    drawn = np.random.default_rng(5)
    noise = ndimage.gaussian_filter(drawn.normal(size=(12, 64, 64, 3)), (0, 4, 4, 0))
    truth = np.clip(128 + 60 * noise / noise.std(), 0, 255).astype(np.uint8)
    source = np.repeat(truth.mean(axis=-1, keepdims=True), 3, axis=-1).astype(np.uint8)
    return source, truth


def known_as(name, path):
    """Return the known weights `name` with the size and digest of the stand-in file at `path`."""
    content = path.read_bytes()
    return dataclasses.replace(KNOWN[name], size=len(content), sha256=hashlib.sha256(content).hexdigest())


@pytest.fixture(scope="session")
def stand_ins(tmp_path_factory):
    """A store with files of the original names and layouts, random weights in them, and their digests injected."""
    folder = tmp_path_factory.mktemp("weights")
    paths = {name: folder / KNOWN[name].file_names[0] for name in ("alexnet", "inception")}
    trunk = random_trunk(11)
    state = {"classifier.6.bias": torch.zeros(1000)}
    for index, at in enumerate((0, 3, 6, 8, 10)):
        state[f"features.{at}.weight"], state[f"features.{at}.bias"] = trunk.kernels[index], trunk.biases[index]
    torch.save(state, paths["alexnet"])
    torch.save(inception_state(), paths["inception"])
    injected = {name: known_as(name, path) for name, path in paths.items()}
    return WeightStore({**KNOWN, **injected}, [folder, *default_folders()[1:]])


def inception_state():
    """Return a state dictionary of Inception's layout with He-initialised weights."""
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    class Layout(FeatureExtractorInceptionV3):
        def load_state_dict(self, state_dict):
            del state_dict

    nothing = io.BytesIO()
    torch.save({}, nothing)
    nothing.seek(0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = Layout("stand-in", ["2048"], feature_extractor_weights_path=nothing)
        for module in network.modules():
            if isinstance(module, torch.nn.Conv2d):
                torch.nn.init.kaiming_normal_(module.weight)
    return network.state_dict()
