"""Products with matrices in AWQ and GPTQ: what gptqmodel's Marlin kernel allocates beside its input and output.

It unpacks in registers, and keeps partial sums in float32 for every multiprocessor of the GPU: tiles of at most 64 rows and
256 columns (gptqmodel 7.7.0 gptq_marlin.cu; utils/marlin.py apply_gptq_marlin_linear).
"""

from __future__ import annotations

from collections.abc import Iterator

from ...amount import Factor, Lever, Moment, Number, Term, product
from ...deployment import Deployment
from ...tensors import Tensor
from ...units import round_up, smaller
from .live import FLOAT32, Forward, Held

MARLIN = {
    "awq-int4": ("int4-128", "int4-64", "int4-32"),
    "gptq-int4": ("int4-128-indexed", "int4-64-indexed", "int4-32-indexed", "int4-all-indexed"),
    "gptq-int8": ("int8-128-indexed", "int8-64-indexed", "int8-32-indexed", "int8-all-indexed"),
}
"""Number formats of the matrices, by weight scheme."""
TILE_ROWS, TILE_COLUMNS, STEP = 64, 256, 16
"""Of partial sums at most, and the multiple to which fewer rows are rounded up (marlin_scratch.cuh)."""
KERNEL = "gptqmodel 7.7.0 gptq_marlin.cu marlin_gemm"
CHOSEN = {
    "awq-int4": ("ampere", "ada"),
    "gptq-int4": ("turing", "ampere", "ada"),
    "gptq-int8": ("turing", "ampere", "ada"),
}
"""Generations of GPUs on which gptqmodel chooses Marlin by itself, by weight scheme."""


def is_chosen(deployment: Deployment) -> bool:
    """Whether the device is one on which Marlin runs, and its multiprocessors are known."""
    device = deployment.device
    known = device is not None and device.vendor == "NVIDIA" and device.multiprocessors is not None
    return known and device.generation in CHOSEN[deployment.scheme.name]  # type: ignore[union-attr]


def marlin_products(
    forward: Forward, matrix: Tensor, held: Held, rows: tuple[Factor, ...], result: Term
) -> Iterator[Moment]:
    """The moment of one product. `held`: all that is alive, the input with it; `result`: the output."""
    device = forward.deployment.device
    if device is None or device.multiprocessors is None or device.vendor != "NVIDIA":
        return
    count: Number = product([row.value for row in rows])
    tile = Factor("rows", smaller(round_up(count, STEP), TILE_ROWS), Lever.WORKLOAD, f"at most {TILE_ROWS}")
    each = Factor("multiprocessors", device.multiprocessors, Lever.DEVICE)
    columns = Factor("columns", TILE_COLUMNS, Lever.ENGINE)
    yield Moment(
        f"product with {matrix.role}", (*held, result, Term("partial sums", (each, tile, columns, FLOAT32))), KERNEL
    )
