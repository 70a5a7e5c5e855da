"""What layers with a state share in a training step."""

from __future__ import annotations

from ..engines.transformers.live import FLOAT32
from .batch import Batch
from .kernels import cast, gradient_of, like, pointwise
from .tape import Storage, Tape, Value


def decay_rate(tape: Tape, batch: Batch, value: Value) -> Value:
    """-exp(A_log) * softplus(a + dt_bias) in float32, one number for each head of a token."""
    learns, size = batch.method.learns, batch.method.value
    heads = value.dimensions[-1:]
    wide = cast(tape, value, FLOAT32, "decay in float32")

    def shifted_back(gradient: Storage) -> None:
        if learns:
            tape.run("shift", gradient, Storage("gradient of dt_bias", heads, size, is_gradient=True))
        tape.give(wide, gradient)

    shifted = tape.record("shift", like("shifted decay", wide), (wide,), (), shifted_back, own=learns)
    soft = pointwise(tape, shifted, "softplus of the decay")
    rate = Value(Storage("rate of decay", heads, FLOAT32), learns)

    def backward(gradient: Storage) -> None:
        back, product = gradient_of(soft), gradient_of(soft)
        tape.run("multiply", gradient, back)
        if learns:
            found = Storage("gradient of A_log", heads, size, is_gradient=True)
            tape.run("multiply", gradient, back, product, found)
        tape.give(soft, back)

    saved = (rate.storage, *((soft.storage,) if learns else ()))
    return tape.record("multiply", like("logarithm of decay", soft), (soft,), saved, backward, own=learns)
