"""LFM2-VL and LFM3-VL: SigLIP 2 for images of any aspect, or convolutions and attention, squares of patches through two
matrices, LFM2 or LFM3."""

from __future__ import annotations

from itertools import chain

from ...model_shape import ModelShape
from ..config import Config
from ..family import Family
from .encoder_layers import heads, projector
from .language_models import language_model, with_towers
from .parts import Counted, required, weight
from .vision_towers import vision_tower


def lfm2_vl(config: Config) -> ModelShape:
    """Liquid AI 2025, arXiv:2511.23404; transformers modeling_lfm2_vl.py. `tie_embedding` is the older, stronger name."""
    config.ignore("tile_size", "encoder_patch_size", "max_num_patches", "vision_feature_layer", "vocab_size")
    if "tie_embedding" in config.keys:
        config = config.changed(tie_word_embeddings=config.flag("tie_embedding"))
    text = language_model(config, "lfm2", tied=True)
    vision, tensors = vision_tower(config, "siglip2_vision_model")
    merged = vision.whole("hidden_size") * config.whole("downsample_factor", 2) ** 2
    return with_towers(text, vision, vision=chain(tensors, _projector(config, merged, text.whole("hidden_size"))))


def lfm3_vl(config: Config) -> ModelShape:
    """Liquid AI 2026; transformers modeling_lfm3_vl.py: a norm on each patch before patches are merged."""
    text = language_model(config, "lfm3", tied=True)
    vision = required(config, "vision_config", VISION)
    width = vision.whole("hidden_size")
    tensors = chain(_lfm3_encoder(vision, width), weight("projector.layer_norm", width, bias=True))
    merged, wide = width * vision.whole("spatial_merge_size") ** 2, config.whole("projector_hidden_size", 4096)
    bias, hidden_size = config.flag("projector_bias", True), text.whole("hidden_size")
    behind = projector(merged, wide, hidden_size, bias=bias)
    return with_towers(text, vision, vision=chain(tensors, behind))


def _lfm3_encoder(config: Config, width: int) -> Counted:
    layers, taps = config.wholes("num_hidden_layers", "conv_kernel_size")
    stated = config.names("layer_types", layers, ("conv", "full_attention"))
    plain = stated.count("full_attention") if stated else max(0, (layers - 1) // 2)
    head = width // heads(config, width)
    inside = config.whole("in_channels") * config.whole("temporal_patch_size") * config.whole("patch_size") ** 2
    yield from weight("patch_embed", width, inside)
    yield from weight("embedding_norm", width)
    yield from weight("conv.in_proj", 3 * width, width, copies=layers - plain)
    yield from weight("spatial_conv", width, taps * taps, copies=layers - plain)
    yield from weight("conv.out_proj", width, width, copies=layers - plain)
    yield from weight("q_proj out_proj", width, width, copies=plain)
    yield from weight("k_proj v_proj", config.whole("num_key_value_heads") * head, width, copies=plain)
    yield from weight("q_norm k_norm", head, copies=plain)
    yield from weight("operator_norm ffn_norm", width, copies=layers)
    yield from weight("w1 w2 w3", config.whole("intermediate_size"), width, copies=layers)


def _projector(config: Config, merged: int, hidden_size: int) -> Counted:
    wide, bias = config.whole("projector_hidden_size", 2560), config.flag("projector_bias", True)
    if config.flag("projector_use_layernorm", True):
        yield from weight("projector.layer_norm", merged, bias=True)
    yield from projector(merged, wide, hidden_size, bias=bias)


VISION = {
    "hidden_size": 1024, "intermediate_size": 2560, "in_channels": 3, "patch_size": 16, "spatial_merge_size": 2,
    "temporal_patch_size": 2, "num_hidden_layers": 14, "num_attention_heads": 16, "num_key_value_heads": 8,
    "conv_kernel_size": 3,
}  # fmt: skip

FAMILIES = (Family("lfm2_vl", lfm2_vl, {}), Family("lfm3_vl", lfm3_vl, {}))
