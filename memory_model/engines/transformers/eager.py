"""Eager attention: scores written out, quadratic in the tokens of a prefill."""

from __future__ import annotations

from collections.abc import Iterator

from ...amount import Factor, Lever, Moment, Term
from ...blocks.attention import Attention
from ...blocks.latent_attention import LatentAttention
from .live import FLOAT32, Forward, Held, only_where, times, width
from .products import output_projection, product_moments, quantised

BELOW = "less their maximum, softmax"


def attention_weights(forward: Forward, mixer: Attention | LatentAttention) -> Term:
    """What eager attention returns and its caller keeps: one weight per head, query and key."""
    apart = forward.code.scores in ("scaled", "exact", "float32 sink")
    return _scores(forward, "attention weights", mixer, sinks=not apart)


def eager_moments(forward: Forward, mixer: Attention | LatentAttention, held: Held, repeated: Held) -> Iterator[Moment]:
    """Scores written out: the moments around the softmax, quadratic in the tokens of a prefill."""
    heads, latent = mixer.num_attention_heads, isinstance(mixer, LatentAttention)
    window = mixer.window if isinstance(mixer, Attention) else None
    one_head = isinstance(mixer, Attention) and mixer.num_key_value_heads == 1 and heads > 1
    q = width("query width", mixer.query_width)
    v = width("output width", mixer.output_width)
    sink, alibi = forward.code.scores == "sink", forward.code.scores == "alibi"
    batched = forward.sequences.value > 1
    raw = _scores(forward, "raw scores", mixer)
    if alibi:
        yield from _with_alibi(forward, mixer, held, raw)
        return
    left = _left_by_sinks(forward, mixer) if forward.code.scores == "scaled" else ()
    yield Moment("softmax", (*held, *repeated, *left, *_softmax(forward, mixer)))
    copies: list[Term] = []
    exact = forward.code.scores == "exact"
    if exact:
        held_floats = forward.per_token("queries in float32", q, size=FLOAT32)
        keys = forward.per_key("keys in float32", window, q, size=FLOAT32)
        repeated_and_floats = (*repeated, held_floats, keys)
        raw = _scores(forward, "raw scores in float32", mixer, size=FLOAT32)
    else:
        repeated_and_floats = repeated
    if forward.is_prefill and not forward.code.joins_heads and heads > 1:
        copies.append(forward.per_token("contiguous copy of the queries", q, size=FLOAT32 if exact else None))
    if one_head:
        copies.append(forward.per_key("contiguous copy of the keys", window, q))
    alone = Moment("queries times keys", (*held, *repeated_and_floats, raw))
    yield alone
    if copies:
        yield from only_where(batched, Moment("queries times keys, batched", (*alone.terms, *copies)))
    kept = attention_weights(forward, mixer)
    below: Held = (_scores(forward, "scores less their maximum", mixer, sinks=True),) if sink else ()
    if forward.code.scores == "float32 sink":
        below = (_scores(forward, "scores in float32", mixer, count=2, note=BELOW, size=FLOAT32, sinks=True),)
    output = forward.per_token("attention output", v)
    weighing = (*held, *repeated, *left, kept, *below, output)
    yield Moment("weights times values", weighing)
    if one_head or (latent and heads > 1):
        copy = forward.per_key("contiguous copy of the values", window, v)
        yield from only_where(batched, Moment("weights times values, batched", (*weighing, copy)))
    if left:
        scaled = forward.per_token("scaled output", v)
        cast = forward.per_token("what sinks leave, in 16 bits", width("query heads", heads))
        yield Moment("scaling of the output", (*weighing, scaled, cast))
    if forward.is_prefill:
        yield Moment("copy of the attention output", (*weighing, forward.per_token("contiguous copy of the output", v)))
    yield from output_projection(forward, mixer, (*held, kept), output)


def _with_alibi(forward: Forward, mixer: Attention | LatentAttention, held: Held, raw: Term) -> Iterator[Moment]:
    """BloomAttention.forward: raw and masked scores keep their names until it returns."""
    q = width("query width", mixer.query_width)
    label = "raw and masked scores"
    both = _scores(forward, label, mixer, count=2, note="raw, masked")
    if forward.cache == "static" and not forward.is_prefill:
        held = (*held, Term("tokens before", (Factor("bytes", 8, Lever.ENGINE, "int64"),)))
    weights = attention_weights(forward, mixer)
    several = 1 if forward.is_float32 else 2
    floats = _scores(forward, "scores in float32", mixer, count=several, note="copy, softmax", size=FLOAT32)
    output, copy = forward.per_token("attention output", q), forward.per_token("merged heads", q)
    matrix = quantised(forward, mixer, "o_proj")
    projected = forward.stream("projected output")
    for batched in (False, True):
        queries: Held = ()
        if batched and forward.is_prefill:
            views = 3 if forward.cache in ("none", "quantized") else 1
            queries = (
                forward.per_token("contiguous copies", q, count=views, note="of queries; uncached: keys, values"),
            )
        around = (*held, *queries)
        moments = (
            Moment("softmax", (*around, both, floats)),
            Moment("weights times values", (*around, both, weights, output)),
            Moment("merging of the heads", (*around, both, weights, output, copy)),
            Moment("output projection", (*around, both, weights, copy, projected)),
            Moment("residual", (*around, both, weights, copy, projected, forward.stream("sum"))),
        )
        for moment in (*moments, *product_moments(forward, matrix, (*around, both, weights, copy))):
            yield from only_where(forward.sequences.value > 1 if batched else forward.sequences.value > 0, moment)


def _softmax(forward: Forward, mixer: Attention | LatentAttention) -> Held:
    kind = forward.code.scores
    if kind == "floored":
        lowest = Term("lowest score", (Factor("bytes", 4, Lever.ENGINE, "float32"),))
        return (_scores(forward, "scores", mixer, count=2, note="masked, floored"), lowest)
    if kind == "plain":
        return (_scores(forward, "scores", mixer, count=2, note="scaled, masked"),)
    if kind == "raw":
        return (_scores(forward, "scores", mixer, count=3, note="raw, masked, softmax"),)
    masked = _scores(forward, "masked scores", mixer)
    maximum = Term("row maximum", (*forward.new, width("query heads", mixer.num_attention_heads), forward.value))
    if kind == "sink":
        note = "joined, less their maximum"
        return (masked, _scores(forward, "scores with sink", mixer, count=2, note=note, sinks=True), maximum)
    if kind == "float32 sink":
        both = _scores(forward, "scores in float32", mixer, count=2, note=BELOW, size=FLOAT32, sinks=True)
        return (masked, both, attention_weights(forward, mixer))
    if kind == "exact":
        joined = _scores(forward, "scores with sink", mixer, count=2, note="joined, softmax", size=FLOAT32, sinks=True)
        return (_scores(forward, "masked scores in float32", mixer, size=FLOAT32), joined)
    if kind == "shifted":
        return (_scores(forward, "scores", mixer, count=2, note="masked, less their maximum", sinks=True), maximum)
    if forward.is_float32:
        return (masked, _scores(forward, "softmax", mixer))
    return (masked, _scores(forward, "scores in float32", mixer, count=2, note="copy, softmax", size=FLOAT32))


def _left_by_sinks(forward: Forward, mixer: Attention | LatentAttention) -> Held:
    """The log-sum of each row of scores, and the share that its sink leaves to the tokens."""
    heads = width("query heads", mixer.num_attention_heads)
    return (
        forward.per_token("log-sum of the scores", heads),
        forward.per_token("what sinks leave", heads, size=FLOAT32),
    )


def _scores(
    forward: Forward,
    label: str,
    mixer: Attention | LatentAttention,
    *,
    count: int = 1,
    note: str = "",
    size: Factor | None = None,
    sinks: bool = False,
) -> Term:
    keys = forward.keys(mixer.window if isinstance(mixer, Attention) else None)
    if sinks and mixer.sinks:
        keys = Factor(f"{keys.name} and sink", keys.value + 1, keys.lever, keys.note)
    heads = width("query heads", mixer.num_attention_heads)
    return Term(
        label,
        (forward.sequences, *forward.queries, heads, keys, *times(count, note), size or forward.value),
    )
