"""Kimi Delta Attention: a gated DeltaNet that forgets at its own rate in every channel of the key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..tensors import CacheEntry, Tensor, norm
from .state import convolution_state, depthwise, recurrent_state


@dataclass(frozen=True, slots=True)
class KimiDeltaAttention:
    """Kimi Team 2025, arXiv:2510.26692; transformers modeling_kimi_linear.py."""

    num_heads: int
    head_dim: int
    conv_kernel: int
    full_rank_gate: bool = False
    """The output gate is one matrix, not two of rank `head_dim` (Kimi K3)."""
    full_rank_forget: bool = False
    """So is the forget gate (Ring and Ling)."""
    float32_taps: bool = False
    """Convolution, biases and rates of the decay stay in float32 (Ring and Ling)."""

    @property
    def width(self) -> int:
        """Values of all heads of one token: of queries, of keys and of values."""
        return self.num_heads * self.head_dim

    def tensors(self, hidden_size: int) -> Iterator[Tensor]:
        """Queries, keys, values, the convolution, the forget gate, the input gate, the output gate, and the output."""
        for role in ("q_proj", "k_proj", "v_proj"):
            yield Tensor(role, self.width, hidden_size, part="recurrence")
        pinned = "fp32" if self.float32_taps else ""
        for tensor in depthwise("conv1d", 3 * self.width, self.conv_kernel, bias=False):
            yield replace(tensor, pinned=pinned)
        if self.full_rank_forget:
            yield Tensor("f_proj", self.width, hidden_size, part="recurrence")
        else:
            yield from self._low_rank("f", hidden_size)
        yield Tensor("dt_bias", self.width, part="recurrence", pinned=pinned)
        yield Tensor("A_log", self.num_heads, part="recurrence", pinned=pinned)
        yield Tensor("b_proj", self.num_heads, hidden_size, part="recurrence")
        if self.full_rank_gate:
            yield Tensor("g_proj", self.width, hidden_size, part="recurrence")
        else:
            yield from self._low_rank("g", hidden_size)
        yield from norm("o_norm", self.head_dim)
        yield Tensor("o_proj", hidden_size, self.width, part="recurrence")

    def _low_rank(self, gate: str, hidden_size: int) -> Iterator[Tensor]:
        yield Tensor(f"{gate}_a_proj", self.head_dim, hidden_size, part="recurrence")
        yield Tensor(f"{gate}_b_proj", self.width, self.head_dim, part="recurrence")

    def cache(self) -> tuple[CacheEntry, ...]:
        """The last inputs of the convolution, and one square matrix per head."""
        return (
            convolution_state(3 * self.width, self.conv_kernel),
            recurrent_state(self.num_heads, self.head_dim**2, "arXiv:2510.26692 §3"),
        )

    def llama_cpp_state(self) -> tuple[int, int]:
        """Values of the convolution and of the recurrent state that llama.cpp keeps (llama-hparams.cpp, n_embd_r, n_embd_s)."""
        return 3 * (self.conv_kernel - 1) * self.width, self.num_heads * self.head_dim**2
