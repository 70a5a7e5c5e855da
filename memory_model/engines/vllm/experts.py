"""What the fused kernels of a mixture of experts hold, and how they pad weights in MXFP4."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ...amount import Factor, Lever, Number, Term
from ...blocks.mlp import DenseBesideExperts, MixtureOfExperts
from ...deployment import Deployment
from ...model_shape import ModelShape
from ...number_formats import Plane
from ...tensors import Tensor
from ...units import round_up

WORKSPACE = "fused_moe.py TritonExperts.workspace_shapes: max(width, hidden) and max(2 x width, hidden) values a row"
SCALED, SCALE_COLUMNS = 32, 2
"""Values that a scale of MXFP4 serves; scales of a row come in twos (triton_kernels hopper_scale.py SWIZZLE_ALIGN_K)."""


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


@dataclass(frozen=True, slots=True)
class Mxfp4Kernels:
    """How the kernels of a GPU keep experts in MXFP4, by the engine's constants."""

    hidden: int
    """The hidden size is padded to a multiple of so many values, the width on one GPU likewise."""
    width: int
    bias_bytes: int
    row_bytes: int
    """Packed values of a row are padded to a multiple of so many bytes."""
    scale_rows: int
    """Rows of the scales that the kernels read are padded to a multiple of so many, those of gate and up together."""
    scales_twice: bool
    """Whether the scales of the file stay beside those that the kernels read."""

    def padded(self, tensor: Tensor) -> Tensor:
        """A GPU's part of an expert's matrix or bias, with what the kernels pad."""
        down = tensor.role.removesuffix(".bias").endswith("down_proj")
        rows, columns = (self.hidden, self.width) if down else (self.width, self.hidden)
        if tensor.role.endswith(".bias"):
            return replace(tensor, rows=round_up(tensor.rows, rows))
        return replace(tensor, rows=round_up(tensor.rows, rows), columns=round_up(tensor.columns, columns))

    def arrays(self, tensor: Tensor) -> Iterator[tuple[Plane, int, int]]:
        """The arrays of a padded matrix or bias, each with its rows and columns."""
        if tensor.role.endswith(".bias"):
            yield Plane("values", 8 * self.bias_bytes), tensor.rows, tensor.columns
            return
        yield Plane("values", 4), tensor.rows, round_up(tensor.columns, 2 * self.row_bytes)
        if self.scales_twice:
            yield Plane("scales of the file", 8, SCALED), tensor.rows, tensor.columns
        columns = round_up(tensor.columns, SCALED * SCALE_COLUMNS) if self.scale_rows > 1 else tensor.columns
        yield Plane("scales", 8, SCALED), self._scale_rows(tensor), columns

    def _scale_rows(self, tensor: Tensor) -> int:
        """What is behind gate and up is counted with up."""
        if tensor.role.endswith("gate_proj"):
            return tensor.rows
        if tensor.role.endswith("up_proj"):
            return int(round_up(2 * tensor.rows, self.scale_rows)) - tensor.rows
        return int(round_up(tensor.rows, self.scale_rows))


def mxfp4_kernels(deployment: Deployment) -> Mxfp4Kernels:
    """Those of the deployment's GPU."""
    constants, where = deployment.engine.facts.constants, kernels_of(deployment)
    return Mxfp4Kernels(
        int(constants[f"mxfp4_hidden_multiple{where}"]),
        int(constants[f"mxfp4_width_multiple{where}"]),
        int(constants[f"mxfp4_bias_bytes{where}"]),
        int(constants.get(f"mxfp4_row_bytes{where}", 1)),
        int(constants.get(f"mxfp4_scale_rows{where}", 1)),
        bool(constants.get(f"mxfp4_scales_twice{where}", 0)),
    )


def kernels_of(deployment: Deployment) -> str:
    """How the constants of the kernels for MXFP4 end: those of most GPUs with nothing."""
    where = f"_on_{deployment.device.kernels}" if deployment.device else ""
    return where if f"mxfp4_hidden_multiple{where}" in deployment.engine.facts.constants else ""
