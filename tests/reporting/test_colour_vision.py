"""Colours of models, seen with each kind of colour vision: Machado, Oliveira and Fernandes 2009, severity 1.0."""

import itertools

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from bench.reporting.ladder import LOOKS
from bench.reporting.overlay import INVENTED, KEPT, LOST
from bench.reporting.style import GREY, OTHER_COLOURS, OWN_COLOURS, looks_of

VISION = {
    "usual": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
"""Matrices over linear RGB (their table 1 and supplement)."""

LEAST = 10.0
"""CIEDE2000 between any two: five times what is just told apart side by side, and about what small marks need."""


def linear(colour):
    encoded = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def seen(colour, vision):
    """The colour's CIELAB as it is seen."""
    light = np.clip(np.asarray(VISION[vision]) @ linear(colour), 0, 1)
    encoded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return rgb2lab(encoded)


def nearest(colours, vision):
    return min(
        (float(deltaE_ciede2000(seen(one, vision), seen(two, vision))), one, two)
        for one, two in itertools.combinations(colours, 2)
    )


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize(
    "colours",
    [
        (*OWN_COLOURS.values(), *OTHER_COLOURS, GREY),
        (KEPT, LOST, INVENTED),
        tuple(look["color"] for look in LOOKS.values()),
    ],
    ids=["models", "lines", "ladder"],
)
def test_colours_are_told_apart(colours, vision):
    distance, one, two = nearest(colours, vision)
    assert distance >= LEAST, (one, two)


def test_the_simulation_confuses_what_is_confused():
    """A check of the check: red and green of one lightness, and blue and green for tritanopia."""
    assert nearest(("#B05A00", "#6E7A00"), "usual")[0] > 25
    assert nearest(("#B05A00", "#6E7A00"), "deuteranopia")[0] < 8
    assert nearest(("#0072B2", "#007A8A"), "tritanopia")[0] < nearest(("#0072B2", "#007A8A"), "usual")[0]


def test_colours_stand_out_from_the_paper():
    """WCAG's contrast with white; 2.2 is that of Okabe and Ito's lightest, which markers and dashes support."""
    for colour in (*OWN_COLOURS.values(), *OTHER_COLOURS, GREY):
        luminance = float(linear(colour) @ [0.2126, 0.7152, 0.0722])
        assert 1.05 / (luminance + 0.05) >= 2.2, colour


def test_no_two_models_look_alike_and_own_models_look_the_same_everywhere():
    others = [f"model-{number}" for number in range(30)]
    references = ["oracle", "copy", "mean-chroma", "unet-l1", "loaded-1", "loaded-2"]
    found = looks_of([*others[:2], "cyclegan", *others[2:], "pix2pix"], references)
    assert len({(look.colour, look.marker, look.hollow) for look in found.values()}) == len(found) == 38
    for name, look in looks_of(["pix2pix", "cyclegan"], ["unet-l1"]).items():
        assert found[name] == look
    assert len({look.marker for look in looks_of(["pix2pix", "pix2pixhd", "cyclegan"], []).values()}) == 3
    assert all(found[name].hollow and found[name].colour == GREY for name in references)
