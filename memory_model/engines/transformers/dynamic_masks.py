"""Attention of Doge: a mask for each key head, which values decide, copied to all query heads before the scores."""

from __future__ import annotations

from collections.abc import Iterator

from ...amount import Factor, Lever, Moment, Term
from ...blocks.attention import Attention
from ...units import round_up
from .eager import eager_moments
from .live import BOOL, INT64, Forward, Held, cached_key_width, kv_heads_repeated, only_where, width
from .products import output_projection

SOURCE = "modeling_doge.py DogeAttention.prepare_dynamic_mask"
KEPT = 2048
"""Tokens that no head leaves out, unless the config says otherwise (`keep_window_size`)."""


def dynamic_mask_moments(forward: Forward, mixer: Attention, held: Held, repeated: Held) -> Iterator[Moment]:
    """Moments behind the cache update. `repeated`: keys and values copied to all query heads."""
    keys, kv_heads = forward.keys(None), width("KV heads", mixer.num_key_value_heads)
    reach = forward.per_key("how far each head looks", None, kv_heads)
    copy = forward.per_key("contiguous copy of the values", None, width("value width", cached_key_width(mixer)))
    yield from only_where(mixer.num_key_value_heads > 1, Moment("reach of the heads", (*held, copy, reach), SOURCE))
    held = (*held, reach)
    pairs = (*forward.queries, keys)
    own = Term("mask of each key head", (forward.sequences, *pairs, kv_heads, forward.value))
    in_16_bits = () if forward.is_eager else (Term("mask in 16 bits", (forward.sequences, *pairs, forward.value)),)
    yield from _chosen(forward, mixer, (*held, own, *in_16_bits))
    mask = own
    if kv_heads_repeated(mixer):
        heads = width("query heads", mixer.num_attention_heads)
        mask = Term("mask of each head", (forward.sequences, *pairs, heads, forward.value))
        yield Moment("masks copied to all heads", (*held, own, mask), SOURCE)
    yield from attention_with_masks(forward, mixer, (*held, mask), repeated)


def attention_with_masks(forward: Forward, mixer: Attention, held: Held, repeated: Held) -> Iterator[Moment]:
    """Scores, or a kernel that takes a mask for each head, which is among `held`."""
    keys, heads = forward.keys(None), width("query heads", mixer.num_attention_heads)
    if forward.is_eager:
        yield from eager_moments(forward, mixer, held, repeated)
        return
    v = width("output width", mixer.output_width)
    output = forward.per_token("attention output", v)
    yield from output_projection(forward, mixer, held, output)
    if forward.is_prefill:
        yield Moment("copy of the attention output", (*held, output, forward.per_token("merged heads", v)))
    rng = Term("random state of the kernel", (Factor("bytes", 16, Lever.ENGINE),))
    yield Moment("attention with a mask", (*held, *repeated, output, rng), SOURCE)
    steps = Factor("tokens attended to", round_up(keys.value, 16), Lever.WORKLOAD, "in steps of 16")
    padded = Term("padded mask", (forward.sequences, *forward.queries, steps, heads, forward.value))
    moment = Moment("attention with a padded mask", (*held, *repeated, padded, output, rng), SOURCE)
    yield from only_where(keys.value % 16 != 0, moment)


def _chosen(forward: Forward, mixer: Attention, held: Held) -> Iterator[Moment]:
    """Beyond what is kept, every head looks at as many tokens as that. `held`: its mask with them."""
    kept = forward.stated("keep_window_size", KEPT)
    every = (forward.sequences, *forward.queries, width("KV heads", mixer.num_key_value_heads))
    keys = forward.keys(None)
    zeros = Term("which tokens are active", (*every, keys, forward.value))
    ids = Term("chosen tokens", (*every, width("tokens kept", kept), INT64))
    marked = Term("chosen tokens, marked", (*every, keys, forward.value))
    is_left, fewer = Term("tokens left out", (*every, keys, BOOL)), Term("mask of fewer", (*every, keys, forward.value))
    for moment in (
        Moment("choosing of tokens", (*held, zeros, ids, marked), SOURCE),
        Moment("masking of tokens", (*held, marked, ids, is_left, fewer), SOURCE),
    ):
        yield from only_where(keys.value > kept, moment)
