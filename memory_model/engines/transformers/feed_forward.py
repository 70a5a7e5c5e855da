"""The moments of a feed-forward block: the norm before or after it, the MLP, the experts."""

from __future__ import annotations

from collections.abc import Iterator

from ...amount import Factor, Lever, Moment, Term
from ...blocks.mlp import DenseMlp, MixtureOfExperts
from .all_experts import all_experts_moments
from .convolved_attention import router_states
from .fp8 import batched_experts
from .live import BOOL, FLOAT32, INT64, Forward, Held, width
from .looped_experts import looped_moments
from .mxfp4 import mxfp4_experts, reads_mxfp4
from .products import product_moments, products_up, quantised, reads_fp8, shared_products
from .sub_norms import sub_norm

GROUPED = "integrations/moe.py grouped_mm"
BATCHED = "integrations/moe.py batched_mm: the selected experts' weights are copied for every row"

ACTIVATIONS = {
    "": (2, "up, activation"),
    "gelu_new": (4, "up, half of it, two terms of gelu_new"),
    "bloom_gelu": (5, "up, half of it, three terms of the gelu"),
    "relu2": (3, "up, its positive part, square"),
    "quick_gelu": (3, "up, scaled, sigmoid"),
    "xielu": (5, "up, both branches and their terms"),
    "swigluoai": (6, "up, both clamped, activation of gate, up + 1, product"),
}
"""Tensors as wide as an MLP without gate that are alive at once: activations.py and modeling_bloom.py."""


WRITTEN_OUT = ("gelu_new", "relu2", "quick_gelu")
PLAIN = ("gelu", "gelu_pytorch_tanh", "relu", "silu", "swish", "tanh")
"""Activations that torch computes in one step."""


def activation(forward: Forward) -> str:
    """The row of `ACTIVATIONS` of an MLP without gate: as its config says, where it names one of both lists."""
    own, config = forward.code.activation, forward.deployment.model.text_config
    stated = config.get("hidden_act") or config.get("activation_function") or config.get("hidden_activation")
    if own not in ("", *WRITTEN_OUT) or not isinstance(stated, str):
        return own
    return stated if stated in WRITTEN_OUT else "" if stated in PLAIN else own


def _inner_tensors(forward: Forward, *, gated: bool, fused: bool) -> tuple[int, str]:
    """How many tensors as wide as an MLP are alive at once, and which; `fused`: gate and up are one of two widths."""
    count, note = ACTIVATIONS[activation(forward)]
    if not gated:
        return count, note
    least, plain = (
        (4, "gate and up (two wide), activation, product") if fused else (3, "activation of gate, up, product")
    )
    more = count + 1 if fused else count
    return (least, plain) if more <= least else (more, "gate and what its activation is written out with")


def _product_tensors(forward: Forward, *, fused: bool) -> tuple[int, str]:
    """How many of them are alive while the last matrix is multiplied by their product, and which."""
    if forward.code.activation == "swigluoai":
        return 6, "gate and up (two wide), both clamped, activation of gate, product"
    return (3, "gate and up, product") if fused or forward.code.clamps_gates else (1, "")


def norm_moments(forward: Forward, held: Held, *, behind: bool, gated: bool = False) -> Iterator[Moment]:
    """The float32 copies of an RMSNorm, which stands behind the MLP or before it; a LayerNorm has none.

    `gated`: a small MLP of what was normed gates it.
    """
    code = forward.code
    if behind:
        held = (*held, forward.stream("MLP output"))
    copies = forward.per_token("stream in float32", forward.hidden, count=2, note="input and product", size=FLOAT32)
    if gated:
        yield from _gate_of_the_norm(forward, held)
    if code.norm == "bare":
        yield Moment("norm", (*held, copies, forward.per_token("inverse root", size=FLOAT32)))
    elif code.norm == "rms":
        means = forward.per_token("mean square and inverse root", count=2, note="of each token", size=FLOAT32)
        yield Moment("norm", (*held, copies, means))
    elif code.norm == "gemma":
        weight = Term("1 + weight", (forward.hidden, FLOAT32))
        for last in (forward.per_token("inverse root", size=FLOAT32), weight):
            yield Moment(f"norm, {last.label}", (*held, copies, last))
    elif code.norm == "wide":
        means = forward.per_token("mean square and inverse root", count=2, note="of each token", size=FLOAT32)
        weight = Term("weight in float32", (forward.hidden, FLOAT32))
        for last in (means, weight):
            yield Moment(f"norm, {last.label}", (*held, copies, last))
    elif code.norm == "late":
        mean = forward.per_token("mean square", size=FLOAT32)
        yield Moment("norm", (*held, copies, forward.stream("normed stream"), mean))


def _gate_of_the_norm(forward: Forward, held: Held) -> Iterator[Moment]:
    floats = forward.per_token("gate in float32", forward.hidden, count=2, note="of the MLP, sigmoid", size=FLOAT32)
    yield Moment("gate of the norm", (*held, forward.stream("normed stream"), floats))


def dense_moments(forward: Forward, mlp: DenseMlp, held: Held) -> Iterator[Moment]:
    """An MLP of two or three matrices."""
    inner = width("MLP width", mlp.intermediate_size)
    tensors = _inner_tensors(forward, gated=mlp.gated, fused=mlp.fused)
    values = [forward.per_token("inner values", inner, count=tensors[0], note=tensors[1])]
    if not mlp.gated and forward.code.activation == "xielu":
        values.append(forward.per_token("which values are positive", inner, size=BOOL))
        values.append(Term("slopes of xielu", (Factor("slopes", 2, Lever.ENGINE), forward.value)))
    yield Moment("MLP", (*held, *values))
    yield from products_up(forward, mlp, held, mlp.intermediate_size)
    count, note = _product_tensors(forward, fused=mlp.gated and mlp.fused)
    product = forward.per_token("inner values", inner, count=count, note=note)
    if forward.code.sub_norms:
        yield sub_norm(forward, held, product, inner)
    yield Moment("MLP output", (*held, product, forward.stream("MLP output")))
    yield from product_moments(forward, quantised(forward, mlp, "down_proj"), (*held, product))


def expert_moments(forward: Forward, moe: MixtureOfExperts, held: Held) -> Iterator[Moment]:
    """Routed experts: rows sorted by expert in prefill, copied weights in decoding (as `generate()` switches)."""
    code = forward.code
    if code.all_experts:
        yield from all_experts_moments(forward, moe, held)
        return
    if code.loops_over_experts:
        yield from looped_moments(forward, moe, held)
        return
    yield from _chosen_experts(forward, moe, held)


def _chosen_experts(forward: Forward, moe: MixtureOfExperts, held: Held) -> Iterator[Moment]:
    code, first = forward.code, forward.code.shared_experts_first
    if code.router_in_float32 and not forward.is_float32:
        yield _router(forward, moe, held)
    if moe.shared_intermediate_size and first:
        yield from _shared(forward, moe, held)
        held = (*held, forward.stream("shared experts' output"))
    active = width("active experts", moe.num_experts_per_tok)
    if reads_mxfp4(forward):
        yield from mxfp4_experts(forward, moe, held, active)
        return
    weight_size = Factor(
        "bytes per value", _at_least(forward, code.routing_weight_bytes), Lever.ENGINE, "routing weights"
    )
    logit_size = Factor("bytes per value", _at_least(forward, code.router_logit_bytes), Lever.ENGINE, "router logits")
    held = (*held, *router_states(forward, moe, "states of the router"))
    if moe.latent_size:
        held = (*held, forward.per_token("latent rows", width("latent size of the experts", moe.latent_size)))
    routed = (
        *held,
        forward.per_token("router logits", width("experts", moe.choices), size=logit_size),
        forward.per_token("expert ids", active, size=INT64),
        forward.per_token("routing weights", active, size=weight_size),
    )
    if forward.sorts_experts:
        yield from _grouped(forward, moe, routed, active, weight_size)
    elif reads_fp8(forward):
        yield from batched_experts(forward, moe, routed, active, _hidden(forward, moe))
    else:
        yield _batched(forward, moe, routed, active)
    if moe.shared_intermediate_size and not first:
        around = held if code.shared_by_layer else routed
        summed: Held = ()
        if code.float32_sum_of_experts and forward.stated("enable_moe_fp32_combine", 1) and not forward.is_float32:
            summed = (forward.per_token("routed output in float32", forward.hidden, size=FLOAT32),)
        yield from _shared(forward, moe, (*around, forward.stream("routed output"), *summed))
    if moe.output_norm:
        yield from norm_moments(forward, routed, behind=True)


def _router(forward: Forward, moe: MixtureOfExperts, held: Held) -> Moment:
    experts = width("experts", moe.num_experts + moe.zero_experts)
    stored = Factor("copies", 0 if moe.router_pinned == "fp32" else 1, Lever.ENGINE, "none of a float32 matrix")
    return Moment(
        "router",
        (
            *held,
            forward.per_token("rows in float32", forward.hidden, size=FLOAT32),
            Term("router matrix in float32", (experts, forward.hidden, stored, FLOAT32)),
            forward.per_token("router logits", experts, size=FLOAT32),
        ),
    )


def _shared(forward: Forward, moe: MixtureOfExperts, held: Held) -> Iterator[Moment]:
    inner = width("shared expert width", moe.shared_intermediate_size)
    fused = forward.code.shared_by_layer or forward.code.activation == "swigluoai"
    parts = _inner_tensors(forward, gated=moe.gated, fused=fused)
    shared = forward.per_token("inner values", inner, count=parts[0], note=parts[1])
    yield Moment("shared experts", (*held, shared))
    if fused or forward.code.clamps_gates:
        count, note = _product_tensors(forward, fused=fused)
        kept = forward.per_token("inner values", inner, count=count, note=note)
        yield Moment("shared experts' output", (*held, kept, forward.stream("shared output")))
    yield from shared_products(forward, moe, held)


def _at_least(forward: Forward, size: int) -> int:
    return 4 if forward.is_float32 else size


def _hidden(forward: Forward, moe: MixtureOfExperts) -> Factor:
    return width("latent size of the experts", moe.latent_size) if moe.latent_size else forward.hidden


def _grouped(
    forward: Forward, moe: MixtureOfExperts, routed: Held, active: Factor, weight_size: Factor
) -> Iterator[Moment]:
    inner, hidden = width("expert width", moe.moe_intermediate_size), _hidden(forward, moe)
    gathered = (
        *routed,
        forward.per_token(
            "sorted expert ids", active, size=Factor("bytes", 20, Lever.ENGINE, "ids and permutation int64, ids int32")
        ),
        forward.per_token("sorted weights", active, size=weight_size),
        Term("histogram and offsets", (width("experts", moe.num_experts), INT64)),
        forward.per_token("gathered rows", active, hidden),
    )
    down = forward.per_token("down output", active, hidden)
    bias = (forward.per_token("gathered down bias", active, hidden),) if moe.expert_bias else ()
    parts = _inner_tensors(forward, gated=moe.gated, fused=True)
    if moe.expert_bias:
        parts = (9, "bias, gate and up, two clamped (two wide each), glu, up + 1, product")
    yield Moment(
        "experts", (*gathered, forward.per_token("inner values", active, inner, count=parts[0], note=parts[1])), GROUPED
    )
    yield Moment("experts' output", (*gathered, *bias, forward.per_token("product", active, inner), down), GROUPED)
    if reads_fp8(forward):  # weights are cast to the rows' type there, here they widen the rows
        weight_size = forward.value
    inverse = forward.per_token("inverse permutation", active, size=INT64)
    ordered = forward.per_token("weighted rows in token order", active, hidden, size=weight_size)
    weighted = forward.per_token("weighted rows", active, hidden, size=weight_size)
    yield Moment("weighting of the experts", (*gathered, *bias, down, weighted, ordered, inverse), GROUPED)
    total = forward.per_token("sum over experts", hidden, size=weight_size)
    cast = (forward.per_token("sum in 16 bits", hidden),) if weight_size.value == 4 and not forward.is_float32 else ()
    yield Moment("sum of the experts", (*gathered, *bias, down, ordered, inverse, total, *cast), GROUPED)


def _batched(forward: Forward, moe: MixtureOfExperts, routed: Held, active: Factor) -> Moment:
    inner, hidden = width("expert width", moe.moe_intermediate_size), _hidden(forward, moe)
    bias = (
        (forward.per_token("gathered gate and up bias", active, inner, count=2, note="gate, up"),)
        if moe.expert_bias
        else ()
    )
    matrices = (3, "gate, up, down") if moe.gated else (2, "up, down")
    return Moment(
        "experts",
        (
            *routed,
            forward.per_token("repeated rows", active, hidden),
            forward.per_token("copied expert weights", active, inner, hidden, count=matrices[0], note=matrices[1]),
            forward.per_token("product", active, inner),
            *bias,
        ),
        BATCHED,
    )
