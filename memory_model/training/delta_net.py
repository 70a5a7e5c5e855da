"""A gated DeltaNet in a training step, as torch runs it where no kernel for it is installed: chunks, in float32."""

from __future__ import annotations

from ..amount import Factor, Lever
from ..blocks.delta_net import GatedDeltaNet
from ..engines.transformers.delta_net import CHUNK
from ..engines.transformers.live import FLOAT32, width
from .batch import Batch
from .delta_scan import Chunks, scan
from .kernels import backward_of, cast, copy, join, multiply, pointwise, scale, split, spread
from .matrices import linear
from .norms import rms_norm, unit_length
from .recurrence import decay_rate, exponential, filled
from .scores import product
from .short_conv import convolution
from .tape import Storage, Tape, Value


def delta_rule(tape: Tape, batch: Batch, mixer: GatedDeltaNet, value: Value) -> Value:
    """The layer from its normed input to its projected output: Qwen3NextGatedDeltaNet, Qwen3_5GatedDeltaNet."""
    (mixed, gate, strength, decay), named = _inputs(tape, batch, mixer, value)
    key, whole = width("key width", mixer.key_width), width("value width", mixer.value_width)
    heads = width("value heads", mixer.num_value_heads)
    with tape.naming(*named, gate, strength, decay):
        convolved = convolution(tape, batch, mixed, "conv1d", mixer.conv_kernel, bias=False)
        convolved = pointwise(tape, convolved, "convolved queries, keys and values")
        parts = split(tape, convolved, (key, key, whole))
        beta = pointwise(tape, strength, "strength of the update", keeps="output", name="sigmoid")
        fading = decay_rate(tape, batch, decay)
        with tape.naming(convolved, beta, fading):
            found = _chunked(tape, batch, mixer, parts, beta, fading)
        found = _gated_norm(tape, batch, tape.shaped(found, *batch.rows, heads, found.dimensions[-1]), gate)
    flat = tape.shaped(found, *batch.rows, whole)
    return linear(tape, batch.method, flat, "out_proj", value.dimensions[-1], "projected output")


def _inputs(
    tape: Tape, batch: Batch, mixer: GatedDeltaNet, value: Value
) -> tuple[tuple[Value, Value, Value, Value], tuple[Value, ...]]:
    """What is convolved, the gate of the output, and two numbers a head, of four matrices or of two, which keep their names."""
    key, whole = width("key width", mixer.key_width), width("value width", mixer.value_width)
    heads, number = width("value heads", mixer.num_value_heads), mixer.num_value_heads
    mixed = width("queries, keys and values", mixer.conv_dim)
    if mixer.layout == "split":
        roles = (("in_proj_qkv", mixed), ("in_proj_z", whole), ("in_proj_b", heads), ("in_proj_a", heads))
        first, gate, strength, decay = (
            linear(tape, batch.method, value, role, wide, f"output of {role}") for role, wide in roles
        )
        return (first, gate, strength, decay), ()
    all_four = width("queries, keys, values and gate", mixer.conv_dim + mixer.value_width)
    joined = linear(tape, batch.method, value, "in_proj_qkvz", all_four, "input projection")
    both = linear(tape, batch.method, value, "in_proj_ba", width("both", 2 * number), "decay and strength")
    q, k, v, gate = split(tape, joined, (key, key, whole, whole))
    strength, decay = split(tape, both, (heads, heads))
    if mixer.num_value_heads > mixer.num_key_heads:
        v, gate = copy(tape, v, "values"), copy(tape, gate, "output gate")
        strength, decay = copy(tape, strength, "strength"), copy(tape, decay, "decay")
    with tape.naming(joined, both, gate):
        q, k = copy(tape, q, "queries"), copy(tape, k, "keys")
        v = v if mixer.num_value_heads > mixer.num_key_heads else copy(tape, v, "values")
        return (join(tape, (q, k, v), "queries, keys and values"), gate, strength, decay), (joined, both)


def _gated_norm(tape: Tape, batch: Batch, value: Value, gate: Value) -> Value:
    """The normed and weighed values times silu(gate) in float32: Qwen3NextRMSNormGated.forward."""
    normed = rms_norm(tape, value, "mixer.norm", "rms", batch.method.learns)
    bent = pointwise(tape, cast(tape, gate, FLOAT32, "gate in float32"), "activation of the gate")
    weighed = multiply(tape, normed, tape.shaped(bent, *value.dimensions), "gated output in float32", size=FLOAT32)
    return cast(tape, weighed, value.size, "gated output")


def _chunked(
    tape: Tape, batch: Batch, mixer: GatedDeltaNet, parts: tuple[Value, ...], beta: Value, fading: Value
) -> Value:
    """torch_chunk_gated_delta_rule: everything in float32, by head, filled up to whole chunks."""
    heads = width("value heads", mixer.num_value_heads)
    sizes = (width("key size", mixer.key_head_dim),) * 2 + (width("value size", mixer.value_head_dim),)
    values = []
    for part, size, name in zip(parts, sizes, ("queries", "keys", "values"), strict=True):
        one = part
        if name != "values" and mixer.num_value_heads > mixer.num_key_heads:
            output = Storage(f"{name} of all heads", (*batch.rows, heads, size), part.size)
            one = tape.record("repeat", output, (part,), (), backward_of(tape, part, "repeat"))
        values.append(cast(tape, tape.shaped(one, *batch.rows, heads, size), FLOAT32, f"{name} in float32"))
    q, k, v = values
    strength = cast(tape, beta, FLOAT32, "strength in float32")
    q = scale(tape, unit_length(tape, q), "scaled queries")
    k = unit_length(tape, k)
    whole = -(-int(batch.tokens.value) // CHUNK) * CHUNK
    tokens = Factor("tokens", whole, Lever.WORKLOAD, f"in chunks of {CHUNK}")
    q, k, v, strength, fading = (filled(tape, one, tokens) for one in (q, k, v, strength, fading))
    weak_values = spread(tape, v, strength, "values times strength")
    weak_keys = spread(tape, k, strength, "keys times strength")
    strided = beta.value_bytes == 4 and whole == int(batch.tokens.value)  # no cast and no filling wrote them anew
    with tape.naming(v, strength):
        found = scan(tape, _within(tape, (q, k), weak_keys, weak_values, fading, strided=strided))
    shape = (*batch.rows, heads, sizes[-1])
    output = Storage("output of the rule", shape, beta.size)

    def backward(gradient: Storage) -> None:
        back = Storage("gradient of the output in float32", shape, FLOAT32)
        tape.run("cast", gradient, back)
        filled = Storage("gradient of the output in chunks", found.dimensions, FLOAT32)
        if filled.bytes > back.bytes:
            tape.run("padding", back, filled)
            back = filled
        tape.give(found, back)

    return tape.record("cast", output, (found,), (), backward)


def _within(
    tape: Tape, operands: tuple[Value, Value], weak_keys: Value, weak_values: Value, fading: Value, *, strided: bool
) -> Chunks:
    """What each chunk computes without the others: two products of tokens with tokens, and two solved systems."""
    q, k = operands
    pairs = (*k.dimensions[:-1], width("tokens of a chunk", CHUNK))
    summed = tape.record(
        "running sum", Storage("running sum of the decay", fading.dimensions, FLOAT32), (fading,), (),
        backward_of(tape, fading, "running sum"),
    )  # fmt: skip
    apart = _pairwise(tape, summed, pairs)
    with tape.naming(weak_keys, weak_values, summed, apart):
        system = multiply(tape, _by_chunk(tape, weak_keys, k, pairs, "keys by keys", strided), apart, "system")
        inside = multiply(
            tape, _by_chunk(tape, q, k, pairs, "queries by keys", strided), apart, "scores within a chunk"
        )
        with tape.naming(system, inside):
            decayed = spread(
                tape, weak_keys, exponential(tape, summed, "decay of every token"), "decayed keys times strength"
            )
            new_values, read_keys = (_solved(tape, system, one) for one in (weak_values, decayed))
            first = (pairs[0], pairs[2], k.dimensions[-1], weak_values.dimensions[-1])
            shapes = {"zeros of the output": new_values.dimensions, "first state": first}
            zeros = (Value(Storage(label, shape, FLOAT32), learns=False) for label, shape in shapes.items())
            with tape.naming(decayed, new_values, read_keys, *zeros):
                q = spread(tape, q, exponential(tape, summed, "decay of every token"), "decayed queries")
                k = spread(tape, k, exponential(tape, summed, "decay of every token"), "decayed keys")
            return Chunks(new_values, read_keys, q, k, inside, (decayed, system, apart, weak_keys, weak_values, summed))


def _by_chunk(tape: Tape, left: Value, right: Value, pairs: tuple[Factor, ...], label: str, strided: bool) -> Value:
    """A product in every chunk, of copies by head where no cast has made them."""
    if strided:
        left, right = (copy(tape, one, f"{one.storage.label}, by head") for one in (left, right))
    return product(tape, left, right, pairs, label)


def _pairwise(tape: Tape, summed: Value, pairs: tuple[Factor, ...]) -> Value:
    """The decay between any two tokens of a chunk: exp(masked difference), of which the result is kept."""
    output = Storage("decay between tokens", pairs, FLOAT32)

    def backward(gradient: Storage) -> None:
        straight, masked, negative = (Storage("gradient of the difference", pairs, FLOAT32) for _ in range(3))
        tape.run("exponential", gradient, output, straight)
        tape.run("mask", straight, masked)
        tape.run("difference", masked, negative)
        tape.give(summed, Storage("gradient of the running sum", summed.dimensions, FLOAT32))

    difference, masked = (Storage("difference of running sums", pairs, FLOAT32) for _ in range(2))
    tape.run("difference", summed.storage, difference, masked)
    return tape.record("exponential", output, (summed,), (output,), backward)


def _solved(tape: Tape, system: Value, right: Value) -> Value:
    """torch.linalg.solve_triangular keeps the system and the solution (FunctionsManual.cpp linalg_solve_triangular_backward)."""
    output = Storage(f"solution for the {right.storage.label}", right.dimensions, FLOAT32)

    def backward(gradient: Storage) -> None:
        back = Storage("gradient of the right side", right.dimensions, FLOAT32)
        tape.run("triangular system", gradient, back)
        found, negative, lower = (Storage("gradient of the system", system.dimensions, FLOAT32) for _ in range(3))
        tape.run("product", back, found)
        tape.run("product", back, found, negative)
        tape.run("product", back, negative, lower)
        tape.give(system, lower)
        tape.give(right, back)

    return tape.record("triangular system", output, (system, right), (system.storage, output), backward)
