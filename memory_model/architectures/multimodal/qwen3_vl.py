"""Qwen3-VL: the Qwen3 language model with a vision tower whose middle layers feed the text's first layers too."""

from __future__ import annotations

from ...model_shape import ModelShape
from ..config import Config
from ..family import Family
from ..llama import qwen3, qwen3_moe
from .parts import Counted, beside, required, text_section, weight
from .qwen3_5 import VISION_DEFAULTS, vision_tensors


def qwen3_vl(config: Config) -> ModelShape:
    """Qwen Team 2025, arXiv:2511.21631; transformers modeling_qwen3_vl.py."""
    text, vision = text_section(config, TEXT), required(config, "vision_config", VISION_DEFAULTS)
    return beside(qwen3, text, vision=deepstack_vision(vision, "qwen3_vl"))


def qwen3_vl_moe(config: Config) -> ModelShape:
    """The same with experts: transformers modeling_qwen3_vl_moe.py."""
    text, vision = text_section(config, MOE_TEXT), required(config, "vision_config", VISION_DEFAULTS)
    return beside(qwen3_moe, text, vision=deepstack_vision(vision, "qwen3_vl_moe"))


def cosmos3_omni(config: Config) -> ModelShape:
    """NVIDIA 2026; transformers modeling_cosmos3_omni.py: Qwen3-VL under another name; what makes images is not loaded."""
    vision = required(config, "vision_config", {})
    return qwen3_vl(config.changed(vision_config={**vision.keys, "model_type": "qwen3_vl_vision"}))


def deepstack_vision(config: Config, model_type: str) -> Counted:
    """The tower, and a merger for each of `deepstack_visual_indexes`, its norm behind the merging."""
    plain = config.changed(deepstack_visual_indexes=None)
    yield from vision_tensors(plain, model_type)
    stated = config.raw("deepstack_visual_indexes")
    depth = 3 if stated is None else len(config.whole_list("deepstack_visual_indexes"))
    merged = config.whole("hidden_size") * config.whole("spatial_merge_size") ** 2
    yield from weight("deepstack.norm", merged, copies=depth, bias=True)
    yield from weight("deepstack.linear_fc1", merged, merged, copies=depth, bias=True)
    yield from weight("deepstack.linear_fc2", config.whole("out_hidden_size"), merged, copies=depth, bias=True)
    plain.refuse_unread()


TEXT = {
    "model_type": "qwen3_vl_text", "vocab_size": 151936, "hidden_size": 4096, "intermediate_size": 22016,
    "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 32, "head_dim": 128,
    "max_position_embeddings": 128000, "tie_word_embeddings": False,
}  # fmt: skip
MOE_TEXT = {
    "model_type": "qwen3_vl_moe_text", "vocab_size": 151936, "hidden_size": 2048, "intermediate_size": 5632,
    "num_hidden_layers": 24, "num_attention_heads": 16, "num_key_value_heads": 16, "max_position_embeddings": 128000,
    "decoder_sparse_step": 1, "moe_intermediate_size": 1408, "num_experts_per_tok": 4, "num_local_experts": 60,
    "tie_word_embeddings": False,
}  # fmt: skip

FAMILIES = (
    Family("qwen3_vl", qwen3_vl, {}),
    Family("qwen3_vl_text", qwen3, TEXT),
    Family("cosmos3_omni", cosmos3_omni, {}),
    Family("qwen3_vl_moe", qwen3_vl_moe, {}),
    Family("qwen3_vl_moe_text", qwen3_moe, MOE_TEXT | {"tie_word_embeddings": True}),
)
