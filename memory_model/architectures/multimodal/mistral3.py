"""Mistral Small 3.1 and later, Ministral 3: a Mistral language model with the Pixtral vision tower."""

from __future__ import annotations

from itertools import chain

from ...model_shape import ModelShape
from ..config import Config
from ..family import Family
from .encoder_layers import blocks, projector
from .language_models import language_model, with_towers
from .parts import Counted, required, weight

PIXTRAL = {
    "hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16,
    "num_channels": 3, "image_size": 1024, "patch_size": 16,
}  # fmt: skip


def mistral3(config: Config) -> ModelShape:
    """Mistral AI 2025; transformers modeling_mistral3.py, whose text model may be any of Mistral's."""
    text = language_model(config, "mistral", known=("mistral", "ministral3", "mistral4"), tied=None)
    vision = required(config, "vision_config", PIXTRAL)
    return with_towers(text, vision, vision=chain(pixtral(vision), merging_projector(config, vision, text)))


def pixtral(config: Config) -> Counted:
    """Agrawal et al. 2024, arXiv:2410.07073; transformers modeling_pixtral.py: RMSNorms, gated MLPs, no biases."""
    config.must_be("model_type", "pixtral")
    config.ignore("image_size", "head_dim", "num_attention_heads", "vocab_size")
    width, mlp, layers = config.wholes("hidden_size", "intermediate_size", "num_hidden_layers")
    yield from weight("patch_conv", width, config.whole("num_channels") * config.whole("patch_size") ** 2)
    yield from weight("ln_pre", width)
    yield from blocks(layers, width, mlp, qkv_bias=False, out_bias=False, mlp_bias=False, norm_bias=False, gated=True)


def merging_projector(config: Config, vision: Config, text: Config) -> Counted:
    """Merges squares of patches, then two matrices into the text's width."""
    merged = config.whole("spatial_merge_size", 2) ** 2
    picked = config.raw("vision_feature_layer")
    layers = len(picked) if isinstance(picked, list) else 1
    bias = config.flag("multimodal_projector_bias")
    width, hidden_size = vision.whole("hidden_size"), text.whole("hidden_size")
    yield from weight("projector.norm", width)
    yield from weight("projector.patch_merger", width, width * merged)
    yield from projector(width * layers, hidden_size, hidden_size, bias=bias)


FAMILIES = (Family("mistral3", mistral3, {}),)
