"""Eager attention of GPT-J, CodeGen and GPT-Neo: queries and all keys are copied to float32, and so are the scores."""

from __future__ import annotations

from collections.abc import Iterator

from ...amount import Factor, Lever, Moment, Term
from ...blocks.attention import Attention
from .live import FLOAT32, INT64, Forward, Held, only_where, times, width
from .products import output_projection

SOURCE = "modeling_gptj.py GPTJAttention._attn, modeling_gpt_neo.py GPTNeoSelfAttention._attn"


def upcast_moments(forward: Forward, mixer: Attention, held: Held) -> Iterator[Moment]:
    """Moments of attention whose copies in float32 live until the values are weighed."""
    q, v = width("query width", mixer.query_width), width("output width", mixer.output_width)
    around, only_scores = held, held
    if not forward.is_float32:
        keys = (forward.sequences, forward.keys(mixer.window), width("key width", mixer.key_width), FLOAT32)
        if not (forward.code.rotates_in_float32 and forward.cache == "none"):
            around = (*around, Term("keys in float32", keys))
        if not forward.code.rotates_in_float32:
            around = (*around, forward.per_token("queries in float32", q, size=FLOAT32))
    copied: Held = (forward.per_token("contiguous copy of the queries", q, size=FLOAT32),)
    if forward.cache == "quantized":  # which returns a prompt's keys as they are; others join them
        keys_width = width("key width", mixer.key_width)
        copied = (*copied, forward.per_token("contiguous copy of the keys", keys_width, size=FLOAT32))
    raw = Moment("queries times keys", (*around, _scores(forward, mixer, "raw scores", size=FLOAT32)), SOURCE)
    yield raw
    if forward.is_prefill and mixer.num_attention_heads > 1:  # the heads of a single token lie one behind the other
        several = (forward.sequences.value > 1) & (forward.tokens.value > 1)
        yield from only_where(several, Moment("queries times keys, batched", (*raw.terms, *copied), SOURCE))
    if forward.code.scores == "upcast_where":
        around = (*around, Term("value of masked scores", (Factor("bytes", 4, Lever.ENGINE, "float32"),)))
    both = _scores(forward, mixer, "scores", count=2, note="before and after a step", size=FLOAT32)
    yield Moment("softmax", (*around, both), SOURCE)
    weights = _scores(forward, mixer, "attention weights")
    output = forward.per_token("attention output", v)
    yield Moment("weights times values", (*around, weights, output), SOURCE)
    if forward.is_prefill:
        copy = forward.per_token("merged heads", v)
        yield Moment("merging of the heads", (*only_scores, weights, output, copy))
    yield from output_projection(forward, mixer, (*only_scores, weights), output)


def unfused_in_float32(forward: Forward, mixer: Attention) -> Held:
    """What CodeGen's attention holds: the fused projection, copies of queries and keys, and what was rotated in float32."""
    q, k = width("query width", mixer.query_width), width("key width", mixer.key_width)
    rotated = width("rotated values of queries and keys", 2 * mixer.num_attention_heads * mixer.rotary_dim)
    fused = width("query, key and value width", mixer.query_width + 2 * mixer.key_width)
    return (
        forward.per_token("fused projection", fused),
        forward.per_token("queries copied out", q),
        forward.per_token("keys copied out", k),
        forward.per_token("rotated parts", rotated, size=FLOAT32),
        forward.per_token("joined queries in float32", q, size=FLOAT32),
    )


def unfused_keys(forward: Forward, mixer: Attention) -> Held:
    """What there is beside them until the cache is updated, and without one until the values are weighed."""
    k, v = width("key width", mixer.key_width), width("value width", mixer.value_width)
    joined = forward.per_token("joined keys in float32", k, size=FLOAT32)
    values = forward.per_token("values copied out", v)
    if forward.cache == "none" or forward.is_float32:
        return joined, values
    cast = forward.per_token("joined keys", k)
    held = (
        forward.cache != "quantized" or not forward.is_prefill
    )  # what is read again is the cast, where a prompt is new
    return (joined, cast, values) if held else (cast, values)


def gathered_positions(forward: Forward, mixer: Attention) -> Held:
    """A table of all positions for each sequence, and the rows' numbers for each of its columns (GPT-J)."""
    if not forward.code.gathers_positions:
        return ()
    columns = width("rotated values", mixer.rotary_dim)
    positions = width("positions", forward.deployment.model.max_position_embeddings)
    table = Term("tables of all positions", (forward.sequences, positions, columns, FLOAT32), "torch.repeat")
    return table, forward.per_token("numbers of the rows", columns, size=INT64)


def _scores(
    forward: Forward, mixer: Attention, label: str, *, count: int = 1, note: str = "", size: Factor | None = None
) -> Term:
    heads = width("query heads", mixer.num_attention_heads)
    rows = (forward.sequences, *forward.queries, heads, forward.keys(mixer.window))
    return Term(label, (*rows, *times(count, note), size or forward.value))
