"""Products with matrices in fp8: what transformers' FP8Linear and FP8Experts allocate beside their input and output.

Kernels of the Hub (huggingface/kernels-community finegrained-fp8, matmul.py `matmul`): with a scale for each block of a
matrix the input is quantised in registers, and only the output is new; with one scale for the whole matrix the kernel makes
an fp8 copy of the input first. On Hopper with a CUDA toolkit of 12.3 or newer, transformers prefers DeepGEMM for blocks of
128 x 128 (integrations/finegrained_fp8.py fp8_linear), whose cast of the input takes 8 bytes a value while it runs.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...amount import Factor, Lever, Moment, Term
from ...blocks.mlp import MixtureOfExperts
from ...deployment import Deployment
from ...tensors import Tensor
from ...units import round_up
from .live import FLOAT32, Forward, Held, width

ONE_SCALE, BLOCKS = "fp8", "fp8-block"
"""Weight schemes with one scale for a matrix, and one for each of its blocks."""
FP8 = {ONE_SCALE: ("fp8-tensor", "fp8-tensor-dynamic"), BLOCKS: ("fp8-128x128", "fp8-128x128-e8m0")}
"""Number formats of the matrices, by weight scheme."""
GROUP = 128
"""Values of an input with a scale of their own (integrations/deepgemm.py _select_fp8_cast_kwargs)."""
KERNEL = "kernels-community finegrained-fp8 matmul.py"
DEEP_GEMM = "integrations/deepgemm.py deepgemm_fp8_fp4_linear; deep_gemm utils/math.py per_token_cast_to_fp8"
EXPERTS = "integrations/finegrained_fp8.py fp8_batched_mm_experts_forward: the kernel reads the experts where they are"
BEFORE_ADA = ("turing", "volta", "ampere")
"""GPUs before compute capability 8.9, for which weights are unpacked on loading (quantizer_finegrained_fp8.py)."""


def may_use_deep_gemm(deployment: Deployment) -> bool:
    """Whether the input of every product may be cast by DeepGEMM: the toolkit on the machine decides."""
    device = deployment.device
    return deployment.scheme.name == BLOCKS and device is not None and device.generation == "hopper"


def fp8_products(
    forward: Forward, matrix: Tensor, held: Held, rows: tuple[Factor, ...], result: Term
) -> Iterator[Moment]:
    """Moments of one product. `held`: all that is alive, the input with it; `result`: the output."""
    inputs = width("inputs", matrix.columns)
    byte = Factor("bytes per value", 1, Lever.PRECISION, "fp8")
    copy = Term("input in fp8", (*rows, inputs, byte))
    if forward.deployment.scheme.name == ONE_SCALE:
        scales = Term("scales of the rows", (*rows, FLOAT32))
        yield Moment(f"product with {matrix.role}", (*held, copy, scales, result), KERNEL)
    if not may_use_deep_gemm(forward.deployment):
        return
    padded = Factor("inputs", round_up(matrix.columns, GROUP), Lever.MODEL, f"multiple of {GROUP}")
    both = Factor("tensors", 2, Lever.ENGINE, "padded, magnitudes")
    sixteen = Term("input in 16 bits", (*rows, padded, both, forward.value))
    floats = Term("magnitudes in float32", (*rows, padded, FLOAT32))
    yield Moment(f"input of {matrix.role} being cast", (*held, sixteen, floats), DEEP_GEMM)
    groups = Factor("groups", -(-matrix.columns // GROUP), Lever.MODEL, f"of {GROUP} values")
    twice = Factor("tensors", 2, Lever.ENGINE, "as cast, transposed")
    scales = Term("scales of the groups", (*rows, groups, twice, FLOAT32))
    yield Moment(f"product with {matrix.role}", (*held, copy, scales, result), DEEP_GEMM)


def batched_experts(
    forward: Forward, moe: MixtureOfExperts, held: Held, active: Factor, hidden: Factor
) -> Iterator[Moment]:
    """Experts of a few rows. `held`: with the router's choice; `hidden`: the width of their input."""
    inner = width("expert width", moe.moe_intermediate_size)
    held = (*held, forward.per_token("repeated rows", active, hidden))
    parts = (4, "gate and up (two wide), activation, product") if moe.gated else (2, "up, activation")
    down = forward.per_token("down output", active, hidden)
    yield Moment(
        "experts", (*held, forward.per_token("inner values", active, inner, count=parts[0], note=parts[1])), EXPERTS
    )
    yield Moment("experts' output", (*held, forward.per_token("product", active, inner), down), EXPERTS)
    yield Moment("weighting of the experts", (*held, down, forward.per_token("weighted rows", active, hidden)), EXPERTS)
