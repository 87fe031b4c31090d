"""How well the leak check finds planted copies, and how often it is wrong: recall by kind of copy, false alarms.

    python benchmarks/leak_check.py synthetic FOLDER... [--pages 200] [--json FILE]

Every page of a source is copied in every kind (resized, encoded again, brighter, darker, cropped, and all of that at
once). A copy counts as found where it is flagged together with the page it was made from; every flagged pair of different
originals is a false alarm, named so that it can be looked at: a set may truly hold the same page twice.
"""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance

import data
from data.duplicates import near_duplicates, near_duplicates_within, thumbnail

Change = Callable[[Image.Image, np.random.Generator], Image.Image]


def _resized(factor: float) -> Change:
    def change(page: Image.Image, _: np.random.Generator) -> Image.Image:
        size = (max(1, round(page.width * factor)), max(1, round(page.height * factor)))
        return page.resize(size, Image.Resampling.LANCZOS)

    return change


def _encoded(quality: int) -> Change:
    def change(page: Image.Image, _: np.random.Generator) -> Image.Image:
        content = io.BytesIO()
        page.save(content, "JPEG", quality=quality)
        return Image.open(content).convert("RGB")

    return change


def _brighter(factor: float) -> Change:
    return lambda page, _: ImageEnhance.Brightness(page).enhance(factor)


def _shifted(levels: int) -> Change:
    return lambda page, _: page.point(lambda level: min(255, max(0, level + levels)))


def _cropped(share: float, sides: int) -> Change:
    """Off one side, two neighbouring ones, or all four."""

    def change(page: Image.Image, _: np.random.Generator) -> Image.Image:
        left, top = round(share * page.width), round(share * page.height)
        right = page.width - (left if sides == 4 else 0)
        bottom = page.height - (top if sides == 4 else 0)
        return page.crop((left, top if sides > 1 else 0, right, bottom))

    return change


def _everything(page: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A random crop of up to 3 % a side, another size, another brightness, JPEG."""
    left, top, right, bottom = rng.uniform(0, 0.03, 4)
    box = (left * page.width, top * page.height, (1 - right) * page.width, (1 - bottom) * page.height)
    cropped = page.crop(tuple(round(edge) for edge in box))  # type: ignore[arg-type]
    smaller = _resized(rng.uniform(0.4, 0.9))(cropped, rng)
    return _encoded(int(rng.integers(30, 90)))(_brighter(rng.uniform(0.85, 1.15))(smaller, rng), rng)


KINDS: dict[str, Change] = {
    "half size": _resized(0.5),
    "a third of the size": _resized(1 / 3),
    "1.5 times the size": _resized(1.5),
    "JPEG, quality 75": _encoded(75),
    "JPEG, quality 30": _encoded(30),
    "JPEG, quality 10": _encoded(10),
    "brightness x 0.8": _brighter(0.8),
    "brightness x 1.2": _brighter(1.2),
    "25 levels darker": _shifted(-25),
    "25 levels brighter": _shifted(25),
    "2 % off one side": _cropped(0.02, 1),
    "5 % off one side": _cropped(0.05, 1),
    "3 % off two sides": _cropped(0.03, 2),
    "5 % off two sides": _cropped(0.05, 2),
    "2 % off every side": _cropped(0.02, 4),
    "3 % off every side": _cropped(0.03, 4),
    "5 % off every side": _cropped(0.05, 4),
    "crop, size, brightness and JPEG": _everything,
}


def main() -> None:
    """Print a table a source: found of planted by kind, and false alarms."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("specs", nargs="+", metavar="SOURCE")
    parser.add_argument("--pages", type=int, default=200, help="of a source at most, evenly spaced")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    tables = {spec: _table(spec, asked.pages) for spec in asked.specs}
    if asked.json:
        asked.json.write_text(json.dumps(tables, indent=1) + "\n")


def _table(spec: str, most: int) -> dict[str, object]:
    source = data.open_pairs(spec, synthetic_pages=most, synthetic_size=512)
    keys = source.keys()
    chosen = [keys[at] for at in np.unique(np.linspace(0, len(keys) - 1, most).round().astype(int))]
    pages = [Image.fromarray(source.read(key).color) for key in chosen]
    originals = np.stack([thumbnail(np.asarray(page)) for page in pages])
    print(f"\n{source.title}: {len(pages)} pages")
    found = {}
    for number, (kind, change) in enumerate(KINDS.items()):
        rng = np.random.default_rng(number)
        copies = np.stack([thumbnail(np.asarray(change(page, rng))) for page in pages])
        hits = sum(i == j for i, j in near_duplicates(originals, copies))
        found[kind] = hits
        print(f"  {kind:34} {hits:5} of {len(pages):5}   {hits / len(pages):7.2%}")
    planted = len(KINDS) * len(pages)
    alarms = near_duplicates_within(originals)
    pairs = len(pages) * (len(pages) - 1) // 2
    print(f"  {'all kinds':34} {sum(found.values()):5} of {planted:5}   {sum(found.values()) / planted:7.2%}")
    print(f"  pairs of different originals that are flagged: {len(alarms)} of {pairs:,}")
    for i, j in alarms[:5]:
        print(f"    {chosen[i].id} and {chosen[j].id}")
    return {"pages": len(pages), "found": found, "false_alarms": len(alarms), "pairs": pairs}


if __name__ == "__main__":
    main()
