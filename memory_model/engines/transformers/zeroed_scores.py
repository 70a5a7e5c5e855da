"""Eager attention of GPT-NeoX Japanese: scores are added to zeros, which live with them until the values are weighed."""

from __future__ import annotations

from collections.abc import Iterator

from ...amount import Moment, Term
from ...blocks.attention import Attention
from .live import Forward, Held, only_where, times, width
from .products import output_projection

SOURCE = "modeling_gpt_neox_japanese.py GPTNeoXJapaneseAttention._attn"


def zeroed_moments(forward: Forward, mixer: Attention, held: Held) -> Iterator[Moment]:
    """Moments around the softmax, all in the type that is computed in."""
    heads, v = width("query heads", mixer.num_attention_heads), width("output width", mixer.output_width)
    row = (forward.sequences, *forward.queries, heads, forward.keys(mixer.window))
    several = Term("scores", (*row, *times(3, "zeros, masked, softmax"), forward.value))
    weights, output = Term("attention weights", (*row, forward.value)), forward.per_token("attention output", v)
    yield Moment("softmax", (*held, several), SOURCE)
    weighing = Moment("weights times values", (*held, several, output), SOURCE)
    yield weighing
    if forward.is_prefill and forward.cache in ("none", "quantized"):
        copy = forward.per_token("contiguous copy of the values", width("value width", mixer.value_width))
        batched = Moment("weights times values, batched", (*weighing.terms, copy), SOURCE)
        yield from only_where(forward.sequences.value > 1, batched)
    if forward.is_prefill:
        yield Moment("merging of the heads", (*held, weights, output, forward.per_token("merged heads", v)))
    yield from output_projection(forward, mixer, (*held, weights), output)
