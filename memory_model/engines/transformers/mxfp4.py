"""Experts in MXFP4 as the Triton kernels of the Hub multiply by them: gpt-oss in transformers.

transformers' own Python ran, and that of triton_kernels around its kernels as it allocates (triton-lang/triton 04467cc
routing.py SortTokens, 02adf8f matmul_ogs.py init_allocation): the first product gathers its rows and activates them inside
the kernel, the second writes one row for each chosen expert before it sums them.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...amount import Factor, Lever, Moment, Number, Term, product
from ...blocks.mlp import MixtureOfExperts
from ...units import round_up, where
from .live import INT32, Forward, Held, width
from .unpacked import is_unpacked

MXFP4 = "mxfp4"
STEP, TILES, TILE = 512, 4, 16
"""What tables of the routing are rounded up to, for how many sizes of tiles they are made, and rows of the smallest."""
EXPERTS = "integrations/mxfp4.py forward_routed; triton_kernels matmul_ogs.py init_allocation"


def reads_mxfp4(forward: Forward) -> bool:
    """Whether the layers are Mxfp4GptOssMLP, which replace_with_mxfp4_linear makes of GptOssMLP alone."""
    deployment = forward.deployment
    return deployment.scheme.name == MXFP4 and deployment.model.modeling == "gpt_oss" and not is_unpacked(deployment)


def mxfp4_experts(forward: Forward, moe: MixtureOfExperts, held: Held, active: Factor) -> Iterator[Moment]:
    """Both products. `held`: what the layer keeps around them."""
    both = Factor("tensors", 2, Lever.ENGINE, "where rows come from, where they go")
    held = (
        *held,
        forward.per_token("router logits", width("experts", moe.num_experts)),
        forward.per_token("places of the rows", active, both, size=INT32),
        forward.per_token("routing weights", active),
        *_tables(forward, moe, active),
    )
    inner = forward.per_token("product", active, width("expert width", moe.moe_intermediate_size))
    yield Moment("experts", (*held, inner), EXPERTS)
    rows = forward.per_token("down output", active, forward.hidden)
    yield Moment("experts' output", (*held, inner, rows, forward.stream("routed output")), EXPERTS)


def _tables(forward: Forward, moe: MixtureOfExperts, active: Factor) -> Held:
    """Counts of the experts, their offsets by size of tile, and which expert each tile belongs to."""
    experts = moe.num_experts
    chosen: Number = product([*(row.value for row in forward.new), active.value])
    tiles = where(chosen <= experts, chosen, experts - 1 - (experts - chosen - 1) // TILE)
    counts = round_up(experts, 128) + (TILES + 1) * round_up(experts + 1, STEP)
    return (
        Term("counts and offsets of the experts", (Factor("values", counts, Lever.MODEL), INT32)),
        Term(
            "tiles of the experts",
            (
                Factor("sizes", TILES, Lever.ENGINE),
                Factor("tiles", round_up(tiles, STEP), Lever.WORKLOAD, f"multiple of {STEP}"),
                INT32,
            ),
        ),
    )
