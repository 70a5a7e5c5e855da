"""Softmax attention that caches keys and values: MHA, GQA and MQA, over the whole past or a window of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from ..tensors import CacheEntry, Tensor, matrix, norm

LAYER_NORMS = ("layer", "heads")
"""Norms of queries and keys that are LayerNorms, with biases."""


@dataclass(frozen=True, slots=True)
class Attention:
    """Queries in `num_attention_heads`, keys and values in `num_key_value_heads` heads of `head_dim` values.

    Vaswani et al. 2017, arXiv:1706.03762 (MHA); Ainslie et al. 2023, arXiv:2305.13245 (GQA); windows: Beltagy et al.
    2020, arXiv:2004.05150.
    """

    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    v_head_dim: int
    rotary_dim: int = 0
    """How many values of each head are rotated; 0 for learned positions."""
    window: int | None = None
    qkv_bias: bool = False
    o_bias: bool = False
    qk_norm: str = ""
    """`head`: one norm weight of head_dim for queries and one for keys; `full`: over all heads; `unweighted`: a norm on
    every head that has no weights; `layer`: as `head`, with biases; `heads`: so, with weights for each head (Chameleon)."""
    sinks: bool = False
    """One learned logit per query head that takes attention away from the tokens (gpt-oss)."""
    sinks_stored: str = ""
    """The number format that the sinks keep, empty for that of the weights."""
    fused: bool = False
    """Queries, keys and values come out of one matrix."""
    repeated_heads: int = 0
    """Heads that transformers caches where it repeats keys and values before it stores them (Falcon's groups)."""
    output_gate: bool = False
    """Queries come with a gate of the same width for the output (arXiv:2505.06708)."""
    gate_width: int = 0
    """A matrix of its own gives the output so many gates: one for each value, or one for each head (Laguna); 0: none."""
    shares_kv: bool = False
    """Reads the keys and values of an earlier layer: has none of its own and caches nothing (Gemma 3n)."""
    k_eq_v: bool = False
    """Values are the unrotated keys: cached apart, without a projection of their own (Gemma 4)."""

    @property
    def query_width(self) -> int:
        """Values of all query heads of one token."""
        return self.num_attention_heads * self.head_dim

    @property
    def key_width(self) -> int:
        """Values of all key heads of one token."""
        return self.num_key_value_heads * self.head_dim

    @property
    def value_width(self) -> int:
        """Values of all value heads of one token."""
        return self.num_key_value_heads * self.v_head_dim

    @property
    def output_width(self) -> int:
        """Values of all attention outputs of one token, before the output projection."""
        return self.num_attention_heads * self.v_head_dim

    def tensors(self, hidden_size: int) -> Iterator[Tensor]:
        """The matrices, biases and norms of one layer."""
        queries = self.query_width * (2 if self.output_gate else 1)
        projections = {"q_proj": queries, "k_proj": self.key_width, "v_proj": self.value_width}
        if self.shares_kv:
            projections = {"q_proj": queries}
        elif self.k_eq_v:
            del projections["v_proj"]
        if self.fused:
            projections = {"qkv_proj": sum(projections.values())}
        for role, rows in projections.items():
            yield from matrix(role, rows, hidden_size, part="attention", bias=self.qkv_bias)
        if self.gate_width:
            yield Tensor("gate_proj", self.gate_width, hidden_size, part="attention")
        yield from matrix("o_proj", hidden_size, self.output_width, part="attention", bias=self.o_bias)
        if self.qk_norm and self.qk_norm != "unweighted":
            full = self.qk_norm in ("full", "heads")
            biased = self.qk_norm in LAYER_NORMS
            yield from norm("q_norm", self.query_width if full else self.head_dim, bias=biased)
            if not self.shares_kv:
                yield from norm("k_norm", self.key_width if full else self.head_dim, bias=biased)
        if self.sinks:
            yield Tensor("sinks", self.num_attention_heads, part="attention", pinned=self.sinks_stored)

    def cache(self) -> tuple[CacheEntry, ...]:
        """One row of keys and one of values per token."""
        return _keys_and_values(self)


@lru_cache(maxsize=1024)
def _keys_and_values(attention: Attention) -> tuple[CacheEntry, ...]:
    """Kept, since a search for what fits asks thousands of times."""
    if attention.shares_kv:
        return ()
    heads = attention.num_key_value_heads
    source = "arXiv:2305.13245 §2" if heads < attention.num_attention_heads else "arXiv:1706.03762"
    key = CacheEntry("keys", heads, attention.head_dim, "key", window=attention.window, source=source)
    key = replace(key, repeated_heads=attention.repeated_heads)
    return key, replace(key, label="values", width=attention.v_head_dim, role="value")
