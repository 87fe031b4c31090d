"""Pages too large for one forward pass: overlapping tiles, norms with the page's statistics, smooth blending."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bench.activation_memory import peak_activations
from bench.errors import RequestError
from bench.page_norms import PageNorms
from models.inference import colour_images

PIECE_BYTES = 768 * 2**20
"""Features of what goes through a network at once may take this much. Convolutions on a CPU take up to 1.5 times as much
again while they work (measured on Pix2PixHD at full width), and weights and page come on top: below 4 GiB in all.

A fixed number, so that the same page is cut alike on every machine and gives the same picture."""

LEAST_OVERLAP = 256
"""px by which neighbouring tiles overlap at least."""

PROBE = 512
"""px: the side of the image that a network's memory is measured on; large enough that borders hardly count."""

BARE_SHARE = 0.25
"""Share of an overlap, next to a tile's border, in which the tile has no weight: there it sees padding for its neighbour."""


@dataclass(frozen=True)
class Stretch:
    """One tile along one axis: its first and last-but-one pixel, and its weights [stop - start], 0 to 1."""

    start: int
    stop: int
    weights: NDArray[np.float32]


@dataclass(frozen=True)
class Tile:
    """A rectangle of a page and how much its pixels count in the blend."""

    rows: Stretch
    columns: Stretch

    def of(self, page: Tensor) -> Tensor:
        """Return the view of `page` [N, C, H, W] that the tile covers."""
        return page[:, :, self.rows.start : self.rows.stop, self.columns.start : self.columns.stop]

    def weights(self, device: torch.device) -> Tensor:
        """Return the weights [h, w], float32; those of all tiles of a page add up to 1 at every pixel."""
        return torch.from_numpy(np.outer(self.rows.weights, self.columns.weights)).to(device)


def stretches(length: int, tile: int, overlap: int, multiple: int) -> tuple[Stretch, ...]:
    """Return tiles of `tile` px that cover `length` px, spread evenly, starting at multiples of `multiple`.

    Neighbours overlap by `overlap` px or more. All arguments but the count are multiples of `multiple`, so that the
    strides of a network fall on the same pixels in a tile as in the page; `tile` is more than `overlap`.
    """
    if length <= tile:
        return (Stretch(0, length, np.ones(length, np.float32)),)
    count = math.ceil((length - overlap) / (tile - overlap))
    starts = [number * (length - tile) // (count - 1) // multiple * multiple for number in range(count)]
    raw = np.zeros((count, length))
    for number, start in enumerate(starts):
        raw[number, start : start + tile] = _ramps(tile, overlap, first=number == 0, last=number == count - 1)
    raw /= raw.sum(axis=0)
    return tuple(
        Stretch(start, start + tile, row[start : start + tile].astype(np.float32))
        for start, row in zip(starts, raw, strict=True)
    )


def _ramps(tile: int, overlap: int, *, first: bool, last: bool) -> NDArray[np.float64]:
    """Return the weights of one tile before they are made to add up to 1: sin^2 ramps, which with their mirror image do."""
    depth = (np.arange(tile) + 0.5) / overlap
    ramp = np.sin(np.pi / 2 * np.clip((depth - BARE_SHARE) / (1 - 2 * BARE_SHARE), 0, 1)) ** 2
    return np.ones(tile) * (1.0 if first else ramp) * (1.0 if last else ramp[::-1])


def seams(along: Sequence[Stretch]) -> tuple[int, ...]:
    """Return where neighbouring tiles meet along one axis: the middle of each overlap, px."""
    return tuple((following.start + tile.stop) // 2 for tile, following in itertools.pairwise(along))


def page_seams(height: int, width: int, side: int, multiple: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return y of all horizontal and x of all vertical seams of a page that `colour_in_tiles` cuts with its own overlap, px."""
    overlap = overlap_for(multiple)
    return seams(stretches(height, side, overlap, multiple)), seams(stretches(width, side, overlap, multiple))


def overlap_for(multiple: int) -> int:
    """Return the overlap in px for a network whose sizes are multiples of `multiple`."""
    return math.ceil(LEAST_OVERLAP / multiple) * multiple


def features_a_pixel(network: nn.Module, channels: int, multiple: int) -> float:
    """Return the bytes that the network's features take at their peak, for each pixel of its input."""
    side = math.ceil(PROBE / multiple) * multiple
    return peak_activations(network, channels, side, side) / side**2


def side_for(network: nn.Module, channels: int, multiple: int) -> int:
    """Return the side in px of the largest square tile whose features fit into PIECE_BYTES, at least two overlaps."""
    side = int(math.sqrt(PIECE_BYTES / features_a_pixel(network, channels, multiple))) // multiple * multiple
    return max(side, 2 * overlap_for(multiple))


def colour_in_tiles(
    network: nn.Module,
    page: Tensor,
    side: int,
    multiple: int,
    heartbeat: Callable[[str], None],
    overlap: int | None = None,
) -> Tensor:
    """Return network(page) [1, 3, H, W] nearly as one forward pass gives it, from square tiles of `side` px.

    `page` is the network's input [1, C, H, W], H and W multiples of `multiple`; `overlap` px are by default those of
    `overlap_for`. `heartbeat` is called before every tile with a word on how far things are, and may raise to stop.
    Raises RequestError for tiles that do not fit the network.
    """
    overlap = overlap_for(multiple) if overlap is None else overlap
    if side <= overlap or side % multiple:
        raise RequestError(f"tiles of {side} px: give a multiple of {multiple} that is more than {overlap}")
    height, width = page.shape[-2:]
    across = stretches(width, side, overlap, multiple)
    tiles = [Tile(rows, columns) for rows in stretches(height, side, overlap, multiple) for columns in across]
    norms = PageNorms(network)
    with norms.in_place():
        if len(tiles) > 1:
            _find_statistics(network, norms, page, tiles, heartbeat)
        return _blended(network, page, tiles, heartbeat)


def _find_statistics(
    network: nn.Module, norms: PageNorms, page: Tensor, tiles: Sequence[Tile], heartbeat: Callable[[str], None]
) -> None:
    found = 0
    while not norms.are_settled():
        for number, tile in enumerate(tiles, start=1):
            heartbeat(f"norm {found + 1} of {len(norms)}, tile {number} of {len(tiles)}")
            norms.gather(functools.partial(colour_images, network, tile.of(page)), tile.weights(page.device))
        if not norms.settle():
            # What is left is not part of the way through the network.
            return
        found += 1


def _blended(network: nn.Module, page: Tensor, tiles: Sequence[Tile], heartbeat: Callable[[str], None]) -> Tensor:
    whole = torch.zeros(1, 3, *page.shape[-2:], device=page.device)
    for number, tile in enumerate(tiles, start=1):
        heartbeat(f"colour, tile {number} of {len(tiles)}")
        colour = colour_images(network, tile.of(page)).float()
        tile.of(whole).add_(colour.mul_(tile.weights(page.device)))
    return whole
