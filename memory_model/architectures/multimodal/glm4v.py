"""GLM-4.1V, GLM-4.5V and GLM-4.6V: GLM's language models with a vision transformer whose output a gated MLP merges."""

from __future__ import annotations

from ...model_shape import ModelShape
from ..config import Config
from ..family import Family
from ..glm import glm4, glm4_moe
from .encoder_layers import attention, blocks, gated_mlp, grid, heads
from .parts import Counted, beside, required, text_or_flat, text_section, weight


def glm4v(config: Config) -> ModelShape:
    """GLM-V Team 2025, arXiv:2507.01006; transformers modeling_glm4v.py, modeling_glm46v.py."""
    config.ignore("attention_bias")  # always there, stated by files without `text_config`
    text, vision = text_or_flat(config, TEXT), required(config, "vision_config", VISION)
    return beside(glm4v_text, text, vision, vision=glm4v_vision(vision))


def glm4v_moe(config: Config) -> ModelShape:
    """The same with experts: transformers modeling_glm4v_moe.py."""
    text, vision = text_section(config, MOE_TEXT, tied=False, either=True), required(config, "vision_config", VISION)
    return beside(glm4v_moe_text, text, vision, vision=glm4v_vision(vision))


def glm46v(config: Config) -> ModelShape:
    """GLM-4.6V: the wrapper takes either language model, and only its own key ties embeddings."""
    kind = required(config, "text_config", {}).text("model_type", "glm4v_text", ("glm4v_text", "glm4v_moe_text"))
    defaults, build = (TEXT, glm4v_text) if kind == "glm4v_text" else (MOE_TEXT, glm4v_moe_text)
    text, vision = text_section(config, defaults, tied=False), required(config, "vision_config", VISION)
    return beside(build, text, vision, vision=glm4v_vision(vision))


def glm_ocr(config: Config) -> ModelShape:
    """GLM-OCR (Zhipu AI 2026; transformers modeling_glm_ocr.py): normed heads in the tower, no biases in the text."""
    text, vision = (
        text_section(config, OCR_TEXT, tied=False, either=True),
        required(config, "vision_config", OCR_VISION),
    )
    return beside(glm_ocr_text, text, vision, vision=glm_ocr_vision(vision))


def glm_ocr_text(config: Config) -> ModelShape:
    """GLM-4 without biases, with heads of a size of their own where one is stated."""
    return glm4(config.changed(attention_bias=False))


def glm4v_text(config: Config) -> ModelShape:
    """GLM-4 with biases on queries, keys and values always, and heads that share the width."""
    config.ignore("attention_bias", "head_dim")
    return glm4(config.changed(head_dim=None, attention_bias=True))


def glm4v_moe_text(config: Config) -> ModelShape:
    """GLM-4.5 without norms of queries and keys; heads of hidden_size // heads unless stated."""
    config.must_be("use_qk_norm", False)
    head = config.optional("head_dim") or config.whole("hidden_size") // config.whole("num_attention_heads")
    return glm4_moe(config.changed(head_dim=head))


def glm4v_vision(config: Config) -> Counted:
    """Glm4vVisionModel: MLPs as wide as the output, squares merged by a convolution, then a gated MLP."""
    config.ignore("num_position_embeddings")
    width, layers, out = config.wholes("hidden_size", "depth", "out_hidden_size")
    heads(config, width, "num_heads")
    cube = config.whole("in_channels") * config.whole("temporal_patch_size") * config.whole("patch_size") ** 2
    yield from weight("position_embedding", grid(config), width)
    yield from weight("patch_embed", width, cube, bias=True)
    yield from weight("norm1 norm2", width, copies=layers)
    yield from attention(layers, width, qkv_bias=config.flag("attention_bias"), out_bias=False)
    yield from gated_mlp(layers, width, out)
    yield from weight("post_conv_layernorm post_layernorm", width)
    yield from weight("downsample", out, width * config.whole("spatial_merge_size") ** 2, bias=True)
    yield from weight("merger.proj", out, out)
    yield from weight("merger.post_projection_norm", out, bias=True)
    yield from gated_mlp(1, out, config.whole("intermediate_size"))


def glm_ocr_vision(config: Config) -> Counted:
    """GlmOcrVisionModel: rotary positions alone, biases, a merger of `in_channels` times the output's width.

    Glm5NextVisionModel: of a width of its own.
    """
    config.ignore("image_size")
    width, layers, out = config.wholes("hidden_size", "depth", "out_hidden_size")
    head, bias = width // heads(config, width, "num_heads"), config.flag("attention_bias")
    channels, frames = config.wholes("in_channels", "temporal_patch_size")
    cube = channels * frames * config.whole("patch_size") ** 2
    yield from weight("patch_embed", width, cube, bias=True)
    yield from blocks(
        layers, width, config.whole("intermediate_size"), qkv_bias=bias, out_bias=bias, mlp_bias=bias, norm_bias=False,
        gated=True,
    )  # fmt: skip
    yield from weight("q_norm k_norm", head, copies=layers)
    yield from weight("post_layernorm", width)
    yield from weight("downsample", out, width * config.whole("spatial_merge_size") ** 2, bias=True)
    yield from weight("merger.proj", out, out)
    yield from weight("merger.post_projection_norm", out, bias=True)
    yield from gated_mlp(1, out, config.whole("projection_intermediate_size", out * channels))


TEXT = {
    "model_type": "glm4v_text", "vocab_size": 151552, "hidden_size": 4096, "intermediate_size": 13696,
    "num_hidden_layers": 40, "num_attention_heads": 32, "num_key_value_heads": 2, "max_position_embeddings": 32768,
    "tie_word_embeddings": False,
}  # fmt: skip
MOE_TEXT = {
    "model_type": "glm4v_moe_text", "vocab_size": 151424, "hidden_size": 4096, "intermediate_size": 10944,
    "num_hidden_layers": 46, "num_attention_heads": 96, "num_key_value_heads": 8, "max_position_embeddings": 65536,
    "attention_bias": True, "moe_intermediate_size": 1408, "num_experts_per_tok": 8, "n_shared_experts": 1,
    "n_routed_experts": 128, "first_k_dense_replace": 1, "tie_word_embeddings": False, "partial_rotary_factor": 0.5,
}  # fmt: skip
VISION = {
    "depth": 24, "hidden_size": 1536, "num_heads": 12, "in_channels": 3, "image_size": 336, "patch_size": 14,
    "spatial_merge_size": 2, "temporal_patch_size": 2, "out_hidden_size": 4096, "intermediate_size": 13696,
}  # fmt: skip
OCR_TEXT = {
    "model_type": "glm_ocr_text", "vocab_size": 59392, "hidden_size": 1024, "intermediate_size": 4096,
    "num_hidden_layers": 16, "num_attention_heads": 16, "num_key_value_heads": 8, "max_position_embeddings": 131072,
    "tie_word_embeddings": False,
}  # fmt: skip
OCR_VISION = {
    "depth": 24, "hidden_size": 1024, "num_heads": 16, "in_channels": 3, "image_size": 336, "patch_size": 14,
    "spatial_merge_size": 2, "temporal_patch_size": 2, "out_hidden_size": 1536, "intermediate_size": 4096,
    "attention_bias": True,
}  # fmt: skip

FAMILIES = (
    Family("glm4v", glm4v, {}),
    Family("glm4v_text", glm4v_text, TEXT),
    Family("glm4v_moe", glm4v_moe, {}),
    Family("glm4v_moe_text", glm4v_moe_text, MOE_TEXT),
    Family("glm46v", glm46v, {}),
    Family("glmga", glm46v, {}),
    Family("glm_ocr", glm_ocr, {}),
    Family("glm_ocr_text", glm_ocr_text, OCR_TEXT),
)
