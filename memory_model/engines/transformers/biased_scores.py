"""Eager attention of MPT: scores with linear biases in float32, which live until the layer's attention returns."""

from __future__ import annotations

from collections.abc import Iterator

from ...amount import Factor, Moment, Term
from ...blocks.attention import Attention
from .live import FLOAT32, Forward, Held, only_where, times, width
from .products import output_projection

SOURCE = "modeling_mpt.py MptAttention.forward"


def biased_moments(forward: Forward, mixer: Attention, held: Held) -> Iterator[Moment]:
    """Moments around the softmax; the masked scores keep their name until the end."""
    q = width("query width", mixer.query_width)

    def scores(label: str, count: int = 1, note: str = "", size: Factor | None = None) -> Term:
        heads = width("query heads", mixer.num_attention_heads)
        rows = (forward.sequences, *forward.queries, heads, forward.keys(mixer.window))
        return Term(label, (*rows, *times(count, note), size or forward.value))

    masked, weights = scores("masked scores in float32", size=FLOAT32), scores("attention weights")
    copies: Held = ()
    if forward.is_prefill and mixer.num_attention_heads > 1:
        copies = (forward.per_token("contiguous copy of the queries", q),)
    raw = Moment("queries times keys", (*held, scores("raw scores")), SOURCE)
    yield raw
    if copies:
        yield from only_where(forward.sequences.value > 1, Moment(raw.name, (*raw.terms, *copies), SOURCE))
    yield Moment("masking of the scores", (*held, scores("biased and masked scores", 2, size=FLOAT32)), SOURCE)
    cast = () if forward.is_float32 else (weights,)
    yield Moment("softmax", (*held, masked, scores("softmax in float32", size=FLOAT32), *cast), SOURCE)
    output = forward.per_token("attention output", q)
    weighing = (*held, masked, weights, output)
    yield Moment("weights times values", weighing, SOURCE)
    if forward.is_prefill:
        copy = forward.per_token("contiguous copy of the output", q)
        yield Moment("copy of the attention output", (*weighing, copy))
    yield from output_projection(forward, mixer, (*held, masked, weights), output)


def biases_of_all_positions(forward: Forward, heads: int) -> Held:
    """One bias for each head and position, up to the longest context, whatever the prompt."""
    positions = width("positions", forward.deployment.model.max_position_embeddings)
    return (Term("linear biases", (width("query heads", heads), positions, FLOAT32), "build_mpt_alibi_tensor"),)
