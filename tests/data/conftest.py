from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from data.pair import Pixels


def drawn_page(seed: int, height: int = 60, width: int = 44) -> Pixels:
    """A page of coloured shapes with ink outlines on white; different seeds look different."""
    rng = np.random.default_rng(seed)
    scale = min(height, width) / 44
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    for _ in range(14):
        x, y = rng.uniform(-0.1, 0.9, 2) * (width, height)
        w, h = rng.uniform(0.15, 0.6, 2) * (width, height)
        shape = draw.ellipse if rng.random() < 0.5 else draw.rectangle
        shape((x, y, x + w, y + h), fill=tuple(rng.integers(0, 256, 3).tolist()), outline="black", width=round(scale))
    return np.array(image)


def saved(picture: Pixels, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path)
    return path


@pytest.fixture
def draw() -> Callable[..., Pixels]:
    return drawn_page


@pytest.fixture
def save() -> Callable[[Pixels, Path], Path]:
    return saved


@pytest.fixture
def chapters(tmp_path: Path) -> Path:
    """Colour pages in eight chapters of two series, four pages each."""
    for chapter in range(8):
        for page in range(4):
            folder = tmp_path / "pages" / f"series{chapter % 2}" / f"chapter{chapter}"
            saved(drawn_page(10 * chapter + page), folder / f"page{page}.png")
    return tmp_path / "pages"


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Twelve pairs in bw/ and color/, without chapters."""
    for page in range(12):
        color = drawn_page(1000 + page)
        saved(color, tmp_path / "pairs" / "color" / f"{page}.png")
        saved(np.where(color.mean(axis=2) > 100, 255, 0).astype(np.uint8), tmp_path / "pairs" / "bw" / f"{page}.png")
    return tmp_path / "pairs"
