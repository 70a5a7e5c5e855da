"""DeepSeek-V4: a short window of single shared key-values, and compressed ones, one for every few tokens of the past."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..tensors import CacheEntry, Tensor

SOURCE = "transformers modeling_deepseek_v4.py"


@dataclass(frozen=True, slots=True)
class CompressedAttention:
    """Keys and values are one row of `head_dim` values for all heads; the output projection has `o_groups` groups.

    `compress_rate` 0: the window alone. With `index_n_heads` the compressor overlaps its windows and an indexer picks
    among the compressed rows (CSA); without, queries look at all of them (HCA). DeepSeek-AI 2026, §2.3.
    """

    num_attention_heads: int
    head_dim: int
    q_lora_rank: int
    o_groups: int
    o_lora_rank: int
    window: int
    compress_rate: int = 0
    index_n_heads: int = 0
    index_head_dim: int = 0

    @property
    def query_width(self) -> int:
        """Values of all query heads of one token."""
        return self.num_attention_heads * self.head_dim

    @property
    def output_width(self) -> int:
        """Values of all attention outputs of one token, before the output projection."""
        return self.query_width

    def tensors(self, hidden_size: int) -> Iterator[Tensor]:
        """Low-rank queries, the shared key-value, the grouped output projection, and the compressor."""
        yield Tensor("q_a_proj", self.q_lora_rank, hidden_size, part="attention")
        yield _norm("q_a_layernorm", self.q_lora_rank)
        yield Tensor("q_b_proj", self.query_width, self.q_lora_rank, part="attention")
        yield Tensor("kv_proj", self.head_dim, hidden_size, part="attention")
        yield _norm("kv_norm", self.head_dim)
        grouped = self.o_groups * self.o_lora_rank
        yield Tensor("o_a_proj", grouped, self.query_width // self.o_groups, part="attention")
        yield Tensor("o_b_proj", hidden_size, grouped, part="attention")
        yield Tensor("sinks", self.num_attention_heads, part="attention", pinned="fp32")
        if self.compress_rate:
            yield from self._compressor("compressor", self.head_dim, hidden_size)
        if self.index_n_heads:
            yield from self._compressor("indexer", self.index_head_dim, hidden_size)
            queries = self.index_n_heads * self.index_head_dim
            yield Tensor("indexer.q_b_proj", queries, self.q_lora_rank, part="attention")
            yield Tensor("indexer.weights_proj", self.index_n_heads, hidden_size, part="attention")

    def _compressor(self, role: str, width: int, hidden_size: int) -> Iterator[Tensor]:
        series = 2 * width if self.index_n_heads else width  # overlapping windows are two series
        yield Tensor(f"{role}.kv_proj", series, hidden_size, part="attention")
        yield Tensor(f"{role}.gate_proj", series, hidden_size, part="attention")
        yield Tensor(f"{role}.position_bias", self.compress_rate, series, part="attention", pinned="fp32")
        yield _norm(f"{role}.kv_norm", width)

    def cache(self) -> tuple[CacheEntry, ...]:
        """The window's rows, and one compressed row (and index key) for every `compress_rate` tokens."""
        twice = 0 if self.compress_rate else 2  # where nothing is compressed, transformers caches keys and values
        shared = CacheEntry("shared key-value", 1, self.head_dim, "latent", window=self.window, source=SOURCE)
        entries = [replace(shared, repeated_heads=twice)]
        if self.compress_rate:
            entries.append(
                CacheEntry("compressed", 1, self.head_dim, "latent", source=SOURCE, every=self.compress_rate)
            )
        if self.index_n_heads:
            every = self.compress_rate
            entries.append(CacheEntry("indexer key", 1, self.index_head_dim, "key", source=SOURCE, every=every))
        return tuple(entries)

    def llama_cpp_states(self) -> Iterator[tuple[str, int, int]]:
        """What llama.cpp keeps of tokens that are not compressed yet: a label, rows and values of one, for rows and scores."""
        if not self.compress_rate:
            return
        series = 2 if self.index_n_heads else 1  # windows that overlap
        yield "compressor", series * self.compress_rate, series * self.head_dim
        if self.index_n_heads:
            yield "indexer's compressor", series * self.compress_rate, series * self.index_head_dim


@dataclass(frozen=True, slots=True)
class HyperConnections:
    """Two mixers of `hc_mult` residual streams a layer, float32: Xie et al. 2025, arXiv:2512.24880."""

    hc_mult: int
    mixers_pinned: str = "fp32"
    """The number format of what reads the streams; empty for that of the weights (GLM-5.3-Flash)."""
    independent: bool = False
    """Streams are not mixed with each other (Hy4)."""

    def tensors(self, hidden_size: int) -> Iterator[Tensor]:
        """For attention and MLP each: weights that read and write the streams."""
        mixed = 0 if self.independent else self.hc_mult
        rows, streams = (2 + mixed) * self.hc_mult, self.hc_mult * hidden_size
        for place in ("attn_hc", "ffn_hc"):
            yield Tensor(f"{place}.fn", rows, streams, pinned=self.mixers_pinned)
            yield Tensor(f"{place}.base", rows, pinned="fp32")
            yield Tensor(f"{place}.scale", 2 if self.independent else 3, pinned="fp32")

    def head(self, hidden_size: int) -> Iterator[Tensor]:
        """What collapses the streams behind the last layer."""
        yield Tensor("hc_head.fn", self.hc_mult, self.hc_mult * hidden_size, pinned="fp32")
        yield Tensor("hc_head.base", self.hc_mult, pinned="fp32")
        yield Tensor("hc_head.scale", 1, pinned="fp32")


def _norm(role: str, width: int) -> Tensor:
    return Tensor(role, width, part="norms", pinned="fp32")
