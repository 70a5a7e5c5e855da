"""Latent attention whose keys and values llama.cpp expands and caches for every head (minicpm3.cpp at 0c1e57098)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from ...blocks.attention import Attention
from ...blocks.latent_attention import LatentAttention
from ...model_shape import ModelShape
from ...tensors import Mixer
from ...tensors import Tensor as Stored
from .graph import Source, Tensor, computed, view
from .graph_attention import attend
from .prompt import CacheInputs, Prompt

EXPANDED = ("minicpm3",)
"""Language models that are treated so; the latent row of all others is cached as it is."""


@dataclass(frozen=True, slots=True)
class ExpandedLatentAttention(Attention):
    """Attention of as many key heads as query heads, from low-rank projections."""

    latent: LatentAttention | None = None

    def tensors(self, hidden_size: int) -> Iterator[Stored]:
        """Those of the latent attention."""
        assert self.latent is not None
        return self.latent.tensors(hidden_size)


@lru_cache(maxsize=32)
def with_expanded(model: ModelShape) -> ModelShape:
    """The model as the engine runs it."""
    if model.modeling not in EXPANDED:
        return model
    return replace(model, layers=tuple(replace(group, mixer=_expanded(group.mixer)) for group in model.layers))


def _expanded(mixer: Mixer | None) -> Mixer | None:
    if not isinstance(mixer, LatentAttention):
        return mixer
    heads, turned = mixer.num_attention_heads, mixer.qk_rope_head_dim
    return ExpandedLatentAttention(heads, heads, mixer.head_dim, mixer.v_head_dim, turned, latent=mixer)


def expanded_latent_attention(
    prompt: Prompt, mixer: ExpandedLatentAttention, cache: CacheInputs, normed: Source
) -> Tensor:
    """Queries, keys and values of all heads, and attention as of any other model."""
    n, heads, latent = prompt.tokens, mixer.num_attention_heads, mixer.latent
    assert latent is not None
    low = normed
    if latent.q_lora_rank is not None:
        low = prompt.norm(prompt.matmul(normed, latent.q_lora_rank, "low-rank queries"))
    turned, rank = latent.qk_rope_head_dim, latent.kv_lora_rank
    queries: Source = view(prompt.matmul(low, mixer.query_width, "projected queries"), mixer.head_dim, heads, n)
    queries = computed("queries", queries.shape, queries, prompt.positions)
    joined = prompt.matmul(normed, rank + turned, "latent and key")
    width = latent.qk_nope_head_dim + latent.v_head_dim
    rows = prompt.matmul(prompt.norm(view(joined, rank, n), name="latent"), heads * width, "expanded keys and values")
    values = computed("values, contiguous", (latent.v_head_dim, heads, n), view(rows))
    key = computed("rotated key", (turned, 1, n), view(joined, turned, 1, n), prompt.positions)
    repeated = computed("rotated key of all heads", (turned, heads, n), key)
    keys = computed("joined keys", (mixer.head_dim, heads, n), view(rows), repeated)
    attended = attend(prompt, mixer, cache, queries, keys, values)
    return prompt.matmul(attended, prompt.hidden_size, "attention output")
