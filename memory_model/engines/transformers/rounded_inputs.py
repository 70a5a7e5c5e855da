"""Products whose input compressed-tensors rounds first, as the checkpoint's kernels would: a copy of it, and the steps to it.

compressed-tensors 0.20 quantization/lifecycle/forward.py quantized_forward, forward_helpers.py _quantize_dequantize: once
weights are unpacked, products are those of 16 bits, with an input that was divided by its scales, rounded and scaled back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...amount import Factor, Lever, Moment, Term
from ...deployment import Deployment
from ...tensors import Tensor
from .live import FLOAT32, Forward, Held, width
from .unpacked import is_unpacked, stated_quantization

GROUPS = {
    "int8-channels": 0,
    "fp8-tensor": 0,
    "fp8-tensor-dynamic": 0,
    "fp8-rows": 0,
    "fp8-128x128": 128,
    "nvfp4": 16,
    "mxfp4": 32,
}
"""Values of an input that share a scale, by the number format of the matrix; 0 where all of a token do."""
ROUNDING = "compressed-tensors 0.20 forward_helpers.py _quantize_dequantize"


def rounding_formats(deployment: Deployment) -> tuple[str, ...]:
    """Number formats of matrices whose input is rounded: none where weights alone are quantised."""
    if not is_unpacked(deployment):
        return ()
    groups = stated_quantization(deployment.model, deployment.scheme).get("config_groups")
    if not isinstance(groups, Mapping):
        return tuple(GROUPS)
    rounded = (isinstance(group, Mapping) and group.get("input_activations") for group in groups.values())
    return tuple(GROUPS) if any(rounded) else ()


def rounded_product(
    forward: Forward, matrix: Tensor, held: Held, rows: tuple[Factor, ...], result: Term
) -> Iterator[Moment]:
    """Moments of one product. `held`: all that is alive, the input with it; `result`: the output."""
    name = forward.deployment.scheme.format_name(forward.deployment.model, matrix, -1)
    inputs = width("inputs", matrix.columns)
    moment = f"input of {matrix.role} being rounded"
    if name == "fp8-tensor":  # with a scale that the checkpoint states, and no zero point
        steps = Factor("bytes per value", 7, Lever.ENGINE, "divided, clamped, in fp8, rounded")
        yield Moment(moment, (*held, Term("steps of rounding", (*rows, inputs, steps))), ROUNDING)
    else:
        size, scale = (FLOAT32, 9) if name == "nvfp4" else (forward.value, 3)
        steps = Factor("tensors", 4, Lever.ENGINE, "divided, rounded, less their zero points, scaled")
        groups = width("groups", -(-matrix.columns // GROUPS[name]) if GROUPS[name] else 1)
        scales = (*rows, groups, Factor("bytes", scale, Lever.ENGINE, "scale, zero point"))
        terms = (*held, Term("steps of rounding", (*rows, inputs, steps, size)), Term("scales of the input", scales))
        yield Moment(moment, terms, ROUNDING)
    copy = Term("rounded input", (*rows, inputs, forward.value))
    yield Moment(f"product with {matrix.role}", (*held, copy, result), ROUNDING)
