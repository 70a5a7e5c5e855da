"""sdpa in float32 with fewer KV heads than query heads: no fused kernel takes it, so scores are written out."""

from __future__ import annotations

from collections.abc import Iterator

from ...amount import Moment, Term
from ...blocks.attention import Attention
from .live import Forward, Held, only_where, times, width

MATH = "torch: math kernel, since flash has no float32 and the memory-efficient kernel no grouped heads"


def kv_heads_differ(mixer: Attention) -> bool:
    """Whether heads of keys and values are shared by several queries."""
    return mixer.num_key_value_heads < mixer.num_attention_heads


def float32_moments(forward: Forward, mixer: Attention, held: Held) -> Iterator[Moment]:
    """Moments of `_scaled_dot_product_attention_math` where all tensors are float32 already."""
    q, v = width("query width", mixer.query_width), width("output width", mixer.output_width)
    heads = width("query heads", mixer.num_attention_heads)
    keys = forward.keys(mixer.window)
    around = (
        *held,
        forward.per_key("keys copied to all heads", mixer.window, q),
        forward.per_key("values copied to all heads", mixer.window, v),
        forward.per_token("scaled queries", q),
    )
    causal = (Term("causal mask", (*forward.queries, keys, forward.value)),) if forward.is_prefill else ()

    def scores(count: int, note: str) -> Term:
        factors = (forward.sequences, *forward.queries, heads, keys, *times(count, note), forward.value)
        return Term("scores", factors)

    scaled = forward.per_key("scaled keys of all heads", mixer.window, q)
    product = (*around, *causal, scaled, scores(1, ""))
    yield Moment("queries times keys", product, MATH)
    if forward.is_prefill:
        if not forward.code.joins_heads:
            copied = (*product, forward.per_token("contiguous copy of the queries", q))
            yield from only_where(forward.sequences.value > 1, Moment("queries times keys, batched", copied, MATH))
        yield Moment("masking of the scores", (*around, *causal, scores(2, "raw, masked")), MATH)
