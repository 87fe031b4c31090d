"""Training batches that depend on (seed, step) alone, so that a resumed run needs no state of a loader.

Every model of a seed sees the same pages with the same crops and flips. Order: a new permutation of the pages each epoch.
"""

from collections.abc import Sequence
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt
import torch

from data.errors import DataError
from data.pair import Pixels

_ORDER, _PLACE, _PARTNER = 0, 1, 2
"""What a random stream is for: the order of an epoch, crops and flips of B/W, page and crops of an unpaired colour."""


class TrainingPages(Protocol):
    """Training pages as uint8 views, at the training scale; `groups` says which pages belong together."""

    groups: Sequence[str]

    def __len__(self) -> int:
        """How many pages there are."""

    def bw(self, index: int) -> Pixels:
        """The B/W page, HxWx3."""

    def color(self, index: int) -> Pixels:
        """The coloured page, HxWx3."""


class TrainingBatches:
    """Draws the batch of any step: float32 [N, 3, R, R] in [-1, 1] (exactly x / 127.5 - 1) on the device."""

    def __init__(
        self,
        pages: TrainingPages,
        *,
        resolution: int,
        batch_size: int,
        seed: int,
        pairing: Literal["paired", "unpaired"],
        device: str,
    ) -> None:
        """Raises DataError where the pages are too few for the pairing."""
        if len(pages) < (2 if pairing == "unpaired" else 1):
            raise DataError(f"{len(pages)} training pages are too few for {pairing} training; give more pages")
        self._pages, self._resolution, self._batch_size = pages, resolution, batch_size
        self._seed, self._unpaired, self._device = seed, pairing == "unpaired", device
        names = {group: number for number, group in enumerate(sorted(set(pages.groups)))}
        self._groups = np.array([names[group] for group in pages.groups])
        self._epoch = -1
        self._order: npt.NDArray[np.intp] = np.arange(0)

    def batch(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        """B/W and colour of `step`; unpaired colour comes from other pages, of another group where there is one."""
        size, place = self._resolution, self._stream(_PLACE, step)
        partner = self._stream(_PARTNER, step) if self._unpaired else None
        bw = np.empty((self._batch_size, size, size, 3), np.uint8)
        color = np.empty_like(bw)
        for row in range(self._batch_size):
            index = self._page_at(step * self._batch_size + row)
            cut = self._draw_cut(self._pages.bw(index), place)
            bw[row] = self._cut(self._pages.bw(index), *cut)
            if partner is None:
                color[row] = self._cut(self._pages.color(index), *cut)
            else:
                page = self._pages.color(self._other_page(index, partner))
                color[row] = self._cut(page, *self._draw_cut(page, partner))
        return self._to_device(bw), self._to_device(color)

    def _stream(self, purpose: int, number: int) -> np.random.Generator:
        return np.random.Generator(np.random.Philox(key=[self._seed, purpose], counter=[0, 0, 0, number]))

    def _page_at(self, position: int) -> int:
        epoch, place = divmod(position, len(self._pages))
        if epoch != self._epoch:
            self._epoch, self._order = epoch, self._stream(_ORDER, epoch).permutation(len(self._pages))
        return int(self._order[place])

    def _other_page(self, index: int, random: np.random.Generator) -> int:
        others = np.flatnonzero(self._groups != self._groups[index])
        if len(others):
            return int(others[random.integers(len(others))])
        draw = int(random.integers(len(self._pages) - 1))
        return draw + (draw >= index)

    def _draw_cut(self, page: Pixels, random: np.random.Generator) -> tuple[int, int, bool]:
        height, width = page.shape[:2]
        top = int(random.integers(height - self._resolution + 1))
        left = int(random.integers(width - self._resolution + 1))
        return top, left, bool(random.integers(2))

    def _cut(self, page: Pixels, top: int, left: int, flip: bool) -> Pixels:
        window = page[top : top + self._resolution, left : left + self._resolution]
        return window[:, ::-1] if flip else window

    def _to_device(self, pixels: Pixels) -> torch.Tensor:
        return torch.from_numpy(pixels).to(self._device).permute(0, 3, 1, 2).contiguous().float() / 127.5 - 1.0
