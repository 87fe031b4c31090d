"""The drawn series: their characters, whose colours never change, and the places where they are set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from data.synthetic.canvas import Material, Rgb, rgb
from data.synthetic.mascots import Mascot
from data.synthetic.props import Prop
from data.synthetic.tone import PAPER, Screen, Tone

HairStyle = Literal["long", "bob", "twintails", "ponytail", "buns", "spiky", "short", "curly", "braids"]
Outfit = Literal["kimono", "sailor", "stripes", "hoodie", "blazer", "robe", "apron", "jacket", "dress"]
Extra = Literal[
    "none", "fox ears", "straw hat", "glasses", "witch hat", "headphones", "ribbon", "captain hat", "bandana"
]
PlaceName = Literal[
    "hills", "forest", "shrine", "sea", "beach", "town", "city", "night city", "night hills", "blossoms", "sunset sea",
    "class", "room", "library", "cafe", "cabin", "laboratory",
]  # fmt: skip


@dataclass(frozen=True)
class Character:
    """A drawn person: what is fixed about them on every page of their series."""

    name: str
    hair_style: HairStyle
    hair: Material
    eyes: Rgb
    skin: Material
    outfit: Outfit
    main: Material
    second: Material
    extra: Extra = "none"

    def palette(self) -> dict[str, Rgb]:
        """Return the character's colours by name, for example "akane hair"."""
        parts = {"hair": self.hair.rgb, "eyes": self.eyes, "skin": self.skin.rgb}
        parts |= {"main": self.main.rgb, "second": self.second.rgb}
        return {f"{self.name} {part}": colour for part, colour in parts.items()}


@dataclass(frozen=True)
class Style:
    """The hand of a series' artist: factors on the pen's width and on the width and height of the eyes."""

    pen: float = 1.0
    eye_width: float = 1.0
    eye_height: float = 1.0


@dataclass(frozen=True)
class Series:
    """A drawn title: a name that is safe in file names, its people, places, companion, prop and hand."""

    name: str
    title: str
    characters: tuple[Character, ...]
    places: tuple[PlaceName, ...]
    mascot: Mascot
    prop: Prop
    style: Style


def _cloth(code: str, screen: Screen | None = None, coverage: float = 0.0) -> Material:
    return Material(rgb(code), PAPER if screen is None else Tone(screen, coverage))


FAIR = _cloth("ffd0a8")
WARM = _cloth("f5b67c")
BROWN = _cloth("c47c45", Screen.FINE, 0.12)

KITSUNE = Series(
    "kitsune",
    "Kitsune of the Hollow",
    (
        Character("akane", "long", _cloth("e8702a", Screen.SLASH, 0.22), rgb("3fa34d"), FAIR, "kimono",
                  _cloth("d8343f", Screen.DOTS, 0.38), _cloth("ffd34d"), "fox ears"),
        Character("ren", "spiky", _cloth("2f4b9c", Screen.DOTS, 0.62), rgb("2f7fd1"), WARM, "kimono",
                  _cloth("2a9d8f", Screen.PLAID, 0.30), _cloth("f4efe0"), "none"),
        Character("yuzu", "bob", _cloth("f5cf4a"), rgb("9a5b2c"), FAIR, "kimono",
                  _cloth("58b04c", Screen.SPOTS, 0.28), _cloth("ef7f9a", Screen.FINE, 0.2), "ribbon"),
    ),
    ("forest", "shrine", "hills", "night hills", "room"),
    "fox", "rice ball", Style(1.05, 1.0, 1.0),
)  # fmt: skip

HARBOUR = Series(
    "harbour",
    "Harbour of Gulls",
    (
        Character("nami", "ponytail", _cloth("1fa5a0", Screen.SLASH, 0.40), rgb("d98324"), WARM, "stripes",
                  _cloth("ffffff"), _cloth("2c6fbf", Screen.LEVEL, 0.45), "captain hat"),
        Character("umi", "short", _cloth("8a4b26", Screen.DOTS, 0.5), rgb("2a8a57"), BROWN, "jacket",
                  _cloth("e5483a", Screen.DOTS, 0.35), _cloth("ffe28a"), "bandana"),
        Character("kai", "curly", _cloth("f2b632"), rgb("2d62c4"), FAIR, "hoodie",
                  _cloth("f08a24", Screen.BACKSLASH, 0.25), _cloth("3b6ea8", Screen.DOTS, 0.45), "straw hat"),
    ),
    ("sea", "beach", "town", "sunset sea", "cabin"),
    "gull", "telescope", Style(1.1, 0.95, 1.0),
)  # fmt: skip

SAKURA = Series(
    "sakura",
    "After Class, Sakura",
    (
        Character("momo", "twintails", _cloth("f28cb4", Screen.FINE, 0.20), rgb("c2407c"), FAIR, "sailor",
                  _cloth("fdfdf6"), _cloth("31529f", Screen.DOTS, 0.5), "ribbon"),
        Character("haru", "short", _cloth("3a2f55", Screen.DOTS, 0.92), rgb("6a4fb0"), FAIR, "blazer",
                  _cloth("3f5fae", Screen.DOTS, 0.5), _cloth("d8343f", Screen.DOTS, 0.38), "glasses"),
        Character("natsu", "ponytail", _cloth("a6552b", Screen.SLASH, 0.40), rgb("3c9b50"), WARM, "sailor",
                  _cloth("fdfdf6"), _cloth("31529f", Screen.DOTS, 0.5), "none"),
    ),
    ("class", "blossoms", "town", "room", "city"),
    "cat", "book", Style(0.9, 1.06, 1.12),
)  # fmt: skip

MAJO = Series(
    "majo",
    "Majo and the Moon Library",
    (
        Character("luna", "long", _cloth("8b55c9", Screen.CROSS, 0.35), rgb("e0b02c"), FAIR, "robe",
                  _cloth("4a2f86", Screen.DOTS, 0.7), _cloth("f2b632"), "witch hat"),
        Character("silva", "braids", _cloth("dfe6f2"), rgb("4aa6d8"), FAIR, "dress",
                  _cloth("69b7e0", Screen.FINE, 0.25), _cloth("fdfdf6"), "ribbon"),
        Character("moss", "spiky", _cloth("4d9a3c", Screen.BACKSLASH, 0.42), rgb("b8362f"), BROWN, "robe",
                  _cloth("b0562c", Screen.CROSS, 0.30), _cloth("f4e3b5"), "none"),
    ),
    ("library", "night hills", "forest", "town", "laboratory"),
    "owl", "book", Style(0.95, 1.04, 0.96),
)  # fmt: skip

NEON = Series(
    "neon",
    "Neon Couriers",
    (
        Character("kira", "bob", _cloth("35c4dc", Screen.FINE, 0.35), rgb("d8409a"), FAIR, "hoodie",
                  _cloth("f4d13c", Screen.BACKSLASH, 0.15), _cloth("4a4f66", Screen.DOTS, 0.65), "headphones"),
        Character("blaze", "spiky", _cloth("d8322c", Screen.SLASH, 0.45), rgb("e59a1f"), WARM, "jacket",
                  _cloth("3a3350", Screen.DOTS, 0.85), _cloth("e9e4f4"), "none"),
        Character("vio", "buns", _cloth("c04bb0", Screen.DOTS, 0.42), rgb("2aa198"), BROWN, "jacket",
                  _cloth("2fa37a", Screen.SPOTS, 0.35), _cloth("ffffff"), "none"),
    ),
    ("city", "night city", "laboratory", "room", "sunset sea"),
    "robot", "console", Style(1.1, 1.0, 0.9),
)  # fmt: skip

BAKERY = Series(
    "bakery",
    "Melon Bread Street",
    (
        Character("anko", "buns", _cloth("7a4526", Screen.DOTS, 0.55), rgb("b5502a"), FAIR, "apron",
                  _cloth("ef6f6c", Screen.DOTS, 0.28), _cloth("fff6e4"), "none"),
        Character("melo", "curly", _cloth("f07f2e", Screen.SLASH, 0.25), rgb("3b8fce"), WARM, "apron",
                  _cloth("63b14a", Screen.PLAID, 0.25), _cloth("fff6e4"), "bandana"),
        Character("kuro", "short", _cloth("2b3350", Screen.DOTS, 0.92), rgb("3f9c8f"), FAIR, "dress",
                  _cloth("a05bc0", Screen.FINE, 0.40), _cloth("fff6e4"), "none"),
    ),
    ("cafe", "town", "blossoms", "hills", "cabin"),
    "chick", "loaf", Style(1.0, 0.96, 1.06),
)  # fmt: skip

SERIES: tuple[Series, ...] = (KITSUNE, HARBOUR, SAKURA, MAJO, NEON, BAKERY)
