"""Gated DeltaNet: linear attention whose state forgets, and overwrites what it already holds for a key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..tensors import CacheEntry, Tensor, norm
from .state import convolution_state, depthwise, recurrent_state


@dataclass(frozen=True, slots=True)
class GatedDeltaNet:
    """Yang, Kautz and Hatamizadeh 2024, arXiv:2412.06464; transformers modeling_qwen3_next.py, modeling_qwen3_5.py
    and modeling_olmo_hybrid.py, which differ only in how the same rows are cut into matrices.
    """

    num_key_heads: int
    num_value_heads: int
    key_head_dim: int
    value_head_dim: int
    conv_kernel: int
    layout: str = "fused"
    """How the input projections are stored: `fused` (Qwen3-Next), `split` (Qwen3.5), `separate` (OLMo Hybrid)."""

    @property
    def key_width(self) -> int:
        """Values of all key heads of one token."""
        return self.num_key_heads * self.key_head_dim

    @property
    def value_width(self) -> int:
        """Values of all value heads of one token."""
        return self.num_value_heads * self.value_head_dim

    @property
    def conv_dim(self) -> int:
        """Channels of the convolution: queries, keys and values."""
        return 2 * self.key_width + self.value_width

    def tensors(self, hidden_size: int) -> Iterator[Tensor]:
        """Queries, keys, values, the output gate, two numbers per value head, the convolution, and the output."""
        for role, rows in self._input_projections().items():
            yield Tensor(role, rows, hidden_size, part="recurrence")
        yield from depthwise("conv1d", self.conv_dim, self.conv_kernel, bias=False)
        yield Tensor("dt_bias", self.num_value_heads, part="recurrence")
        decay = "fp32" if self.layout == "separate" else ""  # OLMo Hybrid creates it so
        yield Tensor("A_log", self.num_value_heads, part="recurrence", pinned=decay)
        yield from norm("mixer.norm", self.value_head_dim)
        output = "o_proj" if self.layout == "separate" else "out_proj"
        yield Tensor(output, hidden_size, self.value_width, part="recurrence")

    def _input_projections(self) -> dict[str, int]:
        key, value, heads = self.key_width, self.value_width, self.num_value_heads
        if self.layout == "fused":
            return {"in_proj_qkvz": 2 * key + 2 * value, "in_proj_ba": 2 * heads}
        if self.layout == "split":
            return {"in_proj_qkv": 2 * key + value, "in_proj_z": value, "in_proj_b": heads, "in_proj_a": heads}
        return {"q_proj": key, "k_proj": key, "v_proj": value, "a_proj": heads, "b_proj": heads, "g_proj": value}

    def cache(self) -> tuple[CacheEntry, ...]:
        """The last inputs of the convolution, and one matrix of key x value per value head."""
        return (
            convolution_state(self.conv_dim, self.conv_kernel),
            recurrent_state(self.num_value_heads, self.key_head_dim * self.value_head_dim, "arXiv:2412.06464 §3"),
        )

    def llama_cpp_state(self) -> tuple[int, int]:
        """Values of the convolution and of the recurrent state that llama.cpp keeps (llama-hparams.cpp, n_embd_r, n_embd_s)."""
        return (self.conv_kernel - 1) * self.conv_dim, self.key_head_dim * self.value_width
