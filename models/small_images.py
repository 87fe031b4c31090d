"""Convolutions between images of a few pixels, trained on a processor as one product of matrices.

At a batch of one the middle of a U-Net has more weights than pixels: 8 million between two images of four. torch's own convolutions
bring the weights into another order at every call, forward and back, which takes longer than the sums. One product reads them as
they lie. It is the same convolution up to rounding. Which layers gain was measured (docs/speed.md); all others, colouring, GPUs and
device "meta", where FLOPs are counted, go to torch's own.

Source: Chellapilla, Puri and Simard, "High performance convolutional neural networks for document processing", 2006, section 3.1
(unrolled convolutions).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LEAST_CHANNELS = 256
"""Narrower layers have few weights to bring into order."""

MOST_PIXELS = 16
"""Of all input images of a transposed convolution together: with more, torch's own is as fast."""


class SmallConv2d(nn.Conv2d):
    """`nn.Conv2d`, as one product where its output is a single pixel; state-dict keys are the same."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the convolution of [N, C, H, W]."""
        if not (_trains_plainly(self, input) and self._output_size(input) == (1, 1)):
            return super().forward(input)
        return convolution_to_one_pixel(input, self.weight, self.bias, int(self.padding[0]))

    def _get_name(self) -> str:
        return "Conv2d"

    def _output_size(self, input: Tensor) -> tuple[int, ...]:
        more = 2 * int(self.padding[0]) - self.kernel_size[0]
        return tuple((size + more) // self.stride[0] + 1 for size in input.shape[2:])


class SmallConvTranspose2d(nn.ConvTranspose2d):
    """`nn.ConvTranspose2d`, as one product for images of a few pixels; state-dict keys are the same."""

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Return the transposed convolution of [N, C, H, W]."""
        pixels = input.shape[0] * input.shape[2] * input.shape[3] if input.ndim == 4 else MOST_PIXELS + 1
        if output_size is not None or pixels > MOST_PIXELS or not _trains_plainly(self, input):
            return super().forward(input, output_size)
        return transposed_convolution(
            input, self.weight, self.bias, int(self.stride[0]), int(self.padding[0]), int(self.output_padding[0])
        )

    def _get_name(self) -> str:
        return "ConvTranspose2d"


def convolution_to_one_pixel(image: Tensor, weight: Tensor, bias: Tensor | None, padding: int) -> Tensor:
    """Return `F.conv2d` of [N, C, H, W] and [O, C, k, k] where its output is [N, O, 1, 1], up to rounding."""
    kernel = weight.shape[2]
    columns = F.pad(image, (padding,) * 4)[:, :, :kernel, :kernel].reshape(len(image), -1)
    return F.linear(columns, weight.reshape(len(weight), -1), bias)[:, :, None, None]


def transposed_convolution(
    image: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: int, output_padding: int
) -> Tensor:
    """Return `F.conv_transpose2d` of [N, C, H, W] and [C, O, k, k], up to rounding."""
    kernel = weight.shape[2]
    height, width = ((side - 1) * stride - 2 * padding + kernel + output_padding for side in image.shape[2:])
    # A row a pixel: the other way about, two or four columns take five times as long.
    rows = image.flatten(2).transpose(1, 2) @ weight.reshape(len(weight), -1)
    made = F.fold(rows.transpose(1, 2), (height, width), kernel, padding=padding, stride=stride)
    return made if bias is None else made + bias.view(1, -1, 1, 1)


def _trains_plainly(layer: nn.Conv2d | nn.ConvTranspose2d, input: Tensor) -> bool:
    """Whether a wide layer without dilation or groups trains on a processor, its lengths alike in both directions."""
    if input.device.type != "cpu" or input.ndim != 4 or torch.is_autocast_enabled("cpu"):
        return False
    trains = torch.is_grad_enabled() and (input.requires_grad or layer.weight.requires_grad)
    lengths = (layer.kernel_size, layer.stride, layer.padding, layer.output_padding)
    square = all(isinstance(pair, tuple) and pair[0] == pair[1] for pair in lengths)
    plain = layer.dilation == (1, 1) and layer.groups == 1 and layer.padding_mode == "zeros"
    return trains and square and plain and min(layer.in_channels, layer.out_channels) >= LEAST_CHANNELS
