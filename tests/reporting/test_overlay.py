import numpy as np
import pytest

from bench.metrics.lineart import LineReference
from bench.reporting.overlay import INVENTED, KEPT, LOST, line_overlay, overlay_caption, overlay_figure


def page(*columns, side=64):
    """Upright lines on white, as L*."""
    lightness = np.full((side, side), 100.0)
    lightness[8:-8, list(columns)] = 0.0
    return lightness


def pixels_of(picture, colour):
    wanted = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    return (picture == wanted).all(axis=2)


def test_kept_lost_and_invented_lines_have_their_colours():
    reference = LineReference.of(page(16, 40), page(16, 40))
    picture = line_overlay(reference, page(16, 54))
    columns = {colour: set(np.flatnonzero(pixels_of(picture, colour).any(axis=0))) for colour in (KEPT, LOST, INVENTED)}
    assert columns[KEPT] == {16}
    assert columns[LOST] == {40}
    assert columns[INVENTED] == {54}
    assert (picture[:, [0, 28, 63]] == 255).all()


def test_the_figure_shows_the_models_and_needs_pictures(run, tmp_path):
    figure = overlay_figure(run)
    assert [axes.get_title() for axes in figure.axes[:4]] == [
        "pix2pix-small", "pix2pixhd-small", "cyclegan-small", "unet-l1-small",
    ]  # fmt: skip
    assert all(0 <= float(axes.get_xlabel()) <= 1 for axes in figure.axes)
    assert "lost" in overlay_caption(run)
    for picture in (run.folder.path / "test" / "truth").iterdir():
        picture.unlink()
    assert overlay_figure(run) is None


@pytest.fixture
def run(own_run):
    from bench.reporting.reading import read_run

    return read_run(own_run)
