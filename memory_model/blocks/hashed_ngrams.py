"""Qwen4's layers: embeddings of hashed n-grams beside a delta rule, full attention with an indexer, gated streams."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from ..tensors import CacheEntry, Tensor, norm
from .attention import Attention
from .delta_net import GatedDeltaNet
from .state import convolution_state, depthwise

SOURCE = "transformers modeling_qwen4_exp.py"


@dataclass(frozen=True, slots=True)
class DeltaNetWithNgrams(GatedDeltaNet):
    """A delta rule behind what hashed n-grams of tokens add to every stream (Qwen4ExpTextPLELayer)."""

    streams: int = 4
    ngram_rows: int = 0
    """Rows of the table, for all heads of all n-grams."""
    ngram_heads: int = 0
    ngram_width: int = 0
    """Values of all heads of one token."""
    ngram_size: int = 3
    ngram_kernel: int = 4
    hidden_size: int = 0

    def tensors(self, hidden_size: int) -> Iterator[Tensor]:
        """The table, a key for each stream, one value, three norms and a convolution over all streams."""
        yield from GatedDeltaNet.tensors(self, hidden_size)
        wide = self.streams * hidden_size
        yield Tensor("ngram_embedding", self.ngram_rows, self.ngram_width // self.ngram_heads, part="embedding")
        yield Tensor("ple.key_proj", wide, self.ngram_width, part="recurrence")
        yield Tensor("ple.value_proj", hidden_size, self.ngram_width, part="recurrence")
        for role in ("ple.norm_key", "ple.norm_query", "ple.norm_conv"):
            yield from norm(role, wide)
        yield from depthwise("ple.conv1d", wide, self.ngram_kernel, bias=False)
        hashing = self.ngram_size + 2 * self.ngram_heads
        yield Tensor("ple.hashing", hashing, part="embedding", pinned="int64", buffer=True)

    def cache(self) -> tuple[CacheEntry, ...]:
        """Also the last inputs of the dilated convolution, and the tokens before the next one."""
        dilated = (self.ngram_kernel - 1) * self.ngram_size
        tokens = CacheEntry(
            "tokens of n-grams", 1, self.ngram_size - 1, "state", grows=False, pinned="int64", source=SOURCE
        )
        return (*GatedDeltaNet.cache(self), convolution_state(self.streams * self.hidden_size, dilated), tokens)


@dataclass(frozen=True, slots=True)
class PickedTokensAttention(Attention):
    """Grouped queries over the tokens that an indexer picks in blocks (Qwen4ExpTextAttention)."""

    index_n_heads: int = 0
    index_head_dim: int = 0
    keeps_positions: bool = False
    """The first such layer keeps the positions of all tokens: three of each once it joins them, one of a whole prompt."""

    def tensors(self, hidden_size: int) -> Iterator[Tensor]:
        """Attention, and queries and the one key of the indexer in one matrix, a norm each."""
        yield from Attention.tensors(self, hidden_size)
        rows = (self.index_n_heads + 1) * self.index_head_dim
        yield Tensor("indexer.index_qk_proj", rows, hidden_size, part="attention")
        yield from norm("indexer.q_layernorm", self.index_head_dim)
        yield from norm("indexer.k_layernorm", self.index_head_dim)

    def cache(self) -> tuple[CacheEntry, ...]:
        """Keys, values, one index key a token, and positions once."""
        found = (*Attention.cache(self), CacheEntry("indexer key", 1, self.index_head_dim, "key", source=SOURCE))
        if not self.keeps_positions:
            return found
        return (*found, CacheEntry("positions", 1, 1, "key", pinned="int64", source=SOURCE, behind_view=2))


@dataclass(frozen=True, slots=True)
class GatedStreams:
    """What makes one input of several streams, and spreads a block's output over them (Qwen4ExpTextGatedResidual)."""

    streams: int
    rank: int

    def tensors(self, hidden_size: int, role: str, *, spreads: bool = True) -> Iterator[Tensor]:
        """A norm, a matrix of low rank in two, and a row for each stream where the output is spread."""
        wide = self.streams * hidden_size
        yield from norm(f"{role}.hc_norm", wide)
        yield Tensor(f"{role}.input_mix_weight_down", self.rank, wide, part="other")
        yield Tensor(f"{role}.input_mix_weight_up", wide, self.rank, part="other")
        if spreads:
            yield Tensor(f"{role}.block_inject_weight", self.streams, wide, part="other")


@lru_cache(maxsize=64)
def primes_from(least: int, skipped: int, count: int) -> tuple[int, ...]:
    """Prime numbers from `least` on, `count` of them behind the first `skipped`: the sizes of hashed tables."""
    found: list[int] = []
    number = least - 1
    while len(found) < skipped + count:
        number += 1
        if number > 1 and all(number % divisor for divisor in range(2, int(number**0.5) + 1)):
            found.append(number)
    return tuple(found[skipped:])
