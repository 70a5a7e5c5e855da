"""What Falcon's attention keeps: copies of a fused projection, and the kernel for one KV head without `enable_gqa`."""

from __future__ import annotations

from collections.abc import Iterator

from ...amount import Factor, Moment, Term
from ...blocks.attention import Attention
from .dynamic_masks import attention_with_masks
from .live import FLOAT32, Forward, Held, cached_key_width, only_where, times, width
from .products import output_projection

MATH = "torch: math kernel, since head counts differ and enable_gqa is not passed"


def unpacked(forward: Forward, mixer: Attention) -> Held:
    """Keys and values copied out of the fused projection (`FalconAttention._split_heads`), and queries if repeated."""
    keys = width("cached key width", cached_key_width(mixer))
    copies = forward.per_token("keys and values copied out", keys, count=2, note="keys, values")
    if not mixer.repeated_heads:
        return (copies,)
    return (copies, forward.per_token("queries copied out", width("query width", mixer.query_width)))


def biased_mask_moments(forward: Forward, mixer: Attention, held: Held) -> Iterator[Moment]:
    """Falcon RW: fused, with a mask for each head that is among `held`; eager, biases are added to a float32 copy.

    Raw and biased scores keep their names until the layer's attention returns (FalconAttention.forward).
    """
    if not forward.is_eager:
        yield from attention_with_masks(forward, mixer, held, ())
        return
    q = width("query width", mixer.query_width)

    def scores(label: str, count: int = 1, note: str = "", size: Factor | None = None) -> Term:
        heads = width("query heads", mixer.num_attention_heads)
        rows = (forward.sequences, *forward.queries, heads, forward.keys(mixer.window))
        return Term(label, (*rows, *times(count, note), size or forward.value))

    raw, weights = scores("raw scores"), scores("attention weights")
    biased: Held = (raw, scores("biased scores in float32", size=FLOAT32))
    if not forward.is_float32:
        biased = (*biased, scores("raw scores in float32", size=FLOAT32))
    cast = () if forward.is_float32 else (scores("masked scores in 16 bits"),)
    yield Moment("softmax", (*held, *biased, scores("masked scores in float32", size=FLOAT32), *cast, weights))
    output = forward.per_token("attention output", q)
    yield Moment("weights times values", (*held, *biased, weights, output))
    if forward.is_prefill:
        copy = forward.per_token("merged heads", q)
        yield Moment("merging of the heads", (*held, *biased, weights, output, copy))
    yield from output_projection(forward, mixer, (*held, *biased, weights), output)


def math_moments(forward: Forward, mixer: Attention, held: Held) -> Iterator[Moment]:
    """Everything in float32, scores included (`_scaled_dot_product_attention_math`): copies, unless it is so already."""
    copies = not forward.is_float32
    q, k = width("query width", mixer.query_width), width("key width", mixer.key_width)
    upcast = forward.per_token(
        "queries in float32", q, count=2 if copies else 1, note="copy, scaled" if copies else "scaled", size=FLOAT32
    )

    def keys(label: str, count: int, note: str) -> Term:
        factors = (forward.sequences, forward.keys(mixer.window), k, *times(count, note), FLOAT32)
        return Term(label, factors)

    def scores(label: str, count: int, note: str) -> Term:
        heads = width("query heads", mixer.num_attention_heads)
        rows = (forward.sequences, *forward.queries, heads, forward.keys(mixer.window))
        return Term(label, (*rows, *times(count, note), FLOAT32))

    both = (keys("keys and values in float32", 2, "keys, values"),) if copies else ()
    yield Moment("masking of the scores", (*held, upcast, *both, scores("scores in float32", 2, "raw, masked")), MATH)
    expanded = Term(
        "keys expanded to all heads in float32", (forward.sequences, forward.keys(mixer.window), q, FLOAT32)
    )
    scaled = keys("scaled keys in float32", 1, "")
    multiplying = Moment(
        "queries times keys", (*held, upcast, *both, scaled, expanded, scores("scores in float32", 1, "")), MATH
    )
    yield from only_where(forward.sequences.value > 1, multiplying)
    probabilities = (
        scores("probabilities in float32", 1, ""),
        forward.per_token("output in float32", q, size=FLOAT32),
    )
    values = (*held, upcast, *both, *probabilities)
    heads = width("query heads", mixer.num_attention_heads)
    rows = (forward.sequences, *forward.queries, heads, forward.keys(mixer.window), forward.value)
    cast = (Term("probabilities in 16 bits", rows),) if copies else ()
    copy = Term("values expanded to all heads in float32", expanded.factors)
    weighing = Moment("probabilities times values", (*values, *cast, copy), MATH)
    yield from only_where(forward.sequences.value > 1, weighing)
    if copies:
        yield Moment("casting of the output", (*values, *cast, forward.per_token("attention output", q)), MATH)
