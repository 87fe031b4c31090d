"""A pool of earlier generator outputs, so that a discriminator does not forget what it has already learnt to reject.

Shrivastava et al., "Learning from simulated and unsupervised images through adversarial training", CVPR 2017, section
2.3; used by CycleGAN (Zhu et al., ICCV 2017, section 4). Same rule as `util/image_pool.py` of the original
implementation, but with its own seeded generator that is saved with the images: the original draws from Python's
`random` and saves neither.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class ImagePool:
    """Keeps up to `size` images; once full, a new image is swapped for a stored one with probability 1/2."""

    def __init__(self, size: int, seed: int) -> None:
        """Make an empty pool; `size` 0 passes every image through and draws no random number."""
        self.size = size
        self._images: list[Tensor] = []
        self._random = torch.Generator(device="cpu").manual_seed(seed)

    def __len__(self) -> int:
        """Return how many images are stored."""
        return len(self._images)

    def query(self, images: Tensor) -> Tensor:
        """Return a batch like `images` [N, C, H, W], detached: each one new, or a stored one in its place."""
        images = images.detach()
        if self.size == 0:
            return images
        return torch.cat([self._exchange(image) for image in torch.split(images, 1)])

    def _exchange(self, image: Tensor) -> Tensor:
        if len(self._images) < self.size:
            # Cloned, since a view would keep its whole batch alive.
            self._images.append(image.clone())
            return image
        if torch.rand((), generator=self._random, device="cpu").item() <= 0.5:
            return image
        index = int(torch.randint(self.size, (), generator=self._random, device="cpu").item())
        stored, self._images[index] = self._images[index], image.clone()
        return stored

    def state(self) -> dict[str, Any]:
        """Return the stored images and the generator's state, for torch.save."""
        return {"images": list(self._images), "random": self._random.get_state()}

    def load_state(self, state: dict[str, Any], device: torch.device) -> None:
        """Go on from `state`, with the images on `device`; raises ValueError for more images than the pool holds."""
        if len(state["images"]) > self.size:
            raise ValueError(f"{len(state['images'])} images in a pool of {self.size}")
        self._images = [image.to(device) for image in state["images"]]
        self._random.set_state(state["random"].cpu())
