"""Softmax attention in a training step: projections, norms, rotation, and what they are attended with."""

from __future__ import annotations

from ..amount import Factor
from ..blocks.attention import Attention
from ..engines.transformers.live import FLOAT32, width
from .batch import Batch
from .kernels import backward_of, cast, copy, like, multiply, pointwise, scale, split
from .matrices import linear
from .norms import rms_norm
from .rotation import both_rotated, rotated
from .scores import attended
from .tape import Storage, Tape, Value


def attend(tape: Tape, batch: Batch, mixer: Attention, value: Value) -> Value:
    """The attention of one layer, from its normed input to its projected output."""
    hidden = value.dimensions[-1]
    how = _one_by_one if batch.code.rope_one_by_one else _operands
    gate = None
    if mixer.output_gate:
        (q, k, v), gate = _gated_operands(tape, batch, mixer, value)
    else:
        q, k, v = how(tape, batch, mixer, value)
    flat = tape.shaped(attended(tape, batch, mixer, q, k, v), *batch.rows, width("output width", mixer.output_width))
    if gate is not None:
        with tape.naming(gate, flat):
            bent = pointwise(tape, gate, "activated gate", keeps="output", name="sigmoid")
            flat = multiply(tape, flat, bent, "gated output")
    return linear(tape, batch.method, flat, "o_proj", hidden, "projected output", bias=mixer.o_bias)


def _one_by_one(tape: Tape, batch: Batch, mixer: Attention, value: Value) -> tuple[Value, Value, Value]:
    """Queries are normed and rotated before there are keys, and values are normed without weights: Gemma4TextAttention."""
    rows, heads = batch.rows, width("KV heads", mixer.num_key_value_heads)

    def projected(role: str, label: str, number: Factor) -> Value:
        wide = width("projected width", int(number.value) * mixer.head_dim)
        found = linear(tape, batch.method, value, role, wide, label, bias=mixer.qkv_bias)
        return tape.shaped(found, *rows, number, width("head size", mixer.head_dim))

    before = tape.position
    q = projected("q_proj", "query projection", width("query heads", mixer.num_attention_heads))
    q = _normed(tape, batch, mixer, q, "q_norm")
    q = rotated(tape, batch, mixer, q, "queries", batch.tables)
    after = tape.position
    if mixer.shares_kv:
        return q, *tape.shared[mixer.window]
    unnormed = projected("k_proj", "key projection", heads)
    v = unnormed if mixer.k_eq_v else projected("v_proj", "value projection", heads)
    k = rotated(tape, batch, mixer, _normed(tape, batch, mixer, unnormed, "k_norm"), "keys", batch.tables)
    v = rms_norm(tape, v, "", batch.code.norm, batch.method.learns)
    if batch.stores:
        tape.share(mixer.window, (k, v), before, after)
    return q, k, v


def _gated_operands(
    tape: Tape, batch: Batch, mixer: Attention, value: Value
) -> tuple[tuple[Value, Value, Value], Value]:
    """Queries share a matrix with the gate of the output, which is copied out: Qwen3NextAttention.forward."""
    whole, size = width("query width", mixer.query_width), width("head size", mixer.head_dim)
    both = width("queries and gate", 2 * mixer.query_width)
    joined = linear(tape, batch.method, value, "q_proj", both, "queries and gate", bias=mixer.qkv_bias)
    q, gate = split(tape, joined, (whole, whole))
    gate = copy(tape, gate, "gate of the output")
    q = _normed(
        tape, batch, mixer, tape.shaped(q, *batch.rows, width("query heads", mixer.num_attention_heads), size), "q_norm"
    )
    k = linear(
        tape, batch.method, value, "k_proj", width("key width", mixer.key_width), "key projection", bias=mixer.qkv_bias
    )
    k = _normed(tape, batch, mixer, k, "k_norm")
    v = linear(
        tape,
        batch.method,
        value,
        "v_proj",
        width("value width", mixer.value_width),
        "value projection",
        bias=mixer.qkv_bias,
    )
    q, k, v = _by_head(tape, mixer, q, k, v)
    q, k = both_rotated(tape, batch, mixer, q, k)
    return (q, k, v), gate


def _operands(tape: Tape, batch: Batch, mixer: Attention, value: Value) -> tuple[Value, Value, Value]:
    """Queries, keys and values, projected together, then normed and rotated."""
    code = batch.code
    q, k, v = _projections(tape, batch, mixer, value)
    if mixer.qk_norm and code.qk_norm_when != "rotated":
        q, k = (_normed(tape, batch, mixer, one, role) for one, role in ((q, "q_norm"), (k, "k_norm")))
    q, k, v = _by_head(tape, mixer, q, k, v)
    if "values" in code.multiplies:
        v = scale(tape, v, "scaled values")
    if "keys" in code.multiplies:
        k = scale(tape, k, "scaled keys")
    if code.rope != "none" and mixer.rotary_dim and (mixer.window is not None or not code.rope_in_windows_only):
        q, k = both_rotated(tape, batch, mixer, q, k)
        if code.scales_by_position and batch.unless_stated("use_qk_norm"):
            q, k = (rms_norm(tape, one, "", code.norm, batch.method.learns) for one in (q, k))
    elif code.scales_by_position and batch.unless_stated("attn_temperature_tuning"):
        q = _scaled_by_position(tape, q)
    if mixer.qk_norm and code.qk_norm_when == "rotated":
        q, k = (_normed(tape, batch, mixer, one, role) for one, role in ((q, "q_norm"), (k, "k_norm")))
    return q, k, v


def _scaled_by_position(tape: Tape, value: Value) -> Value:
    """Times one number of float32 for each position, and cast again: Llama4TextAttention.forward."""
    narrowed = tape.view(value, value.dimensions, backward_of(tape, value, "cast"))
    wide = like("scaled queries in float32", value, FLOAT32)

    def backward(gradient: Storage) -> None:
        back = like("gradient of scaled queries", value, FLOAT32)
        tape.run("scale", gradient, back)
        tape.give(narrowed, back)

    return cast(tape, tape.record("scale", wide, (narrowed,), (), backward), value.size, "scaled queries")


def _projections(tape: Tape, batch: Batch, mixer: Attention, value: Value) -> tuple[Value, Value, Value]:
    method, bias = batch.method, mixer.qkv_bias
    widths = (
        width("query width", mixer.query_width),
        width("key width", mixer.key_width),
        width("value width", mixer.value_width),
    )
    if not mixer.fused:
        roles = ("q_proj", "k_proj", "v_proj")
        labels = ("query projection", "key projection", "value projection")
        q, k, v = (linear(tape, method, value, *named, bias=bias) for named in zip(roles, widths, labels, strict=True))
        return q, k, v
    total = width("query, key and value width", sum(int(one.value) for one in widths))
    joined = linear(tape, method, value, "qkv_proj", total, "fused projection", bias=bias)
    q, k, v = split(tape, joined, widths)
    return q, k, v


def _by_head(tape: Tape, mixer: Attention, q: Value, k: Value, v: Value) -> tuple[Value, Value, Value]:
    heads, fewer = width("query heads", mixer.num_attention_heads), width("KV heads", mixer.num_key_value_heads)
    size, other = width("head size", mixer.head_dim), width("value head size", mixer.v_head_dim)
    rows = q.dimensions[:2]
    return (
        tape.shaped(q, *rows, heads, size),
        tape.shaped(k, *rows, fewer, size),
        tape.shaped(v, *rows, fewer, other),
    )


def _normed(tape: Tape, batch: Batch, mixer: Attention, value: Value, role: str) -> Value:
    if mixer.qk_norm == "head" and len(value.dimensions) == 3:
        heads = mixer.num_attention_heads if role == "q_norm" else mixer.num_key_value_heads
        shape = (*batch.rows, width("heads", heads), width("head size", mixer.head_dim))
        value = tape.shaped(value, *shape)
    return rms_norm(tape, value, role, batch.code.norm, batch.method.learns)
