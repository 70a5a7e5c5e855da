"""Kimi K2 and K2.5: DeepSeek-V3's layers with more experts and fewer heads; K2.5 adds the MoonViT tower."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

from ..model_shape import ModelShape
from .config import Config
from .deepseek import FAMILIES as DEEPSEEK
from .deepseek import deepseek_v3
from .family import Family
from .multimodal.parts import Counted, beside, matrix, required, scale, text_section

DEEPSEEK_V3 = next(family.defaults for family in DEEPSEEK if family.model_type == "deepseek_v3")


def kimi_k2(config: Config) -> ModelShape:
    """Kimi Team 2025, arXiv:2507.20534; it runs DeepSeek-V3's code."""
    return replace(deepseek_v3(config), modeling="deepseek_v3")


def kimi_k25(config: Config) -> ModelShape:
    """Kimi Team 2026, arXiv:2602.02276; transformers modeling_kimi_k25.py."""
    required(config, "text_config", {}).text("model_type", "deepseek_v3", ("kimi_k2", "deepseek_v3"))
    text = text_section(config, {**DEEPSEEK_V3, "model_type": "deepseek_v3"})
    vision = required(config, "vision_config", VISION)
    config.ignore("projection_hidden_size", "projection_layer_norm_eps", "use_unified_vision_chunk", "ignore_index")
    return beside(kimi_k2, text, vision, vision=chain(_vision(vision), _projector(vision, text)))


def _vision(config: Config) -> Counted:
    """Positions over time are computed, those over height and width learned. Files use either of two spellings."""
    config.must_be("merge_type", "sd2_tpool")
    config.must_be("pos_emb_type", "divided_fixed")
    config.ignore("init_pos_emb_time", "pos_emb_time", "vt_num_attention_heads", "num_attention_heads")
    width = config.whole(config.spelled("vt_hidden_size", "hidden_size"))
    mlp = config.whole(config.spelled("vt_intermediate_size", "intermediate_size"))
    layers = config.whole(config.spelled("vt_num_hidden_layers", "num_hidden_layers"))
    height = config.whole(config.spelled("init_pos_emb_height", "pos_emb_height"))
    across = config.whole(config.spelled("init_pos_emb_width", "pos_emb_width"))
    yield from matrix("vision", 1, "patch_embed", width, 3 * config.whole("patch_size") ** 2, bias=True)
    yield from matrix("vision", 1, "pos_emb", height * across, width)
    for role in ("norm1", "norm2"):
        yield from scale("vision", layers, role, width, bias=True)
    for role in ("q_proj", "k_proj", "v_proj", "proj"):
        yield from matrix("vision", layers, role, width, width, bias=True)
    yield from matrix("vision", layers, "fc1", mlp, width, bias=True)
    yield from matrix("vision", layers, "fc2", width, mlp, bias=True)
    yield from scale("vision", 1, "final_layernorm", width, bias=True)


def _projector(config: Config, text: Config) -> Counted:
    config.must_be("mm_projector_type", "patchmerger")
    config.ignore("text_hidden_size")
    width = config.whole(config.spelled("mm_hidden_size", "vt_hidden_size", "hidden_size"))
    kernel = config.whole_list("merge_kernel_size") or (2, 2)
    merged = width * kernel[0] * kernel[-1]
    yield from scale("vision", 1, "projector.pre_norm", width, bias=True)
    yield from matrix("vision", 1, "projector.in_proj", merged, merged, bias=True)
    yield from matrix("vision", 1, "projector.out_proj", text.whole("hidden_size"), merged, bias=True)


VISION = {
    "vt_hidden_size": 1152, "vt_intermediate_size": 4304, "vt_num_hidden_layers": 27, "patch_size": 14,
    "init_pos_emb_height": 64, "init_pos_emb_width": 64, "mm_hidden_size": 1152,
}  # fmt: skip

FAMILIES = (Family("kimi_k2", kimi_k2, DEEPSEEK_V3), Family("kimi_k25", kimi_k25, {}))
