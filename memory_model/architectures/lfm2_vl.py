"""LFM2-VL: SigLIP 2 for images of any aspect, squares of patches through two matrices, LFM2."""

from __future__ import annotations

from itertools import chain

from ..model_shape import ModelShape
from .config import Config
from .family import Family
from .language_models import language_model, with_towers
from .multimodal import Counted, matrix, scale
from .vision_towers import vision_tower


def lfm2_vl(config: Config) -> ModelShape:
    """Liquid AI 2025, arXiv:2511.23404; transformers modeling_lfm2_vl.py. `tie_embedding` is the older, stronger name."""
    config.ignore("tile_size", "encoder_patch_size", "max_num_patches", "vision_feature_layer", "vocab_size")
    if "tie_embedding" in config.keys:
        tied = {"tie_word_embeddings": config.flag("tie_embedding")}
        read, config = config.read, Config({**config.keys, **tied}, config.where, config.defaults)
        config.read = read
    text = language_model(config, "lfm2", tied=True)
    vision, tensors = vision_tower(config, "siglip2_vision_model")
    merged = vision.whole("hidden_size") * config.whole("downsample_factor", 2) ** 2
    shape = with_towers(text, ("vision", chain(tensors, _projector(config, merged, text.whole("hidden_size")))))
    vision.refuse_unread()
    return shape


def _projector(config: Config, merged: int, hidden_size: int) -> Counted:
    wide, bias = config.whole("projector_hidden_size", 2560), config.flag("projector_bias", True)
    if config.flag("projector_use_layernorm", True):
        yield from scale("vision", 1, "projector.layer_norm", merged, bias=True)
    yield from matrix("vision", 1, "projector.linear_1", wide, merged, bias=bias)
    yield from matrix("vision", 1, "projector.linear_2", hidden_size, wide, bias=bias)


FAMILIES = (Family("lfm2_vl", lfm2_vl, {}),)
