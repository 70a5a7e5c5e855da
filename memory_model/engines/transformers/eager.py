"""Eager attention: scores written out, quadratic in the tokens of a prefill."""

from __future__ import annotations

from collections.abc import Iterator

from ...amount import Factor, Moment, Term
from ...blocks.attention import Attention
from ...blocks.latent_attention import LatentAttention
from .live import FLOAT32, Forward, Held, only_where, output_projection, times, width


def attention_weights(forward: Forward, heads: int, window: int | None) -> Term:
    """What eager attention returns and its caller keeps: one weight per head, query and key."""
    return _scores(forward, "attention weights", heads, window, sink_columns=int(forward.code.scores == "sink"))


def eager_moments(forward: Forward, mixer: Attention | LatentAttention, held: Held, repeated: Held) -> Iterator[Moment]:
    """Scores written out: the moments around the softmax, quadratic in the tokens of a prefill."""
    heads, latent = mixer.num_attention_heads, isinstance(mixer, LatentAttention)
    window = mixer.window if isinstance(mixer, Attention) else None
    one_head = isinstance(mixer, Attention) and mixer.num_key_value_heads == 1 and heads > 1
    q = width("query width", mixer.query_width)
    v = width("output width", mixer.output_width)
    sink = forward.code.scores == "sink"
    yield Moment("softmax", (*held, *repeated, *_softmax(forward, heads, window)))
    batched = forward.sequences.value > 1
    raw = _scores(forward, "raw scores", heads, window)
    copies: list[Term] = []
    if forward.is_prefill and not forward.code.joins_heads and heads > 1:
        copies.append(forward.per_token("contiguous copy of the queries", q))
    if one_head:
        copies.append(forward.per_key("contiguous copy of the keys", window, q))
    alone = Moment("queries times keys", (*held, *repeated, raw))
    yield alone
    if copies:
        yield from only_where(batched, Moment("queries times keys, batched", (*alone.terms, *copies)))
    kept = attention_weights(forward, heads, window)
    below = (_scores(forward, "scores less their maximum", heads, window, sink_columns=1),) if sink else ()
    output = forward.per_token("attention output", v)
    weighing = (*held, *repeated, kept, *below, output)
    yield Moment("weights times values", weighing)
    if one_head or (latent and heads > 1):
        copy = forward.per_key("contiguous copy of the values", window, v)
        yield from only_where(batched, Moment("weights times values, batched", (*weighing, copy)))
    if forward.is_prefill:
        yield Moment("copy of the attention output", (*weighing, forward.per_token("contiguous copy of the output", v)))
    yield from output_projection(forward, (*held, kept), output)


def _softmax(forward: Forward, heads: int, window: int | None) -> Held:
    if forward.code.scores == "plain":
        return (_scores(forward, "scores", heads, window, count=2, note="scaled, masked"),)
    masked = _scores(forward, "masked scores", heads, window)
    if forward.code.scores == "sink":
        return (
            masked,
            _scores(
                forward, "scores with sink", heads, window, count=2, note="joined, less their maximum", sink_columns=1
            ),
            Term("row maximum", (*forward.new, width("query heads", heads), forward.value)),
        )
    return (masked, _scores(forward, "scores in float32", heads, window, count=2, note="copy, softmax", size=FLOAT32))


def _scores(
    forward: Forward,
    label: str,
    heads: int,
    window: int | None,
    *,
    count: int = 1,
    note: str = "",
    size: Factor | None = None,
    sink_columns: int = 0,
) -> Term:
    keys = forward.keys(window)
    if sink_columns:
        keys = Factor(f"{keys.name} and sink", keys.value + 1, keys.lever, keys.note)
    dimensions = (forward.sequences, *forward.queries, width("query heads", heads), keys, *times(count, note))
    return Term(label, (*dimensions, size or forward.value))
