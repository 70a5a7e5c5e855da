"""Products with matrices in HQQ: what HQQLinear allocates beside its input and output, for every product anew."""

from __future__ import annotations

from collections.abc import Iterator

from ...amount import Factor, Lever, Moment, Term
from ...blocks.mamba import Mamba
from ...blocks.sparse_attention import IndexedLatentAttention
from ...errors import InputError
from ...model_shape import ModelShape
from ...precision import WeightScheme, stored
from ...tensors import Tensor
from .live import Forward, Held, width
from .modeling import code_of

HQQ = {"hqq-4bit": ("hqq-64",)}
"""Number formats of the matrices, by weight scheme."""
GROUP = 64
"""Values that share a scale; the values of a matrix must be a multiple of it (core/quantize.py Quantizer.quantize)."""
KERNEL = "hqq 0.2.8 core/quantize.py Quantizer.dequantize, with its default backend PYTORCH"


def hqq_products(forward: Forward, matrix: Tensor, held: Held, result: Term) -> Iterator[Moment]:
    """Moments of one product. `held`: all that is alive, the input with it; `result`: the output."""
    values = (width("outputs", matrix.rows), width("inputs", matrix.columns))
    steps = Factor("tensors", 3, Lever.ENGINE, "codes, less their zero points, scaled")
    yield Moment(
        f"{matrix.role} being unpacked", (*held, Term("matrix being unpacked", (*values, steps, forward.value))), KERNEL
    )
    unpacked = Term("unpacked matrix", (*values, forward.value))
    yield Moment(f"product with {matrix.role}", (*held, unpacked, result), KERNEL)


def check_hqq(model: ModelShape, scheme: WeightScheme) -> None:
    """Raise InputError for models of which HQQ quantises nothing, or that it cannot run."""
    if code_of(model).linear != "nn.Linear":
        raise InputError(
            f"weights: HQQ leaves every matrix of {model.modeling} as it is, since it takes nn.Linear itself and no other class; use bf16"
        )
    if any(isinstance(group.mixer, Mamba) for group in model.layers):
        raise InputError(
            "weights: HQQ fails in Mamba, whose modeling code multiplies by dt_proj.weight itself; use bf16"
        )
    if any(isinstance(group.mixer, IndexedLatentAttention) for group in model.layers):
        raise InputError(
            "weights: HQQ fails in sparse attention, whose indexer multiplies by weights_proj.weight itself; use nf4"
        )
    for _, matrix, name in stored(model, scheme, "text"):
        if name in HQQ[scheme.name] and matrix.rows * matrix.columns % GROUP:
            raise InputError(
                f"weights: HQQ fails at {matrix.role}, whose {matrix.rows:,} x {matrix.columns:,} values are no multiple of "
                f"its groups of {GROUP}; use nf4"
            )
