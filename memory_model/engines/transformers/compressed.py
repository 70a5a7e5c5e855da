"""The moments of a layer with compressed attention and several residual streams (DeepSeek V4)."""

from __future__ import annotations

from collections.abc import Iterator

from ...amount import Factor, Lever, Moment, Term
from ...blocks.compressed_attention import CompressedAttention
from ...blocks.mlp import MixtureOfExperts
from ...model_shape import LayerGroup
from ...units import where
from .feed_forward import expert_moments
from .live import FLOAT32, Forward, Held, only_where, times, width
from .written import growth

ROTATED = 64
"""Rotated values of a head (configuration_deepseek_v4.py, qk_rope_head_dim)."""


def compressed_moments(forward: Forward, group: LayerGroup, layer: int, later: Held) -> Iterator[Moment]:
    """Moments of DeepseekV4DecoderLayer.forward. `later`: less what later layers have not cached yet."""
    mixer, hidden = group.mixer, forward.hidden
    if not isinstance(mixer, CompressedAttention):
        return
    streams = width("streams", forward.stated("hc_mult", forward.code.streams))
    tables = forward.per_token("cos and sin tables", width("rotated pairs", ROTATED // 2), count=4, note="two kinds")
    size = Factor("bytes", 8, Lever.ENGINE)
    so_far = layer + 1 if forward.is_prefill else forward.deployment.model.num_hidden_layers
    kept = (
        *later,
        Term("window tensors", (width("layers", so_far), size), "cache_utils.py DynamicSlidingWindowLayer"),
        forward.stream("token embedding"),
        tables,
        Term("window attention mask", (*forward.new, forward.keys(mixer.window), forward.value)),
        forward.per_token("layer input", streams, hidden),
        forward.per_token("collapsed and normed input", hidden, count=2, note="collapsed, normed"),
        forward.per_token("weights between streams", streams, streams, size=FLOAT32),
        forward.per_token("weights of streams", streams, size=FLOAT32),
    )
    unwritten = growth(forward, mixer, 1, "cache of this layer, not written yet")
    yield from _norm_of_queries(forward, mixer, (*kept, *unwritten, *_buffers(forward, layer - 1)))
    kept = (*kept, *_buffers(forward, layer))
    yield from _attention(forward, mixer, kept)
    if isinstance(group.mlp, MixtureOfExperts):
        after = forward.per_token("streams after attention", streams, hidden)
        weights = _scores(forward, mixer, "attention weights", 0)
        yield from expert_moments(forward, group.mlp, (*kept, after, weights))


def _keys(forward: Forward, mixer: CompressedAttention, more: int = 0) -> Factor:
    compressed = forward.context // mixer.compress_rate if mixer.compress_rate else 0
    value = forward.keys(mixer.window).value + compressed + more  # type: ignore[operator]
    return Factor("tokens and compressed rows", value, Lever.WORKLOAD)


def _scores(
    forward: Forward,
    mixer: CompressedAttention,
    label: str,
    more: int,
    count: int = 1,
    note: str = "",
    *,
    full: bool = False,
) -> Term:
    heads = width("query heads", mixer.num_attention_heads)
    size = FLOAT32 if full else forward.value
    rows = (*forward.new, heads, _keys(forward, mixer, more))
    return Term(label, (*rows, *times(count, note), size))


def _buffers(forward: Forward, layer: int) -> Held:
    """Views of what the compressors projected, kept until decoding replaces them: whole prompts stay alive."""
    if not forward.is_prefill:
        return ()
    values = 0
    for group in forward.deployment.model.layers:
        mixer = group.mixer
        if isinstance(mixer, CompressedAttention) and mixer.compress_rate:
            series = 2 * (mixer.head_dim + mixer.index_head_dim) if mixer.index_n_heads else mixer.head_dim
            values += series * sum(1 for position in group.layers if position <= layer)
    if not values:
        return ()
    projected = width("values of all compressors so far", values)
    return (forward.per_token("buffers of the compressors", projected, count=2, note="rows, gates"),)


def _norm_of_queries(forward: Forward, mixer: CompressedAttention, held: Held) -> Iterator[Moment]:
    q = width("query width", mixer.num_attention_heads * mixer.head_dim)
    latent = forward.per_token("query latent", width("query latent size", mixer.q_lora_rank))
    floats = forward.per_token("queries in float32", q, count=2, note="copy, square", size=FLOAT32)
    projected = forward.per_token("query projection", q)
    yield from only_where(forward.is_prefill, Moment("norm of queries", (*held, latent, projected, floats)))


def _attention(forward: Forward, mixer: CompressedAttention, held: Held) -> Iterator[Moment]:
    q = width("query width", mixer.num_attention_heads * mixer.head_dim)
    latent = forward.per_token("query latent", width("query latent size", mixer.q_lora_rank))
    around = (*held, latent, forward.per_token("queries", q))
    if mixer.compress_rate:
        rows = width("head size", mixer.head_dim)
        keys = _keys(forward, mixer)
        around = (*around, Term("window and compressed rows", (forward.sequences, keys, rows, forward.value)))
    if mixer.compress_rate and forward.is_prefill:
        count = forward.context // mixer.compress_rate + (1 if mixer.index_n_heads else 0)
        chosen = Factor("compressed rows", count, Lever.WORKLOAD)
        around = (
            *around,
            Term("mask of window and compressed rows", (*forward.new, _keys(forward, mixer), forward.value)),
            Term("mask of compressed rows", (*forward.new, chosen, forward.value)),
        )
    both = _scores(forward, mixer, "scores in float32", 1, 2, "less their maximum, softmax", full=True)
    weights = _scores(forward, mixer, "attention weights", 0)
    yield Moment("softmax", (*around, both, weights, _scores(forward, mixer, "masked scores", 0)))
    output = forward.per_token("attention output", q)
    several = Factor("needed", where(forward.deployment.workload.batch_size > 1, 1, 0), Lever.WORKLOAD)
    copy = Term("rows of all heads, contiguous", (forward.sequences, _keys(forward, mixer), q, several, forward.value))
    yield Moment("weights times values", (*around, both, weights, output, copy))
    again = forward.per_token("contiguous copy of the output", q)
    yield from only_where(forward.is_prefill, Moment("copy of the output", (*around, both, weights, output, again)))
