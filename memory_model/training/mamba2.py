"""Mamba-2 in a training step, as torch runs it where no kernel for it is installed: modeling_mamba2.py mamba2_chunk_scan."""

from __future__ import annotations

from dataclasses import dataclass

from ..amount import Factor, Lever
from ..blocks.mamba2 import Mamba2
from ..engines.transformers.live import FLOAT32, width
from .batch import Batch
from .kernels import add, backward_of, cast, copy, gradient_of, like, multiply, pointwise, scale, split, spread
from .matrices import linear
from .norms import rms_norm
from .recurrence import decay_between, decay_of, exponential, filled, shifted
from .scores import product
from .short_conv import convolution
from .tape import Storage, Tape, Value


def state_space(tape: Tape, batch: Batch, mixer: Mamba2, value: Value) -> Value:
    """The layer from its normed input to its projected output: NemotronHMamba2Mixer.forward."""
    inner, groups = width("inner values", mixer.d_inner), width("B or C of all groups", mixer.n_groups * mixer.d_state)
    heads, mixed = width("heads", mixer.num_heads), width("channels", mixer.conv_dim)
    if mixer.multipliers:
        value = scale(tape, value, "scaled input")
    wide = width("projected values", mixer.d_inner + mixer.conv_dim + mixer.num_heads)
    projected = linear(tape, batch.method, value, "in_proj", wide, "input projection", bias=mixer.in_bias)
    if mixer.multipliers:
        projected = scale(tape, projected, "scaled input projection")
    gate, convolved, step = split(tape, projected, (inner, mixed, heads))
    with tape.naming(value, projected):
        convolved = convolution(tape, batch, convolved, "conv1d", mixer.conv_kernel, bias=mixer.conv_bias)
        convolved = pointwise(tape, convolved, "convolved values")
        x, b, c = split(tape, convolved, (inner, groups, groups))
        with tape.naming(convolved):
            found = _scanned(tape, batch, mixer, (x, b, c), step)
        found = _gated(tape, batch, mixer, tape.shaped(found, *batch.rows, inner), gate)
        found = cast(tape, found, batch.method.value, "gated output")
    return linear(tape, batch.method, found, "out_proj", value.dimensions[-1], "projected output", bias=mixer.out_bias)


def _gated(tape: Tape, batch: Batch, mixer: Mamba2, value: Value, gate: Value) -> Value:
    """Times silu(gate) in float32, then normed: NemotronHRMSNormGated; Falcon-H1 can go without the norm."""
    if not mixer.gated_norm:
        return multiply(tape, value, pointwise(tape, gate, "activation of the gate"), "gated output", size=FLOAT32)
    bent = pointwise(tape, cast(tape, gate, FLOAT32, "gate in float32"), "activation of the gate")
    weighed = multiply(tape, value, bent, "gated values")
    return rms_norm(tape, weighed, "mixer.norm", "late", batch.method.learns, size=batch.method.value)


@dataclass(frozen=True, slots=True)
class _Shapes:
    """Dimensions of what the scan computes."""

    sequences: Factor
    tokens: Factor
    """Filled up to whole chunks."""
    heads: Factor
    size: Factor
    state: Factor
    side: Factor
    """Tokens of a chunk."""
    chunks: Factor
    borders: Factor

    @property
    def rows(self) -> tuple[Factor, ...]:
        """One for each head of a token."""
        return self.sequences, self.tokens, self.heads

    def states(self, count: Factor) -> tuple[Factor, ...]:
        """So many states of all heads."""
        return self.sequences, count, self.heads, self.size, self.state


def _shapes(batch: Batch, mixer: Mamba2) -> _Shapes:
    chunk = batch.chunk
    number = -(-int(batch.tokens.value) // chunk)
    return _Shapes(
        batch.sequences,
        Factor("tokens", number * chunk, Lever.WORKLOAD, f"in chunks of {chunk}"),
        width("heads", mixer.num_heads),
        width("head size", mixer.head_dim),
        width("state size", mixer.d_state),
        width("tokens of a chunk", chunk),
        Factor("chunks", number, Lever.WORKLOAD),
        Factor("borders of chunks", number + 1, Lever.WORKLOAD),
    )


def _scanned(tape: Tape, batch: Batch, mixer: Mamba2, parts: tuple[Value, ...], step: Value) -> Value:
    """mamba2_chunk_scan: within chunks by matrices between all tokens, between them by states; all in float32."""
    shapes, learns = _shapes(batch, mixer), batch.method.learns
    rows, heads, groups = batch.rows, shapes.heads, width("groups", mixer.n_groups)
    step = shifted(tape, batch, step)
    step = pointwise(tape, pointwise(tape, step, "time step"), "clamped time step", name="clamp")
    x = cast(tape, tape.shaped(parts[0], *rows, heads, shapes.size), FLOAT32, "values in float32")
    several = []
    for part, name in zip(parts[1:], "BC", strict=True):
        one = cast(tape, tape.shaped(part, *rows, groups, shapes.state), FLOAT32, f"{name} in float32")
        output = Storage(f"{name} of all heads", (*rows, heads, shapes.state), FLOAT32)
        several.append(tape.record("repeat", output, (one,), (), backward_of(tape, one, "repeat")))
    with tape.naming(step, *several):
        beside = _weighed_by_head(tape, filled(tape, x, shapes.tokens), learns)
        with tape.naming(beside):
            first, second = (cast(tape, step, FLOAT32, "time step in float32") for _ in range(2))
            x = spread(tape, x, first, "values times step")
            decay = decay_of(tape, batch, second)
    x, decay, b, c = (filled(tape, one, shapes.tokens) for one in (x, decay, *several))
    with tape.naming(beside, x, decay, b, c):
        return _cut(tape, batch, _chunks(tape, shapes, beside, x, decay, b, c))


def _weighed_by_head(tape: Tape, value: Value, learns: bool) -> Value:
    """D times the values, one learned number for each head."""

    def backward(gradient: Storage) -> None:
        back = gradient_of(value)
        tape.run("weigh", gradient, back)
        if learns:
            whole = gradient_of(value)
            found = Storage("gradient of D", value.dimensions[2:3], FLOAT32, is_gradient=True)
            tape.run("weigh", gradient, back, whole)
            tape.run("weigh", gradient, back, whole, found)
        tape.give(value, back)

    saved = (value.storage,) if learns else ()
    output = like("values times D", value)
    return tape.record("weigh", output, (value,), saved, backward, own=learns, unpacks=True)


def _chunks(tape: Tape, shapes: _Shapes, beside: Value, x: Value, decay: Value, b: Value, c: Value) -> Value:
    """What tokens of a chunk give each other, and what they read of the state before it."""
    pairs = (*shapes.rows, shapes.side)
    output = Storage("running sum of the decay", decay.dimensions, FLOAT32)
    summed = tape.record("running sum", output, (decay,), (), backward_of(tape, decay, "running sum"))
    apart = decay_between(tape, decay, pairs)
    with tape.naming(summed, apart):
        scores = _contracted(tape, shapes, c, _by_head(tape, shapes, b), pairs, "C times B")
        weights = multiply(tape, scores, apart, "weights within a chunk")
        with tape.naming(scores, weights):
            within = product(
                tape,
                weights,
                _by_head(tape, shapes, x, by_channel=True),
                (*shapes.rows, shapes.size),
                "output within chunks",
            )
            with tape.naming(within):
                return _across(tape, shapes, (x, b, c, summed), within, beside)


def _contracted(
    tape: Tape, shapes: _Shapes, left: Value, right: Value, dimensions: tuple[Factor, ...], label: str
) -> Value:
    """torch.einsum, a batched product of operands by head."""
    return product(tape, _by_head(tape, shapes, left), right, dimensions, label)


def _by_head(tape: Tape, shapes: _Shapes, value: Value, *, by_channel: bool = False) -> Value:
    """Copied into the order of a batched product; a single chunk is only seen so, where heads stand together in memory.

    They do in a single sequence, and `by_channel`: in the order that the convolution left.
    """
    if shapes.chunks.value == 1 and (by_channel or shapes.sequences.value == 1):
        return value
    return copy(tape, value, f"{value.storage.label}, by head")


def _across(
    tape: Tape, shapes: _Shapes, operands: tuple[Value, Value, Value, Value], within: Value, beside: Value
) -> Value:
    """Each chunk's own state, those before it added up, and what its tokens read of that, added to the rest."""
    x, b, c, summed = operands
    fading = spread(tape, b, exponential(tape, summed, "decay to the border"), "B, decayed")
    with tape.naming(fading):
        states = _contracted(
            tape, shapes, fading, _by_head(tape, shapes, x, by_channel=True), shapes.states(shapes.chunks), "states"
        )
        joined = tape.record(
            "join", Storage("states and the first", shapes.states(shapes.borders), FLOAT32), (states,), (),
            lambda gradient: tape.give(states, gradient),
        )  # fmt: skip
        small = (shapes.sequences, shapes.heads, shapes.borders, shapes.borders)
        ends = exponential(tape, summed, "decay between chunks", small)
        if shapes.sequences.value > 1:
            joined = copy(tape, joined, "states, by head")
        passed = product(tape, ends, joined, joined.dimensions, "passed states")
        before = _all_but_last(tape, passed, shapes.states(shapes.chunks))
        zeros = Storage("first state", shapes.states(width("states", 1)), FLOAT32)
        with tape.naming(Value(zeros, learns=False), ends, passed):
            out = exponential(tape, summed, "decay from the border")
            read = _contracted(
                tape,
                shapes,
                c,
                _by_head(tape, shapes, before, by_channel=True),
                (*shapes.rows, shapes.size),
                "output of the states",
            )
            between = spread(tape, read, out, "output between chunks")
            with tape.naming(read, between):
                found = copy(tape, add(tape, within, between, "output of the scan"), "output by token")
                return add(tape, found, beside, "output")


def _all_but_last(tape: Tape, value: Value, dimensions: tuple[Factor, ...]) -> Value:
    return tape.view(value, dimensions, backward_of(tape, value, "slice"))


def _cut(tape: Tape, batch: Batch, value: Value) -> Value:
    """Without what was filled up; a view, whose gradient is written into zeros."""
    sequences, _, *rest = value.dimensions
    dimensions = (sequences, batch.tokens, *rest)
    if value.dimensions[1].value == batch.tokens.value:
        return tape.shaped(value, *dimensions)
    return tape.view(value, dimensions, backward_of(tape, value, "slice"))
