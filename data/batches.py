"""Training batches that depend on (seed, step) alone: a resumed run draws what an uninterrupted one would have drawn.

Pages come in a fresh random order each epoch (position p = step * batch + i, epoch p // n). Every item is a random RxR
crop, mirrored with probability 1/2 (Isola et al. 2017, section 6.2); where the recipe has several B/W variants of a page,
one is drawn. Colours are never touched: they are what is learnt. Paired: B/W and colour share page, crop and flip.
Unpaired: colour comes from a page drawn at random, as in the original CycleGAN, but never from its own B/W page
and, where there are others, never from the batch's groups or pages; crop and flip are drawn for each.
"disjoint", an ablation, gives an unpaired model B/W pages from one half of the groups and colours from
the other, as where no pairs exist at all.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch

from data.errors import DataError
from data.prepared import FlatImages, TrainingPages
from data.randomness import check_seed, random_order, raw_words

Pairing = Literal["paired", "unpaired"]

Unpaired = Literal["shuffled", "disjoint"]
"""What an unpaired model is given: all pages on both sides but never partners, or half of them on each."""

_ORDER, _FIRST_VIEW, _SECOND_VIEW, _PARTNERS, _VARIANTS, _HALVES = range(6)
"""Streams of random numbers."""


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """What one batch is made of: page indices, the recipe's variant, crop corners (px) and flips, for B/W and for colour."""

    bw_pages: npt.NDArray[np.intp]
    bw_variants: npt.NDArray[np.intp]
    bw_views: npt.NDArray[np.int64]
    color_pages: npt.NDArray[np.intp]
    color_views: npt.NDArray[np.int64]
    """Views are [N, 3]: y, x, and 1 where mirrored."""


class TrainingBatches:
    """Makes batches on the device from prepared pages, by step number."""

    def __init__(
        self,
        pages: TrainingPages,
        *,
        resolution: int,
        batch_size: int,
        seed: int,
        pairing: Pairing,
        device: torch.device | str = "cpu",
        aspect: int = 1,
        unpaired: Unpaired = "shuffled",
    ) -> None:
        """Batches of `batch_size` crops R high and aspect * R wide; `unpaired` concerns the pairing of that name alone.

        Raises:
            DataError: no pages, pages smaller than the resolution, a seed below 0, or unpaired with a single page.
        """
        check_seed(seed)
        if batch_size < 1:
            raise DataError(f"batch size {batch_size}: it is at least 1")
        if not len(pages):
            raise DataError("there are no training pages")
        if pairing == "unpaired" and len(pages) < 2:
            raise DataError("unpaired training needs at least two pages, since A and B never come from the same one")
        self._sizes = np.array([pages.size(at) for at in range(len(pages))], dtype=np.int64)
        self._crop = np.array([resolution, aspect * resolution], dtype=np.int64)
        if (self._sizes < self._crop).any():
            raise DataError(f"training pages of {self._sizes.min()} px are smaller than the resolution {resolution}")
        self._pages = pages
        self._batch_size = batch_size
        self._seed = seed
        self._pairing = pairing
        self._device = torch.device(device)
        self._groups = np.unique(np.array(pages.groups), return_inverse=True)[1]
        everything = np.arange(len(pages), dtype=np.intp)
        disjoint = pairing == "unpaired" and unpaired == "disjoint"
        self._bw_pool, self._color_pool = _halves(self._groups) if disjoint else (everything, everything)
        self._epoch: tuple[int, npt.NDArray[np.intp]] = (-1, np.empty(0, dtype=np.intp))

    def batch(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        """B/W and colour of one step: float32 [N, 3, R, aspect * R] in [-1, 1], exactly x / 127.5 - 1 of the stored bytes."""
        plan = self.plan(step)
        inputs = plan.bw_pages * self._pages.variants + plan.bw_variants
        bw = self._crops(self._pages.inputs, inputs, plan.bw_views)
        color = self._crops(self._pages.truths, plan.color_pages, plan.color_views)
        # One channel crosses to the device, three leave.
        return to_unit_range(bw).expand(-1, 3, -1, -1).contiguous(), to_unit_range(color)

    def plan(self, step: int) -> BatchPlan:
        """The pages, crops and flips of one step."""
        first = step * self._batch_size
        bw_pages = np.array([self._page_at(first + at) for at in range(self._batch_size)], dtype=np.intp)
        variants = self._variants(step)
        bw_views = self._views(step, _FIRST_VIEW, bw_pages)
        if self._pairing == "paired":
            return BatchPlan(bw_pages, variants, bw_views, bw_pages, bw_views)
        color_pages = self._partners(step, bw_pages)
        return BatchPlan(bw_pages, variants, bw_views, color_pages, self._views(step, _SECOND_VIEW, color_pages))

    def _page_at(self, position: int) -> int:
        epoch, at = divmod(position, len(self._bw_pool))
        if self._epoch[0] != epoch:
            # Kept because consecutive steps ask for the same epoch; it depends on nothing but (seed, epoch).
            self._epoch = (epoch, random_order(len(self._bw_pool), self._seed, epoch, _ORDER))
        return int(self._bw_pool[self._epoch[1][at]])

    def _variants(self, step: int) -> npt.NDArray[np.intp]:
        words = raw_words(self._seed, step, _VARIANTS, self._batch_size)
        return (words % np.uint64(self._pages.variants)).astype(np.intp)

    def _views(self, step: int, stream: int, pages: npt.NDArray[np.intp]) -> npt.NDArray[np.int64]:
        words = raw_words(self._seed, step, stream, 3 * len(pages)).reshape(-1, 3)
        choices = np.ones((len(pages), 3), dtype=np.uint64)
        choices[:, :2] += (self._sizes[pages] - self._crop).astype(np.uint64)
        choices[:, 2] = 2
        # Modulo is uneven by less than 1e-15 here: choices are thousands, words have 64 bits.
        return (words % choices).astype(np.int64)

    def _partners(self, step: int, bw_pages: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        """A colour page for each B/W page, from the strictest pool that is not empty."""
        words = raw_words(self._seed, step, _PARTNERS, len(bw_pages))
        if len(self._color_pool) < len(self._pages):
            return np.asarray(self._color_pool[words % np.uint64(len(self._color_pool))])
        in_batch = np.zeros(len(self._pages), dtype=bool)
        in_batch[bw_pages] = True
        foreign = ~np.isin(self._groups, self._groups[bw_pages])
        if foreign.any():
            pool = np.flatnonzero(foreign)
            return np.asarray(pool[words % np.uint64(len(pool))])
        return np.array(
            [self._partner(int(page), in_batch, int(word)) for page, word in zip(bw_pages, words, strict=True)]
        )

    def _partner(self, page: int, in_batch: npt.NDArray[np.bool_], word: int) -> int:
        """A colour page for one B/W page of a batch that touches every group."""
        other_page = np.arange(len(self._pages)) != page
        other_group = self._groups != self._groups[page]
        pools = (other_group & ~in_batch, other_group, ~in_batch & other_page, other_page)
        pool = next(np.flatnonzero(pool) for pool in pools if pool.any())
        return int(pool[word % len(pool)])

    def _crops(self, images: FlatImages, pages: npt.NDArray[np.intp], views: npt.NDArray[np.int64]) -> torch.Tensor:
        """uint8 [N, C, R, aspect * R] on the device."""
        height, width = self._crop.tolist()
        pinned = self._device.type == "cuda"
        # Pinned memory comes from a pool that waits for the copy before it hands a block out again.
        crops = torch.empty((len(pages), height, width, images.channels), dtype=torch.uint8, pin_memory=pinned)
        content = crops.numpy()
        for at, (page, (y, x, mirrored)) in enumerate(zip(pages.tolist(), views.tolist(), strict=True)):
            view = images[page][y : y + height, x : x + width]
            content[at] = view[:, ::-1] if mirrored else view
        return crops.to(self._device, non_blocking=pinned).permute(0, 3, 1, 2).contiguous()


def _halves(groups: npt.NDArray[np.intp]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Pages for B/W and pages for colour, about as many: whole groups, single pages where there is one group.

    The same for every seed of an experiment, as a set without pairs would be.
    """
    labels = groups if groups.any() else np.arange(len(groups))
    names, sizes = np.unique(labels, return_counts=True)
    order = random_order(len(names), 0, 0, _HALVES)
    before = np.cumsum(sizes[order]) - sizes[order]
    # The group in the middle goes where more of it lies; neither half is left empty.
    first = order[(before + sizes[order] / 2 <= len(groups) / 2) | (np.arange(len(order)) == 0)][: len(order) - 1]
    inside = np.isin(labels, names[first])
    return np.flatnonzero(inside), np.flatnonzero(~inside)


def to_unit_range(pixels: torch.Tensor) -> torch.Tensor:
    """Bytes as float32 in [-1, 1]: x / 127.5 - 1, rounded the same on every device."""
    # Divided by a tensor: CUDA multiplies by the rounded reciprocal where the divisor is a number of the host.
    divisor = torch.full((), 127.5, device=pixels.device)
    return pixels.to(torch.float32).div_(divisor).sub_(1.0)
