"""What a new token looks at: the rows of the past, what each costs, and the states that it updates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from .amount import Number
from .blocks.attention import Attention
from .blocks.compressed_attention import CompressedAttention
from .blocks.latent_attention import LatentAttention
from .blocks.parallel import AttentionAndMamba2
from .blocks.shared_transformer import SharedAttention
from .blocks.sparse_attention import BlockSparseAttention, IndexedLatentAttention
from .model_shape import ModelShape
from .tensors import CacheEntry, Mixer
from .units import smaller

PICKED = 2048
"""Tokens that DeepSeek's indexer picks unless the file says otherwise (configuration_deepseek_v32.py)."""


@dataclass(frozen=True, slots=True)
class Look:
    """Scores and weighted values of one layer: so many multiply-adds for each row that a new token looks at."""

    label: str
    heads: int
    width: int
    """Values of a query head and of a value head together."""
    every: int = 1
    """One row for so many tokens."""
    most: int | None = None
    """Rows that one token looks at, at most: a window, or as many as an indexer picks."""

    def pairs(self, past: Any, new: Any) -> Number:
        """Pairs of a new token and a row it looks at, in one sequence: each sees what is before it, and itself."""
        pairs: Number = self._up_to(past + new) - self._up_to(past)
        return pairs

    def _up_to(self, tokens: Any) -> Any:
        """The rows that tokens 1, 2, ... `tokens` look at, added up: the sum of min(i // every, most)."""
        rising = tokens if self.most is None else smaller(tokens, self.most * self.every - 1)
        whole, rest = rising // self.every, rising % self.every
        below = self.every * (whole * (whole - 1) // 2) + whole * (rest + 1)
        return below if self.most is None else below + (tokens - rising) * self.most


@dataclass(frozen=True, slots=True)
class Read:
    """One entry of the cache, as far as a new token reads it."""

    entry: CacheEntry
    most: int | None = None

    def rows(self, past: Any) -> Number:
        """Rows of the past that are read at least once, in one sequence."""
        rows: Number = past // self.entry.every
        return rows if self.most is None else smaller(rows, self.most)


def looks(model: ModelShape, mixer: Mixer | None, *, absorbed: bool) -> Iterator[Look]:
    """Every kind of row that one layer looks at. `absorbed`: latent attention multiplies queries by the rows as they are."""
    mixer = _attention(mixer)
    if isinstance(mixer, CompressedAttention):
        yield Look("window", mixer.num_attention_heads, 2 * mixer.head_dim, most=mixer.window)
        if mixer.compress_rate:
            yield Look(
                "compressed rows",
                mixer.num_attention_heads,
                2 * mixer.head_dim,
                mixer.compress_rate,
                _picked(model, mixer),
            )
        if mixer.index_n_heads:
            yield Look("indexer", mixer.index_n_heads, mixer.index_head_dim, mixer.compress_rate)
        return
    if isinstance(mixer, LatentAttention):
        latent = 2 * mixer.kv_lora_rank + mixer.qk_rope_head_dim
        width = latent if absorbed else mixer.head_dim + mixer.v_head_dim
        yield Look("latent attention", mixer.num_attention_heads, width, most=_picked(model, mixer))
    elif isinstance(mixer, Attention):
        label = "full attention" if mixer.window is None else f"window of {mixer.window:,}"
        width = mixer.head_dim + mixer.v_head_dim
        yield Look(label, mixer.num_attention_heads, width, most=mixer.window or _picked(model, mixer))
    if isinstance(mixer, (IndexedLatentAttention, BlockSparseAttention)):
        yield Look("indexer", mixer.index_n_heads, mixer.index_head_dim)


def reads(model: ModelShape, mixer: Mixer | None) -> Iterator[Read]:
    """Every growing entry of the cache that one layer reads, also where another layer has written it."""
    attention = _attention(mixer)
    if attention is None:
        return
    if isinstance(attention, Attention) and attention.shares_kv:
        attention = replace(attention, shares_kv=False)
    for entry in attention.cache():
        if not entry.grows:
            continue
        picked = None if entry.label == "indexer key" else _picked(model, attention)
        yield Read(entry, entry.window - 1 if entry.window else picked)


def recurrent_values(mixer: Mixer | None) -> int:
    """Values of one layer's recurrent state, of one sequence."""
    return sum(e.heads * e.width for e in states(mixer) if e.label == "recurrent state")


def states(mixer: Mixer | None) -> tuple[CacheEntry, ...]:
    """What one layer keeps that does not grow."""
    return tuple(entry for entry in mixer.cache() if not entry.grows) if mixer is not None else ()


def _attention(mixer: Mixer | None) -> Mixer | None:
    """The attention of a layer, also beside a state space or in a shared block."""
    if isinstance(mixer, AttentionAndMamba2):
        mixer = mixer.attention
    return mixer.attention if isinstance(mixer, SharedAttention) else mixer


def _picked(model: ModelShape, mixer: Mixer) -> int | None:
    """Rows that an indexer picks for one token; also for layers that follow the picks of one before (GLM-5.3)."""
    if isinstance(mixer, LatentAttention):
        indexed = any(isinstance(group.mixer, IndexedLatentAttention) for group in model.layers)
        return _stated(model, "index_topk", PICKED) if indexed else None
    if isinstance(mixer, CompressedAttention):
        return _stated(model, "index_topk", 512) if mixer.index_n_heads else None
    if isinstance(mixer, BlockSparseAttention):
        return mixer.index_topk_blocks * mixer.index_block_size
    return None


def _stated(model: ModelShape, key: str, otherwise: int) -> int:
    """A whole number of the model's file, also inside its sections; the family's default where it is left out."""
    sections: list[object] = [model.config]
    while sections:
        section = sections.pop()
        if isinstance(section, dict):
            if type(section.get(key)) is int and section[key] > 0:
                return int(section[key])
            sections.extend(section.values())
    return otherwise
