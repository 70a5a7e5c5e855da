"""Queries, keys and values in a training step: through a fused kernel, or through scores that are written out."""

from __future__ import annotations

from ..amount import Factor, Lever
from ..blocks.attention import Attention
from ..engines.transformers.live import FLOAT32, INT64, width
from .batch import Batch
from .kernels import backward_of, cast, copy, gradient_of, like, offset, pointwise, scale, strided
from .tape import Storage, Tape, Value


def attended(tape: Tape, batch: Batch, mixer: Attention, q: Value, k: Value, v: Value) -> Value:
    """Queries, keys and values through a fused kernel or, eager, through scores that are written out."""
    return _eager(tape, batch, mixer, q, k, v) if batch.eager else _fused(tape, batch, mixer, q, k, v)


def _fused(tape: Tape, batch: Batch, mixer: Attention, q: Value, k: Value, v: Value) -> Value:
    """Flash attention, or the memory-efficient kernel where there is a mask: both keep their operands and output."""
    tokens, sequences = batch.tokens, batch.sequences
    masked = batch.masked(mixer)
    grouped = mixer.num_key_value_heads < mixer.num_attention_heads
    supported = mixer.head_dim == mixer.v_head_dim <= 256
    flash = not masked and q.size.value == 2 and supported
    held: list[Storage] = []
    if not masked and not flash and grouped and supported:  # sdpa_attention.py use_gqa_in_sdpa
        return _written_out(tape, batch, mixer, q, k, v)
    if masked or not flash:
        k, v = _repeated(tape, batch, mixer, k, "keys"), _repeated(tape, batch, mixer, v, "values")
    if masked:
        keys = Factor("tokens attended to", -(-int(tokens.value) // 16) * 16, Lever.WORKLOAD)
        held.append(Storage("mask of a layer", (sequences, tokens, keys), q.size))
    size = width("head size", -(-mixer.head_dim // 8) * 8) if flash else q.dimensions[-1]
    if int(size.value) != mixer.head_dim:
        q, k, v = (_padded(tape, one, size, name) for one, name in ((q, "queries"), (k, "keys"), (v, "values")))
    output = Storage("attention output", (*q.dimensions[:-1], v.dimensions[-1]), q.size)
    logs = Storage("log-sum-exp of the scores", q.dimensions[:-1], FLOAT32)

    def backward(gradient: Storage) -> None:
        backs = [(value, gradient_of(value)) for value in (q, k, v)]
        tape.run("attention", gradient, *(back for _, back in backs))
        for value, back in backs:
            tape.give(value, back)

    saved = (q.storage, k.storage, v.storage, output, logs, *held)
    if held:
        tape.run("attention", *held)
    attended = tape.record("attention", output, (q, k, v), saved, backward)
    if (batch.code.joins_heads and flash) or int(size.value) != mixer.head_dim:
        shape = (*batch.rows, width("query heads", mixer.num_attention_heads), width("head size", mixer.v_head_dim))
        attended = copy(tape, tape.shaped(attended, *shape), "attention output by token")
    return attended


def _written_out(tape: Tape, batch: Batch, mixer: Attention, q: Value, k: Value, v: Value) -> Value:
    """PyTorch's math kernel, for float32 with fewer KV heads than query heads."""
    k, v = (_repeated(tape, batch, mixer, one, name, copied=True) for one, name in ((k, "keys"), (v, "values")))
    q, k = scale(tape, q, "scaled queries"), scale(tape, k, "scaled keys")
    scores = offset(tape, _scores(tape, batch, mixer, q, k), "masked scores")
    weights = pointwise(tape, scores, "softmax of the scores", keeps="output", name="softmax")
    shape = (*q.dimensions[:-1], v.dimensions[-1])
    return copy(tape, product(tape, weights, v, shape, "attention output"), "attention output by token")


def _eager(tape: Tape, batch: Batch, mixer: Attention, q: Value, k: Value, v: Value) -> Value:
    """Scores, a float32 copy, their softmax, and its 16-bit copy, one for each head, query and key."""
    k, v = _repeated(tape, batch, mixer, k, "keys"), _repeated(tape, batch, mixer, v, "values")
    if int(batch.sequences.value) > 1:
        q, k, v = (copy(tape, one, f"{one.storage.label}, by head") if one.part else one for one in (q, k, v))
    scores = scale(tape, _scores(tape, batch, mixer, q, k), "scaled scores")
    if batch.stated("attn_logit_softcapping"):
        scores = scale(tape, scores, "scores over the cap")
        scores = pointwise(tape, scores, "tanh of the scores", keeps="output", name="tanh")
        scores = scale(tape, scores, "capped scores")
    scores = offset(tape, scores, "masked scores")
    kept = () if batch.code.scores == "shifted" else (scores,)  # which goes by one name with what follows
    with tape.naming(q, k, v, *kept):
        weights = tape.weights = _weights(tape, batch, mixer, scores)
    shape = (*batch.rows, width("query heads", mixer.num_attention_heads), v.dimensions[-1])
    return copy(tape, product(tape, weights, v, shape, "attention output"), "attention output by token")


def _repeated(tape: Tape, batch: Batch, mixer: Attention, value: Value, name: str, *, copied: bool = False) -> Value:
    """Keys or values copied to all query heads; a single head is only seen several times, unless it is `copied`."""
    groups = mixer.num_key_value_heads
    if not batch.code.repeats_kv or groups == mixer.num_attention_heads:
        return value
    dimensions = (*batch.rows, width("query heads", mixer.num_attention_heads), value.dimensions[-1])
    output = Storage(f"{name} of all query heads", dimensions, value.size)
    if groups == 1 and not copied and not (batch.eager and int(batch.sequences.value) > 1):
        return tape.view(value, dimensions, backward_of(tape, value, "repeat"))
    return tape.record("repeat", output, (value,), (), backward_of(tape, value, "repeat"))


def _padded(tape: Tape, value: Value, size: Factor, name: str) -> Value:
    output = Storage(f"padded {name}", (*value.dimensions[:-1], size), value.size)
    return tape.record("padding", output, (value,), (), backward_of(tape, value, "padding"))


def _scores(tape: Tape, batch: Batch, mixer: Attention, q: Value, k: Value) -> Value:
    heads = width("query heads", mixer.num_attention_heads)
    keys = Factor("tokens attended to", batch.tokens.value, Lever.WORKLOAD)
    return product(tape, q, k, (batch.sequences, heads, batch.tokens, keys), "scores")


def _weights(tape: Tape, batch: Batch, mixer: Attention, scores: Value) -> Value:
    """The softmax of the scores, of float32 copies in most code, in the format of the scores."""
    if batch.code.scores in ("sink", "shifted") and mixer.sinks:
        return _with_sinks(tape, batch, mixer, scores)
    if batch.code.scores == "shifted":
        return pointwise(tape, _lowered(tape, scores), "softmax of the scores", keeps="output", name="softmax")
    wide = scores if batch.code.scores == "plain" else cast(tape, scores, FLOAT32, "scores in float32")
    weights = pointwise(tape, wide, "softmax of the scores", keeps="output", name="softmax")
    return cast(tape, weights, scores.size, "attention weights")


def _with_sinks(tape: Tape, batch: Batch, mixer: Attention, scores: Value) -> Value:
    """A column for the sink, less the highest score of each row, their softmax, and the column dropped."""
    columns = Factor("tokens attended to and the sink", int(batch.tokens.value) + 1, Lever.WORKLOAD)
    whole = (*scores.dimensions[:-1], columns)

    def apart(gradient: Storage) -> None:
        if batch.method.learns:
            size = (scores.dimensions[1],)
            tape.run("sinks", gradient, Storage("gradient of sinks", size, scores.size, is_gradient=True))
        tape.give(scores, gradient)

    joined = Storage("scores and sinks", whole, scores.size)
    combined = tape.record("join", joined, (scores,), (), apart, own=batch.method.learns)
    weights = pointwise(tape, _lowered(tape, combined), "softmax of the scores", keeps="output", name="softmax")
    return strided(tape, weights, scores.dimensions[-1])


def _lowered(tape: Tape, scores: Value) -> Value:
    """Less the highest score of each row, whose gradient goes back to its place."""
    places = Storage("places of the highest scores", scores.dimensions[:-1], INT64)

    def backward(gradient: Storage) -> None:
        spread, total = gradient_of(scores), gradient_of(scores)
        tape.run("highest scores", gradient, places, spread)
        tape.run("highest scores", gradient, spread, total)
        tape.give(scores, total)

    output = like("scores below the highest", scores)
    return tape.record("subtract", output, (scores,), (places,), backward)


def product(tape: Tape, left: Value, right: Value, dimensions: tuple[Factor, ...], label: str) -> Value:
    """A batched product keeps each operand that the other one's gradient needs."""

    def backward(gradient: Storage) -> None:
        found = [(value, gradient_of(value)) for value in (right, left) if value.learns]
        for _, back in found:
            tape.run("product", gradient, back)
        for value, back in found:
            tape.give(value, back)

    saved = (*((right.storage,) if left.learns else ()), *((left.storage,) if right.learns else ()))
    return tape.record("product", Storage(label, dimensions, left.size), (left, right), saved, backward)
