"""Kimi K3: a Kimi Linear language model with the MoonViT-3D vision tower."""

from __future__ import annotations

from ...model_shape import ModelShape, Tower
from ..config import Config
from ..family import Family
from ..kimi_linear import KIMI_LINEAR, kimi_linear
from .parts import Counted, matrix, required, scale

VISION_DEFAULTS = {
    "patch_size": 14, "init_pos_emb_height": 64, "init_pos_emb_width": 64, "vt_num_attention_heads": 12,
    "vt_num_hidden_layers": 27, "vt_hidden_size": 1024, "vt_intermediate_size": 4096, "qkv_hidden_size": 1536,
    "merge_kernel_size": (2, 2), "text_hidden_size": 7168,
}  # fmt: skip


def kimi_k3(config: Config) -> ModelShape:
    """Kimi Team 2026, arXiv:2607.24653; published modeling_kimi_k3.py.

    The checkpoint stores 128 decay rates in every recurrent layer, of which the 96 heads use as many as they are.
    """
    text, vision = required(config, "text_config", KIMI_LINEAR), required(config, "vision_config", VISION_DEFAULTS)
    config.ignore("ignore_index")
    text.section("quantization_config")
    towers = (Tower("vision", tuple(vision_tensors(vision))),)
    shape = kimi_linear(text, towers, correction_counted=True)  # a parameter in the published code
    text.refuse_unread()
    vision.refuse_unread()
    return shape


def vision_tensors(config: Config) -> Counted:
    """Patches, positions, blocks, and the projector, all without biases."""
    for key in ("attn_bias", "linear_bias", "patch_embed_proj_bias"):
        config.must_be(key, False)
    config.must_be("norm_type", "rmsnorm")
    config.must_be("mlp_type", "mlp2")
    config.must_be("merge_type", "sd2_tpool")
    config.must_be("mm_projector_type", "patchmergerv2")
    config.must_be("pos_emb_type", "divided_fixed")
    config.ignore("init_pos_emb_time", "vt_num_attention_heads")
    width, mlp = config.whole("vt_hidden_size"), config.whole("vt_intermediate_size")
    inner, blocks = config.whole("qkv_hidden_size"), config.whole("vt_num_hidden_layers")
    kernel = config.whole_list("merge_kernel_size")
    if len(kernel) != 2:
        raise config.error("merge_kernel_size", f"{list(kernel)} is not a height and a width", "check the file")
    merged = config.whole("mm_hidden_size", width) * kernel[0] * kernel[1]
    text = config.whole("text_hidden_size")
    yield from matrix("vision", 1, "patch_embed", width, 3 * config.whole("patch_size") ** 2)
    yield from matrix(
        "vision", 1, "pos_emb", config.whole("init_pos_emb_height") * config.whole("init_pos_emb_width"), width
    )
    for role in ("norm0", "norm1"):
        yield from scale("vision", blocks, role, width)
    yield from matrix("vision", blocks, "wqkv", 3 * inner, width)
    yield from matrix("vision", blocks, "wo", width, inner)
    yield from matrix("vision", blocks, "fc0", mlp, width)
    yield from matrix("vision", blocks, "fc1", width, mlp)
    yield from scale("vision", 1, "final_layernorm", width)
    yield from matrix("vision", 1, "mm_projector.proj.0", merged, merged)
    yield from matrix("vision", 1, "mm_projector.proj.2", text, merged)
    yield from scale("vision", 1, "mm_projector.post_norm", text)


FAMILIES = (Family("kimi_k3", kimi_k3, {}),)
