"""The moments of an attention block: projections, rotation, cache update, scores, output."""

from __future__ import annotations

from collections.abc import Iterator

from ...amount import Factor, Lever, Moment, Term
from ...blocks.attention import Attention
from ...units import round_up, smaller
from .eager import eager_moments
from .live import FLOAT32, Forward, Held, kv_heads_repeated, only_where, output_projection, width
from .rotation import moments_before_the_cache, projections, rotated_parts

FLASH = "torch: flash kernel, no mask and equal head sizes"
EFFICIENT = "torch: memory-efficient kernel"


def attention_moments(forward: Forward, mixer: Attention, held: Held, unwritten: Held) -> Iterator[Moment]:
    """Moments of softmax attention. `held`: what the layer keeps around it; `unwritten`: its cache before the update."""
    yield from moments_before_the_cache(forward, mixer, (*held, *unwritten))
    query = _query(forward, mixer)
    if not forward.is_prefill:
        yield Moment("cache update", (*held, *_query_and_keys(forward, mixer), *_old_cache(forward, mixer)))
    if forward.is_eager:
        yield from eager_moments(forward, mixer, (*held, *query), _repeated(forward, mixer))
    else:
        yield from _sdpa_moments(forward, mixer, (*held, *query))


def _fused(forward: Forward, mixer: Attention) -> Term:
    return forward.per_token(
        "fused projection", width("query, key and value width", mixer.query_width + 2 * mixer.key_width)
    )


def _query(forward: Forward, mixer: Attention) -> Held:
    """What the attention call holds of the queries."""
    rotated = forward.per_token("queries", width("query width", mixer.query_width))
    if forward.code.holds_unrotated:
        query, key, _ = projections(forward, mixer)
        return (rotated, query, key, *rotated_parts(forward, mixer))
    if forward.code.qkv_views:
        return (_fused(forward, mixer),)
    return (_fused(forward, mixer), rotated) if mixer.fused else (rotated,)


def _query_and_keys(forward: Forward, mixer: Attention) -> Held:
    """What exists when the cache is updated."""
    keys = width("key width", mixer.key_width)
    if forward.code.qkv_views:
        return _query(forward, mixer)
    if mixer.fused:
        return (*_query(forward, mixer), forward.per_token("rotated keys", keys))
    return (*_query(forward, mixer), forward.per_token("new keys and values", keys, count=2, note="keys, values"))


def _old_cache(forward: Forward, mixer: Attention) -> Held:
    """`torch.cat` builds the new tensor while the old one lives: values in a full layer, both in a sliding one."""
    keys = width("key width", mixer.key_width)
    before = forward.context - 1
    source = "cache_utils.py DynamicLayer.update, DynamicSlidingWindowLayer.update"
    if mixer.window is None:
        tokens = Factor("tokens before", before, Lever.WORKLOAD)
        return (Term("old values while new ones are joined", (forward.sequences, tokens, keys, forward.value), source),)
    tokens = Factor("tokens before", smaller(before, mixer.window), Lever.MODEL, f"window of {mixer.window:,}")
    both = Factor("tensors", 2, Lever.ENGINE, "keys, values")
    return (
        Term(
            "old keys and values while new ones are joined",
            (forward.sequences, tokens, keys, both, forward.value),
            source,
        ),
    )


def _repeated(forward: Forward, mixer: Attention) -> Held:
    """Keys and values copied to all query heads."""
    if not kv_heads_repeated(mixer):
        return ()
    q = width("query width", mixer.query_width)
    return (forward.per_key("keys and values repeated to all heads", mixer.window, q, count=2, note="keys, values"),)


def _sdpa_moments(forward: Forward, mixer: Attention, held: Held) -> Iterator[Moment]:
    q = width("query width", mixer.query_width)
    output = forward.per_token("attention output", q)
    yield from output_projection(forward, held, output)
    keys = forward.keys(mixer.window)
    masked = mixer.window is not None and keys.value >= mixer.window
    plain = ~masked if not isinstance(masked, bool) else not masked
    log_sum_exp = forward.per_token("log-sum-exp", width("query heads", mixer.num_attention_heads), size=FLOAT32)
    rng = Term("random state of the kernel", (Factor("bytes", 24, Lever.ENGINE),))
    yield from only_where(plain, Moment("attention", (*held, output, log_sum_exp, rng), FLASH))
    if forward.is_prefill and forward.code.joins_heads:
        copy = forward.per_token("contiguous copy of the output", q)
        yield from only_where(plain, Moment("copy of the attention output", (*held, output, copy)))
    if forward.is_prefill:
        yield from only_where(masked, _masked(forward, mixer, held, output))
        padding = keys.value % 16 != 0
        together = masked & padding if not isinstance(masked, bool) else masked and padding
        yield from only_where(together, _mask_padding(forward, mixer, held))


def _masked(forward: Forward, mixer: Attention, held: Held, output: Term) -> Moment:
    padded = Factor("tokens attended to", round_up(forward.context, 16), Lever.WORKLOAD, "in steps of 16")
    mask = Term("16-bit mask", (*forward.new, padded, forward.value), "rebuilt in every layer")
    rng = Term("random state of the kernel", (Factor("bytes", 16, Lever.ENGINE),))
    return Moment("attention with a window mask", (*held, *_repeated(forward, mixer), mask, output, rng), EFFICIENT)


def _mask_padding(forward: Forward, mixer: Attention, held: Held) -> Moment:
    exact = Factor("tokens attended to", forward.context, Lever.WORKLOAD)
    padded = Factor("tokens attended to", round_up(forward.context, 16), Lever.WORKLOAD, "in steps of 16")
    masks = [
        Term(label, (*forward.new, keys, forward.value))
        for label, keys in (("16-bit mask", exact), ("padded mask", padded))
    ]
    return Moment("padding of the window mask", (*held, *_repeated(forward, mixer), *masks), EFFICIENT)
