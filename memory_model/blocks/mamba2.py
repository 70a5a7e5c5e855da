"""Mamba-2: a state space in heads, each with a state of `head_dim` x `d_state` values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..tensors import CacheEntry, Tensor, matrix, norm
from .state import convolution_state, depthwise, recurrent_state


@dataclass(frozen=True, slots=True)
class Mamba2:
    """Dao and Gu 2024, arXiv:2405.21060; transformers modeling_mamba2.py and the hybrids built on it."""

    num_heads: int
    head_dim: int
    n_groups: int
    d_state: int
    conv_kernel: int
    conv_bias: bool = True
    in_bias: bool = False
    out_bias: bool = False
    gated_norm: bool = True
    """A norm over the output, gated by the input (Falcon-H1 can go without)."""
    multipliers: bool = False
    """A factor for every projected value, in a buffer (Falcon-H1)."""

    @property
    def d_inner(self) -> int:
        """Values of all heads of one token."""
        return self.num_heads * self.head_dim

    @property
    def conv_dim(self) -> int:
        """Channels of the convolution: the values and, for every group, B and C."""
        return self.d_inner + 2 * self.n_groups * self.d_state

    def tensors(self, hidden_size: int) -> Iterator[Tensor]:
        """The two projections, the convolution, and one A, D and time-step bias per head."""
        projected = self.d_inner + self.conv_dim + self.num_heads
        yield from matrix("in_proj", projected, hidden_size, part="recurrence", bias=self.in_bias)
        if self.multipliers:
            yield Tensor("mup_vector", projected, part="recurrence", buffer=True)
        yield from depthwise("conv1d", self.conv_dim, self.conv_kernel, bias=self.conv_bias)
        for role in ("dt_bias", "A_log", "D"):
            yield Tensor(role, self.num_heads, part="recurrence")
        if self.gated_norm:
            yield from norm("mixer.norm", self.d_inner)
        yield from matrix("out_proj", hidden_size, self.d_inner, part="recurrence", bias=self.out_bias)

    def cache(self) -> tuple[CacheEntry, ...]:
        """The last inputs of the convolution, and one matrix per head."""
        return (
            convolution_state(self.conv_dim, self.conv_kernel),
            recurrent_state(self.num_heads, self.head_dim * self.d_state, "arXiv:2405.21060 §7"),
        )

    def llama_cpp_state(self) -> tuple[int, int]:
        """Values of the convolution and of the recurrent state that llama.cpp keeps (llama-hparams.cpp, n_embd_r, n_embd_s)."""
        return (self.conv_kernel - 1) * self.conv_dim, self.d_state * self.d_inner
