"""Experts that all run on every token in a training step, their inputs scaled by the router: Llama4TextMoe.forward."""

from __future__ import annotations

from ..amount import Factor
from ..blocks.mlp import DenseMlp, MixtureOfExperts
from ..engines.transformers.live import FLOAT32, INT64, width
from .batch import Batch
from .feed_forward import dense
from .kernels import add, backward_of, cast, copy, gradient_of, multiply, pointwise, split, spread
from .matrices import linear
from .tape import Storage, Tape, Value


def every_expert(tape: Tape, batch: Batch, moe: MixtureOfExperts, value: Value) -> Value:
    """Every token, once for each expert, through two batched products; then the MLP that all tokens pass."""
    number, hidden = width("experts", moe.num_experts), value.dimensions[-1]
    rows = (number, *batch.rows)
    with tape.naming(value):
        scores = _scores(tape, batch, moe, value)
        output = Storage("tokens of all experts", (*rows, hidden), value.size)
        repeated = tape.record("repeat", output, (value,), (), backward_of(tape, value, "repeat"))
        by_expert = copy(tape, scores, "scores by expert")
        with tape.naming(scores):
            scaled = spread(tape, repeated, tape.shaped(by_expert, *rows), "scaled inputs of all experts")
            with tape.naming(scaled):
                both = width("width of gate and up", 2 * moe.moe_intermediate_size)
                inner = width("expert width", moe.moe_intermediate_size)
                joined = _product(tape, batch, scaled, "experts.gate_up_proj", both, "gate and up of the experts")
                gate, up = split(tape, joined, (inner, inner))
                with tape.naming(joined):
                    product = multiply(tape, up, pointwise(tape, gate, "activation of gate"), "product of gate and up")
                    routed = _product(tape, batch, product, "experts.down_proj", hidden, "outputs of all experts")
            with tape.naming(routed):
                shared = DenseMlp(moe.shared_intermediate_size, gated=moe.gated)
                beside = dense(tape, batch, shared, value, prefix="shared_expert.")
                return add(tape, _summed(tape, routed, value.dimensions), beside, "routed and shared output")


def _scores(tape: Tape, batch: Batch, moe: MixtureOfExperts, value: Value) -> Value:
    """The sigmoid of the chosen logits in float32, 0 for the other experts."""
    number = width("experts", moe.num_experts)
    logits = linear(tape, batch.method, value, "router", number, "router logits")
    chosen = (*batch.rows, width("active experts", moe.num_experts_per_tok))
    found, places = Storage("chosen logits", chosen, value.size), Storage("chosen experts", chosen, INT64)
    picked = tape.record("choice", found, (logits,), (places,), backward_of(tape, logits, "choice"))
    spread_out = Storage("logits of the chosen experts", logits.dimensions, value.size)
    masked = tape.record("scatter", spread_out, (picked,), (places,), backward_of(tape, picked, "scatter"))
    wide = cast(tape, masked, FLOAT32, "chosen logits in float32")
    return cast(tape, pointwise(tape, wide, "scores", keeps="output", name="sigmoid"), value.size, "scores in 16 bits")


def _product(tape: Tape, batch: Batch, value: Value, role: str, wide: Factor, label: str) -> Value:
    """A batched product with the matrices of all experts."""
    learns = batch.method.learns
    matrix = (value.dimensions[0], wide, value.dimensions[-1])

    def backward(gradient: Storage) -> None:
        if value.learns:
            back = gradient_of(value)
            tape.run("product", gradient, back)
            tape.give(value, back)
        if learns:
            tape.run("product", gradient, Storage(f"gradient of {role}", matrix, value.size, is_gradient=True))

    output = Storage(label, (*value.dimensions[:-1], wide), value.size)
    saved = (value.storage,) if learns else ()
    return tape.record("product", output, (value,), saved, backward, own=learns, unpacks=True)


def _summed(tape: Tape, value: Value, dimensions: tuple[Factor, ...]) -> Value:
    output = Storage("sum over the experts", dimensions, value.size)
    return tape.record("sum", output, (value,), (), backward_of(tape, value, "sum"))
