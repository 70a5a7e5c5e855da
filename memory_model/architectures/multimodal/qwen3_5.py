"""Qwen3.5 with its vision tower, which Qwen3-VL has as well."""

from __future__ import annotations

from ...model_shape import ModelShape
from ..config import Config
from ..family import Family
from ..qwen3_next import QWEN3_5, QWEN3_5_MOE, qwen3_5_moe_text, qwen3_5_text
from ..qwen4_exp import QWEN4_EXP, qwen4_exp_text
from .parts import Counted, beside, required, text_section, weight

VISION_DEFAULTS = {
    "depth": 27, "hidden_size": 1152, "intermediate_size": 4304, "num_heads": 16, "in_channels": 3, "patch_size": 16,
    "spatial_merge_size": 2, "temporal_patch_size": 2, "out_hidden_size": 3584, "num_position_embeddings": 2304,
}  # fmt: skip


def qwen3_5(config: Config) -> ModelShape:
    """Qwen Team 2026; transformers modeling_qwen3_5.py: multi-token prediction is in the checkpoint and not loaded."""
    text, vision = text_section(config, QWEN3_5, tied=False), required(config, "vision_config", VISION_DEFAULTS)
    return beside(qwen3_5_text, text, vision, vision=vision_tensors(vision, "qwen3_5"))


def qwen3_5_moe(config: Config) -> ModelShape:
    """The same with experts: transformers modeling_qwen3_5_moe.py."""
    text, vision = text_section(config, QWEN3_5_MOE, tied=False), required(config, "vision_config", VISION_DEFAULTS)
    return beside(qwen3_5_moe_text, text, vision, vision=vision_tensors(vision, "qwen3_5_moe"))


def qwen4_exp(config: Config) -> ModelShape:
    """The same tower beside Qwen4's language model: transformers modeling_qwen4_exp.py."""
    text, vision = text_section(config, QWEN4_EXP, tied=False), required(config, "vision_config", VISION_DEFAULTS)
    return beside(qwen4_exp_text, text, vision, vision=vision_tensors(vision, "qwen4_exp"))


def vision_tensors(config: Config, model_type: str) -> Counted:
    """Qwen3_5VisionModel: patches, positions, blocks, and the merger into the text's hidden size."""
    config.must_be("model_type", model_type, f"{model_type}_vision")
    config.must_be("deepstack_visual_indexes", [])
    config.whole("num_heads")
    width, mlp, blocks = config.wholes("hidden_size", "intermediate_size", "depth")
    patch = config.whole("in_channels") * config.whole("temporal_patch_size") * config.whole("patch_size") ** 2
    merged = width * config.whole("spatial_merge_size") ** 2
    yield from weight("patch_embed", width, patch, bias=True)
    yield from weight("pos_embed", config.whole("num_position_embeddings"), width)
    yield from weight("norm1 norm2", width, copies=blocks, bias=True)
    yield from weight("qkv", 3 * width, width, copies=blocks, bias=True)
    yield from weight("proj", width, width, copies=blocks, bias=True)
    yield from weight("linear_fc1", mlp, width, copies=blocks, bias=True)
    yield from weight("linear_fc2", width, mlp, copies=blocks, bias=True)
    yield from weight("merger.norm", width, bias=True)
    yield from weight("merger.linear_fc1", merged, merged, bias=True)
    yield from weight("merger.linear_fc2", config.whole("out_hidden_size"), merged, bias=True)


FAMILIES = (
    Family("qwen3_5", qwen3_5, {"text_config": {}, "vision_config": {}}),
    Family("qwen3_5_moe", qwen3_5_moe, {"text_config": {}, "vision_config": {}}),
    Family("qwen4_exp", qwen4_exp, {"text_config": {}, "vision_config": {}}),
)
