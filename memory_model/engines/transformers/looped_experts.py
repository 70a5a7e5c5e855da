"""The moments of experts that run one after the other in a loop, each on the tokens that chose it (DBRX, Step 3.5)."""

from __future__ import annotations

from collections.abc import Iterator

from ...amount import Factor, Lever, Moment, Term
from ...blocks.mlp import MixtureOfExperts
from .live import INT64, Forward, Held, times, width

LOOP = "modeling_dbrx.py DbrxExperts.forward, modeling_step3p7.py Step3p7Experts.forward"


def looped_moments(forward: Forward, moe: MixtureOfExperts, held: Held) -> Iterator[Moment]:
    """The busiest pass of the loop, where every expert is chosen by as many tokens as the others."""
    active = width("active experts", moe.num_experts_per_tok)
    inner, hidden = width("expert width", moe.moe_intermediate_size), forward.hidden
    rows: object = moe.num_experts_per_tok
    for factor in forward.new:
        rows = rows * factor.value  # type: ignore[operator]
    tokens = Factor("tokens of an expert", -(-rows // moe.num_experts), Lever.WORKLOAD, "divided evenly")  # type: ignore[operator]

    def chosen(label: str, *dimensions: Factor, count: int = 1, note: str = "", size: Factor | None = None) -> Term:
        return Term(label, (tokens, *dimensions, *times(count, note), size or forward.value))

    size = Factor("bytes per value", 4 if forward.is_float32 else forward.code.routing_weight_bytes, Lever.ENGINE)
    around = (
        *held,
        forward.per_token("router logits", width("experts", moe.num_experts)),
        forward.per_token("expert ids", active, size=INT64),
        forward.per_token("routing weights", active, size=size),
        forward.per_token(
            "which experts are chosen", active, width("experts and one", moe.num_experts + 1), size=INT64
        ),
        Term("experts that are chosen", (width("experts", moe.num_experts), INT64)),
        forward.stream("sum over experts"),
        chosen("positions of the tokens", count=2, note="of the token, of the choice", size=INT64),
    )
    before, gathered = chosen("output of the expert before", hidden, size=size), chosen("gathered rows", hidden)
    if forward.code.clamps_gates:
        both = chosen("gate and up", inner, count=2, note="gate, up")
        yield Moment("gate and up of an expert", (*around, before, gathered, both), LOOP)
        clamped = chosen("clamped values", inner, count=3, note="gate, up, product")
        yield Moment("experts", (*around, before, both, clamped), LOOP)
        weighted = (chosen("weighted output", hidden, size=size), chosen("weights of the tokens", size=size))
        product = (chosen("product", inner), chosen("down output", hidden))
        yield Moment("output of an expert", (*around, *product, *weighted), LOOP)
        return
    parts = chosen("inner values", inner, count=3, note="activation of gate, up, product")
    yield Moment("experts", (*around, before, gathered, parts, chosen("down output", hidden)), LOOP)
