"""The recurrent block of Griffin: a short convolution, then a real-gated linear recurrent unit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..tensors import CacheEntry, Tensor, matrix
from .state import convolution_state, depthwise, recurrent_state


@dataclass(frozen=True, slots=True)
class RgLru:
    """De et al. 2024, arXiv:2402.19427; transformers modeling_recurrent_gemma.py."""

    lru_width: int
    num_heads: int
    conv_kernel: int

    def tensors(self, hidden_size: int) -> Iterator[Tensor]:
        """Three projections with biases, the convolution, and block-diagonal gates, which no scheme quantises."""
        for role in ("linear_y", "linear_x"):
            yield from matrix(role, self.lru_width, hidden_size, part="recurrence", bias=True)
        yield from matrix("linear_out", hidden_size, self.lru_width, part="recurrence", bias=True)
        yield from depthwise("conv_1d", self.lru_width, self.conv_kernel, bias=True)
        block = self.lru_width // self.num_heads
        yield Tensor("recurrent_param", self.lru_width, part="recurrence")
        for gate in ("input_gate", "recurrent_gate"):
            yield Tensor(f"{gate}_weight", self.num_heads * block * block, part="recurrence")
            yield Tensor(f"{gate}_bias", self.num_heads * block, part="recurrence")

    def cache(self) -> tuple[CacheEntry, ...]:
        """The inputs before the newest one, and one value per channel: held in the layer itself, not in a cache object."""
        return (
            convolution_state(self.lru_width, self.conv_kernel - 1, behind_view=1),
            recurrent_state(1, self.lru_width, "arXiv:2402.19427 §2.4"),
        )
