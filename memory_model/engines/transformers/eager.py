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
    if forward.code.scores == "alibi":
        yield from _with_alibi(forward, mixer, held)
        return
    left = _left_by_sinks(forward, mixer) if forward.code.scores == "scaled" else ()
    yield Moment("softmax", (*held, *repeated, *left, *_softmax(forward, mixer)))
    yield from _scoring(forward, mixer, (*held, *repeated))
    kept, output = attention_weights(forward, mixer), forward.per_token("attention output", _output_width(mixer))
    below = _below_weights(forward, mixer)
    yield from _weighing(forward, mixer, (*held, *repeated, *left, kept, *below, output), scaled=bool(left))
    yield from output_projection(forward, mixer, (*held, kept), output)


def _scoring(forward: Forward, mixer: Attention | LatentAttention, held: Held) -> Iterator[Moment]:
    """Queries times keys; several sequences are a batched product, which wants its operands contiguous."""
    q, window = width("query width", mixer.query_width), _window(mixer)
    exact = forward.code.scores == "exact"
    size = FLOAT32 if exact else None
    if exact:
        floats = forward.per_token("queries in float32", q, size=size)
        held = (*held, floats, forward.per_key("keys in float32", window, q, size=size))
    alone = (*held, _scores(forward, "raw scores in float32" if exact else "raw scores", mixer, size=size))
    copies: list[Term] = []
    if forward.is_prefill and not forward.code.joins_heads and mixer.num_attention_heads > 1:
        copies.append(forward.per_token("contiguous copy of the queries", q, size=size))
    if _has_one_head(mixer):
        copies.append(forward.per_key("contiguous copy of the keys", window, q))
    yield Moment("queries times keys", alone)
    if copies:
        batched = Moment("queries times keys, batched", (*alone, *copies))
        yield from only_where(forward.sequences.value > 1, batched)


def _below_weights(forward: Forward, mixer: Attention | LatentAttention) -> Held:
    """What a softmax with sinks leaves alive until the attention returns."""
    if forward.code.scores == "sink":
        return (_scores(forward, "scores less their maximum", mixer, sinks=True),)
    if forward.code.scores == "float32 sink":
        return (_scores(forward, "scores in float32", mixer, count=2, note=BELOW, size=FLOAT32, sinks=True),)
    return ()


def _weighing(
    forward: Forward, mixer: Attention | LatentAttention, weighing: Held, *, scaled: bool
) -> Iterator[Moment]:
    """Weights times values, and what is done with the output; `scaled`: by what sinks leave."""
    v, heads = _output_width(mixer), mixer.num_attention_heads
    yield Moment("weights times values", weighing)
    if _has_one_head(mixer) or (isinstance(mixer, LatentAttention) and heads > 1):
        copy = forward.per_key("contiguous copy of the values", _window(mixer), v)
        yield from only_where(forward.sequences.value > 1, Moment("weights times values, batched", (*weighing, copy)))
    if scaled:
        by_sinks = forward.per_token("scaled output", v)
        cast = forward.per_token("what sinks leave, in 16 bits", width("query heads", heads))
        yield Moment("scaling of the output", (*weighing, by_sinks, cast))
    if forward.is_prefill:
        yield Moment("copy of the attention output", (*weighing, forward.per_token("contiguous copy of the output", v)))


def _window(mixer: Attention | LatentAttention) -> int | None:
    return mixer.window if isinstance(mixer, Attention) else None


def _has_one_head(mixer: Attention | LatentAttention) -> bool:
    """Whether one head of keys and values serves all queries."""
    return isinstance(mixer, Attention) and mixer.num_key_value_heads == 1 and mixer.num_attention_heads > 1


def _output_width(mixer: Attention | LatentAttention) -> Factor:
    return width("output width", mixer.output_width)


def _with_alibi(forward: Forward, mixer: Attention | LatentAttention, held: Held) -> Iterator[Moment]:
    """BloomAttention.forward: raw and masked scores keep their names until it returns."""
    q = width("query width", mixer.query_width)
    label = "raw and masked scores"
    both = _scores(forward, label, mixer, count=2, note="raw, masked")
    if forward.cache == "static" and not forward.is_prefill:
        held = (*held, Term("tokens before", (Factor("bytes", 8, Lever.ENGINE, "int64"),)))
    weights = attention_weights(forward, mixer)
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
            Moment("softmax", (*around, both, *_softmax_in_float32(forward, mixer))),
            Moment("weights times values", (*around, both, weights, output)),
            Moment("merging of the heads", (*around, both, weights, output, copy)),
            Moment("output projection", (*around, both, weights, copy, projected)),
            Moment("residual", (*around, both, weights, copy, projected, forward.stream("sum"))),
        )
        for moment in (*moments, *product_moments(forward, matrix, (*around, both, weights, copy))):
            yield from only_where(forward.sequences.value > 1 if batched else forward.sequences.value > 0, moment)


def _softmax(forward: Forward, mixer: Attention | LatentAttention) -> Held:
    kind = forward.code.scores
    if kind == "floored" and not forward.deployment.is_float16:
        lowest = Term("lowest score", (Factor("bytes", 4, Lever.ENGINE, "float32"),))
        return (_scores(forward, "scores", mixer, count=2, note="masked, floored"), lowest)
    if kind == "floored":
        return (_scores(forward, "floored scores", mixer), *_softmax_in_float32(forward, mixer))
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
    return (masked, *_softmax_in_float32(forward, mixer))


def _softmax_in_float32(forward: Forward, mixer: Attention | LatentAttention) -> Held:
    """CUDA's kernel reads float16 and writes float32, which is cast; other types are copied to float32 first.

    Source: torch aten/src/ATen/native/SoftMax.cpp, `half_to_float`.
    """
    if forward.deployment.is_float16:
        return (_scores(forward, "softmax in float32", mixer, size=FLOAT32), _scores(forward, "weights", mixer))
    several = 1 if forward.is_float32 else 2
    return (_scores(forward, "scores in float32", mixer, count=several, note="copy, softmax", size=FLOAT32),)


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
    keys = forward.keys(_window(mixer))
    if sinks and mixer.sinks:
        keys = Factor(f"{keys.name} and sink", keys.value + 1, keys.lever, keys.note)
    heads = width("query heads", mixer.num_attention_heads)
    return Term(
        label,
        (forward.sequences, *forward.queries, heads, keys, *times(count, note), size or forward.value),
    )
