"""The moments of an attention block: projections, rotation, cache update, scores, output."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ...amount import Factor, Lever, Moment, Term
from ...blocks.attention import Attention
from ...blocks.sparse_attention import BlockSparseAttention
from ...units import round_up
from .biased_scores import biased_moments
from .cache_update import cache_updates, keys_beside_the_cache
from .differential import differential_moments
from .dynamic_masks import dynamic_mask_moments
from .eager import eager_moments
from .falcon import biased_mask_moments, math_moments
from .float32 import float32_moments, kv_heads_differ
from .gating import projected_gate
from .live import (
    FLOAT32,
    Forward,
    Held,
    cached_key_width,
    kv_heads_repeated,
    only_where,
    width,
)
from .picked_blocks import picked_block_moments
from .products import output_projection, product_moments, quantised
from .quantized import quantized_updates, read_back
from .rotation import moments_before_the_cache, projections, rotated_parts
from .upcast_scores import unfused_in_float32, unfused_keys, upcast_moments
from .written import growth
from .zeroed_scores import zeroed_moments

FLASH = "torch: flash kernel, no mask and equal head sizes"
EFFICIENT = "torch: memory-efficient kernel"
LARGEST_FLASH_HEAD = 256
"""Larger heads go to the memory-efficient kernel, with keys and values of all heads (sdpa_attention.py)."""


def attention_moments(forward: Forward, mixer: Attention, held: Held, unwritten: Held) -> Iterator[Moment]:
    """Moments of softmax attention. `held`: what the layer keeps around it; `unwritten`: its cache before the update."""
    yield from moments_before_the_cache(forward, mixer, (*held, *unwritten))
    yield from _projections(forward, mixer, (*held, *unwritten))
    query = _query(forward, mixer)
    with_keys = _query_and_keys(forward, mixer)
    if forward.code.scales_by_position and mixer.window is None:
        size = Factor("bytes", 12, Lever.ENGINE, "position int64, scale float32")
        held = (*held, Term("positions and their scales", (*forward.queries, size)))
    if forward.cache == "quantized":
        yield from quantized_updates(forward, mixer, (*held, *with_keys))
        query = with_keys if forward.is_prefill else (*query, *read_back(forward, mixer))
    elif mixer.cache() and forward.cache != "none":
        later = growth(forward, mixer, 1, "indexer key, not written yet", only="indexer key")
        for update in cache_updates(forward, mixer, (*held, *with_keys, *later)):
            yield from only_where(forward.past > 0, update)
    if forward.cache != "quantized" and mixer.cache():
        own = Factor("needed", keys_beside_the_cache(forward, mixer), Lever.ENGINE, "not read from the cache")
        query = (*query, *(replace(term, factors=(*term.factors, own)) for term in with_keys[len(query) :]))
    if isinstance(mixer, BlockSparseAttention):
        yield from picked_block_moments(forward, mixer, (*held, *query), _repeated(forward, mixer))
    elif forward.code.scores.startswith("upcast"):
        yield from upcast_moments(forward, mixer, (*held, *query))
    elif forward.code.scores == "differential":
        repeated = _repeated(forward, mixer)
        yield from differential_moments(
            forward,
            mixer,
            (*held, *query),
            lambda around: (
                eager_moments(forward, mixer, around, repeated)
                if forward.is_eager
                else _sdpa_moments(forward, mixer, around)
            ),
        )
    elif forward.code.scores == "dynamic":
        yield from dynamic_mask_moments(forward, mixer, (*held, *query), _repeated(forward, mixer))
    elif forward.code.scores == "zeroed":
        yield from zeroed_moments(forward, mixer, (*held, *query))
    elif forward.code.scores == "biased":
        yield from biased_moments(forward, mixer, (*held, *query))
    elif forward.code.scores == "biased masks":
        yield from biased_mask_moments(forward, mixer, (*held, *query))
    elif forward.is_eager:
        yield from eager_moments(forward, mixer, (*held, *query), _repeated(forward, mixer))
    else:
        yield from _sdpa_moments(forward, mixer, (*held, *query))


def _projections(forward: Forward, mixer: Attention, held: Held) -> Iterator[Moment]:
    """Products with quantised matrices, one after the other; of keys and values of one size the second: more is alive."""
    roles = ("qkv_proj",) if mixer.fused else ("q_proj", "k_proj", "v_proj")
    found = [matrix for role in roles if (matrix := quantised(forward, mixer, role)) is not None]
    for matrix, behind in zip(found, (*found[1:], None), strict=False):
        if behind is None or behind.rows != matrix.rows or matrix.role == "q_proj":
            yield from product_moments(forward, matrix, held)
        held = (*held, forward.per_token(f"{matrix.role} output", width("outputs", matrix.rows)))


def _fused(forward: Forward, mixer: Attention) -> Term:
    return forward.per_token(
        "fused projection", width("query, key and value width", mixer.query_width + 2 * mixer.key_width)
    )


def _query(forward: Forward, mixer: Attention) -> Held:
    """What the attention call holds of the queries."""
    rotated = forward.per_token("queries", width("query width", mixer.query_width))
    if forward.code.holds_unrotated and mixer.fused:
        normed = projections(forward, mixer)[:2] if mixer.qk_norm else ()
        return (rotated, _fused(forward, mixer), *normed, *rotated_parts(forward, mixer))
    if forward.code.holds_unrotated:
        query, key, _ = projections(forward, mixer)
        return (rotated, query, key, *rotated_parts(forward, mixer))
    if forward.code.qkv_views:
        return (_fused(forward, mixer),)
    if forward.code.rotates_in_float32:
        return unfused_in_float32(forward, mixer)
    gated = mixer.output_gate and forward.code.gates != "late"
    gate = (forward.per_token("output gate", width("output width", mixer.output_width)),) if gated else ()
    gate = (*gate, *projected_gate(forward, mixer))
    return (_fused(forward, mixer), rotated) if mixer.fused else (rotated, *gate)


def _query_and_keys(forward: Forward, mixer: Attention) -> Held:
    """What exists when the cache is updated."""
    keys = width("key width", cached_key_width(mixer))
    if forward.code.qkv_views:
        return _query(forward, mixer)
    if forward.code.rotates_in_float32:
        return (*_query(forward, mixer), *unfused_keys(forward, mixer))
    if forward.code.unpacks:
        copies = forward.per_token("rotated keys, values copied out", keys, count=2, note="keys, values")
        return (*_query(forward, mixer), copies)
    if mixer.fused:
        return (*_query(forward, mixer), forward.per_token("rotated keys", keys))
    values = width("value width", mixer.value_width)
    return (*_query(forward, mixer), forward.per_token("new keys", keys), forward.per_token("new values", values))


def _repeated(forward: Forward, mixer: Attention) -> Held:
    """Keys and values copied to all query heads; sdpa packs the heads of a single token instead."""
    if not forward.is_prefill and not forward.is_eager:
        return ()
    if not kv_heads_repeated(mixer) or not forward.code.repeats_kv:
        return ()
    keys = forward.per_key("keys repeated to all heads", mixer.window, width("query width", mixer.query_width))
    values = forward.per_key("values repeated to all heads", mixer.window, width("output width", mixer.output_width))
    return keys, values


def _sdpa_moments(forward: Forward, mixer: Attention, held: Held) -> Iterator[Moment]:
    q = width("output width", mixer.output_width)
    output = forward.per_token("attention output", q)
    yield from output_projection(forward, mixer, held, output)
    if forward.code.mask_always:
        yield from _always_masked(forward, mixer, held, output)
        return
    keys = forward.keys(mixer.window)
    masked = forward.behind_others
    if mixer.window is not None:
        masked = masked | (keys.value >= mixer.window)
    if forward.cache == "static" and not forward.is_prefill:
        masked = True
    plain = ~masked if not isinstance(masked, bool) else not masked
    padding = keys.value % 16 != 0
    padded = masked & padding if not isinstance(masked, bool) else masked and padding
    large = mixer.head_dim > LARGEST_FLASH_HEAD
    if forward.is_float32 and forward.code.enable_gqa and kv_heads_differ(mixer) and not large:
        for moment in float32_moments(forward, mixer, held):
            yield from only_where(plain, moment)
        if forward.is_prefill:
            yield from only_where(masked, _masked(forward, mixer, held, output))
            yield from only_where(padded, _mask_padding(forward, mixer, held))
        return
    if forward.is_float32 or large:
        rng = Term("random state of the kernel", (Factor("bytes", 16, Lever.ENGINE),))
        copied = Moment(
            "attention by the memory-efficient kernel", (*held, *_repeated(forward, mixer), output, rng), EFFICIENT
        )
        yield from only_where(forward.is_prefill, copied)
        if forward.is_prefill:
            yield from only_where(masked, _masked(forward, mixer, held, output))
            yield from only_where(padded, _mask_padding(forward, mixer, held))
        return
    log_sum_exp = forward.per_token("log-sum-exp", width("query heads", mixer.num_attention_heads), size=FLOAT32)
    rng = Term("random state of the kernel", (Factor("bytes", 24, Lever.ENGINE),))
    yield from only_where(plain, Moment("attention", (*held, output, log_sum_exp, rng), FLASH))
    if forward.is_prefill and forward.code.joins_heads:
        copy = forward.per_token("contiguous copy of the output", q)
        yield from only_where(plain, Moment("copy of the attention output", (*held, output, copy)))
    if forward.is_prefill or forward.cache == "static":
        yield from only_where(masked, _masked(forward, mixer, held, output))
        yield from only_where(padded, _mask_padding(forward, mixer, held))


def _always_masked(forward: Forward, mixer: Attention, held: Held, output: Term) -> Iterator[Moment]:
    copy = forward.per_token("contiguous copy of the output", width("query width", mixer.query_width))
    yield from only_where(forward.is_prefill, Moment("copy of the attention output", (*held, output, copy)))
    if not forward.code.enable_gqa and cached_key_width(mixer) < mixer.query_width:
        yield from math_moments(forward, mixer, held)
        return
    exact, padded = (
        Factor("tokens attended to", forward.context, Lever.WORKLOAD),
        Factor("tokens attended to", round_up(forward.context, 16), Lever.WORKLOAD, "in steps of 16"),
    )
    mask = Term("padded 16-bit mask", (*forward.queries, padded, forward.value))
    rng = Term("random state of the kernel", (Factor("bytes", 16, Lever.ENGINE),))
    yield Moment("attention with a mask", (*held, mask, output, rng), EFFICIENT)
    unpadded = Term("16-bit mask", (*forward.queries, exact, forward.value))
    padding = Moment("padding of the mask", (*held, unpadded, mask), EFFICIENT)
    yield from only_where(exact.value % 16 != 0, padding)


def _masked(forward: Forward, mixer: Attention, held: Held, output: Term) -> Moment:
    padded = Factor(
        "tokens attended to", round_up(forward.keys(mixer.window).value, 16), Lever.WORKLOAD, "in steps of 16"
    )
    mask = Term("16-bit mask", (*forward.new, padded, forward.value), "rebuilt in every layer")
    rng = Term("random state of the kernel", (Factor("bytes", 16, Lever.ENGINE),))
    return Moment("attention with a window mask", (*held, *_repeated(forward, mixer), mask, output, rng), EFFICIENT)


def _mask_padding(forward: Forward, mixer: Attention, held: Held) -> Moment:
    exact = forward.keys(mixer.window)
    padded = Factor("tokens attended to", round_up(exact.value, 16), Lever.WORKLOAD, "in steps of 16")
    masks = [
        Term(label, (*forward.new, keys, forward.value))
        for label, keys in (("16-bit mask", exact), ("padded mask", padded))
    ]
    return Moment("padding of the window mask", (*held, *_repeated(forward, mixer), *masks), EFFICIENT)
