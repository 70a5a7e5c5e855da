"""A mixture of experts in a training step: rows sorted by expert, two grouped products, weighted and put back."""

from __future__ import annotations

from ..amount import Factor
from ..blocks.mlp import MixtureOfExperts
from ..engines.transformers.live import FLOAT32, INT64, width
from .batch import Batch
from .kernels import backward_of, cast, gradient_of, multiply, pointwise, split
from .matrices import Method, linear
from .tape import Storage, Tape, Value

GROUPED = "integrations/moe.py grouped_mm_experts_forward"


def experts(tape: Tape, batch: Batch, moe: MixtureOfExperts, value: Value) -> Value:
    """The output of the chosen experts: integrations/moe.py grouped_mm_experts_forward."""
    method, hidden = batch.method, value.dimensions[-1]
    active, inner = width("active experts", moe.num_experts_per_tok), width("expert width", moe.moe_intermediate_size)
    rows = (*batch.rows, active)
    weights = _routing(tape, batch, moe, value, rows)
    order = Storage("order of the rows", rows, INT64)
    gathered = _reordered(tape, value, order, (*rows, hidden), "gathered rows")
    both = width("width of gate and up", 2 * moe.moe_intermediate_size)
    joined = _grouped(tape, method, moe, gathered, "experts.gate_up_proj", both, "gate and up of the experts")
    gate, up = split(tape, joined, (inner, inner))
    product = multiply(tape, pointwise(tape, gate, "activation of gate"), up, "product of gate and up")
    down = _grouped(tape, method, moe, product, "experts.down_proj", hidden, "output of the experts")
    weighted = _weighted(tape, down, weights)
    back = Storage("inverse order of the rows", rows, INT64)
    ordered = _reordered(tape, weighted, back, weighted.dimensions, "weighted rows in token order")
    return cast(tape, _summed(tape, ordered, (*batch.rows, hidden)), value.size, "sum of the experts")


def _routing(tape: Tape, batch: Batch, moe: MixtureOfExperts, value: Value, rows: tuple[Factor, ...]) -> Value:
    number = width("experts", moe.num_experts)
    logits = linear(tape, batch.method, value, "router", number, "router logits")
    logits = cast(tape, logits, FLOAT32, "router logits in float32")
    chances = pointwise(tape, logits, "router probabilities", keeps="output", name="softmax")
    chosen, ids = Storage("routing weights", rows, FLOAT32), Storage("chosen experts", rows, INT64)
    note = "chosen, sums, sorted"
    picked = tape.record("choice", chosen, (chances,), (ids, chosen), backward_of(tape, chances, "choice"))
    size = FLOAT32 if batch.code.routing_weight_bytes == 4 else value.size
    picked = cast(tape, picked, size, "routing weights in 16 bits")
    return _reordered(tape, picked, Storage(f"order of the weights ({note})", rows, INT64), rows, "sorted weights")


def _reordered(tape: Tape, value: Value, order: Storage, dimensions: tuple[Factor, ...], label: str) -> Value:
    return tape.record(
        "gather", Storage(label, dimensions, value.size), (value,), (order,), backward_of(tape, value, "scatter")
    )


def _grouped(
    tape: Tape, method: Method, moe: MixtureOfExperts, value: Value, role: str, wide: Factor, label: str
) -> Value:
    matrix = (width("experts", moe.num_experts), wide, value.dimensions[-1])

    def backward(gradient: Storage) -> None:
        if value.learns:
            back = gradient_of(value)
            tape.run("grouped product", gradient, back)
            tape.give(value, back)
        if method.learns:
            tape.run("grouped product", gradient, Storage(f"gradient of {role}", matrix, value.size, is_gradient=True))

    output = Storage(label, (*value.dimensions[:-1], wide), value.size)
    saved = (value.storage,) if method.learns else ()
    return tape.record("grouped product", output, (value,), saved, backward, own=method.learns)


def _weighted(tape: Tape, value: Value, weights: Value) -> Value:
    """Rows times their routing weights, in the wider format of the two."""
    size = weights.size if weights.value_bytes > value.value_bytes else value.size
    output = Storage("weighted rows", value.dimensions, size)

    def backward(gradient: Storage) -> None:
        rows, products = (Storage("gradient of the weighted rows", value.dimensions, size) for _ in range(2))
        tape.run("weigh", gradient, rows)
        tape.run("weigh", gradient, rows, products)
        found = rows
        if size.value != value.size.value:  # cast once both products exist and their own gradient is dropped
            found = gradient_of(value)
            tape.run("weigh", rows, products, found)
        tape.give(value, found)
        tape.give(weights, gradient_of(weights))

    saved = (weights.storage, *((value.storage,) if weights.learns else ()))
    return tape.record("weigh", output, (value, weights), saved, backward, hands_on=True)


def _summed(tape: Tape, value: Value, dimensions: tuple[Factor, ...]) -> Value:
    """A sum over the chosen experts; its gradient is seen once for each of them."""
    output = Storage("sum over the experts", dimensions, value.size)
    return tape.record("sum", output, (value,), (), lambda gradient: tape.give(value, gradient))
