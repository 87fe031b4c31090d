"""One page: panels filled with shots, balloons and sound words laid over them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.synthetic.balloons import BalloonKind, Box, draw_balloon, overlap, place_balloon
from data.synthetic.canvas import LINE, Canvas, Material, MaterialTable, Rgb, develop, rgb
from data.synthetic.lettering import draw_sound
from data.synthetic.panels import PAGE_ASPECT, PAGE_WIDTH, Panel, lay_out
from data.synthetic.shots import Drawn, Scene, Speaker, draw_shot
from data.synthetic.tone import Screen, Tone

SUPERSAMPLING = 4
"""Pixels drawn for one pixel of the page, along each side."""
_SOUNDS = ("ドン", "バン", "ゴゴゴ", "ハハハ", "アア!", "キラ", "タタタ")
_SOUND_COLOURS = (Material(rgb("ffd93b")), Material(rgb("ff5a4d"), Tone(Screen.FINE, 0.3)))


@dataclass(frozen=True)
class DrawnPage:
    """A page and the truth about it.

    `color` and `bw` are uint8 [h, w, 3], equal to each other up to colour and screentone; `ink` bool [h, w] is True
    where a drawn line covers at least half of the pixel; `palette` names the colours of the characters on the page.
    """

    color: NDArray[np.uint8]
    bw: NDArray[np.uint8]
    ink: NDArray[np.bool_]
    palette: dict[str, Rgb]


def page_size(size: int) -> tuple[int, int]:
    """Return width and height in pixels of a page whose short side is `size`."""
    return size, round(size / PAGE_ASPECT)


def draw_page(rng: np.random.Generator, scene: Scene, size: int) -> DrawnPage:
    """Draw a page of the scene, `size` pixels wide."""
    scale = SUPERSAMPLING * size / PAGE_WIDTH
    page = Canvas(PAGE_WIDTH, page_size(size)[1] * PAGE_WIDTH / size, scale, MaterialTable())
    palette: dict[str, Rgb] = {}
    for panel in lay_out(rng):
        drawn = _draw_panel(page, rng, panel, scene)
        for character in drawn.characters:
            palette |= character.palette()
    developed = develop(page, SUPERSAMPLING)
    return DrawnPage(developed.color, developed.bw, developed.ink, palette)


def _draw_panel(page: Canvas, rng: np.random.Generator, panel: Panel, scene: Scene) -> Drawn:
    left, top, right, bottom = panel.box
    inside = Canvas(right - left, bottom - top, page.scale, page.table, top)
    drawn = draw_shot(inside, rng, scene)
    page.paste(inside, panel.corners, left, top)
    page.line(np.vstack([panel.corners, panel.corners[:2]]), LINE)
    _speak(page, rng, panel, drawn.speakers)
    return drawn


def _speak(page: Canvas, rng: np.random.Generator, panel: Panel, speakers: list[Speaker]) -> None:
    left, top, _, _ = panel.box
    faces = [_moved(speaker.head, left, top) for speaker in speakers]
    bodies = [_moved(speaker.body, left, top) for speaker in speakers]
    for speaker in speakers[:2]:
        mouth = (speaker.mouth[0] + left, speaker.mouth[1] + top)
        kind = _balloon_kind(rng, speaker)
        balloon = place_balloon(rng, panel.inner, faces, bodies, mouth, kind) if rng.random() < 0.8 else None
        if balloon is not None:
            draw_balloon(page, balloon)
            faces.append(balloon.box)
    if speakers and rng.random() < 0.22:
        _sound(page, rng, panel.inner, faces)


def _moved(box: Box, x: float, y: float) -> Box:
    return box[0] + x, box[1] + y, box[2] + x, box[3] + y


def _balloon_kind(rng: np.random.Generator, speaker: Speaker) -> BalloonKind:
    if speaker.expression in ("shouting", "surprised"):
        return "shout"
    return "thought" if rng.random() < 0.15 else "speech"


def _sound(page: Canvas, rng: np.random.Generator, room: Box, taken: list[Box]) -> None:
    word, size = _SOUNDS[int(rng.integers(len(_SOUNDS)))], float(rng.uniform(15, 20))
    colour = _SOUND_COLOURS[int(rng.integers(len(_SOUND_COLOURS)))]
    for x in (room[2] - 1.6 * size, room[0] + 0.5 * size):
        for y in (room[1] + 0.4 * size, room[3] - (1.3 * len(word) + 0.2) * size):
            box = (x, y, x + 1.3 * size, y + len(word) * size * 1.25)
            if y > room[1] and box[3] < room[3] and sum(overlap(box, other) for other in taken) < 0.05 * size * size:
                draw_sound(page, word, x, y, size, colour, 0.06)
                return
