"""The moments of experts that all run on every token, their inputs scaled by the router (Llama 4)."""

from __future__ import annotations

from collections.abc import Iterator

from ...amount import Moment, Term
from ...blocks.mlp import MixtureOfExperts
from .live import Forward, Held, times, width
from .products import shared_products


def all_experts_moments(forward: Forward, moe: MixtureOfExperts, held: Held) -> Iterator[Moment]:
    """Llama4TextMoe.forward: inputs and outputs of all experts for all tokens, in prefill and in decoding."""
    experts = width("experts", moe.num_experts)

    def rows(label: str, values: tuple[int, str], count: int = 1, note: str = "") -> Term:
        size = width(values[1], values[0])
        return Term(label, (experts, *forward.new, size, *times(count, note), forward.value))

    hidden = (forward.deployment.model.hidden_size, "hidden size")
    wide = (moe.moe_intermediate_size, "expert width")
    around = (
        *held,
        forward.per_token("router logits and scores", experts, count=2, note="logits, scores"),
        rows("scaled inputs of all experts", hidden),
    )
    gate_up = rows("gate and up", wide, 2, "gate, up")
    both = rows("activation and product", wide, 2, "activation, product")
    yield Moment("experts", (*around, gate_up, both))
    outputs = rows("outputs of all experts", hidden)
    yield Moment("experts' output", (*around, gate_up, rows("product", wide), outputs))
    if moe.shared_intermediate_size:
        inner = width("shared expert width", moe.shared_intermediate_size)
        shared = forward.per_token("inner values", inner, count=3, note="activation of gate, up, product")
        yield Moment("shared expert", (*around, outputs, shared))
        yield from shared_products(forward, moe, (*around, outputs))
