"""Experts in MXFP4 as the Triton kernels of the Hub multiply by them: gpt-oss in transformers.

Read in source and not run (integrations/mxfp4.py Mxfp4GptOssExperts.forward_routed; triton_kernels matmul_ogs.py
init_allocation): the first product gathers its rows and activates them inside the kernel, the second writes one row for
each chosen expert before it sums them.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...amount import Factor, Lever, Moment
from ...blocks.mlp import MixtureOfExperts
from .live import INT32, Forward, Held, width

MXFP4 = "mxfp4"
EXPERTS = "integrations/mxfp4.py forward_routed; triton_kernels matmul_ogs.py init_allocation"


def reads_mxfp4(forward: Forward) -> bool:
    """Whether the layers are Mxfp4GptOssMLP, which replace_with_mxfp4_linear makes of GptOssMLP alone."""
    return forward.deployment.scheme.name == MXFP4 and forward.deployment.model.modeling == "gpt_oss"


def mxfp4_experts(forward: Forward, moe: MixtureOfExperts, held: Held, active: Factor) -> Iterator[Moment]:
    """Both products. `held`: what the layer keeps around them."""
    both = Factor("tensors", 2, Lever.ENGINE, "where rows come from, where they go")
    held = (
        *held,
        forward.per_token("router logits", width("experts", moe.num_experts)),
        forward.per_token("places of the rows", active, both, size=INT32),
        forward.per_token("routing weights", active),
    )
    product = forward.per_token("product", active, width("expert width", moe.moe_intermediate_size))
    yield Moment("experts", (*held, product), EXPERTS)
    rows = forward.per_token("down output", active, forward.hidden)
    yield Moment("experts' output", (*held, product, rows, forward.stream("routed output")), EXPERTS)
