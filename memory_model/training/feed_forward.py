"""The feed-forward half of a layer in a training step: dense, or a mixture of experts."""

from __future__ import annotations

from ..blocks.mlp import DenseMlp
from ..engines.transformers.live import width
from .batch import Batch
from .kernels import add, multiply, offset, pointwise, scale, split
from .matrices import linear
from .tape import Tape, Value


def dense(tape: Tape, batch: Batch, mlp: DenseMlp, value: Value) -> Value:
    """down(act(gate(x)) * up(x)), or down(act(up(x)))."""
    method, hidden, inner = batch.method, value.dimensions[-1], width("MLP width", mlp.intermediate_size)
    if not mlp.gated:
        wide = linear(tape, method, value, "up_proj", inner, "inner values", bias=mlp.bias)
        product = _activation(tape, batch, wide)
    elif mlp.fused:
        both = width("width of gate and up", 2 * mlp.intermediate_size)
        joined = linear(tape, method, value, "gate_up_proj", both, "gate and up", bias=mlp.bias)
        gate, up = split(tape, joined, (inner, inner))
        product = multiply(tape, up, pointwise(tape, gate, "activation of gate"), "product of gate and up")
    else:
        gate = linear(tape, method, value, "gate_proj", inner, "gate", bias=mlp.bias)
        active = pointwise(tape, gate, "activation of gate")
        up = linear(tape, method, value, "up_proj", inner, "up", bias=mlp.bias)
        product = multiply(tape, active, up, "product of gate and up")
    return linear(tape, method, product, "down_proj", hidden, "MLP output", bias=mlp.bias)


def _activation(tape: Tape, batch: Batch, value: Value) -> Value:
    if batch.code.activation == "":
        return pointwise(tape, value, "activation")
    half = scale(tape, value, "half of the inner values")  # activations.py NewGELUActivation, written out
    cube = scale(tape, pointwise(tape, value, "cube", name="power"), "scaled cube")
    inside = scale(tape, add(tape, value, cube, "polynomial"), "argument of tanh")
    bent = pointwise(tape, inside, "tanh", keeps="output", name="tanh")
    return multiply(tape, half, offset(tape, bent, "1 + tanh"), "activation")
