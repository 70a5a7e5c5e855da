"""What is known of products with quantised matrices, by weight format: what was measured, what is assumed and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

from ...blocks.mlp import DenseBesideExperts, MixtureOfExperts
from ...deployment import Deployment
from ...model_shape import ModelShape
from ...precision import WeightScheme
from .fp8 import BEFORE_ADA, FP8, ONE_SCALE, may_use_deep_gemm
from .hqq import HQQ
from .marlin import MARLIN, is_chosen
from .modeling import code_of
from .products import gpu_decides
from .rounded_inputs import rounding_formats
from .unpacked import is_unpacked

FOUR_BITS = (
    "of bitsandbytes 0.50.2 with bnb_4bit_compute_dtype as the model's type: left at its default, float32, it makes "
    "unpacked matrices twice as large"
)
COMPRESSED = (
    "as compressed-tensors 0.20 leaves them: the first pass unpacks every matrix and keeps it in 16 bits, with its scales "
    "beside (experts are unpacked on loading, and keep none), unless use_optimized_inference is set and leaves FP8 as it is"
)
UNPACKED_RAN = "of compressed-tensors 0.20 with Triton, whose code ran; each matrix is unpacked before the first pass"
MARLIN_RAN = (
    "of gptqmodel 7.7.0's Marlin, whose Python ran with a kernel that allocated what its C++ does (gptq_marlin.cu)"
)
PARTIAL_SUMS = (
    "Marlin keeps partial sums for every multiprocessor of the GPU, 12 MiB at most: not counted without an NVIDIA device "
    "whose multiprocessors are known"
)
OTHER_KERNELS = (
    "counted as with gptqmodel's Marlin, which it takes where no kernel for this GPU can be built: Machete on Hopper, "
    "Swordfish and others elsewhere, whose workspaces are not known"
)
ORDERED = "a checkpoint with desc_act keeps a copy of the input of every product beside it: not counted"
STACKED = "experts are counted in 16 bits while they are multiplied: transformers replaces nn.Linear alone and does not load them quantised"
STATIC = (
    "counted with input scales that are found as they come, which was run; the kernel of the Hub refuses a fixed one together "
    "with one scale a matrix (kernels-community finegrained-fp8 matmul.py)"
)
LEFT = (
    "transformers replaces nn.Linear itself and no other class: it leaves every matrix of this model as it is, and weights "
    "take as much as in 16 bits"
)
UNPACKED = "on a GPU before compute capability 8.9 weights are unpacked on loading and take as much as in 16 bits"
DEEP_GEMM = (
    "on Hopper with a CUDA toolkit DeepGEMM casts the input of every product to fp8 first: the most counts, the least is "
    "without it"
)
HQQ_LOADED = (
    "of hqq 0.2.8 with its default backend, loaded by its own AutoHQQHFModel: transformers 5.23.0 itself refuses to quantise "
    "with an HqqConfig (quantizers/base.py get_quantize_ops)"
)
KERNELS = "of FP8Linear and FP8Experts, which ran with kernels of the Hub (finegrained-fp8) that allocated what their wrappers do"
NOTES = {
    "mxfp4": (
        "counted with kernels of the Hub that allocate as their Python does where the GPU splits no product: where a step has "
        "few rows it may, and each part is float32 (triton_kernels matmul_ogs.py init_allocation). Weights: it keeps the "
        "experts' biases in float32 (27 MB for 13 in gpt-oss-20b), and on Blackwell pads rows to 128 bytes. Without the "
        "packages kernels and triton all experts are unpacked on loading and take as much as in 16 bits "
        "(transformers quantizer_mxfp4.py)"
    ),
}
"""By weight scheme."""
OTHER = "what unpacking quantised weights takes is not counted"
CONDITIONS = {
    "nf4": FOUR_BITS,
    "nf4-dq": FOUR_BITS,
    "hqq-4bit": HQQ_LOADED,
    "awq-int4": MARLIN_RAN,
    "gptq-int4": MARLIN_RAN,
    "gptq-int8": MARLIN_RAN,
    "fp8": KERNELS,
    "fp8-block": KERNELS,
    "int8": "of bitsandbytes 0.50.2 with its threshold of 6, where no column holds outliers: each takes 2 bytes a token more",
}
"""What else the number rests on, for schemes whose products are counted."""


def conditions(deployment: Deployment) -> str:
    """What the activations rest on beside the modeling code."""
    return UNPACKED_RAN if is_unpacked(deployment) else CONDITIONS.get(deployment.scheme.name, "")


def doubts_about_products(deployment: Deployment) -> list[str]:
    """What of the products with quantised matrices was not measured."""
    name, unpacked = deployment.scheme.name, is_unpacked(deployment)
    if name not in CONDITIONS and not unpacked:
        return [NOTES.get(name, OTHER)]
    code = code_of(deployment.model)
    doubts = [code.unpacked_otherwise] if unpacked and code.unpacked_otherwise else []
    if unpacked and not rounding_formats(deployment):
        return doubts
    if not code.measured_quantised:
        doubts.append(f"{deployment.model.modeling} was not run with quantised weights")
    if _differ_by_layer(deployment.model, deployment.scheme):
        doubts.append("matrices that this checkpoint leaves in 16 bits are counted as if they were quantised too")
    if name in HQQ and code.head != "lm_head":
        doubts.append("HQQ quantises the head too, which is not called lm_head: counted in 16 bits")
    if name in MARLIN:
        doubts.extend(_doubts_about_marlin(deployment))
    if name in FP8 and not unpacked:
        doubts.extend(_doubts_about_fp8(deployment))
    elif gpu_decides(deployment):
        doubts.append(
            "for 5 to 1,536 rows the GPU decides whether bitsandbytes unpacks a matrix or multiplies by it as it is: the most counts"
        )
    return doubts


@lru_cache(maxsize=256)
def _differ_by_layer(model: ModelShape, scheme: WeightScheme) -> bool:
    """Whether like matrices of different layers are stored differently."""
    return scheme.by_layer and any(
        scheme.format_name(model, tensor, layer) != scheme.format_name(model, tensor, -1)
        for group in model.layers
        for tensor in group.tensors(model.hidden_size)
        for layer in group.layers
    )


def _doubts_about_marlin(deployment: Deployment) -> Iterator[str]:
    device, stated = deployment.device, deployment.model.config.get("quantization_config")
    if device is None or device.multiprocessors is None:
        yield PARTIAL_SUMS
    elif not is_chosen(deployment):
        yield OTHER_KERNELS
    if isinstance(stated, Mapping) and stated.get("desc_act"):
        yield ORDERED
    if any(isinstance(group.mlp, (MixtureOfExperts, DenseBesideExperts)) for group in deployment.model.layers):
        yield STACKED


def _doubts_about_fp8(deployment: Deployment) -> Iterator[str]:
    if code_of(deployment.model).linear != "nn.Linear":
        yield LEFT
    if deployment.device is not None and deployment.device.generation in BEFORE_ADA:
        yield UNPACKED
    if deployment.scheme.name == ONE_SCALE:
        yield STATIC
    if may_use_deep_gemm(deployment):
        yield DEEP_GEMM
