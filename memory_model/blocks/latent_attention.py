"""Multi-head latent attention: one compressed row per token serves the keys and values of all heads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..tensors import CacheEntry, Tensor, matrix, norm


@dataclass(frozen=True, slots=True)
class LatentAttention:
    """DeepSeek-AI 2024, arXiv:2405.04434 §2.1: caches `kv_lora_rank` + `qk_rope_head_dim` values per token."""

    num_attention_heads: int
    q_lora_rank: int | None
    kv_lora_rank: int
    qk_nope_head_dim: int
    qk_rope_head_dim: int
    v_head_dim: int
    bias: bool = False
    output_gate: bool = False
    """One more matrix gates the attention's output (Kimi K3)."""
    query_gate: bool = False
    """Queries come with a gate of the output, both from the compressed query as it is and normed (A.X K2)."""
    gates_heads: bool = False
    """One more matrix gives every head a gate for its output (Ring and Ling)."""
    sinks: bool = False
    """One learned logit in float32 per query head that takes attention away from the tokens (Hy4)."""
    scales_queries: bool = False
    """Every head scales its queries by the logarithm of their position (Mistral Large 4)."""
    shares_kv: bool = False
    """Reads the rows of an earlier layer: makes and caches none of its own (Mistral Large 4)."""

    @property
    def head_dim(self) -> int:
        """Values of a query or key head once expanded."""
        return self.qk_nope_head_dim + self.qk_rope_head_dim

    @property
    def query_width(self) -> int:
        """Values of all query heads of one token."""
        return self.num_attention_heads * self.head_dim

    @property
    def output_width(self) -> int:
        """Values of all attention outputs of one token, before the output projection."""
        return self.num_attention_heads * self.v_head_dim

    def tensors(self, hidden_size: int) -> Iterator[Tensor]:
        """The low-rank projections, their norms, and the output projection of one layer."""
        latent = self.kv_lora_rank + self.qk_rope_head_dim
        if self.q_lora_rank is None:
            yield Tensor("q_proj", self.query_width, hidden_size, part="attention")
        else:
            yield from matrix("q_a_proj", self.q_lora_rank, hidden_size, part="attention", bias=self.bias)
            yield from norm("q_a_layernorm", self.q_lora_rank)
            if self.query_gate:
                rows = self.query_width + self.output_width
                yield Tensor("q_gate_proj", rows, 2 * self.q_lora_rank, part="attention")
            else:
                yield Tensor("q_b_proj", self.query_width, self.q_lora_rank, part="attention")
        if not self.shares_kv:
            yield from matrix("kv_a_proj_with_mqa", latent, hidden_size, part="attention", bias=self.bias)
            yield from norm("kv_a_layernorm", self.kv_lora_rank)
        expanded = self.num_attention_heads * (self.qk_nope_head_dim + self.v_head_dim)
        yield Tensor("kv_b_proj", expanded, self.kv_lora_rank, part="attention")
        if self.output_gate:
            yield Tensor("g_proj", self.output_width, hidden_size, part="attention")
        if self.gates_heads:
            yield Tensor("g_proj", self.num_attention_heads, hidden_size, part="attention")
        if self.scales_queries:
            yield from norm("softmax_scaling", self.num_attention_heads, bias=True)
        if self.sinks:
            yield Tensor("sinks", self.num_attention_heads, part="attention", pinned="fp32")
        yield from matrix("o_proj", hidden_size, self.output_width, part="attention", bias=self.bias)

    def cache(self) -> tuple[CacheEntry, ...]:
        """One latent row and one rotated key row per token, shared by all heads."""
        source = "arXiv:2405.04434 §2.1.2"
        if self.shares_kv:
            return ()
        latent = CacheEntry("latent", 1, self.kv_lora_rank, "latent", source=source)
        if not self.qk_rope_head_dim:
            return (latent,)
        return latent, CacheEntry("rotated key", 1, self.qk_rope_head_dim, "latent", source=source)
