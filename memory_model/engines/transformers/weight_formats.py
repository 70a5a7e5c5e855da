"""What is known of products with quantised matrices, by weight format: what was measured, what is assumed and why."""

from __future__ import annotations

from ...deployment import Deployment
from .products import gpu_decides

FOUR_BITS = (
    "of bitsandbytes 0.50.2 with bnb_4bit_compute_dtype as the model's type: left at its default, float32, it makes "
    "unpacked matrices twice as large"
)
COMPRESSED = (
    "compressed-tensors unpacks every matrix when it is first used, and keeps it: from then on weights take as much as in "
    "16 bits, unless FP8 runs with use_optimized_inference (transformers quantizer_compressed_tensors.py)"
)
GPTQMODEL = (
    "counted as with gptqmodel's Marlin kernel, which unpacks in registers and was not run; its torch fallback would "
    "unpack one matrix at a time"
)
FP8 = (
    "counted as with the fused kernel of the Hub, which quantises inputs in registers and was not run "
    "(integrations/finegrained_fp8.py); on GPUs before compute capability 8.9 weights are unpacked on loading"
)
NOTES = {
    "fp8": FP8,
    "fp8-block": f"{FP8}; on Hopper DeepGEMM makes an fp8 copy of each input first, which is not counted",
    "awq-int4": GPTQMODEL,
    "gptq-int4": GPTQMODEL,
    "gptq-int8": GPTQMODEL,
    "w4a16": COMPRESSED,
    "w8a8": COMPRESSED,
    "fp8-channel": COMPRESSED,
    "nvfp4": COMPRESSED,
    "hqq-4bit": "HQQLinear unpacks a matrix for each product (hqq core/quantize.py), which is not counted",
    "mxfp4": (
        "counted as with the Triton kernels of the Hub, which were not run; without the packages kernels and triton all "
        "experts are unpacked on loading and take as much as in 16 bits (transformers quantizer_mxfp4.py)"
    ),
}
"""By weight scheme."""
NOT_RUN = ("deepseek_v4", "deepseek_v32", "glm_moe_dsa", "recurrent_gemma", "mimo_v2_flash")
"""Types of which no row with quantised weights was measured, and whose blocks no measured type has."""
OTHER = "what unpacking quantised weights takes is not counted"
CONDITIONS = {
    "nf4": FOUR_BITS,
    "nf4-dq": FOUR_BITS,
    "int8": "of bitsandbytes 0.50.2 with its threshold of 6, where no column holds outliers: each takes 2 bytes a token more",
}
"""What else the number rests on, for schemes whose products are counted."""


def doubts_about_products(deployment: Deployment) -> list[str]:
    """What of the products with quantised matrices was not measured."""
    name = deployment.scheme.name
    if name not in CONDITIONS:
        return [NOTES.get(name, OTHER)]
    doubts = []
    if deployment.model.modeling in NOT_RUN:
        doubts.append(f"{deployment.model.modeling} was not run with quantised weights")
    if deployment.scheme.by_layer:
        doubts.append("matrices that this checkpoint leaves in 16 bits are counted as if they were unpacked too")
    if gpu_decides(deployment):
        doubts.append(
            "for 5 to 1,536 rows the GPU decides whether bitsandbytes unpacks a matrix or multiplies by it as it is: the most counts"
        )
    return doubts
