"""A gated short convolution: the layer of LFM2 that remembers only the last few tokens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..tensors import CacheEntry, Tensor, matrix
from .state import convolution_state, depthwise


@dataclass(frozen=True, slots=True)
class ShortConvolution:
    """Liquid AI 2025, arXiv:2511.23404; transformers modeling_lfm2.py: as many channels as the hidden size."""

    channels: int
    conv_kernel: int
    bias: bool = False

    def tensors(self, hidden_size: int) -> Iterator[Tensor]:
        """Two gates and the input in one matrix, the convolution, and the output."""
        yield from matrix("in_proj", 3 * self.channels, hidden_size, part="recurrence", bias=self.bias)
        yield from depthwise("conv", self.channels, self.conv_kernel, bias=self.bias)
        yield from matrix("out_proj", hidden_size, self.channels, part="recurrence", bias=self.bias)

    def cache(self) -> tuple[CacheEntry, ...]:
        """The last inputs of the convolution."""
        return (convolution_state(self.channels, self.conv_kernel),)

    def llama_cpp_state(self) -> tuple[int, int]:
        """Values of the convolution and of the recurrent state that llama.cpp keeps (llama-hparams.cpp, n_embd_r, n_embd_s)."""
        return (self.conv_kernel - 1) * self.channels, 0
