"""The moments of a layer that keeps several residual streams and predicts them for each other (Gemma 3n)."""

from __future__ import annotations

from collections.abc import Iterator

from ...amount import Moment
from ...blocks.attention import Attention
from ...blocks.mlp import DenseMlp
from ...model_shape import LayerGroup
from .attention import attention_moments
from .eager import attention_weights
from .live import Forward, Held, attention_of, width
from .products import product_moments, quantised
from .written import growth


def altup_moments(forward: Forward, group: LayerGroup, held: Held) -> Iterator[Moment]:
    """Moments of Gemma3nTextDecoderLayer.forward. `held`: what lives for the whole pass but embedding and streams."""
    hidden, several = forward.hidden, forward.stated("altup_num_inputs", forward.code.streams)
    streams = (
        *held,
        forward.stream("token embedding"),
        forward.per_token("first streams", hidden, count=several - 1, note="projected from the embedding, scaled"),
        forward.stream("last projection of the embedding"),
        forward.per_token("magnitudes", count=2, note="wanted, last"),
        forward.per_token("layer input", hidden, count=several, note="streams"),
        forward.per_token("predicted streams", hidden, count=several, note="streams"),
        forward.stream("normed input"),
        forward.stream("output of the learned residual"),
    )
    attention = attention_of(group)
    weights: Held = ()
    if isinstance(attention, Attention):
        unwritten = growth(forward, attention, 1, "cache of this layer, not written yet")
        yield from attention_moments(forward, attention, streams, unwritten)
        weights = (attention_weights(forward, attention),) if forward.is_eager else ()
    if isinstance(group.mlp, DenseMlp):
        parts = "normed attention output, its sum, its mean with the learned residual, normed"
        inner = width("MLP width", group.mlp.intermediate_size)
        around = (*streams, *weights, forward.per_token("attention outputs", hidden, count=4, note=parts))
        values = forward.per_token("inner values", inner, count=4, note="gate, activation, up, product")
        yield Moment("MLP output", (*around, values, forward.stream("MLP output")))
        yield from product_moments(forward, quantised(forward, group.mlp, "down_proj"), (*around, values))
        before = forward.per_token("inner values", inner, count=2, note="gate, activation")
        yield from product_moments(forward, quantised(forward, group.mlp, "up_proj"), (*around, before))
