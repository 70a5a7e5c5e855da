"""What the fused kernels of a mixture of experts hold, and how they pad weights in MXFP4."""

from __future__ import annotations

from dataclasses import replace

from ...amount import Factor, Lever, Number, Term
from ...blocks.mlp import DenseBesideExperts, MixtureOfExperts
from ...deployment import Deployment
from ...model_shape import ModelShape
from ...tensors import Tensor
from ...units import round_up

WORKSPACE = "fused_moe.py TritonExperts.workspace_shapes: max(width, hidden) and max(2 x width, hidden) values a row"


def experts_of(model: ModelShape) -> MixtureOfExperts | None:
    """The first mixture of experts among the layers."""
    for group in model.layers:
        mlp = group.mlp.experts if isinstance(group.mlp, DenseBesideExperts) else group.mlp
        if isinstance(mlp, MixtureOfExperts):
            return mlp
    return None


def workspace(deployment: Deployment, tokens: Number) -> tuple[Term, ...]:
    """Two buffers that stay allocated between layers; none with MXFP4, whose logs show none."""
    experts = experts_of(deployment.model)
    if experts is None or deployment.scheme.name == "mxfp4":
        return ()
    width = -(-experts.moe_intermediate_size // deployment.options.tensor_parallel)
    hidden = experts.latent_size or deployment.model.hidden_size
    values = max(width, hidden) + max(2 * width, hidden)
    return (
        Term(
            "workspace of experts",
            (
                Factor("tokens in a step", tokens, Lever.ENGINE),
                Factor("experts per token", experts.num_experts_per_tok, Lever.MODEL),
                Factor("values", values, Lever.MODEL, "the wider of width and hidden size, and of twice the width"),
                deployment.value_bytes,
            ),
            WORKSPACE,
        ),
    )


def multiples(deployment: Deployment) -> tuple[int, int]:
    """The multiples to which kernels for MXFP4 pad an expert's hidden size and its width on one GPU."""
    constants, where = deployment.engine.facts.constants, kernels_of(deployment)
    return int(constants[f"mxfp4_hidden_multiple{where}"]), int(constants[f"mxfp4_width_multiple{where}"])


def kernels_of(deployment: Deployment) -> str:
    """How the constants of the kernels for MXFP4 end: those of most GPUs with nothing."""
    where = f"_on_{deployment.device.kernels}" if deployment.device else ""
    return where if f"mxfp4_hidden_multiple{where}" in deployment.engine.facts.constants else ""


def padded(tensor: Tensor, hidden: int, width: int) -> Tensor:
    """A GPU's part of an expert's MXFP4 matrix or bias, with what the kernels pad."""
    if tensor.role.removesuffix(".bias").endswith("down_proj"):
        rows, columns = hidden, width
    else:
        rows, columns = width, hidden
    if tensor.role.endswith(".bias"):
        return replace(tensor, rows=round_up(tensor.rows, rows))
    return replace(tensor, rows=round_up(tensor.rows, rows), columns=round_up(tensor.columns, columns))
