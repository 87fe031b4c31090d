"""A pool of earlier generator outputs, so that a discriminator does not forget what it has already learnt to reject.

Shrivastava et al., "Learning from simulated and unsupervised images through adversarial training", CVPR 2017, section
2.3; used by CycleGAN (Zhu et al., ICCV 2017, section 4). Same rule as `util/image_pool.py` of the original
implementation, but with its own seeded generator that is saved with the images: the original draws from Python's
`random` and saves neither.

What is drawn stays on the CPU; what is done with it is done by operations on the device that take the same shape whatever was
drawn, so that a training step can be recorded as a CUDA graph and replayed (bench/stepping.py): `draw` before each replay.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass
class _Room:
    """On the device: `images` [size + 1, C, H, W], and for each image of a batch its slot and whether a stored one is handed out.

    The slot beyond the last is nobody's: what goes there is not kept.
    """

    images: Tensor
    slots: Tensor
    takes: Tensor

    def exchange(self, image: Tensor, at: int) -> Tensor:
        """Return what is handed out for image `at` of a batch [1, C, H, W], and put that image into its slot."""
        slot = self.slots[at : at + 1]
        handed_out = torch.where(self.takes[at], self.images.index_select(0, slot), image)
        self.images.index_copy_(0, slot, image.to(self.images.dtype))
        return handed_out


class ImagePool:
    """Keeps up to `size` images; once full, a new image is swapped for a stored one with probability 1/2."""

    def __init__(self, size: int, seed: int) -> None:
        """Make an empty pool; `size` 0 passes every image through and draws no random number."""
        self.size = size
        self._count = 0
        self._room: _Room | None = None
        self._random = torch.Generator(device="cpu").manual_seed(seed)

    def __len__(self) -> int:
        """Return how many images are stored."""
        return self._count

    def query(self, images: Tensor) -> Tensor:
        """Return a batch like `images` [N, C, H, W], detached: each one new, or a stored one in its place."""
        images = images.detach()
        if self.size == 0:
            return images
        room = self._room_for(images)
        if not (images.is_cuda and torch.cuda.is_current_stream_capturing()):
            self.draw(len(images))
        return torch.cat([room.exchange(image, at) for at, image in enumerate(torch.split(images, 1))])

    def draw(self, count: int) -> None:
        """Draw what the next `count` images meet; `query` does it itself but where its operations alone are replayed.

        Raises RuntimeError where no query has made room yet.
        """
        if self.size == 0:
            return
        if self._room is None:
            raise RuntimeError("an image pool draws for a replay after its first query")
        for at in range(count):
            slot, takes = self._choose()
            # Filled, not copied: the number goes along with the kernel, and nobody waits.
            self._room.slots[at].fill_(slot)
            self._room.takes[at].fill_(takes)

    def _choose(self) -> tuple[int, bool]:
        """Return the slot that the next image goes to, and whether the image stored there is handed out in its place."""
        if self._count < self.size:
            self._count += 1
            return self._count - 1, False
        if torch.rand((), generator=self._random, device="cpu").item() <= 0.5:
            return self.size, False
        return int(torch.randint(self.size, (), generator=self._random, device="cpu").item()), True

    def _room_for(self, images: Tensor) -> _Room:
        if self._room is None:
            self._room = _new_room(images.new_empty((self.size + 1, *images.shape[1:])), len(images))
        elif len(self._room.slots) < len(images):
            self._room = _new_room(self._room.images, len(images))
        return self._room

    def tensors(self) -> list[Tensor]:
        """Return what the pool holds on the device: room for all its images, made at the first query."""
        return [] if self._room is None else [self._room.images]

    def state(self) -> dict[str, Any]:
        """Return the stored images and the generator's state, for torch.save."""
        images = [] if self._room is None else list(torch.split(self._room.images[: self._count].clone(), 1))
        return {"images": images, "random": self._random.get_state()}

    def load_state(self, state: dict[str, Any], device: torch.device) -> None:
        """Go on from `state`, with the images on `device`; raises ValueError for more images than the pool holds."""
        images = state["images"]
        if len(images) > self.size:
            raise ValueError(f"{len(images)} images in a pool of {self.size}")
        self._count, self._room = len(images), None
        if images:
            stored = torch.cat(images).to(device)
            self._room_for(stored[:1]).images[: len(images)] = stored
        self._random.set_state(state["random"].cpu())


def _new_room(images: Tensor, batch: int) -> _Room:
    slots = torch.zeros(batch, dtype=torch.int64, device=images.device)
    return _Room(images, slots, torch.zeros(batch, dtype=torch.bool, device=images.device))
