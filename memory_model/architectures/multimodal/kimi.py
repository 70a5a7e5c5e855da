"""Kimi K2.5 and K3: Kimi K2 and Kimi Linear with MoonViT, as it was first and as K3 has it."""

from __future__ import annotations

from functools import partial
from itertools import chain

from ...model_shape import ModelShape
from ..config import Config
from ..deepseek import DEEPSEEK_V3, kimi_k2
from ..family import Family
from ..kimi_linear import KIMI_LINEAR, kimi_linear
from .encoder_layers import gelu_mlp
from .parts import Counted, beside, required, text_section, weight

VISION = {
    "vt_hidden_size": 1152, "vt_intermediate_size": 4304, "vt_num_hidden_layers": 27, "patch_size": 14,
    "init_pos_emb_height": 64, "init_pos_emb_width": 64, "mm_hidden_size": 1152,
}  # fmt: skip
SPELLINGS = {
    "hidden_size": "vt_hidden_size", "intermediate_size": "vt_intermediate_size",
    "num_hidden_layers": "vt_num_hidden_layers", "pos_emb_height": "init_pos_emb_height",
    "pos_emb_width": "init_pos_emb_width",
}  # fmt: skip
"""Names of the class, and those of the first files."""
VISION3 = {
    "patch_size": 14, "init_pos_emb_height": 64, "init_pos_emb_width": 64, "vt_num_attention_heads": 12,
    "vt_num_hidden_layers": 27, "vt_hidden_size": 1024, "vt_intermediate_size": 4096, "qkv_hidden_size": 1536,
    "merge_kernel_size": (2, 2), "text_hidden_size": 7168,
}  # fmt: skip


def kimi_k25(config: Config) -> ModelShape:
    """Kimi Team 2026, arXiv:2602.02276; transformers modeling_kimi_k25.py."""
    required(config, "text_config", {}).text("model_type", "deepseek_v3", ("kimi_k2", "deepseek_v3"))
    text = text_section(config, {**DEEPSEEK_V3, "model_type": "deepseek_v3"})
    vision = required(config, "vision_config", VISION).renamed(**SPELLINGS)
    config.ignore("projection_hidden_size", "projection_layer_norm_eps", "use_unified_vision_chunk", "ignore_index")
    return beside(kimi_k2, text, vision, vision=chain(_moonvit(vision), _projector(vision, text)))


def _moonvit(config: Config) -> Counted:
    """Positions over time are computed, those over height and width learned."""
    config.must_be("merge_type", "sd2_tpool")
    config.must_be("pos_emb_type", "divided_fixed")
    config.ignore("init_pos_emb_time", "pos_emb_time", "vt_num_attention_heads", "num_attention_heads")
    width, mlp, layers = config.wholes("hidden_size", "intermediate_size", "num_hidden_layers")
    height, across = config.wholes("pos_emb_height", "pos_emb_width")
    yield from weight("patch_embed", width, 3 * config.whole("patch_size") ** 2, bias=True)
    yield from weight("pos_emb", height * across, width)
    yield from weight("norm1 norm2", width, copies=layers, bias=True)
    yield from weight("q_proj k_proj v_proj proj", width, width, copies=layers, bias=True)
    yield from gelu_mlp(layers, width, mlp)
    yield from weight("final_layernorm", width, bias=True)


def _projector(config: Config, text: Config) -> Counted:
    config.must_be("mm_projector_type", "patchmerger")
    config.ignore("text_hidden_size")
    width = config.whole(config.spelled("mm_hidden_size", "hidden_size"))
    kernel = config.whole_list("merge_kernel_size", 2) or (2, 2)
    merged = width * kernel[0] * kernel[-1]
    yield from weight("projector.pre_norm", width, bias=True)
    yield from weight("projector.in_proj", merged, merged, bias=True)
    yield from weight("projector.out_proj", text.whole("hidden_size"), merged, bias=True)


def kimi_k3(config: Config) -> ModelShape:
    """Kimi Team 2026, arXiv:2607.24653; published modeling_kimi_k3.py.

    The checkpoint stores 128 decay rates in every recurrent layer, of which the 96 heads use as many as they are.
    """
    config.ignore("ignore_index")
    text, vision = text_section(config, KIMI_LINEAR), required(config, "vision_config", VISION3)
    build = partial(kimi_linear, correction_counted=True)  # a parameter in the published code
    return beside(build, text, vision, vision=_moonvit_3d(vision))


def _moonvit_3d(config: Config) -> Counted:
    """Patches, positions, blocks, and the projector, all without biases."""
    for key in ("attn_bias", "linear_bias", "patch_embed_proj_bias"):
        config.must_be(key, False)
    config.must_be("norm_type", "rmsnorm")
    config.must_be("mlp_type", "mlp2")
    config.must_be("merge_type", "sd2_tpool")
    config.must_be("mm_projector_type", "patchmergerv2")
    config.must_be("pos_emb_type", "divided_fixed")
    config.ignore("init_pos_emb_time", "vt_num_attention_heads")
    width, mlp = config.wholes("vt_hidden_size", "vt_intermediate_size")
    inner, blocks = config.wholes("qkv_hidden_size", "vt_num_hidden_layers")
    kernel = config.whole_list("merge_kernel_size", 2) or (2, 2)
    merged = config.whole("mm_hidden_size", width) * kernel[0] * kernel[1]
    text = config.whole("text_hidden_size")
    yield from weight("patch_embed", width, 3 * config.whole("patch_size") ** 2)
    yield from weight("pos_emb", config.whole("init_pos_emb_height") * config.whole("init_pos_emb_width"), width)
    yield from weight("norm0 norm1", width, copies=blocks)
    yield from weight("wqkv", 3 * inner, width, copies=blocks)
    yield from weight("wo", width, inner, copies=blocks)
    yield from weight("fc0", mlp, width, copies=blocks)
    yield from weight("fc1", width, mlp, copies=blocks)
    yield from weight("final_layernorm", width)
    yield from weight("mm_projector.proj.0", merged, merged)
    yield from weight("mm_projector.proj.2", text, merged)
    yield from weight("mm_projector.post_norm", text)


FAMILIES = (Family("kimi_k25", kimi_k25, {}), Family("kimi_k3", kimi_k3, {}))
