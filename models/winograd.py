"""Convolutions with a stride of one, trained on a processor with fewer multiplications: Winograd's minimal filtering.

A tile of m x m outputs of an r x r convolution takes (m + r - 1)**2 multiplications a channel pair in place of m**2 r**2: with
tiles of six by six inputs a quarter for r = 3 and r = 4. It is the same convolution up to rounding (1e-5 in float32, 1e-12 in
float64). Which layers gain was measured (docs/speed.md); all others, colouring, GPUs and device "meta", where FLOPs are counted,
go to torch's own.

Sources: Winograd, "Arithmetic complexity of computations", SIAM 1980; Lavin and Gray, "Fast algorithms for convolutional neural
networks", CVPR 2016, arXiv:1509.09308, sections 3 and 4, whose matrices these are for r = 3.
"""

from __future__ import annotations

import functools
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

TILE = 6
"""Height and width of a tile of the input."""

KERNELS = (3, 4)
"""Kernel sizes that occur and gain; a tile of theirs reaches no further than the tile after it."""

LEAST_CHANNELS, LEAST_TILES = 128, 64
"""Of narrower layers and smaller images torch's own convolution is as fast or faster."""

_POINTS = (0.0, 1.0, -1.0, 2.0, -2.0)
"""Where the polynomials are evaluated; infinity is the sixth."""

_SCALES = (4.0, -6.0, -6.0, 24.0, 24.0)
"""What the kernel is divided by at each, so that the other two transforms have small whole numbers."""

_INPUT_1D = (
    (4, 0, -5, 0, 1, 0), (0, -4, -4, 1, 1, 0), (0, 4, -4, -1, 1, 0),
    (0, -2, -1, 2, 1, 0), (0, 2, -1, -2, 1, 0), (0, 4, 0, -5, 0, 1),
)  # fmt: skip
"""Lavin and Gray's B transposed."""


class WinogradConv2d(nn.Conv2d):
    """`nn.Conv2d`, by `winograd_convolution` where that is known to be faster; state-dict keys are the same.

    There it can be differentiated once, which a gradient penalty cannot do with.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the convolution of [N, C, H, W]."""
        if not self._gains(input):
            return super().forward(input)
        above = int(self.padding[0])
        convolved = winograd_convolution(F.pad(input, (above,) * 4) if above else input, self.weight)
        return convolved if self.bias is None else convolved + self.bias.view(1, -1, 1, 1)

    def _get_name(self) -> str:
        return "Conv2d"

    def _gains(self, input: Tensor) -> bool:
        kernel, padding = self.kernel_size[0], self.padding
        if input.device.type != "cpu" or input.ndim != 4 or torch.is_autocast_enabled("cpu"):
            return False
        trains = torch.is_grad_enabled() and (input.requires_grad or self.weight.requires_grad)
        square = self.kernel_size == (kernel, kernel) and isinstance(padding, tuple) and padding[0] == padding[1]
        plain = self.stride == (1, 1) and self.dilation == (1, 1) and self.groups == 1 and self.padding_mode == "zeros"
        if not (trains and square and plain and kernel in KERNELS):
            return False
        height, width = (size + 2 * int(padding[0]) - kernel + 1 for size in input.shape[2:])
        outputs = TILE - kernel + 1
        tiles = len(input) * -(-height // outputs) * -(-width // outputs)
        return min(self.in_channels, self.out_channels) >= LEAST_CHANNELS and tiles >= LEAST_TILES


def winograd_convolution(image: Tensor, weight: Tensor) -> Tensor:
    """Return `F.conv2d(image, weight)` up to rounding, for [N, C, H, W] and [O, C, r, r], r of `KERNELS`; differentiable once.

    Output is [N, O, H - r + 1, W - r + 1]. For the backward pass the image is kept, not its tiles, which are larger.
    """
    convolved: Tensor = _Winograd.apply(image, weight)
    return convolved


@functools.cache
def _transforms(kernel: int, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """Return the transforms of input tiles [36, 36], of kernels [36, r * r] and of output tiles [m * m, 36]."""
    outputs = TILE - kernel + 1
    kernel_1d = [
        [point**power / scale for power in range(kernel)] for point, scale in zip(_POINTS, _SCALES, strict=True)
    ]
    kernel_1d.append([0.0] * (kernel - 1) + [1.0])
    output_1d = [[*(point**power for point in _POINTS), float(power == outputs - 1)] for power in range(outputs)]
    found = []
    for rows in (_INPUT_1D, kernel_1d, output_1d):
        # Whatever the default device is when this is first called.
        one = torch.tensor(rows, dtype=torch.float64, device="cpu")
        found.append(torch.kron(one, one).to(dtype))
    return found[0], found[1], found[2]


def _tiles(image: Tensor, across: tuple[int, int], outputs: int, transform: Tensor) -> Tensor:
    """Return the transformed tiles [36, C, N * tiles] of [N, C, H, W], which is continued with zeros as far as they reach."""
    height, width = (outputs * count + TILE - outputs for count in across)
    image = _continued(image, height, width)
    tiles = image.unfold(2, TILE, outputs).unfold(3, TILE, outputs)
    return (transform @ tiles.permute(4, 5, 1, 0, 2, 3).reshape(TILE**2, -1)).view(TILE**2, image.shape[1], -1)


def _continued(image: Tensor, height: int, width: int) -> Tensor:
    """Return the image with zeros below and to the right, up to this size."""
    missing = (0, width - image.shape[3], 0, height - image.shape[2])
    return F.pad(image, missing) if any(missing) else image


class _Winograd(torch.autograd.Function):
    """The three products, in tiles, that a convolution and its two gradients are."""

    @staticmethod
    def forward(ctx: Any, image: Tensor, weight: Tensor) -> Tensor:
        count, kernel = len(image), weight.shape[2]
        outputs = TILE - kernel + 1
        size = (image.shape[2] - kernel + 1, image.shape[3] - kernel + 1)
        ctx.across = across = (-(-size[0] // outputs), -(-size[1] // outputs))
        ctx.save_for_backward(image, weight)
        of_input, of_kernel, of_output = _transforms(kernel, image.dtype)
        product = torch.bmm(_kernels(weight, of_kernel), _tiles(image, across, outputs, of_input))
        tiles = (of_output @ product.view(TILE**2, -1)).view(outputs, outputs, len(weight), count, *across)
        whole = tiles.permute(3, 2, 4, 0, 5, 1).reshape(count, len(weight), outputs * across[0], outputs * across[1])
        convolved = whole[:, :, : size[0], : size[1]] if size != whole.shape[2:] else whole
        # A view that is made here must not be changed in place, as an activation after it does.
        return convolved.clone() if convolved._is_view() else convolved

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        image, weight = ctx.saved_tensors
        (down, right), kernel = ctx.across, weight.shape[2]
        outputs = TILE - kernel + 1
        of_input, of_kernel, of_output = _transforms(kernel, image.dtype)
        whole = _continued(gradient, outputs * down, outputs * right)
        tiles = whole.reshape(len(image), len(weight), down, outputs, right, outputs).permute(3, 5, 1, 0, 2, 4)
        of_product = (of_output.t() @ tiles.reshape(outputs**2, -1)).view(TILE**2, len(weight), -1)
        of_image = of_weight = None
        if ctx.needs_input_grad[0]:
            of_tiles = torch.bmm(_kernels(weight, of_kernel).transpose(1, 2), of_product)
            of_tiles = (of_input.t() @ of_tiles.view(TILE**2, -1)).view(TILE, TILE, -1, len(image), down, right)
            of_image = _sum_of_tiles(of_tiles, outputs)[:, :, : image.shape[2], : image.shape[3]]
        if ctx.needs_input_grad[1]:
            in_tiles = torch.bmm(of_product, _tiles(image, ctx.across, outputs, of_input).transpose(1, 2))
            in_kernels = (of_kernel.t() @ in_tiles.view(TILE**2, -1)).view(kernel, kernel, *weight.shape[:2])
            of_weight = in_kernels.permute(2, 3, 0, 1).contiguous()
        return of_image, of_weight


def _kernels(weight: Tensor, transform: Tensor) -> Tensor:
    """Return the transformed kernels [36, O, C] of [O, C, r, r]."""
    return (transform @ weight.flatten(2).flatten(0, 1).t()).view(TILE**2, *weight.shape[:2])


def _sum_of_tiles(tiles: Tensor, outputs: int) -> Tensor:
    """Return the image [N, C, H, W] in which every tile of [6, 6, C, N, down, right] is added in its place, `outputs` apart."""
    channels, count, down, right = tiles.shape[2:]
    tiles = tiles.permute(3, 2, 4, 0, 5, 1)
    beyond = TILE - outputs
    image = tiles.new_zeros(count, channels, down + 1, outputs, right + 1, outputs)
    image[:, :, :down, :, :right, :] = tiles[:, :, :, :outputs, :, :outputs]
    image[:, :, 1:, :beyond, :right, :] += tiles[:, :, :, outputs:, :, :outputs]
    image[:, :, :down, :, 1:, :beyond] += tiles[:, :, :, :outputs, :, outputs:]
    image[:, :, 1:, :beyond, 1:, :beyond] += tiles[:, :, :, outputs:, :, outputs:]
    return image.view(count, channels, outputs * (down + 1), outputs * (right + 1))
