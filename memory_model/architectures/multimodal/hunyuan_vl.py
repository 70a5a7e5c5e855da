"""Hunyuan-VL and HunyuanOCR, and Fuyu: small towers before Hunyuan's and Persimmon's language models."""

from __future__ import annotations

from itertools import chain

from ...model_shape import ModelShape
from ..config import Config
from ..family import Family
from ..llama import LLAMA
from ..llama_variants import hunyuan_v1_dense
from .encoder_layers import blocks, heads, patches
from .language_models import language_model, with_towers
from .parts import Counted, beside, required, text_or_flat, weight


def hunyuan_vl(config: Config) -> ModelShape:
    """Tencent 2025, arXiv:2511.19575; transformers modeling_hunyuan_vl.py."""
    text = text_or_flat(config, TEXT, tied=True)
    vision = required(config, "vision_config", VISION)
    config.ignore(*FLAT)
    width, hidden_size = vision.whole("hidden_size"), text.whole("hidden_size")
    vision.must_be("out_hidden_size", hidden_size)
    vision.must_be("text_hidden_size", hidden_size)
    tower = chain(_encoder(vision, width), _merger(vision, width, hidden_size))
    return beside(hunyuan_v1_dense, text, vision, vision=tower)


def fuyu(config: Config) -> ModelShape:
    """Bavishi et al. 2023; transformers modeling_fuyu.py: patches are projected, and read like tokens."""
    config.ignore("image_size", "patch_size", "num_channels", "tie_word_embeddings", *FUYU_TEXT)
    if config.keys.get("text_config") is None:
        named = {key: config.keys[key] for key in FUYU_TEXT if key in config.keys}
        config = Config({**config.keys, "text_config": named}, config.where)
    text = language_model(config, "persimmon", known=("persimmon",))
    inside = config.whole("num_channels", 3) * config.whole("patch_size", 30) ** 2
    return with_towers(text, vision=weight("patch_embedding", text.whole("hidden_size"), inside, bias=True))


def _encoder(config: Config, width: int) -> Counted:
    """A position for each patch of the largest image, and one for a token that is never made."""
    config.must_be("num_key_value_heads", None, heads(config, width))
    config.ignore("img_max_token_num", "min_image_size", "max_vit_seq_len", "temporal_patch_size", "interpolate_mode")
    side = config.whole("max_image_size") // config.whole("patch_size")
    yield from patches(config, width, bias=True)
    yield from weight("position_embedding", side * side + 1, width)
    yield from blocks(config.whole("num_hidden_layers"), width, config.whole("intermediate_size"))


def _merger(config: Config, width: int, hidden_size: int) -> Counted:
    """Convolutions that merge squares of patches, and marks of rows and images."""
    yield from weight("proj_conv", 2 * width, width * config.whole("spatial_merge_size") ** 2, bias=True)
    yield from weight("proj_out", 4 * width, 2 * width, bias=True)
    yield from weight("mlp", hidden_size, 4 * width, bias=True)
    yield from weight("image_newline", 4 * width)
    yield from weight("image_mark", hidden_size, copies=3)
    yield from weight("before_rms", width)
    yield from weight("after_rms", hidden_size)


TEXT = LLAMA | {
    "model_type": "hunyuan_vl_text", "vocab_size": 290943, "tie_word_embeddings": True, "head_dim": None,
    "num_key_value_heads": None, "rope_parameters": None,
    "attention_bias": False, "rope_scaling": None,
}  # fmt: skip
FLAT = (
    "add_classification_head", "anyres_pooling_size", "anyres_vit_max_image_size", "anyres_vit_two_views",
    "attention_head_dim", "class_num", "enable_lm_head_fp32", "eod_token_id", "im_end_id", "im_newline_id", "im_start_id",
    "mask_init_id", "mlp_bias", "norm_type", "num_experts", "org_vocab_size", "pool_type", "position_embedding_xdrope",
    "routed_scaling_factor", "sep_token_id", "text_end_id", "text_start_id", "use_cla", "use_qk_norm",
)  # fmt: skip
"""Keys of HunyuanOCR's first files beside those of the language model, which the class does not read."""
VISION = {
    "hidden_size": 1152, "intermediate_size": 4304, "num_hidden_layers": 27, "num_attention_heads": 16,
    "num_channels": 3, "patch_size": 16, "spatial_merge_size": 2, "max_image_size": 2048,
}  # fmt: skip
FUYU_TEXT = (
    "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "hidden_act",
    "max_position_embeddings", "qk_layernorm", "rope_theta", "rope_parameters", "partial_rotary_factor",
)  # fmt: skip

FAMILIES = (
    Family("hunyuan_vl", hunyuan_vl, {}),
    Family("hunyuan_vl_text", hunyuan_v1_dense, TEXT),
    Family("fuyu", fuyu, {}),
)
