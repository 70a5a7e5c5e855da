"""A mixture of experts in a training step: rows sorted by expert, two grouped products, weighted and put back."""

from __future__ import annotations

from ..amount import Factor
from ..blocks.mlp import DenseMlp, MixtureOfExperts
from ..engines.transformers.live import FLOAT32, INT64, width
from .all_experts import every_expert
from .batch import Batch
from .feed_forward import activation, dense
from .kernels import add, backward_of, cast, gradient_of, multiply, offset, pointwise, scale, split, spread, strided
from .matrices import Method, linear, linear_in_float32
from .tape import Storage, Tape, Value

GROUPED = "integrations/moe.py grouped_mm_experts_forward"


def mixture(tape: Tape, batch: Batch, moe: MixtureOfExperts, value: Value) -> Value:
    """The chosen experts, and those that see every token beside them."""
    if batch.code.all_experts:
        return every_expert(tape, batch, moe, value)
    if not moe.shared_intermediate_size:
        return experts(tape, batch, moe, value)
    if batch.code.shared_experts_first:
        beside = _shared(tape, batch, moe, value)
        with tape.naming(beside):
            routed = experts(tape, batch, moe, value)
    else:
        routed = experts(tape, batch, moe, value)
        with tape.naming(routed):
            beside = _shared(tape, batch, moe, value)
    if moe.shared_gate:
        with tape.naming(routed):
            beside = _gated(tape, batch, value, beside)
    return add(tape, routed, beside, "routed and shared output")


def _shared(tape: Tape, batch: Batch, moe: MixtureOfExperts, value: Value) -> Value:
    """One MLP that every token passes."""
    return dense(tape, batch, DenseMlp(moe.shared_intermediate_size, gated=moe.gated), value, prefix="shared_expert.")


def _gated(tape: Tape, batch: Batch, value: Value, beside: Value) -> Value:
    """Scaled by a gate of one number a token once the routed experts have run: Qwen2MoeSparseMoeBlock."""
    gate = linear(tape, batch.method, value, "shared_expert_gate", width("gates", 1), "gate of the shared expert")
    gate = pointwise(tape, gate, "gate of the shared expert", keeps="output", name="sigmoid")
    return spread(tape, beside, gate, "gated shared output")


def experts(tape: Tape, batch: Batch, moe: MixtureOfExperts, value: Value) -> Value:
    """The output of the chosen experts: integrations/moe.py grouped_mm_experts_forward."""
    rows = (*batch.rows, width("active experts", moe.num_experts_per_tok))
    with tape.naming(value):
        weights = routing(tape, batch, moe, value, rows)
        if not moe.latent_size:
            return passed(tape, batch, moe, value, weights, rows)
        low = linear(
            tape, batch.method, value, "fc1_latent_proj", width("latent width", moe.latent_size), "latent rows"
        )
        found = passed(tape, batch, moe, low, weights, rows)
        return linear(tape, batch.method, found, "fc2_latent_proj", value.dimensions[-1], "output of the latent rows")


def passed(
    tape: Tape, batch: Batch, moe: MixtureOfExperts, value: Value, weights: Value, rows: tuple[Factor, ...]
) -> Value:
    """Rows through their experts, weighted and added up."""
    hidden = value.dimensions[-1]
    with tape.naming(value):
        order = Storage("order of the rows", rows, INT64)
        gathered = _reordered(tape, value, order, (*rows, hidden), "gathered rows")
        with tape.naming(gathered, weights):
            product = _inner(tape, batch, moe, gathered)
            down = _grouped(tape, batch.method, moe, product, "experts.down_proj", hidden, "output of the experts")
            with tape.naming(down, *((_biases(down),) if moe.expert_bias else ())):
                weighted = _weighted(tape, batch, down, weights)
                back = Storage("inverse order of the rows", rows, INT64)
                ordered = _reordered(tape, weighted, back, weighted.dimensions, "weighted rows in token order")
                return cast(tape, _summed(tape, ordered, (*batch.rows, hidden)), value.size, "sum of the experts")


def _inner(tape: Tape, batch: Batch, moe: MixtureOfExperts, gathered: Value) -> Value:
    """What the experts' output matrices read: _default_apply_gate."""
    inner = width("expert width", moe.moe_intermediate_size)
    if not moe.gated:
        up = _grouped(tape, batch.method, moe, gathered, "experts.up_proj", inner, "inner values of the experts")
        return activation(tape, batch, up)
    both = width("width of gate and up", 2 * moe.moe_intermediate_size)
    joined = _grouped(tape, batch.method, moe, gathered, "experts.gate_up_proj", both, "gate and up of the experts")
    if moe.expert_bias:
        with tape.naming(_biases(joined)):
            return _clamped(tape, joined, inner)
    gate, up = split(tape, joined, (inner, inner))
    with tape.naming(joined):
        return multiply(tape, pointwise(tape, gate, "activation of gate"), up, "product of gate and up")


def _clamped(tape: Tape, joined: Value, inner: Factor) -> Value:
    """Gate and up of experts with biases are clamped copies of every second value: GptOssExperts._apply_gate."""
    with tape.naming(joined):
        gate, up = strided(tape, joined, inner), strided(tape, joined, inner)
        gate = pointwise(tape, gate, "clamped gate", name="clamp")
        up = pointwise(tape, up, "clamped up", name="clamp")
        with tape.naming(gate, up):
            bent = pointwise(tape, scale(tape, gate, "scaled gate"), "sigmoid of gate", keeps="output", name="sigmoid")
            active = multiply(tape, gate, bent, "activation of gate")
            return multiply(tape, offset(tape, up, "up + 1"), active, "product of gate and up")


def _biases(value: Value) -> Value:
    """A row of the experts' biases for each of their rows."""
    return Value(Storage("gathered biases", value.dimensions, value.size), learns=False)


def routing(
    tape: Tape, batch: Batch, moe: MixtureOfExperts, value: Value, rows: tuple[Factor, ...], *, scaled: bool = False
) -> Value:
    """The weights of the chosen experts in the order of the rows; `scaled`: by a learned number for each expert."""
    chosen = _chosen_first(tape, batch, moe, value, rows) if batch.code.chooses_logits else None
    if chosen is None:
        logits = _logits(tape, batch, moe, value)
        if not batch.code.router_in_16_bits:
            logits = cast(tape, logits, FLOAT32, "router logits in float32")
        chances = pointwise(tape, logits, "router probabilities", keeps="output", name="softmax")
        found, ids = Storage("routing weights", rows, chances.size), Storage("chosen experts", rows, INT64)
        picked = tape.record("choice", found, (chances,), (ids, found), backward_of(tape, chances, "choice"))
        size = FLOAT32 if batch.code.routing_weight_bytes == 4 else value.size
        chosen = cast(tape, picked, size, "routing weights in 16 bits")
    if scaled:
        chosen = _scaled_by_expert(tape, batch, moe, chosen)
    note = "chosen, sums, sorted"
    return _reordered(tape, chosen, Storage(f"order of the weights ({note})", rows, INT64), rows, "sorted weights")


def _scaled_by_expert(tape: Tape, batch: Batch, moe: MixtureOfExperts, chosen: Value) -> Value:
    """Times the numbers of the chosen experts: Gemma4TextRouter.forward."""
    learns, numbers = (
        batch.method.learns,
        Storage("numbers of the chosen experts", chosen.dimensions, batch.method.value),
    )

    def backward(gradient: Storage) -> None:
        back = gradient_of(chosen)
        if learns:
            shape = (width("experts", moe.num_experts),)
            found = Storage("gradient of per_expert_scale", shape, numbers.size, is_gradient=True)
            tape.run("weigh", gradient, back, found)
        tape.run("weigh", gradient, back)
        tape.give(chosen, back)

    saved = (numbers, *((chosen.storage,) if learns else ()))
    output = Storage("scaled routing weights", chosen.dimensions, chosen.size)
    return tape.record("weigh", output, (chosen,), saved, backward, own=learns, unpacks=True)


def _chosen_first(tape: Tape, batch: Batch, moe: MixtureOfExperts, value: Value, rows: tuple[Factor, ...]) -> Value:
    """The logits of the chosen experts alone pass the softmax: GptOssTopKRouter."""
    logits = _logits(tape, batch, moe, value)
    found, ids = Storage("chosen logits", rows, value.size), Storage("chosen experts", rows, INT64)
    picked = tape.record("choice", found, (logits,), (ids,), backward_of(tape, logits, "choice"))
    return pointwise(tape, picked, "routing weights", keeps="output", name="softmax")


def _logits(tape: Tape, batch: Batch, moe: MixtureOfExperts, value: Value) -> Value:
    number = width("experts", moe.num_experts)
    pinned = moe.router_pinned == "fp32"
    if pinned or batch.code.router_in_float32:
        return linear_in_float32(tape, batch.method, value, "router", number, "router logits", pinned=pinned)
    return linear(tape, batch.method, value, "router", number, "router logits", bias=moe.router_bias)


def _reordered(tape: Tape, value: Value, order: Storage, dimensions: tuple[Factor, ...], label: str) -> Value:
    return tape.record(
        "gather", Storage(label, dimensions, value.size), (value,), (order,), backward_of(tape, value, "scatter")
    )


def _grouped(
    tape: Tape, method: Method, moe: MixtureOfExperts, value: Value, role: str, wide: Factor, label: str
) -> Value:
    number = width("experts", moe.num_experts)
    matrix = (number, wide, value.dimensions[-1])
    output = Storage(label, (*value.dimensions[:-1], wide), value.size)

    def backward(gradient: Storage) -> None:
        if method.learns and moe.expert_bias:
            tape.run("biases", gradient, Storage(f"gradient of {role}.bias", matrix[:2], value.size, is_gradient=True))
        if value.learns:
            back = gradient_of(value)
            tape.run("grouped product", gradient, back)
            tape.give(value, back)
        if method.learns:
            tape.run("grouped product", gradient, Storage(f"gradient of {role}", matrix, value.size, is_gradient=True))

    saved = (value.storage,) if method.learns else ()
    return tape.record("grouped product", output, (value,), saved, backward, own=method.learns, unpacks=True)


def _weighted(tape: Tape, batch: Batch, value: Value, weights: Value) -> Value:
    """Rows times their routing weights, in the wider format of the two."""
    size = weights.size if weights.value_bytes > value.value_bytes else value.size
    output = Storage("weighted rows", value.dimensions, size)

    def backward(gradient: Storage) -> None:
        rows, products = (Storage("gradient of the weighted rows", value.dimensions, size) for _ in range(2))
        tape.run("weigh", gradient, rows)
        tape.run("weigh", gradient, rows, products, *saved)
        found = rows
        if size.value != value.size.value:  # cast once both products exist, while their own gradient still does
            found = gradient_of(value)
            tape.run("weigh", gradient, rows, products, found)
        tape.give(value, found)
        tape.give(weights, gradient_of(weights))

    saved = (weights.storage, *((value.storage,) if weights.learns else ()))
    return tape.record("weigh", output, (value, weights), saved, backward, lets_go=batch.checkpointing)


def _summed(tape: Tape, value: Value, dimensions: tuple[Factor, ...]) -> Value:
    """A sum over the chosen experts; its gradient is written out for each of them."""
    output = Storage("sum over the experts", dimensions, value.size)
    return tape.record("sum", output, (value,), (), backward_of(tape, value, "sum"))
