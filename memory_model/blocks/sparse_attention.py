"""Attention that looks only at the keys which an indexer picks: the indexer has weights and a cached key of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..tensors import CacheEntry, Tensor, norm
from .attention import Attention
from .latent_attention import LatentAttention


@dataclass(frozen=True, slots=True)
class IndexedLatentAttention(LatentAttention):
    """DeepSeek sparse attention: DeepSeek-AI 2025, arXiv:2512.02556 §2.1; transformers modeling_deepseek_v32.py.

    The whole past stays in the cache, and one index key a token beside it.
    """

    index_n_heads: int = 0
    index_head_dim: int = 0
    index_kpool: int = 0
    """So many tokens share an index key, a mean that is weighted by gates, which are cached too (GLM-5.3-Flash)."""
    indexer_pinned: str = ""
    """The number format that the norm of its key and the weights of its heads keep, empty for that of the weights."""

    def tensors(self, hidden_size: int) -> Iterator[Tensor]:
        """Latent attention and the indexer, whose key has a LayerNorm.

        Its queries come from the compressed query, or from what the layer reads, normed.
        """
        yield from LatentAttention.tensors(self, hidden_size)
        queries = self.index_n_heads * self.index_head_dim
        yield Tensor("indexer.wq_b", queries, self.q_lora_rank or hidden_size, part="attention")
        if self.q_lora_rank is None:
            yield from norm("indexer.q_input_norm", hidden_size, bias=True)
        if self.scales_queries:
            yield from norm("indexer.softmax_scaling", self.index_n_heads, bias=True)
        yield Tensor("indexer.wk", self.index_head_dim, hidden_size, part="attention")
        for tensor in norm("indexer.k_norm", self.index_head_dim, bias=True):
            yield replace(tensor, pinned=self.indexer_pinned)
        heads = Tensor("indexer.weights_proj", self.index_n_heads, hidden_size, part="attention")
        yield replace(heads, pinned=self.indexer_pinned)
        if self.index_kpool:
            yield Tensor("indexer.compress_ape", self.index_kpool, self.index_head_dim, part="attention")
            yield Tensor("indexer.compress_gate", self.index_head_dim, hidden_size, part="attention")

    def cache(self) -> tuple[CacheEntry, ...]:
        """The latent rows, and one index key, of pools with its gates and whether the token is no padding."""
        values = 2 * self.index_head_dim + 1 if self.index_kpool else self.index_head_dim
        index_key = CacheEntry("indexer key", 1, values, "key", source="arXiv:2512.02556 §2.1")
        return (*LatentAttention.cache(self), index_key)


@dataclass(frozen=True, slots=True)
class BlockSparseAttention(Attention):
    """Grouped queries over the blocks of keys that an indexer picks: transformers modeling_minimax_m3_vl.py."""

    index_n_heads: int = 0
    index_head_dim: int = 0
    index_block_size: int = 0
    """Tokens of a block, which is picked or left out as a whole."""
    index_topk_blocks: int = 0
    """Blocks that each token attends to, at most."""

    def tensors(self, hidden_size: int) -> Iterator[Tensor]:
        """Attention and the indexer: queries in heads, one key, a norm each."""
        yield from Attention.tensors(self, hidden_size)
        yield Tensor("indexer.q_proj", self.index_n_heads * self.index_head_dim, hidden_size, part="attention")
        yield Tensor("indexer.k_proj", self.index_head_dim, hidden_size, part="attention")
        yield from norm("indexer.q_norm", self.index_head_dim)
        yield from norm("indexer.k_norm", self.index_head_dim)

    def cache(self) -> tuple[CacheEntry, ...]:
        """Keys, values, and one index key a token."""
        source = "transformers modeling_minimax_m3_vl.py"
        return (*Attention.cache(self), CacheEntry("indexer key", 1, self.index_head_dim, "key", source=source))
