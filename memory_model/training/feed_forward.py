"""The feed-forward half of a layer in a training step: dense, or a mixture of experts."""

from __future__ import annotations

from ..blocks.mlp import DenseMlp
from ..engines.transformers.live import width
from .batch import Batch
from .kernels import add, gradient_of, like, multiply, offset, pointwise, scale, split, square, subtract, weigh_all
from .matrices import linear
from .shared import BOOL
from .tape import Storage, Tape, Value


def dense(tape: Tape, batch: Batch, mlp: DenseMlp, value: Value, prefix: str = "") -> Value:
    """down(act(gate(x)) * up(x)), or down(act(up(x))). `prefix` names matrices of shared experts."""
    method, hidden, inner = batch.method, value.dimensions[-1], width("MLP width", mlp.intermediate_size)
    if not mlp.gated:
        wide = linear(tape, method, value, f"{prefix}up_proj", inner, "inner values", bias=mlp.bias)
        product = activation(tape, batch, wide)
    elif mlp.fused:
        both = width("width of gate and up", 2 * mlp.intermediate_size)
        joined = linear(tape, method, value, f"{prefix}gate_up_proj", both, "gate and up", bias=mlp.bias)
        gate, up = split(tape, joined, (inner, inner))
        product = multiply(tape, up, pointwise(tape, gate, "activation of gate"), "product of gate and up")
    else:
        gate = linear(tape, method, value, f"{prefix}gate_proj", inner, "gate", bias=mlp.bias)
        if "gate" in batch.code.multiplies:
            gate = scale(tape, gate, "scaled gate")
        active = pointwise(tape, gate, "activation of gate")
        up = linear(tape, method, value, f"{prefix}up_proj", inner, "up", bias=mlp.bias)
        product = multiply(tape, active, up, "product of gate and up")
    return linear(tape, method, product, f"{prefix}down_proj", hidden, "MLP output", bias=mlp.bias)


def activation(tape: Tape, batch: Batch, value: Value) -> Value:
    """The activation of an MLP that has no gate, as the modeling code writes it."""
    if batch.code.activation == "xielu":
        return _xielu(tape, batch, value)
    if batch.code.activation == "":
        return pointwise(tape, value, "activation")
    if batch.code.activation == "bloom_gelu":
        return _bloom_gelu(tape, value)
    if batch.code.activation == "relu2":
        positive = pointwise(tape, value, "positive part", keeps="output", name="relu")
        return square(tape, positive, "squared positive part")
    half = scale(tape, value, "half of the inner values")  # activations.py NewGELUActivation, written out
    cube = scale(tape, pointwise(tape, value, "cube", name="power"), "scaled cube")
    inside = scale(tape, add(tape, value, cube, "polynomial"), "argument of tanh")
    bent = pointwise(tape, inside, "tanh", keeps="output", name="tanh")
    return multiply(tape, half, offset(tape, bent, "1 + tanh"), "activation")


def _xielu(tape: Tape, batch: Batch, value: Value) -> Value:
    """A parabola where the input is positive, an exponential elsewhere: activations.py XIELUActivation._xielu_python."""
    chosen = Storage("which values are positive", value.dimensions, BOOL)
    tape.run("comparison", value.storage, chosen)
    with tape.naming(Value(chosen, learns=False)):
        slope = weigh_all(tape, value, "act_fn.alpha_p", batch.method.learns, "slope times input")
        parabola = multiply(tape, slope, value, "parabola")
        positive = add(tape, parabola, scale(tape, value, "scaled input"), "positive branch")
        with tape.naming(positive):
            least = pointwise(tape, value, "negative part", name="minimum")
            curve = pointwise(tape, least, "exponential", keeps="output", name="exponential")
            bent = subtract(tape, curve, value, "exponential less input")
            bent = weigh_all(tape, bent, "act_fn.alpha_n", batch.method.learns, "scaled exponential")
            negative = add(tape, bent, scale(tape, value, "scaled input"), "negative branch")

    def backward(gradient: Storage) -> None:
        first, second = gradient_of(positive), gradient_of(negative)
        tape.run("choice", gradient, first, second)
        tape.give(positive, first)
        tape.give(negative, second)

    output = Storage("activation", value.dimensions, value.size)
    return tape.record("choice", output, (positive, negative), (chosen,), backward)


def _bloom_gelu(tape: Tape, value: Value) -> Value:
    """A function of its own, which keeps its input; its gradient is written out: modeling_bloom.py bloom_gelu_back."""

    def pieces(count: int) -> tuple[Storage, ...]:
        return tuple(like("parts of the gradient", value) for _ in range(count))

    def backward(gradient: Storage) -> None:
        bent, factor, back = like("tanh", value), like("derivative", value), gradient_of(value)
        tape.run("activation", gradient, bent, *pieces(4))
        tape.run("activation", gradient, bent, factor, *pieces(2))
        tape.run("activation", gradient, bent, factor, back)
        tape.give(value, back)

    output = like("activation", value)
    tape.run("activation", value.storage, *pieces(3))
    return tape.record("activation", output, (value,), (value.storage,), backward)
