"""Attention out of one matrix whose parts are taken apart head by head in a training step (Bloom, Falcon)."""

from __future__ import annotations

from ..blocks.attention import Attention
from ..engines.transformers.live import FLOAT32, width
from .batch import Batch
from .kernels import backward_of, cast, copy, offset, pointwise, scale, strided
from .matrices import linear
from .rotation import both_rotated
from .scores import attended, product
from .tape import Storage, Tape, Value


def attend_with_biases(tape: Tape, batch: Batch, mixer: Attention, value: Value) -> Value:
    """Every second head of three, scored with linear biases of their distance: BloomAttention.forward."""
    heads, size = width("query heads", mixer.num_attention_heads), width("head size", mixer.head_dim)
    joined = _joined(tape, batch, mixer, value)
    rows = (*batch.rows, heads)
    q, k, v = (tape.shaped(strided(tape, joined, width("a third", mixer.query_width)), *rows, size) for _ in range(3))
    with tape.naming(joined):
        if int(batch.sequences.value) > 1:
            q, k, v = (copy(tape, one, f"{name} by head") for one, name in ((q, "queries"), (k, "keys"), (v, "values")))
        shape = (batch.sequences, heads, batch.tokens, batch.tokens)
        scores = product(tape, q, k, shape, "scores and biases")
        masked = offset(tape, scores, "masked scores")
        with tape.naming(q, k, scores, masked):
            wide = pointwise(
                tape, cast(tape, masked, FLOAT32, "scores in float32"), "softmax", keeps="output", name="softmax"
            )
            weights = cast(tape, wide, scores.size, "attention weights")
        tape.weights = weights
        with tape.naming(q, k, scores, masked, weights):
            found = product(tape, weights, v, (*rows, size), "attention output")
            return _out(tape, batch, mixer, copy(tape, found, "attention output by token"), value)


def attend_to_broadcast_heads(tape: Tape, batch: Batch, mixer: Attention, value: Value) -> Value:
    """Queries are a slice of each group, keys and values copied from its last two heads: FalconAttention.forward."""
    joined = _joined(tape, batch, mixer, value)
    q, k, v = _copied_out(tape, batch, mixer, joined)
    heads, size = mixer.num_attention_heads, mixer.head_dim
    plain = Attention(heads, heads if mixer.repeated_heads else mixer.num_key_value_heads, size, size, mixer.rotary_dim)
    with tape.naming(joined):
        q, k = both_rotated(tape, batch, plain, q, k)
        if batch.eager:
            found = _raw(tape, batch, plain, q, k, v)
        elif mixer.repeated_heads:
            found = attended(tape, batch, plain, q, k, v)
        else:
            found = _math(tape, batch, plain, q, k, v)
    return _out(tape, batch, mixer, found, value)


def _copied_out(tape: Tape, batch: Batch, mixer: Attention, joined: Value) -> tuple[Value, Value, Value]:
    """FalconAttention._split_heads."""
    rows, heads, size = batch.rows, width("query heads", mixer.num_attention_heads), width("head size", mixer.head_dim)
    q = tape.shaped(strided(tape, joined, width("query width", mixer.query_width)), *rows, heads, size)
    found = [copy(tape, q, "queries copied out") if mixer.repeated_heads else q]
    for name in ("keys copied out", "values copied out"):
        output = Storage(name, (*rows, width("KV heads", mixer.num_key_value_heads), size), joined.size)
        one = tape.record("gather", output, (joined,), (), backward_of(tape, joined, "scatter"))
        if mixer.repeated_heads:
            whole = Storage(f"{name}, repeated", (*rows, heads, size), joined.size)
            one = tape.record("repeat", whole, (one,), (), backward_of(tape, one, "repeat"))
        found.append(one)
    return found[0], found[1], found[2]


def _joined(tape: Tape, batch: Batch, mixer: Attention, value: Value) -> Value:
    total = width("query, key and value width", mixer.query_width + 2 * mixer.key_width)
    return linear(tape, batch.method, value, "qkv_proj", total, "fused projection", bias=mixer.qkv_bias)


def _out(tape: Tape, batch: Batch, mixer: Attention, found: Value, value: Value) -> Value:
    flat = tape.shaped(found, *batch.rows, width("output width", mixer.output_width))
    return linear(tape, batch.method, flat, "o_proj", value.dimensions[-1], "projected output", bias=mixer.o_bias)


def _raw(tape: Tape, batch: Batch, mixer: Attention, q: Value, k: Value, v: Value) -> Value:
    """Scores, their sum with the mask, and its softmax, all in the format of the values."""
    heads = width("query heads", mixer.num_attention_heads)
    shape = (batch.sequences, heads, batch.tokens, batch.tokens)
    with tape.naming(q, k, v):
        scores = product(tape, q, _spread(tape, batch, mixer, k), shape, "scores")
        scores = scale(tape, scores, "scaled scores")
        with tape.naming(scores):
            masked = offset(tape, scores, "masked scores")
            weights = tape.weights = pointwise(tape, masked, "weights", keeps="output", name="softmax")
        with tape.naming(weights):
            whole = (*batch.rows, heads, q.dimensions[-1])
            found = product(tape, weights, _spread(tape, batch, mixer, v), whole, "attention output")
            return copy(tape, found, "attention output by token")


def _math(tape: Tape, batch: Batch, mixer: Attention, q: Value, k: Value, v: Value) -> Value:
    """PyTorch's math kernel, in float32 throughout, for one KV head without `enable_gqa`."""
    original = q.size
    q, k, v = (cast(tape, one, FLOAT32, f"{one.storage.label} in float32") for one in (q, k, v))
    q, k = scale(tape, q, "scaled queries"), scale(tape, k, "scaled keys")
    heads = width("query heads", mixer.num_attention_heads)
    shape = (batch.sequences, heads, batch.tokens, batch.tokens)
    scores = offset(tape, product(tape, q, _spread(tape, batch, mixer, k), shape, "scores"), "masked scores")
    weights = pointwise(tape, scores, "softmax of the scores", keeps="output", name="softmax")
    found = product(
        tape, weights, _spread(tape, batch, mixer, v), (*batch.rows, heads, q.dimensions[-1]), "attention output"
    )
    return copy(tape, cast(tape, found, original, "attention output in 16 bits"), "attention output by token")


def _spread(tape: Tape, batch: Batch, mixer: Attention, value: Value) -> Value:
    """One head seen by all queries; of several sequences a product needs a copy for each."""
    if mixer.num_key_value_heads == mixer.num_attention_heads:
        return value
    shape = (*batch.rows, width("query heads", mixer.num_attention_heads), value.dimensions[-1])
    if int(batch.sequences.value) == 1:
        return tape.view(value, shape, backward_of(tape, value, "repeat"))
    output = Storage(f"{value.storage.label} of all heads", shape, value.size)
    return tape.record("repeat", output, (value,), (), backward_of(tape, value, "repeat"))
