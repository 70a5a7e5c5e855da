"""What layers with a state share in a training step: modeling_qwen3_next.py, modeling_mamba2.py."""

from __future__ import annotations

from ..amount import Factor
from ..engines.transformers.live import FLOAT32
from .batch import Batch
from .kernels import backward_of, cast, gradient_of, like, pointwise
from .shared import BOOL
from .tape import Storage, Tape, Value


def decay_rate(tape: Tape, batch: Batch, value: Value) -> Value:
    """-exp(A_log) * softplus(a + dt_bias) in float32, one number for each head of a token."""
    moved = shifted(tape, batch, cast(tape, value, FLOAT32, "decay in float32"))
    return decay_of(tape, batch, pointwise(tape, moved, "softplus of the decay"))


def shifted(tape: Tape, batch: Batch, value: Value) -> Value:
    """The sum with dt_bias, one learned number for each head."""
    learns = batch.method.learns

    def backward(gradient: Storage) -> None:
        if learns:
            found = Storage("gradient of dt_bias", value.dimensions[-1:], batch.method.value, is_gradient=True)
            tape.run("shift", gradient, found)
        tape.give(value, gradient)

    return tape.record("shift", like("shifted time step", value), (value,), (), backward, own=learns)


def decay_of(tape: Tape, batch: Batch, value: Value) -> Value:
    """-exp(A_log) times a time step in float32."""
    learns, heads = batch.method.learns, value.dimensions[-1:]
    rate = Storage("rate of decay", heads, FLOAT32)

    def backward(gradient: Storage) -> None:
        back, product = gradient_of(value), gradient_of(value)
        tape.run("multiply", gradient, back)
        if learns:
            found = Storage("gradient of A_log", heads, batch.method.value, is_gradient=True)
            tape.run("multiply", gradient, back, product, found)
        tape.give(value, back)

    saved = (rate, *((value.storage,) if learns else ()))
    return tape.record("multiply", like("logarithm of decay", value), (value,), saved, backward, own=learns)


def filled(tape: Tape, value: Value, tokens: Factor) -> Value:
    """Filled up to whole chunks, in a new tensor even where nothing is missing: torch.nn.functional.pad."""
    sequences, _, *rest = value.dimensions
    output = Storage(f"{value.storage.label}, in chunks", (sequences, tokens, *rest), value.size)
    return tape.record("padding", output, (value,), (), backward_of(tape, value, "padding"))


def exponential(tape: Tape, value: Value, label: str, dimensions: tuple[Factor, ...] = ()) -> Value:
    """exp of a running sum of decays, whose result is kept."""
    output = Storage(label, dimensions or value.dimensions, value.size)
    return tape.record("exponential", output, (value,), (output,), backward_of(tape, value, "exponential"))


def decay_between(tape: Tape, value: Value, pairs: tuple[Factor, ...]) -> Value:
    """exp(segment_sum(A)): decay between any two tokens of a chunk, by running sums; the result is kept."""
    output = Storage("decay between tokens", pairs, FLOAT32)

    def whole() -> Storage:
        return Storage("gradient of the decay between tokens", pairs, FLOAT32)

    def backward(gradient: Storage) -> None:
        straight, masked = whole(), whole()
        tape.run("exponential", gradient, output, straight)
        tape.run("mask", straight, masked)
        for _ in range(3):  # flipped, summed, flipped
            turned = whole()
            tape.run("running sum", masked, turned)
            masked = turned
        last = whole()
        tape.run("mask", masked, last)
        back = gradient_of(value)
        tape.run("sum", last, back)
        tape.give(value, back)

    steps = [Storage("running sums of the decay", pairs, FLOAT32) for _ in range(3)]
    for before, after in zip(steps, (*steps[1:], output), strict=True):
        tape.run("running sum", value.storage, before, after)
    masks = tuple(Storage("mask of a chunk", (pairs[-1],) * 2, BOOL) for _ in range(2))
    return tape.record("exponential", output, (value,), (output, *masks), backward)
