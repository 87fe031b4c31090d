"""Regions of a black-and-white drawing: what its lines enclose, as an instance map for Pix2PixHD.

Manga has no instance maps (Wang et al., CVPR 2018, section 3.3, take theirs from labelled data), so they are made from
the page alone, the same way for every page:

1. Ink is what is dark, and what is darker than the paper close by; flat grey (a tone, a desaturated colour) is paper.
2. Dots go: small separate spots of ink become paper, small separate spots of paper become ink. So light screentone is
   paper, dense screentone is solid black, and neither is a wall.
3. Solid black wide enough is a region of its own; the rest of the ink is line.
4. Gaps in lines are closed by trapped-ball segmentation (Zhang, Chen, Zhang, Hu and Martin, "Vectorizing cartoon
   animations", TVCG 2009): a ball wider than a gap cannot pass it, so the areas that the ball can reach are kept apart,
   and then grow along the paper to where it cannot go. Paper that no ball fits in is a region if it is large enough.
5. Too small regions, and the lines, go to what lies next to them.

Lengths are px of a page whose short side is 256 px and grow with the short side. The same pixels always give the
same map; a mirrored page gives the mirrored map up to numbering, except where two equally large regions compete for
a pixel. What it cannot do: a region is also parted at a neck no wider than the widest gap that is closed; and where dots
of about half coverage touch by corners without closing their holes, they act as lines and give many small regions.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor

Luma = NDArray[np.uint8]
Labels = NDArray[np.int32]
Mask = NDArray[np.bool_]

REFERENCE_SHORT_SIDE = 256
"""Lengths below are px, areas px^2, of a page with this short side."""
LEAST_SCALE = 0.5
"""Lengths do not get shorter than this share of theirs: on pages below 128 px strokes are no thinner than a pixel either."""
DARK_LUMA = 80
"""Darker is ink, whatever is around it (luma 0 to 255)."""
STROKE_SHARE = 0.8
"""A stroke is ink where it has at most this share of the luma of the paper close by, so that it is seen on dark tones too."""
WIDEST_STROKE = 5.0
"""Grey strokes up to this width are seen as strokes: side of the square of the closing that shows the paper close by."""
LARGEST_DOT = 8.0
"""Separate ink that fits into a square of this side is a dot of a tone, dust or a letter."""
WIDEST_GAP = 4.0
"""Gaps in lines up to this width are closed; wider openings are not."""
OPEN_NECK = 0.7
"""Two parts of the paper are one where they meet at a neck of this share of the narrower part's width: a passage, no gap."""
NARROWEST_BLACK = 9.0
"""Black that a square of this side fits in is an area; narrower, it is line: bold outlines of icons have 7 px."""
SMALLEST_REGION = 24.0
"""Regions below this area go to their neighbours."""

CACHE_BYTES = 128 * 2**20
"""Bound of the region maps kept in memory: 512 windows of 256x256."""

_EIGHT = np.ones((3, 3), dtype=bool)


class _RegionCache:
    """Region maps by the digest of their drawing; the least recently used go first. Safe to use from several threads."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._maps: OrderedDict[bytes, Labels] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, luma: Luma) -> Labels:
        """Return `region_map(luma)`, which is not to be written to, from memory where it is there."""
        key = hashlib.blake2b(repr(luma.shape).encode() + luma.tobytes()).digest()
        with self._lock:
            if key in self._maps:
                self._maps.move_to_end(key)
                return self._maps[key]
        regions = region_map(luma)
        with self._lock:
            self._keep(key, regions)
        return regions

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._maps.clear()
            self._bytes = 0

    def _keep(self, key: bytes, regions: Labels) -> None:
        if key in self._maps or regions.nbytes > self._most_bytes:
            return
        self._maps[key] = regions
        self._bytes += regions.nbytes
        while self._bytes > self._most_bytes:
            self._bytes -= self._maps.popitem(last=False)[1].nbytes


_cache = _RegionCache(CACHE_BYTES)


def forget_regions() -> None:
    """Drop all kept region maps, so that what is timed next finds none that training would not find."""
    _cache.clear()


def regions_of(bw: Tensor) -> Tensor:
    """Return the ids int64 [N, 1, H, W] of the regions of drawings [N, 3, H, W] in [-1, 1], on the same device.

    The three channels of a drawing are equal, so the first is read, rounded to 8 bits. Each image is looked at on its own.
    The maps of recent drawings are kept in memory, which changes the time taken and nothing else.
    """
    luma = ((bw[:, 0].detach().float() + 1.0) * 127.5).round().clamp(0, 255).to(torch.uint8).cpu().numpy()
    # Copied, so that the caller's ids and those in memory are apart.
    ids = np.zeros((len(luma), 1, *luma.shape[1:]), dtype=np.int64)
    for place, drawing in zip(ids, luma, strict=True):
        place[0] = _cache.get(drawing)
    return torch.from_numpy(ids).to(bw.device)


def region_map(luma: Luma) -> Labels:
    """Return the ids int32 [H, W] of the regions of a drawing uint8 [H, W], H and W >= 1.

    Ids are 1 to n in the order in which the regions first appear, row by row; each pixel has one.
    """
    unit = max(min(luma.shape) / REFERENCE_SHORT_SIDE, LEAST_SCALE)
    smallest = SMALLEST_REGION * unit**2
    ink = _without_dots(_ink(luma, unit), unit)
    paper = _paper_regions(~ink, WIDEST_GAP * unit / 2, smallest)
    black, _ = ndimage.label(_opened(ink, _odd(NARROWEST_BLACK * unit)))
    regions = _joined(paper, black)
    regions = _without_small(regions, smallest)
    if not regions.any():
        return np.ones(luma.shape, dtype=np.int32)
    return _in_reading_order(_grown(regions, np.ones_like(ink), diagonally=True))


def _odd(length: float) -> int:
    """Return the odd number of px nearest to a length, at least 3, so that a window has a middle."""
    return max(3, 2 * round((length - 1) / 2) + 1)


def _ink(luma: Luma, unit: float) -> Mask:
    """Return where ink is: dark, or a dark stroke on lighter ground (a black top-hat)."""
    size = _odd(WIDEST_STROKE * unit + 1)
    ground = ndimage.minimum_filter(ndimage.maximum_filter(luma, size), size)
    limits = np.maximum(STROKE_SHARE * np.arange(256), DARK_LUMA - 1).astype(np.uint8)
    return np.asarray(luma <= limits[ground])


def _without_dots(ink: Mask, unit: float) -> Mask:
    """Return ink without its small separate parts, then with its small holes filled."""
    parts, _ = ndimage.label(ink, _EIGHT)
    ink = ink & (_extents(parts) > LARGEST_DOT * unit)[parts]
    holes, _ = ndimage.label(~ink)
    filled = np.bincount(holes.ravel()) < SMALLEST_REGION * unit**2
    return np.asarray(ink | (filled[holes] & ~ink))


def _extents(labels: Labels) -> NDArray[np.intp]:
    """Return for each label but 0 the longer side of its bounding box, px."""
    inside = labels > 0
    found = labels[inside]
    longest = np.zeros(int(labels.max()) + 1, dtype=np.intp)
    for at in np.nonzero(inside):
        first, last = np.full_like(longest, max(labels.shape)), np.zeros_like(longest)
        np.minimum.at(first, found, at)
        np.maximum.at(last, found, at)
        np.maximum(longest, last - first + 1, out=longest)
    return longest


def _opened(mask: Mask, size: int) -> Mask:
    """Return the union of the squares of `size` px that fit into a mask; what leaves the page counts as inside."""
    return np.asarray(ndimage.maximum_filter(ndimage.minimum_filter(mask, size), size))


def _paper_regions(paper: Mask, radius: float, smallest: float) -> Labels:
    """Return labels of what a ball of `radius` px keeps apart on the paper, and of the rest where large; others 0."""
    if paper.all():
        return np.ones(paper.shape, dtype=np.int32)
    width = _half_width(paper)
    labels = _grown(ndimage.label(width > radius)[0], paper, steps=int(np.ceil(2 * radius)))
    rest, _ = ndimage.label(paper & (labels == 0))
    labels = _joined(labels, _without_small(rest, smallest))
    return _without_false_necks(_grown(labels, paper), width)


def _half_width(paper: Mask) -> NDArray[np.float32]:
    """Return the distance to the nearest ink, px, with an octagon for the circle: at most 8 % too short, and fast."""
    straight = ndimage.distance_transform_cdt(paper, "chessboard").astype(np.float32)
    slanting = ndimage.distance_transform_cdt(paper, "taxicab").astype(np.float32)
    slanting *= np.float32(np.sqrt(0.5))
    np.maximum(straight, slanting, out=straight)
    return np.asarray(straight)


def _without_false_necks(labels: Labels, width: NDArray[np.float32]) -> Labels:
    """Return labels with those made one that meet where the paper is about as wide as the narrower of them."""
    peaks = np.zeros(int(labels.max()) + 1, dtype=np.float32)
    np.maximum.at(peaks, labels.ravel(), width.ravel())
    pairs = []
    for one, other in ((np.s_[:, 1:], np.s_[:, :-1]), (np.s_[1:], np.s_[:-1])):
        a, b = labels[one], labels[other]
        meets = np.nonzero(a != b)
        a, b = a[meets], b[meets]
        neck = np.minimum(width[one][meets], width[other][meets])
        peak = np.minimum(peaks[a], peaks[b])
        open_ = (neck > 0) & (neck >= np.minimum(OPEN_NECK * peak, peak - 1))
        pairs.append(np.stack((a[open_], b[open_])))
    a, b = np.concatenate(pairs, axis=1)
    graph = coo_array((np.ones(len(a), dtype=bool), (a, b)), shape=(len(peaks), len(peaks)))
    _, merged = connected_components(graph, directed=False)
    names = merged.astype(np.int32) + 1
    names[0] = 0
    return np.asarray(names[labels])


def _without_small(labels: Labels, smallest: float) -> Labels:
    """Return labels with those of less than `smallest` px as 0."""
    areas = np.bincount(labels.ravel())
    names = np.arange(len(areas), dtype=np.int32)
    names[areas < smallest] = 0
    return np.asarray(names[labels])


def _joined(first: Labels, second: Labels) -> Labels:
    """Return both sets of labels as one; they do not overlap."""
    return np.where(second > 0, second + first.max(), first)


def _grown(labels: Labels, where: Mask, steps: int | None = None, *, diagonally: bool = False) -> Labels:
    """Return labels grown into the unlabelled pixels of `where`, one px a step, until they stop or `steps` are done.

    Steps go to the 4 neighbours, or in turn to 4 and 8, which keeps fronts nearly round but crosses thin slanting lines. Of
    regions that arrive at the same time the largest takes the pixel.
    """
    height, width = labels.shape
    row = width + 2
    padded = np.zeros((height + 2, row), dtype=np.int32)
    padded[1:-1, 1:-1] = _by_area(labels)[labels]
    flat = padded.ravel()
    open_ = np.zeros(padded.shape, dtype=bool)
    np.logical_and(where, labels == 0, out=open_[1:-1, 1:-1])
    # Each pixel stands for its upper left neighbour's index, from which the others are counted.
    todo = np.flatnonzero(open_) - row - 1
    cross = (1, row, row + 2, 2 * row + 1)
    square = (*cross, 0, 2, 2 * row, 2 * row + 2)
    turns = (cross, square) if diagonally else (cross,)
    step = idle = 0
    while len(todo) and idle < len(turns) and step != steps:
        best = np.zeros(len(todo), dtype=np.int32)
        for offset in turns[step % len(turns)]:
            np.maximum(best, flat[offset:].take(todo), out=best)
        flat[row + 1 :][todo] = best
        left = best == 0
        idle = idle + 1 if left.all() else 0
        todo = todo[left]
        step += 1
    return padded[1:-1, 1:-1]


def _by_area(labels: Labels) -> Labels:
    """Return for each label its place when ordered by area, the smallest first; of equal ones the lower label is last."""
    areas = np.bincount(labels.ravel())
    areas[0] = -1
    order = np.lexsort((-np.arange(len(areas)), areas))
    ranks = np.empty(len(areas), dtype=np.int32)
    ranks[order] = np.arange(len(areas), dtype=np.int32)
    return ranks


def _in_reading_order(labels: Labels) -> Labels:
    """Return the labels renumbered 1 to n by their first pixel."""
    flat = labels.ravel()
    first = np.full(int(flat.max()) + 1, flat.size)
    # Written from the last pixel to the first, so that the first stays.
    first[flat[::-1]] = np.arange(flat.size - 1, -1, -1)
    ranks = np.empty(len(first), dtype=np.int32)
    ranks[np.argsort(first, kind="stable")] = np.arange(1, len(first) + 1, dtype=np.int32)
    return ranks[flat].reshape(labels.shape)
