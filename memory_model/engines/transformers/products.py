"""Products with quantised matrices: what bitsandbytes allocates beside their input and output.

bitsandbytes 0.50.2. 4 bits: backends/cuda/ops.py `gemm_4bit` multiplies by the packed matrix, or unpacks all of it first:
never for up to 4 rows, always for more than 1,536, and between them as the GPU's generation, its multiprocessors and
the matrix decide. 8 bits: autograd/_functions.py `MatMul8bitLt` makes an int8 copy of the input, and an int32 output
that is scaled in float16 and then cast.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from ...amount import Factor, Lever, Moment, Number, Term, largest, product
from ...blocks.attention import Attention
from ...blocks.latent_attention import LatentAttention
from ...blocks.mamba import Mamba
from ...blocks.mlp import DenseMlp, MixtureOfExperts
from ...deployment import Deployment
from ...errors import InputError
from ...model_shape import ModelShape
from ...precision import WeightScheme, half
from ...tensors import Mixer, Mlp, Tensor
from .fp8 import DEEP_GEMM, FP8, fp8_products, may_use_deep_gemm
from .gating import gating_moments, later_gate
from .hqq import HQQ, check_hqq, hqq_products
from .live import BOOL, FLOAT32, INT32, Forward, Held, only_where, width
from .marlin import MARLIN, marlin_products
from .modeling import code_of
from .passes import passes
from .rounded_inputs import rounded_product, rounding_formats
from .sub_norms import sub_norm
from .unpacked import check_unpacked, is_unpacked
from .written import growth

FOUR_BITS = {"nf4": "nf4-64", "nf4-dq": "nf4-64-double"}
"""Number formats of the weight schemes that unpack whole matrices."""
EIGHT_BITS = {"int8": "int8-rows"}
MODELLED = FOUR_BITS | EIGHT_BITS
QUANTISED = {name: (stored,) for name, stored in MODELLED.items()} | FP8 | HQQ | MARLIN
"""Number formats of the matrices whose products are modelled, by weight scheme."""
PACKED_ROWS, UNPACKED_ROWS = 4, 1536
"""Up to so many rows the packed matrix is multiplied; beyond so many it is unpacked."""
GROUP = 64
"""Values with a scale of their own; a matrix whose rows do not divide into them is always unpacked."""
UNPACKING = "bitsandbytes 0.50.2 backends/cuda/ops.py _dequant_linear_fallback"
EIGHT_BIT = "bitsandbytes 0.50.2 autograd/_functions.py MatMul8bitLt.forward"


def quantised(forward: Forward, block: Mixer | Mlp, role: str) -> Tensor | None:
    """The matrix of a role, where it is stored quantised, else None."""
    return _quantised(forward.deployment, block).get(role)


def _quantised(deployment: Deployment, block: Mixer | Mlp) -> dict[str, Tensor]:
    formats = rounding_formats(deployment) if is_unpacked(deployment) else QUANTISED.get(deployment.scheme.name, ())
    return _matrices(deployment.model, deployment.scheme, formats, block) if formats else {}  # type: ignore[arg-type]  # blocks are frozen


def reads_fp8(forward: Forward) -> bool:
    """Whether experts are multiplied as they are stored, in fp8."""
    return forward.deployment.scheme.name in FP8 and not is_unpacked(forward.deployment)


@lru_cache(maxsize=256)
def _matrices(
    model: ModelShape, scheme: WeightScheme, formats: tuple[str, ...], block: Mixer | Mlp
) -> dict[str, Tensor]:
    """The quantised matrices of a block by their roles."""
    return {
        tensor.role: tensor
        for tensor in block.tensors(model.hidden_size)
        if not tensor.is_vector and scheme.format_name(model, tensor, -1) in formats
    }


def product_moments(
    forward: Forward, matrix: Tensor | None, held: Held, *, rows: tuple[Factor, ...] = ()
) -> Iterator[Moment]:
    """Moments of one product, nothing for a matrix that is not quantised.

    `held`: all that is alive, the input with it. `rows`: of the input, the new tokens unless they are named.
    """
    if matrix is None:
        return
    rows = rows or forward.new
    result = Term("product", (*rows, width("outputs", matrix.rows), forward.value))
    if is_unpacked(forward.deployment):
        yield from rounded_product(forward, matrix, held, rows, result)
        return
    if reads_fp8(forward):
        yield from fp8_products(forward, matrix, held, rows, result)
        return
    if forward.deployment.scheme.name in MARLIN:
        yield from marlin_products(forward, matrix, held, rows, result)
        return
    if forward.deployment.scheme.name in HQQ:
        yield from hqq_products(forward, matrix, held, result)
        return
    if forward.deployment.scheme.name in EIGHT_BITS:
        yield from _eight_bits(forward, matrix, held, rows, result)
        return
    name = f"{matrix.role} being unpacked"
    count: Any = product([row.value for row in rows])
    aligned = matrix.columns % GROUP == 0
    terms = (*held, result, *_unpacked(forward, matrix))
    moment = Moment(name, terms, UNPACKING if aligned else f"{UNPACKING}, whatever the rows")
    yield from only_where(count > PACKED_ROWS if aligned else count > 0, moment)


def outer_products(forward: Forward, mixer: Mixer, held: Held) -> Iterator[Moment]:
    """Products with quantised matrices at the entrance and the exit of a recurrent block, whose inside is not counted."""
    deployment, hidden = forward.deployment, forward.deployment.model.hidden_size
    matrices = _quantised(deployment, mixer)
    unwritten = growth(forward, mixer, 1, "states of this layer, not written yet")
    scaled = (forward.stream("scaled input"),) if forward.code.scaled_inputs else ()
    for matrix in matrices.values():
        if matrix.columns == hidden:
            yield from product_moments(forward, matrix, (*held, *unwritten, *scaled))
        elif matrix.rows == hidden:
            inner = forward.per_token("output of the block", width("inner width", matrix.columns))
            yield from product_moments(forward, matrix, (*held, inner))


def products_up(
    forward: Forward, mlp: DenseMlp | MixtureOfExperts, held: Held, inner: int, prefix: str = ""
) -> Iterator[Moment]:
    """Products with quantised matrices that stand before the activation of an MLP.

    Of gate and up, which are of one size, the second: more is alive.
    """
    if not forward.code.holds_normed_input:
        held = (*held, forward.stream("normed input"))
    yield from product_moments(forward, quantised(forward, mlp, prefix + "gate_up_proj"), held)
    if mlp.gated:
        held = (*held, forward.per_token("activation of the gate", width("inner width", inner)))
    yield from product_moments(forward, quantised(forward, mlp, prefix + "up_proj"), held)


def shared_products(forward: Forward, moe: MixtureOfExperts, held: Held) -> Iterator[Moment]:
    """Products with quantised matrices of experts that every token passes."""
    inner = moe.shared_intermediate_size
    yield from products_up(forward, moe, held, inner, "shared_expert.")
    product = forward.per_token("inner values", width("inner width", inner))
    yield from product_moments(forward, quantised(forward, moe, "shared_expert.down_proj"), (*held, product))


def output_projection(forward: Forward, mixer: Mixer, held: Held, output: Term) -> Iterator[Moment]:
    """The attention output, its gate, and its projection, behind a norm where `sub_norms` says so."""
    yield from gating_moments(forward, mixer, held, output)
    held = (*held, *later_gate(forward, mixer))
    if forward.code.sub_norms and isinstance(mixer, Attention):
        yield sub_norm(forward, held, output, width("output width", mixer.output_width))
    yield Moment("output projection", (*held, output, forward.stream("projected output")))
    yield from product_moments(forward, quantised(forward, mixer, "o_proj"), (*held, output))


def check_products(model: ModelShape, scheme: WeightScheme) -> None:
    """Raise InputError for models that a library does not quantise in transformers 5.23, or cannot run."""
    check_unpacked(model, scheme)
    if scheme.name in HQQ:
        check_hqq(model, scheme)
    if scheme.name in MODELLED and code_of(model).linear == "FalconLinear":
        raise InputError(
            f"weights: {scheme.name} leaves every matrix of Falcon as it is, since bitsandbytes takes nn.Linear itself and not FalconLinear; use bf16"
        )
    if scheme.name in MODELLED and any(isinstance(group.mixer, Mamba) for group in model.layers):
        raise InputError(
            f"weights: {scheme.name} fails in Mamba, whose modeling code multiplies by dt_proj.weight itself; use bf16"
        )
    latent = any(isinstance(group.mixer, LatentAttention) for group in model.layers)
    if scheme.name in EIGHT_BITS and latent:
        raise InputError(
            f"weights: {scheme.name} fails in latent attention, whose latents have more dimensions than bitsandbytes' MatMul8bitLt takes; use nf4"
        )


def gpu_decides(deployment: Deployment) -> bool:
    """Whether the machine decides, somewhere in a phase, if matrices of 4 bits are unpacked, or inputs cast by DeepGEMM."""
    if may_use_deep_gemm(deployment):
        return not is_unpacked(deployment)
    if deployment.scheme.name not in FOUR_BITS:
        return False
    rows = (call.new * deployment.workload.batch_size for call in passes(deployment))
    return any(np.any((count > PACKED_ROWS) & (count <= UNPACKED_ROWS)) for count in rows)


def without_unpacking(moments: tuple[Moment, ...]) -> Number:
    """The busiest of them where no matrix is unpacked, and no input cast, that a machine may take as it is."""
    return largest([moment.bytes for moment in moments if moment.source not in (UNPACKING, DEEP_GEMM)])


def _unpacked(forward: Forward, matrix: Tensor) -> Held:
    rows, columns = width("outputs", matrix.rows), width("inputs", matrix.columns)
    unpacked = Term("unpacked matrix", (rows, columns, forward.value), UNPACKING)
    if forward.deployment.scheme.name == "nf4":
        return (unpacked,)
    groups = Factor("groups", -(-matrix.rows * matrix.columns // GROUP), Lever.MODEL, f"of {GROUP} values")
    both = Factor("tensors", 2, Lever.ENGINE, "unpacked, with their offset")
    return unpacked, Term("scales in float32", (groups, both, FLOAT32), UNPACKING)


def _eight_bits(
    forward: Forward, matrix: Tensor, held: Held, rows: tuple[Factor, ...], result: Term
) -> Iterator[Moment]:
    inputs, outputs = width("inputs", matrix.columns), width("outputs", matrix.rows)
    byte = Factor("bytes per value", 1, Lever.PRECISION, "int8")
    copy, scales = Term("input in int8", (*rows, inputs, byte)), Term("scales of the rows", (*rows, FLOAT32))
    half_size = Factor("bytes per value", 2, Lever.ENGINE, "float16")
    is_half = half(forward.deployment.model) == "fp16"
    magnitudes = Term("magnitudes", (*rows, inputs, half_size))
    outliers = Term("which values are outliers", (*rows, inputs, BOOL))
    cast = () if is_half else (Term("input in float16", (*rows, inputs, half_size)),)
    yield Moment(
        f"input of {matrix.role} being quantised", (*held, *cast, magnitudes, outliers, copy, scales), EIGHT_BIT
    )
    products = (
        Term("product in int32", (*rows, outputs, INT32)),
        Term("product in float16", (*rows, outputs, half_size)),
    )
    last = () if is_half else (result,)
    yield Moment(f"product with {matrix.role}", (*held, copy, scales, *products, *last), EIGHT_BIT)
